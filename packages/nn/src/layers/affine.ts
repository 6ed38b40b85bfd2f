import { type Tensor, takeAlongAxis, tensor } from "@gradiente/autograd";

/** @internal */
export const fillModes = ["constant", "nearest", "reflect", "wrap"] as const;

/** What lies outside an image: a constant, the nearest pixel, the image mirrored (`reflect`) or repeated (`wrap`). */
export type FillMode = (typeof fillModes)[number];

/** Options of {@link affineTransform}. */
export interface AffineOptions {
  /** Default: "reflect". */
  readonly fillMode?: FillMode;
  /** Default: 0. */
  readonly fillValue?: number;
  /** Default: "bilinear". */
  readonly interpolation?: "nearest" | "bilinear";
}

/** The pixel that stands for place `i` of an axis of length `n`, which may lie outside; −1 for none. */
function pixelAt(i: number, n: number, mode: FillMode): number {
  if (i >= 0 && i < n) return i;
  switch (mode) {
    case "constant":
      return -1;
    case "nearest":
      return i < 0 ? 0 : n - 1;
    case "wrap":
      return ((i % n) + n) % n;
    case "reflect": {
      const at = ((i % (2 * n)) + 2 * n) % (2 * n);
      return Math.min(at, 2 * n - 1 - at);
    }
  }
}

/** Away from zero from halfway, as JAX and TensorFlow choose pixels. */
function rounded(x: number): number {
  return Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
}

/** One of the pixels around each place: its number within the image, and its weight. */
interface Corner {
  readonly index: Int32Array;
  readonly weight: Float64Array;
}

/**
 * Images (samples, rows, columns, channels) seen through one affine map each: the pixel at (x, y) of the result is the
 * image at (a₀x + a₁y + a₂, b₀x + b₁y + b₂), in pixels from the centre of the first.
 *
 * @param maps six numbers for each sample: a₀ a₁ a₂ b₀ b₁ b₂.
 */
export function affineTransform(images: Tensor, maps: Float64Array, options: AffineOptions = {}): Tensor {
  const { fillMode = "reflect", fillValue = 0, interpolation = "bilinear" } = options;
  const [samples, rows, columns, channels] = images.shape as readonly [number, number, number, number];
  const pixels = rows * columns;
  const near =
    interpolation === "nearest"
      ? [[0, 0]]
      : [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ];
  const corners: Corner[] = near.map(() => ({
    index: new Int32Array(samples * pixels),
    weight: new Float64Array(samples * pixels),
  }));
  const outside = new Float64Array(samples * pixels);
  for (let s = 0, at = 0; s < samples; s++) {
    const [a0, a1, a2, b0, b1, b2] = maps.subarray(6 * s, 6 * s + 6) as unknown as readonly number[];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++, at++) {
        const x = a0! * j + a1! * i + a2!;
        const y = b0! * j + b1! * i + b2!;
        const [left, top] = interpolation === "nearest" ? [rounded(x), rounded(y)] : [Math.floor(x), Math.floor(y)];
        near.forEach(([dy, dx], k) => {
          const row = pixelAt(top + dy!, rows, fillMode);
          const column = pixelAt(left + dx!, columns, fillMode);
          const weight =
            interpolation === "nearest"
              ? 1
              : (dy === 0 ? 1 - (y - top) : y - top) * (dx === 0 ? 1 - (x - left) : x - left);
          if (row < 0 || column < 0) outside[at]! += weight;
          else {
            corners[k]!.index[at] = row * columns + column;
            corners[k]!.weight[at] = weight;
          }
        });
      }
    }
  }
  const flat = images.reshape([samples, pixels, channels]);
  const perPixel = (data: Float64Array | Int32Array): Tensor => tensor({ data, shape: [samples, pixels, 1] });
  const seen = corners
    .map(({ index, weight }) => takeAlongAxis(flat, perPixel(index), 1).mul(perPixel(weight).cast(images.dtype)))
    .reduce((a, b) => a.add(b));
  const filled =
    fillMode === "constant" && fillValue !== 0 ? seen.add(perPixel(outside).cast(images.dtype).mul(fillValue)) : seen;
  return filled.reshape(images.shape);
}

/** The middle of an image, where it is turned and enlarged about. */
function centre(rows: number, columns: number): readonly [number, number] {
  return [(columns - 1) / 2, (rows - 1) / 2];
}

/** Maps that turn images about their middle, by angles in radians; positive ones turn anticlockwise. */
export function rotations(angles: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const [cx, cy] = centre(rows, columns);
  return Float64Array.from(
    Array.from(angles).flatMap((angle) => {
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      return [c, -s, cx - cx * c + cy * s, s, c, cy - cx * s - cy * c];
    }),
  );
}

/** Maps that move images, by pixels down and to the right. */
export function translations(down: ArrayLike<number>, right: ArrayLike<number>): Float64Array {
  return Float64Array.from(Array.from(down).flatMap((dy, i) => [1, 0, -right[i]!, 0, 1, -dy]));
}

/** Maps that scale images about their middle: factors above 1 show more than there is, those below less. */
export function zooms(high: ArrayLike<number>, wide: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const [cx, cy] = centre(rows, columns);
  return Float64Array.from(
    Array.from(high).flatMap((zy, i) => [wide[i]!, 0, cx * (1 - wide[i]!), 0, zy, cy * (1 - zy)]),
  );
}
