import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
});
