import { arange, Generator } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import { RandomBrightness, RandomContrast, RandomFlip } from "../index.ts";

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
});
