import * as g from "@gradiente/autograd";
import { describe, expect, test } from "vitest";

// Where NumPy's answer is not the one that the plain formula gives. The expected numbers are NumPy's.

const f64 = (data: g.TensorLike): g.Tensor => g.tensor(data, { dtype: "float64" });
const i32 = (data: g.TensorLike): g.Tensor => g.tensor(data, { dtype: "int32" });
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const least = -(2 ** 31);

describe.each(["wasm", "reference"] as const)("as in NumPy, on %s", (backend) => {
  const on = <T>(f: () => T): T => {
    g.setBackend(backend);
    return f();
  };

  test("floorDivide of floats agrees with remainder where the quotient rounds up, and at infinities", () => {
    on(() => {
      const x = f64([1, -1, -7.5, inf, 5, -5, 3, -3, 0, -0.3, 6]);
      const y = f64([0.1, -0.1, 2, 3, inf, inf, 0, 0, 0, 0.1, -inf]);
      expect(g.floorDivide(x, y).toArray()).toEqual([9, 9, -4, nan, 0, -1, inf, -inf, nan, -3, -1]);
      expect(g.floorDivide(i32([-7]), 0.5).toArray()).toEqual([-14]);
    });
  });

  test("the derivative of remainder by the divisor is minus that quotient", () => {
    on(() => {
      const derivative = g.grad((y: g.Tensor) => g.remainder(f64([1, -7.5, 5]), y).sum());
      expect(derivative(f64([0.1, 2, 3])).toArray()).toEqual([-9, 4, -1]);
    });
  });

  test("floorDivide of integers rounds down, wherever they lie", () => {
    on(() => {
      const x = i32([7, -7, 7, -7, 1, -1, least, least, 2 ** 31 - 1, 5]);
      const y = i32([2, 2, -2, -2, least, least, least, 2 ** 31 - 1, least, 0]);
      expect(g.floorDivide(x, y).toArray()).toEqual([3, -4, -4, 3, -1, 0, 1, -2, -1, 0]);
    });
  });

  test("shifts by as many bits as there are, or more, leave nothing", () => {
    on(() => {
      const x = i32([1, -1, 5, 5, -5]);
      const bits = i32([32, 33, 31, -1, -1]);
      expect(g.leftShift(x, bits).toArray()).toEqual([0, 0, least, 0, 0]);
      expect(g.rightShift(x, bits).toArray()).toEqual([0, -1, 0, 0, -1]);
    });
  });

  test("numbers outside int32 are compared exactly, and refused in arithmetic with integers", () => {
    on(() => {
      const x = i32([-5, 2 ** 31 - 1]);
      expect(x.less(2 ** 31).toArray()).toEqual([true, true]);
      expect(x.greaterEqual(2 ** 31 - 1).toArray()).toEqual([false, true]);
      expect(x.equal(-1e10).toArray()).toEqual([false, false]);
      for (const f of [x.add, x.maximum, x.bitwiseAnd]) {
        expect(() => f.call(x, 2 ** 31)).toThrow(/the number 2147483648 is outside int32 \(got int32\[2\]\)/);
      }
      expect(x.div(2 ** 31).dtype).toBe("float32");
      expect(x.add(-0).toArray()).toEqual(x.toArray());
    });
  });

  test("a triangle of booleans is of booleans", () => {
    on(() => {
      const x = g.tensor([
        [true, true],
        [true, false],
      ]);
      expect(g.tril(x).dtype).toBe("bool");
      expect(g.triu(x, { offset: 1 }).toArray()).toEqual([
        [false, true],
        [false, false],
      ]);
      expect(g.tril(x, { offset: 1e300 }).toArray()).toEqual(x.toArray());
    });
  });

  test("weights of an average are along the axis", () => {
    on(() => {
      const x = f64([
        [1, 2],
        [3, 5],
      ]);
      expect(g.average(x, { axis: 0, weights: [3, 1] }).toArray()).toEqual([1.5, 2.75]);
      expect(g.average(x, { axis: -2, weights: [3, 1], keepDims: true }).toArray()).toEqual([[1.5, 2.75]]);
      expect(g.average(x, { axis: 1, weights: [3, 1] }).toArray()).toEqual([1.25, 3.5]);
      const three = f64([[1], [2], [6]]);
      expect(g.average(three, { axis: 0, weights: [1, 1, 2] }).toArray()).toEqual([3.75]);
      expect(() => g.average(three, { axis: 0, weights: [1, 1] })).toThrow(/^average: shapes do not broadcast/);
    });
  });

  test("half-way between infinity and a number is infinity", () => {
    on(() => {
      expect(g.median(f64([-inf, 1])).item()).toBe(-inf);
      expect(g.median(f64([1, inf])).item()).toBe(inf);
      expect(g.median(f64([-inf, inf])).item()).toBe(nan);
      expect(g.quantile(f64([-inf, 4]), 0.5, { method: "midpoint" }).item()).toBe(-inf);
      const derivative = g.grad((x: g.Tensor) => g.median(x));
      expect(derivative(f64([1, 4, 2, 8])).toArray()).toEqual([0, 0.5, 0.5, 0]);
    });
  });
});

test("NaN is looked up and listed as the largest", () => {
  expect(g.searchSorted([1, 2], [nan, 1.5]).toArray()).toEqual([2, 1]);
  expect(g.searchSorted([1, nan, nan], [nan, 5]).toArray()).toEqual([1, 1]);
  expect(g.searchSorted([1, nan, nan], [nan, 5], { side: "right" }).toArray()).toEqual([3, 1]);
  const { values, counts, inverse } = g.unique([3, nan, 1, nan, 2]);
  expect(values.toArray()).toEqual([1, 2, 3, nan]);
  expect(counts.toArray()).toEqual([1, 1, 1, 2]);
  expect(inverse.toArray()).toEqual([2, 3, 0, 3, 1]);
});

test("random integers reach from the least to the largest", () => {
  const generator = new g.Generator(3);
  const all = g.randint(least, 2 ** 31, [1000], { generator });
  expect(all.dtype).toBe("int32");
  expect(all.min().item()).toBeLessThan(-(2 ** 30));
  expect(all.max().item()).toBeGreaterThan(2 ** 30);
  expect(() => g.randint(0, 2 ** 31 + 1, [1])).toThrow(/randint: not all integers in \[0, 2147483649\) are int32/);
});

test("views of numbers need no tensor", () => {
  expect(g.broadcastTo([1, 2], [2, 2]).toArray()).toEqual([
    [1, 2],
    [1, 2],
  ]);
  expect(
    g
      .sumTo(
        [
          [1, 2],
          [3, 4],
        ],
        [2],
      )
      .toArray(),
  ).toEqual([4, 6]);
});
