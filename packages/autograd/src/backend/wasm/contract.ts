/**
 * Contraction: matrix products, batched, of transposed and of strided operands, tensor contractions, convolutions.
 *
 * Every axis group (batch, m, k, n) is described by a table of byte offsets, so that a transposed matrix, or the
 * overlapping windows of a convolution, are read where they lie and never materialised.
 *
 * The innermost loop computes a tile of up to 6 rows by two vectors of columns: 12 accumulators, two vectors of b and
 * one broadcast element of a fill the 16 registers there are, and 12 multiply-adds for 8 loads keep the multipliers,
 * not the memory, at their limit. a is read by rows along which k is contiguous, in place if it lies so, else from a
 * packed copy of the block; b is read from a packed block of a few tiles' width,
 * or in place when few rows would not repay the copy. k is cut into blocks so that both stay cached.
 *
 * K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34 (2008).
 */
import type { ComputeDType } from "../../dtype.ts";
import type { ContractKernel, KernelRunner, View } from "../backend.ts";
import {
  choose,
  countTo,
  either,
  type Func,
  type I32,
  i32,
  increase,
  int,
  locals,
  type Statement,
  when,
  whileLoop,
} from "./assembler.ts";
import { lanesRunner } from "./contract-lanes.ts";
import { definePack, definePad } from "./contract-pack.ts";
import { buildSum, rowsOfPart } from "./contract-split.ts";
import { arithmetic, defineSpill, defineTile, type RowLayout } from "./contract-tile.ts";
import { vectorRunner } from "./contract-vector.ts";
import { winogradRunner } from "./contract-winograd.ts";
import type { WasmStorage } from "./memory.ts";
import { innerRun, product, stepOf, storageEnd, writeOffsets } from "./offsets.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

const maximumRows = 6;
const kBlock = 256;
const mBlock = 240;
/** Up to this many rows, b is read in place if it can be. */
const fewRows = 48;

/** Positions of the fields in the descriptor of a launch. */
const field = {
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

/**
 * b is packed this many bytes of a row at a time, so that whole cache lines of it are read even where its rows compete
 * for the same cache sets; packed rows are half a line longer, lest they do so too.
 */
const columnBytes = 256;
const columnStep = columnBytes + 32;

/** Scratch of one thread: the spilled tile, the block of b, the block of a and its row table. */
const tileBytes = 512;
const panelBytes = columnStep * kBlock;
const scratchBytes = (size: number): number => tileBytes + panelBytes + mBlock * (rowBytes(size) + 4);
/** Rows of the packed block are a cache line apart from a power of two, lest they compete for the same cache sets. */
const rowBytes = (size: number): number => kBlock * size + 64;

/** The whole contraction: one part is a block of rows by a block of columns of one batch element. */
function build(runtime: Runtime, compute: ComputeDType): PartedEntry {
  const module = runtime.module();
  const ops = arithmetic(compute, runtime.relaxed);
  const { size } = ops;
  const width = 32 / size;
  const pack = definePack(module, size);
  const pad = definePad(module, ops.zero);
  const spillTile = defineSpill(module, ops);
  const tilesOf = (layout: RowLayout): readonly Func[] =>
    Array.from({ length: maximumRows }, (_, i) => defineTile(module, i + 1, ops, spillTile, layout));
  const [apart, together] = [tilesOf("apart"), tilesOf("together")];
  module.function("contract", ["i32", "i32", "i32"], [], (scope, part, thread, descriptor) => {
    const [m, n, k, m0, n0, mEnd, nEnd, k0, kn, j, j0, jEnd, w] = locals(scope, "i32");
    const [rowsA, rowsC, addA, addB, addC, add, scratch, panel, block, table] = locals(scope, "i32");
    const [b, step, stepA, again, i, r, panels, base, extra] = locals(scope, "i32");
    const get = (name: keyof typeof field): I32 => i32.load(descriptor, field[name]);
    const minimum = (a: I32, b: I32): I32 => choose(i32.lt(a, b), a, b);
    const entry = (table: I32, index: I32): I32 => i32.add(table, i32.shl(index, 2));
    const callTile = (tiles: readonly Func[], a: I32, next: I32): Statement[] =>
      tiles.map((tile, t) =>
        when(
          i32.eq(r, t + 1),
          tile.callInto([], a, next, b, kn, step, rowsC, i32.add(addC, i32.mul(j, size)), again, w, scratch),
        ),
      );
    const batch = addA;
    return [
      m.set(get("m")),
      stepA.set(get("stepA")),
      n.set(get("n")),
      scratch.set(i32.add(get("scratch"), i32.mul(thread, scratchBytes(size)))),
      panel.set(i32.add(scratch, tileBytes)),
      block.set(i32.add(panel, panelBytes)),
      table.set(i32.add(block, mBlock * rowBytes(size))),
      n0.set(i32.mul(i32.rem(part, get("nParts")), get("nSize"))),
      nEnd.set(minimum(n, i32.add(n0, get("nSize")))),
      part.set(i32.div(part, get("nParts"))),
      m0.set(i32.mul(i32.rem(part, get("mParts")), get("mSize"))),
      mEnd.set(minimum(m, i32.add(m0, get("mSize")))),
      part.set(i32.div(part, get("mParts"))),
      batch.set(i32.shl(i32.rem(part, get("batches")), 2)),
      part.set(i32.div(part, get("batches"))),
      addB.set(i32.add(get("b"), i32.load(i32.add(get("batchB"), batch)))),
      addC.set(i32.add(get("c"), i32.add(i32.load(i32.add(get("batchC"), batch)), i32.mul(part, get("stepC"))))),
      addA.set(i32.add(get("a"), i32.load(i32.add(get("batchA"), batch)))),
      panels.set(i32.div(i32.add(i32.sub(mEnd, m0), maximumRows - 1), maximumRows)),
      base.set(i32.div(i32.sub(mEnd, m0), panels)),
      extra.set(i32.rem(i32.sub(mEnd, m0), panels)),
      when(
        get("packA"),
        countTo(i, i32.sub(mEnd, m0), i32.store(entry(table, i), i32.add(block, i32.mul(i, rowBytes(size))))),
      ),
      again.set(int(0)),
      k0.set(i32.mul(part, get("kSize"))),
      k.set(minimum(get("k"), i32.add(k0, get("kSize")))),
      whileLoop(
        i32.lt(k0, k),
        kn.set(minimum(int(kBlock), i32.sub(k, k0))),
        when(
          get("packA"),
          pack.callInto(
            [],
            block,
            int(rowBytes(size)),
            entry(get("rowsA"), m0),
            entry(get("kA"), k0),
            i32.sub(mEnd, m0),
            kn,
            addA,
            get("runsA"),
          ),
        ),
        j0.set(n0),
        whileLoop(
          i32.lt(j0, nEnd),
          jEnd.set(minimum(nEnd, i32.add(j0, columnBytes / size))),
          when(
            i32.eq(get("stepB"), 0),
            step.set(int(columnStep)),
            w.set(i32.and(i32.sub(jEnd, j0), width - 1)),
            when(w, pad.callInto([], i32.add(panel, i32.mul(i32.sub(i32.sub(jEnd, j0), w), size)), step, kn)),
            pack.callInto(
              [],
              panel,
              step,
              entry(get("kB"), k0),
              entry(get("columnsB"), j0),
              kn,
              i32.sub(jEnd, j0),
              addB,
              get("runsB"),
            ),
          ),
          j.set(j0),
          whileLoop(
            i32.lt(j, jEnd),
            w.set(minimum(int(width), i32.sub(nEnd, j))),
            b.set(i32.add(panel, i32.mul(i32.sub(j, j0), size))),
            when(
              get("stepB"),
              either(
                i32.eq(w, width),
                [
                  step.set(get("stepB")),
                  b.set(i32.add(i32.add(addB, i32.load(entry(get("columnsB"), j))), i32.load(entry(get("kB"), k0)))),
                ],
                [
                  step.set(int(32)),
                  b.set(panel),
                  pad.callInto([], panel, step, kn),
                  pack.callInto([], panel, step, entry(get("kB"), k0), entry(get("columnsB"), j), kn, w, addB, int(0)),
                ],
              ),
            ),
            either(
              get("packA"),
              [rowsA.set(table), add.set(int(0))],
              [rowsA.set(entry(get("rowsA"), m0)), add.set(i32.add(addA, i32.load(entry(get("kA"), k0))))],
            ),
            rowsC.set(entry(get("rowsC"), m0)),
            countTo(
              i,
              panels,
              r.set(i32.add(base, i32.lt(i, extra))),
              either(stepA, callTile(together, i32.add(i32.load(rowsA), add), stepA), callTile(apart, rowsA, add)),
              increase(rowsA, i32.shl(r, 2)),
              increase(rowsC, i32.shl(r, 2)),
            ),
            increase(j, width),
          ),
          j0.set(jEnd),
        ),
        again.set(int(1)),
        increase(k0, kBlock),
      ),
    ];
  });
  return runtime.link(module)("contract");
}

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
interface Plan {
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

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The distance of the first two elements of a group of axes. */
function firstStep({ shape, strides }: View, from: number, to: number): number {
  for (let axis = to - 1; axis >= from; axis--) if (shape[axis] !== 1) return strides[axis]!;
  return 0;
}

export function contractRunner(runtime: Runtime): Attempt<KernelRunner<ContractKernel>> {
  const { heap } = runtime;
  const entries: Partial<Record<ComputeDType, PartedEntry>> = {};
  const sums: Partial<Record<ComputeDType, PartedEntry>> = {};
  const plans = new WeakMap<ContractKernel, Plan[]>();
  /** Bytes that tables of plans may still take: of a small heap, not much. */
  let free = heap.limit / 256;
  const winograd = winogradRunner(runtime);
  const vector = vectorRunner(runtime);
  const lanes = lanesRunner(runtime);

  const makePlan = (kernel: ContractKernel, dtype: ComputeDType, a: View, b: View, c: View): Plan => {
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
  };

  /**
   * Writes the tables and, in front of them, what of the descriptor does not change between launches.
   * @returns the address of a last table, where rows of the result go when pieces of k are added up.
   */
  const writeTables = (start: number, kernel: ContractKernel, plan: Plan, a: View, b: View, c: View): number => {
    const { m, n, k, batches, kParts, mSize, nSize } = plan;
    const size = plan.dtype === "float64" ? 8 : 4;
    const [mFrom, kFrom, kTo] = [kernel.batch, kernel.batch + kernel.m, kernel.batch + kernel.m + kernel.k];
    const nFrom = kernel.batch + kernel.k;
    const table = heap.i32;
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
  };

  /** The plan for operands laid out like these, made when they are first met. */
  const planFor = (kernel: ContractKernel, dtype: ComputeDType, a: View, b: View, c: View): Plan => {
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
        sameNumbers(layouts[0]!, a.shape) &&
        sameNumbers(layouts[2]!, b.shape) &&
        sameNumbers(layouts[1]!, a.strides) &&
        sameNumbers(layouts[3]!, b.strides) &&
        sameNumbers(layouts[4]!, c.strides)
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
    writeTables(tables.pointer, kernel, plan, a, b, c);
    known.push(plan);
    return plan;
  };

  return (kernel, [a, b], [c]) => {
    const { dtype } = c!;
    if ((dtype !== "float32" && dtype !== "float64" && dtype !== "int32") || a!.dtype !== dtype || b!.dtype !== dtype) {
      return false;
    }
    if (c!.size === 0) return true;
    if (a!.size === 0) return false;
    const kFrom = kernel.batch + kernel.m;
    if (
      dtype !== "int32" &&
      (product(c!.shape, kernel.batch, kFrom) === 1 || product(c!.shape, kFrom, c!.shape.length) === 1)
    ) {
      if (lanes(kernel, a!, b!, c!) || vector(kernel, a!, b!, c!)) return true;
    }
    if (dtype === "float32" && kernel.batch === 0 && kernel.m === 3 && kernel.k === 3 && kernel.n === 1) {
      if (winograd(a!, b!, c!)) return true;
    }
    const plan = planFor(kernel, dtype, a!, b!, c!);
    const { m, n, k, batches, kParts, runsA } = plan;
    if (innerRun(c!, kFrom, c!.shape.length).length < n) return false;
    const size = dtype === "float64" ? 8 : 4;
    const resultBytes = batches * m * n * size;
    const ownBytes = runtime.threads * scratchBytes(size);
    const piecesBytes = kParts > 1 ? kParts * resultBytes : 0;
    const scratch = heap.scratch(ownBytes + piecesBytes + (plan.tables === null ? plan.bytes : 0));
    const results = scratch + ownBytes;
    const start = plan.tables?.pointer ?? results + piecesBytes;
    const targets = plan.tables === null ? writeTables(start, kernel, plan, a!, b!, c!) : 0;
    const descriptor = start >>> 2;
    const table = heap.i32;
    table[descriptor + (field.scratch >> 2)] = scratch;
    table[descriptor + (field.a >> 2)] = addressOf(a!, size);
    table[descriptor + (field.b >> 2)] = addressOf(b!, size);
    table[descriptor + (field.c >> 2)] = kParts > 1 ? results : addressOf(c!, size);
    // Runs are not copied whole where the last would be read beyond the end of memory.
    if (runsA > 1)
      table[descriptor + (field.runsA >> 2)] = storageEnd(a!, size) + 16 <= heap.buffer.byteLength ? runsA : 0;
    entries[dtype] ??= build(runtime, dtype);
    const parts = kParts * batches * Math.ceil(m / plan.mSize) * Math.ceil(n / plan.nSize);
    runtime.parallel(entries[dtype], parts, [start], batches * m * n * k);
    if (kParts > 1) {
      sums[dtype] ??= buildSum(runtime, dtype);
      const rows = batches * m;
      const args = [results, kParts, resultBytes, targets, rows, n * size];
      runtime.parallel(sums[dtype], Math.ceil(rows / rowsOfPart), args, kParts * rows * n);
    }
    return true;
  };
}
