import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { encodeModel, loadModel, type Model, type ModelFormat } from "../index.ts";

// Files that versions of Keras wrote: they are read, predict what Keras computed, train on, and come back from our own
// files bit for bit. The folders are not part of the repository; tests are skipped by name where they are absent.

interface FileTensor {
  readonly data: number[];
  readonly shape: number[];
}

interface Case {
  readonly file: string;
  readonly inputs: readonly FileTensor[];
  readonly output: FileTensor;
}

const asList = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

const oracle = process.env.GRADIENTE_ORACLE === undefined ? "" : join(process.env.GRADIENTE_ORACLE, "keras");
const data = process.env.GRADIENTE_DATA === undefined ? "" : join(process.env.GRADIENTE_DATA, "keras");

const saved: readonly Case[] = existsSync(join(oracle, "models.json.gz"))
  ? (
      JSON.parse(gunzipSync(readFileSync(join(oracle, "models.json.gz"))).toString()) as {
        readonly models: readonly { name: string; input: FileTensor | FileTensor[]; output: FileTensor }[];
      }
    ).models.flatMap(({ name, input, output }) =>
      ["h5", "keras"].map((ending) => ({
        file: join(oracle, "models", `${name}.${ending}`),
        inputs: asList(input),
        output,
      })),
    )
  : [];
const found: readonly Case[] = existsSync(join(data, "golden"))
  ? readdirSync(join(data, "golden")).map((name) => {
      const { inputs, outputs } = JSON.parse(readFileSync(join(data, "golden", name), "utf8")) as {
        inputs: FileTensor[];
        outputs: FileTensor[];
      };
      return { file: join(data, name.replace(/\.json$/, "")), inputs, output: outputs[0]! };
    })
  : [];
const cases = [...saved, ...found].map((c): readonly [string, Case] => [c.file.split("/").at(-1)!, c]);

const floats = ({ data: values, shape }: FileTensor) => ({ data: Float32Array.from(values), shape });
const predictions = async (model: Model, { inputs }: Case) => {
  const given = inputs.map(floats);
  return model.predict(given.length === 1 ? given[0]! : given);
};

async function expectGolden(model: Model, given: Case): Promise<void> {
  const { data: got, shape } = await predictions(model, given);
  expect(shape).toEqual(given.output.shape);
  const scale = Math.max(1, ...given.output.data.map(Math.abs));
  given.output.data.forEach((v, i) => void expect(Math.abs(got[i]! - v)).toBeLessThanOrEqual(1e-5 * scale));
}

/** Weights and everything the optimizer keeps. */
function stateOf(model: Model): unknown {
  const optimizer = model.compiled?.optimizer;
  return {
    config: JSON.stringify(model.getConfig()),
    weights: model.getWeights().map((w) => w.toArray()),
    steps: optimizer?.steps,
    rate: optimizer?.learningRate,
    optimizer: optimizer?.getConfig(),
    arrays: optimizer?.arrays(model.trainableWeights).map(({ name, value }) => [name, value.toArray()]),
    losses: model.compiled?.losses.map((l) => l.getConfig()),
    metrics: JSON.stringify(model.compiled?.options.metrics ?? []),
  };
}

/** One step towards what the model predicts now, moved a little; classes where the loss takes them. */
async function trainStep(model: Model, given: Case): Promise<number> {
  if (model.compiled === null) model.compile({ loss: "mse", optimizer: "adam" });
  const y = await predictions(model, given);
  const sparse = model.compiled!.losses[0]!.className === "SparseCategoricalCrossentropy";
  const target = sparse
    ? { data: Float32Array.from({ length: y.shape[0]! }, (_, i) => i % y.shape.at(-1)!), shape: [y.shape[0]!] }
    : { data: Float32Array.from(y.data, (v, i) => v + 0.1 * ((i % 3) - 1)), shape: y.shape };
  const inputs = given.inputs.map(floats);
  return model.trainOnBatch(inputs.length === 1 ? inputs[0]! : inputs, target).loss;
}

const formats: readonly ModelFormat[] = ["keras", "h5"];

describe.skipIf(cases.length === 0)("files of Keras (GRADIENTE_ORACLE, GRADIENTE_DATA)", () => {
  it("are there in every format", () => {
    expect(saved.length).toBeGreaterThanOrEqual(18);
    expect(found.length).toBeGreaterThanOrEqual(5);
  });

  it.each(cases)("%s predicts what Keras did, trains on, and comes back from our files", async (_, given) => {
    const warnings: string[] = [];
    const model = await loadModel(given.file, { onWarning: (w) => warnings.push(w) });
    expect(warnings).toEqual([]);
    await expectGolden(model, given);
    for (const format of formats) {
      const bytes = await encodeModel(model, format);
      const again = await loadModel(bytes);
      expect(stateOf(again)).toEqual(stateOf(model));
      expect((await predictions(again, given)).data).toEqual((await predictions(model, given)).data);
      expect(await encodeModel(again, format)).toEqual(bytes);
    }
    const weights = await encodeModel(model, "weights.h5");
    expect(Number.isFinite(await trainStep(model, given))).toBe(true);
    // Trained on, both formats bring back the same further course.
    const copies = await Promise.all(formats.map(async (format) => loadModel(await encodeModel(model, format))));
    for (const m of [model, ...copies]) m.reseed(3);
    const losses = [];
    for (const m of [model, ...copies]) losses.push(await trainStep(m, given));
    expect(losses).toEqual([losses[0], losses[0], losses[0]]);
    for (const copy of copies) expect(stateOf(copy)).toEqual(stateOf(model));
    // Weights alone bring back what was there before.
    await model.loadWeights(weights);
    await expectGolden(model, given);
  });

  it.each(
    saved.filter((c) => c.file.endsWith(".keras")).map((c): readonly [string, Case] => [c.file.split("/").at(-1)!, c]),
  )("%s has the weights of its .weights.h5", async (_, given) => {
    const model = await loadModel(given.file, { compile: false });
    for (const w of model.weights) w.value.write(new Float32Array(w.value.size));
    await model.loadWeights(given.file.replace(/\.keras$/, ".weights.h5"));
    await expectGolden(model, given);
    await model.loadWeights(given.file.replace(/\.keras$/, ".h5"));
    await model.loadWeights(given.file);
    await expectGolden(model, given);
  });

  it.skipIf(found.length === 0)("an unbuilt model without weights", async () => {
    const name = "kerasnet_unbuilt_noweights_flatten_dense_dropout.h5";
    const model = await loadModel(join(data, name));
    expect(model.built).toBe(false);
    expect(model.layers.map((l) => l.className)).toEqual(["Flatten", "Dense", "Dropout", "Dense"]);
  });
});
