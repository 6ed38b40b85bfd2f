import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { gradients, type Tensor, type TypedArray, tensor } from "@gradiente/autograd";
import * as nn from "@gradiente/nn";
import { afterAll, describe, expect, it } from "vitest";

/*
 * Cases that Keras computed, from the folder that GRADIENTE_ORACLE names. What is not implemented is listed by name
 * in `notCovered`; everything else has to agree.
 */

interface FileTensor {
  readonly shape: number[];
  readonly dtype: "float32" | "int32";
  readonly data: (number | null)[];
}
// biome-ignore lint/suspicious/noExplicitAny: cases are read from a file, and differ by kind.
type Case = Record<string, any>;

/** What there is no implementation of yet. */
const notCovered = new Set<string>();

const folder = process.env.GRADIENTE_ORACLE;
const path = folder === undefined ? "" : join(folder, "keras", "keras.json.gz");
const present = existsSync(path);
const cases: Case[] = present ? JSON.parse(gunzipSync(readFileSync(path)).toString()).cases : [];
const compared: Record<string, number> = {};

afterAll(() => {
  if (!present) return;
  const skipped = cases.filter((c) => notCovered.has(titleOf(c)) || notCovered.has(nameOf(c)));
  const counts = Object.entries(compared).map(([kind, n]) => `${n} ${kind}`);
  console.log(
    `compared with Keras: ${counts.join(", ")}; not covered (${skipped.length}): ${skipped.map(titleOf).join(", ")}`,
  );
});

function nameOf(c: Case): string {
  return c.layer ?? c.loss ?? c.metric ?? c.optimizer ?? c.schedule ?? c.name;
}

function titleOf(c: Case): string {
  if (c.layer === "Dense" && c.args.activation !== undefined) return `Dense(${c.args.activation})`;
  return nameOf(c);
}

function read({ shape, dtype, data }: FileTensor, requiresGrad = false): Tensor {
  const values = data.map((v) => v ?? Number.NaN);
  const array = dtype === "float32" ? Float32Array.from(values) : Int32Array.from(values);
  return tensor({ data: array, shape }, { requiresGrad });
}

/** Agreement within `tolerance` of the largest element. */
function agree(what: string, got: ArrayLike<number>, expected: FileTensor | (number | null)[], tolerance = 1e-5): void {
  const wanted = Array.isArray(expected) ? expected : expected.data;
  expect(got.length, what).toBe(wanted.length);
  const scale = Math.max(1e-2, ...wanted.map((v) => Math.abs(v ?? 0)));
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(got[i]! - (wanted[i] ?? Number.NaN));
    if (!(error <= tolerance * scale)) {
      throw new Error(`${what}[${i}] is ${got[i]}, Keras has ${wanted[i]} (scale ${scale})`);
    }
  }
}

function each(kind: string, run: (c: Case) => void | Promise<void>): void {
  describe.skipIf(!present)(`${kind} cases of Keras (GRADIENTE_ORACLE)`, () => {
    const own = cases.filter((c) => c.kind === kind);
    if (own.length === 0) it.skip("no cases");
    own.forEach((c, i) => {
      const skip = notCovered.has(titleOf(c)) || notCovered.has(nameOf(c));
      it.skipIf(skip)(`${i}: ${titleOf(c)} ${JSON.stringify(c.args ?? c.fit ?? {})}`, async () => {
        await run(c);
        compared[kind] = (compared[kind] ?? 0) + 1;
      });
    });
  });
}

each("layer", (c) => {
  const layer = nn.deserializeLayer({ class_name: c.layer, config: c.config });
  const x = read(c.input, c.gradInput !== null);
  layer.ensureBuilt([null, ...x.shape.slice(1)]);
  layer.setWeights(c.weights.map((w: FileTensor) => read(w)));
  const y = layer.apply(x, { training: c.training });
  expect(y.shape).toEqual(c.output.shape);
  expect(layer.computeOutputShape([null, ...x.shape.slice(1)]).slice(1)).toEqual(c.output.shape.slice(1));
  agree("output", y.data, c.output);
  const trainable = layer.weights.filter((w) => w.trainable);
  const inputs = [...(c.gradInput === null ? [] : [x]), ...trainable.map((w) => w.value)];
  const sum = y.mul(read(c.cotangent)).sum();
  const got = inputs.length > 0 && sum.requiresGrad ? gradients(sum, inputs) : [];
  if (c.gradInput !== null) agree("gradient of the input", got[0]!.data, c.gradInput);
  const expected = (c.gradWeights as (FileTensor | null)[]).filter((g) => g !== null);
  expect(expected.length).toBe(trainable.length);
  expected.forEach((g, i) => {
    agree(`gradient of ${trainable[i]!.name}`, got[i + (c.gradInput === null ? 0 : 1)]!.data, g);
  });
  layer.weights.forEach((w, i) => {
    agree(`${w.name} after the call`, w.value.data, c.weightsAfter[i]);
  });
});

each("loss", (c) => {
  const loss = nn.getLoss({ class_name: c.loss, config: c.args });
  const yPred = read(c.yPred, true);
  const value = loss.apply(read(c.yTrue), yPred);
  agree("value", value.data, c.value);
  agree("gradient", gradients(value, [yPred])[0]!.data, c.grad);
});

each("metric", (c) => {
  const pairs = (c.updates as FileTensor[][]).map((u) => u.map((t) => read(t)));
  const metric = nn.getMetric(
    { class_name: c.metric, config: c.args },
    { yTrue: pairs[0]![0]!.shape, yPred: pairs[0]![1]!.shape },
  );
  for (const [yTrue, yPred] of pairs) metric.update(yTrue!, yPred!);
  agree("result", [metric.result()], c.result);
});

each("optimizer", (c) => {
  const optimizer = nn.getOptimizer({ class_name: c.optimizer, config: c.args });
  const holder = new Holder();
  const weights = (c.initial as FileTensor[]).map((t) => holder.add(read(t)));
  (c.gradients as FileTensor[][]).forEach((step, i) => {
    optimizer.apply(
      step.map((g) => read(g)),
      weights,
    );
    weights.forEach((w, k) => {
      agree(`weight ${k} after step ${i + 1}`, w.value.data, c.trajectory[i][k]);
    });
  });
});

class Holder extends nn.Layer {
  call(x: Tensor): Tensor {
    return x;
  }
  add(initial: Tensor): nn.Weight {
    const weight = this.addWeight(
      { name: "w", shape: initial.shape, initializer: new nn.Zeros() },
      null as unknown as Parameters<Holder["addWeight"]>[1],
    );
    weight.value.write(initial.data);
    return weight;
  }
}

each("schedule", (c) => {
  const schedule = nn.getSchedule({ class_name: c.schedule, config: c.config });
  agree(
    "rates",
    c.values.map((_: number, step: number) => schedule.at(step)),
    c.values,
  );
});

each("training", async (c) => {
  const model = nn.deserializeLayer({ class_name: "Sequential", config: c.config }) as nn.Sequential;
  model.setWeights(c.initial.map((w: FileTensor) => read(w)));
  model.compile({ loss: c.compile.loss, optimizer: c.compile.optimizer, metrics: c.compile.metrics ?? [] });
  const [x, y] = [read(c.x), read(c.y)];
  const { epochs = 5, batch_size = 8, validation_split, class_weight } = c.fit;
  const history = await model.fit(x, y, {
    epochs,
    batchSize: batch_size,
    shuffle: false,
    verbose: 0,
    ...(validation_split === undefined ? {} : { validationSplit: validation_split }),
    ...(class_weight === undefined ? {} : { classWeight: class_weight }),
  });
  for (const [name, values] of Object.entries(c.history)) agree(name, history.history[name]!, values as number[], 1e-4);
  model.getWeights().forEach((w, i) => {
    agree(`final weight ${i}`, w.data as TypedArray, c.final[i], 1e-4);
  });
  agree("predictions", (await model.predict(x)).data, c.predict, 1e-4);
  const result = await model.evaluate(x, y, { batchSize: batch_size });
  if (Array.isArray(c.evaluate)) agree("evaluate", Object.values(result), c.evaluate, 1e-4);
  else if (typeof c.evaluate === "number") agree("evaluate", [result.loss], [c.evaluate], 1e-4);
  else
    for (const [name, value] of Object.entries(c.evaluate))
      agree(`evaluate ${name}`, [result[name]!], [value as number], 1e-4);
});
