import { Generator, gradients, ones, tensor } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import { Dropout } from "../index.ts";

const training = (seed: number) => ({ training: true, generator: new Generator(seed), losses: [] });

describe("Dropout", () => {
  it.each([0.1, 0.2, 0.3, 0.4, 0.5])("with rate %d leaves out its share and keeps the mean", (rate) => {
    const count = 40_000;
    const { data } = new Dropout(rate).apply(ones([count]), training(1));
    const left = Math.fround(1 / (1 - rate));
    expect(new Set(data)).toEqual(new Set([0, left]));
    const share = data.filter((v) => v === 0).length / count;
    // Four standard deviations.
    expect(Math.abs(share - rate)).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / count));
  });

  it("leaves another part out each time, and nothing outside training", () => {
    const dropout = new Dropout(0.5);
    const context = training(2);
    const [a, b] = [dropout.apply(ones([100]), context), dropout.apply(ones([100]), context)];
    expect([...a.data]).not.toEqual([...b.data]);
    expect([...dropout.apply(ones([100])).data]).toEqual(Array.from({ length: 100 }, () => 1));
  });

  it("gives gradients to what it kept alone", () => {
    const x = tensor(
      Float32Array.from({ length: 100 }, (_, i) => i + 1),
      { requiresGrad: true },
    );
    const y = new Dropout(0.3).apply(x, training(3));
    const [slope] = gradients(y.sum(), [x]);
    expect([...slope!.data]).toEqual([...y.data].map((v) => (v === 0 ? 0 : Math.fround(1 / 0.7))));
  });

  it("refuses rates outside 0 to 1", () => {
    for (const rate of [-0.1, 1.1, Number.NaN]) expect(() => new Dropout(rate)).toThrow(/rate/);
  });
});
