/**
 * Measures the errors of the WebAssembly kernels' functions, in units of the last place, and prints them as a table.
 *
 * pnpm ulp [--count N] [--write]
 *
 * PYTHON names a Python with mpmath, which computes what is right in 60 digits. `--write` stores the few results that
 * the tests compare with.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { View } from "../packages/autograd/src/backend/backend.ts";
import {
  argumentsFor,
  errorOf,
  functions,
  type Measured,
  restScale,
  storedCount,
} from "../packages/autograd/src/backend/testing/accuracy.ts";
import { createWasmBackend, type WasmBackend } from "../packages/autograd/src/backend/wasm/index.ts";
import type { FloatDType } from "../packages/autograd/src/dtype.ts";

const option = (name: string): string | undefined => process.argv[process.argv.indexOf(name) + 1];
const count = process.argv.includes("--count") ? Number(option("--count")) : 4000;
const python = process.env.PYTHON ?? "python3";

/** Reads `name`, then bytes of arguments; writes the nearest float64 and what is missing in its last places. */
const program = `
import sys, struct, json
import mpmath as mp
from fractions import Fraction
mp.mp.dps = 60
def gamma_log(x):
    if x > 0: return mp.loggamma(x)
    return mp.log(mp.pi / abs(mp.sin(mp.pi * x))) - mp.loggamma(1 - x)
def remainder(x, y):
    a, b = Fraction(float(x)), Fraction(float(y))
    r = a - (a // b) * b
    return mp.mpf(r.numerator) / r.denominator
def inverse_erf(y):
    if abs(y) < 0.9: return mp.erfinv(y)
    c = 1 - abs(y)
    x = mp.sqrt(-mp.log(c))
    for _ in range(200):
        e = mp.erfc(x)
        step = (mp.log(e) - mp.log(c)) * e * mp.sqrt(mp.pi) / 2 * mp.exp(x * x)
        x += step
        if abs(step) < mp.mpf(10) ** -45: break
    return x if y > 0 else -x
named = dict(cbrt=lambda x: mp.cbrt(x) if x > 0 else -mp.cbrt(-x), exp2=lambda x: mp.power(2, x), log2=lambda x: mp.log(x) / mp.log(2), log10=lambda x: mp.log(x) / mp.log(10),
  sigmoid=lambda x: 1 / (1 + mp.exp(-x)), erfinv=inverse_erf, lgamma=gamma_log, pow=mp.power, remainder=remainder)
def nearest(v):
    if v == 0: return 0.0, 0.0
    exponent = max(int(mp.floor(mp.log(abs(v), 2))) - 52, -1074)
    scaled = mp.ldexp(v, -exponent)
    whole = int(mp.nint(scaled))
    try: y = mp.ldexp(mp.mpf(whole), exponent)
    except OverflowError: return float("inf"), 0.0
    try: f = float(y)
    except OverflowError: f = float("inf") if y > 0 else -float("inf")
    return f, float(scaled - whole)
folder = sys.argv[1]
for name, files in json.load(open(folder + "/jobs.json")):
    data = []
    for file in files:
        raw = open(folder + "/" + file, "rb").read()
        data.append(struct.unpack("<%dd" % (len(raw) // 8), raw))
    f = named.get(name.split(" ")[0]) or getattr(mp, name.split(" ")[0])
    out = bytearray()
    for args in zip(*data):
        try:
            v = f(*[mp.mpf(a) for a in args])
            pair = nearest(mp.mpf(v)) if mp.isfinite(v) and mp.im(v) == 0 else (float("nan"), 0.0)
        except (ValueError, ZeroDivisionError, TypeError, OverflowError): pair = (float("nan"), 0.0)
        out += struct.pack("<dd", *pair)
    open(folder + "/" + name, "wb").write(out)
`;

interface Job {
  readonly name: string;
  readonly measured: Measured;
  readonly dtype: FloatDType;
  readonly operands: readonly Float64Array[];
}
const dtypes = ["float32", "float64"] as const;
const only = process.env.ONLY?.split(",");
const entries = Object.entries(functions).filter(([name]) => only === undefined || only.includes(name));
const jobs: Job[] = entries.flatMap(([name, measured]) =>
  dtypes.flatMap((dtype) =>
    (process.argv.includes("--write") ? [storedCount] : [count]).map((n) => ({
      name,
      measured,
      dtype,
      operands: argumentsFor(measured, dtype, n),
    })),
  ),
);

/** What is right: pairs of a float64 and the rest. */
function rightResults(): Map<Job, Float64Array> {
  const folder = mkdtempSync(join(tmpdir(), "ulp-"));
  try {
    const list = jobs.map((job, i) => {
      const files = job.operands.map((values, k) => {
        writeFileSync(join(folder, `${i}-${k}`), values);
        return `${i}-${k}`;
      });
      return [`${job.name} ${job.dtype}`, files];
    });
    writeFileSync(join(folder, "jobs.json"), JSON.stringify(list));
    execFileSync(python, ["-c", program, folder], { stdio: ["ignore", "inherit", "inherit"] });
    return new Map(
      jobs.map((job) => {
        const bytes = readFileSync(join(folder, `${job.name} ${job.dtype}`));
        return [job, new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function compute(on: WasmBackend, { measured, dtype, operands }: Job): Float64Array {
  const size = operands[0]!.length;
  const view = (values?: Float64Array): View => {
    const storage = on.allocate(dtype, size);
    if (values !== undefined) storage.array.set(values);
    return { shape: [size], strides: [1], offset: 0, dtype, size, storage };
  };
  const output = view();
  on.run({ kind: "elementwise", expressions: [measured.expression], compute: dtype }, operands.map(view), [output]);
  return Float64Array.from(output.storage.array);
}

const right = rightResults();
if (process.argv.includes("--write")) {
  const file = new URL("../packages/autograd/src/backend/testing/accuracy.json", import.meta.url);
  const text = (values: Float64Array | Int8Array): string => Buffer.from(values.buffer).toString("base64");
  const stored = [...right].map(([{ name, dtype }, pairs]) => {
    const exact = pairs.filter((_, i) => i % 2 === 0);
    const rests = Int8Array.from(pairs.filter((_, i) => i % 2 === 1).map((rest) => Math.round(rest * restScale)));
    return [`${name} ${dtype}`, [text(exact), text(rests)]];
  });
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(stored), null, 1)}\n`);
} else {
  const modes = [createWasmBackend({ threads: 1 }), createWasmBackend({ threads: 1, portable: true })];
  console.log("| Function | float32 | float32, portable | float64 | float64, portable |");
  console.log("| -------- | ------- | ----------------- | ------- | ----------------- |");
  for (const [name] of entries) {
    const cells = dtypes.flatMap((dtype) => {
      const job = jobs.find((j) => j.name === name && j.dtype === dtype)!;
      const exact = right.get(job)!;
      return modes.map((on) => {
        let [worst, at] = [0, 0];
        compute(on!, job).forEach((value, i) => {
          if (Number.isNaN(exact[2 * i]!)) return;
          const error = errorOf(value, exact[2 * i]!, exact[2 * i + 1]!, dtype);
          if (error > worst) [worst, at] = [error, i];
        });
        if (process.env.WHERE !== undefined && worst > functions[name]!.limit * 0.8) {
          console.error(name, dtype, worst.toFixed(2), "at", ...job.operands.map((o) => o[at]));
        }
        return worst.toFixed(2);
      });
    });
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
}
