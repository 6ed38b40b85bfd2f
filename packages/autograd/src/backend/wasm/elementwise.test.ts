import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { computeDType, type DType, dtypes } from "../../dtype.ts";
import * as s from "../../scalar/expression.ts";
import { contiguousStrides, sizeOf } from "../../shape.ts";
import type { Backend, ElementwiseKernel, View } from "../backend.ts";
import { referenceBackend } from "../reference/index.ts";
import { createWasmBackend, type WasmBackend } from "./index.ts";

const modes = [createWasmBackend(), createWasmBackend({ portable: true })].filter((b): b is WasmBackend => b !== null);
const [x, y] = [s.argument(0), s.argument(1)];

function vector(on: Backend, dtype: DType, values: readonly number[]): View {
  const storage = on.allocate(dtype, values.length);
  storage.array.set(values);
  return { shape: [values.length], strides: [1], offset: 0, dtype, size: values.length, storage };
}

/** Distance in units of the last place of the dtype. */
function ulps(a: number, b: number, dtype: DType): number {
  if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.POSITIVE_INFINITY;
  const [bits, minimum] = dtype === "float32" ? [23, -126] : [52, -1022];
  const exponent = b === 0 ? minimum : Math.max(minimum, Math.floor(Math.log2(Math.abs(b))));
  return Math.abs(a - b) / 2 ** (exponent - bits);
}

/** erf in whole numbers: its series times 2⁴⁰⁰, for |x| < 6. */
const bits = 400n;
function bigErf(value: number): bigint {
  const x = BigInt(value * 2 ** 100) << (bits - 100n);
  const square = (x * x) >> bits;
  let power = x;
  let sum = 0n;
  for (let n = 0n; power !== 0n; ) {
    sum += power / (2n * n + 1n);
    n++;
    power = ((-power * square) / n) >> bits;
    if (power === -1n) break;
  }
  return ((sum * 2n) << bits) / rootOfPi;
}
const arctanOfInverse = (n: bigint): bigint => {
  let sum = 0n;
  for (let power = (1n << bits) / n, k = 1n, sign = 1n; power > 0n; power /= n * n, k += 2n, sign = -sign) {
    sum += (sign * power) / k;
  }
  return sum;
};
const rootOfPi = ((): bigint => {
  const square = (4n * (4n * arctanOfInverse(5n) - arctanOfInverse(239n))) << bits;
  let root = 2n << bits;
  for (let i = 0; i < 20; i++) root = (root + square / root) / 2n;
  return root;
})();
const toNumber = (x: bigint): number => Number(x >> (bits - 200n)) / 2 ** 200;
/** The reference's erf and erfc are not exact enough to judge others by. */
function right(name: string, x: number, reference: number): number {
  if ((name !== "erf" && name !== "erfc") || !(Math.abs(x) < 6) || Math.abs(x) < 1e-5) return reference;
  const exact = bigErf(x);
  return toNumber(name === "erf" ? exact : (1n << bits) - exact);
}

const specials = [
  0, -0, 1, -1, 0.5, -0.5, 1e-45, -1e-45, 1e-40, 1e-30, 1e30, -1e30, 88.7, 88.8, 89, -87.4, -103.9, -104.1,
];
const inputs = [
  ...specials,
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 709.7, 709.8, -745.1, -745.2, 5e-324, -1e-310],
  ...Array.from({ length: 4001 }, (_, i) => (i - 2000) / 97),
  ...Array.from({ length: 2001 }, (_, i) => 1.07 ** (i - 1000) * (i % 2 === 0 ? 1 : -1)),
  ...Array.from({ length: 1001 }, (_, i) => 1 + (i - 500) * 1e-5),
];

describe("functions", () => {
  const functions = {
    exp: s.exp,
    expm1: s.expm1,
    log: s.log,
    log1p: s.log1p,
    tanh: s.tanh,
    sigmoid: s.sigmoid,
    sin: s.sin,
    cos: s.cos,
    tan: s.tan,
    exp2: s.exp2,
    log2: s.log2,
    log10: s.log10,
    atan: s.atan,
    sinh: s.sinh,
    cosh: s.cosh,
    erf: s.erf,
    erfc: s.erfc,
    sqrt: s.sqrt,
  };
  const limits: Readonly<Record<string, number>> = { erf: 4, erfc: 4 };
  const cases = Object.entries(functions).flatMap(([name, f]) =>
    (["float32", "float64"] as const).map((dtype) => [name, dtype, f] as const),
  );
  test.each(cases)("%s is within its bound in %s", (name, dtype, f) => {
    const kernel: ElementwiseKernel = { kind: "elementwise", expressions: [f(x)], compute: dtype };
    for (const mode of modes) {
      const [a, out] = [vector(mode, dtype, inputs), vector(mode, dtype, inputs)];
      mode.run(kernel, [a], [out]);
      const [b, expected] = [
        vector(referenceBackend, "float64", [...a.storage.array]),
        vector(referenceBackend, "float64", inputs),
      ];
      referenceBackend.run({ ...kernel, compute: "float64" }, [b], [expected]);
      out.storage.array.forEach((value, i) => {
        const exact = right(name, a.storage.array[i]!, expected.storage.array[i]!);
        const rounded = dtype === "float32" ? Math.fround(exact) : exact;
        const error = ulps(value, Number.isFinite(rounded) ? exact : rounded, dtype);
        if (!(error <= (limits[name] ?? 2)))
          expect.fail(`${name}(${a.storage.array[i]}) = ${value}, not ${exact}: ${error} ulp`);
        if (exact === 0) expect(Object.is(value, exact)).toBe(true);
      });
    }
  });
});

describe("pow", () => {
  const bases = [
    ...[0, -0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 10, 5e-324, 1e-310, 1e300, -1e300, Number.NaN],
    ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1 + 2 ** -52, 1 - 2 ** -53, -1.5, 2 ** -1022],
    ...Array.from({ length: 60 }, (_, i) => 0.6 + i * 0.0173),
    ...Array.from({ length: 40 }, (_, i) => 3.7 ** (i - 20)),
  ];
  const exponents = [
    ...[0, -0, 1, -1, 2, -2, 3, 0.5, -0.5, 1 / 3, 2.5, 1e15, -1e15, 2 ** 53, 2 ** 53 - 1, 1e300, -1e300, 5e-324],
    ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ...Array.from({ length: 80 }, (_, i) => (i - 40) * 7.31),
  ];
  const pairs = bases.flatMap((a) => exponents.map((b) => [a, b] as const));
  test.each(["float32", "float64"] as const)("is within 4 ulp in %s", (dtype) => {
    const kernel: ElementwiseKernel = { kind: "elementwise", expressions: [s.pow(x, y)], compute: dtype };
    const [left, right] = [pairs.map((p) => p[0]), pairs.map((p) => p[1])];
    for (const mode of modes) {
      const [a, b, out] = [vector(mode, dtype, left), vector(mode, dtype, right), vector(mode, dtype, left)];
      mode.run(kernel, [a, b], [out]);
      const [p, q] = [a, b].map((v) => vector(referenceBackend, "float64", [...v.storage.array]));
      const expected = vector(referenceBackend, "float64", left);
      referenceBackend.run({ ...kernel, compute: "float64" }, [p!, q!], [expected]);
      out.storage.array.forEach((value, i) => {
        const exact = expected.storage.array[i]!;
        const rounded = dtype === "float32" ? Math.fround(exact) : exact;
        const error = ulps(value, Number.isFinite(rounded) ? exact : rounded, dtype);
        const at = `${a.storage.array[i]} ** ${b.storage.array[i]}`;
        if (!(error <= 4)) expect.fail(`${at} = ${value}, not ${exact}: ${error} ulp`);
        if (exact === 0) expect(Object.is(value, exact)).toBe(true);
      });
    }
  });
});

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
