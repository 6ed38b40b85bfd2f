/** Files of models that are damaged: HDF5 and archives, from outside and from within. */
import * as nn from "@gradiente/nn";
import { Draws, damaged, damagedJson } from "./damage.ts";
import { rewritten } from "./hdf5.ts";
import { digest, hash, type Subject } from "./subject.ts";
import { type ArchiveEntry, archiveOf, damagedEntries } from "./zip.ts";

function graph(): nn.Model {
  const x = nn.input({ shape: [3, 2] });
  const h = new nn.BatchNormalization().apply(new nn.LSTM(3).apply(x));
  const inner = new nn.Sequential([new nn.Dense(3, { inputShape: [3], activation: "elu" })], { name: "inner" });
  const outputs = new nn.Add().apply([h, new nn.Dense(3, { kernelRegularizer: "l2" }).apply(inner.apply(h))]);
  const model = nn.functional({ inputs: x, outputs, seed: 2 });
  model.compile({ loss: "mse", optimizer: new nn.Nadam(), metrics: ["mae", new nn.AUC({ numThresholds: 9 })] });
  const zeros = { data: new Float32Array(6), shape: [2, 3] };
  model.trainOnBatch({ data: new Float32Array(12).fill(0.3), shape: [2, 3, 2] }, zeros);
  return model;
}

function stack(): nn.Model {
  const model = new nn.Sequential(
    [
      new nn.InputLayer({ shape: [5, 4] }),
      new nn.Bidirectional(new nn.GRU(2, { returnSequences: true })),
      new nn.Conv1D(3, 2, { padding: "same", kernelInitializer: new nn.Orthogonal() }),
      new nn.TimeDistributed(new nn.Dense(2)),
      new nn.Reshape([2, 5]),
      new nn.UpSampling1D(2),
      new nn.GlobalAveragePooling1D(),
      new nn.Dense(2, { activation: "softmax" }),
    ],
    { seed: 3 },
  );
  const rate = new nn.ExponentialDecay({ initialLearningRate: 0.1, decaySteps: 5, decayRate: 0.9 });
  model.compile({
    loss: "categorical_crossentropy",
    optimizer: new nn.SGD({ learningRate: rate }),
    metrics: ["accuracy"],
  });
  return model;
}

const weightsOf = (model: nn.Model): string => digest(model.stateDict());
const readModel = async (bytes: Uint8Array): Promise<string> => {
  const model = await nn.loadModel(bytes, { onWarning: () => {} });
  // No more weights than the file has numbers.
  if (model.countParams() > bytes.length) throw new Error(`${model.countParams()} weights of ${bytes.length} bytes`);
  const { optimizer } = model.compiled ?? {};
  // Compressed files' contents are told by everything that was in them.
  const state = optimizer?.arrays(model.trainableWeights).map(({ value }) => new Uint8Array(value.data.slice().buffer));
  return hash([JSON.stringify(model.getConfig()), weightsOf(model), String(optimizer?.steps), ...(state ?? [])]);
};

/** Files of models as HDF5: as they are written here, in pieces, and in the newer layout. */
async function hdf5Files(format: "h5" | "weights.h5", make: () => nn.Model, draws: Draws): Promise<Uint8Array[]> {
  const bytes = await nn.encodeModel(make(), format);
  return [bytes, await rewritten(bytes, draws, 0), await rewritten(bytes, draws, 0), await rewritten(bytes, draws, 0)];
}

/** The contents of the files in an archive that models are saved in. */
async function archiveFiles(bytes: Uint8Array): Promise<Map<string, Uint8Array>> {
  const { unzipSync } = await import("fflate");
  return new Map(Object.entries(unzipSync(bytes)));
}

/** Prepared once, because damaging a file's structure takes the HDF5 library some time. */
interface Prepared {
  readonly h5: readonly Uint8Array[];
  readonly weights: readonly Uint8Array[];
  readonly keras: readonly Uint8Array[];
  readonly contents: readonly Map<string, Uint8Array>[];
}
let prepared: Promise<Prepared> | null = null;
const prepare = (): Promise<Prepared> => {
  prepared ??= (async () => {
    const draws = new Draws(1);
    const keras = [await nn.encodeModel(graph()), await nn.encodeModel(stack())];
    return {
      h5: [...(await hdf5Files("h5", graph, draws)), ...(await hdf5Files("h5", stack, draws))],
      weights: [...(await hdf5Files("weights.h5", graph, draws)), ...(await hdf5Files("weights.h5", graph, draws))],
      keras,
      contents: await Promise.all(keras.map(archiveFiles)),
    };
  })();
  return prepared;
};

let filled: nn.Model | null = null;

export const modelFiles: readonly Subject[] = [
  { name: "h5", originals: async () => (await prepare()).h5, read: readModel },
  {
    name: "h5, written again",
    originals: async () => (await prepare()).h5,
    damage: (file, _, draws) => rewritten(file, draws, draws.one([0.004, 0.015, 0.05])),
    read: readModel,
  },
  {
    name: "weights.h5",
    originals: async () => (await prepare()).weights,
    async read(bytes) {
      filled ??= graph();
      await filled.loadWeights(bytes);
      return weightsOf(filled);
    },
  },
  {
    name: "keras",
    originals: async () => (await prepare()).keras,
    async damage(file, other, draws) {
      if (draws.next() < 0.5) return damaged(file, other, draws);
      const { contents } = await prepare();
      const entries = [...draws.one(contents)].map(
        ([name, content]): ArchiveEntry => ({ name, content, compress: draws.next() < 0.3 }),
      );
      return archiveOf(damagedEntries(entries, draws));
    },
    read: readModel,
    checked: true,
  },
  {
    name: "keras, within",
    originals: async () => (await prepare()).keras,
    async damage(_, __, draws) {
      const { contents } = await prepare();
      const [own, other] = [draws.one(contents), draws.one(contents)];
      const chosen = draws.next() < 0.7 ? "config.json" : "model.weights.h5";
      const entries = [...own].map(([name, content]): ArchiveEntry => {
        if (name !== chosen) return { name, content };
        if (chosen !== "config.json" || draws.next() < 0.1)
          return { name, content: damaged(content, other.get(name)!, draws) };
        return { name, content: new TextEncoder().encode(damagedJson(new TextDecoder().decode(content), draws)) };
      });
      return archiveOf(entries);
    },
    read: readModel,
  },
];
