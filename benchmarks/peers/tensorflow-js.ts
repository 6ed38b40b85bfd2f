/**
 * The training step of the 784-300-100-10 network in TensorFlow.js on its WebAssembly backend. Prints, for each case, a
 * line of JSON: library, case, milliseconds. A process of its own, so that its memory and threads disturb no one.
 */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { report } from "./report.ts";

setWasmPaths(`${process.argv[2]}/`);
async function main(): Promise<void> {
  await tf.setBackend("wasm");
  await tf.ready();

  for (const [name, make] of [
    ["SGD", () => tf.train.sgd(0.01)],
    ["Adam", () => tf.train.adam(0.001)],
  ] as const) {
    for (const batch of [32, 128]) {
      const weights = [784, 300, 100].map((rows, i) => tf.randomNormal([rows, [300, 100, 10][i]!], 0, 0.05).variable());
      const biases = [300, 100, 10].map((n) => tf.zeros([n]).variable());
      const x = tf.randomUniform([batch, 784]) as tf.Tensor2D;
      const y = tf.oneHot(
        Array.from({ length: batch }, (_, i) => i % 10),
        10,
      );
      const optimizer = make();
      const loss = (): tf.Scalar => {
        let h: tf.Tensor = x;
        weights.forEach((w, i) => {
          h = tf.add(tf.matMul(h as tf.Tensor2D, w as unknown as tf.Tensor2D), biases[i]!);
          if (i < 2) h = tf.relu(h);
        });
        return tf.losses.softmaxCrossEntropy(y, h as tf.Tensor2D) as tf.Scalar;
      };
      report("TensorFlow.js (wasm)", `${name}, batch ${batch}`, () => {
        optimizer.minimize(loss)?.dispose();
      });
      for (const t of [...weights, ...biases, x, y]) t.dispose();
    }
  }
}

void main();
