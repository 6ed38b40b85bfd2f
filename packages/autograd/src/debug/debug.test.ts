import { expect, test } from "vitest";
import * as g from "../index.ts";

test("detectAnomaly names the operation and the user's line, forwards", () => {
  const fails = (): g.Tensor => g.detectAnomaly(() => g.tensor([-1, 1]).sqrt());
  expect(fails).toThrow(/sqrt: it made NaN or infinity out of finite numbers, called at .*debug\.test\.ts.*:\d+/);
  expect(g.detectAnomaly(() => g.tensor([4]).sqrt()).item()).toBe(2);
});

test("detectAnomaly names the forward operation and its line, backwards", () => {
  const x = g.tensor([0], { requiresGrad: true });
  const forward = (): g.Tensor => x.mul(2).sqrt();
  const line = Number(/debug\.test\.ts[^:]*:(\d+)/.exec(new Error().stack!)![1]) - 1;
  const fails = (): void => g.detectAnomaly(() => forward().sum().backward());
  const place = `debug\\.test\\.ts[^:]*:${line}:`;
  expect(fails).toThrow(new RegExp(`^sqrt: its backward pass gave NaN or infinity; it was called at .*${place}`));
  const masked = (): g.Tensor => g.where(x.equal(0), 0, g.where(x.equal(0), 1, x).sqrt());
  g.detectAnomaly(() => masked().sum().backward());
  expect(x.grad!.item()).toBe(0);
});

test("hooks see and replace gradients, and can be removed", () => {
  const x = g.tensor([1, 2], { requiresGrad: true });
  const y = x.mul(3);
  const seen: g.NestedArray[] = [];
  y.registerHook((gradient) => {
    seen.push(gradient.toArray());
    return gradient.mul(10);
  });
  const remove = x.registerHook((gradient) => gradient.neg());
  y.sum().backward(null, { retainGraph: true });
  expect(seen).toEqual([[1, 1]]);
  expect(x.grad!.toArray()).toEqual([-30, -30]);
  remove();
  y.sum().backward();
  expect(x.grad!.toArray()).toEqual([0, 0]);
  expect(() => g.tensor([1]).registerHook(() => undefined)).toThrow(/requires no gradient/);
});

test("profile counts operations, and printGraph draws them", () => {
  const x = g.tensor([1, 2], { requiresGrad: true });
  const { result, entries, traceEvents } = g.profile(() => x.exp().mul(x));
  expect(entries.map(({ op, calls }) => [op, calls]).sort()).toEqual([
    ["exp", 1],
    ["mul", 1],
  ]);
  expect(entries[0]!.bytes).toBe(8);
  expect(traceEvents).toHaveLength(2);
  expect(g.printGraph(result)).toBe("#1 leaf float32[2]\n#2 exp float32[2] ← #1\n#3 mul float32[2] ← #2, #1");
  expect(g.printGraph(result, { format: "dot" })).toContain("n2 -> n3;");
});

test("profile and detectAnomaly watch together, whichever is inside", () => {
  const x = g.tensor([[1, 2]], { requiresGrad: true });
  const pass = (): void => {
    x.grad = null;
    x.transpose().sqrt().sum().backward();
  };
  const calls = ({ entries }: g.Profile<unknown>): unknown => entries.map(({ op, calls }) => [op, calls]).sort();
  const alone = calls(g.profile(pass));
  expect(calls(g.profile(() => g.detectAnomaly(pass)))).toEqual(alone);
  expect(calls(g.detectAnomaly(() => g.profile(pass)))).toEqual(alone);
  const [forwards, backwards] = [() => g.tensor([-1]).sqrt(), () => x.mul(0).sqrt().sum().backward()];
  expect(() => g.detectAnomaly(() => g.profile(forwards))).toThrow(/^sqrt: it made NaN/);
  expect(() => g.detectAnomaly(() => g.profile(backwards))).toThrow(/^sqrt: its backward pass.*debug\.test\.ts/);
  expect(() => g.profile(() => g.detectAnomaly(backwards))).toThrow(/^sqrt: its backward pass.*debug\.test\.ts/);
});

test("profile writes a file that trace viewers read", () => {
  const x = g.tensor([[1, 2]], { requiresGrad: true });
  const { chromeTrace, entries } = g.profile(() => x.matmul(x.transpose()).exp().sum().backward());
  const file = JSON.parse(chromeTrace());
  expect(file.traceEvents.length).toBe(entries.reduce((sum, { calls }) => sum + calls, 0));
  let last = 0;
  for (const event of file.traceEvents) {
    expect(event).toMatchObject({ name: expect.any(String), cat: "operation", ph: "X", pid: 1, tid: 1 });
    for (const number of [event.ts, event.dur, event.args.bytes]) expect(number).toBeGreaterThanOrEqual(0);
    expect(event.ts + event.dur).toBeGreaterThanOrEqual(last);
    last = event.ts + event.dur;
    expect(event.args.outputs.every((text: string) => /^\w+\[[\d, ]*\]$/.test(text))).toBe(true);
  }
  const forwards = file.traceEvents.find((event: { name: string }) => event.name === "exp");
  expect(forwards.args).toEqual({ inputs: ["float32[1, 1]"], outputs: ["float32[1, 1]"], bytes: 4 });
  expect(() => g.profile(async () => x.exp())).toThrow(/profile: the function is asynchronous/);
  expect(() => g.detectAnomaly(async () => x.exp())).toThrow(/detectAnomaly: the function is asynchronous/);
});

test("printGraph says when nothing is recorded, and refuses what is no tensor", () => {
  expect(g.printGraph(g.tensor([1, 2]))).toBe("nothing is recorded of float32[2]: no input requires a gradient");
  expect(g.printGraph(g.tensor([1, 2]), { format: "dot" })).toMatch(/^digraph/);
  expect(() => g.printGraph(3 as never)).toThrow("printGraph: the result is 3, not a tensor");
});
