import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

// `pnpm gradcheck`, as a program.

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Before the program begins, replaces the case of exp by one whose derivative is wrong beyond 1. */
const breaking = `
  import { cases } from ${JSON.stringify(new URL("../packages/autograd/src/gradcheck/cases/index.ts", import.meta.url).href)};
  import { customGradient, where } from ${JSON.stringify(new URL("../packages/autograd/src/index.ts", import.meta.url).href)};
  const wrong = customGradient({
    forward: (x) => x.exp(),
    backward: (c, { inputs: [x], output }) => c.mul(output).mul(where(x.greater(1), 2, 1)),
  });
  cases.exp = (s) => ({ f: (x) => wrong(x), inputs: [s.tensor(s.shape())] });
`;

function run(args: readonly string[], isBroken = false): Promise<{ code: number; out: string; err: string }> {
  const before = isBroken ? ["--import", `data:text/javascript,${encodeURIComponent(breaking)}`] : [];
  return new Promise((resolve) => {
    execFile(process.execPath, [...before, path("../scripts/gradcheck.ts"), ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

test("prints a table and succeeds where every derivative is right", { timeout: 60_000 }, async () => {
  const { code, out } = await run(["--op", "exp", "--op", "log", "--runs", "5", "--seed", "1"]);
  expect(code).toBe(0);
  expect(out).toMatch(/^exp {8}first {9}5 +\d+ /m);
  expect(out).toMatch(/^2 operations, [1-9]\d* derivatives compared, 0 failures \(seed 1\)$/m);
});

test("fails with a shrunk counterexample, and the command that finds it again", { timeout: 60_000 }, async () => {
  const { code, out } = await run(["--op", "exp", "--runs", "50", "--seed", "1"], true);
  expect(code).toBe(1);
  expect(out).toMatch(/exp +first .*FAILED/);
  // Of all tensors the smallest: one element.
  const shrunk = /input 0: float64\[(1,?)*\] \[*(\d+\.?\d*)\]*$/m.exec(out);
  expect(Number(shrunk?.[2])).toBeGreaterThan(1);
  const replay = /replay: pnpm gradcheck (.*)$/m.exec(out)![1]!.replaceAll('"', "").split(" ");
  const again = await run(replay, true);
  expect(again.code).toBe(1);
  expect(again.out).toContain(shrunk![0]);
  expect(again.out).toMatch(/^exp +first +1 .*FAILED/m);
  expect((await run(replay)).code).toBe(0);
});

test("says what is wrong with its options", { timeout: 60_000 }, async () => {
  const all = ["--op", "toString", "--runs", "0", "--seed", "abc", "--path", "1:x"];
  const { code, err, out } = await run(all);
  expect(code).toBe(2);
  for (const what of [/no operation "toString"/, /--runs is 0,/, /--seed is abc,/, /--path is 1:x,/]) {
    expect(err).toMatch(what);
  }
  expect(out).toContain("--runs N");
});
