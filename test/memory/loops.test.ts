/** Memory is bounded without anyone's help, in loops of every kind. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

interface Report {
  /** Megabytes of JavaScript objects and buffers after a quarter of the loop and at its end, garbage collected. */
  readonly early: number;
  readonly late: number;
  /** Resident megabytes of the process. */
  readonly resident: number;
  /** Megabytes of WebAssembly memory. */
  readonly heap: number;
  readonly kept: number;
  readonly intact: boolean;
}

async function run(loop: string, steps: number): Promise<Report> {
  const script = join(import.meta.dirname, "loop.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", script, loop, String(steps)]);
  return JSON.parse(stdout) as Report;
}

test.concurrent.each([
  ["training", 100_000],
  ["gradients by hand", 100_000],
  ["inference that is recorded", 100_000],
  ["awaiting", 50_000],
  ["keeping every tenth", 100_000],
] as const)("a loop of %s stays flat over %i steps", { timeout: 120_000 }, async (loop, steps) => {
  const { early, late, resident, heap, kept, intact } = await run(loop, steps);
  expect(late - early).toBeLessThan(24);
  expect(resident).toBeLessThan(800);
  expect(heap).toBeLessThan(192);
  expect(intact).toBe(true);
  expect(kept).toBe(loop === "keeping every tenth" ? steps / 10 : 0);
});
