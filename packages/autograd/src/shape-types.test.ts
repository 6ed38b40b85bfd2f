/** What the compiler knows of shapes: these are checked when the tests are compiled, and what is refused is refused. */
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  add,
  type Broadcast,
  type MatMul,
  matmul,
  ones,
  parameter,
  rand,
  reshape,
  ShapeError,
  type ShapeMismatch,
  type ShapeOf,
  type Tensor,
  type TensorOf,
  tensor,
  zeros,
} from "./index.ts";

const dynamic: number[] = [2, 3];
const x = zeros([2, 3]);
const w = ones([3, 4]);

describe("literal shapes", () => {
  test("come from the functions that make tensors", () => {
    expectTypeOf<ShapeOf<typeof x>>().toEqualTypeOf<readonly [2, 3]>();
    expectTypeOf(rand([5])).toEqualTypeOf<TensorOf<readonly [5]>>();
    expectTypeOf(zeros([])).toEqualTypeOf<TensorOf<readonly []>>();
    expect(x.shape).toEqual([2, 3]);
  });

  test("go through elementwise operations", () => {
    expectTypeOf(x.tanh().exp()).toEqualTypeOf<TensorOf<readonly [2, 3]>>();
    expectTypeOf(x.add(1)).toEqualTypeOf<TensorOf<readonly [2, 3]>>();
    expectTypeOf(x.mul(ones([7, 1, 3]))).toEqualTypeOf<TensorOf<readonly [7, 2, 3]>>();
    expectTypeOf(add(x, ones([2, 1]))).toEqualTypeOf<TensorOf<readonly [2, 3]>>();
    expect(x.mul(ones([7, 1, 3])).shape).toEqual([7, 2, 3]);
  });

  test("go through matrix products", () => {
    expectTypeOf(x.matmul(w)).toEqualTypeOf<TensorOf<readonly [2, 4]>>();
    expectTypeOf(matmul(ones([5, 1, 2, 3]), ones([6, 3, 4]))).toEqualTypeOf<TensorOf<readonly [5, 6, 2, 4]>>();
    expectTypeOf(ones([3]).matmul(w)).toEqualTypeOf<TensorOf<readonly [4]>>();
    expectTypeOf(x.matmul(ones([3]))).toEqualTypeOf<TensorOf<readonly [2]>>();
    expectTypeOf(ones([3]).matmul(ones([3]))).toEqualTypeOf<TensorOf<readonly []>>();
    expect(matmul(ones([5, 1, 2, 3]), ones([6, 3, 4])).shape).toEqual([5, 6, 2, 4]);
  });

  test("are what reshape is given, but for the length it works out", () => {
    expectTypeOf(x.reshape([3, 2])).toEqualTypeOf<TensorOf<readonly [3, 2]>>();
    expectTypeOf<ShapeOf<ReturnType<typeof reshaped>>>().toEqualTypeOf<readonly [number, 2]>();
    expect(reshaped().shape).toEqual([3, 2]);
  });
  const reshaped = () => reshape(x, [-1, 2]);

  test("that cannot fit are refused, with the reason", () => {
    // @ts-expect-error the shared axis has length 3 on the left and 4 on the right
    expect(() => x.matmul(ones([4, 5]))).toThrow(ShapeError);
    // @ts-expect-error the shapes do not broadcast
    expect(() => x.add(ones([4]))).toThrow(ShapeError);
    // @ts-expect-error the right operand has no axes
    expect(() => x.matmul(zeros([]))).toThrow(ShapeError);
    expectTypeOf<MatMul<readonly [2, 3], readonly [4, 5]>>().toEqualTypeOf<
      ShapeMismatch<"[2, 3] times [4, 5]: the shared axis has length 3 on the left and 4 on the right">
    >();
    expectTypeOf<Broadcast<readonly [2, 3], readonly [4]>>().toEqualTypeOf<
      ShapeMismatch<"the shapes [2, 3] and [4] do not broadcast">
    >();
  });
});

describe("shapes that are not known", () => {
  test("give plain tensors and are accepted everywhere", () => {
    expectTypeOf(zeros(dynamic)).toEqualTypeOf<Tensor>();
    expectTypeOf(x.add(zeros(dynamic))).toEqualTypeOf<Tensor>();
    expectTypeOf(zeros(dynamic).matmul(w)).toEqualTypeOf<Tensor>();
    expectTypeOf(tensor([[1, 2]]).add([3, 4])).toEqualTypeOf<Tensor>();
    expectTypeOf(x.add([1, 2, 3])).toEqualTypeOf<Tensor>();
    expectTypeOf(parameter([1, 2]).mul(2)).toEqualTypeOf<Tensor>();
    expect(x.add([1, 2, 3]).shape).toEqual([2, 3]);
  });

  test("may be one axis of several", () => {
    const batch: number = 5;
    expectTypeOf(zeros([batch, 3]).matmul(w)).toEqualTypeOf<TensorOf<readonly [number, 4]>>();
    expectTypeOf(zeros([batch, 3]).add(ones([5, 3]))).toEqualTypeOf<TensorOf<readonly [5, 3]>>();
    // @ts-expect-error the shared axis still is known
    expect(() => zeros([batch, 3]).matmul(ones([4, 5]))).toThrow(ShapeError);
  });

  test("stand wherever a literal one is expected, and the other way round", () => {
    let total = zeros([]);
    for (const term of [tensor(1), tensor(2)]) total = total.add(term);
    const any: Tensor = x;
    expect([total.item(), any.size]).toEqual([3, 6]);
    // @ts-expect-error two literal shapes that differ
    const wrong: TensorOf<readonly [3, 3]> = x;
    expect(wrong.shape).toEqual([2, 3]);
  });
});
