import type { ComputeDType, DType, TypedArray } from "../dtype.ts";
import type { Expr } from "../scalar/expression.ts";
import type { Layout } from "../shape.ts";

/** A block of elements owned by a backend. */
export interface Storage {
  readonly dtype: DType;
  readonly length: number;
  /**
   * The elements themselves, not a copy. Valid only until the next call of the backend, which may move them;
   * whoever keeps elements copies them.
   */
  readonly array: TypedArray;
  /** Counts changes in place, so that a value saved for the backward pass is known to be stale. */
  version: number;
  /**
   * How many values under way hold it, while the engine alone knows of it and may {@link Backend.free} it when nothing
   * does; -1 once anyone else may hold it, as is usual.
   */
  holders: number;
}

/** A strided window on a storage. A tensor is one. */
export interface View extends Layout {
  readonly dtype: DType;
  readonly size: number;
  readonly storage: Storage;
}

/**
 * For every element of the outputs, which have one shape, the value of an expression.
 * Inputs broadcast to that shape. `scalars` are the values of the expressions' parameters.
 * An output may be the very view of an input (in-place update), never another overlapping one.
 */
export interface ElementwiseKernel {
  readonly kind: "elementwise";
  /** One expression per output. */
  readonly expressions: readonly Expr[];
  readonly compute: ComputeDType;
}

/**
 * Combines the elements of the trailing axes of the input that its one output does not have:
 * `input: [...kept, ...reduced]`, `output: [...kept]`.
 * Sums of floats have an error that grows at most like the logarithm of the count. Sums and products of integers wrap.
 * `argmax` and `argmin` give the row-major position (int32) of the first extreme element within the reduced axes.
 * A NaN is both the largest and the smallest. Only sum, prod, any and all accept zero elements.
 */
export interface ReduceKernel {
  readonly kind: "reduce";
  readonly reduction: Reduction;
}
export type Reduction = "sum" | "prod" | "max" | "min" | "any" | "all" | "argmax" | "argmin";

/** Running combination along the last axis; output and input have one shape. */
export interface ScanKernel {
  readonly kind: "scan";
  readonly reduction: "sum" | "prod" | "max" | "min" | "logSumExp";
}

/**
 * The sum of products over shared axes, each group of axes of any rank and stride:
 * `a: [...batch, ...m, ...k]`, `b: [...batch, ...k, ...n]`, `output: [...batch, ...m, ...n]`.
 * Matrix products, tensor contractions and convolutions (over sliding windows) are all this kernel.
 */
export interface ContractKernel {
  readonly kind: "contract";
  /** Ranks of the groups. */
  readonly batch: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

/** Normalises along the last axis: exp(x - logSumExp x), or with `log` its logarithm. */
export interface SoftmaxKernel {
  readonly kind: "softmax";
  readonly log: boolean;
}

/**
 * `output[..., i, ...] = x[..., indices[..., i, ...], ...]` along `axis`. `x`, `indices` (int32) and the output have
 * one rank; apart from `axis` their shapes are equal. The caller has checked the indices.
 */
export interface GatherKernel {
  readonly kind: "gather";
  readonly axis: number;
}

/**
 * The transpose of gather: adds (or multiplies, or takes extremes of) the elements of the second input into
 * `output[..., indices[..., i, ...], ...]`, in row-major order. Inputs: indices, source. The output is read and written.
 */
export interface ScatterKernel {
  readonly kind: "scatter";
  readonly axis: number;
  readonly reduction: "set" | "sum" | "prod" | "max" | "min";
}

/**
 * Adds each element of the input to the element of the output at the same place. The output view may meet the same
 * storage element many times: this is the transpose of every view.
 */
export interface AccumulateKernel {
  readonly kind: "accumulate";
}

/**
 * The derivative of reducing to extremes. Inputs: `x: [...kept, ...reduced]`, its maxima or minima `[...kept]`, their
 * cotangents. To each element of the output (of `x`'s shape, read and written, perhaps meeting the same storage element
 * many times) that equals the extreme, an equal share of the cotangent is added; NaN to all if none does. Floats only.
 */
export interface ExtremeGradientKernel {
  readonly kind: "extremeGradient";
}

/** Stable ascending sort along the last axis, NaN last. Outputs: the values, their former positions (int32). */
export interface SortKernel {
  readonly kind: "sort";
  readonly descending: boolean;
}

/**
 * Pseudo-random numbers: element i (row-major) of the contiguous output depends on the key, the counter and i alone.
 * `scalars` are the two 32-bit words of the key and the two of the counter at which the block starts.
 */
export interface RandomKernel {
  readonly kind: "random";
  /** int32 bits; floats uniform on [0, 1); floats standard normal. */
  readonly distribution: "bits" | "uniform" | "normal";
}

export type Kernel =
  | ElementwiseKernel
  | ReduceKernel
  | ScanKernel
  | ContractKernel
  | SoftmaxKernel
  | GatherKernel
  | ScatterKernel
  | AccumulateKernel
  | ExtremeGradientKernel
  | SortKernel
  | RandomKernel;

export type KernelKind = Kernel["kind"];

/** Runs one kind of kernel. Shapes and dtypes have been checked; outputs do not overlap inputs unless stated. */
export type KernelRunner<K extends Kernel = Kernel> = (
  kernel: K,
  inputs: readonly View[],
  outputs: readonly View[],
  scalars: readonly number[],
) => void;

/** One runner for every kind of kernel; leaving one out does not compile. */
export type KernelTable = { readonly [K in KernelKind]: KernelRunner<Extract<Kernel, { kind: K }>> };

/** Where tensors live and kernels run. It knows nothing of gradients. */
export interface Backend {
  readonly name: string;
  /** New storage with undefined contents. */
  allocate(dtype: DType, length: number): Storage;
  /** New storage that holds `array`'s elements; the backend may keep `array` itself. */
  adopt(dtype: DType, array: TypedArray): Storage;
  /** Gives up storage that nobody will use again. */
  free(storage: Storage): void;
  run(kernel: Kernel, inputs: readonly View[], outputs: readonly View[], scalars?: readonly number[]): void;
}
