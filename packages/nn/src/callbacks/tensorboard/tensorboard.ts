import { ArgumentError, GradienteError } from "@gradiente/autograd";
import { nodeModule } from "../../node.ts";
import { checkOptionNames } from "../../option-checks.ts";
import { Fields, type State } from "../../state.ts";
import type { Logs } from "../../training/logs.ts";
import { Callback } from "../callback.ts";
import { EventFile, type Tools } from "./event-file.ts";
import { type EventContent, histogramOf } from "./events.ts";

/** Options of {@link TensorBoard}. */
export interface TensorBoardOptions {
  /** The folder that `tensorboard --logdir` is given. Default: logs. */
  readonly logDir?: string;
  /** Write histograms of the weights after every so many epochs. Default: 0, never. */
  readonly histogramFreq?: number;
  /** Write the model, so that its graph is shown. Default: true. */
  readonly writeGraph?: boolean;
  /** Write the number of batches per second. Default: false. */
  readonly writeStepsPerSecond?: boolean;
  /** When losses and metrics are written besides those of whole epochs: every so many batches. Default: "epoch", never. */
  readonly updateFreq?: "epoch" | "batch" | number;
}

const optionNames: readonly (keyof TensorBoardOptions)[] = [
  ...(["logDir", "histogramFreq", "writeGraph"] as const),
  ...(["writeStepsPerSecond", "updateFreq"] as const),
];

/**
 * Writes what TensorBoard shows: losses, metrics and the learning rate of every epoch, those of validation in a folder
 * of their own, by request those of batches and histograms of the weights, and the model's graph. Names of folders and
 * curves are Keras' (`train/epoch_loss`, `validation/evaluation_loss_vs_iterations`). A run that goes on from a
 * checkpoint continues its files.
 *
 * @example
 * ```ts
 * // to look at with: tensorboard --logdir logs
 * const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
 * model.compile({ loss: "mse", optimizer: "sgd" });
 * await model.fit([[0], [1]], [1, 3], { verbose: 0, callbacks: [new TensorBoard({ logDir: "logs" })] });
 * ```
 */
export class TensorBoard extends Callback {
  private readonly options: TensorBoardOptions;
  private readonly every: number;
  private tools: Tools | null = null;
  private files: Partial<Record<"train" | "validation", EventFile>> = {};
  /** Batches trained so far. */
  private batches = 0;
  private epochStart = 0;
  private batchStart = 0;
  private batchesBefore = 0;

  /** @throws {ArgumentError} for frequencies that mean nothing. */
  constructor(options: TensorBoardOptions = {}) {
    super();
    checkOptionNames("TensorBoard", options, optionNames);
    const { histogramFreq = 0, updateFreq = "epoch" } = options;
    this.options = options;
    this.every = updateFreq === "epoch" ? 0 : updateFreq === "batch" ? 1 : updateFreq;
    for (const [name, value] of Object.entries({ histogramFreq, updateFreq: this.every })) {
      if (Number.isInteger(value) && value >= 0) continue;
      throw new ArgumentError({
        op: "TensorBoard",
        message: `${name} is ${value}, expected a whole number, 0 or more`,
      });
    }
  }

  override async onTrainBegin(): Promise<void> {
    const [fs, path, os] = [nodeModule("node:fs"), nodeModule("node:path"), nodeModule("node:os")];
    const wire = await import("@bufbuild/protobuf/wire");
    this.tools = { wire, fs, path, hostname: os.hostname() };
    this.files = {};
    this.batches = 0;
  }

  override onEpochBegin(): void {
    this.epochStart = performance.now();
    this.batchesBefore = this.batches;
  }

  override onBatchBegin(): void {
    this.batchStart = performance.now();
  }

  override onBatchEnd(_batch: number, logs: Logs): void {
    this.batches++;
    if (this.every === 0 || this.batches % this.every !== 0) return;
    const seconds = (performance.now() - this.batchStart) / 1000;
    const own = this.options.writeStepsPerSecond ? { ...logs, steps_per_second: 1 / seconds } : logs;
    for (const [name, value] of Object.entries(own)) this.scalar("train", `batch_${name}`, value, this.batches);
  }

  override onTestEnd(logs: Logs): void {
    if (this.run === null) return;
    const { iterations } = this.model.optimizer;
    for (const [name, value] of Object.entries(logs)) {
      this.scalar("validation", `evaluation_${name}_vs_iterations`, value, iterations);
    }
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { histogramFreq = 0, writeStepsPerSecond = false } = this.options;
    const seconds = (performance.now() - this.epochStart) / 1000;
    const own: Record<string, number> = { ...logs, learning_rate: this.model.optimizer.learningRate };
    if (writeStepsPerSecond) own.steps_per_second = (this.batches - this.batchesBefore) / seconds;
    for (const [name, value] of Object.entries(own)) {
      const validation = name.startsWith("val_");
      this.scalar(validation ? "validation" : "train", `epoch_${name.replace(/^val_/, "")}`, value, epoch);
    }
    if (histogramFreq > 0 && epoch % histogramFreq === 0) this.histograms(epoch);
    for (const file of Object.values(this.files)) file.flush();
  }

  override onTrainEnd(): void {
    for (const file of Object.values(this.files)) file.flush();
  }

  private histograms(epoch: number): void {
    for (const layer of this.model.layers) {
      for (const weight of layer.weights) {
        const content = { kind: "histogram", histogram: histogramOf(weight.value.data) } as const;
        this.file("train").add(epoch, { ...content, tag: `${layer.name}/${weight.name}/histogram` });
      }
    }
  }

  private scalar(folder: "train" | "validation", tag: string, value: number, step: number): void {
    this.file(folder).add(step, { kind: "scalar", tag, value });
  }

  private file(folder: "train" | "validation"): EventFile {
    const known = this.files[folder];
    if (known !== undefined) return known;
    const { logDir = "logs", writeGraph = true } = this.options;
    const { tools } = this;
    const file = EventFile.create(tools!, tools!.path.join(logDir, folder), folder === "train" ? 0 : 1);
    const model = folder === "train" && writeGraph ? this.modelJson() : null;
    if (model !== null) file.add(0, model);
    this.files[folder] = file;
    return file;
  }

  /** The model as Keras writes it; null for one that cannot be written, which is no reason not to train it. */
  private modelJson(): EventContent | null {
    const { className } = this.model;
    if (className !== "Sequential" && className !== "Functional") return null;
    try {
      const json = JSON.stringify({ class_name: className, config: this.model.getConfig() });
      return { kind: "model", tag: "keras", json };
    } catch (error) {
      if (error instanceof GradienteError) return null;
      throw error;
    }
  }

  override state(): State {
    const { train = null, validation = null } = this.files;
    const place = (file: EventFile | null): State => (file === null ? null : { path: file.path, length: file.flush() });
    return { batches: this.batches, train: place(train), validation: place(validation) };
  }

  override restoreState(state: State): void {
    const saved = new Fields("TensorBoard", state);
    this.batches = saved.number("batches");
    this.batchesBefore = this.batches;
    for (const folder of ["train", "validation"] as const) {
      if (saved.get(folder) === null) continue;
      const place = saved.fields(folder);
      const file = EventFile.reopen(this.tools!, place.text("path"), place.number("length"));
      if (file !== null) this.files[folder] = file;
    }
  }
}
