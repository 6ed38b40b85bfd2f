// Runs in the project into which the packed packages were installed: models, tensors and runs go to files and come back.
// What reads and writes files is loaded only then, so that nothing else here proves that it was packed.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTensors, saveTensors, tensor } from "@gradiente/autograd";
import { BackupAndRestore, Dense, loadModel, ModelCheckpoint, Sequential } from "@gradiente/nn";

const folder = await mkdtemp(join(tmpdir(), "consumer-"));
const same = (what, found, expected) => {
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`${what}: ${found} instead of ${expected}`);
};
try {
  const make = () => {
    const model = new Sequential([new Dense(3, { inputShape: [2], activation: "tanh" }), new Dense(1)], { seed: 1 });
    model.compile({ loss: "mse", optimizer: "adam", metrics: ["mae"] });
    return model;
  };
  const [x, y] = [
    [
      [0, 1],
      [2, 3],
      [4, 5],
    ],
    [1, 2, 3],
  ];
  const model = make();
  const run = join(folder, "{epoch}.ckpt");
  const callbacks = [new BackupAndRestore(join(folder, "backup")), new ModelCheckpoint(run)];
  await model.fit(x, y, { epochs: 2, verbose: 0, callbacks });
  const expected = (await model.predict(x)).toArray();
  for (const ending of ["keras", "h5"]) {
    const path = join(folder, `model.${ending}`);
    await model.save(path);
    same(ending, (await (await loadModel(path)).predict(x)).toArray(), expected);
  }
  for (const ending of ["weights.h5", "safetensors"]) {
    const path = join(folder, `model.${ending}`);
    await model.save(path);
    const other = make();
    await other.loadWeights(path);
    same(ending, (await other.predict(x)).toArray(), expected);
  }
  const resumed = make();
  await resumed.fit(x, y, {
    epochs: 2,
    verbose: 0,
    resumeFrom: join(folder, "1.ckpt"),
    callbacks: [new BackupAndRestore(join(folder, "backup")), new ModelCheckpoint(run)],
  });
  same("ckpt", (await resumed.predict(x)).toArray(), expected);
  await model.export(join(folder, "model.onnx"));
  for (const [name, options] of [
    ["a.npz", {}],
    ["b.npz", { compress: true }],
    ["c.npy", {}],
    ["d.safetensors", {}],
  ]) {
    await saveTensors(join(folder, name), { tensor: tensor([1.5, 2]) }, options);
    same(name, (await loadTensors(join(folder, name))).tensor.toArray(), [1.5, 2]);
  }
  console.log(`${(await readdir(folder)).length} files written; what was read back is the same`);
} finally {
  await rm(folder, { recursive: true });
}
