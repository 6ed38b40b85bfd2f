import { defaultGenerator } from "@gradiente/autograd";
import { type Callback, type History, listenersTo } from "../callbacks/callback.ts";
import type { Model } from "../model.ts";
import type { Layer } from "../module.ts";
import { Fields, generatorState, misfit, restoreGenerator, type State } from "../state.ts";
import { Breather } from "./breather.ts";
import type { Compiled } from "./compiled.ts";
import type { Batch } from "./data.ts";
import { evaluateSource } from "./evaluate.ts";
import type { FitOptions } from "./fit.ts";
import type { Logs } from "./logs.ts";
import type { Pass, Source } from "./source.ts";
import { checkBatch } from "./step.ts";
import { checkClasses } from "./weights.ts";

/** What a run is made of. */
export interface RunParts {
  readonly model: Model;
  readonly compiled: Compiled;
  readonly source: Source;
  readonly validation: Source | null;
  /** In the order in which they are called. */
  readonly callbacks: readonly Callback[];
  readonly history: History;
  readonly options: FitOptions;
  readonly verbose: 0 | 1 | 2;
}

/** How a run came to its end. */
export type Outcome = "running" | "finished" | "interrupted" | "failed";

/**
 * One call of `fit`: the loop over epochs and batches, and where it stands. Everything that decides how it goes on is
 * in {@link state}, so that a checkpoint taken between any two batches continues bit for bit.
 */
export class TrainingRun {
  private readonly parts: RunParts;
  private readonly breather = new Breather();
  private pass: Pass | null = null;
  private logs: Logs | null = null;
  private resumption: State | null = null;
  private warned = false;
  /** The epoch being trained, from 0. */
  epoch: number;
  /** How many of its batches are done. */
  batch = 0;
  outcome: Outcome = "running";

  constructor(parts: RunParts) {
    this.parts = parts;
    this.epoch = parts.options.initialEpoch ?? 0;
  }

  /** Trains from where the run stands to its end. */
  async go(): Promise<History> {
    const { model, compiled, callbacks, history, options } = this.parts;
    const { epochs = 1, resumeFrom } = options;
    this.announce();
    model.stopTraining = false;
    for (const c of callbacks) await c.onTrainBegin();
    if (resumeFrom !== undefined && this.resumption === null) {
      const { readCheckpoint } = await import("./checkpoint.ts");
      this.resumeFrom(await readCheckpoint(resumeFrom));
    }
    try {
      if (this.resumption !== null && this.batch === 0) await this.restore();
      while (this.batch > 0 || (this.epoch < epochs && !model.stopTraining)) {
        if (this.aborted || !(await this.runEpoch())) break;
      }
      if (this.aborted) {
        this.outcome = "interrupted";
        for (const c of callbacks) await c.onInterrupt();
      }
      compiled.optimizer.finalize(model.trainableWeights);
      if (!this.aborted) this.outcome = "finished";
    } finally {
      if (this.outcome === "running") this.outcome = "failed";
      await this.pass?.close();
      for (const c of callbacks) await c.onTrainEnd(this.logs);
    }
    return history;
  }

  private get aborted(): boolean {
    return this.parts.options.signal?.aborted === true;
  }

  private announce(): void {
    const { model, source, validation, options, callbacks, verbose } = this.parts;
    const { epochs = 1, initialEpoch = 0, validationFreq = 1 } = options;
    const steps = options.stepsPerEpoch ?? source.steps;
    const params = {
      epochs,
      steps,
      verbose,
      initialEpoch,
      validationFreq: validation === null ? null : validationFreq,
    };
    for (const c of callbacks) c.attach(model, params, this);
  }

  /** One epoch, or what is left of it. @returns whether it came to its end. */
  private async runEpoch(): Promise<boolean> {
    const { model, compiled, source, callbacks, options } = this.parts;
    const { stepsPerEpoch, epochs = 1 } = options;
    const continues = callbacks.some((c) => "handlesNonFinite" in c);
    const onNonFinite = options.onNonFinite ?? (continues ? "continue" : "throw");
    const epoch = this.epoch;
    for (const c of callbacks) await c.onEpochBegin(epoch);
    // What callbacks do when an epoch begins was done before the checkpoint was written.
    if (this.resumption !== null) await this.restore();
    else compiled.reset();
    const [begins, ends] = [listenersTo("onBatchBegin", callbacks), listenersTo("onBatchEnd", callbacks)];
    while (!model.stopTraining && !this.aborted && this.batch !== stepsPerEpoch) {
      const next = this.nextBatch();
      const batch = next instanceof Promise ? await next : next;
      if (batch === null) break;
      if (source.columns === null) {
        checkBatch("fit", model, batch, true);
        checkClasses("fit", options.classWeight, compiled.losses[0]!, model.outputShapes![0]!);
      }
      for (const c of begins) {
        const pending = c.onBatchBegin(this.batch);
        if (pending) await pending;
      }
      const counted = compiled.samples;
      const loss = model.trainStep(batch, onNonFinite);
      if (compiled.samples === counted) compiled.addLoss(loss, batch.size); // a training step of one's own
      const index = this.batch++;
      if (ends.length > 0) {
        const soFar = compiled.logs();
        for (const c of ends) {
          const pending = c.onBatchEnd(index, soFar);
          if (pending) await pending;
        }
      }
      if (this.breather.due()) await this.breather.breathe();
    }
    if (this.aborted) return false;
    if (stepsPerEpoch !== undefined && this.batch < stepsPerEpoch && !model.stopTraining) this.warnOfEnd();
    let logs: Logs = compiled.logs();
    if (source.columns === null) this.announce(); // only now is it known how many batches there are
    if (this.validates(epoch)) {
      const own = await this.validate();
      if (own === null) return false;
      logs = { ...logs, ...Object.fromEntries(Object.entries(own).map(([k, v]) => [`val_${k}`, v])) };
    }
    for (const c of callbacks) logs = { ...logs, ...c.epochLogs() };
    this.logs = logs;
    this.epoch = epoch + 1;
    this.batch = 0;
    if (stepsPerEpoch === undefined) {
      await this.pass?.close();
      this.pass = null;
    }
    for (const c of callbacks) await c.onEpochEnd(epoch, logs);
    return this.epoch < epochs && !model.stopTraining;
  }

  /** The next batch of the pass; where an epoch finds a pass at its end, it begins a new one. */
  private nextBatch(): Batch | null | Promise<Batch | null> {
    const { model, source, options } = this.parts;
    const shuffle = (options.shuffle ?? true) ? model.shuffling : null;
    this.pass ??= source.open(shuffle);
    const mayRestart = this.batch === 0 && this.pass.index > 0;
    const orNew = (batch: Batch | null): Batch | null | Promise<Batch | null> => {
      if (batch !== null || !mayRestart) return batch;
      this.pass = source.open(shuffle);
      return this.pass.next();
    };
    const next = this.pass.next();
    return next instanceof Promise ? next.then(orNew) : orNew(next);
  }

  private warnOfEnd(): void {
    if (this.warned) return;
    this.warned = true;
    console.warn(
      `fit: the data ran out after ${this.batch} of ${this.parts.options.stepsPerEpoch} steps of epoch ${this.epoch + 1}; ` +
        "the next epoch begins with them anew. A data set's repeat() gives more.",
    );
  }

  private validates(epoch: number): boolean {
    const { validation, options } = this.parts;
    return validation !== null && isValidated(options.validationFreq ?? 1, epoch);
  }

  /** The validation's logs; null when it was stopped by the signal, and then it is as if it had not begun. */
  private async validate(): Promise<Logs | null> {
    const { model, options, callbacks } = this.parts;
    const validation = this.parts.validation!;
    const position = validation.state();
    const { validationSteps, signal } = options;
    const logs = await evaluateSource("fit", model, validation, { steps: validationSteps, signal, callbacks });
    if (!this.aborted) return logs;
    validation.restoreState(position);
    return null;
  }

  /** Writes a checkpoint of this moment. */
  async save(path: string): Promise<void> {
    const { writeCheckpoint } = await import("./checkpoint.ts");
    await writeCheckpoint(path, this.state());
  }

  /** Lets the run go on from a checkpoint's state. For callbacks, in `onTrainBegin`. */
  resumeFrom(state: State): void {
    const saved = new Fields("the run", state);
    this.resumption = state;
    this.epoch = saved.number("epoch");
    this.batch = saved.number("batch");
  }

  /** Everything that decides how training goes on. */
  state(): State {
    const { model, compiled, source, validation, callbacks } = this.parts;
    const { weights } = model;
    return {
      epoch: this.epoch,
      batch: this.batch,
      stopTraining: model.stopTraining,
      logs: this.logs,
      inputShapes: model.inputShapes,
      weights: { names: weights.map((w) => w.name), values: weights.map((w) => w.value) },
      optimizer: compiled.optimizer.state(weights.map((w) => w.value)),
      metrics: compiled.state(),
      layers: layersOf(model).map((layer) => layer.runState()),
      generator: generatorState(defaultGenerator),
      data: source.state(),
      pass: this.pass?.state() ?? null,
      validation: validation?.state() ?? null,
      callbacks: callbacks.map((c) => c.state()).filter((kept) => kept !== null),
    };
  }

  /** Puts back what {@link state} gave. Whether it fits is found out before any weight is changed. */
  private async restore(): Promise<void> {
    const { model, compiled, source, validation, callbacks, options } = this.parts;
    const state = this.resumption;
    this.resumption = null;
    const saved = new Fields("the run", state!);
    const shapes = saved.listOrNull("inputShapes");
    if (!model.built && shapes?.length === 1) model.ensureBuilt(shapes[0] as readonly (number | null)[]);
    const { weights } = model;
    const own = saved.fields("weights");
    const values = own.tensors("values");
    const names = own.strings("names");
    if (values.length !== weights.length) {
      throw misfit(`it holds ${values.length} weights, and the model has ${weights.length}`);
    }
    weights.forEach(({ name, value }, i) => {
      const { shape, dtype } = values[i]!;
      if (shape.join() === value.shape.join() && dtype === value.dtype) return;
      throw misfit(
        `its weight "${names[i]}" is ${dtype}[${shape.join(", ")}], and the model's "${name}" is ${value.dtype}[${value.shape.join(", ")}]`,
      );
    });
    const layers = layersOf(model);
    const layerStates = saved.list("layers");
    if (layerStates.length !== layers.length) {
      throw misfit(`it holds ${layerStates.length} layers, and the model has ${layers.length}`);
    }
    const kept = saved.list("callbacks");
    const keepers = callbacks.filter((c) => c.state() !== null);
    if (kept.length !== keepers.length) {
      throw misfit(`it holds the state of ${kept.length} callbacks, and the run has ${keepers.length} that have one`);
    }
    source.restoreState(saved.get("data"));
    if ((saved.get("validation") === null) !== (validation === null))
      throw misfit("only one of them has validation data");
    validation?.restoreState(saved.get("validation"));
    const pass = saved.get("pass");
    if (pass !== null) this.pass = await source.resume(pass, (options.shuffle ?? true) ? model.shuffling : null);
    compiled.restoreState(saved.get("metrics"));
    compiled.optimizer.restoreState(
      weights.map((w) => w.value),
      saved.get("optimizer"),
    );
    weights.forEach(({ value }, i) => void value.write(values[i]!.data));
    for (const [i, c] of keepers.entries()) await c.restoreState(kept[i]!);
    layers.forEach((layer, i) => {
      if (layerStates[i] !== null) layer.restoreRunState(layerStates[i]!);
    });
    restoreGenerator(defaultGenerator, saved.get("generator"));
    model.stopTraining = saved.boolean("stopTraining");
    this.logs = saved.get("logs") as Logs | null;
  }
}

/** The model and every layer in it, each once. */
function layersOf(model: Model): readonly Layer[] {
  const found = new Set<Layer>();
  const visit = (layer: Layer): void => {
    if (found.has(layer)) return;
    found.add(layer);
    for (const inner of layer.sublayers()) visit(inner);
  };
  visit(model);
  return [...found];
}

/** Whether there is validation after an epoch (from 0). */
export function isValidated(frequency: number | readonly number[], epoch: number): boolean {
  return typeof frequency === "number" ? (epoch + 1) % frequency === 0 : frequency.includes(epoch + 1);
}
