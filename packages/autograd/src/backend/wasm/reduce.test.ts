import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contiguousStrides, sizeOf } from "../../shape.ts";
import type { Backend, Kernel, View } from "../backend.ts";
import { referenceBackend } from "../reference/index.ts";
import { createWasmBackend } from "./index.ts";

const wasm = createWasmBackend()!;

/** Elements come from `values`, around and around, in the memory order of the axes in `order`. */
function view(
  on: Backend,
  dtype: "float32" | "float64" | "int32",
  shape: readonly number[],
  order: readonly number[],
  values: readonly number[],
): View {
  const dense = contiguousStrides(order.map((axis) => shape[axis]!));
  const strides = shape.map((_, axis) => dense[order.indexOf(axis)]!);
  const storage = on.allocate(dtype, sizeOf(shape) + 2);
  for (let i = 0; i < storage.length; i++) storage.array[i] = values[i % values.length]!;
  return { shape, strides, offset: 2, dtype, size: sizeOf(shape), storage };
}

/** The same, with the first element of some axes at all their places. */
function broadcast(seen: View, axes: readonly number[]): View {
  return { ...seen, strides: seen.strides.map((stride, axis) => (axes.includes(axis) ? 0 : stride)) };
}

function both(kernel: Kernel, inputOf: (on: Backend) => View, shape: readonly number[]): [number[], number[]] {
  return [wasm, referenceBackend].map((on) => {
    const input = inputOf(on);
    const out = view(
      on,
      input.dtype as "float32",
      shape,
      shape.map((_, i) => i),
      [0],
    );
    on.run(kernel, [input], [out]);
    return [...out.storage.array];
  }) as [number[], number[]];
}

const order3 = fc.shuffledSubarray([0, 1, 2], { minLength: 3 });
const lengths = fc.tuple(
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 70 }),
  fc.integer({ min: 1, max: 5 }),
);

describe("reduce", () => {
  test("agrees with the reference over any axes", () => {
    fc.assert(
      fc.property(
        lengths,
        order3,
        fc.nat(3),
        fc.constantFrom("sum" as const, "prod" as const, "max" as const, "min" as const),
        fc.constantFrom("float32" as const, "float64" as const, "int32" as const),
        fc.array(fc.constantFrom(1, -1, 2, 3, -2), { minLength: 1, maxLength: 9 }),
        fc.subarray([0, 1, 2]),
        (shape, order, kept, reduction, dtype, values, repeated) => {
          // Products of a hundred twos are exact in float32, those of threes are not.
          const exact = reduction === "prod" && dtype !== "int32" ? values.map((v) => (v === 3 ? 1 : v)) : values;
          const [a, b] = both(
            { kind: "reduce", reduction },
            (on) => broadcast(view(on, dtype, shape, order, exact), repeated),
            shape.slice(0, kept),
          );
          expect(a).toEqual(b);
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    [
      [3, 70, 900],
      [0, 1, 2],
    ],
    [
      [900, 70, 3],
      [2, 1, 0],
    ],
    [
      [70, 3, 900],
      [1, 2, 0],
    ],
    [
      [2, 300, 300],
      [0, 2, 1],
    ],
    [
      [40, 41, 120],
      [1, 0, 2],
    ],
    [
      [1, 2, 90_000],
      [2, 0, 1],
    ],
  ] as const)("of %j, laid out in the order %j, agrees where work is shared out", (shape, order) => {
    const values = Array.from({ length: 997 }, (_, i) => ((i * 7919) % 211) - 100);
    for (const reduction of ["sum", "max", "argmax"] as const) {
      for (const kept of [0, 1, 2]) {
        const results = [wasm, referenceBackend].map((on) => {
          const input = view(on, reduction === "sum" ? "int32" : "float32", shape, order, values);
          const outer = shape.slice(0, kept);
          const dtype = reduction === "max" ? "float32" : "int32";
          const out = view(
            on,
            dtype,
            outer,
            outer.map((_, i) => i),
            [0],
          );
          on.run({ kind: "reduce", reduction }, [input], [out]);
          return [...out.storage.array];
        });
        expect(results[0]).toEqual(results[1]);
      }
    }
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "%d is treated as in the reference",
    (special) => {
      for (const reduction of ["sum", "prod", "max", "min"] as const) {
        for (const n of [1, 3, 17, 40]) {
          const values = Array.from({ length: n + 2 }, (_, i) => (i === n ? special : i + 1));
          const [a, b] = both({ kind: "reduce", reduction }, (on) => view(on, "float64", [n], [0], values), []);
          expect(a).toEqual(b);
        }
      }
    },
  );

  test("of no elements gives 0 for sums and 1 for products", () => {
    for (const reduction of ["sum", "prod"] as const) {
      const [a, b] = both({ kind: "reduce", reduction }, (on) => view(on, "float32", [3, 0], [0, 1], [7]), [3]);
      expect(a).toEqual(b);
    }
  });

  test("sums of a million float32 keep an error of a few units in the last place, along and across", () => {
    const values = Array.from({ length: 9973 }, (_, i) => 0.1 + (i % 7) / 9);
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const input = view(wasm, "float32", [1, 2 ** 20], order, values);
      const out = view(wasm, "float32", [1], [0], [0]);
      wasm.run({ kind: "reduce", reduction: "sum" }, [input], [out]);
      const double = [...input.storage.array.slice(2)].reduce((a, b) => a + b, 0);
      expect(Math.abs(out.storage.array[2]! / double - 1)).toBeLessThan(4 * 2 ** -24);
    }
  });
});

describe("softmax", () => {
  test.each(["float32", "float64"] as const)("agrees with the reference in %s", (dtype) => {
    const value = fc.oneof(
      fc.double({ min: -120, max: 120, noNaN: true }),
      fc.constantFrom(0, -0, Number.NEGATIVE_INFINITY, Number.NaN),
    );
    fc.assert(
      fc.property(
        lengths,
        order3,
        fc.boolean(),
        fc.array(value, { minLength: 1, maxLength: 50 }),
        (shape, order, log, values) => {
          const [a, b] = both({ kind: "softmax", log }, (on) => view(on, dtype, shape, order, values), shape);
          const eps = dtype === "float32" ? 2 ** -23 : 2 ** -52;
          a.forEach((x, i) => {
            const y = b[i]!;
            const close =
              Object.is(x, y) ||
              (Number.isNaN(x) && Number.isNaN(y)) ||
              x === y ||
              Math.abs(x - y) <= 8 * eps * Math.max(Math.abs(y), log ? 1 : 1e-37);
            if (!close) expect.fail(`${x} is not ${y}`);
          });
        },
      ),
      { numRuns: 300 },
    );
  });
});
