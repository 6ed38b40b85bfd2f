import * as g from "@gradiente/autograd";

// How arguments of PyTorch's operators are read.

// biome-ignore lint/suspicious/noExplicitAny: arguments come from a file and have whatever type the operator wants.
export type Values = any[];
export type Options = Record<string, never>;
/** PyTorch's results are given too, for what is determined only up to signs. */
export type Adapter = (args: Values, options: Options, expected: readonly (g.Tensor | null)[]) => g.Tensor | g.Tensor[];
export type T = g.Tensor;

export const unary =
  (f: (x: T) => T): Adapter =>
  ([x]) =>
    f(x);
export const binary =
  (f: (x: T, y: T) => T): Adapter =>
  ([x, y]) =>
    f(x, y);

/** (x, dim?, keepdim?) or { dim, keepdim }; a scalar's dimension 0 is no axis. */
export function reduceOptions(args: Values, options: Options): { axis?: number | number[]; keepDims: boolean } {
  const x: T = args[0];
  const dim = args[1] ?? options.dim ?? null;
  const keepDims = Boolean(args[2] ?? options.keepdim ?? false);
  if (dim === null || x.rank === 0 || (Array.isArray(dim) && dim.length === 0)) return { keepDims };
  return { axis: dim, keepDims };
}
export const reduction =
  (f: (x: T, o: { axis?: number | number[]; keepDims: boolean }) => T): Adapter =>
  (args, options) =>
    f(args[0], reduceOptions(args, options));

/** (x, dim): at least rank 1. */
export const along =
  (f: (x: T, axis: number, options: Options) => T | T[]): Adapter =>
  ([x, dim], options) => {
    const axis = (dim ?? options.dim ?? -1) as number;
    return x.rank === 0 ? [f(x.reshape([1]), 0, options)].flat().map((y) => y.reshape([])) : f(x, axis, options);
  };

/** With channels last: x is [N, C, ...space] or, without a batch, [C, ...space]. */
export function channelsLast(x: T, space: number, f: (x: T) => T): T {
  const batched = x.rank === space + 2;
  const y = f(g.moveAxis(batched ? x : x.unsqueeze(0), 1, -1));
  const back = g.moveAxis(y, -1, 1);
  return batched ? back : back.squeeze(0);
}
export const many = (value: unknown, n: number): number[] =>
  Array.isArray(value) ? (value.length === 1 ? Array(n).fill(value[0]) : value) : Array(n).fill(value);

export const int = (x: T | number): number => (typeof x === "number" ? x : x.item());
export const reductionOf = (o: Record<string, unknown>): { reduction: "mean" | "sum" | "none" } => ({
  reduction: (o.reduction as "mean" | undefined) ?? "mean",
});
export const atLeast1 = (x: T): T => (x.rank === 0 ? x.reshape([1]) : x);

/** An operator that takes indices along a dimension, where a scalar counts as a vector of one. */
export const indexed =
  (f: (x: T, axis: number, index: T, source: T, rest: Values, o: Record<string, unknown>) => T): Adapter =>
  ([x, dim, index, source, ...rest], o) => {
    const lift = (v: unknown): T => (v instanceof g.Tensor ? atLeast1(v) : (v as T));
    return f(atLeast1(x), dim, atLeast1(index), lift(source), rest, o).reshape(x.shape);
  };

export function along2(f: (x: T, axis: number, descending: boolean) => T[]): Adapter {
  return ([x, dim, descending], o) => {
    const results = f(atLeast1(x), dim ?? o.dim ?? -1, Boolean(descending ?? o.descending ?? false));
    return x.rank === 0 ? results.map((y) => y.reshape([])) : results;
  };
}

export const item = (v: unknown): g.Index => {
  if (v instanceof g.Tensor || typeof v === "number" || v === null) return v as g.Index;
  if (v === "..." || (typeof v === "object" && v !== null && "ellipsis" in v)) return "...";
  if (Array.isArray(v)) return v as number[];
  const [start, stop, step] = (v as { slice: (number | null)[] }).slice;
  return { start: start ?? undefined, stop: stop ?? undefined, step: step ?? undefined };
};

/** A case that cannot be compared, with its reason. */
export class Incomparable extends Error {}

export const overwritten = "PyTorch gives gradients to values that were overwritten";
