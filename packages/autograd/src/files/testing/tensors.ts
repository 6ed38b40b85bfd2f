import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect } from "vitest";
import { type DType, Tensor, type TensorLike, tensor } from "../../index.ts";

interface Vectors {
  readonly npy: readonly { name: string; bytes: string; dtype: DType; shape: number[]; elements: number[] }[];
  readonly refusedNpy: readonly { name: string; bytes: string; problem: string }[];
  readonly npz: string;
  readonly compressedNpz: string;
  readonly safetensors: string;
  readonly smallSafetensors: string;
}

/** Files that Python wrote; see the file itself. */
export const vectors: Vectors = JSON.parse(readFileSync(join(import.meta.dirname, "vectors.json"), "utf8"));

/** The bytes behind base64. */
export function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

const elements: Readonly<Record<DType, fc.Arbitrary<number>>> = {
  float64: fc.double(),
  float32: fc.float(),
  int32: fc.integer(),
  uint8: fc.nat(255),
  bool: fc.nat(1),
};

/** Tensors of every dtype, of ranks 0 to 4, also without elements, some of them with their axes exchanged. */
export const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...(Object.keys(elements) as DType[])), fc.array(fc.nat(4), { maxLength: 4 }), fc.boolean())
  .chain(([dtype, shape, exchanged]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return fc.array(elements[dtype], { minLength: size, maxLength: size }).map((values) => {
      const x = tensor({ data: Float64Array.from(values), shape }, { dtype });
      return exchanged && shape.length > 1 ? x.permute(shape.map((_, i) => shape.length - 1 - i)) : x;
    });
  });

/** Names, dtypes, shapes and elements, bit by bit (but for the payload of NaN). */
export function sameTensors(
  found: Readonly<Record<string, Tensor>>,
  expected: Readonly<Record<string, TensorLike>>,
): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, given] of Object.entries(expected)) {
    const x = given instanceof Tensor ? given : tensor(given);
    const y = found[name]!;
    expect([y.dtype, y.shape, y.data]).toEqual([x.dtype, x.shape, x.data]);
  }
}
