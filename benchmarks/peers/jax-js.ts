/**
 * The training step of the 784-300-100-10 network in jax-js on its WebAssembly backend, compiled with jit. Prints, for
 * each case, a line of JSON: library, case, milliseconds. A process of its own, so that its memory and threads disturb
 * no one.
 */
import { defaultDevice, init, jit, nn, numpy as np, random, valueAndGrad } from "@jax-js/jax";
import { report } from "./report.ts";

await init("wasm");
defaultDevice("wasm");

type Params = { weights: np.Array[]; biases: np.Array[] };

const sizes = [784, 300, 100, 10];

function loss({ weights, biases }: Params, x: np.Array, y: np.Array): np.Array {
  let h = x;
  weights.forEach((w, i) => {
    h = np.add(np.matmul(h, w), biases[i]!);
    if (i < 2) h = nn.relu(h);
  });
  return np.negative(np.mean(np.sum(np.multiply(y, nn.logSoftmax(h)), -1)));
}

const step = jit((params: Params, x: np.Array, y: np.Array): Params => {
  const [value, slopes] = valueAndGrad(loss)(
    {
      weights: params.weights.map((w) => w.ref),
      biases: params.biases.map((b) => b.ref),
    },
    x,
    y,
  ) as [np.Array, Params];
  value.dispose();
  const moved = (p: np.Array, i: number, all: np.Array[]): np.Array => np.subtract(p, np.multiply(all[i]!, 0.01));
  return {
    weights: params.weights.map((w, i) => moved(w, i, slopes.weights)),
    biases: params.biases.map((b, i) => moved(b, i, slopes.biases)),
  };
});

for (const batch of [32, 128]) {
  const key = random.key(0);
  let params: Params = {
    weights: sizes.slice(1).map((n, i) => np.multiply(random.normal(key.ref, [sizes[i]!, n]), 0.05)),
    biases: sizes.slice(1).map((n) => np.zeros([n])),
  };
  const x = random.uniform(key, [batch, 784]);
  const y = nn.oneHot(
    np.array(
      Int32Array.from({ length: batch }, (_, i) => i % 10),
      { dtype: np.int32 },
    ),
    10,
  );
  report("jax-js (wasm, jit)", `SGD, batch ${batch}`, () => {
    params = step(params, x.ref, y.ref);
    // Nothing is computed before it is asked for.
    params.biases[2]!.ref.dataSync();
  });
}
process.exit(0);
