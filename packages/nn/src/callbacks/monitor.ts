import { ArgumentError } from "@gradiente/autograd";
import { unknownName } from "../errors.ts";
import type { Logs } from "../training/logs.ts";
import type { Callback } from "./callback.ts";

/** Which direction is better; "auto" tells from the metric. */
export type MonitorMode = "auto" | "min" | "max";

/** Options of callbacks that watch one of the logged values. */
export interface MonitorOptions {
  /** The name of a logged value. Default: val_loss. */
  readonly monitor?: string;
  /** Whether less or more is better. Default: "auto", as the metric has it; losses should be small. */
  readonly mode?: MonitorMode;
}

/** The monitored value. @throws {ArgumentError} when it is not logged. */
export function monitored(op: string, monitor: string, logs: Logs): number {
  const value = logs[monitor];
  if (value === undefined) throw unknownName(op, "logged value", monitor, Object.keys(logs));
  return value;
}

/** One of the logged values, and what an improvement of it is. */
export class Monitor {
  readonly name: string;
  private readonly owner: Callback;
  private readonly op: string;
  private readonly mode: MonitorMode;
  private readonly minDelta: number;

  constructor(owner: Callback, op: string, { monitor = "val_loss", mode = "auto" }: MonitorOptions, minDelta = 0) {
    if (!["auto", "min", "max"].includes(mode)) {
      throw new ArgumentError({ op, message: `mode is ${JSON.stringify(mode)}, expected "auto", "min" or "max"` });
    }
    this.owner = owner;
    this.op = op;
    this.name = monitor;
    this.mode = mode;
    this.minDelta = Math.abs(minDelta);
  }

  /**
   * The value in the logs of an epoch; null when there was no validation after it.
   * @throws {ArgumentError} when nothing of this name is logged.
   */
  value(logs: Logs): number | null {
    const validated = Object.keys(logs).some((name) => name.startsWith("val_"));
    if (this.name.startsWith("val_") && !validated && this.owner.params.validationFreq !== null) return null;
    return monitored(this.op, this.name, logs);
  }

  /**
   * Whether `current` is better than `best` by more than the smallest change that counts. Anything but NaN is better
   * than nothing.
   * @throws {ArgumentError} when it is not known which direction is better.
   */
  isBetter(current: number, best: number | null): boolean {
    const upwards = this.upwards();
    if (best === null) return !Number.isNaN(current);
    return upwards ? current - this.minDelta > best : current + this.minDelta < best;
  }

  private upwards(): boolean {
    if (this.mode !== "auto") return this.mode === "max";
    const name = this.name.replace(/^val_/, "");
    if (name === "loss" || name.endsWith("_loss")) return false;
    const direction = this.owner.model.compiled?.metricNamed(name)?.direction ?? null;
    if (direction !== null) return direction === "up";
    throw new ArgumentError({
      op: this.op,
      message: `it is not known whether more or less of ${JSON.stringify(this.name)} is better`,
      hint: 'state mode: "max" or mode: "min"',
    });
  }
}
