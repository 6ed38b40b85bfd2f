import { philox } from "../../random/philox.ts";
import type { KernelRunner, RandomKernel } from "../backend.ts";

/**
 * Element i uses block ⌊i / n⌋ of the counter, where a block's four words serve n elements: four int32 or float32,
 * two float64. A float64 takes its 53 bits from two words. Normals come in pairs by the Box–Muller transform, in
 * float64 whatever the output's dtype, from two uniforms of 32 bits (float32) or 53 bits (float64) each; its logarithm,
 * sine and cosine are made of IEEE 754 basic operations alone, so that every engine gives the same bits.
 */
export const runRandom: KernelRunner<RandomKernel> = ({ distribution }, _, [output], scalars) => {
  const [key0, key1, counter0, counter1] = scalars as [number, number, number, number];
  const result = output!.storage.array;
  const { offset, size } = output!;
  const isDouble = output!.dtype === "float64";
  const perBlock = isDouble ? 2 : 4;
  const words = new Int32Array(4);
  const block = new Float64Array(4);
  for (let start = 0, index = 0; start < size; start += perBlock, index++) {
    const low = (counter0 >>> 0) + index;
    philox([low | 0, (counter1 + Math.floor(low / 2 ** 32)) | 0, 0, 0], [key0, key1], words);
    fillBlock(distribution, isDouble, words, block);
    const count = Math.min(perBlock, size - start);
    for (let i = 0; i < count; i++) result[offset + start + i] = block[i]!;
  }
};

function fillBlock(
  distribution: RandomKernel["distribution"],
  isDouble: boolean,
  words: Int32Array,
  out: Float64Array,
): void {
  if (distribution === "bits") {
    out.set(words);
    return;
  }
  if (distribution === "uniform") {
    if (isDouble) for (let i = 0; i < 2; i++) out[i] = uniform53(words, i);
    else for (let i = 0; i < 4; i++) out[i] = (words[i]! >>> 8) * 2 ** -24;
    return;
  }
  if (isDouble) boxMuller(1 - uniform53(words, 0), uniform53(words, 1), out, 0);
  else {
    for (let i = 0; i < 4; i += 2) {
      boxMuller(((words[i]! >>> 0) + 1) * 2 ** -32, (words[i + 1]! >>> 0) * 2 ** -32, out, i);
    }
  }
}

/** A multiple of 2⁻⁵³ in [0, 1). */
function uniform53(words: Int32Array, i: number): number {
  return ((words[2 * i]! >>> 5) * 2 ** 26 + (words[2 * i + 1]! >>> 6)) * 2 ** -53;
}

/** Two independent standard normals from u in (0, 1] and v in [0, 1). G. E. P. Box, M. E. Muller (1958). */
function boxMuller(u: number, v: number, out: Float64Array, at: number): void {
  const radius = Math.sqrt(-2 * portableLog(u));
  // v in quarter turns: an exact reduction to [-1/2, 1/2] of a quarter around the nearest one.
  const turns = 4 * v;
  const quarter = Math.floor(turns + 0.5);
  const angle = (turns - quarter) * (Math.PI / 2);
  const sine = portableSine(angle);
  const cosine = portableCosine(angle);
  const [c, s] =
    quarter % 4 === 0
      ? [cosine, sine]
      : quarter % 4 === 1
        ? [-sine, cosine]
        : quarter % 4 === 2
          ? [-cosine, -sine]
          : [sine, -cosine];
  out[at] = radius * c;
  out[at + 1] = radius * s;
}

/** log(x) for x in (0, 1]: x = 2ᵉ·m with m near 1, and log m = 2 artanh((m - 1) / (m + 1)) by its series. */
export function portableLog(x: number): number {
  let m = x;
  let exponent = 0;
  while (m < Math.SQRT1_2) {
    m *= 2;
    exponent--;
  }
  const t = (m - 1) / (m + 1);
  const t2 = t * t;
  let series = 0;
  for (let k = 23; k >= 1; k -= 2) series = series * t2 + 1 / k;
  return exponent * Math.LN2 + 2 * t * series;
}

/** 1 / k(k - 1), from the far end of the Taylor series of sine and cosine. */
export const sineFactors: readonly number[] = [17, 15, 13, 11, 9, 7, 5, 3].map((k) => 1 / (k * (k - 1)));
export const cosineFactors: readonly number[] = [18, 16, 14, 12, 10, 8, 6, 4, 2].map((k) => 1 / (k * (k - 1)));
/** 1 - x²/k(k - 1) · (1 - …) */
const alternating = (square: number, factors: readonly number[]): number =>
  factors.reduce((series, c) => 1 - square * c * series, 1);

/** sin(x) for |x| ≤ π/4, by its Taylor series. */
export function portableSine(x: number): number {
  return x * alternating(x * x, sineFactors);
}

/** cos(x) for |x| ≤ π/4, by its Taylor series. */
export function portableCosine(x: number): number {
  return alternating(x * x, cosineFactors);
}
