import { arange, Generator } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import {
  CenterCrop,
  RandomBrightness,
  RandomContrast,
  RandomCrop,
  RandomFlip,
  RandomRotation,
  RandomTranslation,
  RandomZoom,
} from "../index.ts";

const images = arange(0, 8 * 2 * 3)
  .cast("float32")
  .reshape([8, 2, 3, 1]);
const training = () => ({ training: true, generator: new Generator(3) });

describe("augmentation", () => {
  it("mirrors some images and not others, repeatably, and only in training", () => {
    const layer = new RandomFlip("horizontal");
    expect(layer.apply(images).toArray()).toEqual(images.toArray());
    const flipped = layer.apply(images, training()).toArray() as number[][][][];
    const firsts = flipped.map((image, i) => image[0]![0]![0]! - 6 * i);
    expect(new Set(firsts)).toEqual(new Set([0, 2]));
    expect(layer.apply(images, training()).toArray()).toEqual(flipped);
    expect(() => new RandomFlip("sideways" as "vertical")).toThrow(/RandomFlip/);
  });

  it("changes brightness by one number for each image, contrast around its mean", () => {
    const brighter = new RandomBrightness(0.1).apply(images, training()).sub(images).toArray() as number[][][][];
    for (const image of brighter.slice(5)) expect(image[1]![2]![0]).toBeCloseTo(image[0]![0]![0]!, 3);
    const contrast = new RandomContrast(0.5, { valueRange: [-100, 200] }).apply(images, training());
    const means = contrast.mean({ axis: [1, 2, 3] }).sub(images.mean({ axis: [1, 2, 3] }));
    expect(Math.max(...[...means.data].map(Math.abs))).toBeLessThan(1e-4);
  });

  it("turns, moves and zooms every image by amounts of its own, only in training", () => {
    const same = arange(0, 36).cast("float32").reshape([1, 6, 6, 1]).broadcastTo([5, 6, 6, 1]);
    const layers = [new RandomRotation(0.2), new RandomTranslation(0.3, 0.3), new RandomZoom(0.5)];
    for (const layer of layers) {
      expect(layer.apply(same).toArray()).toEqual(same.toArray());
      const changed = layer.apply(same, training());
      expect(changed.toArray()).toEqual(layer.apply(same, training()).toArray());
      expect(new Set((changed.toArray() as number[][][][]).map((image) => JSON.stringify(image))).size).toBe(5);
      const { data } = changed;
      expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...data)).toBeLessThanOrEqual(35);
    }
    const quarter = new RandomRotation([0.25, 0.25]).apply(same, training()).toArray() as number[][][][];
    for (const [i, row] of quarter[0]!.entries()) {
      row.forEach(([value], j) => void expect(value).toBeCloseTo(6 * j + 5 - i, 3));
    }
    expect(() => new RandomRotation(2)).toThrow(/factor/);
    expect(() => new RandomZoom(0.1, 0.1, { fillMode: "mirrored" as "reflect" })).toThrow(/reflect/);
  });

  it("gives the same with a seed, whatever the model's", () => {
    const draw = () => new RandomTranslation(0.4, 0.4, { seed: 5 });
    const generators = [1, 2].map((seed) => ({ training: true, generator: new Generator(seed) }));
    const [a, b] = generators.map((context) => draw().apply(images, context).toArray());
    expect(a).toEqual(b);
  });

  it("cuts out parts: drawn in training, the middle outside it", () => {
    const large = arange(0, 48).cast("float32").reshape([1, 6, 8, 1]);
    const layer = new RandomCrop(2, 3);
    const corners = Array.from({ length: 20 }, (_, seed) => {
      const part = layer.apply(large, { training: true, generator: new Generator(seed) });
      expect(part.shape).toEqual([1, 2, 3, 1]);
      const [first] = part.data;
      expect([...part.data]).toEqual([0, 1, 2, 8, 9, 10].map((d) => first! + d));
      return first!;
    });
    expect(new Set(corners).size).toBeGreaterThan(8);
    expect(layer.apply(large).shape).toEqual([1, 2, 3, 1]);
    expect([...new CenterCrop(2, 4).apply(large).data]).toEqual([18, 19, 20, 21, 26, 27, 28, 29]);
  });
});
