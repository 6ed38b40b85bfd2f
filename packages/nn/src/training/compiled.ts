import type { Tensor } from "@gradiente/autograd";
import { ArgumentError } from "@gradiente/autograd";
import { Workspace } from "@gradiente/autograd/extend";
import { unknownName } from "../errors.ts";
import { Loss } from "../losses/loss.ts";
import { type LossLike, resolveLoss } from "../losses/resolve.ts";
import { Mean, type Metric } from "../metrics/metric.ts";
import { checkMetricName, type MetricLike, type MetricShapes, resolveMetric } from "../metrics/resolve.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { type OptimizerLike, resolveOptimizer } from "../optimizers/resolve.ts";
import { Fields, misfit, type State } from "../state.ts";
import type { Logs } from "./logs.ts";
import { isOwnMetric } from "./own.ts";

/** What `compile` is given. */
export interface CompileOptions {
  /** One loss; for several outputs, one each in order or by the outputs' names. */
  readonly loss: LossLike | readonly LossLike[] | { readonly [output: string]: LossLike };
  /** Default: rmsprop, as in Keras. */
  readonly optimizer?: OptimizerLike;
  /** For several outputs, one metric or list each in order, or by the outputs' names. */
  readonly metrics?: MetricsLike;
  /** What each output's loss is multiplied with, in order or by the outputs' names. Default: 1. */
  readonly lossWeights?: readonly number[] | { readonly [output: string]: number };
  /** Metrics that sample weights count for, given as `metrics` are. */
  readonly weightedMetrics?: MetricsLike;
}

/** Metrics of one output or of several. */
export type MetricsLike =
  | readonly (MetricLike | readonly MetricLike[])[]
  | { readonly [output: string]: MetricLike | readonly MetricLike[] };

/** {@link CompileOptions} with everything in the order of the outputs. */
export interface CompiledOptions extends CompileOptions {
  /** For several outputs, one list each. */
  readonly metrics?: readonly (MetricLike | readonly MetricLike[])[];
  readonly lossWeights?: readonly number[];
  readonly weightedMetrics?: readonly (MetricLike | readonly MetricLike[])[];
}

const optionNames: readonly string[] = ["loss", "optimizer", "metrics", "lossWeights", "weightedMetrics"];

/** @throws {ArgumentError} for options that are not there, or not known. */
function checkOptions(options: CompileOptions | undefined): void {
  if (options?.loss === undefined || options.loss === null) {
    throw new ArgumentError({
      op: "compile",
      message: "no loss is given",
      hint: 'for example { loss: "mse", optimizer: "sgd", metrics: ["mae"] }',
    });
  }
  for (const name of Object.keys(options)) {
    if (!optionNames.includes(name)) throw unknownName("compile", "option", name, optionNames);
  }
  for (const name of ["metrics", "weightedMetrics"] as const) {
    if (options[name] === undefined || (typeof options[name] === "object" && options[name] !== null)) continue;
    throw new ArgumentError({
      op: "compile",
      message: `${name} is ${JSON.stringify(options[name]) ?? typeof options[name]}, not a list`,
      hint: `write [${JSON.stringify(options[name]) ?? "…"}]`,
    });
  }
}

/** A metric of one of the outputs. */
interface Tracked {
  /** What it is logged as. */
  readonly name: string;
  readonly metric: Metric;
  readonly output: number;
  /** Whether sample weights count. */
  readonly weighted: boolean;
}

/** A model's losses, metrics and optimizer. */
export class Compiled {
  readonly options: CompiledOptions;
  readonly optimizer: Optimizer;
  readonly losses: readonly Loss[];
  private readonly lossMean = new Mean();
  private readonly outputMeans: readonly Mean[];
  private readonly outputNames: readonly string[];
  private metrics: readonly Tracked[] | null = null;
  /** The shapes that decided what metrics are meant, for each output. */
  private metricShapes: readonly MetricShapes[] = [];

  constructor(options: CompileOptions, outputNames: readonly string[]) {
    this.outputNames = outputNames;
    checkOptions(options);
    const { metrics, weightedMetrics, lossWeights, ...rest } = options;
    this.options = {
      ...rest,
      ...(metrics === undefined ? {} : { metrics: metricLists("metrics", metrics, outputNames) }),
      ...(weightedMetrics === undefined
        ? {}
        : { weightedMetrics: metricLists("weightedMetrics", weightedMetrics, outputNames) }),
      ...(lossWeights === undefined ? {} : { lossWeights: weightsOf(lossWeights, outputNames) }),
    };
    this.optimizer = resolveOptimizer(options.optimizer ?? "rmsprop");
    this.losses = lossesOf(options.loss, outputNames).map(resolveLoss);
    this.outputMeans = this.losses.map(() => new Mean());
    for (const metric of [...(this.options.metrics ?? []), ...(this.options.weightedMetrics ?? [])].flat()) {
      checkMetricName(metric as MetricLike);
    }
  }

  /** The loss of a batch, weighted and with penalties, and that of each output by itself. */
  lossOf(
    yTrue: readonly Tensor[],
    yPred: readonly Tensor[],
    sampleWeights: readonly Tensor[],
    penalties: readonly Tensor[],
  ): { readonly total: Tensor; readonly outputs: readonly Tensor[] } {
    const { lossWeights } = this.options;
    const outputs = this.losses.map((loss, i) => {
      const value = loss.apply(yTrue[i]!, yPred[i]!, weightFor(i, sampleWeights));
      return value.rank === 0 ? value : value.mean();
    });
    const weighted = outputs.map((l, i) => (lossWeights?.[i] === undefined ? l : l.mul(lossWeights[i])));
    const all = [...weighted, ...penalties];
    const total = all.slice(1).reduce((a, b) => a.add(b), all[0]!);
    return { total, outputs };
  }

  /** Takes the results of a batch into losses and metrics. */
  update(
    loss: number,
    outputLosses: readonly Tensor[],
    yTrue: readonly Tensor[],
    yPred: readonly Tensor[],
    sampleWeights: readonly Tensor[],
    size: number,
  ): void {
    this.addLoss(loss, size);
    if (outputLosses.length > 1) outputLosses.forEach((l, i) => void this.outputMeans[i]!.add(l.item() * size, size));
    this.metrics ??= this.resolveMetrics(yPred.map((p, i) => ({ yTrue: yTrue[i]!.shape, yPred: p.shape })));
    for (const { metric, output, weighted } of this.metrics) {
      if (!isOwnMetric(metric)) Workspace.share([yPred[output]!, yTrue[output]!]);
      if (weighted) metric.update(yTrue[output]!, yPred[output]!, weightFor(output, sampleWeights));
      else metric.update(yTrue[output]!, yPred[output]!);
    }
  }

  /** Metrics for outputs of these shapes. Where two have one name, the later is named as Keras does. */
  private resolveMetrics(outputs: readonly MetricShapes[]): readonly Tracked[] {
    const { metrics = [], weightedMetrics = [] } = this.options;
    const several = this.losses.length > 1;
    this.metricShapes = outputs;
    const uses = new Map<string, number>();
    const unused = (name: string): string => {
      const count = uses.get(name) ?? 0;
      uses.set(name, count + 1);
      return count === 0 ? name : `${name}_${count}`;
    };
    const track = (lists: typeof metrics, weighted: boolean): Tracked[] =>
      outputs.flatMap((shapes, output) => {
        const own = [several ? (lists[output] ?? []) : lists].flat(2) as readonly MetricLike[];
        const prefix = several ? `${this.outputNames[output]}_` : "";
        return own.map((like) => {
          const metric = resolveMetric(like, shapes);
          const name = `${prefix}${metric.name}`;
          const isTaken = weighted && uses.has(name);
          return { name: unused(isTaken ? `${prefix}weighted_${metric.name}` : name), metric, output, weighted };
        });
      });
    return [...track(metrics, false), ...track(weightedMetrics, true)];
  }

  /** How much weight the mean loss has since the last reset: the number of samples. */
  get samples(): number {
    return this.lossMean.weight;
  }

  /** Takes in the loss of a batch whose outputs are not known. */
  addLoss(loss: number, size: number): void {
    this.lossMean.add(loss * size, size);
  }

  /** The losses and metrics since the last reset. */
  logs(): Logs {
    const logs: Record<string, number> & { loss: number } = { loss: this.lossMean.result() };
    if (this.losses.length > 1) {
      this.outputMeans.forEach((mean, i) => {
        logs[`${this.outputNames[i]}_loss`] = mean.result();
      });
    }
    for (const { name, metric } of this.metrics ?? []) logs[name] = metric.result();
    return logs;
  }

  reset(): void {
    this.lossMean.reset();
    for (const mean of this.outputMeans) mean.reset();
    for (const metric of this.allMetrics()) metric.reset();
  }

  /** The metric that is logged by a name; undefined for losses, and before the first batch. */
  metricNamed(name: string): Metric | undefined {
    return this.metrics?.find((tracked) => tracked.name === name)?.metric;
  }

  private allMetrics(): readonly Metric[] {
    return (this.metrics ?? []).map(({ metric }) => metric);
  }

  /** What a checkpoint holds: the losses and metrics since the last reset. */
  state(): State {
    return {
      loss: this.lossMean.state(),
      outputs: this.outputMeans.map((mean) => mean.state()),
      shapes: this.metricShapes.map(({ yTrue, yPred }) => ({ yTrue, yPred })),
      metrics: this.allMetrics().map((metric) => metric.state()),
    };
  }

  restoreState(state: State): void {
    this.reset();
    const saved = new Fields("the metrics", state);
    this.lossMean.restoreState(saved.get("loss"));
    const outputs = saved.list("outputs");
    this.outputMeans.forEach((mean, i) => void mean.restoreState(outputs[i] ?? null));
    const shapes = saved.list("shapes").map((each) => {
      const fields = new Fields("the metrics' shapes", each);
      return { yTrue: fields.numbers("yTrue"), yPred: fields.numbers("yPred") };
    });
    if (shapes.length === 0) return; // before the first batch
    this.metrics ??= this.resolveMetrics(shapes);
    const [metrics, states] = [this.allMetrics(), saved.list("metrics")];
    if (states.length !== metrics.length) {
      throw misfit(`it holds ${states.length} metrics, and the model is compiled with ${metrics.length}`);
    }
    metrics.forEach((metric, i) => void metric.restoreState(states[i]!));
  }
}

/** The weights of samples in an output; those of the first are for all where there are no others. */
function weightFor(output: number, sampleWeights: readonly Tensor[]): Tensor | null {
  return sampleWeights[sampleWeights.length === 1 ? 0 : output] ?? null;
}

/** Metrics as one list, or for several outputs as a list of lists. */
function metricLists(
  option: string,
  given: MetricsLike,
  outputNames: readonly string[],
): readonly (MetricLike | readonly MetricLike[])[] {
  if (!isList(given)) {
    for (const name of Object.keys(given)) {
      if (!outputNames.includes(name)) throw unknownName("compile", "output", name, outputNames);
    }
    return outputNames.map((name) => [given[name] ?? []].flat() as readonly MetricLike[]);
  }
  if (outputNames.length === 1 || given.length === 0) return given;
  if (given.length === outputNames.length) return given.map((own) => [own].flat() as readonly MetricLike[]);
  throw new ArgumentError({
    op: "compile",
    message: `${option} has ${given.length} entries for ${outputNames.length} outputs`,
    hint: `give one metric or list for each of ${outputNames.join(", ")}, in this order or by their names`,
  });
}

function isList(given: MetricsLike): given is readonly (MetricLike | readonly MetricLike[])[] {
  return Array.isArray(given);
}

function weightsOf(
  given: readonly number[] | { readonly [output: string]: number },
  outputNames: readonly string[],
): readonly number[] {
  if (Array.isArray(given)) {
    if (given.length === outputNames.length) return given as readonly number[];
    const message = `${given.length} lossWeights for ${outputNames.length} outputs`;
    throw new ArgumentError({ op: "compile", message });
  }
  const byName = given as { readonly [output: string]: number };
  for (const name of Object.keys(byName)) {
    if (!outputNames.includes(name)) throw unknownName("compile", "output", name, outputNames);
  }
  return outputNames.map((name) => byName[name] ?? 1);
}

function lossesOf(given: CompileOptions["loss"], outputNames: readonly string[]): LossLike[] {
  const count = outputNames.length;
  if (Array.isArray(given)) {
    if (given.length !== count) {
      throw new ArgumentError({ op: "compile", message: `${given.length} losses for ${count} outputs` });
    }
    return [...(given as readonly LossLike[])];
  }
  const isRecord = typeof given === "object" && !(given instanceof Loss) && !("class_name" in given);
  if (!isRecord) return outputNames.map(() => given as LossLike);
  const byName = given as { readonly [output: string]: LossLike };
  for (const name of Object.keys(byName)) {
    if (!outputNames.includes(name)) throw unknownName("compile", "output", name, outputNames);
  }
  return outputNames.map((name) => {
    const loss = Object.hasOwn(byName, name) ? byName[name] : undefined;
    if (loss === undefined)
      throw new ArgumentError({ op: "compile", message: `there is no loss for output "${name}"` });
    return loss;
  });
}
