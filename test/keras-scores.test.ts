import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gradients, type Tensor, tensor } from "@gradiente/autograd";
import * as nn from "@gradiente/nn";
import { describe, expect, it } from "vitest";

/* Small cases of losses and metrics that Keras computed (scripts/keras-scores.py), in float32. */

interface FileTensor {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
  readonly data: readonly number[];
}

interface LossCase {
  readonly kind: "loss";
  readonly name: string;
  readonly config: nn.Config;
  readonly yTrue: FileTensor;
  readonly yPred: FileTensor;
  readonly sampleWeight?: FileTensor;
  readonly value: FileTensor;
  readonly gradient: FileTensor;
}

interface MetricCase {
  readonly kind: "metric";
  readonly name: string;
  readonly config: nn.Config;
  readonly updates: readonly (readonly FileTensor[])[];
  readonly result: number;
}

const path = join(import.meta.dirname, "vectors/keras-scores.json");
const cases: readonly (LossCase | MetricCase)[] = JSON.parse(readFileSync(path, "utf8"));
const titled = <C extends LossCase | MetricCase>(kind: C["kind"]) =>
  cases.flatMap((c, i) => (c.kind === kind ? [[`${i}: ${c.name} ${JSON.stringify(c.config)}`, c as C] as const] : []));

function read({ shape, dtype, data }: FileTensor, requiresGrad = false): Tensor {
  const values = dtype === "float32" ? Float32Array.from(data) : Int32Array.from(data);
  return tensor({ data: values, shape }, { requiresGrad });
}

function agree(what: string, got: Tensor, expected: FileTensor): void {
  expect(got.shape, what).toEqual(expected.shape);
  const scale = Math.max(1e-2, ...expected.data.map(Math.abs));
  const { data } = got;
  expected.data.forEach((wanted, i) => {
    if (!(Math.abs(data[i]! - wanted) <= 1e-5 * scale)) {
      throw new Error(`${what}[${i}] is ${data[i]}, Keras has ${wanted} (scale ${scale})`);
    }
  });
}

describe("losses, compared with Keras", () => {
  it.each(titled<LossCase>("loss"))("%s", (_, c) => {
    const loss = nn.getLoss({ class_name: c.name, config: c.config });
    const yPred = read(c.yPred, true);
    const value = loss.apply(read(c.yTrue), yPred, c.sampleWeight === undefined ? null : read(c.sampleWeight));
    agree("value", value, c.value);
    agree("gradient", gradients(value.sum(), [yPred])[0]!, c.gradient);
    const again = nn.getLoss({ class_name: loss.className, config: loss.getConfig() });
    expect(again.getConfig()).toEqual(loss.getConfig());
  });
});

describe("metrics, compared with Keras", () => {
  it.each(titled<MetricCase>("metric"))("%s", (_, c) => {
    const shapes = { yTrue: c.updates[0]![0]!.shape, yPred: c.updates[0]![1]!.shape };
    const metric = nn.getMetric({ class_name: c.name, config: c.config }, shapes);
    for (const update of c.updates) {
      const [yTrue, yPred, weight] = update.map((t) => read(t)) as [Tensor, Tensor, Tensor?];
      // Means and sums have no predictions: their second argument is the weight.
      if (["Mean", "Sum"].includes(c.name)) metric.update(yTrue, yTrue, yPred);
      else metric.update(yTrue, yPred, weight ?? null);
    }
    expect(Math.abs(metric.result() - c.result)).toBeLessThan(1e-5 * Math.max(1, Math.abs(c.result)));
    const again = nn.getMetric({ class_name: metric.className, config: metric.getConfig() }, shapes);
    expect(again.getConfig()).toEqual(metric.getConfig());
  });
});
