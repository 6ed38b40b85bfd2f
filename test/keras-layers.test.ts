import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gradients, type Tensor, tensor } from "@gradiente/autograd";
import * as nn from "@gradiente/nn";
import { describe, expect, it } from "vitest";
import { rotations, translations, zooms } from "../packages/nn/src/layers/affine.ts";

/*
 * Small cases that Keras computed (scripts/keras-layers.py): outputs, masks and gradients of layers, in float32.
 */

interface FileTensor {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly data: readonly number[];
}

interface Case {
  readonly layer: string;
  readonly title?: "transform" | "adapt";
  readonly config: nn.Config;
  readonly inputs: readonly FileTensor[];
  readonly weights: readonly FileTensor[];
  readonly outputs: readonly FileTensor[];
  readonly cotangents?: readonly FileTensor[];
  readonly gradInputs?: readonly FileTensor[];
  readonly gradWeights?: readonly FileTensor[];
  readonly training?: boolean;
  readonly after?: readonly FileTensor[];
  readonly mask?: FileTensor | readonly (FileTensor | null)[];
  readonly outputMask?: FileTensor;
  readonly options?: Readonly<Record<string, boolean | FileTensor | readonly FileTensor[]>>;
  readonly amounts?: Readonly<Record<string, FileTensor>>;
  readonly boundaries?: readonly number[];
}

const cases: readonly Case[] = JSON.parse(readFileSync(join(import.meta.dirname, "vectors/keras-layers.json"), "utf8"));

function read({ shape, dtype, data }: FileTensor, requiresGrad = false): Tensor {
  const values = dtype === "float32" ? Float32Array.from(data) : Int32Array.from(data);
  const t = tensor({ data: values, shape }, { requiresGrad: requiresGrad && dtype === "float32" });
  return dtype === "bool" ? t.cast("bool") : t;
}

/** Agreement within 1e-5 of the largest element; what is 0 but for rounding, such as slopes of keys' biases, within 2e-7. */
function agree(what: string, got: Tensor, expected: FileTensor): void {
  expect(got.shape, what).toEqual(expected.shape);
  const wanted = expected.data;
  const scale = Math.max(2e-2, ...wanted.map(Math.abs));
  const { data } = got;
  for (let i = 0; i < wanted.length; i++) {
    if (!(Math.abs(data[i]! - wanted[i]!) <= 1e-5 * scale)) {
      throw new Error(`${what}[${i}] is ${data[i]}, Keras has ${wanted[i]} (scale ${scale})`);
    }
  }
}

/** The arguments of a call: Keras gives masks of single inputs names of their own. */
function optionsOf(c: Case): nn.CallOptions {
  const options: Record<string, unknown> = {};
  const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const one = (t: FileTensor | null) => (t === null ? null : read(t));
  for (const [name, value] of Object.entries(c.options ?? {})) {
    if (name === "value_mask") options.mask = [null, read(value as FileTensor)];
    else if (typeof value === "boolean") options[camel(name)] = value;
    else options[camel(name)] = "data" in value ? read(value) : value.map((t) => read(t));
  }
  const { mask } = c;
  if (mask !== undefined) options.mask = "data" in mask ? read(mask) : mask.map(one);
  return options;
}

function build(c: Case): nn.Layer {
  return nn.deserializeLayer({ class_name: c.layer, config: c.config });
}

describe("layers, compared with Keras", () => {
  const named = cases.map(
    (c, i) => [`${i}: ${c.layer} ${JSON.stringify(c.options ? Object.keys(c.options) : "")}`, c] as const,
  );

  it.each(named.filter(([, c]) => !c.title))("%s", (_, c) => {
    const layer = build(c);
    const again = nn.deserializeLayer({ class_name: layer.className, config: layer.getConfig() });
    expect(again.getConfig()).toEqual(layer.getConfig());
    const inputs = c.inputs.map((t) => read(t, c.gradInputs !== undefined));
    const shapes = inputs.map((x) => [null, ...x.shape.slice(1)]);
    const options = optionsOf(c);
    layer.ensureBuiltFor(shapes);
    layer.setWeights(c.weights.map((w) => read(w)));
    const stated = layer.computeOutputShapes(shapes, options).map((s) => s.slice(1));
    const outputs = layer.applyAll(inputs, { ...options, training: c.training ?? false });
    expect(stated).toEqual(outputs.map((o) => o.shape.slice(1)));
    expect(outputs.length).toBe(c.outputs.length);
    outputs.forEach((o, i) => void agree(`output ${i}`, o, c.outputs[i]!));
    const mask = nn.maskOf(outputs[0]!);
    expect(mask?.cast("int32").toArray() ?? null).toEqual(
      c.outputMask === undefined ? null : read(c.outputMask).cast("int32").toArray(),
    );
    if (c.after !== undefined) {
      const rest = layer.weights.filter((w) => !w.trainable);
      c.after.forEach((t, i) => void agree(rest[i]!.name, rest[i]!.value, t));
    }
    if (c.cotangents === undefined) return;
    const differentiable = inputs.filter((x) => x.requiresGrad);
    const trainable = layer.weights.filter((w) => w.trainable).map((w) => w.value);
    const total = outputs.map((o, i) => o.mul(read(c.cotangents![i]!)).sum()).reduce((a, b) => a.add(b));
    const slopes = gradients(total, [...differentiable, ...trainable]);
    const expected = [...c.gradInputs!, ...c.gradWeights!];
    expect(slopes.length).toBe(expected.length);
    slopes.forEach((g, i) => void agree(`gradient ${i}`, g, expected[i]!));
  });

  it.each(named.filter(([, c]) => c.title === "transform"))("%s, images transformed as given", (_, c) => {
    const layer = build(c) as nn.RandomRotation;
    const images = read(c.inputs[0]!);
    const [, rows, columns] = images.shape as readonly [number, number, number, number];
    const { angles, down, right, high, wide } = c.amounts!;
    const maps =
      angles !== undefined
        ? rotations(angles.data, rows, columns)
        : down !== undefined
          ? translations(down.data, right!.data)
          : zooms(high!.data, wide!.data, rows, columns);
    agree("images", layer.transform(images, maps), c.outputs[0]!);
  });

  it.each(named.filter(([, c]) => c.title === "adapt"))("%s adapted", (_, c) => {
    const layer = build(c) as nn.Discretization;
    layer.adapt(read(c.inputs[0]!));
    const { boundaries } = c;
    layer.binBoundaries!.forEach((b, i) => {
      expect(b).toBeCloseTo(boundaries![i]!, 5);
    });
    expect(layer.binBoundaries!.length).toBe(boundaries!.length);
  });
});
