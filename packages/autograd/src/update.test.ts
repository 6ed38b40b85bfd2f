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
