import * as g from "@gradiente/autograd";
import { type Adapter, Incomparable, type Options, reduceOptions, type T, type Values } from "./arguments.ts";

// Reductions of the elements that a mask lets pass: where(), and the reduction.

type Reduce = (x: T, o: { axis?: number | number[]; keepDims: boolean }) => T;

const maskOf = (x: T, o: Record<string, unknown>): T =>
  g.broadcastTo((o.mask as T | null) ?? g.full([], 1, { dtype: "bool" }), x.shape);

/** With `neutral` in place of what is masked. */
const filled =
  (neutral: number, f: Reduce): Adapter =>
  (args, o: Record<string, unknown>) =>
    f(g.where(maskOf(args[0], o), args[0], neutral), reduceOptions(args, o as Options));

const count = (x: T, args: Values, o: Record<string, unknown>): T =>
  g.sum(g.cast(maskOf(x, o), "float64"), reduceOptions(args, o as Options));

const variance: Adapter = (args, o: Record<string, unknown>) => {
  const [x] = args as [T];
  const mask = maskOf(x, o);
  const options = reduceOptions([x], o as Options);
  const all = { ...options, keepDims: true };
  const n = g.sum(g.cast(mask, "float64"), all);
  const mean = g.sum(g.where(mask, x, 0), all).div(n);
  const squares = g.sum(g.where(mask, x.sub(mean).square(), 0), options);
  const correction = o.correction ?? o.unbiased ?? true;
  return squares.div(g.maximum(count(x, [x], o).sub(Number(correction)), 0));
};

/** (x, dim): along one axis, and 0 where masked. */
const along =
  (f: (x: T, o: { axis: number }) => T, neutral: number, sign = 1): Adapter =>
  ([x, axis], o: Record<string, unknown>) => {
    if (x.rank === 0) return f(g.where(maskOf(x, o), x.mul(sign), neutral).reshape([1]), { axis: 0 }).reshape([]);
    const mask = maskOf(x, o);
    if (neutral === Number.NEGATIVE_INFINITY && !g.all(g.any(mask, { axis })).item()) throw new Incomparable(emptyMask);
    return f(g.where(mask, x.mul(sign), neutral), { axis });
  };

const emptyMask = "of nothing but masked elements PyTorch's result is arbitrary";

export const masked: Record<string, Adapter> = {
  "masked.sum": filled(0, g.sum),
  "masked.prod": filled(1, g.prod),
  "masked.amax": filled(Number.NEGATIVE_INFINITY, g.amax),
  "masked.amin": filled(Number.POSITIVE_INFINITY, g.amin),
  "masked.argmax": filled(Number.NEGATIVE_INFINITY, (x, o) => g.argmax(x, o as g.ArgOptions)),
  "masked.argmin": filled(Number.POSITIVE_INFINITY, (x, o) => g.argmin(x, o as g.ArgOptions)),
  "masked.logsumexp": filled(Number.NEGATIVE_INFINITY, g.logSumExp),
  "masked.mean": (args, o: Record<string, unknown>) => {
    const x: T = args[0];
    const options = reduceOptions(args, o as Options);
    const n = count(x, args, o);
    if (g.any(n.equal(0)).item()) throw new Incomparable(emptyMask);
    return g.sum(g.where(maskOf(x, o), x, 0), options).div(n);
  },
  "masked.median": ([x, dim], o: Record<string, unknown>) =>
    g.nanQuantile(g.where(maskOf(x, o), x, Number.NaN), 0.5, {
      ...(x.rank === 0 ? {} : { axis: dim }),
      keepDims: Boolean(o.keepdim),
      method: "lower",
    }),
  "masked.norm": ([x, ord], o: Record<string, unknown>) => {
    const neutral = ord < 0 ? Number.POSITIVE_INFINITY : 0;
    return g.norm(g.where(maskOf(x, o), x, neutral), { ...reduceOptions([x], o as Options), ord });
  },
  "masked.var": variance,
  "masked.std": (args, o, expected) => g.sqrt(variance(args, o, expected) as T),
  "masked.softmax": along(g.softmax, Number.NEGATIVE_INFINITY),
  "masked.softmin": along(g.softmax, Number.NEGATIVE_INFINITY, -1),
  "masked.log_softmax": along(g.logSoftmax, Number.NEGATIVE_INFINITY),
  "masked.cumsum": along(g.cumsum, 0),
  "masked.cumprod": along(g.cumprod, 1),
  "masked.normalize": ([x, ord, axis], o: Record<string, unknown>) => {
    const input = g.where(maskOf(x, o), x, 0);
    return input.div(
      g.maximum(g.norm(input, { ord, ...(x.rank === 0 ? {} : { axis }), keepDims: true }), (o.eps as number) ?? 1e-12),
    );
  },
  "masked.logaddexp": ([x, y], o: Record<string, unknown>) => {
    const [a, b] = [
      [x, o.input_mask],
      [y, o.other_mask],
    ].map(([v, mask]) => g.where(maskOf(v, { mask }), v, Number.NEGATIVE_INFINITY)) as [T, T];
    return g.logAddExp(a, b);
  },
};
