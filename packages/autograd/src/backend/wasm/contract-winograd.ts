/**
 * Convolutions with kernels of 3 × 3 taps and their kernels' gradients, with a third of the multiplications.
 *
 * A contraction over sliding windows is recognised by its strides: moving to the next window is moving by one within
 * it. Then 4 × 4 outputs at a time are computed from the 6 × 6 inputs they need as A ((G w Gᵀ) ∘ (Bᵀ x B)) Aᵀ: the
 * product in the middle is elementwise, so it costs 36 multiplications for each pair of channels where the sum over
 * windows takes 144. Over all channels and many such tiles it is 36 products of matrices, one for each place, which the
 * innermost loop of contractions computes. The gradient of the kernel is the transpose of the same with respect to w:
 * Gᵀ (Σ (Bᵀ x B) ∘ (A y Aᵀ)) G, the sum running over tiles.
 *
 * The matrices multiply polynomials through their values at 0, ±3/4, ±3/2 and ∞, which rounds less than the usual 0, ±1,
 * ±2: errors are about twice those of the plain sum. A tile's infinities and NaN spread over its 16 outputs.
 *
 * A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016 (after S. Winograd, 1980).
 * B. Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution", ACM TOMS 46 (2020).
 */
import type { View } from "../backend.ts";
import { addressOf, type PartedEntry, type Runtime } from "./runtime.ts";
import { buildAccumulate, buildFinish, buildForward, buildKernelTransform } from "./winograd-kernels.ts";
import { places, taps, tileOutputs } from "./winograd-products.ts";
import { descriptorBytes, field, outBlock, panel, rowsAtOnce, spillBytes } from "./winograd-tiles.ts";

/** Beyond this many bytes of transformed kernels, memory would become the limit. */
const maximumKernelBytes = 2 ** 24;
/** Of all parts' sums together. */
const maximumSumBytes = 2 ** 24;
/**
 * A block of tiles is to stay in a core's own cache, unless that made it so small that going over the transformed kernel
 * once for every block, reading it or adding to it, would take longer.
 */
const blockBytes = (kernelBytes: number, isForward: boolean): number =>
  isForward ? clamp(kernelBytes / 4, 600_000, 1_100_000) : Math.max(600_000, kernelBytes);
const maximumBlockTiles = 48;

const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(x, high));
const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to;

/** Whether the axes of a view from `at` on are windows of 3 × 3 taps, the axes from `taps` on running within them. */
function slides({ shape, strides }: View, at: number, within: number): boolean {
  return (
    shape[within] === taps &&
    shape[within + 1] === taps &&
    strides[within] === strides[at] &&
    strides[within + 1] === strides[at + 1] &&
    strides[within + 2] === 1
  );
}

/**
 * Does a contraction of float32 tensors `[n, height, width, 3, 3, c] · [3, 3, c, k]`, or `[3, 3, c, n, height, width] ·
 * [n, height, width, k]`, if the first are sliding windows and there are enough channels.
 */
export function winogradRunner(runtime: Runtime): (a: View, b: View, c: View) => boolean {
  let kernelTransform: PartedEntry | null = null;
  let forward: PartedEntry | null = null;
  let accumulate: PartedEntry | null = null;
  let finish: PartedEntry | null = null;

  return (a, b, result) => {
    const isForward = slides(a, 1, 3);
    if (!isForward && !slides(a, 4, 0)) return false;
    const [n, height, width] = (isForward ? a.shape : a.shape.slice(3)) as readonly number[] as [
      number,
      number,
      number,
    ];
    const [c, out] = [isForward ? a.shape[5]! : a.shape[2]!, b.shape.at(-1)!];
    const lanes = b.strides.at(-1) === 1 || isForward;
    if (c % 4 !== 0 || out % 4 !== 0 || c < 8 || out < 8 || !lanes || result.strides.at(-1) !== 1) return false;
    const k = roundUp(out, panel);
    const kernelBytes = 4 * places * c * k;
    const [tilesDown, tilesAcross] = [Math.ceil(height / tileOutputs), Math.ceil(width / tileOutputs)];
    const tiles = n * tilesDown * tilesAcross;
    // Tiles at the edges are computed whole, so small images would waste much; few would not repay the kernel's transform.
    const wasted = (tilesDown * tilesAcross * 16) / (height * width);
    if (kernelBytes > maximumKernelBytes || tiles < 16 || wasted > 2) return false;

    const perTile = 4 * places * (c + (isForward ? Math.min(k, outBlock) : k));
    const blockTiles = clamp(
      Math.floor(blockBytes(kernelBytes, isForward) / perTile / rowsAtOnce) * rowsAtOnce,
      2 * rowsAtOnce,
      maximumBlockTiles,
    );
    // Distances are off powers of two, lest the places compete for the same cache sets.
    const vPlace = 4 * blockTiles * c + 64;
    const mPlace = 4 * blockTiles * (isForward ? outBlock : k) + 64;
    const wanted = clamp(Math.floor(maximumSumBytes / kernelBytes), 1, 8);
    const partTiles = isForward ? blockTiles : roundUp(Math.ceil(tiles / wanted), blockTiles);
    const parts = Math.ceil(tiles / partTiles);
    const patchBytes = 4 * places * Math.max(c, k);
    const tables = isForward ? 512 : 4 * (c + 16);
    const threadBytes = roundUp(spillBytes + tables + places * (vPlace + mPlace) + patchBytes, 64);
    const threads = runtime.pool === null ? 1 : runtime.pool.size;
    const { heap } = runtime;
    const sums = isForward ? 1 : parts;
    const scratch = descriptorBytes + sums * kernelBytes + threads * threadBytes;
    // Where memory is short, tensors need it more. Threads do not count: they must not change the result.
    if (sums * kernelBytes + 4 * threadBytes > heap.limit / 8) return false;
    const start = heap.scratch(scratch);
    const u = start + descriptorBytes;
    const [x, y, w] = isForward ? [a, result, b] : [a, b, result];
    const xAxes = isForward ? 0 : 3;
    const bytes = (view: View, axis: number): number => view.strides[axis]! * 4;
    const values: Readonly<Record<keyof typeof field, number>> = {
      x: addressOf(x, 4),
      xImage: bytes(x, xAxes),
      xRow: bytes(x, xAxes + 1),
      xColumn: bytes(x, xAxes + 2),
      c,
      k,
      y: addressOf(y, 4),
      yImage: bytes(y, 0),
      yRow: bytes(y, 1),
      yColumn: bytes(y, 2),
      height,
      width,
      tilesDown,
      tilesAcross,
      tiles,
      partTiles,
      blockTiles,
      w: addressOf(w, 4),
      wRow: bytes(w, 0),
      wColumn: bytes(w, 1),
      wIn: bytes(w, 2),
      wOut: bytes(w, 3),
      u,
      uPart: kernelBytes,
      parts,
      scratch: u + sums * kernelBytes,
      scratchBytes: threadBytes,
      vPlace,
      mPlace,
      out,
    };
    for (const name of Object.keys(field) as (keyof typeof field)[]) {
      heap.i32[(start + field[name]) >>> 2] = values[name];
    }
    const work = tiles * places * c * k;
    if (isForward) {
      kernelTransform ??= buildKernelTransform(runtime);
      forward ??= buildForward(runtime);
      runtime.parallel(kernelTransform, k / panel, [start], 20 * places * c * k);
      runtime.parallel(forward, parts, [start], work);
    } else {
      accumulate ??= buildAccumulate(runtime);
      finish ??= buildFinish(runtime);
      runtime.parallel(accumulate, parts, [start], work);
      runtime.parallel(finish, c, [start], parts * places * c * k);
    }
    return true;
  };
}
