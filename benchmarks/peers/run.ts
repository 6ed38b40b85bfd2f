/** Runs the same cases in other libraries, each in a process of its own, and collects what they print. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { rolldown } from "rolldown";

/** Milliseconds by library and case. */
export type Times = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Reads lines of JSON (library, case, milliseconds) out of what a program printed. */
export function timesIn(printed: string): Times {
  const times = new Map<string, Map<string, number>>();
  for (const line of printed.split("\n").filter((l) => l.startsWith("["))) {
    const [library, name, milliseconds] = JSON.parse(line) as [string, string, number];
    if (!times.has(library)) times.set(library, new Map());
    times.get(library)!.set(name, milliseconds);
  }
  return times;
}

/** Says that a yardstick is missing, why, and how to have it. */
export function skip(what: string, { error, stderr, status }: SpawnSyncReturns<string>): void {
  const raised = (stderr ?? "").split("\n").findLast((line) => /^\w*Error\b/.test(line));
  const reason = error?.message ?? raised ?? (status === 0 ? "not installed" : `exit status ${status}`);
  console.log(`skipped: ${what}: ${reason}`);
}

/** The Python with other libraries, and how messages name it. */
export const python = process.env.PYTHON ?? "python3";
export const pythonNamed = `by ${python} (PYTHON=… names another)`;

function runProgram(what: string, command: string, args: readonly string[]): Times {
  const finished = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26, timeout: 120_000 });
  const times = timesIn(finished.stdout ?? "");
  if (times.size === 0) skip(what, finished);
  return times;
}

/** A Python program, run by the interpreter that PYTHON names, or python3. */
export function runPython(what: string, program: string): Times {
  return runProgram(`${what} ${pythonNamed}`, python, ["-c", program]);
}

export function runJaxJs(): Times {
  return runProgram("jax-js", process.execPath, [join(import.meta.dirname, "jax-js.ts")]);
}

/** TensorFlow.js is made for bundlers: its gradients are in modules that Node alone cannot resolve. */
export async function runTensorFlowJs(): Promise<Times> {
  const folder = join(import.meta.dirname, "..", "out");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "tensorflow-js.cjs");
  const bundle = await rolldown({
    input: join(import.meta.dirname, "tensorflow-js.ts"),
    platform: "node",
    logLevel: "silent",
    resolve: { mainFields: ["module", "main"] },
  });
  await bundle.write({ file, format: "cjs" });
  await bundle.close();
  const wasm = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"));
  return runProgram("TensorFlow.js", process.execPath, [file, wasm]);
}
