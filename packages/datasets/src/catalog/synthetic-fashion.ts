import { requireInteger, requireKnownOptions } from "../errors.ts";
import { writeIdx } from "../idx/write.ts";
import { requireNode } from "../platform.ts";
import { Random } from "../random.ts";
import { FASHION_CLASS_NAMES } from "./fashion-mnist.ts";
import { type Canvas, drawGarment, PIXELS, SIDE } from "./garments.ts";
import { type ImageSet, mnistFiles, openImageSet } from "./idx-sets.ts";

export interface SyntheticFashionOptions {
  /** Number of training images; default 60,000. */
  readonly train?: number;
  /** Number of test images; default 10,000. */
  readonly test?: number;
  /** Fixes every image; default 0. */
  readonly seed?: number;
  /** Where the four files are written; default: a folder of the system's temporary folder. */
  readonly directory?: string;
}

/** Draws images and labels; image `i` depends on the seed, the part and `i` alone. */
export function drawFashion(count: number, seed: number, part: number): { images: Uint8Array; labels: Uint8Array } {
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  const canvas: Canvas = new Float64Array(PIXELS);
  for (let i = 0; i < count; i++) {
    const random = new Random(seed, part, i);
    const label = random.int(FASHION_CLASS_NAMES.length);
    labels[i] = label;
    drawGarment(label, random, canvas);
    const offset = i * PIXELS;
    for (let pixel = 0; pixel < PIXELS; pixel++) {
      images[offset + pixel] = Math.max(0, Math.min(255, Math.round(canvas[pixel]!)));
    }
  }
  return { images, labels };
}

/**
 * A stand-in for Fashion-MNIST where there is no network: the same ten garments drawn as silhouettes with random cut,
 * pose, cloth and noise, in the same four gzip IDX files, written to a folder and read back. The same seed gives the
 * same images everywhere. It is made so that a linear classifier does clearly worse than a small network.
 *
 * @example
 * const { train, test } = await syntheticFashion({ train: 6000, test: 1000, seed: 1 });
 * @throws SourceError when the folder cannot be written to.
 */
export async function syntheticFashion(options: SyntheticFashionOptions = {}): Promise<ImageSet> {
  requireKnownOptions("syntheticFashion", options, ["train", "test", "seed", "directory"]);
  const { train = 60_000, test = 10_000, seed = 0 } = options;
  requireInteger("train", train, 1);
  requireInteger("test", test, 1);
  const { os, path } = requireNode("The generator");
  const directory = options.directory ?? path.join(os.tmpdir(), `gradiente-synthetic-fashion-${seed}-${train}-${test}`);
  const paths = mnistFiles().map(({ name }) => path.join(directory, name));
  for (const [part, count] of [train, test].entries()) {
    const { images, labels } = drawFashion(count, seed, part);
    await writeIdx(paths[2 * part]!, { data: images, shape: [count, SIDE, SIDE] }, { level: 1 });
    await writeIdx(paths[2 * part + 1]!, { data: labels, shape: [count] }, { level: 1 });
  }
  return openImageSet(
    paths.map((name) => ({ source: name, name })),
    FASHION_CLASS_NAMES,
    { kind: "synthetic", location: directory },
    { stream: false, signal: undefined },
  );
}
