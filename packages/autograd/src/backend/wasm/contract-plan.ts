/**
 * How a contraction is carried out: what is packed, how rows, columns and the shared axis are divided, and the tables of
 * byte offsets, as far as they follow from shapes and strides. Plans are kept, as the same layouts come again and again.
 */
import type { ComputeDType } from "../../dtype.ts";
import { sameShape } from "../../shape.ts";
import type { ContractKernel, View } from "../backend.ts";
import type { Heap, WasmStorage } from "./memory.ts";
import { innerRun, product, stepOf, writeOffsets } from "./offsets.ts";
import { addressOf } from "./runtime.ts";

export const maximumRows = 6;
export const kBlock = 256;
export const mBlock = 240;
/** Up to this many rows, b is read in place if it can be. */
const fewRows = 48;

/** Positions of the fields in the descriptor of a launch. */
export const field = {
  rowsA: 0,
  kA: 4,
  kB: 8,
  columnsB: 12,
  rowsC: 16,
  m: 20,
  k: 24,
  n: 28,
  mParts: 32,
  nParts: 36,
  nSize: 40,
  mSize: 68,
  packA: 44,
  /** Distance of b's rows where b is read in place, else 0. */
  stepB: 48,
  batchA: 52,
  batchB: 56,
  batchC: 60,
  scratch: 64,
  /** Length of a part along k, and the distance of the parts' results. */
  kSize: 72,
  stepC: 76,
  batches: 80,
  /** Whether whole vectors of a along k are contiguous (1) or how many elements are; whether those of b along n are. */
  runsA: 84,
  runsB: 88,
  /** Distance of a's elements along k where its rows lie next to each other and are read in place, else 0. */
  stepA: 92,
  /** Addresses of the operands and of the result; the tables count from there. */
  a: 96,
  b: 100,
  c: 104,
} as const;
const descriptorBytes = 128;

/** Parts there should be, so that any number of threads is kept busy. */
const wantedParts = 8;

/**
 * Rows and columns of a part, in whole tiles of `width` columns. Parts in a row pack the same rows of a, parts in a
 * column the same columns of b: where that has to be done, of enough parts those that repeat least of it.
 */
function partition(
  m: number,
  n: number,
  wanted: number,
  width: number,
  isPackedA: boolean,
  isPackedB: boolean,
): { mSize: number; nSize: number } {
  let best = { mSize: m, nSize: n };
  let least = Number.POSITIVE_INFINITY;
  for (let down = Math.ceil(m / mBlock); ; down *= 2) {
    const across = Math.max(1, Math.min(Math.ceil(n / width), Math.ceil(wanted / down)));
    const packed = (isPackedA ? across * m : 0) + (isPackedB ? down * n : 0);
    if (packed < least) {
      least = packed;
      const mSize = Math.min(mBlock, Math.ceil(m / down / maximumRows) * maximumRows);
      best = { mSize, nSize: Math.ceil(n / width / across) * width };
    }
    if (down >= wanted || 2 * down * maximumRows > m) return best;
  }
}

/** Up to this many columns, a whose rows lie next to each other is read in place: a cache line of each is not too many. */
const fewColumns = 64;

/** The distance of a's elements along k in bytes where they can be read in place, else 0. */
function togetherStep(a: View, from: number, to: number, k: number, size: number): number {
  const step = (stepOf(a, from, to) ?? 0) * size;
  // Lines a power of two apart compete for the same cache sets.
  return k <= fewColumns && step % 512 !== 0 ? step : 0;
}

/** A piece of k is at least this long, and all pieces' results together take at most these bytes. */
const shortestPiece = 4 * kBlock;
const pieceBytes = 2 ** 22;

/** Into how many pieces k is cut: sharing out long ones repeats no packing, where sharing out a small result would. */
function piecesOf(m: number, n: number, k: number, batches: number, size: number): number {
  const most = Math.floor(pieceBytes / (m * n * batches * size));
  const pieces = Math.min(wantedParts, most, Math.floor(k / shortestPiece));
  return k >= 4 * Math.max(m, n) && batches * Math.ceil(m / mBlock) < wantedParts ? Math.max(1, pieces) : 1;
}

/** How a contraction is carried out: everything that follows from how its operands are laid out, not from where. */
export interface Plan {
  /** Shapes and strides of a, b and c, by which the plan is found again. */
  readonly layouts: readonly (readonly number[])[];
  readonly dtype: ComputeDType;
  readonly batches: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly mSize: number;
  readonly nSize: number;
  /** Pieces of k, each with a result of its own where there are several. */
  readonly kParts: number;
  readonly kSize: number;
  readonly isPackedA: boolean;
  readonly runsA: number;
  readonly runsB: number;
  readonly stepA: number;
  readonly stepB: number;
  /** Bytes of the descriptor and the tables. */
  readonly bytes: number;
  /** Where they are kept; null if they are written for every launch. */
  tables: WasmStorage | null;
}

/** Of each kernel so many plans are kept, those made last, with tables of at most so many bytes. */
const keptPlans = 24;
const keptBytes = 2 ** 15;

/** The distance of the first two elements of a group of axes. */
function firstStep({ shape, strides }: View, from: number, to: number): number {
  for (let axis = to - 1; axis >= from; axis--) if (shape[axis] !== 1) return strides[axis]!;
  return 0;
}

function makePlan(kernel: ContractKernel, dtype: ComputeDType, a: View, b: View, c: View): Plan {
  const size = dtype === "float64" ? 8 : 4;
  const [mFrom, kFrom, kTo] = [kernel.batch, kernel.batch + kernel.m, kernel.batch + kernel.m + kernel.k];
  const nFrom = kernel.batch + kernel.k;
  const batches = product(c.shape, 0, mFrom);
  const [m, n, k] = [
    product(c.shape, mFrom, kFrom),
    product(c.shape, kFrom, c.shape.length),
    product(a.shape, kFrom, kTo),
  ];
  const most = piecesOf(m, n, k, batches, size);
  // Elements of a along k, and of b along n, that are next to each other.
  const [runA, runB] = [innerRun(a, kFrom, kTo).length, innerRun(b, nFrom, b.shape.length).length];
  const step = k > 1 ? (stepOf(b, kernel.batch, nFrom) ?? 0) * size : 32;
  const inPlaceB = m <= fewRows && step !== 0 && runB === n;
  const stepA = runA < k && innerRun(a, mFrom, kFrom).length === m ? togetherStep(a, kFrom, kTo, k, size) : 0;
  const isPackedA =
    (runA < k && stepA === 0) || (m > fewRows && n > fewRows && (firstStep(a, mFrom, kFrom) * size) % 4096 === 0);
  const pieces = isPackedA || !inPlaceB ? most : 1;
  const kSize = Math.ceil(k / pieces / kBlock) * kBlock;
  const kParts = Math.ceil(k / kSize);
  const wanted = Math.ceil(wantedParts / (kParts * batches));
  const tables = 2 * (m + k + n) + 3 * batches + (kParts > 1 ? batches * m : 0);
  return {
    layouts: [a.shape, a.strides, b.shape, b.strides, c.strides],
    dtype,
    batches,
    m,
    k,
    n,
    ...partition(m, n, wanted, 32 / size, isPackedA, !inPlaceB),
    kParts,
    kSize,
    isPackedA,
    // Short runs are copied whole.
    runsA: runA === k || runA % (16 / size) === 0 ? 1 : runA > 1 && k <= kBlock ? runA : 0,
    runsB: runB === n || runB % (16 / size) === 0 ? 1 : 0,
    stepA: isPackedA ? 0 : stepA,
    stepB: inPlaceB ? step : 0,
    bytes: (descriptorBytes + 4 * tables + 63) & -64,
    tables: null,
  };
}

/**
 * Writes the tables and, in front of them, what of the descriptor does not change between launches.
 * @returns the address of a last table, where rows of the result go when pieces of k are added up.
 */
export function writeTables(
  { i32: table }: Heap,
  start: number,
  kernel: ContractKernel,
  plan: Plan,
  [a, b, c]: readonly [View, View, View],
): number {
  const { m, n, k, batches, kParts, mSize, nSize } = plan;
  const size = plan.dtype === "float64" ? 8 : 4;
  const [mFrom, kFrom, kTo] = [kernel.batch, kernel.batch + kernel.m, kernel.batch + kernel.m + kernel.k];
  const nFrom = kernel.batch + kernel.k;
  const rowsA = (start + descriptorBytes) >>> 2;
  const kA = writeOffsets(a, mFrom, kFrom, size, 0, table, rowsA);
  const kB = writeOffsets(a, kFrom, kTo, size, 0, table, kA);
  const columnsB = writeOffsets(b, kernel.batch, nFrom, size, 0, table, kB);
  const rowsC = writeOffsets(b, nFrom, b.shape.length, size, 0, table, columnsB);
  const columnsC = writeOffsets(c, mFrom, kFrom, size, 0, table, rowsC);
  const batchA = writeOffsets(c, kFrom, c.shape.length, size, 0, table, columnsC);
  const batchB = writeOffsets(a, 0, kernel.batch, size, 0, table, batchA);
  const batchC = writeOffsets(b, 0, kernel.batch, size, 0, table, batchB);
  const targets = writeOffsets(c, 0, kernel.batch, size, 0, table, batchC);
  if (kParts > 1) {
    // Every piece has a result of its own.
    writeOffsets(c, 0, kFrom, size, addressOf(c, size), table, targets);
    for (let i = 0; i < m; i++) table[rowsC + i] = i * n * size;
    for (let i = 0; i < batches; i++) table[batchC + i] = i * m * n * size;
  }
  const numbers: Partial<Record<keyof typeof field, number>> = {
    rowsA: rowsA << 2,
    kA: kA << 2,
    kB: kB << 2,
    columnsB: columnsB << 2,
    rowsC: rowsC << 2,
    m,
    k,
    n,
    mParts: Math.ceil(m / mSize),
    nParts: Math.ceil(n / nSize),
    nSize,
    mSize,
    packA: plan.isPackedA ? 1 : 0,
    stepB: plan.stepB,
    batchA: batchA << 2,
    batchB: batchB << 2,
    batchC: batchC << 2,
    kSize: plan.kSize,
    stepC: batches * m * n * size,
    batches,
    runsA: plan.runsA,
    runsB: plan.runsB,
    stepA: plan.stepA,
  };
  for (const [name, value] of Object.entries(numbers)) {
    table[(start + field[name as keyof typeof field]) >>> 2] = value;
  }
  return targets << 2;
}

/** Gives the plan for operands a and b and a result c laid out like these, made when they are first met. */
export type Planner = (kernel: ContractKernel, dtype: ComputeDType, a: View, b: View, c: View) => Plan;

export function createPlanner(heap: Heap): Planner {
  const plans = new WeakMap<ContractKernel, Plan[]>();
  /** Bytes that tables of plans may still take: of a small heap, not much. */
  let free = heap.limit / 256;
  return (kernel, dtype, a, b, c) => {
    let known = plans.get(kernel);
    if (known === undefined) {
      known = [];
      plans.set(kernel, known);
    }
    for (let i = 0; i < known.length; i++) {
      const plan = known[i]!;
      const { layouts } = plan;
      if (
        plan.dtype === dtype &&
        sameShape(layouts[0]!, a.shape) &&
        sameShape(layouts[2]!, b.shape) &&
        sameShape(layouts[1]!, a.strides) &&
        sameShape(layouts[3]!, b.strides) &&
        sameShape(layouts[4]!, c.strides)
      ) {
        return plan;
      }
    }
    const plan = makePlan(kernel, dtype, a, b, c);
    if (plan.kParts > 1 || plan.bytes > keptBytes) return plan;
    if (known.length === keptPlans) {
      const oldest = known.shift()!;
      heap.free(oldest.tables!);
      free += oldest.bytes;
    }
    if (plan.bytes > free) return plan;
    const tables = heap.allocate("uint8", plan.bytes);
    heap.pin(tables);
    free -= plan.bytes;
    plan.tables = tables;
    writeTables(heap, tables.pointer, kernel, plan, [a, b, c]);
    known.push(plan);
    return plan;
  };
}
