import type { Tensor } from "@gradiente/autograd";
import { ArgumentError } from "@gradiente/autograd";
import { unknownName } from "../errors.ts";
import { Loss } from "../losses/loss.ts";
import { type LossLike, resolveLoss } from "../losses/resolve.ts";
import { Mean, type Metric } from "../metrics/metric.ts";
import { checkMetricName, type MetricLike, type MetricShapes, resolveMetric } from "../metrics/resolve.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { type OptimizerLike, resolveOptimizer } from "../optimizers/resolve.ts";
import { Fields, misfit, type State } from "../state.ts";
import type { Logs } from "./logs.ts";

/** What `compile` is given. */
export interface CompileOptions {
  /** One loss; for several outputs, one each in order or by the outputs' names. */
  readonly loss: LossLike | readonly LossLike[] | { readonly [output: string]: LossLike };
  /** Default: rmsprop, as in Keras. */
  readonly optimizer?: OptimizerLike;
  /** For several outputs, one list each. */
  readonly metrics?: readonly (MetricLike | readonly MetricLike[])[];
  /** What each output's loss is multiplied with. Default: 1. */
  readonly lossWeights?: readonly number[];
  /** Metrics that sample weights count for. */
  readonly weightedMetrics?: readonly MetricLike[];
}

interface OutputMetrics {
  readonly plain: readonly Metric[];
  readonly weighted: readonly Metric[];
}

/** A model's losses, metrics and optimizer. */
export class Compiled {
  readonly options: CompileOptions;
  readonly optimizer: Optimizer;
  readonly losses: readonly Loss[];
  private readonly lossMean = new Mean();
  private readonly outputMeans: readonly Mean[];
  private readonly outputNames: readonly string[];
  private metrics: readonly OutputMetrics[] | null = null;
  /** The shapes that decided what metrics are meant, for each output. */
  private metricShapes: readonly MetricShapes[] = [];

  constructor(options: CompileOptions, outputNames: readonly string[]) {
    this.options = options;
    this.outputNames = outputNames;
    this.optimizer = resolveOptimizer(options.optimizer ?? "rmsprop");
    this.losses = lossesOf(options.loss, outputNames).map(resolveLoss);
    this.outputMeans = this.losses.map(() => new Mean());
    for (const metric of [...(options.metrics ?? []), ...(options.weightedMetrics ?? [])].flat()) {
      checkMetricName(metric as MetricLike);
    }
  }

  /** The loss of a batch, penalties included, and of each output. */
  lossOf(
    yTrue: readonly Tensor[],
    yPred: readonly Tensor[],
    sampleWeight: Tensor | null,
    penalties: readonly Tensor[],
  ): { readonly total: Tensor; readonly outputs: readonly Tensor[] } {
    const { lossWeights } = this.options;
    const outputs = this.losses.map((loss, i) => {
      const value = loss.apply(yTrue[i]!, yPred[i]!, sampleWeight);
      const scalar = value.rank === 0 ? value : value.mean();
      return lossWeights?.[i] === undefined ? scalar : scalar.mul(lossWeights[i]);
    });
    const all = [...outputs, ...penalties];
    const total = all.slice(1).reduce((a, b) => a.add(b), all[0]!);
    return { total, outputs };
  }

  /** Takes the results of a batch into losses and metrics. */
  update(
    loss: number,
    outputLosses: readonly Tensor[],
    yTrue: readonly Tensor[],
    yPred: readonly Tensor[],
    sampleWeight: Tensor | null,
    size: number,
  ): void {
    this.lossMean.add(loss * size, size);
    if (outputLosses.length > 1) outputLosses.forEach((l, i) => void this.outputMeans[i]!.add(l.item() * size, size));
    this.metrics ??= this.resolveMetrics(yPred.map((p, i) => ({ yTrue: yTrue[i]!.shape, yPred: p.shape })));
    this.metrics.forEach(({ plain, weighted }, i) => {
      for (const metric of plain) metric.update(yTrue[i]!, yPred[i]!);
      for (const metric of weighted) metric.update(yTrue[i]!, yPred[i]!, sampleWeight);
    });
  }

  private resolveMetrics(outputs: readonly MetricShapes[]): readonly OutputMetrics[] {
    const { metrics = [], weightedMetrics = [] } = this.options;
    const perOutput = metrics.length > 0 && metrics.every(Array.isArray);
    this.metricShapes = outputs;
    return outputs.map((shapes, i) => {
      const own = (perOutput ? metrics[i] : i === 0 || outputs.length === 1 ? metrics : []) as readonly MetricLike[];
      return {
        plain: (own ?? []).map((m) => resolveMetric(m, shapes)),
        weighted: weightedMetrics.map((m) => resolveMetric(m, shapes)),
      };
    });
  }

  /** The losses and metrics since the last reset. */
  logs(): Logs {
    const logs: Record<string, number> & { loss: number } = { loss: this.lossMean.result() };
    const several = this.losses.length > 1;
    if (several) {
      this.outputMeans.forEach((mean, i) => {
        logs[`${this.outputNames[i]}_loss`] = mean.result();
      });
    }
    this.metrics?.forEach(({ plain, weighted }, i) => {
      for (const metric of [...plain, ...weighted]) {
        logs[several ? `${this.outputNames[i]}_${metric.name}` : metric.name] = metric.result();
      }
    });
    return logs;
  }

  reset(): void {
    this.lossMean.reset();
    for (const mean of this.outputMeans) mean.reset();
    for (const metric of this.allMetrics()) metric.reset();
  }

  /** The metrics of all outputs; none before the first batch. */
  allMetrics(): readonly Metric[] {
    return (this.metrics ?? []).flatMap(({ plain, weighted }) => [...plain, ...weighted]);
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
    const saved = new Fields("the metrics", state);
    this.lossMean.restoreState(saved.get("loss"));
    const outputs = saved.list("outputs");
    this.outputMeans.forEach((mean, i) => void mean.restoreState(outputs[i] ?? null));
    const shapes = saved.list("shapes").map((each) => {
      const fields = new Fields("the metrics' shapes", each);
      return { yTrue: fields.numbers("yTrue"), yPred: fields.numbers("yPred") };
    });
    if (shapes.length > 0) this.metrics ??= this.resolveMetrics(shapes);
    const [metrics, states] = [this.allMetrics(), saved.list("metrics")];
    if (states.length !== metrics.length) {
      throw misfit(`it holds ${states.length} metrics, and the model is compiled with ${metrics.length}`);
    }
    metrics.forEach((metric, i) => void metric.restoreState(states[i]!));
  }
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
