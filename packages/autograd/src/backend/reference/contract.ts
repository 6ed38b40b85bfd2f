import { sizeOf } from "../../shape.ts";
import type { ContractKernel, KernelRunner, View } from "../backend.ts";
import { axesOf, positions } from "./traverse.ts";

/**
 * Rows of the output are accumulated in a float64 buffer, in the order of the shared index. Both operands are first
 * copied into dense float64 matrices, so that the inner loop runs along contiguous memory whatever the strides were.
 */
export const runContract: KernelRunner<ContractKernel> = ({ batch, m, k, n }, [a, b], [output]) => {
  const rows = sizeOf(a!.shape.slice(batch, batch + m));
  const inner = sizeOf(a!.shape.slice(batch + m, batch + m + k));
  const columns = sizeOf(b!.shape.slice(batch + k, batch + k + n));
  const isInteger = output!.dtype === "int32";
  const result = output!.storage.array;

  const aBases = positions(axesOf(a!, 0, batch, a!.offset));
  const bBases = positions(axesOf(b!, 0, batch, b!.offset));
  const outputPositions = positions(output!);
  const aOffsets = positions(axesOf(a!, batch, batch + m + k, 0));
  const bOffsets = positions(axesOf(b!, batch, batch + k + n, 0));
  const left = new Float64Array(rows * inner);
  const right = new Float64Array(inner * columns);
  const row = new Float64Array(columns);

  for (let i = 0; i < aBases.length; i++) {
    pack(a!, aBases[i]!, aOffsets, left);
    if (i === 0 || bBases[i] !== bBases[i - 1]) pack(b!, bBases[i]!, bOffsets, right);
    for (let r = 0; r < rows; r++) {
      row.fill(0);
      for (let p = 0; p < inner; p++) {
        const factor = left[r * inner + p]!;
        const start = p * columns;
        if (isInteger) for (let c = 0; c < columns; c++) row[c] = (row[c]! + Math.imul(factor, right[start + c]!)) | 0;
        else for (let c = 0; c < columns; c++) row[c]! += factor * right[start + c]!;
      }
      const target = (i * rows + r) * columns;
      for (let c = 0; c < columns; c++) result[outputPositions[target + c]!] = row[c]!;
    }
  }
};

function pack(view: View, base: number, offsets: Int32Array, out: Float64Array): void {
  const source = view.storage.array;
  for (let i = 0; i < offsets.length; i++) out[i] = source[base + offsets[i]!]!;
}
