import * as g from "@gradiente/autograd";
import {
  type Adapter,
  along,
  along2,
  atLeast1,
  type Options,
  reduceOptions,
  reduction,
  type T,
  type Values,
} from "./arguments.ts";

// Reductions, running combinations, statistics and sorting.

const quantile =
  (f: typeof g.quantile): Adapter =>
  ([x, q, dim, keep], o: Record<string, unknown>) =>
    f(x, q instanceof g.Tensor ? (q.toArray() as number) : q, {
      ...reduceOptions([x, dim, keep], o as Options),
      method: (o.interpolation as "linear" | undefined) ?? "linear",
    });

/** PyTorch's median is the lower of the two in the middle. */
const median =
  (f: typeof g.quantile): Adapter =>
  (args, o) => [f(args[0], 0.5, { ...reduceOptions(args, o), method: "lower" })];

const histogram: Adapter = ([x, bins0], o: Record<string, unknown>) => {
  const bins = bins0 ?? o.bins;
  const { counts, edges } = g.histogram(x, {
    bins: bins instanceof g.Tensor ? (bins.toArray() as number[]) : bins,
    ...(o.range ? { range: o.range as [number, number] } : {}),
    ...(o.weight ? { weights: o.weight as T } : {}),
    density: Boolean(o.density),
  });
  return [g.cast(counts, "float64"), edges];
};

const alongAxis = (x: T, axis: number, rank: number): T =>
  x.reshape(Array.from({ length: rank }, (_, i) => (i === axis ? x.size : 1)));

function covariance(x: T, o: Record<string, unknown>): T {
  const rows = x.rank < 2 ? x.reshape([1, x.size]) : x;
  const frequencies = (o.fweights as T | undefined) ?? g.ones([rows.shape[1]!], { dtype: "float64" });
  const importance = (o.aweights as T | undefined) ?? g.ones([rows.shape[1]!], { dtype: "float64" });
  const weights = g.cast(frequencies, "float64").mul(importance);
  const total = weights.sum();
  const centred = rows.sub(rows.mul(weights).sum({ axis: 1, keepDims: true }).div(total));
  const correction = (o.correction as number | undefined) ?? 1;
  const used = o.aweights ? weights.mul(importance).sum().div(total) : 1;
  const c = centred
    .mul(weights)
    .matmul(centred.transpose())
    .div(g.maximum(total.sub(g.mul(used, correction)), 0));
  return rows.shape[0] === 1 ? c.reshape([]) : c;
}

export const reductions: Record<string, Adapter> = {
  sum: reduction(g.sum),
  mean: reduction(g.mean),
  prod: reduction(g.prod),
  amax: reduction(g.amax),
  amin: reduction(g.amin),
  all: reduction(g.all),
  any: reduction(g.any),
  nansum: reduction(g.nanSum),
  nanmean: reduction(g.nanMean),
  logsumexp: reduction(g.logSumExp),
  count_nonzero: reduction(g.countNonzero),
  argmax: reduction((x, o) => g.argmax(x, o as g.ArgOptions)),
  argmin: reduction((x, o) => g.argmin(x, o as g.ArgOptions)),
  var: (args, o) => g.variance(args[0], { ...statistics(args, o), correction: correction(args, o) }),
  std: (args, o) => g.std(args[0], { ...statistics(args, o), correction: correction(args, o) }),
  var_mean: (args, o) => {
    const r = statistics(args, o);
    return [g.variance(args[0], { ...r, correction: correction(args, o) }), g.mean(args[0], r)];
  },
  std_mean: (args, o) => {
    const r = statistics(args, o);
    return [g.std(args[0], { ...r, correction: correction(args, o) }), g.mean(args[0], r)];
  },
  "max:reduction_no_dim": ([x]) => g.max(x),
  "min:reduction_no_dim": ([x]) => g.min(x),
  "max:reduction_with_dim": (args, o) => {
    const r = reduceOptions(args, o);
    return [g.max(args[0], r), g.argmax(args[0], r as g.ArgOptions)];
  },
  "min:reduction_with_dim": (args, o) => {
    const r = reduceOptions(args, o);
    return [g.min(args[0], r), g.argmin(args[0], r as g.ArgOptions)];
  },
  aminmax: (args, o) => {
    const r = reduceOptions(args, o);
    return [g.min(args[0], r), g.max(args[0], r)];
  },
  quantile: quantile(g.quantile),
  nanquantile: quantile(g.nanQuantile),
  median: median(g.quantile),
  nanmedian: median(g.nanQuantile),
  "torch.ops.aten._safe_softmax.default": ([x], { dim = -1 }) => {
    const isNone = g.all(x.equal(Number.NEGATIVE_INFINITY), { axis: dim, keepDims: true });
    return g.where(isNone, 0, g.softmax(g.where(isNone, 0, x), { axis: dim }));
  },
  histogram,
  histc: (args, o, expected) => {
    const [x, bins, low, high] = args;
    const options: Record<string, unknown> = o;
    const [min, max] = [low ?? options.min ?? 0, high ?? options.max ?? 0];
    return [
      [
        histogram(
          [x, bins ?? options.bins ?? 100],
          { ...o, ...(min === max ? {} : { range: [min, max] }) } as Options,
          expected,
        ),
      ].flat()[0]!,
    ];
  },
  bincount: ([x, weights], o: Record<string, unknown>) => {
    const given = weights ?? o.weights ?? null;
    return g.bincount(x, { minLength: (o.minlength as number) ?? 0, ...(given === null ? {} : { weights: given }) });
  },
  cov: ([x], o: Record<string, unknown>) => covariance(x, o),
  corrcoef: ([x]) => {
    const c = covariance(x, {});
    if (c.rank === 0) return c.div(c);
    const d = g.diagonal(c).sqrt();
    return c.div(d.unsqueeze(0)).div(d.unsqueeze(1));
  },
  cumulative_trapezoid: ([y, x], { dim = -1, dx = 1 }) => {
    const axis = dim < 0 ? dim + y.rank : dim;
    const both = (v: T): [T, T] => {
      const lead = Array<null>(axis < v.rank ? axis : 0).fill(null);
      return [g.slice(v, [...lead, { stop: -1 }]), g.slice(v, [...lead, { start: 1 }])];
    };
    const [a, b] = both(y);
    const widths =
      x instanceof g.Tensor ? (x.rank === y.rank ? g.diff(x, { axis }) : alongAxis(g.diff(x), axis, y.rank)) : dx;
    return g.cumsum(a.add(b).mul(0.5).mul(widths), { axis });
  },
  cumsum: along((x, axis) => g.cumsum(x, { axis })),
  cumprod: along((x, axis) => g.cumprod(x, { axis })),
  cummax: along((x, axis) => [g.cummax(x, { axis })]),
  cummin: along((x, axis) => [g.cummin(x, { axis })]),
  logcumsumexp: along((x, axis) => g.logCumSumExp(x, { axis })),
  softmax: along((x, axis) => g.softmax(x, { axis })),
  log_softmax: along((x, axis) => g.logSoftmax(x, { axis })),
  "nn.functional.softmin": along((x, axis) => g.softmax(x.neg(), { axis })),
  norm: ([x, p, dim, keep], o: Record<string, unknown>) => {
    const given = p ?? o.p ?? "fro";
    return g.norm(x, { ...reduceOptions([x, dim, keep], o as Options), ord: given === "fro" ? 2 : given });
  },
  dist: ([x, y, p = 2]) => g.norm(x.sub(y), { ord: p }),
  diff: ([x, n, axis, ...ends]) => {
    if (n === 0) return x.clone();
    const parts = [ends[0], x, ends[1]].filter((v) => v instanceof g.Tensor);
    return g.diff(g.concatenate(parts, { axis }), { n, axis });
  },
  trapezoid: ([y, x], { dim = -1, dx = 1 }) =>
    g.trapezoid(y, x instanceof g.Tensor ? { x, axis: dim } : { dx, axis: dim }),
  trapz: ([y, x], { dim = -1, dx = 1 }) => g.trapezoid(y, x instanceof g.Tensor ? { x, axis: dim } : { dx, axis: dim }),
  sort: along2((x, axis, descending) => {
    const { values, indices } = g.sort(x, { axis, descending });
    return [values, indices];
  }),
  argsort: along2((x, axis, descending) => [g.argsort(x, { axis, descending })]),
  topk: ([x, k, dim, largest], o) => {
    const { values, indices } = g.topK(atLeast1(x), k, {
      axis: dim ?? o.dim ?? -1,
      largest: largest ?? o.largest ?? true,
    });
    return [values.reshape(x.rank === 0 ? [] : values.shape), indices.reshape(x.rank === 0 ? [] : indices.shape)];
  },
  kthvalue: ([x, k, dim = -1, keep = false]) => {
    const { values, indices } = g.sort(atLeast1(x), { axis: dim });
    const pick = (v: T): T => {
      const y = g.slice(g.moveAxis(v, dim, 0), [{ start: k - 1, stop: k }]);
      return keep ? g.moveAxis(y, 0, dim) : y.squeeze(0);
    };
    return x.rank === 0 ? [x.clone()] : [pick(values), pick(indices)];
  },
};

/** (x, dim?, unbiased?, keepdim?) with the correction in one of several places. */
function statistics(args: Values, o: Record<string, unknown>): { axis?: number | number[]; keepDims: boolean } {
  return reduceOptions([args[0], typeof args[1] === "boolean" ? null : args[1], args[3]], o as Options);
}
function correction(args: Values, o: Record<string, unknown>): number {
  const unbiased = o.unbiased ?? (typeof args[1] === "boolean" ? args[1] : (args[2] ?? null));
  const given = o.correction ?? null;
  return given !== null ? Number(given) : unbiased === null ? 1 : Number(unbiased);
}
