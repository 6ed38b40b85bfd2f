import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { FileError, tensor } from "@gradiente/autograd";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Dense, Dropout, Flatten, loadModel, ModelFileError, Sequential, SGD } from "../index.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gradiente-nn-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const x = tensor([
  [
    [0.1, 0.2],
    [0.3, 0.4],
  ],
  [
    [0.5, -0.6],
    [0.7, 0.8],
  ],
]);

async function trained(): Promise<Sequential> {
  const model = new Sequential(
    [
      new Flatten({ inputShape: [2, 2] }),
      new Dense(3, { activation: "relu" }),
      new Dropout(0.2),
      new Dense(2, { activation: "softmax" }),
    ],
    { seed: 4 },
  );
  model.compile({
    loss: "sparse_categorical_crossentropy",
    optimizer: new SGD({ learningRate: 0.1, momentum: 0.9 }),
    metrics: ["accuracy"],
  });
  await model.fit(x, [0, 1], { epochs: 3, verbose: 0 });
  return model;
}

describe("save and loadModel", () => {
  it("gives back identical predictions, losses and further training", async () => {
    const model = await trained();
    const path = join(folder, "my_model.h5");
    await model.save(path);
    const again = await loadModel(path);
    expect((await again.predict(x)).toArray()).toEqual((await model.predict(x)).toArray());
    expect(await again.evaluate(x, [0, 1])).toEqual(await model.evaluate(x, [0, 1]));
    expect(again.layers.map((l) => l.name)).toEqual(["flatten", "dense", "dropout", "dense_1"]);
    for (const m of [model, again]) await m.fit(x, [0, 1], { epochs: 2, verbose: 0, seed: 1, shuffle: false });
    expect(again.getWeights().map((w) => w.toArray())).toEqual(model.getWeights().map((w) => w.toArray()));
    expect(readdirSync(folder).filter((f) => f.endsWith(".tmp"))).toEqual([]);
  });

  it("refuses files that are missing, cut short or something else", async () => {
    await expect(loadModel(join(folder, "nothing.h5"))).rejects.toThrow(ModelFileError);
    const other = join(folder, "other.h5");
    writeFileSync(other, "not a model");
    await expect(loadModel(other)).rejects.toThrow(/neither as HDF5 nor as a ZIP/);
    const model = await trained();
    const whole = join(folder, "whole.h5");
    await model.save(whole);
    const cut = join(folder, "cut.h5");
    writeFileSync(cut, readFileSync(whole).subarray(0, 3000));
    await expect(loadModel(cut)).rejects.toThrow(ModelFileError);
    await expect(model.save(join(folder, "no", "such", "folder.h5"))).rejects.toThrow(FileError);
    await expect(model.save(join(folder, "model.txt"))).rejects.toThrow(/format/);
  });

  interface FileTensor {
    readonly data: number[];
    readonly shape: number[];
  }
  const oracle = process.env.GRADIENTE_ORACLE;
  const models = oracle === undefined ? "" : join(oracle, "keras", "models.json.gz");
  it.skipIf(!existsSync(models))("predicts as Keras does with models that Keras saved (GRADIENTE_ORACLE)", async () => {
    const file = JSON.parse(gunzipSync(readFileSync(models)).toString()) as { models: unknown };
    const list = (
      Array.isArray(file)
        ? file
        : (file.models ?? Object.entries(file).map(([name, m]) => ({ name, ...(m as object) })))
    ) as {
      name: string;
      input: FileTensor | FileTensor[];
      output: { data: number[]; shape: number[] };
    }[];
    for (const { name, input, output } of list) {
      const model = await loadModel(join(oracle!, "keras", "models", `${name}.h5`));
      const inputs = (Array.isArray(input) ? input : [input]).map((t) => ({
        data: Float32Array.from(t.data),
        shape: t.shape,
      }));
      const got = await model.predict(inputs.length === 1 ? inputs[0]! : inputs);
      expect(got.shape).toEqual(output.shape);
      got.data.forEach(
        (v, i) => void expect(Math.abs(v - output.data[i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(v))),
      );
    }
  });

  const data = process.env.GRADIENTE_DATA;
  const golden = data === undefined ? "" : join(data, "keras", "golden");
  it.skipIf(!existsSync(golden))("reads what versions of Keras and other people wrote (GRADIENTE_DATA)", async () => {
    const read = [];
    for (const name of readdirSync(golden)) {
      if (!name.endsWith(".h5.json")) continue;
      const { inputs, outputs } = JSON.parse(readFileSync(join(golden, name), "utf8")) as {
        inputs: FileTensor[];
        outputs: FileTensor[];
      };
      const model = await loadModel(join(data!, "keras", name.replace(/\.json$/, "")));
      const got = await model.predict({ data: Float32Array.from(inputs[0]!.data), shape: inputs[0]!.shape });
      const expected = outputs[0]!;
      expect(got.shape).toEqual(expected.shape);
      const scale = Math.max(1, ...expected.data.map(Math.abs));
      got.data.forEach((v, i) => void expect(Math.abs(v - expected.data[i]!)).toBeLessThan(1e-5 * scale));
      read.push(name);
    }
    expect(read.length).toBeGreaterThan(0);
  });
});
