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
import type { ContractKernel, KernelRunner } from "../backend.ts";
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
import { createPlanner, field, kBlock, maximumRows, mBlock, writeTables } from "./contract-plan.ts";
import { buildSum, rowsOfPart } from "./contract-split.ts";
import { arithmetic, defineSpill, defineTile, type RowLayout } from "./contract-tile.ts";
import { vectorRunner } from "./contract-vector.ts";
import { winogradRunner } from "./contract-winograd.ts";
import { innerRun, product, storageEnd } from "./offsets.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

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

export function contractRunner(runtime: Runtime): Attempt<KernelRunner<ContractKernel>> {
  const { heap } = runtime;
  const entries: Partial<Record<ComputeDType, PartedEntry>> = {};
  const sums: Partial<Record<ComputeDType, PartedEntry>> = {};
  const planFor = createPlanner(heap);
  const winograd = winogradRunner(runtime);
  const vector = vectorRunner(runtime);
  const lanes = lanesRunner(runtime);

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
    const targets = plan.tables === null ? writeTables(heap, start, kernel, plan, [a!, b!, c!]) : 0;
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
