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
      addB.set(i32.load(i32.add(get("batchB"), batch))),
      addC.set(i32.add(i32.load(i32.add(get("batchC"), batch)), i32.mul(part, get("stepC")))),
      addA.set(i32.load(i32.add(get("batchA"), batch))),
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

export function contractRunner(runtime: Runtime): Attempt<KernelRunner<ContractKernel>> {
  const entries: Partial<Record<ComputeDType, PartedEntry>> = {};
  const sums: Partial<Record<ComputeDType, PartedEntry>> = {};
  const winograd = winogradRunner(runtime);
  const vector = vectorRunner(runtime);
  const lanes = lanesRunner(runtime);
  return (kernel, [a, b], [c]) => {
    const { dtype } = c!;
    if ((dtype !== "float32" && dtype !== "float64" && dtype !== "int32") || a!.dtype !== dtype || b!.dtype !== dtype) {
      return false;
    }
    const { heap } = runtime;
    const size = dtype === "float64" ? 8 : 4;
    const [mFrom, kFrom, kTo] = [kernel.batch, kernel.batch + kernel.m, kernel.batch + kernel.m + kernel.k];
    const nFrom = kernel.batch + kernel.k;
    const batches = product(c!.shape, 0, mFrom);
    const m = product(c!.shape, mFrom, kFrom);
    const n = product(c!.shape, kFrom, c!.shape.length);
    const k = product(a!.shape, kFrom, kTo);
    if (c!.size === 0) return true;
    if (k === 0) return false;
    if (dtype !== "int32" && (m === 1 || n === 1)) {
      if (lanes(kernel, a!, b!, c!) || vector(kernel, a!, b!, c!)) return true;
    }
    if (dtype === "float32" && kernel.batch === 0 && kernel.m === 3 && kernel.k === 3 && kernel.n === 1) {
      if (winograd(a!, b!, c!)) return true;
    }
    const threads = runtime.pool === null ? 1 : runtime.pool.size;
    if (innerRun(c!, kFrom, c!.shape.length).length < n) return false;
    const most = piecesOf(m, n, k, batches, size);
    const resultBytes = batches * m * n * size;
    const entriesTotal = 2 * (m + k + n) + 3 * batches + (most > 1 ? batches * m : 0);
    const bytes = (descriptorBytes + 4 * entriesTotal + 63) & -64;
    const start = heap.scratch(bytes + threads * scratchBytes(size) + (most > 1 ? most * resultBytes : 0));
    const results = start + bytes + threads * scratchBytes(size);
    const table = heap.i32;
    const rowsA = (start + descriptorBytes) >>> 2;
    const kA = writeOffsets(a!, mFrom, kFrom, size, addressOf(a!, size), table, rowsA);
    const kB = writeOffsets(a!, kFrom, kTo, size, 0, table, kA);
    const columnsB = writeOffsets(b!, kernel.batch, nFrom, size, 0, table, kB);
    const rowsC = writeOffsets(b!, nFrom, b!.shape.length, size, addressOf(b!, size), table, columnsB);
    const columnsC = writeOffsets(c!, mFrom, kFrom, size, addressOf(c!, size), table, rowsC);
    const batchA = writeOffsets(c!, kFrom, c!.shape.length, size, 0, table, columnsC);
    const batchB = writeOffsets(a!, 0, kernel.batch, size, 0, table, batchA);
    const batchC = writeOffsets(b!, 0, kernel.batch, size, 0, table, batchB);
    const targets = writeOffsets(c!, 0, kernel.batch, size, 0, table, batchC);
    // Elements of a along k, and of b along n, that are next to each other.
    const [runA, runB] = [innerRun(a!, kFrom, kTo).length, innerRun(b!, nFrom, b!.shape.length).length];
    const step = k > 1 ? (stepOf(b!, kernel.batch, nFrom) ?? 0) * size : 32;
    const inPlaceB = m <= fewRows && step !== 0 && runB === n;
    const stepA = runA < k && innerRun(a!, mFrom, kFrom).length === m ? togetherStep(a!, kFrom, kTo, k, size) : 0;
    const isPackedA =
      (runA < k && stepA === 0) || (m > fewRows && n > fewRows && (table[rowsA + 1]! - table[rowsA]!) % 4096 === 0);
    const pieces = isPackedA || !inPlaceB ? most : 1;
    const kSize = Math.ceil(k / pieces / kBlock) * kBlock;
    const kParts = Math.ceil(k / kSize);
    if (kParts > 1) {
      // Every piece has a result of its own.
      writeOffsets(c!, 0, kFrom, size, addressOf(c!, size), table, targets);
      for (let i = 0; i < m; i++) table[rowsC + i] = results + i * n * size;
      for (let i = 0; i < batches; i++) table[batchC + i] = i * m * n * size;
    }
    const wanted = Math.ceil(wantedParts / (kParts * batches));
    // Short runs are copied whole, unless blocks would cut them or the last be read beyond the end of memory.
    const isShort = runA > 1 && k <= kBlock && storageEnd(a!, size) + 16 <= heap.buffer.byteLength;
    const runsA = runA === k || runA % (16 / size) === 0 ? 1 : isShort ? runA : 0;
    const { mSize, nSize } = partition(m, n, wanted, 32 / size, isPackedA, !inPlaceB);
    const [mParts, nParts] = [Math.ceil(m / mSize), Math.ceil(n / nSize)];
    const descriptor = start >>> 2;
    [
      rowsA << 2,
      kA << 2,
      kB << 2,
      columnsB << 2,
      rowsC << 2,
      m,
      k,
      n,
      mParts,
      nParts,
      nSize,
      isPackedA ? 1 : 0,
      inPlaceB ? step : 0,
      batchA << 2,
      batchB << 2,
      batchC << 2,
      start + bytes,
      mSize,
      kSize,
      resultBytes,
      batches,
      runsA,
      runB === n || runB % (16 / size) === 0 ? 1 : 0,
      isPackedA ? 0 : stepA,
    ].forEach((x, i) => {
      table[descriptor + i] = x;
    });
    entries[dtype] ??= build(runtime, dtype);
    const work = batches * m * n * k;
    runtime.parallel(entries[dtype], kParts * batches * mParts * nParts, [start], work);
    if (kParts > 1) {
      sums[dtype] ??= buildSum(runtime, dtype);
      const rows = batches * m;
      const args = [results, kParts, resultBytes, targets << 2, rows, n * size];
      runtime.parallel(sums[dtype], Math.ceil(rows / rowsOfPart), args, kParts * rows * n);
    }
    return true;
  };
}
