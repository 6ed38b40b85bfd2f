import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { computeDType, dtypes } from "../../dtype.ts";
import * as s from "../../scalar/expression.ts";
import { contiguousStrides, sizeOf } from "../../shape.ts";
import type { Backend, ElementwiseKernel, View } from "../backend.ts";
import { referenceBackend } from "../reference/index.ts";
import { createWasmBackend, type WasmBackend } from "./index.ts";

const modes = [createWasmBackend(), createWasmBackend({ portable: true })].filter((b): b is WasmBackend => b !== null);
const [x, y] = [s.argument(0), s.argument(1)];

describe("access", () => {
  const binary = {
    add: s.add(x, y),
    less: s.lt(x, y),
    mixed: s.select(s.gt(x, y), s.mul(x, 2), s.max(y, s.parameter(0))),
  };
  const operand = fc.record({
    dtype: fc.constantFrom(...dtypes),
    broadcast: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    flip: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    lead: fc.nat(3),
    offset: fc.nat(5),
    order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
    gap: fc.integer({ min: 1, max: 2 }),
  });
  type Operand = typeof operand extends fc.Arbitrary<infer T> ? T : never;
  const problem = fc.record({
    shape: fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 4 }),
    name: fc.constantFrom(...(Object.keys(binary) as (keyof typeof binary)[])),
    a: operand,
    b: operand,
    out: operand,
    compute: fc.constantFrom(...dtypes),
    mode: fc.constantFrom(...modes),
    inPlace: fc.boolean(),
  });

  /** A view that broadcasts to `shape`, with permuted, flipped and spaced axes. */
  function make(on: Backend, o: Operand, shape: readonly number[], isOutput: boolean): View {
    const own = shape
      .slice(isOutput ? 0 : Math.min(o.lead, shape.length))
      .map((n, i) => (!isOutput && o.broadcast[i] ? 1 : n));
    const order = o.order.filter((axis) => axis < own.length);
    const dense = contiguousStrides(order.map((axis) => own[axis]!));
    const strides = own.map((_, axis) => dense[order.indexOf(axis)]! * o.gap * (o.flip[axis] ? -1 : 1));
    let offset = o.offset;
    own.forEach((n, axis) => {
      if (o.flip[axis] && n > 0) offset -= strides[axis]! * (n - 1);
    });
    const storage = on.allocate(o.dtype, sizeOf(own) * o.gap + o.offset + 1);
    for (let i = 0; i < storage.length; i++) {
      storage.array[i] = isOutput ? 1 : o.dtype === "bool" ? i % 2 : (i * 7919) % 23;
    }
    return { shape: own, strides, offset, dtype: o.dtype, size: sizeOf(own), storage };
  }

  test("of every dtype, broadcast, permuted, flipped and spaced, agrees with the reference", () => {
    fc.assert(
      fc.property(problem, ({ shape, name, a, b, out, compute, mode, inPlace }) => {
        const kernel: ElementwiseKernel = {
          kind: "elementwise",
          expressions: [binary[name]],
          compute: computeDType(compute),
        };
        const results = [mode, referenceBackend].map((on) => {
          const target = make(on, out, shape, true);
          const first = inPlace ? target : make(on, a, shape, false);
          on.run(kernel, [first, make(on, b, shape, false)], [target], [5]);
          return [...target.storage.array];
        });
        expect(results[0]).toEqual(results[1]);
      }),
      { numRuns: 1500 },
    );
  });
});
