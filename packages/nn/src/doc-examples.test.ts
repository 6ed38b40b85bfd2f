import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInThisContext } from "node:vm";
import * as g from "@gradiente/autograd";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as nn from "./index.ts";

// Runs the examples in docstrings. A line `expression; // value` says what the expression gives.

const source = dirname(fileURLToPath(import.meta.url));

function examplesOf(file: string): (readonly [string, string])[] {
  const text = readFileSync(join(source, file), "utf8");
  return [...text.matchAll(/@example\s*\n\s*\* ```ts\n([\s\S]*?)\n\s*\* ```/g)].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    return [`${file}:${line}`, match[1]!.replace(/^\s*\* ?/gm, "")] as const;
  });
}

function plain(value: unknown): unknown {
  if (value instanceof g.Tensor) return plain(value.toArray());
  if (typeof value === "number") return Number(value.toPrecision(6));
  if (Array.isArray(value)) return value.map(plain);
  return value;
}

const examples = globSync("**/*.ts", { cwd: source })
  .filter((file) => !file.endsWith(".test.ts"))
  .flatMap(examplesOf);

describe("examples in docstrings", () => {
  // Files that examples write have relative paths.
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "examples-"));
  beforeAll(() => process.chdir(folder));
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  it("are there", () => expect(examples.length).toBeGreaterThan(8));
  it.each(examples)("%s", async (_, code) => {
    // `var` is exported under NumPy's name, which is no name for a variable.
    const { var: _var, ...names } = { ...g, ...nn };
    const checked = code.replace(/^(?!.*\bconst )(.*);\s*\/\/ (.*)$/gm, "check($1, $2);");
    const body = stripTypeScriptTypes(`async function example() {\n${checked}\n}`);
    const run = runInThisContext(`(check, { ${Object.keys(names).join(", ")} }) => { ${body}\nreturn example(); }`);
    await run((found: unknown, shown: unknown) => expect(plain(found)).toEqual(plain(shown)), names);
  });
});
