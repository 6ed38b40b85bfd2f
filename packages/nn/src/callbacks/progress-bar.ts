import { checkOptionNames } from "../option-checks.ts";
import type { Logs } from "../training/logs.ts";
import { Callback } from "./callback.ts";

/** Where a progress bar writes. */
export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** Options of {@link ProgressBar}. */
export interface ProgressBarOptions {
  /** Default: the standard output, or the console where there is none. */
  readonly output?: ProgressOutput;
  /** A clock in milliseconds. */
  readonly now?: () => number;
}

const width = 30;
/** A terminal is written to at most this often, in milliseconds. */
const interval = 50;

/**
 * Prints the epochs as Keras does: a bar (verbose 1) that moves on a terminal and is printed once elsewhere, or one line
 * per epoch (verbose 2).
 */
export class ProgressBar extends Callback {
  private readonly output: ProgressOutput;
  private readonly now: () => number;
  private started = 0;
  private drawn = 0;
  private done = 0;
  private lineLength = 0;

  constructor(options: ProgressBarOptions = {}) {
    super();
    checkOptionNames("ProgressBar", options, ["output", "now"]);
    this.output = options.output ?? standardOutput();
    this.now = options.now ?? (() => performance.now());
  }

  override onEpochBegin(epoch: number): void {
    this.started = this.now();
    this.drawn = 0;
    this.done = 0;
    this.lineLength = 0;
    const title = `Epoch ${epoch + 1}/${this.params.epochs}`;
    if (this.params.verbose === 1) this.output.write(`${title}\n`);
    if (this.params.verbose === 2) this.output.write(`${title} - `);
  }

  override onBatchEnd(batch: number, logs: Logs): void {
    this.done = batch + 1;
    if (this.params.verbose !== 1 || this.output.isTTY !== true) return;
    const now = this.now();
    if (now - this.drawn < interval || this.done === this.params.steps) return;
    this.drawn = now;
    this.rewrite(
      progressLine({ done: this.done, steps: this.params.steps, elapsed: now - this.started, logs, final: false }),
    );
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    const elapsed = this.now() - this.started;
    const steps = this.params.steps ?? this.done;
    if (this.params.verbose === 1) {
      this.rewrite(progressLine({ done: this.done, steps, elapsed, logs, final: true }));
      this.output.write("\n");
    }
    if (this.params.verbose === 2) {
      this.output.write(`${this.done}/${steps} - ${timing(elapsed, this.done)}${values(logs)}\n`);
    }
  }

  private rewrite(line: string): void {
    const rest = " ".repeat(Math.max(0, this.lineLength - line.length));
    this.output.write(this.lineLength === 0 ? line : `\r${line}${rest}`);
    this.lineLength = line.length;
  }
}

/** One line of the bar. */
export function progressLine({
  done,
  steps,
  elapsed,
  logs,
  final,
}: {
  readonly done: number;
  readonly steps: number | null;
  readonly elapsed: number;
  readonly logs: Logs;
  readonly final: boolean;
}): string {
  if (steps === null) return `${String(done).padStart(7)}/Unknown - ${timing(elapsed, done)}${values(logs)}`;
  const count = `${String(done).padStart(String(steps).length)}/${steps}`;
  const filled = Math.floor((width * done) / Math.max(1, steps));
  const head = filled === 0 ? "" : "=".repeat(filled - 1) + (done < steps ? ">" : "=");
  const bar = `[${head}${".".repeat(width - filled)}]`;
  const perStep = elapsed / Math.max(1, done);
  const time = final ? timing(elapsed, done) : `ETA: ${duration((perStep * (steps - done)) / 1000)}`;
  return `${count} ${bar} - ${time}${values(logs)}`;
}

/** `4s 2ms/step`. */
function timing(elapsed: number, steps: number): string {
  const seconds = elapsed / 1000 / Math.max(1, steps);
  const each =
    seconds >= 1 || seconds === 0
      ? `${seconds.toFixed(0)}s/step`
      : seconds >= 1e-3
        ? `${(seconds * 1e3).toFixed(0)}ms/step`
        : `${(seconds * 1e6).toFixed(0)}us/step`;
  return `${(elapsed / 1000).toFixed(0)}s ${each}`;
}

function duration(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.floor(seconds % 60)];
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds > 3600) return `${h}:${two(m)}:${two(s)}`;
  return seconds > 60 ? `${m}:${two(s)}` : `${s}s`;
}

function values(logs: Logs): string {
  return Object.entries(logs)
    .map(([name, value]) => ` - ${name}: ${number(value)}`)
    .join("");
}

/** Four decimals, or four digits and an exponent for small numbers. */
function number(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Math.abs(value) > 1e-3 || value === 0
    ? value.toFixed(4)
    : value.toExponential(4).replace(/e([+-])(\d)$/, "e$10$2");
}

function standardOutput(): ProgressOutput {
  const stdout = globalThis.process?.stdout;
  if (typeof stdout?.write === "function") return stdout;
  let line = "";
  return {
    write(text: string): void {
      line += text;
      if (!line.endsWith("\n")) return;
      console.log(line.slice(line.lastIndexOf("\r") + 1, -1));
      line = "";
    },
  };
}

/** 1 on a terminal, 2 elsewhere. */
export function automaticVerbosity(): 1 | 2 {
  return globalThis.process?.stdout?.isTTY === true ? 1 : 2;
}
