import type { AccumulateKernel, GatherKernel, KernelRunner, ScatterKernel, SortKernel, View } from "../backend.ts";
import { axesOf, positions } from "./traverse.ts";

/** For each row-major element of `over`, the position in `view` of the same index with `axis` set to 0. */
function linePositions(view: View, over: View, axis: number): Int32Array {
  const strides = view.strides.map((s, k) => (k === axis ? 0 : s));
  return positions({ shape: over.shape, strides, offset: view.offset });
}

export const runGather: KernelRunner<GatherKernel> = ({ axis }, [x, indices], [output]) => {
  const lines = linePositions(x!, output!, axis);
  const at = positions(indices!);
  const to = positions(output!);
  const stride = x!.strides[axis]!;
  const source = x!.storage.array;
  const index = indices!.storage.array;
  const result = output!.storage.array;
  for (let i = 0; i < to.length; i++) result[to[i]!] = source[lines[i]! + index[at[i]!]! * stride]!;
};

export const runScatter: KernelRunner<ScatterKernel> = ({ axis, reduction }, [indices, source], [output]) => {
  const lines = linePositions(output!, indices!, axis);
  const at = positions(indices!);
  const from = positions(source!);
  const stride = output!.strides[axis]!;
  const index = indices!.storage.array;
  const values = source!.storage.array;
  const result = output!.storage.array;
  for (let i = 0; i < from.length; i++) {
    const target = lines[i]! + index[at[i]!]! * stride;
    const value = values[from[i]!]!;
    const old = result[target]!;
    switch (reduction) {
      case "set":
        result[target] = value;
        break;
      case "sum":
        result[target] = old + value;
        break;
      case "prod":
        result[target] = old * value;
        break;
      case "max":
        result[target] = Math.max(old, value);
        break;
      case "min":
        result[target] = Math.min(old, value);
        break;
    }
  }
};

export const runAccumulate: KernelRunner<AccumulateKernel> = (_, [input], [output]) => {
  const from = positions(input!);
  const to = positions(output!);
  const source = input!.storage.array;
  const result = output!.storage.array;
  for (let i = 0; i < from.length; i++) result[to[i]!]! += source[from[i]!]!;
};

export const runSort: KernelRunner<SortKernel> = ({ descending }, [input], [values, order]) => {
  const last = input!.shape.length - 1;
  const length = input!.shape[last]!;
  const source = input!.storage.array;
  const sortedValues = values!.storage.array;
  const sortedOrder = order!.storage.array;
  const from = positions(axesOf(input!, 0, last, input!.offset));
  const toValues = positions(axesOf(values!, 0, last, values!.offset));
  const toOrder = positions(axesOf(order!, 0, last, order!.offset));
  const sign = descending ? -1 : 1;
  const step = input!.strides[last]!;
  for (let r = 0; r < from.length; r++) {
    const at = (i: number): number => source[from[r]! + i * step]!;
    const permutation = Array.from({ length }, (_, i) => i).sort((i, j) => {
      const [x, y] = [at(i), at(j)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
      return sign * (x - y) || 0;
    });
    permutation.forEach((p, i) => {
      sortedValues[toValues[r]! + i * values!.strides[last]!] = at(p);
      sortedOrder[toOrder[r]! + i * order!.strides[last]!] = p;
    });
  }
};
