import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DType } from "../../dtype.ts";
import { contiguousStrides, sizeOf } from "../../shape.ts";
import type { Backend, ContractKernel, View } from "../backend.ts";
import { referenceBackend } from "../reference/index.ts";
import { createWasmBackend } from "./index.ts";

/** A view of `shape` whose axes lie in memory in the order `order`, filled with small integers. */
function view(on: Backend, dtype: DType, shape: readonly number[], order: readonly number[], seed: number): View {
  const sorted = contiguousStrides(order.map((axis) => shape[axis]!));
  const strides = shape.map((_, axis) => sorted[order.indexOf(axis)]!);
  const storage = on.allocate(dtype, sizeOf(shape) + 3);
  for (let i = 0; i < storage.length; i++) storage.array[i] = ((i * 7919 + seed) % 17) - 8;
  return { shape, strides, offset: 3, dtype, size: sizeOf(shape), storage };
}

const modes = [createWasmBackend(), createWasmBackend({ portable: true })].filter((b) => b !== null);

const dims = (max: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 0, max }), { minLength: 0, maxLength: 2 });
const big = fc.oneof(
  dims(5),
  fc.integer({ min: 1, max: 40 }).map((n) => [n]),
);

describe("contract", () => {
  test.each(["float32", "float64", "int32"] as const)("agrees with the reference over %s", (dtype) => {
    const problem = fc
      .record({ batch: dims(3), m: big, k: big, n: big, seed: fc.nat(100), mode: fc.constantFrom(...modes) })
      .chain((p) => {
        const order = (rank: number): fc.Arbitrary<number[]> => {
          const axes = Array.from({ length: rank }, (_, i) => i);
          return fc.shuffledSubarray(axes, { minLength: rank });
        };
        return fc.record({
          p: fc.constant(p),
          orderA: order(p.batch.length + p.m.length + p.k.length),
          orderB: order(p.batch.length + p.k.length + p.n.length),
        });
      });
    fc.assert(
      fc.property(problem, ({ p, orderA, orderB }) => {
        const { batch, m, k, n, seed, mode } = p;
        const kernel: ContractKernel = { kind: "contract", batch: batch.length, m: m.length, k: k.length, n: n.length };
        const shape = [...batch, ...m, ...n];
        const results = [mode, referenceBackend].map((on) => {
          const a = view(on, dtype, [...batch, ...m, ...k], orderA, seed);
          const b = view(on, dtype, [...batch, ...k, ...n], orderB, seed + 1);
          const c = view(
            on,
            dtype,
            shape,
            shape.map((_, i) => i),
            0,
          );
          on.run(kernel, [a, b], [c]);
          return [...c.storage.array];
        });
        expect(results[0]).toEqual(results[1]);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    [255, 300, 65],
    [32, 784, 300],
    [7, 513, 9],
    [500, 3, 17],
    [9, 8500, 33],
    [41, 2100, 24],
  ])("blocks %i × %i × %i rightly, whichever operand is transposed", (m, k, n) => {
    const kernel: ContractKernel = { kind: "contract", batch: 0, m: 1, k: 1, n: 1 };
    for (const [orderA, orderB] of [
      [
        [0, 1],
        [0, 1],
      ],
      [
        [1, 0],
        [0, 1],
      ],
      [
        [0, 1],
        [1, 0],
      ],
      [
        [1, 0],
        [1, 0],
      ],
    ]) {
      for (const dtype of ["float32", "float64"] as const) {
        const results = [modes[0]!, referenceBackend].map((on) => {
          const c = view(on, dtype, [m, n], [0, 1], 0);
          on.run(kernel, [view(on, dtype, [m, k], orderA!, 1), view(on, dtype, [k, n], orderB!, 2)], [c]);
          return c.storage.array.slice();
        });
        expect(results[0]).toEqual(results[1]);
      }
    }
  });

  test.each([
    [1, 1000, 1],
    [300, 9, 1],
    [70, 513, 1],
    [1, 37, 301],
    [1, 5, 3],
  ])("multiplies matrices and vectors, %i × %i × %i, however they lie and over batches", (m, k, n) => {
    for (const dtype of ["float32", "float64"] as const) {
      for (const order of [
        [0, 1, 2],
        [0, 2, 1],
        [2, 1, 0],
      ]) {
        const results = [...modes, referenceBackend].map((on) => {
          const c = view(on, dtype, [2, m, n], [0, 1, 2], 0);
          const [a, b] = [view(on, dtype, [2, m, k], order, 1), view(on, dtype, [2, k, n], order, 2)];
          on.run({ kind: "contract", batch: 1, m: 1, k: 1, n: 1 }, [a, b], [c]);
          return c.storage.array.slice();
        });
        for (const result of results) expect(result).toEqual(results.at(-1));
      }
    }
  });

  test.each([
    [33, 20, 9],
    [4, 3, 600],
    [16, 1, 1],
  ])("multiplies %i × %i × %i side by side", (lanes, m, k) => {
    for (const dtype of ["float32", "float64"] as const) {
      const results = [...modes, referenceBackend].map((on) => {
        const c = view(on, dtype, [lanes, m], [1, 0], 0);
        const [a, b] = [view(on, dtype, [lanes, m, k], [1, 2, 0], 1), view(on, dtype, [lanes, k], [1, 0], 2)];
        on.run({ kind: "contract", batch: 1, m: 1, k: 1, n: 0 }, [a, b], [c]);
        return c.storage.array.slice();
      });
      for (const result of results) expect(result).toEqual(results.at(-1));
    }
  });
});
