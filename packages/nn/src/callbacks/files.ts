import type { Logs } from "../training/logs.ts";
import { Callback } from "./callback.ts";
import { isBetter, type MonitorMode, monitored } from "./early-stopping.ts";

/** Options of {@link ModelCheckpoint}. */
export interface ModelCheckpointOptions {
  /** Default: val_loss. */
  readonly monitor?: string;
  /** Keep only the best. Default: false. */
  readonly saveBestOnly?: boolean;
  readonly mode?: MonitorMode;
}

/**
 * Saves the model after every epoch. `{epoch}` (from 1) and names of logged values in the path are replaced:
 * `model-{epoch:02d}-{val_loss:.2f}.h5`.
 */
export class ModelCheckpoint extends Callback {
  private readonly path: string;
  private readonly options: ModelCheckpointOptions;
  private best: number | null = null;
  constructor(path: string, options: ModelCheckpointOptions = {}) {
    super();
    this.path = path;
    this.options = options;
  }
  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { monitor = "val_loss", saveBestOnly = false, mode = "auto" } = this.options;
    if (saveBestOnly) {
      const current = monitored("ModelCheckpoint", monitor, logs);
      if (!isBetter(monitor, mode, current, this.best)) return;
      this.best = current;
    }
    await this.model.save(filled(this.path, { epoch: epoch + 1, ...logs }));
  }
}

/** Replaces `{name}`, `{name:02d}` and `{name:.2f}`. */
function filled(path: string, values: Readonly<Record<string, number>>): string {
  return path.replace(/\{(\w+)(?::([^}]*))?\}/g, (whole, name: string, format: string | undefined) => {
    const value = values[name];
    if (value === undefined) return whole;
    const decimals = format?.match(/^\.(\d+)f$/);
    if (decimals) return value.toFixed(Number(decimals[1]));
    const padded = format?.match(/^0?(\d+)d$/);
    return padded ? String(Math.round(value)).padStart(Number(padded[1]), "0") : String(value);
  });
}

/** Options of {@link CSVLogger}. */
export interface CSVLoggerOptions {
  /** Default: ",". */
  readonly separator?: string;
  /** Continue the file instead of replacing it. Default: false. */
  readonly append?: boolean;
}

/** Writes the logs of every epoch as a row of a CSV file. */
export class CSVLogger extends Callback {
  private readonly path: string;
  private readonly options: CSVLoggerOptions;
  private columns: readonly string[] | null = null;
  constructor(path: string, options: CSVLoggerOptions = {}) {
    super();
    this.path = path;
    this.options = options;
  }
  override onTrainBegin(): void {
    this.columns = null;
  }
  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { appendFile, readFile, writeFile } = await import("node:fs/promises");
    const { separator = ",", append = false } = this.options;
    const first = this.columns === null;
    this.columns ??= Object.keys(logs);
    const row = `${[epoch, ...this.columns.map((name) => logs[name] ?? "")].join(separator)}\n`;
    if (!first) return appendFile(this.path, row);
    const before = append ? await readFile(this.path, "utf8").catch(() => "") : "";
    const header = before === "" ? `${["epoch", ...this.columns].join(separator)}\n` : "";
    return writeFile(this.path, before + header + row);
  }
}
