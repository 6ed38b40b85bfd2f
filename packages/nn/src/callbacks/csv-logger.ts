import { nodeModule } from "../node.ts";
import { checkOptionNames, checkPath } from "../option-checks.ts";
import { Fields, type State } from "../state.ts";
import type { Logs } from "../training/logs.ts";
import { Callback } from "./callback.ts";

/** Options of {@link CSVLogger}. */
export interface CSVLoggerOptions {
  /** Default: ",". */
  readonly separator?: string;
  /** Continue the file instead of replacing it. Default: false. */
  readonly append?: boolean;
}

/**
 * Writes the logs of every epoch (its number from 0) as a row of a CSV file. As in Keras, columns are in alphabetical
 * order, and values of epochs without validation are `NA`.
 *
 * @example
 * ```ts
 * // log.csv will have the columns "epoch,loss", and a row for each epoch
 * const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
 * model.compile({ loss: "mse", optimizer: "sgd" });
 * await model.fit([[0], [1]], [1, 3], { epochs: 2, verbose: 0, callbacks: [new CSVLogger("log.csv")] });
 * ```
 */
export class CSVLogger extends Callback {
  private readonly path: string;
  private readonly options: CSVLoggerOptions;
  private columns: readonly string[] | null = null;
  /** The length of the file after the last row. */
  private bytes = 0;

  /** @throws {ArgumentError} for what is no path, and options that there are not. */
  constructor(path: string, options: CSVLoggerOptions = {}) {
    super();
    checkPath("CSVLogger", path, 'new CSVLogger("log.csv")');
    checkOptionNames("CSVLogger", options, ["separator", "append"]);
    this.path = path;
    this.options = options;
  }

  override async onTrainBegin(): Promise<void> {
    this.columns = null;
    this.bytes = this.options.append ? await sizeOf(this.path) : 0;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { separator = "," } = this.options;
    const line = (values: readonly (string | number)[]) =>
      `${values.map((v) => quoted(v, separator)).join(separator)}\n`;
    let text = "";
    if (this.columns === null) {
      const names = Object.keys(logs).sort();
      const unvalidated = this.params.validationFreq !== null && !names.some((name) => name.startsWith("val_"));
      this.columns = [...names, ...(unvalidated ? names.map((name) => `val_${name}`) : [])];
    }
    if (this.bytes === 0) text = line(["epoch", ...this.columns]);
    text += line([epoch, ...this.columns.map((name) => logs[name] ?? "NA")]);
    const { mkdir, open } = nodeModule("node:fs/promises");
    const { dirname } = nodeModule("node:path");
    await mkdir(dirname(this.path), { recursive: true });
    const file = await open(this.path, this.bytes === 0 ? "w" : "r+");
    try {
      // What stands behind the last row is of a run that was resumed from before it.
      await file.truncate(this.bytes);
      const { bytesWritten } = await file.write(text, this.bytes);
      this.bytes += bytesWritten;
    } finally {
      await file.close();
    }
  }

  override state(): State {
    return { columns: this.columns, bytes: this.bytes };
  }

  override async restoreState(state: State): Promise<void> {
    const saved = new Fields("CSVLogger", state);
    this.columns = saved.get("columns") === null ? null : saved.strings("columns");
    this.bytes = Math.min(saved.number("bytes"), await sizeOf(this.path));
  }
}

async function sizeOf(path: string): Promise<number> {
  const { stat } = nodeModule("node:fs/promises");
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}

function quoted(value: string | number, separator: string): string {
  const text = String(value);
  return text.includes(separator) || text.includes('"') ? `"${text.replaceAll('"', '""')}"` : text;
}
