import { type Conversion, type Converter, unsupported } from "../converter.ts";
import { moveChannelsBack, moveChannelsFirst, repetition } from "./spatial.ts";

/** How Keras' interpolations are stated. Pixels outside count for nothing, and the others for more. */
const interpolations: Readonly<Record<string, Readonly<Record<string, string | number | { readonly float: number }>>>> =
  {
    nearest: { mode: "nearest", nearest_mode: "round_prefer_ceil" },
    bilinear: { mode: "linear" },
    bicubic: { mode: "cubic", cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 },
  };

/** Images at another size, which is stated by factors for all axes or, for rows and columns, in pixels. */
function resized(
  c: Conversion,
  interpolation: unknown,
  target: { readonly factors: readonly number[] } | { readonly pixels: readonly number[] },
): string {
  const name = String(interpolation);
  const attributes = Object.hasOwn(interpolations, name) ? interpolations[name] : undefined;
  if (attributes === undefined) throw unsupported(c.layer, `the interpolation "${name}" has no counterpart`);
  const { graph: g } = c;
  const x = moveChannelsFirst(c, c.x);
  let size: readonly string[];
  if ("factors" in target) size = ["", g.weight("scales", [4], () => [1, 1, ...target.factors])];
  else {
    const kept = g.add("Slice", [g.add("Shape", [x]), g.ints([0]), g.ints([2])]);
    size = ["", "", g.add("Concat", [kept, g.ints(target.pixels)], { axis: 0 })];
  }
  const y = g.add("Resize", [x, ...size], { ...attributes, coordinate_transformation_mode: "half_pixel" });
  return moveChannelsBack(c, y);
}

function resizing(c: Conversion): string {
  const { config, layer, shape } = c;
  const target = [config.height, config.width] as [number, number];
  if (config.crop_to_aspect_ratio === true || config.pad_to_aspect_ratio === true) {
    throw unsupported(layer, "it keeps proportions");
  }
  const shrinks = target.some((n, i) => n < (shape[i + 1] ?? Number.POSITIVE_INFINITY));
  if (config.antialias === true && shrinks) throw unsupported(layer, "it averages where images shrink (antialias)");
  return resized(c, config.interpolation, { pixels: target });
}

/** The middle of images that are large enough. */
function centre({ graph: g, config, layer, shape, x }: Conversion): string {
  const target = [config.height, config.width] as [number, number];
  const starts = target.map((n, i) => {
    const length = shape[i + 1] ?? null;
    if (length === null || length < n) throw unsupported(layer, "its input may be smaller than its output");
    return Math.floor((length - n) / 2);
  });
  const stops = starts.map((start, i) => start + target[i]!);
  return g.add("Slice", [x, g.ints(starts), g.ints(stops), g.ints([1, 2])]);
}

export const imageConverters: Readonly<Record<string, Converter>> = {
  Resizing: resizing,
  CenterCrop: centre,
  RandomCrop: centre,
  UpSampling2D: (c) => {
    const { size, interpolation = "nearest" } = c.config;
    if (interpolation === "nearest") return repetition(c);
    return resized(c, interpolation, {
      factors: typeof size === "number" ? [size, size] : (size as readonly number[]),
    });
  },
};
