import { contiguousStrides, type Layout, type Shape, sizeOf } from "../../shape.ts";

/**
 * The storage positions of a layout's elements in row-major order, `count` of them from element `start` on.
 * @param out receives the positions; a new array when left out.
 */
export function positions(
  layout: Layout,
  start = 0,
  count: number = sizeOf(layout.shape) - start,
  out: Int32Array = new Int32Array(count),
): Int32Array {
  const { shape, strides } = layout;
  const rank = shape.length;
  const index = new Array<number>(rank).fill(0);
  let position = layout.offset;
  for (let axis = rank - 1, rest = start; axis >= 0 && rest > 0; axis--) {
    const length = shape[axis]!;
    index[axis] = rest % length;
    position += index[axis]! * strides[axis]!;
    rest = Math.floor(rest / length);
  }
  for (let i = 0; i < count; i++) {
    out[i] = position;
    for (let axis = rank - 1; axis >= 0; axis--) {
      position += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      position -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** The layout of axes `from` to `to` (not included) alone, starting at `offset`. */
export function axesOf({ shape, strides }: Layout, from: number, to: number, offset: number): Layout {
  return { shape: shape.slice(from, to), strides: strides.slice(from, to), offset };
}

/** Whether element i lies at `offset + i`. */
export function isDense(shape: Shape, strides: readonly number[]): boolean {
  const dense = contiguousStrides(shape);
  return shape.every((length, axis) => length === 1 || strides[axis] === dense[axis]);
}
