import { afterEach, describe, expect, it } from "vitest";
import { getBackend, InPlaceUpdate, parameter, scalar, setBackend, tensor } from "./index.ts";

const before = getBackend();
afterEach(() => setBackend(before));

const momentum = new InPlaceUpdate(
  "momentum",
  { targets: 2, others: 1, scalars: 2 },
  ({ targets, others, scalars }) => {
    const [w, v] = targets as [scalar.Expr, scalar.Expr];
    const next = scalar.sub(scalar.mul(scalars[1]!, v), scalar.mul(scalars[0]!, others[0]!));
    return [scalar.add(w, next), next];
  },
);

it("refuses what is no rule, no counts, no parameter", () => {
  const counts = { targets: 1, others: 1, scalars: 1 };
  const make = (...args: unknown[]): InPlaceUpdate =>
    new (InPlaceUpdate as unknown as new (...args: unknown[]) => InPlaceUpdate)(...args);
  const keep = ({ targets }: { targets: scalar.Expr[] }): unknown => targets;
  expect(() => make(5, counts, keep)).toThrow(/^InPlaceUpdate: the name is 5/);
  expect(() => make("u", null, keep)).toThrow(/^u: the options are null/);
  expect(() => make("u", { ...counts, others: 0.5 }, keep)).toThrow(/^u: the number of others is 0.5/);
  expect(() => make("u", counts, null)).toThrow(/^u: it was given null for a function/);
  expect(() => make("u", counts, () => 5)).toThrow(/^u: the values that the rule gives are 5/);
  expect(() => make("u", counts, () => [{}])).toThrow(
    /^u: a value that the rule gives is an object, not an expression/,
  );
  const update = make("u", counts, keep);
  const [w, x] = [parameter([1]), tensor([1])];
  const run = (...args: unknown[]): void => update.run(...(args as Parameters<InPlaceUpdate["run"]>));
  expect(() => run(w, [x], [1])).toThrow(/^u: targets are a tensor float32\[1\]/);
  expect(() => run([x], [x], [1])).toThrow(/^u: a target is a tensor float32\[1\], not a parameter/);
  expect(() => run([w], [null], [1])).toThrow(/^u: one of the others is null, not a tensor/);
  expect(() => run([w], [x], [1n])).toThrow(/^u: a scalar is 1n/);
  run([w], [x], [1]);
});

describe.each(["reference", "wasm"] as const)("InPlaceUpdate on %s", (name) => {
  it("computes every target from the old values", () => {
    setBackend(name);
    const size = 1003;
    const w = parameter(Array.from({ length: size }, (_, i) => i));
    const v = parameter(
      Array.from({ length: size }, () => 1),
      { requiresGrad: false },
    );
    const g = tensor(Array.from({ length: size }, () => 2));
    momentum.run([w, v], [g], [0.25, 0.5]);
    momentum.run([w, v], [g], [0.25, 0.5]);
    // v: 1, 0, -0.5; w: +0, -0.5
    expect([...v.data]).toEqual(Array.from({ length: size }, () => -0.5));
    expect([...w.data]).toEqual(Array.from({ length: size }, (_, i) => i - 0.5));
  });

  it("makes values saved before it stale", () => {
    setBackend(name);
    const w = parameter([3]);
    const v = parameter([0], { requiresGrad: false });
    const loss = w.square().sum();
    momentum.run([w, v], [tensor([1])], [1, 0]);
    expect(() => loss.backward()).toThrow(/changed by assign after square/);
  });

  it("refuses operands of another shape", () => {
    setBackend(name);
    expect(() => momentum.run([parameter([1]), parameter([1])], [tensor([1, 2])], [1, 0])).toThrow(
      /one shape and dtype/,
    );
  });
});
