import { type Conversion, type Converter, constantOf, unsupported, weightOf } from "../converter.ts";
import { elementType } from "../model-proto.ts";
import { activated } from "./activation.ts";

function dense(c: Conversion): string {
  const { graph, layer, x } = c;
  const kernel = weightOf(layer, "kernel")!;
  const bias = weightOf(layer, "bias");
  const product = graph.add("MatMul", [x, constantOf(c, "kernel", kernel)]);
  const sum = bias === null ? product : graph.add("Add", [product, constantOf(c, "bias", bias)]);
  return activated(c, sum, kernel.shape[1]!);
}

/** Every step as a sample of its own, and back. */
function timeDistributed({ graph, layer, inputs, x, shape, convert }: Conversion): string {
  const [inner] = layer.sublayers();
  const [batch, steps, ...rest] = shape;
  const unknown = rest.indexOf(null);
  if (unknown >= 0) throw unsupported(layer, `the length of axis ${unknown + 2} of its input is not fixed`);
  const together = graph.reshape(x, [-1, ...(rest as number[])]);
  const [y] = convert(inner!, [{ name: together, shape: [batch!, ...rest] }]) as readonly [(typeof inputs)[0]];
  const after = y.shape.slice(1) as number[];
  if (steps !== null) return graph.reshape(y.name, [-1, steps!, ...after]);
  const lengths = graph.add("Slice", [graph.add("Shape", [x]), graph.ints([0]), graph.ints([2])]);
  return graph.add("Reshape", [y.name, graph.add("Concat", [lengths, graph.ints(after)], { axis: 0 })]);
}

const same: Converter = ({ x }) => x;

/** Layers that do nothing outside training. */
const identities = [
  "InputLayer",
  "Identity",
  "Dropout",
  "SpatialDropout1D",
  "SpatialDropout2D",
  "SpatialDropout3D",
  "GaussianNoise",
  "GaussianDropout",
  "AlphaDropout",
  "ActivityRegularization",
  "RandomFlip",
  "RandomBrightness",
  "RandomContrast",
  "RandomRotation",
  "RandomTranslation",
  "RandomZoom",
];

export const coreConverters: Readonly<Record<string, Converter>> = {
  ...Object.fromEntries(identities.map((name) => [name, same])),
  Dense: dense,
  Flatten: ({ graph, x }) => graph.add("Flatten", [x], { axis: 1 }),
  Reshape: ({ graph, config, x }) => graph.reshape(x, [0, ...(config.target_shape as readonly number[])]),
  Permute: ({ graph, config, x }) => graph.transpose(x, [0, ...(config.dims as readonly number[])]),
  RepeatVector: ({ graph, config, x }) =>
    graph.add("Tile", [graph.add("Unsqueeze", [x, graph.ints([1])]), graph.ints([1, config.n as number, 1])]),
  Rescaling: ({ graph, layer, config: { scale, offset }, x }) => {
    if (typeof scale !== "number" || typeof offset !== "number") throw unsupported(layer, "its scale is no number");
    const scaled = graph.add("Mul", [x, graph.scalar(scale)]);
    return offset === 0 ? scaled : graph.add("Add", [scaled, graph.scalar(offset)]);
  },
  Embedding: (c) => {
    if (c.config.mask_zero === true)
      throw unsupported(c.layer, "it makes a mask (maskZero), and masks are not exported");
    const table = constantOf(c, "embeddings", weightOf(c.layer, "embeddings")!);
    const rows = c.graph.add("Cast", [c.x], { to: elementType.int64 });
    return c.graph.add("Gather", [table, rows], { axis: 0 });
  },
  EinsumDense: (c) => {
    const { graph, layer, config, x, shape } = c;
    const bias = weightOf(layer, "bias");
    const inputs = [x, constantOf(c, "kernel", weightOf(layer, "kernel")!)];
    const product = graph.add("Einsum", inputs, { equation: config.equation as string });
    const sum = bias === null ? product : graph.add("Add", [product, constantOf(c, "bias", bias)]);
    return activated(c, sum, layer.computeOutputShape(shape).at(-1)!);
  },
  SpectralNormalization: ({ layer, inputs, convert }) => convert(layer.sublayers()[0]!, inputs).map((v) => v.name),
  TimeDistributed: timeDistributed,
};
