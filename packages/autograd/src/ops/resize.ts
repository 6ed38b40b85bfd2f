import { allocateArray, isFloat } from "../dtype.ts";
import { ArgumentError, checkOptions, shown, unknownOption } from "../errors.ts";
import { checkShape, listOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { take } from "./indexing.ts";
import { contract } from "./matmul.ts";
import { moveAxis } from "./shape.ts";
import { asTensor, fromArray, type TensorLike } from "./tensor-like.ts";

const modes = ["nearest", "nearestExact", "linear", "cubic"] as const;

/** Options of {@link interpolate}. */
export interface InterpolateOptions {
  /**
   * `nearest`, by the edges of elements, or `nearestExact`, by their centres; `linear` (bilinear, trilinear); `cubic`
   * (bicubic, R. Keys 1981, a = -0.75). Default: `nearest`.
   */
  readonly mode?: (typeof modes)[number];
  /** Whether the first and the last elements stay where they are, instead of the outer edges. Default: false. */
  readonly alignCorners?: boolean;
}

/** Weights of the elements at distance t, t in [0, 1), from the one before: as many as elements, from `first` on. */
function weightsAt(mode: "linear" | "cubic", t: number): { first: number; weights: readonly number[] } {
  if (mode === "linear") return { first: 0, weights: [1 - t, t] };
  const a = -0.75;
  const near = (d: number): number => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number): number => ((d - 5) * d + 8) * d * a - 4 * a;
  return { first: -1, weights: [far(t + 1), near(t), near(1 - t), far(2 - t)] };
}

/** The matrix `[out, in]` that resizes one axis. */
function matrix(length: number, out: number, mode: "linear" | "cubic", alignCorners: boolean): Float64Array {
  const result = allocateArray("float64", out * length) as Float64Array;
  for (let i = 0; i < out; i++) {
    let place = alignCorners ? (out === 1 ? 0 : (i * (length - 1)) / (out - 1)) : ((i + 0.5) * length) / out - 0.5;
    if (mode === "linear") place = Math.max(0, place);
    const below = Math.floor(place);
    const { first, weights } = weightsAt(mode, place - below);
    weights.forEach((w, k) => {
      const at = Math.min(Math.max(below + first + k, 0), length - 1);
      result[i * length + at]! += w;
    });
  }
  return result;
}

/**
 * An image (or signal, or volume) at another size, channels last.
 *
 * @param x shape `[batch, ...space, channels]`.
 * @param size lengths of the spatial axes in the result.
 *
 * @example
 * ```ts
 * interpolate([[[1], [3]]], [4], { mode: "linear" }); // [[[1], [1.5], [2.5], [3]]]
 * ```
 */
export function interpolate(x: TensorLike, size: readonly number[], options: InterpolateOptions = {}): Tensor {
  const given = asTensor(x);
  const { mode = "nearest", alignCorners = false } = checkOptions("interpolate", options, ["mode", "alignCorners"]);
  if (!modes.includes(mode)) throw unknownOption("interpolate", "mode", mode, modes);
  const input = isFloat(given.dtype) || mode.startsWith("nearest") ? given : cast(given, "float32");
  if (
    listOf("interpolate", "lengths", size).length !== input.rank - 2 ||
    !size.every((n) => Number.isInteger(n) && n > 0)
  ) {
    throw new ArgumentError({
      op: "interpolate",
      message: `size is ${shown(size)}`,
      operands: [input],
      hint: `give ${Math.max(0, input.rank - 2)} positive integers`,
    });
  }
  checkShape("interpolate", [input.shape[0]!, ...size, input.shape.at(-1)!]);
  return size.reduce((y, out, i) => {
    const axis = i + 1;
    const length = y.shape[axis]!;
    if (length === 0) {
      throw new ArgumentError({ op: "interpolate", message: `axis ${axis} is empty`, operands: [input] });
    }
    if (length === out) return y;
    if (mode === "nearest" || mode === "nearestExact") {
      const centre = mode === "nearest" ? 0 : 0.5;
      const places = allocateArray("int32", out);
      for (let k = 0; k < out; k++) places[k] = Math.floor(((k + centre) * length) / out);
      return take(y, fromArray(places, [out]), { axis });
    }
    const weights = cast(fromArray(matrix(length, out, mode, alignCorners), [out, length]), y.dtype);
    const moved = contract(moveAxis(y, axis, -1), weights.transpose(), { batch: 0, m: y.rank - 1, k: 1, n: 1 });
    return moveAxis(moved, -1, axis);
  }, input);
}
