import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import * as g from "@gradiente/autograd";
import * as arbitraries from "@gradiente/autograd/arbitraries";
import * as extend from "@gradiente/autograd/extend";
import * as tensorFiles from "@gradiente/autograd/files";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as ops from "../packages/autograd/src/ops/index.ts";

// Runs the examples in docstrings. A line `expression; // value` says what the expression prints.

interface Example {
  readonly file: string;
  readonly line: number;
  readonly code: readonly string[];
}

function examplesOf(file: string): Example[] {
  const lines = readFileSync(file, "utf8").split("\n");
  const examples: Example[] = [];
  let open: { line: number; code: string[] } | null = null;
  lines.forEach((text, i) => {
    const inner = /^\s*\* ?(.*)$/.exec(text)?.[1];
    if (inner === undefined) open = null;
    else if (open === null && inner.trim() === "```ts") open = { line: i + 1, code: [] };
    else if (open !== null && inner.trim() === "```") {
      examples.push({ file, ...open });
      open = null;
    } else open?.code.push(inner);
  });
  return examples;
}

/** Tensors as nested arrays, everything else as it is. */
function plain(value: unknown): unknown {
  if (value instanceof g.Tensor) return value.toArray();
  return Array.isArray(value) ? value.map(plain) : value;
}

/** Half a unit of the last digit shown; integers are meant exactly, but for float32's rounding. */
function tolerance(shown: number): number {
  const [digits, exponent = "0"] = String(shown).split("e");
  const decimals = digits!.split(".")[1]?.length ?? 0;
  return decimals === 0 ? 1e-6 * Math.abs(shown) + 1e-7 : 0.5001 * 10 ** (Number(exponent) - decimals);
}

function matches(found: unknown, shown: unknown): boolean {
  if (typeof shown === "number" && typeof found === "number") {
    return (
      Object.is(found, shown) ||
      found === shown ||
      Math.abs(found - shown) <= Math.min(tolerance(shown), 0.5e-3 + 1e-6 * Math.abs(shown))
    );
  }
  if (Array.isArray(shown)) {
    return Array.isArray(found) && found.length === shown.length && shown.every((s, i) => matches(found[i], s));
  }
  return Object.is(found, shown);
}

/** What a statement gives. Scripts cannot await, so that statements that do are made functions first. */
async function evaluate(statement: string, context: object): Promise<unknown> {
  const code = stripTypeScriptTypes(statement);
  if (!/\bawait\b/.test(code)) return runInContext(code, context);
  const [, name, expression] = /^(?:const (\w+) = )?(.*);/s.exec(code)!;
  const value = await runInContext(`(async () => (${expression}))()`, context);
  if (name !== undefined) Object.assign(context, { [name]: value });
  return value;
}

async function run({ code }: Example): Promise<void> {
  const context = createContext({
    ...arbitraries,
    ...extend,
    fc,
    ...g,
    ...tensorFiles,
    Float64Array,
    Float32Array,
    Int32Array,
    Uint8Array,
  });
  let statement = "";
  for (const line of code) {
    if (line.trim() === "") continue;
    statement += `${line}\n`;
    const [, expression, comment] = /^(.*;)\s*\/\/ (.*)\n$/s.exec(statement) ?? [];
    if (expression === undefined && !line.trimEnd().endsWith(";")) continue;
    const found = await evaluate(statement, context);
    statement = "";
    if (comment === undefined) continue;
    const shown = plain(runInContext(`(${comment})`, context));
    if (!matches(plain(found), shown)) expect({ [expression!]: plain(found) }).toEqual({ [expression!]: shown });
  }
}

const files = globSync("packages/autograd/src/**/*.ts").filter((file) => !file.endsWith(".test.ts"));
const examples = files.flatMap(examplesOf);

describe("examples in docstrings", () => {
  // Files that examples write have relative paths.
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "examples-"));
  beforeAll(() => process.chdir(folder));
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  test("there is one of every operation", () => {
    const code = examples.flatMap((e) => e.code).join("\n");
    const names = Object.entries(ops).flatMap(([name, f]) => (typeof f === "function" ? [name] : []));
    expect(names.filter((name) => !new RegExp(`\\b${name}\\(`).test(code))).toEqual([]);
  });
  test("there are some", () => expect(examples.length).toBeGreaterThan(150));
  test.each(examples.map((e) => [`${e.file}:${e.line}`, e] as const))("%s", (_, example) => run(example));
});
