import { ArgumentError } from "@gradiente/autograd";
import { camelCase } from "../config.ts";
import { unknownName } from "../errors.ts";
import { nodeModule } from "../node.ts";
import { checkOptionNames, checkPath } from "../option-checks.ts";
import { Fields, type State } from "../state.ts";
import type { Logs } from "../training/logs.ts";
import { Callback } from "./callback.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

/** When a callback saves: after every epoch, or after every so many batches. */
export type SaveFrequency = "epoch" | number;

/** Counts batches from one save to the next, over epochs. */
export class SaveCounter {
  private readonly every: SaveFrequency;
  private count = 0;

  /** @throws {ArgumentError} unless it is "epoch" or a positive whole number. */
  constructor(op: string, every: SaveFrequency) {
    if (every !== "epoch" && !(Number.isInteger(every) && every > 0)) {
      throw new ArgumentError({
        op,
        message: `saveFreq is ${JSON.stringify(every)}, expected "epoch" or a positive whole number of batches`,
      });
    }
    this.every = every;
  }

  get atEpochs(): boolean {
    return this.every === "epoch";
  }

  /** Takes note of a batch. @returns whether it is time to save. */
  isDue(): boolean {
    if (this.every === "epoch" || ++this.count < this.every) return false;
    this.count = 0;
    return true;
  }

  state(): State {
    return this.count;
  }

  restoreState(count: number): void {
    this.count = count;
  }
}

/** Options of {@link ModelCheckpoint}. */
export interface ModelCheckpointOptions extends MonitorOptions {
  /** Save only when what is monitored is better than ever. Default: false. */
  readonly saveBestOnly?: boolean;
  /** Save the weights without the architecture, to `.weights.h5` or `.safetensors`. Default: false. */
  readonly saveWeightsOnly?: boolean;
  /** Default: "epoch". */
  readonly saveFreq?: SaveFrequency;
  /** What must be improved upon before anything is saved, with `saveBestOnly`. */
  readonly initialValueThreshold?: number | null;
  /** Remove all but the last so many files, and the best one. Default: keep all. */
  readonly keepLast?: number | null;
}

const optionNames: readonly (keyof ModelCheckpointOptions)[] = [
  ...(["monitor", "mode", "saveBestOnly", "saveWeightsOnly"] as const),
  ...(["saveFreq", "initialValueThreshold", "keepLast"] as const),
];

/**
 * Saves the model after every epoch, or every so many batches. The path's ending says in which format: those of
 * `model.save`, or `.ckpt` for a checkpoint of the whole run, which `fit({ resumeFrom })` goes on from.
 *
 * In the path `{epoch}` (from 1), `{batch}` (from 1, when batches are counted) and names of logged values are
 * replaced, formatted as in Python: `model-{epoch:02d}-{val_loss:.2f}.h5`. `{valLoss}` is `{val_loss}`.
 *
 * @example
 * ```ts
 * const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
 * model.compile({ loss: "mse", optimizer: "sgd" });
 * const best = new ModelCheckpoint("best.keras", { monitor: "loss", saveBestOnly: true });
 * const every = new ModelCheckpoint("runs/{epoch:03d}.ckpt", { keepLast: 2 });
 * await model.fit([[0], [1]], [1, 3], { epochs: 3, verbose: 0, callbacks: [best, every] });
 * const again = await model.fit([[0], [1]], [1, 3], { epochs: 5, verbose: 0, resumeFrom: "runs/003.ckpt", callbacks: [best, every] });
 * again.epoch; // [0, 1, 2, 3, 4]
 * (await loadModel("best.keras")).countParams(); // 2
 * ```
 */
export class ModelCheckpoint extends Callback {
  private readonly path: string;
  private readonly options: ModelCheckpointOptions;
  private readonly monitor: Monitor;
  private readonly counter: SaveCounter;
  private epoch = 0;
  /** The best value so far, where it is looked at: with `saveBestOnly` or `keepLast`. */
  best: number | null;
  /** The file with the best value. */
  bestPath: string | null = null;
  private kept: string[] = [];

  /** @throws {ArgumentError} for a path or options that mean nothing. */
  constructor(path: string, options: ModelCheckpointOptions = {}) {
    super();
    const op = "ModelCheckpoint";
    checkPath(op, path, 'new ModelCheckpoint("best.keras")');
    checkOptionNames(op, options, optionNames);
    const { saveFreq = "epoch", saveWeightsOnly = false, initialValueThreshold = null, keepLast = null } = options;
    this.path = path;
    this.options = options;
    this.monitor = new Monitor(this, op, options);
    this.counter = new SaveCounter(op, saveFreq);
    this.best = initialValueThreshold;
    checkPlaceholders(op, path);
    if (saveWeightsOnly !== /\.(weights\.h5|safetensors)$/.test(path)) {
      const hint = saveWeightsOnly
        ? "end the path in .weights.h5 or .safetensors"
        : "saveWeightsOnly: true, or a path that ends in .keras, .h5 or .ckpt";
      throw new ArgumentError({ op, message: `"${path}" does not go with saveWeightsOnly: ${saveWeightsOnly}`, hint });
    }
    if (!/\.(keras|h5|hdf5|safetensors|ckpt)$/.test(path)) {
      const hint = "the path must end in .keras, .h5, .weights.h5, .safetensors or .ckpt";
      throw new ArgumentError({ op, message: `the format of "${path}" is not known`, hint });
    }
    if (keepLast !== null && !(Number.isInteger(keepLast) && keepLast > 0)) {
      throw new ArgumentError({ op, message: `keepLast is ${keepLast}, expected a positive whole number` });
    }
  }

  /** @internal After the callbacks whose state a checkpoint holds. */
  override get turn(): 1 {
    return 1;
  }

  override onEpochBegin(epoch: number): void {
    this.epoch = epoch;
  }

  override async onBatchEnd(batch: number, logs: Logs): Promise<void> {
    if (this.counter.isDue()) await this.save({ epoch: this.epoch + 1, batch: batch + 1, ...logs }, logs);
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.counter.atEpochs) await this.save({ epoch: epoch + 1, ...logs }, logs);
  }

  private async save(values: Readonly<Record<string, number>>, logs: Logs): Promise<void> {
    const { saveBestOnly = false, keepLast = null } = this.options;
    const path = filled(this.path, values);
    // Which one is the best is only asked where the answer matters.
    const matters = saveBestOnly || (keepLast !== null && this.monitor.name in logs);
    const current = matters ? this.monitor.value(logs) : null;
    const better = current !== null && this.monitor.isBetter(current, this.best);
    if (saveBestOnly && !better) return;
    if (better) {
      this.best = current;
      this.bestPath = path;
    }
    this.kept = [...this.kept.filter((other) => other !== path), path];
    const { mkdir, rm } = nodeModule("node:fs/promises");
    const { dirname } = nodeModule("node:path");
    await mkdir(dirname(path), { recursive: true });
    const surplus = keepLast === null ? [] : this.kept.slice(0, -keepLast).filter((other) => other !== this.bestPath);
    this.kept = this.kept.filter((other) => !surplus.includes(other));
    if (path.endsWith(".ckpt")) await this.run!.save(path);
    else await this.model.save(path);
    for (const other of surplus) await rm(other, { force: true });
  }

  override state(): State {
    return { best: this.best, bestPath: this.bestPath, kept: this.kept, count: this.counter.state() };
  }

  override restoreState(state: State): void {
    const saved = new Fields("ModelCheckpoint", state);
    this.best = saved.numberOrNull("best");
    this.bestPath = saved.get("bestPath") as string | null;
    this.kept = saved.strings("kept");
    this.counter.restoreState(saved.number("count"));
  }
}

const placeholder = /\{(\w+)(?::([^}]*))?\}/g;
/** Python's `02d`, `.2f`, `8.3e`, `.1%`. */
const formatSpec = /^(0?)(\d*)(?:\.(\d+))?([dfeg%]?)$/;

function checkPlaceholders(op: string, path: string): void {
  for (const [whole, , format] of path.matchAll(placeholder)) {
    if (format === undefined || formatSpec.test(format)) continue;
    throw new ArgumentError({
      op,
      message: `the format of ${whole} in "${path}" is not known`,
      hint: "known are such as {epoch:02d}, {val_loss:.2f}, {val_loss:.3e} and {accuracy:.1%}",
    });
  }
}

/** Replaces the placeholders. @throws {ArgumentError} for one that has no value. */
function filled(path: string, values: Readonly<Record<string, number>>): string {
  return path.replace(placeholder, (_, name: string, format: string | undefined) => {
    const known = Object.keys(values);
    const key = known.find((k) => k === name) ?? known.find((k) => camelCase(k) === name);
    if (key === undefined) throw unknownName("ModelCheckpoint", "logged value", name, known);
    return formatted(values[key]!, format ?? "");
  });
}

function formatted(value: number, format: string): string {
  const [, zero, width, precision, type] = formatSpec.exec(format)!;
  const digits = precision === undefined ? 6 : Number(precision);
  const exponent = (text: string): string => text.replace(/e([+-])(\d)$/, "e$10$2");
  const texts: Readonly<Record<string, () => string>> = {
    d: () => String(Math.round(value)),
    f: () => value.toFixed(digits),
    e: () => exponent(value.toExponential(digits)),
    g: () => String(Number(value.toPrecision(Math.max(1, digits)))),
    "%": () => `${(value * 100).toFixed(digits)}%`,
    "": () => (precision === undefined ? String(value) : String(Number(value.toPrecision(Math.max(1, digits))))),
  };
  return texts[type!]!().padStart(Number(width), zero === "0" ? "0" : " ");
}
