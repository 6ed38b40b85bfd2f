import fc from "fast-check";
import { expect, test } from "vitest";
import type { DType } from "../../dtype.ts";
import { contiguousStrides, sizeOf } from "../../shape.ts";
import type { Backend, Kernel, View } from "../backend.ts";
import { referenceBackend } from "../reference/index.ts";
import { createWasmBackend } from "./index.ts";

const wasm = createWasmBackend()!;

interface Form {
  readonly reverse: boolean;
  readonly flip: boolean;
  readonly gap: number;
  /** Axes with stride 0, from the last. */
  readonly still: number;
}

function make(on: Backend, shape: readonly number[], dtype: DType, form: Form, value: (i: number) => number): View {
  const rank = shape.length;
  const order = shape.map((_, k) => (form.reverse ? rank - 1 - k : k));
  const dense = contiguousStrides(order.map((k) => shape[k]!));
  const strides = shape.map((_, k) =>
    k >= rank - form.still ? 0 : dense[order.indexOf(k)]! * form.gap * (form.flip ? -1 : 1),
  );
  const storage = on.allocate(dtype, sizeOf(shape) * form.gap + 3);
  for (let i = 0; i < storage.length; i++) storage.array[i] = value(i);
  const offset = 1 - strides.reduce((sum, s, k) => sum + (s < 0 ? s * (shape[k]! - 1) : 0), 0);
  return { shape, strides, offset, dtype, size: sizeOf(shape), storage };
}

const form = fc.record({
  reverse: fc.boolean(),
  flip: fc.boolean(),
  gap: fc.integer({ min: 1, max: 2 }),
  still: fc.nat(2),
});
const problem = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
  long: fc.constantFrom(1, 70),
  axis: fc.nat(3),
  count: fc.integer({ min: 1, max: 6 }),
  forms: fc.tuple(form, form, form),
  dtype: fc.constantFrom<DType>("float32", "float64", "int32"),
  seed: fc.nat(1000),
});

const operations: Record<string, (p: typeof problem extends fc.Arbitrary<infer T> ? T : never) => Run> = {};
type Run = (on: Backend) => View;
const numbers = (seed: number, dtype: DType) => (i: number) =>
  dtype !== "int32" && (i * 31 + seed) % 17 === 3 ? Number.NaN : ((i * 7919 + seed) % 23) - 11.5;
const run = (on: Backend, kernel: Kernel, inputs: View[], output: View): View => {
  on.run(kernel, inputs, [output]);
  return output;
};
const moving = (f: Form): Form => ({ ...f, still: 0 });

operations.gather = ({ shape: s, long, axis: a, count, forms, dtype, seed }) => {
  const shape = [...s.slice(0, -1), s.at(-1)! * long];
  const axis = a % shape.length;
  const picked = shape.map((n, k) => (k === axis ? count : n));
  return (on) => {
    const x = make(on, shape, dtype, forms[0], numbers(seed, dtype));
    const indices = make(on, picked, "int32", forms[1], (i) => (i * 5 + seed) % shape[axis]!);
    return run(
      on,
      { kind: "gather", axis },
      [x, indices],
      make(on, picked, dtype, moving(forms[2]), () => 0),
    );
  };
};
for (const reduction of ["set", "sum", "prod", "max", "min"] as const) {
  operations[`scatter ${reduction}`] = ({ shape, axis: a, count, forms, dtype, seed }) => {
    const axis = a % shape.length;
    const picked = shape.map((n, k) => (k === axis ? count : n));
    return (on) => {
      const indices = make(on, picked, "int32", forms[0], (i) => (i * 5 + seed) % shape[axis]!);
      const source = make(on, picked, dtype, forms[1], numbers(seed, dtype));
      const output = make(on, shape, dtype, moving(forms[2]), (i) => i % 5);
      return run(on, { kind: "scatter", axis, reduction }, [indices, source], output);
    };
  };
}
operations.accumulate = ({ shape, forms, dtype, seed }) => {
  return (on) => {
    const input = make(on, shape, dtype, forms[0], numbers(seed, dtype));
    return run(
      on,
      { kind: "accumulate" },
      [input],
      make(on, shape, dtype, forms[1], (i) => i % 5),
    );
  };
};
for (const reduction of ["argmax", "argmin", "any", "all"] as const) {
  operations[reduction] = ({ shape, axis, forms, dtype, seed }) => {
    const truth = reduction === "any" || reduction === "all";
    const value = truth ? (i: number) => Number((i * 7 + seed) % 3 === 0) : numbers(seed, dtype);
    return (on) => {
      const input = make(on, shape, truth ? "bool" : dtype, forms[0], value);
      const output = make(on, shape.slice(0, axis % shape.length), truth ? "bool" : "int32", moving(forms[1]), () => 0);
      return run(on, { kind: "reduce", reduction }, [input], output);
    };
  };
}
for (const reduction of ["sum", "prod", "max", "min", "logSumExp"] as const) {
  operations[`scan ${reduction}`] = ({ shape, forms, dtype, seed }) => {
    const kind = reduction === "logSumExp" && dtype === "int32" ? "float32" : dtype;
    return (on) => {
      const input = make(on, shape, kind, forms[0], numbers(seed, kind));
      return run(
        on,
        { kind: "scan", reduction },
        [input],
        make(on, shape, kind, moving(forms[1]), () => 0),
      );
    };
  };
}

for (const descending of [false, true]) {
  operations[descending ? "sort descending" : "sort ascending"] = ({ shape: s, long, forms, dtype, seed }) => {
    const shape = [...s.slice(0, -1), s.at(-1)! * long];
    const values = [
      0,
      -0,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      5e-324,
      -1e-310,
      2 ** 31 - 1,
    ];
    const value = (i: number): number =>
      i % 5 === 0 ? values[(i + seed) % 8]! : (((i * 7919 + seed) % 97) - 40) * 1.7 ** (i % 30);
    return (on) => {
      const input = make(on, shape, dtype, forms[0], value);
      const sorted = make(on, shape, dtype, moving(forms[1]), () => 0);
      const order = make(on, shape, "int32", moving(forms[2]), () => 0);
      on.run({ kind: "sort", descending }, [input], [sorted, order]);
      const both = on.allocate("float64", sorted.storage.length + order.storage.length);
      both.array.set([...sorted.storage.array, ...order.storage.array]);
      return { ...sorted, storage: both };
    };
  };
}

test.each(Object.keys(operations))("%s, whatever the strides, agrees with the reference to the bit", (name) => {
  fc.assert(
    fc.property(problem, (p) => {
      const one = operations[name]!(p);
      const [result, expected] = [one(wasm), one(referenceBackend)];
      expect([...result.storage.array]).toEqual([...expected.storage.array]);
    }),
    { numRuns: 300 },
  );
});
