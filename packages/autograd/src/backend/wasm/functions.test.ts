import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DType } from "../../dtype.ts";
import * as s from "../../scalar/expression.ts";
import type { Backend, View } from "../backend.ts";
import { referenceBackend } from "../reference/index.ts";
import { argumentsFor, errorOf, functions, restScale, storedCount } from "../testing/accuracy.ts";
import { createWasmBackend, type WasmBackend } from "./index.ts";

const modes = [createWasmBackend(), createWasmBackend({ portable: true })].filter((b): b is WasmBackend => b !== null);
const dtypes = ["float32", "float64"] as const;

function vector(on: Backend, dtype: DType, values: ArrayLike<number>): View {
  const storage = on.allocate(dtype, values.length);
  storage.array.set(values);
  return { shape: [values.length], strides: [1], offset: 0, dtype, size: values.length, storage };
}

type Compute = "float32" | "float64" | "int32";
function evaluate(on: Backend, e: s.Expr, compute: Compute, operands: readonly ArrayLike<number>[]): number[] {
  const inputs = operands.map((o) => vector(on, compute, o));
  const output = vector(on, compute, operands[0]!);
  on.run({ kind: "elementwise", expressions: [e], compute }, inputs, [output]);
  return [...output.storage.array];
}

/** Float64 numbers that are right to the last place, and what they lack in it. */
const stored = JSON.parse(readFileSync(new URL("../testing/accuracy.json", import.meta.url), "utf8")) as Readonly<
  Record<string, readonly [string, string]>
>;
const bytesOf = (text: string): ArrayBuffer => Uint8Array.from(Buffer.from(text, "base64")).buffer;

const cases = Object.keys(functions).flatMap((name) => dtypes.map((dtype) => [name, dtype] as const));

describe("functions", () => {
  test.each(cases)("%s is within its bound of the exact value in %s", (name, dtype) => {
    const measured = functions[name]!;
    const operands = argumentsFor(measured, dtype, storedCount);
    const [high, low] = stored[`${name} ${dtype}`]!;
    const [exact, rest] = [new Float64Array(bytesOf(high)), new Int8Array(bytesOf(low))];
    expect(exact.length).toBe(storedCount);
    for (const mode of modes) {
      evaluate(mode, measured.expression, dtype, operands).forEach((value, i) => {
        const error = errorOf(value, exact[i]!, rest[i]! / restScale, dtype);
        const at = operands.map((o) => o[i]).join(", ");
        // NaN stands for arguments outside the domain.
        if (Number.isNaN(exact[i])) expect(value, `${name}(${at})`).toBeNaN();
        else if (!(error <= measured.limit + 0.01))
          expect.fail(`${name}(${at}) = ${value}, not ${exact[i]}: ${error} ulp`);
      });
    }
  });

  const infinity = Number.POSITIVE_INFINITY;
  const special = [
    ...[0, 1, 2, 3, 0.5, 1.5, 4, 10, 27, 100, 1024, 2 ** 24, 5e-324, 1e-310, 1e-45, 1e-40, 2 ** -126, 2 ** -1022],
    ...[1e10, 2 ** 53, 1e30, 3.4e38, 1e300, Number.MAX_VALUE, infinity],
  ].flatMap((v) => [v, -v]);
  const pairs = special.flatMap((a) => special.map((b) => [a, b] as const));

  test.each(cases)("%s of zeros, infinities, NaN and denormals is the reference's in %s", (name, dtype) => {
    const { expression, domains } = functions[name]!;
    const values = [...special, Number.NaN];
    const operands =
      domains.length === 1
        ? [values]
        : [
            [...pairs.map((p) => p[0]), Number.NaN, 1, 0],
            [...pairs.map((p) => p[1]), 1, Number.NaN, Number.NaN],
          ];
    const rounded = operands.map((o) => (dtype === "float32" ? o.map(Math.fround) : o));
    const expected = evaluate(referenceBackend, expression, "float64", rounded);
    for (const mode of modes) {
      evaluate(mode, expression, dtype, rounded).forEach((value, i) => {
        const at = `${name}(${rounded.map((o) => o[i]).join(", ")})`;
        const right = dtype === "float32" ? Math.fround(expected[i]!) : expected[i]!;
        if (right === 0 || !Number.isFinite(right))
          expect(Object.is(value, right), `${at} = ${value}, not ${right}`).toBe(true);
        // The reference's own series are off by some units, near their zeros by more.
        else if (errorOf(value, expected[i]!, 0, dtype) > 8) expect(Math.abs(value - right), at).toBeLessThan(1e-13);
      });
    }
  });

  test("extremes beside a constant heed NaN and signs of zeros", () => {
    const values = [0, -0, 1, -1, Number.NaN, infinity, -infinity, 6, 7];
    for (const mode of modes) {
      for (const dtype of dtypes) {
        for (const bound of [0, -0, 6, -1, Number.NaN, infinity]) {
          for (const e of [s.max(s.argument(0), bound), s.min(s.argument(0), bound), s.max(bound, s.argument(0))]) {
            expect(evaluate(mode, e, dtype, [values])).toEqual(evaluate(referenceBackend, e, dtype, [values]));
          }
        }
      }
    }
  });

  test("exact results are exact", () => {
    const whole = Array.from({ length: 61 }, (_, i) => i - 30);
    for (const mode of modes) {
      for (const dtype of dtypes) {
        const of = (e: s.Expr, ...operands: number[][]): number[] => evaluate(mode, e, dtype, operands);
        const x = s.argument(0);
        const powers = whole.map((n) => 2 ** n);
        expect(of(s.exp2(x), whole)).toEqual(powers);
        expect(of(s.log2(x), powers)).toEqual(whole);
        expect(of(s.log10(x), [1, 10, 100, 1000])).toEqual([0, 1, 2, 3]);
        expect(
          of(
            s.cbrt(x),
            whole.map((n) => n ** 3),
          ),
        ).toEqual(whole);
        expect(of(s.pow(x, s.argument(1)), [2, -3, 0.5, 9, 7], [10, 3, -2, 0.5, 0])).toEqual([1024, -27, 4, 3, 1]);
        expect(of(s.hypot(x, s.argument(1)), [3, -5, 8], [4, 12, -15])).toEqual([5, 13, 17]);
        expect(of(s.lgamma(x), [1, 2])).toEqual([0, 0]);
        expect(of(s.acos(x), [1])).toEqual([0]);
      }
    }
  });

  test("sine, cosine and tangent of the largest numbers have all their digits", () => {
    // 6381956970095103 · 2⁷⁹⁷ is of all float64 numbers the one closest to a multiple of π/2 (J.-M. Muller, 1997).
    const hard = 6381956970095103 * 2 ** 797;
    for (const mode of modes) {
      const of = (e: s.Expr, x: number): number => evaluate(mode, e, "float64", [[x]])[0]!;
      const x = s.argument(0);
      expect(of(s.cos(x), hard)).toBe(-4.6871659242546277e-19);
      expect(of(s.sin(x), hard)).toBe(1);
      expect(of(s.sin(x), 1e22)).toBe(-0.8522008497671888);
      expect(of(s.tan(x), -1e300)).toBeCloseTo(Math.tan(-1e300), 13);
    }
  });
});

describe("integers", () => {
  const whole = fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.integer({ min: -40, max: 40 }),
    fc.constantFrom(0, 1, -1, -(2 ** 31), 2 ** 31 - 1),
  );
  const [x, y] = [s.argument(0), s.argument(1)];
  const operations = {
    div: s.div(x, y),
    remainder: s.remainder(x, y),
    pow: s.pow(x, y),
    shiftLeft: s.shiftLeft(x, y),
    shiftRight: s.shiftRight(x, y),
  };
  test.each(Object.entries(operations))("%s is the reference's", (_, expression) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(whole, whole), { minLength: 1, maxLength: 40 }), (all) => {
        const operands = [all.map((p) => p[0]), all.map((p) => p[1])];
        const expected = evaluate(referenceBackend, expression, "int32", operands);
        expect(evaluate(modes[0]!, expression, "int32", operands)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  test("floats become integers as typed arrays do it, and booleans by not being 0", () => {
    const value = fc.oneof(
      fc.double(),
      fc.double({ min: -1e10, max: 1e10 }),
      fc.double({ min: -300, max: 300 }),
      fc.constantFrom(0.5, -0.5, -0, 2 ** 31, -(2 ** 31), 2 ** 32 + 5, 1e18, -1e25, Number.NaN),
    );
    const from = fc.constantFrom(...dtypes);
    const to = fc.constantFrom<DType>("int32", "uint8", "bool");
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 40 }), from, to, (values, source, target) => {
        const results = [modes[0]!, referenceBackend].map((on) => {
          const output = vector(
            on,
            target,
            values.map(() => 0),
          );
          const kernel = { kind: "elementwise", expressions: [s.argument(0)], compute: "int32" } as const;
          on.run(kernel, [vector(on, source, values)], [output]);
          return [...output.storage.array];
        });
        expect(results[0]).toEqual(results[1]);
      }),
      { numRuns: 500 },
    );
  });
});
