import { describe, expect, it } from "vitest";
import type { Dataset } from "../dataset.ts";
import type { NdArray } from "../nd-array.ts";
import { cos, ln, sin } from "../portable-math.ts";
import { Random } from "../random.ts";
import { addingProblem, blobs, circles, linearlySeparable, moons, noisySine, parity, spirals } from "./generated.ts";

const rows = async (data: Dataset<{ x: NdArray; y: NdArray }>): Promise<{ x: number[]; y: number }[]> =>
  (await data.toList()).map(({ x, y }) => ({ x: [...x.data], y: y.data[0]! }));
const norm = (x: readonly number[]): number => Math.hypot(...x);

describe("generators", () => {
  it("give the same numbers for the same seed, others for another, and the shapes they say", async () => {
    const all = [moons, circles, blobs, spirals, linearlySeparable, noisySine, addingProblem] as ((
      count: number,
      options: { seed: number },
    ) => Dataset<{ x: NdArray; y: NdArray }>)[];
    for (const generate of all) {
      const data = generate(40, { seed: 5 });
      expect(data.size).toBe(40);
      expect(await rows(data)).toEqual(await rows(generate(40, { seed: 5 })));
      expect(await rows(data)).not.toEqual(await rows(generate(40, { seed: 6 })));
      expect(() => generate(40, { sed: 6 } as never)).toThrow(/sed.*seed/s);
      expect(() => generate(0, { seed: 6 })).toThrow(/count/);
    }
    // Pinned: these numbers are the same on every machine.
    expect((await moons(2, { seed: 1 }).toArrays()).x.data).toMatchInlineSnapshot(`
      Float32Array [
        0.22996565699577332,
        1.071258306503296,
        1.8322057723999023,
        0.016223827376961708,
      ]
    `);
  });

  it("place points where their names say", async () => {
    for (const { x, y } of await rows(moons(100, { noise: 0 }))) {
      expect(y === 0 ? norm(x) : norm([x[0]! - 1, x[1]! - 0.5])).toBeCloseTo(1, 5);
    }
    for (const { x, y } of await rows(circles(100, { noise: 0, factor: 0.3 }))) {
      expect(norm(x)).toBeCloseTo(y === 0 ? 1 : 0.3, 5);
    }
    for (const { x } of await rows(spirals(100, { noise: 0, arms: 3 }))) expect(norm(x)).toBeLessThanOrEqual(1.0001);
    for (const { x, y } of await rows(noisySine(100, { noise: 0 }))) expect(y).toBeCloseTo(Math.sin(x[0]!), 5);
    for (const { x, y } of await rows(parity(100, { bits: 5 }))) expect(y).toBe(x.reduce((a, b) => a + b) % 2);
    expect(await rows(parity(4))).toEqual([
      { x: [0, 0], y: 0 },
      { x: [0, 1], y: 1 },
      { x: [1, 0], y: 1 },
      { x: [1, 1], y: 0 },
    ]);
    for (const { x, y } of await rows(addingProblem(50, { length: 11 }))) {
      const marked = x.filter((_, i) => i % 2 === 0 && x[i + 1] === 1);
      expect(marked).toHaveLength(2);
      expect(y).toBeCloseTo(marked[0]! + marked[1]!, 5);
    }
    const clouds = await rows(blobs(300, { deviation: 0.1, centers: 3, features: 4 }));
    expect(new Set(clouds.map(({ y }) => y))).toEqual(new Set([0, 1, 2]));
  });

  it("makes points a perceptron separates without a mistake", async () => {
    const points = await rows(linearlySeparable(200, { seed: 3, features: 3, margin: 0.1 }));
    const w = [0, 0, 0];
    let mistakes = 1;
    for (let epoch = 0; epoch < 1000 && mistakes > 0; epoch++) {
      mistakes = 0;
      for (const { x, y } of points) {
        const guess = w.reduce((sum, weight, k) => sum + weight * x[k]!, 0) > 0 ? 1 : 0;
        if (guess === y) continue;
        mistakes++;
        for (const k of w.keys()) w[k] = w[k]! + (y - guess) * x[k]!;
      }
    }
    expect(mistakes).toBe(0);
  });
});

describe("random numbers", () => {
  it("are uniform and normal as they should be", () => {
    const random = new Random(1, 2);
    const bins = new Uint32Array(10);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < 100_000; i++) {
      const bin = random.int(10);
      bins[bin] = bins[bin]! + 1;
      const z = random.normal();
      sum += z;
      squares += z * z;
    }
    for (const count of bins) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    expect(Math.abs(sum / 100_000)).toBeLessThan(0.02);
    expect(squares / 100_000).toBeCloseTo(1, 1);
    expect(Array.from(random.permutation(50)).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(new Random(2 ** 40).uint32()).not.toBe(new Random(0).uint32());
    expect([1, 2, 3].map((seed) => new Random(seed).uint32())).toMatchInlineSnapshot(`
      [
        1903053109,
        2920818089,
        2638663206,
      ]
    `);
  });

  it("rest on functions that agree with the engine's to the last digits", () => {
    for (let i = 1; i < 2000; i++) {
      const x = i * 0.0173;
      expect(ln(x)).toBeCloseTo(Math.log(x), 14);
      expect(sin(x - 17)).toBeCloseTo(Math.sin(x - 17), 14);
      expect(cos(x - 17)).toBeCloseTo(Math.cos(x - 17), 14);
    }
  });
});
