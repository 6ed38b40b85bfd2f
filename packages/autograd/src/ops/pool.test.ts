import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import * as g from "../index.ts";
import { errors, noise, on } from "./testing/agreement.ts";

afterEach(() => {
  g.setBackend("wasm");
  g.setThreads(2);
});

/** The result and the gradient, for a cotangent of noise. */
function both(f: (x: g.Tensor) => g.Tensor, x: g.Tensor): g.Tensor[] {
  const a = x.detach();
  a.requiresGrad = true;
  const y = f(a);
  y.backward(noise(y.shape, 3, y.dtype as "float32"));
  return [y.detach(), a.grad!];
}

describe("pooling agrees with the reference", () => {
  test.each([1, 2, 3] as const)("over %i axes, forward and backward", (rank) => {
    const several = (min: number, max: number): fc.Arbitrary<number[]> =>
      fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });
    const problem = fc.record({
      n: fc.integer({ min: 0, max: 3 }),
      lengths: several(1, [0, 20, 9, 5][rank]!),
      size: several(1, 3),
      strides: several(1, 3),
      dilation: fc.integer({ min: 1, max: 2 }),
      padding: fc.constantFrom("valid" as const, "same" as const, 1),
      channels: fc.constantFrom(1, 3, 4, 21),
      dtype: fc.constantFrom("float32" as const, "float64" as const),
      levels: fc.constantFrom(2, 1000),
      isMax: fc.boolean(),
    });
    fc.assert(
      fc.property(problem, ({ n, lengths, channels, dtype, levels, isMax, ...options }) => {
        // Few levels make many ties.
        const x = g.div(g.round(g.mul(noise([n, ...lengths, channels], 1, dtype), levels)), levels);
        const run = (): g.Tensor[] => both((a) => (isMax ? g.maxPool(a, options) : g.avgPool(a, options)), x);
        const [results, expected] = [on("wasm", run), on("reference", run)];
        for (const [i, result] of results.entries()) {
          const { data } = expected[i]!;
          // Where averages cancel, errors are small beside the elements they are of, which are up to 1.
          const apart = Array.from(result.data, (y, k) => (Object.is(y, data[k]) ? 0 : Math.abs(y - data[k]!)));
          const distance = Math.max(0, ...apart);
          const error = Math.min(errors(result, expected[i]!).max, distance);
          expect(error).toBeLessThan(dtype === "float64" ? 1e-14 : 1e-6);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("ties share the gradient evenly, and padding has no part in it", () => {
    const x = g.tensor(
      [
        [
          [[1], [2]],
          [[2], [-3]],
        ],
      ],
      { requiresGrad: true },
    );
    g.maxPool(x, { size: 3, padding: "same", strides: 2 }).backward(g.tensor([[[[6]]]]));
    expect(x.grad!.toArray()).toEqual([
      [
        [[0], [3]],
        [[3], [0]],
      ],
    ]);
  });

  test("integers have their largest element", () => {
    const x = g.tensor([[[5], [-7], [-9], [-8]]], { dtype: "int32" });
    expect(g.maxPool(x, { size: 3, padding: "same", strides: 3 }).toArray()).toEqual([[[5], [-8]]]);
  });

  test.each(["wasm", "reference"] as const)(
    "a NaN is the largest, and makes its window's gradient NaN (%s)",
    (backend) => {
      on(backend, () => {
        const x = g.tensor([[[1], [Number.NaN], [3], [4]]], { requiresGrad: true });
        const y = g.maxPool(x, { size: 2 });
        expect(y.toArray()).toEqual([[[Number.NaN], [4]]]);
        y.sum().backward();
        expect(x.grad!.toArray()).toEqual([[[Number.NaN], [Number.NaN], [0], [1]]]);
      });
    },
  );

  test("one, two and four threads give the same bits, where windows overlap too", () => {
    const x = noise([16, 15, 14, 24], 1);
    for (const f of [g.maxPool, g.avgPool]) {
      const [one, two, four] = [1, 2, 4].map((threads) => {
        g.setThreads(threads);
        return both((a) => f(a, { size: 3, strides: 2, padding: "same" }), x).map((t) => t.data);
      });
      expect(two).toEqual(one);
      expect(four).toEqual(one);
    }
  });
});
