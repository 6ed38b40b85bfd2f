import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { createContext, runInContext } from "node:vm";
import { expect, test } from "vitest";

const page = readFileSync(new URL("../docs/autodidax.md", import.meta.url), "utf8");
const code = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]).join("\n");

test("the engine of docs/autodidax.md works", () => {
  let checks = 0;
  const check = (found: number, expected: number): void => {
    checks++;
    expect(found).toBeCloseTo(expected, 12);
  };
  runInContext(stripTypeScriptTypes(code), createContext({ check }));
  expect(checks).toBeGreaterThan(6);
});

test("it is about two hundred lines", () => {
  expect(code.split("\n").length).toBeLessThan(210);
});
