import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import * as g from "../index.ts";
import { errors, noise, on } from "./testing/agreement.ts";

afterEach(() => {
  g.setBackend("wasm");
  g.setThreads(2);
});

type Convolution = (x: g.Tensor, w: g.Tensor) => g.Tensor;

/** The result and both gradients, for a cotangent of noise. */
function all(f: Convolution, x: g.Tensor, w: g.Tensor): g.Tensor[] {
  const [a, b] = [x.detach(), w.detach()];
  a.requiresGrad = true;
  b.requiresGrad = true;
  const y = f(a, b);
  y.backward(noise(y.shape, 3, y.dtype as "float32"));
  return [y.detach(), a.grad!, b.grad!];
}

describe("convolutions agree with the reference", () => {
  const functions = {
    1: [g.conv1d, g.convTranspose1d],
    2: [g.conv2d, g.convTranspose2d],
    3: [g.conv3d, g.convTranspose3d],
  };

  test.each([1, 2, 3] as const)("over %i axes, forward and backward", (rank) => {
    const lengths = fc.array(fc.integer({ min: 3, max: [0, 20, 9, 4][rank]! }), { minLength: rank, maxLength: rank });
    const few = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: rank, maxLength: rank });
    const problem = fc.record({
      n: fc.integer({ min: 0, max: 2 }),
      lengths,
      size: few,
      strides: few,
      dilation: fc.integer({ min: 1, max: 2 }),
      padding: fc.constantFrom("valid" as const, "same" as const, 1),
      groups: fc.integer({ min: 1, max: 3 }),
      channels: fc.integer({ min: 1, max: 5 }),
      out: fc.integer({ min: 1, max: 5 }),
      transposed: fc.boolean(),
      dtype: fc.constantFrom("float32" as const, "float64" as const),
    });
    fc.assert(
      fc.property(problem, (p) => {
        const { transposed, groups, dtype, strides, dilation } = p;
        const padding = transposed && p.padding === 1 ? "valid" : p.padding;
        const size = p.size.map((s, i) => Math.min(s, Math.floor((p.lengths[i]! - 1) / dilation) + 1));
        const [from, to] = [p.channels * groups, p.out * groups];
        const x = noise([p.n, ...p.lengths, from], 1, dtype);
        const w = noise(transposed ? [...size, p.out, from] : [...size, p.channels, to], 2, dtype);
        const f = functions[rank][transposed ? 1 : 0]!;
        const run = (): g.Tensor[] => all((a, b) => f(a, b, { strides, dilation, padding, groups }), x, w);
        const [results, expected] = [on("wasm", run), on("reference", run)];
        for (const [i, result] of results.entries()) {
          expect(errors(result, expected[i]!).max).toBeLessThan(dtype === "float64" ? 1e-13 : 1e-5);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("channel by channel", () => {
    for (const [channels, multiplier, strides] of [
      [16, 1, 1],
      [9, 1, 2],
      [6, 2, 1],
    ] as const) {
      const [x, w] = [noise([2, 9, 8, channels], 1), noise([3, 3, channels, multiplier], 2)];
      const run = (): g.Tensor[] => all((a, b) => g.depthwiseConv2d(a, b, { padding: "same", strides }), x, w);
      const [results, expected] = [on("wasm", run), on("reference", run)];
      for (const [i, result] of results.entries()) expect(errors(result, expected[i]!).max).toBeLessThan(1e-5);
    }
  });
});

describe("convolutions of every member of a batch", () => {
  const options = { groups: 2, padding: "same", strides: 2 } as const;
  const f = (x: g.Tensor, w: g.Tensor): g.Tensor => g.conv2d(x, w, options);
  const loss = (x: g.Tensor, w: g.Tensor): g.Tensor => g.sum(g.square(g.maxPool(f(x, w), { size: 2, strides: 1 })));
  const functions: Record<string, (x: g.Tensor, w: g.Tensor) => g.Tensor> = {
    "the convolution": f,
    "the input's gradient": (x, w) => g.grad((a: g.Tensor) => loss(a, w))(x) as g.Tensor,
    "the kernel's gradient": (x, w) => g.grad((a: g.Tensor) => loss(x, a))(w) as g.Tensor,
  };
  const [images, kernels] = [noise([3, 2, 6, 5, 4], 1), noise([3, 3, 3, 2, 6], 2)];
  const member = (x: g.Tensor, i: number): g.Tensor => g.select(x, 0, i);

  test.each(Object.entries(functions))("%s, of images, of kernels and of both", (_, h) => {
    const [x, w] = [member(images, 0), member(kernels, 0)];
    for (const [all, each] of [
      [g.vmap(h)(images, kernels), (i: number) => h(member(images, i), member(kernels, i))],
      [g.vmap((a: g.Tensor) => h(a, w))(images), (i: number) => h(member(images, i), w)],
      [g.vmap((b: g.Tensor) => h(x, b))(kernels), (i: number) => h(x, member(kernels, i))],
    ] as const) {
      const expected = g.stack([0, 1, 2].map((i) => each(i)));
      expect(errors(all as g.Tensor, expected).max).toBeLessThan(1e-5);
    }
  });
});

test.each([
  ["of 3 × 3 taps", [8, 28, 26, 16], [3, 3, 16, 24], 1],
  ["of 5 × 5 taps", [12, 14, 14, 6], [5, 5, 6, 16], 1],
  ["channel by channel", [6, 14, 14, 40], [3, 3, 1, 40], 40],
  ["in groups", [6, 14, 14, 12], [3, 3, 4, 18], 3],
] as const)("convolutions %s give the same bits on one, two and four threads", (_, shape, size, groups) => {
  const [x, w] = [noise(shape, 1), noise(size, 2)];
  const [one, two, four] = [1, 2, 4].map((threads) => {
    g.setThreads(threads);
    return all((a, b) => g.conv2d(a, b, { padding: "same", groups }), x, w).map((t) => t.data);
  });
  expect(two).toEqual(one);
  expect(four).toEqual(one);
});

describe("3 × 3 taps", () => {
  /** Shapes that are computed by tiles of 4 × 4 outputs, whole and cut off. */
  const shapes = [
    [2, 28, 28, 32, 64, "same"],
    [3, 14, 14, 12, 20, "same"],
    [5, 13, 9, 8, 12, "valid"],
    [3, 14, 14, 16, 132, "same"],
  ] as const;

  test.each(shapes)("%i × %i × %i × %i to %i channels, %s: float32's error twice that of the plain sum", (...shape) => {
    const [n, height, width, channels, out, padding] = shape;
    const f: Convolution = (x, w) => g.conv2d(x, w, { padding });
    const [x, w] = [noise([n, height, width, channels], 1), noise([3, 3, channels, out], 2)];
    const results = all(f, x, w);
    const expected = all(f, x.cast("float64"), w.cast("float64"));
    for (const [i, result] of results.entries()) {
      const { max, rms } = errors(result, expected[i]!);
      expect(rms).toBeLessThan(2e-6);
      expect(max).toBeLessThan(2e-5);
    }
  });

  test("a NaN stays within the tiles that read it", () => {
    const x = g.zeros([4, 16, 16, 8]).toArray() as number[][][][];
    x[1]![9]![10]![3] = Number.NaN;
    const y = g.conv2d(g.tensor(x), g.ones([3, 3, 8, 8]), { padding: "same" }).toArray() as number[][][][];
    for (const [i, image] of y.entries()) {
      for (const [r, row] of image.entries()) {
        for (const [c, pixel] of row.entries()) {
          const near = Math.abs(r - 9) <= 1 && Math.abs(c - 10) <= 1;
          if (i === 1 && near) expect(pixel.every(Number.isNaN)).toBe(true);
          else if (i !== 1 || r < 8 || r > 11 || c < 8 || c > 11) expect(pixel).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
        }
      }
    }
  });
});
