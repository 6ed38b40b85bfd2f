import { describe, expect, it } from "vitest";
import { type AugmentOptions, augmentImages, type ImageBatch } from "./augment.ts";
import { Dataset } from "./dataset.ts";
import { PipelineError } from "./errors.ts";
import type { NdArray } from "./nd-array.ts";

const images = Dataset.fromArrays({
  x: { data: Uint8Array.from({ length: 10 * 64 }, (_, i) => (i * 37) % 256), shape: [10, 8, 8] },
  y: Uint8Array.from({ length: 10 }, (_, i) => i % 3),
});
const batches = images.batch(4);
const augmented = (options: Omit<AugmentOptions, "seed">, seed = 1): Dataset<ImageBatch> =>
  augmentImages<ImageBatch>(batches, { seed, ...options });
const pixels = async (data: Dataset<ImageBatch>): Promise<number[][]> =>
  (await data.toList()).map(({ x }) => [...x.data]);

describe("augmentImages", () => {
  it("changes nothing when nothing is asked for, and keeps types and shapes", async () => {
    expect(await augmented({}).toList()).toEqual(await batches.toList());
    for (const { x } of await augmented({ rotate: 20, noise: 0.1 }).toList()) {
      expect(x.data).toBeInstanceOf(Uint8Array);
      expect(x.shape.slice(1)).toEqual([8, 8]);
    }
  });

  it("is fixed by seed, pass, batch and image, not by who works first", async () => {
    const all: AugmentOptions = {
      seed: 1,
      flip: "both",
      shift: 0.2,
      rotate: 30,
      zoom: 0.2,
      contrast: 0.3,
      brightness: 0.1,
      noise: 0.05,
      cutout: 0.3,
    };
    const make = (): Dataset<ImageBatch> => augmentImages<ImageBatch>(batches, all);
    const once = make();
    const [first, second] = [await pixels(once), await pixels(once)];
    expect(first).not.toEqual(second);
    expect(await pixels(make())).toEqual(first);
    expect(await pixels(make().prefetch(3))).toEqual(first);
    expect(await pixels(make().skip(2))).toEqual(first.slice(2));
    const shards = [await pixels(make().shard(2, 1)), await pixels(make().shard(2, 0))];
    expect([shards[1]![0], shards[0]![0], shards[1]![1]]).toEqual(first);
    expect(await pixels(augmentImages<ImageBatch>(batches, { ...all, seed: 2 }))).not.toEqual(first);
  });

  it("flips exactly", async () => {
    const original = await pixels(batches);
    let mirrored = 0;
    for (const [b, batch] of (await pixels(augmented({ flip: "horizontal" }))).entries()) {
      for (let i = 0; i < batch.length / 64; i++) {
        const image = original[b]!.slice(i * 64, i * 64 + 64);
        const flipped = image.map((_, p) => image[8 * Math.floor(p / 8) + 7 - (p % 8)]!);
        const found = batch.slice(i * 64, i * 64 + 64);
        expect([image, flipped]).toContainEqual(found);
        if (found.join() === flipped.join()) mirrored++;
      }
    }
    expect(mirrored).toBeGreaterThan(0);
    expect(mirrored).toBeLessThan(10);
  });

  it("turns a bright centre into itself, and moves it by a shift", async () => {
    const dot = new Float32Array(81);
    dot[40] = 1;
    const one = Dataset.fromArrays({ x: { data: dot, shape: [1, 9, 9] } })
      .batch(1)
      .map(({ x }) => ({ x: { data: x.data, shape: [1, 9, 9] } as NdArray }));
    const [turned] = await augmentImages(one, { seed: 1, rotate: 45 }).toList();
    expect(turned!.x.data[40]).toBe(1);
    const [moved] = await augmentImages(one, { seed: 1, shift: 0.3 }).toList();
    expect([...moved!.x.data].reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    expect(moved!.x.data[40]).toBeLessThan(1);
    const [cut] = await augmentImages(one, { seed: 1, cutout: 1, fill: 0.5 }).toList();
    expect([...cut!.x.data].every((value) => value === 0.5)).toBe(true);
  });

  it("keeps values within their range", async () => {
    for (const batch of await pixels(augmented({ brightness: 1, contrast: 2, noise: 0.5 }))) {
      for (const value of batch) expect(value).toBeGreaterThanOrEqual(0);
    }
    const floats = batches.map(({ x }) => ({
      x: { data: Float32Array.from(x.data, (v) => v / 255), shape: x.shape } as NdArray,
    }));
    for (const { x } of await augmentImages(floats, { seed: 1, brightness: 1 }).toList()) {
      expect(Math.max(...x.data)).toBeLessThanOrEqual(1);
    }
  });

  it("mixes images and labels by the same weights", async () => {
    const solid = Dataset.fromArrays({
      x: { data: Float32Array.from({ length: 24 }, (_, i) => Math.floor(i / 4)), shape: [6, 2, 2] },
      y: Uint8Array.from({ length: 6 }, (_, i) => i),
    }).batch(6);
    const [batch] = await augmentImages<ImageBatch>(solid, { seed: 3, mixup: 0.4, classes: 6, range: [0, 5] }).toList();
    expect(batch!.y!.shape).toEqual([6, 6]);
    for (let i = 0; i < 6; i++) {
      const label = batch!.y!.data.subarray(6 * i, 6 * i + 6);
      expect([...label].reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
      const expected = [...label].reduce((sum, weight, k) => sum + weight * k, 0);
      expect(batch!.x.data[4 * i]).toBeCloseTo(expected, 4);
    }
    await expect(augmented({ mixup: 0.2 }).toList()).rejects.toThrow(/classes/);
    await expect(augmented({ mixup: 0.2, classes: 2 }).toList()).rejects.toThrow(/label for which there is no class/);
  });

  it("refuses what is no batch of images and options that cannot be meant", async () => {
    await expect(
      augmentImages<ImageBatch>(
        images.map(({ y }) => ({ x: y })),
        { seed: 1 },
      ).toList(),
    ).rejects.toBeInstanceOf(PipelineError);
    expect(() => augmented({ zoom: 1.5 })).toThrow(/zoom.*0 to 0.99/s);
    expect(() => augmented({ flip: "sideways" as never })).toThrow(/"horizontal", "vertical" or "both"/);
    expect(() => augmentImages<ImageBatch>(batches, {} as never)).toThrow(/seed/);
    expect(() => augmented({ rotation: 3 } as never)).toThrow(/rotation.*rotate/s);
  });
});
