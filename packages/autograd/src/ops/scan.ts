import type { ScanKernel } from "../backend/backend.ts";
import { checkOptions } from "../errors.ts";
import { launch } from "../launch.ts";
import { type Op, savesNothing } from "../op.ts";
import { normalizeAxis } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { mul } from "./arithmetic.ts";
import { cast, floating } from "./cast.ts";
import { equal, isNan, logicalOr, where } from "./comparison.ts";
import { arange } from "./create.ts";
import { takeAlongAxis } from "./indexing.ts";
import { defineLinear } from "./linear.ts";
import { logAddExp } from "./piecewise.ts";
import { reshape } from "./reshape.ts";
import { concatenate, moveAxis } from "./shape.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";
import { flip, slice } from "./view.ts";

const kernels = Object.fromEntries(
  (["sum", "max", "min"] as const).map((reduction) => [reduction, { kind: "scan", reduction }]),
) as Readonly<Record<"sum" | "max" | "min", ScanKernel>>;

/** Along the last axis. Its transpose sums from the other end. */
const cumsumOp: Op<null> = defineLinear(
  "cumsum",
  (x) => launch(kernels.sum, [x], x.dtype, x.shape),
  (cotangent) => flip(apply(cumsumOp, [flip(cotangent, -1)], null), -1),
  (x) => apply(cumsumOp, [x], null),
);

/** Options of running combinations. */
export interface ScanOptions {
  /** Default: the last. */
  readonly axis?: number;
}

function numeric(x: TensorLike): Tensor {
  const input = asTensor(x);
  return input.dtype === "bool" || input.dtype === "uint8" ? cast(input, "int32") : input;
}

/** Does `f` along an axis as if it were the last. */
function along(op: string, x: Tensor, options: ScanOptions, f: (x: Tensor) => Tensor): Tensor {
  const { axis = -1 } = checkOptions(op, options, ["axis"]);
  const at = normalizeAxis(op, axis, x);
  return moveAxis(f(moveAxis(x, at, -1)), -1, at);
}

/**
 * The running sum along an axis.
 *
 * @example
 * ```ts
 * cumsum([1, 2, 3]); // [1, 3, 6]
 * ```
 */
export function cumsum(x: TensorLike, options: ScanOptions = {}): Tensor {
  return along("cumsum", numeric(x), options, (y) => apply(cumsumOp, [y], null));
}

/**
 * A running combination by doubling: after k rounds every element combines the 2ᵏ up to it (W. D. Hillis, G. L. Steele,
 * 1986). Derivatives of every order are those of `combine`, without dividing by anything.
 */
function doubling(x: Tensor, combine: (earlier: Tensor, later: Tensor, step: number) => Tensor): Tensor {
  const length = x.shape.at(-1)!;
  const rest = Array<null>(x.rank - 1).fill(null);
  let y = x;
  for (let step = 1; step < length; step *= 2) {
    const earlier = slice(y, [...rest, { stop: length - step }]);
    const later = slice(y, [...rest, { start: step }]);
    y = concatenate([slice(y, [...rest, { stop: step }]), combine(earlier, later, step)], { axis: -1 });
  }
  return y;
}

/**
 * The running product along an axis.
 *
 * @example
 * ```ts
 * cumprod([1, 2, 3]); // [1, 2, 6]
 * ```
 */
export function cumprod(x: TensorLike, options: ScanOptions = {}): Tensor {
  return along("cumprod", numeric(x), options, (y) => doubling(y, mul));
}

/**
 * log of the running sum of eˣ along an axis, without overflow.
 *
 * @example
 * ```ts
 * logCumSumExp([0, 0]); // [0, 0.693147]
 * ```
 */
export function logCumSumExp(x: TensorLike, options: ScanOptions = {}): Tensor {
  return along("logCumSumExp", floating(x), options, (y) => doubling(y, logAddExp));
}

function discreteScan(reduction: "max" | "min"): Op<null> {
  const op: Op<null> = {
    name: `cum${reduction}`,
    forward: ([x]) => launch(kernels[reduction], [x!], x!.dtype, x!.shape),
    saves: () => savesNothing,
    vjp: null,
    jvp: null,
    batch: ([x]) => apply(op, [x!], null),
  };
  return op;
}

const runningMax = discreteScan("max");
const runningMin = discreteScan("min");

/** Where the running extreme was last reached: the latest place that equals it. */
function extremes(x: Tensor, op: Op<null>): Tensor {
  const running = apply(op, [x], null);
  const places = arange(x.shape.at(-1)!);
  const reached = where(logicalOr(equal(x, running), isNan(x)), places, 0);
  return takeAlongAxis(x, apply(runningMax, [reached], null), -1);
}

/**
 * The largest element up to each place along an axis. Gradients go to the latest of equals.
 *
 * @example
 * ```ts
 * cummax([1, 3, 2]); // [1, 3, 3]
 * ```
 */
export function cummax(x: TensorLike, options: ScanOptions = {}): Tensor {
  return along("cummax", numeric(x), options, (y) => extremes(y, runningMax));
}

/**
 * The smallest element up to each place along an axis. Gradients go to the latest of equals.
 *
 * @example
 * ```ts
 * cummin([3, 1, 2]); // [3, 1, 1]
 * ```
 */
export function cummin(x: TensorLike, options: ScanOptions = {}): Tensor {
  return along("cummin", numeric(x), options, (y) => extremes(y, runningMin));
}

/** The running products along the last axis, beginning again wherever the group changes; groups are in order. */
export function productsWithinGroups(x: Tensor, groups: Tensor): Tensor {
  const rest = Array<null>(x.rank - 1).fill(null);
  return doubling(x, (earlier, later, step) => {
    const isSame = equal(slice(groups, [...rest, { stop: -step }]), slice(groups, [...rest, { start: step }]));
    return mul(later, where(isSame, earlier, 1));
  });
}

/** The product over the last axis, by halving, so that factors of 0 do no harm to any derivative. */
export function productOfLast(x: Tensor): Tensor {
  const rest = Array<null>(x.rank - 1).fill(null);
  let y = x;
  for (let length = y.shape.at(-1)!; length > 1; length = y.shape.at(-1)!) {
    const half = length >>> 1;
    const pairs = mul(slice(y, [...rest, { stop: half }]), slice(y, [...rest, { start: half, stop: 2 * half }]));
    y = length % 2 === 0 ? pairs : concatenate([pairs, slice(y, [...rest, { start: 2 * half }])], { axis: -1 });
  }
  return reshape(y, y.shape.slice(0, -1));
}
