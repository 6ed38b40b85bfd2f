import { ArgumentError } from "@gradiente/autograd";
import { CheckpointError } from "../errors.ts";
import { nodeModule } from "../node.ts";
import { checkOptionNames, checkPath } from "../option-checks.ts";
import { Fields, type State } from "../state.ts";
import { Callback } from "./callback.ts";
import { SaveCounter, type SaveFrequency } from "./model-checkpoint.ts";

/** Options of {@link BackupAndRestore}. */
export interface BackupAndRestoreOptions {
  /** Default: "epoch". */
  readonly saveFreq?: SaveFrequency;
  /** Remove the checkpoints when training has come to its end. Default: true. */
  readonly deleteCheckpoint?: boolean;
  /** How many checkpoints are kept, so that there is another when the newest is damaged. Default: 2. */
  readonly keepLast?: number;
  /** Told of every checkpoint that is passed over because it is damaged. Default: `console.warn`. */
  readonly onDamaged?: (error: CheckpointError) => void;
}

/**
 * Lets a run survive its process. It writes checkpoints of the whole run into a folder; when a script that was killed
 * is started again, `fit` goes on where the newest one was written, and ends with the same weights and the same
 * history, bit for bit, as if it had never been interrupted. A run that is stopped by its `AbortSignal` leaves a
 * checkpoint of the batch it was stopped after; one that comes to its end removes them.
 *
 * The script must be the same: model, data, options and callbacks. Arrays are taken up in the middle of an epoch, as are
 * data sets with `iterate` and `position`, such as those of `@gradiente/datasets` (give their shuffles a seed). Other
 * iterables are read again from their beginning up to where they stood.
 *
 * @example
 * ```ts
 * const run = async (signal?: AbortSignal) => {
 *   const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
 *   model.compile({ loss: "mse", optimizer: "adam" });
 *   const callbacks = [new BackupAndRestore("backup")];
 *   const options = { epochs: 3, verbose: 0, callbacks, ...(signal && { signal }) } as const;
 *   return (await model.fit([[0], [1], [2]], [1, 3, 5], options)).epoch;
 * };
 * await run(AbortSignal.abort()); // []
 * await run(); // [0, 1, 2]
 * ```
 */
export class BackupAndRestore extends Callback {
  private readonly directory: string;
  private readonly options: BackupAndRestoreOptions;
  private readonly counter: SaveCounter;
  /** The checkpoint that the run went on from; null when it began anew. */
  resumedFrom: string | null = null;
  /** The number of the last checkpoint. */
  private number = 0;
  /** Checkpoints that cannot be read. They are no longer among those that are kept, and go when there is a new one. */
  private damaged: readonly string[] = [];

  /** @throws {ArgumentError} for an empty path or options that mean nothing. */
  constructor(directory: string, options: BackupAndRestoreOptions = {}) {
    super();
    const op = "BackupAndRestore";
    checkPath(op, directory, 'new BackupAndRestore("backup")');
    checkOptionNames(op, options, ["saveFreq", "deleteCheckpoint", "keepLast", "onDamaged"]);
    const { saveFreq = "epoch", keepLast = 2 } = options;
    if (!(Number.isInteger(keepLast) && keepLast > 0)) {
      throw new ArgumentError({ op, message: `keepLast is ${keepLast}, expected a positive whole number` });
    }
    this.directory = directory;
    this.options = options;
    this.counter = new SaveCounter(op, saveFreq);
  }

  /** @internal After all others, whose state the checkpoint holds. */
  override get turn(): 2 {
    return 2;
  }

  override async onTrainBegin(): Promise<void> {
    this.resumedFrom = null;
    const found = await this.checkpoints();
    this.number = found.at(-1)?.number ?? 0;
    this.damaged = [];
    const damaged: CheckpointError[] = [];
    const { readCheckpoint } = await import("../training/checkpoint.ts");
    for (const { path } of found.reverse()) {
      try {
        this.run!.resumeFrom(await readCheckpoint(path));
        this.resumedFrom = path;
        return;
      } catch (error) {
        if (!(error instanceof CheckpointError) || error.reason === "mismatch") throw error;
        damaged.push(error);
        if (error.reason === "damaged") this.damaged = [...this.damaged, path];
        (this.options.onDamaged ?? warn)(error);
      }
    }
    if (damaged.length === 0) return;
    throw new CheckpointError({
      op: "BackupAndRestore",
      message: `every checkpoint in "${this.directory}" is damaged; of the newest: ${damaged[0]!.message}`,
      hint: "remove the folder to train from the beginning",
      reason: "damaged",
    });
  }

  override async onBatchEnd(): Promise<void> {
    if (this.counter.isDue()) await this.save();
  }

  override async onEpochEnd(): Promise<void> {
    if (this.counter.atEpochs) await this.save();
  }

  override onInterrupt(): Promise<void> {
    return this.save();
  }

  override async onTrainEnd(): Promise<void> {
    if (this.run!.outcome !== "finished" || !(this.options.deleteCheckpoint ?? true)) return;
    await this.removeAllBut(0);
    const { rmdir } = nodeModule("node:fs/promises");
    await rmdir(this.directory).catch(() => {}); // not there, or with files of others in it
  }

  override state(): State {
    return { count: this.counter.state() };
  }

  override restoreState(state: State): void {
    this.counter.restoreState(new Fields("BackupAndRestore", state).number("count"));
  }

  private async save(): Promise<void> {
    const { mkdir } = nodeModule("node:fs/promises");
    const { join } = nodeModule("node:path");
    await mkdir(this.directory, { recursive: true });
    this.number++;
    await this.run!.save(join(this.directory, `checkpoint-${String(this.number).padStart(8, "0")}.ckpt`));
    await this.removeAllBut(this.options.keepLast ?? 2);
  }

  /** Removes the oldest first, so that the newest is there to the last. */
  private async removeAllBut(count: number): Promise<void> {
    const { rm } = nodeModule("node:fs/promises");
    const found = await this.checkpoints();
    const whole = found.filter(({ path }) => !this.damaged.includes(path));
    const surplus = whole.slice(0, Math.max(0, whole.length - count)).map(({ path }) => path);
    for (const path of [...this.damaged, ...surplus]) await rm(path, { force: true });
    this.damaged = [];
  }

  /** The checkpoints in the folder, oldest first. What a killed process left half-written is removed. */
  private async checkpoints(): Promise<{ readonly path: string; readonly number: number }[]> {
    const { readdir, rm } = nodeModule("node:fs/promises");
    const { join } = nodeModule("node:path");
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw new CheckpointError({
        op: "BackupAndRestore",
        message: `the folder "${this.directory}" cannot be read: ${error.message}`,
        reason: "unreadable",
      });
    });
    for (const name of names) {
      if (/^checkpoint-\d+\.ckpt\..*\.tmp$/.test(name)) await rm(join(this.directory, name), { force: true });
    }
    return names
      .flatMap((name) => {
        const number = /^checkpoint-(\d+)\.ckpt$/.exec(name)?.[1];
        return number === undefined ? [] : [{ path: join(this.directory, name), number: Number(number) }];
      })
      .sort((a, b) => a.number - b.number);
  }
}

function warn(error: CheckpointError): void {
  console.warn(`${error.message} The checkpoint before it is used.`);
}
