// Compiled and run in an empty project into which the packed packages were installed.
import { grad, manualSeed, type Tensor, tensor } from "@gradiente/autograd";
import { Dataset, type NdArray } from "@gradiente/datasets";
import { Dense, Sequential } from "@gradiente/nn";

const slope: (x: Tensor) => Tensor = grad((x: Tensor) => x.pow(3).sum());
const found = slope(tensor([1, 2], { dtype: "float64" })).data;
if (found.join() !== "3,12") throw new Error(`the gradient is ${found}`);

manualSeed(7);
const x: NdArray<Float32Array> = { data: Float32Array.from({ length: 128 }, (_, i) => Math.sin(i)), shape: [64, 2] };
const y: NdArray<Float32Array> = {
  data: Float32Array.from({ length: 64 }, (_, i) => 3 * x.data[2 * i]! - x.data[2 * i + 1]!),
  shape: [64, 1],
};
const model = new Sequential([new Dense(1, { inputShape: [2] })]);
model.compile({ loss: "mean_squared_error", optimizer: "sgd" });
const { history } = await model.fit(x, y, { epochs: 5, batchSize: 8, verbose: 0 });
const losses = history.loss ?? [];
if (losses.length !== 5 || !(losses[4]! < losses[0]!)) throw new Error(`the losses are ${losses}`);

const batches = await Dataset.fromArrays({ x, y }).batch(16).toList();
if (batches.length !== 4) throw new Error(`there are ${batches.length} batches`);
console.log(`trained: loss ${losses[0]!.toFixed(3)} to ${losses[4]!.toFixed(3)}`);
