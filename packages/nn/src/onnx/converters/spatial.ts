import type { Tensor } from "@gradiente/autograd";
import type { Config } from "../../config.ts";
import type { BatchShape } from "../../module.ts";
import { activationOf, type Conversion, type Converter, constantOf, unsupported, weightOf } from "../converter.ts";
import type { Attributes } from "../graph-builder.ts";
import { activate, isElementwise } from "./activation.ts";

type Numbers = readonly number[];

const channelsFirst = (config: Config): boolean => config.data_format === "channels_first";

/** The axes between samples and channels. */
function space({ config, shape }: Conversion): { readonly axes: Numbers; readonly lengths: BatchShape } {
  const first = channelsFirst(config) ? 2 : 1;
  const axes = shape.slice(2).map((_, i) => i + first);
  return { axes, lengths: axes.map((a) => shape[a]!) };
}

/** ONNX has channels before space; Keras, by default, after it. */
export function moveChannelsFirst({ graph, config, shape }: Conversion, x: string): string {
  if (channelsFirst(config)) return x;
  const rank = shape.length;
  return graph.transpose(x, [0, rank - 1, ...shape.slice(2).map((_, i) => i + 1)]);
}

export function moveChannelsBack({ graph, config, shape }: Conversion, x: string): string {
  return channelsFirst(config) ? x : graph.transpose(x, [0, ...shape.slice(2).map((_, i) => i + 2), 1]);
}

/** How much is added at the ends of every axis, so that Keras' "same" or "causal" comes about. */
function padding(c: Conversion, kernel: Numbers, strides: Numbers, dilations: Numbers): Attributes {
  const { lengths } = space(c);
  const sizes = kernel.map((k, i) => dilations[i]! * (k - 1) + 1);
  if (c.config.padding === "valid") return {};
  if (c.config.padding === "causal") return { pads: [sizes[0]! - 1, 0] };
  if (lengths.some((n, i) => n === null && strides[i] !== 1)) return { auto_pad: "SAME_UPPER" };
  const totals = sizes.map((size, i) => {
    const n = lengths[i]!;
    return n === null ? size - 1 : Math.max((Math.ceil(n / strides[i]!) - 1) * strides[i]! + size - n, 0);
  });
  const before = totals.map((t) => Math.floor(t / 2));
  return { pads: [...before, ...totals.map((t, i) => t - before[i]!)] };
}

/** The result of a convolution with its activation, channels where the layer has them. */
function finished(c: Conversion, y: string, filters: number): string {
  const { graph, layer } = c;
  const activation = activationOf(layer);
  // Before the axes are exchanged, so that the exchange can meet that of the next layer.
  if (isElementwise(activation)) return moveChannelsBack(c, activate(graph, layer, y, activation, null));
  if (channelsFirst(c.config)) throw unsupported(layer, `the activation "${activation}" is along its last axis`);
  return activate(graph, layer, moveChannelsBack(c, y), activation, filters);
}

const bias = (c: Conversion): readonly string[] => {
  const value = weightOf(c.layer, "bias");
  return value === null ? [] : [constantOf(c, "bias", value)];
};

/** (…space, in, out) as (out, in, …space). */
function convolutionKernel(c: Conversion, name: string): string {
  const value = weightOf(c.layer, name)!;
  const rank = value.shape.length;
  return constantOf(c, name, value, [rank - 1, rank - 2, ...value.shape.slice(2).map((_, i) => i)]);
}

function windowed(c: Conversion): { readonly attributes: Attributes; readonly groups: number } {
  const { kernel_size, strides, dilation_rate, groups } = c.config as Readonly<Record<string, Numbers>>;
  return {
    attributes: {
      kernel_shape: kernel_size!,
      strides: strides!,
      dilations: dilation_rate!,
      ...padding(c, kernel_size!, strides!, dilation_rate!),
    },
    groups: (groups as unknown as number | undefined) ?? 1,
  };
}

function convolution(c: Conversion): string {
  const { attributes, groups } = windowed(c);
  const inputs = [moveChannelsFirst(c, c.x), convolutionKernel(c, "kernel"), ...bias(c)];
  return finished(c, c.graph.add("Conv", inputs, { ...attributes, group: groups }), c.config.filters as number);
}

/** A kernel (…space, channels, multiplier) as (channels · multiplier, 1, …space). */
function depthwiseKernel({ graph }: Conversion, name: string, value: Tensor): string {
  const rank = value.shape.length;
  const axes = [rank - 2, rank - 1, ...value.shape.slice(2).map((_, i) => i)];
  const shape = [value.shape.at(-2)! * value.shape.at(-1)!, 1, ...value.shape.slice(0, -2)];
  return graph.weight(name, shape, () => value.permute(axes).data);
}

function depthwise(c: Conversion): string {
  const kernel = c.layer.weights[0]!.value;
  const { attributes } = windowed(c);
  const inputs = [moveChannelsFirst(c, c.x), depthwiseKernel(c, "depthwise_kernel", kernel), ...bias(c)];
  const y = c.graph.add("Conv", inputs, { ...attributes, group: kernel.shape.at(-2)! });
  return finished(c, y, kernel.shape.at(-1)! * kernel.shape.at(-2)!);
}

function separable(c: Conversion): string {
  const kernel = weightOf(c.layer, "depthwise_kernel")!;
  const { attributes } = windowed(c);
  const first = [moveChannelsFirst(c, c.x), depthwiseKernel(c, "depthwise_kernel", kernel)];
  const deep = c.graph.add("Conv", first, { ...attributes, group: kernel.shape.at(-2)! });
  const y = c.graph.add("Conv", [deep, convolutionKernel(c, "pointwise_kernel"), ...bias(c)]);
  return finished(c, y, c.config.filters as number);
}

function transposed(c: Conversion): string {
  const { config, graph } = c;
  const { kernel_size, strides, dilation_rate, output_padding } = config as Readonly<Record<string, Numbers | null>>;
  // Along each axis, the whole transpose has (n − 1) · stride + size elements; of these (and zeros after them), the
  // output begins at `start` and has (n − 1) · stride + `length`.
  const ranges = kernel_size!.map((k, i) => {
    const stride = strides![i]!;
    const size = dilation_rate![i]! * (k - 1) + 1;
    const extra = output_padding?.[i] ?? null;
    if (config.padding !== "same") {
      return { size, start: 0, length: extra === null ? Math.max(size, stride) : size + extra };
    }
    const around = extra === null ? stride + size - 2 : size + (size % 2) - 2 + extra;
    return { size, start: size - 1 - Math.min(Math.ceil(around / 2), size - 1), length: around - size + 2 };
  });
  const cut = ranges.map(({ size, start, length }) => size - start - length);
  const y = graph.add("ConvTranspose", [moveChannelsFirst(c, c.x), convolutionKernel(c, "kernel"), ...bias(c)], {
    kernel_shape: kernel_size!,
    strides: strides!,
    dilations: dilation_rate!,
    pads: [...ranges.map((r) => r.start), ...cut.map((n) => Math.max(n, 0))],
    output_padding: cut.map((n) => Math.max(-n, 0)),
  });
  return finished(c, y, config.filters as number);
}

/** The largest element or the mean of every window. */
const pooling =
  (op: string): Converter =>
  (c) => {
    const { pool_size, strides } = c.config as Readonly<Record<string, Numbers>>;
    const pads = padding(
      c,
      pool_size!,
      strides!,
      pool_size!.map(() => 1),
    );
    const attributes = { kernel_shape: pool_size!, strides: strides!, ...pads };
    return moveChannelsBack(c, c.graph.add(op, [moveChannelsFirst(c, c.x)], attributes));
  };

const globalPooling =
  (op: string): Converter =>
  (c) =>
    c.graph.add(op, [c.x, c.graph.ints(space(c).axes)], { keepdims: c.config.keepdims === true ? 1 : 0 });

/** Amounts before and after every axis of space, in the forms that options have. */
function amounts(given: Config[string], rank: number): readonly (readonly [number, number])[] {
  if (typeof given === "number") return Array.from({ length: rank }, () => [given, given] as const);
  const list = given as readonly (number | readonly [number, number])[];
  if (rank === 1 && list.length === 2) return [list as unknown as readonly [number, number]];
  return list.map((a) => (typeof a === "number" ? ([a, a] as const) : a));
}

function zeroPadding(c: Conversion): string {
  const { graph, config, shape } = c;
  const { axes } = space(c);
  const pairs = amounts(config.padding!, axes.length);
  const side = (i: 0 | 1) => shape.map((_, axis) => pairs[axes.indexOf(axis)]?.[i] ?? 0);
  return graph.add("Pad", [c.x, graph.ints([...side(0), ...side(1)])], { mode: "constant" });
}

function cropping(c: Conversion): string {
  const { graph, config } = c;
  const { axes } = space(c);
  const pairs = amounts(config.cropping!, axes.length);
  const ends = pairs.map(([, after]) => (after === 0 ? 2 ** 31 : -after));
  return graph.add("Slice", [c.x, graph.ints(pairs.map(([before]) => before)), graph.ints(ends), graph.ints(axes)]);
}

/** Adaptive pooling where its parts are of one length: pooling by windows of that length. */
const adaptivePooling =
  (op: string): Converter =>
  (c) => {
    const sizes = space(c).lengths.map((n, i) => (n ?? Number.NaN) / (c.config.output_size as Numbers)[i]!);
    if (!sizes.every(Number.isInteger)) throw unsupported(c.layer, "its parts are not of one known length");
    const y = c.graph.add(op, [moveChannelsFirst(c, c.x)], { kernel_shape: sizes, strides: sizes });
    return moveChannelsBack(c, y);
  };

/** Every element repeated. */
export function repetition(c: Conversion): string {
  const { graph, config, shape } = c;
  const { size } = config;
  const factors = typeof size === "number" ? shape.slice(2).map(() => size) : (size as Numbers);
  const scales = graph.weight("scales", [shape.length], () => [1, 1, ...factors]);
  const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
  return moveChannelsBack(c, graph.add("Resize", [moveChannelsFirst(c, c.x), "", scales], nearest));
}

/** Layers of sequences, images and volumes. */
export const spatialConverters: Readonly<Record<string, Converter>> = {
  Conv1D: convolution,
  Conv2D: convolution,
  Conv3D: convolution,
  Conv1DTranspose: transposed,
  Conv2DTranspose: transposed,
  Conv3DTranspose: transposed,
  DepthwiseConv1D: depthwise,
  DepthwiseConv2D: depthwise,
  SeparableConv1D: separable,
  SeparableConv2D: separable,
  MaxPooling1D: pooling("MaxPool"),
  MaxPooling2D: pooling("MaxPool"),
  MaxPooling3D: pooling("MaxPool"),
  AveragePooling1D: pooling("AveragePool"),
  AveragePooling2D: pooling("AveragePool"),
  AveragePooling3D: pooling("AveragePool"),
  GlobalMaxPooling1D: globalPooling("ReduceMax"),
  GlobalMaxPooling2D: globalPooling("ReduceMax"),
  GlobalMaxPooling3D: globalPooling("ReduceMax"),
  GlobalAveragePooling1D: globalPooling("ReduceMean"),
  GlobalAveragePooling2D: globalPooling("ReduceMean"),
  GlobalAveragePooling3D: globalPooling("ReduceMean"),
  ZeroPadding1D: zeroPadding,
  ZeroPadding2D: zeroPadding,
  ZeroPadding3D: zeroPadding,
  Cropping1D: cropping,
  Cropping2D: cropping,
  Cropping3D: cropping,
  AdaptiveMaxPooling1D: adaptivePooling("MaxPool"),
  AdaptiveMaxPooling2D: adaptivePooling("MaxPool"),
  AdaptiveMaxPooling3D: adaptivePooling("MaxPool"),
  AdaptiveAveragePooling1D: adaptivePooling("AveragePool"),
  AdaptiveAveragePooling2D: adaptivePooling("AveragePool"),
  AdaptiveAveragePooling3D: adaptivePooling("AveragePool"),
  UpSampling1D: repetition,
  UpSampling3D: repetition,
};
