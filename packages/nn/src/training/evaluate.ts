import { noGrad, type Tensor, type TypedArray, tensor } from "@gradiente/autograd";
import { type Callback, listenersTo } from "../callbacks/callback.ts";
import { DataError } from "../errors.ts";
import type { Model } from "../model.ts";
import { Breather } from "./breather.ts";
import type { Arrays, Batch } from "./data.ts";
import type { Logs } from "./logs.ts";
import type { Signal } from "./signal.ts";
import type { Source } from "./source.ts";
import { checkBatch, checkBuilt, compiledOf, giveUp, prepare, testStep, workspaceFor } from "./step.ts";

/** Options of `evaluate`. */
export interface EvaluateOptions {
  /** Default: 32. Data sets have batches of their own. */
  readonly batchSize?: number;
  /** One array for all outputs, or a list of one for each. */
  readonly sampleWeight?: Arrays;
  /** At most so many batches. Default: all. */
  readonly steps?: number;
  readonly callbacks?: readonly Callback[];
  /** Ends the evaluation after the current batch; the results are of those so far. */
  readonly signal?: Signal;
  /** Accepted for Keras' sake: nothing is printed in any case. */
  readonly verbose?: 0 | 1 | 2 | "auto";
}

/** Options of `predict`. */
export interface PredictOptions {
  /** Default: 32. Data sets have batches of their own. */
  readonly batchSize?: number;
  /** At most so many batches. Default: all. */
  readonly steps?: number;
  readonly callbacks?: readonly Callback[];
  /** Ends the prediction after the current batch; the results are of those so far. */
  readonly signal?: Signal;
  /** Accepted for Keras' sake: nothing is printed in any case. */
  readonly verbose?: 0 | 1 | 2 | "auto";
}

/** The names of {@link PredictOptions}. */
export const predictOptionNames: readonly (keyof PredictOptions)[] = [
  ...(["batchSize", "steps", "callbacks", "signal", "verbose"] as const),
];
/** The names of {@link EvaluateOptions}. */
export const evaluateOptionNames: readonly (keyof EvaluateOptions)[] = [...predictOptionNames, "sampleWeight"];

/** @throws {DataError} unless `value` is left out or a positive whole number. */
export function checkCount(op: string, name: string, value: number | undefined): void {
  if (value === undefined || (Number.isInteger(value) && value > 0)) return;
  throw new DataError({ op, message: `${name} is ${value}, expected a positive whole number` });
}

/** Callbacks of a pass over a source, and when it ends. */
interface Limits {
  readonly steps?: number | undefined;
  readonly signal?: Signal | undefined;
}

/** Goes through the batches of a source, in order. */
async function eachBatch(
  source: Source,
  { steps = Number.POSITIVE_INFINITY, signal }: Limits,
  use: (batch: Batch, index: number) => void | Promise<void>,
): Promise<void> {
  const breather = new Breather();
  const pass = source.open(null);
  try {
    for (let index = 0; index < steps; index++) {
      const next = pass.next();
      const batch = next instanceof Promise ? await next : next;
      if (batch === null) break;
      const pending = use(batch, index);
      if (pending) await pending;
      if (breather.due()) await breather.breathe();
      if (signal?.aborted) break;
    }
  } finally {
    await pass.close();
  }
}

/** One pass over a source without training. Losses and metrics of an epoch that is under way stay what they were. */
export async function evaluateSource(
  op: string,
  model: Model,
  source: Source,
  { callbacks = [], ...limits }: Limits & { readonly callbacks?: readonly Callback[] | undefined } = {},
): Promise<Logs> {
  const compiled = compiledOf(op, model);
  checkCount(op, "steps", limits.steps);
  checkBuilt(op, model);
  prepare(op, model, source, true);
  const [begins, ends] = [listenersTo("onTestBatchBegin", callbacks), listenersTo("onTestBatchEnd", callbacks)];
  for (const c of callbacks) await c.onTestBegin();
  const before = compiled.state();
  compiled.reset();
  await eachBatch(source, limits, (batch, index) => {
    if (source.columns === null) checkBatch(op, model, batch, true);
    if (begins.length + ends.length === 0) return testStep(model, batch);
    return (async () => {
      for (const c of begins) await c.onTestBatchBegin(index);
      testStep(model, batch);
      for (const c of ends) await c.onTestBatchEnd(index, compiled.logs());
    })();
  });
  const logs = compiled.logs();
  compiled.restoreState(before);
  for (const c of callbacks) await c.onTestEnd(logs);
  return logs;
}

/** The outputs for the batches of a source, one tensor per output. */
export async function predictSource(model: Model, source: Source, options: PredictOptions): Promise<Tensor[]> {
  const { callbacks = [], ...limits } = options;
  checkCount("predict", "steps", options.steps);
  checkBuilt("predict", model);
  prepare("predict", model, source, false);
  const pieces: TypedArray[][] = [];
  let shapes: readonly (readonly number[])[] = [];
  let dtypes: readonly Tensor["dtype"][] = [];
  let count = 0;
  const predict = (batch: Batch): void => {
    const workspace = workspaceFor(model);
    const context = { training: false, generator: model.noise, losses: [] };
    const outputs = workspace.run(() => noGrad(() => model.callAll(batch.x, context)));
    pieces.push(outputs.map((o) => o.data));
    shapes = outputs.map((o) => o.shape.slice(1));
    dtypes = outputs.map((o) => o.dtype);
    count += batch.size;
    workspace.release();
    giveUp(batch, workspace);
  };
  for (const c of callbacks) await c.onPredictBegin();
  await eachBatch(source, limits, (batch, index) => {
    if (source.columns === null) checkBatch("predict", model, batch, false);
    if (callbacks.length === 0) return predict(batch);
    return (async () => {
      for (const c of callbacks) await c.onPredictBatchBegin(index);
      predict(batch);
      for (const c of callbacks) await c.onPredictBatchEnd(index);
    })();
  });
  for (const c of callbacks) await c.onPredictEnd();
  return shapes.map((shape, i) => {
    const parts = pieces.map((p) => p[i]!);
    const type = parts[0]!.constructor as new (length: number) => TypedArray;
    const data = new type(parts.reduce((sum, p) => sum + p.length, 0));
    let at = 0;
    for (const p of parts) {
      data.set(p, at);
      at += p.length;
    }
    return tensor({ data, shape: [count, ...shape] }, { dtype: dtypes[i]! });
  });
}
