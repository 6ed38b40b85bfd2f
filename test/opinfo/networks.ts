import * as g from "@gradiente/autograd";
import {
  type Adapter,
  channelsLast,
  Incomparable,
  many,
  overwritten,
  reductionOf,
  type T,
  type Values,
} from "./arguments.ts";

// Convolutions, pooling, resizing, normalisation and losses.

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
    const strides = stride === null || stride.length === 0 ? size : many(stride, space);
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

type Mode = "nearest" | "nearestExact" | "linear" | "cubic";

const interpolate =
  (mode: Mode, corners = false): Adapter =>
  (args, o: Record<string, unknown>) => {
    const x: T = args[0];
    const given = args[1] ?? o.size ?? null;
    const scale = args[2] ?? o.scale_factor ?? null;
    const alignCorners = Boolean(args[4] ?? o.align_corners ?? corners);
    const space = x.rank - 2;
    const size =
      given === null ? many(scale, space).map((s, i) => Math.floor(x.shape[i + 2]! * s)) : many(given, space);
    // PyTorch resizes by the factor itself, ours by the lengths.
    const isExact = given !== null || many(scale, space).every((s, i) => x.shape[i + 2]! * s === size[i]);
    if (!isExact && !alignCorners) throw new Incomparable("the scale factor leads to no whole size");
    return channelsLast(x, space, (v) => g.interpolate(v, size, { mode, alignCorners }));
  };

/** Nothing or everything is dropped; between, it is random. */
function dropout([x]: Values, { p = 0.5, training = true }: Record<string, unknown>): T {
  if (training && p !== 0) throw new Incomparable("dropout is random");
  return g.dropout(x, 0);
}

/** (x, scale, shift, mean, variance, training?, momentum, epsilon): and the statistics that were used. */
function batchNorm(training: number, epsilon: number): Adapter {
  return (given) => {
    // Without running statistics there are two arguments less.
    const args = typeof given[3] === "boolean" ? given.toSpliced(3, 0, null, null) : given;
    const [x, scale, shift, mean, variance] = args as T[];
    const isTraining = training < 0 || Boolean(args[training]);
    const axis = x!.shape.map((_, i) => i).filter((i) => i !== 1);
    const options = { axis: 1, scale: scale ?? undefined, shift: shift ?? undefined, epsilon: args[epsilon] as number };
    if (!isTraining) return [g.batchNorm(x!, { ...options, mean: mean!, variance: variance! })];
    return [g.batchNorm(x!, options), g.mean(x!, { axis }), g.variance(x!, { axis }).add(args[epsilon]).rsqrt()];
  };
}

/** Blocks of channels as squares of space, or back. */
function shuffled(x: T, r: number, back: boolean): T {
  const [c, h, w] = x.shape.slice(-3) as [number, number, number];
  const lead = x.shape.slice(0, -3);
  const at = lead.map((_, i) => i);
  const [from, order, to] = back
    ? [
        [c, h / r, r, w / r, r],
        [0, 2, 4, 1, 3],
        [c * r * r, h / r, w / r],
      ]
    : [
        [c / (r * r), r, r, h, w],
        [0, 3, 1, 4, 2],
        [c / (r * r), h * r, w * r],
      ];
  return x
    .reshape([...lead, ...from])
    .permute([...at, ...order.map((i) => i + lead.length)])
    .reshape([...lead, ...to]);
}

function unpool(space: number): Adapter {
  return ([x, places], { output_size }: Record<string, unknown>) => {
    const size = (output_size as number[]).slice(-space);
    const lead: readonly number[] = x.shape.slice(0, -space);
    const flat = size.reduce((a, b) => a * b, 1);
    const [values, at] = [x, places].map((v: T) => v.flatten(lead.length)) as [T, T];
    const counts = g.scatterAdd(g.zeros([...lead, flat]), at, g.onesLike(at).cast("float32"));
    if (g.any(counts.greater(1)).item()) throw new Incomparable(overwritten);
    return g.scatter(g.zeros([...lead, flat], { dtype: "float64" }), at, values).reshape([...lead, ...size]);
  };
}

export const network: Record<string, Adapter> = {
  "nn.functional.conv1d": conv(1, false),
  "nn.functional.conv2d": conv(2, false),
  "nn.functional.conv3d": conv(3, false),
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
  "nn.functional.adaptive_avg_pool3d": adaptive(3, g.adaptiveAvgPool),
  "nn.functional.adaptive_max_pool1d": adaptive(1, g.adaptiveMaxPool),
  "nn.functional.adaptive_max_pool2d": adaptive(2, g.adaptiveMaxPool),
  "nn.functional.adaptive_max_pool3d": adaptive(3, g.adaptiveMaxPool),
  "nn.functional.interpolate:nearest": interpolate("nearest"),
  "nn.functional.interpolate:nearest-exact": interpolate("nearestExact"),
  "nn.functional.interpolate:linear": interpolate("linear"),
  "nn.functional.interpolate:bilinear": interpolate("linear"),
  "nn.functional.interpolate:trilinear": interpolate("linear"),
  "nn.functional.interpolate:bicubic": interpolate("cubic"),
  "nn.functional.interpolate:area": adaptiveArea(),
  "nn.functional.upsample_nearest": interpolate("nearest"),
  "nn.functional.upsample_bilinear": interpolate("linear", true),
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
      axis: Math.min(1, x.rank - 1),
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
      g.instanceNorm(v, {
        scale: (o.weight as T) ?? undefined,
        shift: (o.bias as T) ?? undefined,
        epsilon: (o.eps as number) ?? 1e-5,
      }),
    ),
  "nn.functional.scaled_dot_product_attention": ([q, k, v, mask], o: Record<string, unknown>) => {
    if (o.dropout_p) throw new Incomparable("dropout is random");
    const given = mask ?? o.attn_mask;
    const [keys, values] = [k, v].map((x: T) =>
      o.enable_gqa ? g.repeat(x, q.shape.at(-3)! / x.shape.at(-3)!, { axis: -3 }) : x,
    ) as [T, T];
    return g.scaledDotProductAttention(q, keys, values, {
      causal: Boolean(o.is_causal),
      ...(given ? { mask: given } : {}),
      ...(o.scale ? { scale: o.scale as number } : {}),
    });
  },
  "nn.functional._scaled_dot_product_attention": ([q, k, v, mask], o: Record<string, unknown>) => {
    if (o.dropout_p) throw new Incomparable("dropout is random");
    const options = { causal: Boolean(o.is_causal), ...(mask ? { mask } : {}) };
    // The weights are the attention to one-hot values.
    const n: number = k.shape.at(-2);
    const weights = g.scaledDotProductAttention(q, k, g.eye(n, n, { dtype: "float64" }), options);
    return [g.scaledDotProductAttention(q, k, v, options), ...(o.need_attn_weights ? [weights] : [])];
  },
  "nn.functional.rms_norm": ([x, shape, scale], o: Record<string, unknown>) =>
    g.rmsNorm(x, {
      axis: shape.map((_: number, i: number) => -1 - i),
      scale: scale ?? o.weight ?? undefined,
      epsilon: (o.eps as number) ?? 2.220446049250313e-16,
    }),
  native_batch_norm: batchNorm(5, 7),
  _native_batch_norm_legit: batchNorm(5, 7),
  _batch_norm_with_update: batchNorm(-1, 6),
  native_group_norm: ([x, scale, shift, n, channels, , groups, epsilon]) => {
    const y = channelsLast(x, x.rank - 2, (v) =>
      g.groupNorm(v, groups, { scale: scale ?? undefined, shift: shift ?? undefined, epsilon }),
    );
    const rows = x.reshape([n, groups, channels === 0 || x.size === 0 ? 0 : -1]);
    return [y, rows.mean({ axis: -1 }), rows.variance({ axis: -1 }).add(epsilon).rsqrt()];
  },
  "nn.functional.pixel_shuffle": ([x], { upscale_factor: r }: Record<string, unknown>) =>
    shuffled(x, r as number, false),
  "nn.functional.pixel_unshuffle": ([x], { downscale_factor: r }: Record<string, unknown>) =>
    shuffled(x, r as number, true),
  "nn.functional.channel_shuffle": ([x, groups]) => {
    const [n, c, ...space] = x.shape as [number, number, ...number[]];
    return x
      .reshape([n, groups, c / groups, ...space])
      .swapAxes(1, 2)
      .reshape(x.shape);
  },
  "nn.functional.local_response_norm": ([x, size, alpha0, beta0, k0], o: Record<string, unknown>) => {
    const [alpha, beta, k] = [o.alpha ?? alpha0 ?? 1e-4, o.beta ?? beta0 ?? 0.75, o.k ?? k0 ?? 1] as [
      number,
      number,
      number,
    ];
    const none = Array.from({ length: x.rank - 2 }, () => [0, 0] as const);
    const padded = g.pad(x.square(), [[0, 0], [Math.floor(size / 2), Math.floor((size - 1) / 2)], ...none]);
    const mean = g.unfold(padded, size, { axis: 1, step: 1 }).mean({ axis: -1 });
    return x.div(mean.mul(alpha).add(k).pow(beta));
  },
  "nn.functional.unfold": ([x, size, dilation0, padding0, stride0], o: Record<string, unknown>) => {
    const [kernel, dilation, padding, stride] = [
      size,
      o.dilation ?? dilation0 ?? 1,
      o.padding ?? padding0 ?? 0,
      o.stride ?? stride0 ?? 1,
    ].map((v) => many(v, 2)) as [number[], number[], number[], number[]];
    const lone = x.rank === 3;
    const given: T = lone ? x.unsqueeze(0) : x;
    const padded = g.pad(given, [[0, 0], [0, 0], ...padding.map((p) => [p, p] as const)]);
    const picked = [0, 1].reduce((y: T, i) => {
      const span = dilation[i]! * (kernel[i]! - 1) + 1;
      const all = g.unfold(y, span, { axis: 2 + i, step: stride[i]! });
      return all.slice([...Array<null>(all.rank - 1).fill(null), { step: dilation[i]! }]);
    }, padded);
    const [n, c, rows, columns] = picked.shape as [number, number, number, number];
    const y = picked.permute([0, 1, 4, 5, 2, 3]).reshape([n, c * kernel[0]! * kernel[1]!, rows * columns]);
    return lone ? y.squeeze(0) : y;
  },
  "nn.functional.max_unpool1d": unpool(1),
  "nn.functional.max_unpool2d": unpool(2),
  "nn.functional.max_unpool3d": unpool(3),
  "nn.functional.embedding": ([table, index]) => g.embedding(table, index),
  "nn.functional.dropout": dropout,
  "nn.functional.dropout2d": dropout,
  "nn.functional.dropout3d": dropout,
  "nn.functional.alpha_dropout": dropout,
  "nn.functional.feature_alpha_dropout": dropout,
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
  return ([x, size], o: Record<string, unknown>) => {
    const scale = o.scale_factor as number;
    const wanted = size ?? o.size ?? x.shape.slice(2).map((n: number) => Math.floor(n * scale));
    return channelsLast(x, x.rank - 2, (v) => g.adaptiveAvgPool(v, many(wanted, x.rank - 2)));
  };
}
