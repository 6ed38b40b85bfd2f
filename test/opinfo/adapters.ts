import * as g from "@gradiente/autograd";

// How PyTorch's operators and their arguments are written with ours.

// biome-ignore lint/suspicious/noExplicitAny: arguments come from a file and have whatever type the operator wants.
export type Values = any[];
type Options = Record<string, never>;
export type Adapter = (args: Values, options: Options) => g.Tensor | g.Tensor[];
type T = g.Tensor;

const unary =
  (f: (x: T) => T): Adapter =>
  ([x]) =>
    f(x);
const binary =
  (f: (x: T, y: T) => T): Adapter =>
  ([x, y]) =>
    f(x, y);

/** (x, dim?, keepdim?) or { dim, keepdim }; a scalar's dimension 0 is no axis. */
function reduceOptions(args: Values, options: Options): { axis?: number | number[]; keepDims: boolean } {
  const x: T = args[0];
  const dim = args[1] ?? options.dim ?? null;
  const keepDims = Boolean(args[2] ?? options.keepdim ?? false);
  if (dim === null || x.rank === 0 || (Array.isArray(dim) && dim.length === 0)) return { keepDims };
  return { axis: dim, keepDims };
}
const reduction =
  (f: (x: T, o: { axis?: number | number[]; keepDims: boolean }) => T): Adapter =>
  (args, options) =>
    f(args[0], reduceOptions(args, options));

/** (x, dim): at least rank 1. */
const along =
  (f: (x: T, axis: number, options: Options) => T | T[]): Adapter =>
  ([x, dim], options) => {
    const axis = (dim ?? options.dim ?? -1) as number;
    return x.rank === 0 ? [f(x.reshape([1]), 0, options)].flat().map((y) => y.reshape([])) : f(x, axis, options);
  };

/** With channels last: x is [N, C, ...space] or, without a batch, [C, ...space]. */
function channelsLast(x: T, space: number, f: (x: T) => T): T {
  const batched = x.rank === space + 2;
  const y = f(g.moveAxis(batched ? x : x.unsqueeze(0), 1, -1));
  const back = g.moveAxis(y, -1, 1);
  return batched ? back : back.squeeze(0);
}
const many = (value: unknown, n: number): number[] =>
  Array.isArray(value) ? (value.length === 1 ? Array(n).fill(value[0]) : value) : Array(n).fill(value);

function conv(space: number, transposed: boolean): Adapter {
  return (args, o: Record<string, unknown>) => {
    const [x, w, bias] = args as [T, T, T | null];
    const pad = o.padding ?? 0;
    const padding = typeof pad === "string" ? (pad as "same") : many(pad, space);
    const options = {
      strides: many(o.stride ?? 1, space),
      padding,
      dilation: many(o.dilation ?? 1, space),
      groups: (o.groups as number | undefined) ?? 1,
    };
    const axes = Array.from({ length: space }, (_, i) => i + 2);
    const kernel = w.permute([...axes, 1, 0]);
    const f = [
      [g.conv1d, g.conv2d, g.conv3d],
      [g.convTranspose1d, g.convTranspose2d, g.convTranspose3d],
    ][Number(transposed)]![space - 1]!;
    const extra = transposed ? { outputPadding: many(o.output_padding ?? 0, space) } : {};
    return channelsLast(x, space, (v) => {
      const y = f(v, kernel, { ...options, ...extra });
      return bias ? y.add(bias) : y;
    });
  };
}

function maxPool(space: number): Adapter {
  return ([x], o: Record<string, unknown>) => {
    const size = many(o.kernel_size, space);
    const strides = o.stride === null ? size : many(o.stride, space);
    const options = { size, strides, padding: many(o.padding, space), dilation: many(o.dilation, space) };
    const ceil = Boolean(o.ceil_mode);
    return channelsLast(x, space, (v) => g.maxPool(v, { ...options, padding: pads(v, options, ceil) }));
  };
}

/** PyTorch's ceil_mode as padding after the end. */
function pads(
  v: T,
  o: { size: number[]; strides: number[]; padding: number[]; dilation: number[] },
  ceil: boolean,
): [number, number][] {
  return o.size.map((k, i) => {
    const [p, s, n] = [o.padding[i]!, o.strides[i]!, v.shape[i + 1]!];
    const span = o.dilation[i]! * (k - 1) + 1;
    let count = Math[ceil ? "ceil" : "floor"]((n + 2 * p - span) / s) + 1;
    if (ceil && (count - 1) * s >= n + p) count--;
    return [p, Math.max(p, (count - 1) * s + span - n - p)];
  });
}

function avgPool(space: number): Adapter {
  return (args, o: Record<string, unknown>) => {
    const [x, k, stride, pad, ceil, countPad, divisor] = [
      args[0],
      args[1],
      args[2] ?? o.stride ?? null,
      args[3] ?? o.padding ?? 0,
      args[4] ?? o.ceil_mode ?? false,
      args[5] ?? o.count_include_pad ?? true,
      args[6] ?? o.divisor_override ?? null,
    ];
    const size = many(k, space);
    const strides = stride === null ? size : many(stride, space);
    const padding = many(pad, space);
    return channelsLast(x, space, (v) => {
      const after = pads(v, { size, strides, padding, dilation: size.map(() => 1) }, Boolean(ceil));
      const sums = g
        .avgPool(v, { size, strides, padding: after, countPadding: true })
        .mul(size.reduce((a, b) => a * b, 1));
      if (divisor !== null) return sums.div(divisor as number);
      // Padding counts where PyTorch says so, what ceil_mode adds never does.
      const inner = countPad ? padding : padding.map(() => 0);
      const ones = g.pad(
        g.ones([1, ...v.shape.slice(1, -1), 1], { dtype: "float64" }),
        [[0, 0], ...inner.map((p): [number, number] => [p, p])],
        { value: 1 },
      );
      const rest = after.map(([a, b], i): [number, number] => [a - inner[i]!, b - inner[i]!]);
      const counts = g.avgPool(ones, {
        size,
        strides,
        padding: rest.map(([a, b]) => [a, Math.max(0, b)] as const),
        countPadding: true,
      });
      return sums.div(counts.mul(size.reduce((a, b) => a * b, 1)));
    });
  };
}

const adaptive =
  (space: number, f: (x: T, n: number[]) => T): Adapter =>
  ([x, size]) =>
    channelsLast(x, space, (v) => {
      const wanted = many(size, space).map((n, i) => n ?? v.shape[i + 1]!);
      return f(v, wanted);
    });

const interpolate =
  (mode: "nearest" | "linear" | "cubic"): Adapter =>
  (args, o: Record<string, unknown>) => {
    const [x, given, scale, , align] = [args[0] as T, args[1] ?? o.size, args[2], args[3], args[4]];
    const space = x.rank - 2;
    const size = given ? many(given, space) : x.shape.slice(2).map((n) => Math.floor(n * (scale as number)));
    const alignCorners = Boolean(align ?? (mode !== "nearest" && given === o.size));
    return channelsLast(x, space, (v) => g.interpolate(v, size, { mode, alignCorners }));
  };

const int = (x: T | number): number => (typeof x === "number" ? x : x.item());
const reductionOf = (o: Record<string, unknown>): { reduction: "mean" | "sum" | "none" } => ({
  reduction: (o.reduction as "mean" | undefined) ?? "mean",
});
const atLeast1 = (x: T): T => (x.rank === 0 ? x.reshape([1]) : x);

/** An operator that takes indices along a dimension, where a scalar counts as a vector of one. */
const indexed =
  (f: (x: T, axis: number, index: T, source: T, rest: Values, o: Record<string, unknown>) => T): Adapter =>
  ([x, dim, index, source, ...rest], o) => {
    const lift = (v: unknown): T => (v instanceof g.Tensor ? atLeast1(v) : (v as T));
    return f(atLeast1(x), dim, atLeast1(index), lift(source), rest, o).reshape(x.shape);
  };

const elementwise: Record<string, Adapter> = {
  ...Object.fromEntries(
    (
      [
        ["acos", g.acos],
        ["acosh", g.acosh],
        ["asin", g.asin],
        ["asinh", g.asinh],
        ["atan", g.atan],
        ["atanh", g.atanh],
        ["cos", g.cos],
        ["cosh", g.cosh],
        ["exp", g.exp],
        ["exp2", g.exp2],
        ["expm1", g.expm1],
        ["log", g.log],
        ["log10", g.log10],
        ["log1p", g.log1p],
        ["log2", g.log2],
        ["sin", g.sin],
        ["sinh", g.sinh],
        ["sqrt", g.sqrt],
        ["rsqrt", g.rsqrt],
        ["tan", g.tan],
        ["tanh", g.tanh],
        ["erf", g.erf],
        ["erfc", g.erfc],
        ["erfinv", g.erfinv],
        ["lgamma", g.lgamma],
        ["digamma", g.digamma],
        ["abs", g.abs],
        ["neg", g.neg],
        ["ceil", g.ceil],
        ["floor", g.floor],
        ["trunc", g.trunc],
        ["frac", g.frac],
        ["sign", g.sign],
        ["reciprocal", g.reciprocal],
        ["square", g.square],
        ["sigmoid", g.sigmoid],
        ["sinc", g.sinc],
        ["isfinite", g.isFinite],
        ["isinf", g.isInf],
        ["isnan", g.isNan],
        ["logical_not", g.logicalNot],
        ["nan_to_num", g.nanToNum],
        ["positive", (x: T) => x.clone()],
        ["conj", (x: T) => x.clone()],
        ["real", (x: T) => x.clone()],
        ["resolve_conj", (x: T) => x.clone()],
        ["resolve_neg", (x: T) => x.clone()],
        ["clone", g.clone],
        ["contiguous", g.contiguous],
        ["deg2rad", (x: T) => x.mul(Math.PI / 180)],
        ["rad2deg", (x: T) => x.mul(180 / Math.PI)],
        ["isreal", (x: T) => g.onesLike(x).equal(1)],
        ["ravel", g.ravel],
        ["zero_", (x: T) => x.mul(0)],
        ["nn.functional.relu", g.relu],
        ["nn.functional.relu6", g.relu6],
        ["nn.functional.silu", g.silu],
        ["nn.functional.mish", g.mish],
        ["nn.functional.selu", g.selu],
        ["nn.functional.hardswish", g.hardSilu],
        ["nn.functional.hardsigmoid", g.hardSigmoid],
        ["nn.functional.logsigmoid", g.logSigmoid],
        ["nn.functional.softsign", g.softsign],
        ["nn.functional.tanhshrink", g.tanhShrink],
      ] as [string, (x: T) => T][]
    ).map(([name, f]) => [name, unary(f)]),
  ),
  ...Object.fromEntries(
    (
      [
        ["add", g.add],
        ["sub", g.sub],
        ["mul", g.mul],
        ["true_divide", g.div],
        ["div:no_rounding_mode", g.div],
        ["atan2", g.atan2],
        ["copysign", g.copysign],
        ["hypot", g.hypot],
        ["maximum", g.maximum],
        ["minimum", g.minimum],
        ["max:binary", g.maximum],
        ["min:binary", g.minimum],
        ["pow", g.pow],
        ["float_power", g.pow],
        ["remainder", g.remainder],
        ["floor_divide", g.floorDivide],
        ["xlogy", g.xlogy],
        ["logaddexp", g.logAddExp],
        ["eq", g.equal],
        ["ne", g.notEqual],
        ["lt", g.less],
        ["le", g.lessEqual],
        ["gt", g.greater],
        ["ge", g.greaterEqual],
        ["logical_and", g.logicalAnd],
        ["logical_or", g.logicalOr],
        ["logical_xor", g.logicalXor],
        ["clamp_max", (x: T, y: T) => g.minimum(x, y)],
        ["clamp_min", (x: T, y: T) => g.maximum(x, y)],
        ["fmax", g.maximum],
        ["fmin", g.minimum],
        ["__radd__", (x: T, y: T) => y.add(x)],
        ["__rmul__", (x: T, y: T) => y.mul(x)],
        ["__rdiv__", (x: T, y: T) => y.div(x)],
        ["__rsub__", (x: T, y: T) => y.sub(x)],
        ["rsub", (x: T, y: T) => y.sub(x)],
        ["__rpow__", (x: T, y: T) => y.pow(x)],
        ["__rmod__", (x: T, y: T) => y.remainder(x)],
        ["__rmatmul__", (x: T, y: T) => y.matmul(x)],
        ["matmul", g.matmul],
        ["inner", g.inner],
        ["fmod", (x: T, y: T) => x.sub(g.trunc(x.div(y)).mul(y))],
        ["ldexp", (x: T, y: T) => x.mul(g.exp2(y))],
        ["div:trunc_rounding", (x: T, y: T) => g.trunc(x.div(y))],
        ["div:floor_rounding", (x: T, y: T) => g.floor(x.div(y))],
        ["heaviside", (x: T, y: T) => g.where(x.equal(0), y, g.cast(x.greater(0), "float64"))],
        ["sum_to_size", (x: T, y: T) => g.sumTo(x, y as unknown as number[])],
        ["broadcast_to", (x: T, y: T) => g.broadcastTo(x, y as unknown as number[])],
        ["expand", (x: T, y: T) => g.expand(x, y as unknown as number[])],
        ["expand_as", (x: T, y: T) => g.expand(x, y.shape)],
      ] as [string, (x: T, y: T) => T][]
    ).map(([name, f]) => [name, binary(f)]),
  ),
  clamp: ([x, min, max]) => g.clamp(x, { min, max }),
  lerp: ([x, y, w]) => g.lerp(x, y, w),
  addcmul: ([x, a, b], o) => g.addcmul(x, a, b, o),
  addcdiv: ([x, a, b], { value = 1 }) => x.add(a.div(b).mul(value)),
  where: ([x, mask, y]) => g.where(mask, x, y),
  logit: ([x, eps], o) => {
    const e = eps ?? o.eps ?? null;
    return g.logit(x, e === null ? {} : { eps: e });
  },
  "round:decimals_0": unary(g.round),
  "round:decimals_3": ([x]) => g.round(x.mul(1000)).div(1000),
  "round:decimals_neg_3": ([x]) => g.round(x.div(1000)).mul(1000),
  isclose: ([x, y], { rtol = 1e-5, atol = 1e-8 }) => g.lessEqual(x.sub(y).abs(), y.abs().mul(rtol).add(atol)),
  fill: ([x], { value }) => g.fullLike(x, Number(value)),
  "nn.functional.leaky_relu": ([x], { negative_slope = 0.01 }) => g.leakyRelu(x, negative_slope),
  "nn.functional.elu": ([x], { alpha = 1 }) => g.elu(x, alpha),
  "nn.functional.celu": ([x], { alpha = 1 }) => g.celu(x, alpha),
  "nn.functional.gelu": ([x], o) => g.gelu(x, o),
  "nn.functional.hardtanh": ([x], { min_val = -1, max_val = 1 }) => g.clamp(x, { min: min_val, max: max_val }),
  "nn.functional.softshrink": ([x], { lambd = 0.5 }) => g.softShrink(x, lambd),
  "nn.functional.hardshrink": ([x], { lambd = 0.5 }) => g.hardShrink(x, lambd),
  "nn.functional.threshold": ([x, t, v]) => g.threshold(x, t, v),
  "nn.functional.prelu": ([x], o: Record<string, unknown>) => g.prelu(x, o.weight as T),
  "nn.functional.softplus": ([x], { beta = 1, threshold = 20 }) =>
    g.where(x.mul(beta).greater(threshold), x, g.softplus(x.mul(beta)).div(beta)),
  "nn.functional.glu": ([x, dim], o) => {
    const [a, b] = g.split(x, 2, { axis: dim ?? o.dim ?? -1 });
    return a!.mul(g.sigmoid(b!));
  },
};

const reductions: Record<string, Adapter> = {
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
  "max:reduction_with_dim": ([x, axis, keep]) => [
    g.max(x, { axis, keepDims: Boolean(keep) }),
    g.argmax(x, { axis, keepDims: Boolean(keep) }),
  ],
  "min:reduction_with_dim": ([x, axis, keep]) => [
    g.min(x, { axis, keepDims: Boolean(keep) }),
    g.argmin(x, { axis, keepDims: Boolean(keep) }),
  ],
  aminmax: (args, o) => {
    const r = reduceOptions(args, o);
    return [g.min(args[0], r), g.max(args[0], r)];
  },
  quantile: ([x, q], o: Record<string, unknown>) =>
    g.quantile(x, q instanceof g.Tensor ? (q.toArray() as number) : q, reduceOptions([x], o as Options)),
  cumsum: along((x, axis) => g.cumsum(x, { axis })),
  cumprod: along((x, axis) => g.cumprod(x, { axis })),
  cummax: along((x, axis) => [g.cummax(x, { axis })]),
  cummin: along((x, axis) => [g.cummin(x, { axis })]),
  logcumsumexp: along((x, axis) => g.logCumSumExp(x, { axis })),
  softmax: along((x, axis) => g.softmax(x, { axis })),
  log_softmax: along((x, axis) => g.logSoftmax(x, { axis })),
  "nn.functional.softmin": along((x, axis) => g.softmax(x.neg(), { axis })),
  norm: ([x, p = 2], o: Record<string, unknown>) => {
    const ord = p === "fro" || o.f !== undefined ? 2 : p;
    return g.norm(x, { ...reduceOptions([x], o as Options), ord });
  },
  "norm:inf": ([x, p], o: Record<string, unknown>) =>
    g.norm(x, { ord: Number(String(p ?? o.f).replace("inf", "Infinity")) }),
  dist: ([x, y, p = 2]) => g.norm(x.sub(y), { ord: p }),
  diff: ([x, n, axis, ...ends]) => {
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

function along2(f: (x: T, axis: number, descending: boolean) => T[]): Adapter {
  return ([x, dim, descending], o) => {
    const results = f(atLeast1(x), dim ?? o.dim ?? -1, Boolean(descending ?? o.descending ?? false));
    return x.rank === 0 ? results.map((y) => y.reshape([])) : results;
  };
}

/** (x, dim?, unbiased?, keepdim?) with the correction in one of several places. */
function statistics(args: Values, o: Record<string, unknown>): { axis?: number | number[]; keepDims: boolean } {
  return reduceOptions([args[0], typeof args[1] === "boolean" ? null : args[1], args[3]], o as Options);
}
function correction(args: Values, o: Record<string, unknown>): number {
  const unbiased = o.unbiased ?? (typeof args[1] === "boolean" ? args[1] : (args[2] ?? null));
  const given = o.correction ?? null;
  return given !== null ? Number(given) : unbiased === null ? 1 : Number(unbiased);
}

const item = (v: unknown): g.Index => {
  if (v instanceof g.Tensor || typeof v === "number" || v === null) return v as g.Index;
  if (v === "..." || (typeof v === "object" && v !== null && "ellipsis" in v)) return "...";
  if (Array.isArray(v)) return v as number[];
  const [start, stop, step] = (v as { slice: (number | null)[] }).slice;
  return { start: start ?? undefined, stop: stop ?? undefined, step: step ?? undefined };
};

const shapes: Record<string, Adapter> = {
  reshape: ([x, s]) => x.reshape(s),
  reshape_as: ([x, y]) => x.reshape(y.shape),
  view: ([x, s]) => x.reshape(s),
  view_as: ([x, y]) => x.reshape(y.shape),
  flatten: ([x], { start_dim = 0, end_dim = -1 }) => g.flatten(x, start_dim, end_dim),
  unflatten: ([x, dim, s]) => x.reshape(x.shape.toSpliced(dim < 0 ? dim + x.rank : dim, 1, ...s)),
  permute: ([x, axes]) => x.permute(axes),
  transpose: ([x, a, b]) => (x.rank === 0 ? x.clone() : x.swapAxes(a, b)),
  t: ([x]) => x.transpose(),
  T: ([x]) => x.transpose(),
  H: ([x]) => x.transpose(),
  mT: ([x]) => x.swapAxes(-1, -2),
  mH: ([x]) => x.swapAxes(-1, -2),
  movedim: ([x, from, to]) => {
    const [a, b] = [from, to].map((v) => (Array.isArray(v) ? v : [v]).map((i: number) => (i < 0 ? i + x.rank : i)));
    const order = Array<number>(x.rank).fill(-1);
    a!.forEach((v: number, i: number) => {
      order[b![i]!] = v;
    });
    const rest = Array.from({ length: x.rank }, (_, i) => i).filter((i) => !a!.includes(i));
    return x.permute(order.map((v) => (v < 0 ? rest.shift()! : v)));
  },
  squeeze: ([x, axis]) => {
    if (axis === undefined) return x.squeeze();
    return x.rank === 0 || x.shape.at(axis) !== 1 ? x.clone() : x.squeeze(axis);
  },
  unsqueeze: ([x, axis]) => x.unsqueeze(axis),
  tile: ([x, n]) => g.tile(x, n),
  repeat: ([x, n]) => g.tile(x, n),
  repeat_interleave: ([x, n], o: Record<string, unknown>) => {
    const times = n ?? o.repeats;
    const counts = times instanceof g.Tensor ? (times.toArray() as number[]) : times;
    const axis = o.dim as number | undefined;
    return g.repeat(
      x,
      Array.isArray(counts) && counts.length === 1 ? counts[0]! : counts,
      axis === undefined ? {} : { axis },
    );
  },
  cat: ([xs, dim], o) => g.concatenate(xs, { axis: dim ?? o.dim ?? 0 }),
  stack: ([xs, dim], o) => g.stack(xs, { axis: dim ?? o.dim ?? 0 }),
  hstack: (args) => {
    const xs = args.flat().map(atLeast1);
    return g.concatenate(xs, { axis: xs[0]!.rank === 1 ? 0 : 1 });
  },
  vstack: (args) => g.concatenate(args.flat().map((x: T) => (x.rank < 2 ? x.reshape([1, x.size]) : x))),
  dstack: (args) =>
    g.concatenate(
      args.flat().map((x: T) => (x.rank < 3 ? (x.rank < 2 ? x.reshape([1, x.size, 1]) : x.unsqueeze(2)) : x)),
      { axis: 2 },
    ),
  column_stack: (args) =>
    g.concatenate(
      args.flat().map((x: T) => (x.rank < 2 ? x.reshape([x.size, 1]) : x)),
      { axis: 1 },
    ),
  split: ([x, n, dim = 0]) =>
    Array.isArray(n) ? g.split(x, cuts(n), { axis: dim }) : g.split(x, every(x.shape.at(dim)!, n), { axis: dim }),
  split_with_sizes: ([x, n, dim = 0]) => g.split(x, cuts(n), { axis: dim }),
  chunk: ([x, n, dim = 0]) => g.chunk(x, n, { axis: dim }),
  unbind: ([x, dim = 0]) => g.unstack(x, { axis: dim }),
  narrow: ([x, dim, start, length]) => {
    const from = int(start);
    return g.slice(x, [
      ...Array(dim < 0 ? dim + x.rank : dim).fill(null),
      { start: from, stop: from + length === 0 ? 0 : from < 0 ? from + x.shape.at(dim)! + length : from + length },
    ]);
  },
  select: ([x, dim, i]) => g.select(x, dim, i),
  hsplit: ([x, n]) => g.split(x, n, { axis: x.rank === 1 ? 0 : 1 }),
  vsplit: ([x, n]) => g.split(x, n),
  dsplit: ([x, n]) => g.split(x, n, { axis: 2 }),
  tensor_split: ([x, n, dim = 0]) => {
    const at = n instanceof g.Tensor ? n.toArray() : n;
    if (Array.isArray(at)) return g.split(x, at as number[], { axis: dim });
    const [length, parts] = [x.shape.at(dim)!, at as number];
    const ends = Array.from(
      { length: parts - 1 },
      (_, i) => (i + 1) * Math.floor(length / parts) + Math.min(i + 1, length % parts),
    );
    return g.split(x, ends, { axis: dim });
  },
  flip: ([x, dims], o: Record<string, unknown>) => g.flip(x, (dims ?? o.dims) as number[]),
  fliplr: ([x]) => g.flip(x, 1),
  flipud: ([x]) => g.flip(x, 0),
  roll: ([x, shifts, dims], o: Record<string, unknown>) => {
    const axis = dims ?? o.dims;
    return g.roll(
      x,
      shifts ?? o.shifts,
      axis === undefined || (Array.isArray(axis) && axis.length === 0) ? {} : { axis },
    );
  },
  rot90: ([x, k = 1, dims = [0, 1]]) => g.rot90(x, k, dims),
  diag: ([x, offset = 0]) => g.diag(x, { offset }),
  diagonal: ([x], { offset = 0, dim1 = 0, dim2 = 1 }) => g.diagonal(x, { offset, axes: [dim1, dim2] }),
  diagflat: ([x], { offset = 0 }) => g.diag(x.flatten(), { offset }),
  trace: ([x]) => g.trace(x),
  tril: ([x, offset = 0]) => g.tril(x, { offset }),
  triu: ([x, offset = 0]) => g.triu(x, { offset }),
  meshgrid: (args, o: Record<string, unknown>) => {
    const xs = args.flat();
    const grid = g.meshgrid(...xs);
    return o.indexing === "xy" && xs.length > 1 ? grid.map((y) => y.swapAxes(0, 1)) : grid;
  },
  atleast_1d: (args) => args.flat().map(atLeast1),
  atleast_2d: (args) => args.flat().map((x: T) => (x.rank < 2 ? x.reshape([1, x.size]) : x.clone())),
  atleast_3d: (args) =>
    args.flat().map((x: T) => (x.rank < 2 ? x.reshape([1, x.size, 1]) : x.rank < 3 ? x.unsqueeze(2) : x.clone())),
  unfold: ([x, dim, size, step]) => {
    const y = g.unfold(atLeast1(x), size, { axis: dim, step });
    return x.rank === 0 ? y.reshape([size]) : y;
  },
  constant_pad_nd: ([x, p, value = 0]) => padded(x, p, "constant", value),
  "nn.functional.pad": ([x, p, mode = "constant", value = 0]) => padded(x, p, mode, value ?? 0),
  gather: ([x, dim, index]) => g.gather(atLeast1(x), atLeast1(index), { axis: dim }).reshape(index.shape),
  take_along_dim: ([x, index, dim]) =>
    dim === undefined ? g.take(x.flatten(), index.flatten()) : g.takeAlongAxis(x, index, dim),
  take: ([x, index]) => g.take(x.flatten(), index),
  index_select: ([x, dim, index]) => (x.rank === 0 ? x.clone() : g.indexSelect(x, index, { axis: dim })),
  index_add: indexed((x, axis, index, source, _, { alpha = 1 }) =>
    g.indexAdd(x, index, source.mul(alpha as number), { axis }),
  ),
  index_fill: indexed((x, axis, index, value) =>
    g.setAt(x, [...Array(axis < 0 ? axis + x.rank : axis).fill({}), index], value),
  ),
  index_copy: indexed((x, axis, index, source) =>
    g.setAt(x, [...Array(axis < 0 ? axis + x.rank : axis).fill({}), index], source),
  ),
  scatter: indexed((x, axis, index, source, _, o) => {
    const reduce = o.reduce;
    if (reduce === undefined) return g.scatter(x, index, source, { axis });
    throw new Error(`reduce ${String(reduce)}`);
  }),
  scatter_add: indexed((x, axis, index, source) => g.scatterAdd(x, index, source, { axis })),
  scatter_reduce: indexed((x, axis, index, source, [reduce], { include_self }) =>
    g.scatterReduce(x, index, source, { axis, reduce, includeSelf: include_self as boolean }),
  ),
  // A list of numbers alone is one index, a list of places.
  __getitem__: ([x, index]) => {
    const isTuple = Array.isArray(index) && !index.every((v) => typeof v === "number");
    return g.at(x, ...(isTuple ? index : [index]).map(item));
  },
  index_put: ([x, index, value], { accumulate }) => (accumulate ? g.addAt : g.setAt)(x, index.map(item), value),
  put: ([x, index, value, accumulate]) =>
    (accumulate ? g.addAt : g.setAt)(x.flatten(), [index], value).reshape(x.shape),
  masked_fill: ([x, mask, value]) => g.maskedFill(x, mask, value),
  masked_select: ([x, mask]) => g.maskedSelect(x, mask),
  nonzero: ([x], { as_tuple }) => (as_tuple ? g.unstack(g.nonzero(atLeast1(x)), { axis: 1 }) : g.nonzero(x)),
  argwhere: ([x]) => g.nonzero(x),
  searchsorted: ([a, b], { right }) => search(a, b, right ? "right" : "left"),
  bucketize: ([x, edges], { right }) => g.searchSorted(edges, x, { side: right ? "right" : "left" }),
  unique: ([x]) => g.unique(x).values,
  diagonal_scatter: ([x, y, offset = 0]) => {
    const places = g.diagonal(g.arange(x.size).reshape(x.shape), { offset });
    return g.scatter(x.flatten(), places, y).reshape(x.shape);
  },
  select_scatter: ([x, y, dim, i]) => g.setAt(x, [...Array(dim < 0 ? dim + x.rank : dim).fill({}), i], y),
};

/** Row by row, where both have rows. */
function search(a: T, b: T, side: "left" | "right"): T {
  if (a.rank === 1) return g.searchSorted(a, b, { side });
  const rows = g.unstack(b);
  return g.stack(g.unstack(a).map((row, i) => search(row, rows[i]!, side)));
}

const cuts = (sizes: number[]): number[] =>
  sizes.slice(0, -1).map((_, i) => sizes.slice(0, i + 1).reduce((a, b) => a + b, 0));
const every = (length: number, n: number): number[] =>
  Array.from({ length: Math.max(0, Math.ceil(length / n) - 1) }, (_, i) => (i + 1) * n);

/** PyTorch pads from the last axis on. */
function padded(x: T, list: number[], mode: "constant" | "reflect", value: number): T {
  const pairs = Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!] as const);
  const none = Array.from({ length: x.rank - pairs.length }, () => [0, 0] as const);
  return g.pad(x, [...none, ...pairs.reverse()], { mode, value });
}

const products: Record<string, Adapter> = {
  addmm: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(a.matmul(b).mul(alpha)),
  addmv: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(a.matmul(b).mul(alpha)),
  baddbmm: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(a.matmul(b).mul(alpha)),
  addbmm: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(a.matmul(b).sum({ axis: 0 }).mul(alpha)),
  addr: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(g.outer(a, b).mul(alpha)),
  einsum: ([xs, equation]) => g.einsum(equation, ...xs),
  tensordot: ([a, b], { dims }) => g.tensorDot(a, b, dims),
  kron: ([a, b]) => g.kron(a, b),
  outer: ([a, b]) => g.outer(a, b),
  "nn.functional.linear": ([x, w, b]) => (b ? x.matmul(w.transpose()).add(b) : x.matmul(w.transpose())),
  "nn.functional.bilinear": ([x, y, w, b]) => {
    const z = g.einsum("...i,oij,...j->...o", x, w, y);
    return b ? z.add(b) : z;
  },
  "linalg.multi_dot": ([xs]) => xs.reduce((a: T, b: T) => a.matmul(b)),
  "linalg.vecdot": ([a, b], { dim = -1 }) => a.mul(b).sum({ axis: dim }),
  "linalg.vector_norm": ([x, ord = 2, dim, keep], o: Record<string, unknown>) =>
    g.norm(x, { ...reduceOptions([x, dim ?? o.dim, keep ?? o.keepdim], {}), ord: (o.ord as number) ?? ord }),
};

const network: Record<string, Adapter> = {
  "nn.functional.conv1d": conv(1, false),
  "nn.functional.conv2d": conv(2, false),
  "nn.functional.conv_transpose1d": conv(1, true),
  "nn.functional.conv_transpose2d": conv(2, true),
  "nn.functional.conv_transpose3d": conv(3, true),
  "nn.functional.max_pool1d": maxPool(1),
  "nn.functional.max_pool2d": maxPool(2),
  "nn.functional.max_pool3d": maxPool(3),
  "nn.functional.avg_pool1d": avgPool(1),
  "nn.functional.avg_pool2d": avgPool(2),
  "nn.functional.avg_pool3d": avgPool(3),
  "nn.functional.adaptive_avg_pool1d": adaptive(1, g.adaptiveAvgPool),
  "nn.functional.adaptive_avg_pool2d": adaptive(2, g.adaptiveAvgPool),
  "nn.functional.adaptive_max_pool1d": adaptive(1, g.adaptiveMaxPool),
  "nn.functional.adaptive_max_pool2d": adaptive(2, g.adaptiveMaxPool),
  "nn.functional.adaptive_max_pool3d": adaptive(3, g.adaptiveMaxPool),
  "nn.functional.interpolate:nearest": interpolate("nearest"),
  "nn.functional.interpolate:linear": interpolate("linear"),
  "nn.functional.interpolate:bilinear": interpolate("linear"),
  "nn.functional.interpolate:trilinear": interpolate("linear"),
  "nn.functional.interpolate:bicubic": interpolate("cubic"),
  "nn.functional.interpolate:area": adaptiveArea(),
  "nn.functional.upsample_nearest": interpolate("nearest"),
  "nn.functional.upsample_bilinear": interpolate("linear"),
  "nn.functional.layer_norm": ([x, shape, scale, shift], { eps = 1e-5 }) =>
    g.layerNorm(x, {
      axis: shape.map((_: number, i: number) => -1 - i),
      scale: scale ?? undefined,
      shift: shift ?? undefined,
      epsilon: eps,
    }),
  native_layer_norm: ([x, shape, scale, shift, eps]) => {
    const axis: number[] = shape.map((_: number, i: number) => -1 - i);
    return [
      g.layerNorm(x, { axis, scale: scale ?? undefined, shift: shift ?? undefined, epsilon: eps }),
      g.mean(x, { axis, keepDims: true }),
      g.rsqrt(g.variance(x, { axis, keepDims: true }).add(eps)),
    ];
  },
  "nn.functional.batch_norm": ([x, mean, variance, scale, shift], o: Record<string, unknown>) =>
    g.batchNorm(x, {
      axis: 1,
      ...(o.training ? {} : { mean, variance }),
      scale: scale ?? undefined,
      shift: shift ?? undefined,
      epsilon: (o.eps as number) ?? 1e-5,
    }),
  "nn.functional.group_norm": ([x, groups], o: Record<string, unknown>) =>
    channelsLast(x, x.rank - 2, (v) =>
      g.groupNorm(v, groups, { scale: o.weight as T, shift: o.bias as T, epsilon: (o.eps as number) ?? 1e-5 }),
    ),
  "nn.functional.instance_norm": ([x], o: Record<string, unknown>) =>
    channelsLast(x, x.rank - 2, (v) =>
      g.instanceNorm(v, { scale: o.weight as T, shift: o.bias as T, epsilon: (o.eps as number) ?? 1e-5 }),
    ),
  "nn.functional.embedding": ([table, index]) => g.embedding(table, index),
  "nn.functional.dropout": ([x], { p, training }) => g.dropout(x, training ? (p ?? 0.5) : 0),
  "nn.functional.cross_entropy": ([x, t], o: Record<string, unknown>) =>
    g.crossEntropy(x, t, {
      ...reductionOf(o),
      axis: x.rank === 1 ? 0 : 1,
      ...(o.weight ? { weights: o.weight as T } : {}),
      ...(o.ignore_index === undefined ? {} : { ignoreIndex: o.ignore_index as number }),
      labelSmoothing: (o.label_smoothing as number) ?? 0,
    }),
  "nn.functional.nll_loss": ([x, t], o: Record<string, unknown>) =>
    g.nllLoss(x, t, {
      ...reductionOf(o),
      axis: x.rank === 1 ? 0 : 1,
      ...(o.weight ? { weights: o.weight as T } : {}),
      ...(o.ignore_index === undefined ? {} : { ignoreIndex: o.ignore_index as number }),
    }),
  "nn.functional.mse_loss": ([x, y], o) => g.mseLoss(x, y, reductionOf(o)),
  "nn.functional.l1_loss": ([x, y], o) => g.l1Loss(x, y, reductionOf(o)),
  "nn.functional.huber_loss": ([x, y], o: Record<string, unknown>) =>
    g.huber(x, y, { ...reductionOf(o), delta: (o.delta as number) ?? 1 }),
  "nn.functional.smooth_l1_loss": ([x, y], o: Record<string, unknown>) => {
    const beta = (o.beta as number) ?? 1;
    return beta === 0 ? g.l1Loss(x, y, reductionOf(o)) : g.huber(x, y, { ...reductionOf(o), delta: beta }).div(beta);
  },
  "nn.functional.kl_div": ([x, y], o: Record<string, unknown>) => {
    const all = g.klDiv(x, y, { reduction: "none", logTarget: Boolean(o.log_target) });
    if (o.reduction === "batchmean") return all.sum().div(x.shape[0]!);
    return o.reduction === "none" ? all : o.reduction === "sum" ? all.sum() : all.mean();
  },
  "nn.functional.binary_cross_entropy": ([x, y], o: Record<string, unknown>) =>
    g.binaryCrossEntropy(x, y, { ...reductionOf(o), ...(o.weight ? { weights: o.weight as T } : {}) }),
  "nn.functional.binary_cross_entropy_with_logits": ([x, y], o: Record<string, unknown>) =>
    g.binaryCrossEntropyWithLogits(x, y, {
      ...reductionOf(o),
      ...(o.weight ? { weights: o.weight as T } : {}),
      ...(o.pos_weight ? { positiveWeight: o.pos_weight as T } : {}),
    }),
};

function adaptiveArea(): Adapter {
  return ([x, size]) => channelsLast(x, x.rank - 2, (v) => g.adaptiveAvgPool(v, many(size, x.rank - 2)));
}

const creation: Record<string, Adapter> = {
  arange: (args) => g.cast(g.arange(args[0], args[1], args[2] ?? 1), "float64"),
  linspace: ([a, b, n]) => g.linspace(a, b, n, { dtype: "float64" }),
  logspace: ([a, b, n, base = 10]) => g.logspace(a, b, n, { base, dtype: "float64" }),
  eye: (args) => g.eye(args[0], args[1], { dtype: "float64" }),
  zeros_like: unary(g.zerosLike),
  ones_like: unary(g.onesLike),
  full_like: ([x, v]) => g.fullLike(x, Number(v)),
  zeros: ([s]) => g.zeros(s, { dtype: "float64" }),
  ones: ([s]) => g.ones(s, { dtype: "float64" }),
};

const half = (a: T): T => a.add(a.swapAxes(-1, -2)).mul(0.5);
const t = (a: T): T => a.swapAxes(-1, -2);
const column =
  (f: (a: T, b: T) => T) =>
  (a: T, b: T): T =>
    f(a, b);

const linear: Record<string, Adapter> = {
  "linalg.inv": unary(g.inv),
  "linalg.det": unary(g.det),
  logdet: ([a]) => g.log(g.det(a)),
  "linalg.slogdet": ([a]) => {
    const { sign, logAbsDet } = g.slogdet(a);
    return [sign, logAbsDet];
  },
  "linalg.solve": ([a, b]) =>
    b.rank === a.rank - 1 && b.shape.join() === a.shape.slice(0, -1).join()
      ? g.solve(a, b.unsqueeze(-1)).squeeze(-1)
      : column(g.solve)(a, b),
  "linalg.cholesky": ([a], { upper }) => (upper ? t(g.cholesky(half(a))) : g.cholesky(half(a))),
  cholesky: ([a], { upper }) => (upper ? t(g.cholesky(half(a))) : g.cholesky(half(a))),
  "linalg.solve_triangular": ([a, b], { upper, left = true, unitriangular = false }) => {
    const one = unitriangular
      ? (upper ? g.triu(a, { offset: 1 }) : g.tril(a, { offset: -1 })).add(
          g.eye(a.shape.at(-1) ?? 0, a.shape.at(-1), { dtype: "float64" }),
        )
      : a;
    return left
      ? g.triangularSolve(one, b, { lower: !upper })
      : t(g.triangularSolve(one, t(b), { lower: !upper, transpose: true }));
  },
  "linalg.matrix_power": ([a, n], o: Record<string, unknown>) => g.matrixPower(a, n ?? (o.n as number)),
  matrix_exp: unary(g.matrixExp),
  "linalg.eigvalsh": ([a], o: Record<string, unknown>) => g.eigh(o.UPLO === "U" ? t(a) : a).values,
  "linalg.svdvals": ([a]) => g.svd(a).s,
  "linalg.pinv": ([a], o: Record<string, unknown>) => {
    const cutoff = o.rtol ?? o.rcond;
    return g.pinv(
      a,
      cutoff === undefined ? {} : { cutoff: Number(cutoff instanceof g.Tensor ? cutoff.item() : cutoff) },
    );
  },
  pinverse: ([a]) => g.pinv(a),
  "linalg.cross": ([a, b], { dim = -1 }) => g.cross(a, b, { axis: dim }),
  cross: ([a, b, dim]) => g.cross(a, b, { axis: dim ?? -1 }),
  "nn.functional.normalize": ([x], { p = 2, dim = 1, eps = 1e-12 }) =>
    x.div(g.clamp(g.norm(x, { ord: p, axis: dim, keepDims: true }), { min: eps })),
  "nn.functional.cosine_similarity": ([x, y], { dim = 1 }) =>
    x
      .mul(y)
      .sum({ axis: dim })
      .div(g.norm(x, { axis: dim }).mul(g.norm(y, { axis: dim }))),
  "nn.functional.dropout2d": ([x], { p, training }) => g.dropout(x, training ? (p ?? 0.5) : 0),
  "nn.functional.soft_margin_loss": ([x, y]) => g.softplus(x.mul(y).neg()).mean(),
};

export const adapters: Readonly<Record<string, Adapter>> = {
  ...elementwise,
  ...reductions,
  ...shapes,
  ...products,
  ...network,
  ...creation,
  ...linear,
};
