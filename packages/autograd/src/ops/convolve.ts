/**
 * Convolution and its two transposes.
 *
 * Input x, kernel w and output y of a convolution meet in one sum that is linear in each of the three,
 *
 *     Σ x[b, n, o · stride + t · dilation − before, c] · w[b, t, c, k] · y[b, n, o, k],
 *
 * over the batch b of convolutions (groups), images n, outputs o, taps t and channels c and k. Leaving one factor out
 * gives an operation with that factor's shape: leaving out y the convolution, leaving out x its transpose, leaving out
 * w the gradient of the kernel. So the three have one derivative rule: with respect to an operand, leave that one out
 * and put the cotangent where the result was.
 *
 * Each is a contraction over views. Nothing is unfolded; what is copied is a frame of zeros around a tensor whose
 * windows reach over its edge. The transpose of a convolution with a stride is one contraction for each remainder that
 * a position leaves when divided by the stride, as positions of different remainders meet different taps.
 */
import { fillKernel } from "../backend/copy.ts";
import { backend } from "../backend/current.ts";
import { viewOf } from "../launch.ts";
import { type Op, type Saved, savesInput } from "../op.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { asBatch } from "./broadcast.ts";
import { kernelFor } from "./matmul.ts";
import { reshape } from "./reshape.ts";
import { framed, type Geometry, grouped, overWindows, slide } from "./sliding.ts";

/** What a tensor is to a convolution: `[...batch, n, ...space, channels]`, the kernel `[...batch, ...size, in, out]`. */
type Role = "input" | "kernel" | "output";

const operandsOf: Readonly<Record<Role, readonly [Role, Role]>> = {
  output: ["input", "kernel"],
  input: ["output", "kernel"],
  kernel: ["input", "output"],
};

function convolve(x: Tensor, w: Tensor, geometry: Geometry): Tensor {
  const { batch, output } = geometry;
  const rank = output.length;
  const y = grouped(x.dtype, [...x.shape.slice(0, batch + 1), ...output, w.shape.at(-1)!], batch);
  const kernel = kernelFor({ batch, m: rank + 1, k: rank + 1, n: 1 });
  overWindows(x, geometry, (windows) => backend().run(kernel, [windows, w], [y]));
  return y;
}

/** Exchanges neighbouring groups of axes: those from `first` on, and those from `second` up to `end`. */
function exchanged(x: Tensor, first: number, second: number, end: number): Tensor {
  const turn = (list: readonly number[]): number[] => [
    ...list.slice(0, first),
    ...list.slice(second, end),
    ...list.slice(first, second),
    ...list.slice(end),
  ];
  return viewOf(x, turn(x.shape), turn(x.strides));
}

function kernelGradient(x: Tensor, y: Tensor, geometry: Geometry): Tensor {
  const { batch, kernel: size } = geometry;
  const rank = size.length;
  const w = grouped(x.dtype, [...x.shape.slice(0, batch), ...size, x.shape.at(-1)!, y.shape.at(-1)!], batch);
  const kernel = kernelFor({ batch, m: rank + 1, k: rank + 1, n: 1 });
  overWindows(x, geometry, (windows) => {
    backend().run(kernel, [exchanged(windows, batch, batch + rank + 1, batch + 2 * rank + 2), y], [w]);
  });
  return w;
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** Positions of the input along one axis that meet the same taps, and the outputs these multiply. */
interface Phase {
  /** The positions: the first, and how many there are, one stride apart. */
  readonly first: number;
  readonly count: number;
  /** The taps, from the last to the first. */
  readonly lastTap: number;
  readonly tapStep: number;
  readonly taps: number;
  /** The output that the first position and the last tap meet, and the distance of those of neighbouring taps. */
  readonly from: number;
  readonly dilation: number;
}

function phasesOf(length: number, size: number, stride: number, dilation: number, before: number): Phase[] {
  const divisor = greatestCommonDivisor(stride, dilation);
  const [tapStep, step] = [stride / divisor, dilation / divisor];
  return Array.from({ length: Math.min(stride, length) }, (_, first) => {
    let tap = 0;
    while (tap < Math.min(size, tapStep) && (first + before - tap * dilation) % stride !== 0) tap++;
    const taps = tap < Math.min(size, tapStep) ? Math.ceil((size - tap) / tapStep) : 0;
    const lastTap = tap + (taps - 1) * tapStep;
    return {
      first,
      count: Math.ceil((length - first) / stride),
      lastTap,
      tapStep,
      taps,
      from: taps === 0 ? 0 : (first + before - lastTap * dilation) / stride,
      dilation: step,
    };
  });
}

/** All ways to choose one of each list. */
function combinations<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((all, list) => all.flatMap((one) => list.map((x) => [...one, x])), [[]]);
}

function inputGradient(y: Tensor, w: Tensor, geometry: Geometry): Tensor {
  const { batch, input, kernel: size, strides, dilation, before } = geometry;
  const shape = [...y.shape.slice(0, batch + 1), ...input, w.shape.at(-2)!];
  const phases = input.map((length, i) => phasesOf(length, size[i]!, strides[i]!, dilation[i]!, before[i]!));
  const met = phases.map((axis) => axis.filter(({ taps }) => taps > 0));
  const x = grouped(y.dtype, shape, batch);
  // Positions that meet no tap.
  if (met.some((axis, i) => axis.length < phases[i]!.length)) backend().run(fillKernel(x.dtype), [], [x], [0]);
  if (x.size === 0 || met.some((axis) => axis.length === 0)) return x;
  // One frame for all phases.
  const from = met.map((axis) => Math.min(...axis.map((p) => p.from)));
  const end = met.map((axis) => Math.max(...axis.map((p) => p.from + p.count + (p.taps - 1) * p.dilation)));
  const length = end.map((n, i) => n - from[i]!);
  framed(y, batch, batch + 1, from, length, (frame) => {
    for (const phase of combinations(met)) addPhase(frame, from, w, x, phase, geometry);
  });
  return x;
}

/** Computes the positions of one phase of each axis, from a frame around the output that begins at `from`. */
function addPhase(
  frame: Tensor,
  from: readonly number[],
  w: Tensor,
  x: Tensor,
  phase: readonly Phase[],
  { batch, strides }: Geometry,
): void {
  const rank = phase.length;
  const each = (value: (p: Phase) => number): number[] => phase.map(value);
  const at = (list: readonly number[], axis: number, positions: readonly number[]): number =>
    positions.reduce((sum, n, i) => sum + n * list[axis + i]!, 0);
  const [count, taps] = [each((p) => p.count), each((p) => p.taps)];
  const begin = phase.map((p, i) => p.from - from[i]!);
  const start = viewOf(frame, frame.shape, frame.strides, frame.offset + at(frame.strides, batch + 1, begin));
  const ones = strides.map(() => 1);
  const windows = slide(
    start,
    batch + 1,
    count,
    taps,
    ones,
    each((p) => p.dilation),
  );
  const [into, out] = [w.rank - 2, w.rank - 1];
  const kernel = viewOf(
    w,
    [...w.shape.slice(0, batch), ...taps, w.shape[out]!, w.shape[into]!],
    [
      ...w.strides.slice(0, batch),
      ...phase.map((p, i) => -p.tapStep * w.strides[batch + i]!),
      w.strides[out]!,
      w.strides[into]!,
    ],
    w.offset +
      at(
        w.strides,
        batch,
        each((p) => p.lastTap),
      ),
  );
  const positions = viewOf(
    x,
    [...x.shape.slice(0, batch + 1), ...count, x.shape.at(-1)!],
    [...x.strides.slice(0, batch + 1), ...strides.map((s, i) => s * x.strides[batch + 1 + i]!), x.strides.at(-1)!],
    at(
      x.strides,
      batch + 1,
      each((p) => p.first),
    ),
  );
  backend().run(kernelFor({ batch, m: rank + 1, k: rank + 1, n: 1 }), [windows, kernel], [positions]);
}

const names: Readonly<Record<Role, string>> = { output: "conv", input: "convTranspose", kernel: "convKernel" };
const forwards: Readonly<Record<Role, (a: Tensor, b: Tensor, geometry: Geometry) => Tensor>> = {
  output: convolve,
  input: inputGradient,
  kernel: kernelGradient,
};
const savesOther: readonly Saved[] = [savesInput(1), savesInput(0)];

/** The operation that leaves one factor out. */
function factor(role: Role): Op<Geometry> {
  const [first, second] = operandsOf[role];
  const op: Op<Geometry> = {
    name: names[role],
    forward: ([a, b], geometry) => forwards[role](a!, b!, geometry),
    saves: (index) => savesOther[index]!,
    vjp: ([cotangent], call, index) => {
      const [wanted, other] = index === 0 ? [first, second] : [second, first];
      const factors: Partial<Record<Role, Tensor>> = { [role]: cotangent!, [other]: call.input(1 - index) };
      const [p, q] = operandsOf[wanted];
      return apply(ops[wanted], [factors[p]!, factors[q]!], call.params);
    },
    jvp: ([da, db], call) => {
      const left = da ? apply(op, [da, call.input(1)], call.params) : null;
      const right = db ? apply(op, [call.input(0), db], call.params) : null;
      return left !== null && right !== null ? left.add(right) : (left ?? right);
    },
    batch: ([a, b], batched, geometry, size) => {
      if (role !== "kernel" && !batched[1] && geometry.batch === 0) {
        // More images for the same kernel.
        const merged = reshape(a!, [size * a!.shape[1]!, ...a!.shape.slice(2)]);
        const y = apply(op, [merged, b!], geometry);
        return reshape(y, [size, a!.shape[1]!, ...y.shape.slice(1)]);
      }
      const members = [asBatch(a!, batched[0]!, size), asBatch(b!, batched[1]!, size)];
      return apply(op, members, { ...geometry, batch: geometry.batch + 1 });
    },
  };
  return op;
}

const ops: Readonly<Record<Role, Op<Geometry>>> = {
  output: factor("output"),
  input: factor("input"),
  kernel: factor("kernel"),
};

/** The convolution of `x: [...batch, n, ...input, in]` with `w: [...batch, ...kernel, in, out]`. */
export function convolution(x: Tensor, w: Tensor, geometry: Geometry): Tensor {
  return apply(ops.output, [x, w], geometry);
}

/** Its transpose with respect to the input: `y: [...batch, n, ...output, out]` gives `[...batch, n, ...input, in]`. */
export function transposedConvolution(y: Tensor, w: Tensor, geometry: Geometry): Tensor {
  return apply(ops.input, [y, w], geometry);
}
