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
  type Func,
  f32x4,
  f64x2,
  type I32,
  i32,
  i32x4,
  increase,
  int,
  type Local,
  locals,
  type ModuleBuilder,
  repeat,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

const maximumRows = 6;
const kBlock = 256;
const mBlock = 240;
/** Up to this many rows, b is read in place if it can be. */
const fewRows = 48;

interface Arithmetic {
  readonly size: 4 | 8;
  readonly zero: V128;
  readonly add: (a: V128, b: V128) => V128;
  /** a · b + c */
  readonly madd: (a: V128, b: V128, c: V128) => V128;
}

function arithmetic(compute: ComputeDType, relaxed: boolean): Arithmetic {
  const lanes = compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
  const fused = relaxed && compute !== "int32" ? (lanes as typeof f32x4).relaxedMadd : undefined;
  return {
    size: compute === "float64" ? 8 : 4,
    zero: lanes.const(0),
    add: lanes.add,
    madd: fused ?? ((a, b, c) => lanes.add(c, lanes.mul(a, b))),
  };
}

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
  packA: 44,
  /** Distance of b's rows where b is read in place, else 0. */
  stepB: 48,
  batchA: 52,
  batchB: 56,
  batchC: 60,
  scratch: 64,
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

/** Whether the first `count` offsets of a table are consecutive elements. All are looked at: axes may be interleaved. */
function startsRun(table: I32, count: number, size: number): I32 {
  const steps = Array.from({ length: count - 1 }, (_, i) =>
    i32.eq(i32.sub(i32.load(table, 4 * (i + 1)), i32.load(table)), (i + 1) * size),
  );
  return steps.reduce((all, one) => i32.and(all, one));
}

/** Copies `count` elements from table-addressed places, `source + table[i]`, to consecutive ones. */
function defineGather(module: ModuleBuilder, size: 4 | 8): Func {
  const perVector = 16 / size;
  return module.function(null, ["i32", "i32", "i32", "i32"], [], (scope, target, source, table, count) => {
    const end = scope.local("i32");
    const at = (i: number): I32 => i32.add(source, i32.load(table, 4 * i));
    const advance = (n: number): Statement[] => [increase(target, n * size), increase(table, 4 * n)];
    let lanes = v128.splat[size](at(0));
    for (let i = 1; i < perVector; i++) lanes = v128.loadLane[size](i, at(i), lanes);
    const isRun = startsRun(table, perVector, size);
    return [
      end.set(i32.add(table, i32.shl(i32.and(count, -perVector), 2))),
      whileLoop(
        i32.ltU(table, end),
        v128.store(target, choiceOf(scope.local("v128"), isRun, v128.load(at(0)), lanes)),
        ...advance(perVector),
      ),
      end.set(i32.add(table, i32.shl(i32.and(count, perVector - 1), 2))),
      whileLoop(i32.ltU(table, end), v128.storeLane[size](0, target, v128.splat[size](at(0))), ...advance(1)),
    ];
  });
}

/** Like {@link choose}, but only one of the two is computed. */
function choiceOf(into: Local<"v128">, condition: I32, a: V128, b: V128): V128 {
  const set = whenElse(condition, into.set(a), into.set(b));
  return { type: "v128", code: [set.code, into.code] };
}
const whenElse = (condition: I32, a: Statement, b: Statement): Statement => ({
  type: "none",
  code: [condition.code, 0x04, 0x40, a.code, 0x05, b.code, 0x0b],
});

const lowHalves = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23];
const highHalves = lowHalves.map((b) => b + 8);
const lowPairs = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const highPairs = lowPairs.map((b) => b + 8);

/** Statements that store the transpose of the square held in `rows`: 4 × 4 of 4 bytes or 2 × 2 of 8. */
function transpose(
  rows: readonly Local<"v128">[],
  spare: readonly Local<"v128">[],
  store: (i: number, x: V128) => Statement,
): Statement[] {
  const [a, b, c, d] = rows as readonly V128[] as [V128, V128, V128, V128];
  if (rows.length === 2) return [store(0, v128.shuffle(a, b, lowPairs)), store(1, v128.shuffle(a, b, highPairs))];
  const [s, t, u, v] = spare as readonly Local<"v128">[] as [
    Local<"v128">,
    Local<"v128">,
    Local<"v128">,
    Local<"v128">,
  ];
  return [
    s.set(v128.shuffle(a, b, lowHalves)),
    t.set(v128.shuffle(c, d, lowHalves)),
    u.set(v128.shuffle(a, b, highHalves)),
    v.set(v128.shuffle(c, d, highHalves)),
    store(0, v128.shuffle(s, t, lowPairs)),
    store(1, v128.shuffle(s, t, highPairs)),
    store(2, v128.shuffle(u, v, lowPairs)),
    store(3, v128.shuffle(u, v, highPairs)),
  ];
}

/**
 * `pack(target, step, outer, inner, nOuter, nInner, add)` copies element (o, i), at `outer[o] + inner[i] + add`, to
 * `target + o · step + i · size`: along inner if that is contiguous, else by squares if outer is, else one by one.
 */
function definePack(module: ModuleBuilder, size: 4 | 8): Func {
  const gather = defineGather(module, size);
  const side = 16 / size;
  return module.function(
    null,
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    [],
    (scope, target, step, outer, inner, nOuter, nInner, add) => {
      const i = scope.local("i32");
      const to = scope.local("i32");
      const from = scope.local("i32");
      const rows = Array.from({ length: side }, () => scope.local("v128"));
      const spare = Array.from({ length: side }, () => scope.local("v128"));
      const outerRun = startsRun(outer, side, size);
      const innerRun = i32.eq(i32.sub(i32.load(inner, 4), i32.load(inner)), size);
      const one = gather.callInto([], target, i32.add(i32.load(outer), add), inner, nInner);
      const square = [
        ...rows.map((r, k) => r.set(v128.load(i32.add(from, i32.load(i32.add(inner, i32.shl(i, 2)), 4 * k))))),
        ...transpose(rows, spare, (k, x) => v128.store(i32.add(to, i32.mul(step, int(k))), x)),
      ];
      return [
        whileLoop(
          i32.gt(nOuter, 0),
          whenElse(
            i32.and(i32.and(i32.ge(nOuter, side), i32.ge(nInner, side)), i32.and(outerRun, i32.eq(innerRun, 0))),
            {
              type: "none",
              code: [
                from.set(i32.add(i32.load(outer), add)).code,
                to.set(target).code,
                i.set(int(0)).code,
                whileLoop(i32.le(i32.add(i, side), nInner), ...square, increase(to, 16), increase(i, side)).code,
                // The last columns of these rows, if any.
                ...Array.from(
                  { length: side },
                  (_, k) =>
                    gather.callInto(
                      [],
                      i32.add(to, i32.mul(step, int(k))),
                      i32.add(from, int(k * size)),
                      i32.add(inner, i32.shl(i, 2)),
                      i32.sub(nInner, i),
                    ).code,
                ),
                increase(target, i32.mul(step, side)).code,
                increase(outer, 4 * side).code,
                increase(nOuter, -side).code,
              ],
            },
            {
              type: "none",
              code: [one.code, increase(target, step).code, increase(outer, 4).code, increase(nOuter, -1).code],
            },
          ),
        ),
      ];
    },
  );
}

/**
 * `tile(rows, add, b, k, step, c, column, again, width, spill)`: `r` rows of a, at `rows[i] + add`, times the panel b
 * of k rows `step` apart, into (or, if `again`, added to) the `width` columns of c at `c[i] + column`.
 */
function defineTile(module: ModuleBuilder, r: number, { size, zero, add, madd }: Arithmetic, spillTile: Func): Func {
  const parameters = Array.from({ length: 10 }, () => "i32" as const);
  const func = module.declare(parameters);
  return module.define(func, parameters, (scope, ...parameter) => {
    const [rows, offset, b, k, step, c, column, again, width, spill] = parameter as unknown as Local<"i32">[] & {
      readonly [index: number]: Local<"i32">;
    };
    const pointers = Array.from({ length: r }, () => scope.local("i32"));
    const sums = Array.from({ length: 2 * r }, () => scope.local("v128"));
    const [b0, b1, x] = [scope.local("v128"), scope.local("v128"), scope.local("v128")];
    const multiplyAdd = (kOffset: number): Statement[] => [
      b0.set(v128.load(b!)),
      b1.set(v128.load(b!, 16)),
      increase(b!, step!),
      ...pointers.flatMap((p, i) => [
        x.set(v128.splat[size](p, kOffset * size)),
        sums[2 * i]!.set(madd(x, b0, sums[2 * i]!)),
        sums[2 * i + 1]!.set(madd(x, b1, sums[2 * i + 1]!)),
      ]),
    ];
    const advance = (n: number): Statement[] => [...pointers.map((p) => increase(p, n * size)), increase(k!, -n)];
    const unrolled = 4;
    const target = (i: number): I32 => i32.add(i32.load(c!, 4 * i), column!);
    const stores = sums.map((s, i) => v128.store(target(i >> 1), s, 16 * (i & 1)));
    const additions = sums.map((s, i) => s.set(add(v128.load(target(i >> 1), 16 * (i & 1)), s)));
    return [
      ...pointers.map((p, i) => p.set(i32.add(i32.load(rows!, 4 * i), offset!))),
      ...sums.map((s) => s.set(zero)),
      whileLoop(
        i32.ge(k!, unrolled),
        ...Array.from({ length: unrolled }, (_, i) => multiplyAdd(i)).flat(),
        ...advance(unrolled),
      ),
      whileLoop(i32.gt(k!, 0), ...multiplyAdd(0), ...advance(1)),
      whenElse(
        i32.eq(width!, 32 / size),
        { type: "none", code: [when(again!, ...additions).code, stores.map((s) => s.code)] },
        {
          type: "none",
          code: [
            sums.map((s, i) => v128.store(spill!, s, 16 * i).code),
            spillTile.callInto([], spill!, c!, column!, int(r), width!, again!).code,
          ],
        },
      ),
    ];
  });
}

/** Copies (or adds) the first `width` columns of a spilled tile to c. */
function defineSpill(module: ModuleBuilder, { size, add }: Arithmetic): Func {
  return module.function(
    null,
    ["i32", "i32", "i32", "i32", "i32", "i32"],
    [],
    (scope, tile, c, column, rows, width, again) => {
      const j = scope.local("i32");
      const to = scope.local("i32");
      const x = scope.local("v128");
      return [
        repeat(
          i32.gt(rows, 0),
          to.set(i32.add(i32.load(c), column)),
          countTo(
            j,
            width,
            x.set(v128.splat[size](i32.add(tile, i32.mul(j, size)))),
            when(again, x.set(add(v128.splat[size](to), x))),
            v128.storeLane[size](0, to, x),
            increase(to, size),
          ),
          increase(tile, 32),
          increase(c, 4),
          increase(rows, -1),
        ),
      ];
    },
  );
}

/** The whole contraction: one part is a block of rows by a block of columns of one batch element. */
function build(runtime: Runtime, compute: ComputeDType): PartedEntry {
  const module = runtime.module();
  const ops = arithmetic(compute, runtime.relaxed);
  const { size } = ops;
  const width = 32 / size;
  const pack = definePack(module, size);
  const spillTile = defineSpill(module, ops);
  const tiles = Array.from({ length: maximumRows }, (_, i) => defineTile(module, i + 1, ops, spillTile));
  module.function("contract", ["i32", "i32", "i32"], [], (scope, part, thread, descriptor) => {
    const [m, n, k, m0, n0, mEnd, nEnd, k0, kn, j, j0, jEnd, w] = locals(scope, "i32");
    const [rowsA, rowsC, addA, addB, addC, add, scratch, panel, block, table] = locals(scope, "i32");
    const [b, step, again, i, r, panels, base, extra] = locals(scope, "i32");
    const get = (name: keyof typeof field): I32 => i32.load(descriptor, field[name]);
    const minimum = (a: I32, b: I32): I32 => choose(i32.lt(a, b), a, b);
    const entry = (table: I32, index: I32): I32 => i32.add(table, i32.shl(index, 2));
    const callTile = (rows: number): Statement =>
      tiles[rows - 1]!.callInto([], rowsA, add, b, kn, step, rowsC, i32.add(addC, i32.mul(j, size)), again, w, scratch);
    const batch = addA;
    return [
      m.set(get("m")),
      n.set(get("n")),
      k.set(get("k")),
      scratch.set(i32.add(get("scratch"), i32.mul(thread, scratchBytes(size)))),
      panel.set(i32.add(scratch, tileBytes)),
      block.set(i32.add(panel, panelBytes)),
      table.set(i32.add(block, mBlock * rowBytes(size))),
      n0.set(i32.mul(i32.rem(part, get("nParts")), get("nSize"))),
      nEnd.set(minimum(n, i32.add(n0, get("nSize")))),
      part.set(i32.div(part, get("nParts"))),
      m0.set(i32.mul(i32.rem(part, get("mParts")), mBlock)),
      mEnd.set(minimum(m, i32.add(m0, mBlock))),
      batch.set(i32.shl(i32.div(part, get("mParts")), 2)),
      addB.set(i32.load(i32.add(get("batchB"), batch))),
      addC.set(i32.load(i32.add(get("batchC"), batch))),
      addA.set(i32.load(i32.add(get("batchA"), batch))),
      panels.set(i32.div(i32.add(i32.sub(mEnd, m0), maximumRows - 1), maximumRows)),
      base.set(i32.div(i32.sub(mEnd, m0), panels)),
      extra.set(i32.rem(i32.sub(mEnd, m0), panels)),
      when(
        get("packA"),
        countTo(i, i32.sub(mEnd, m0), i32.store(entry(table, i), i32.add(block, i32.mul(i, rowBytes(size))))),
      ),
      again.set(int(0)),
      k0.set(int(0)),
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
          ),
        ),
        j0.set(n0),
        whileLoop(
          i32.lt(j0, nEnd),
          jEnd.set(minimum(nEnd, i32.add(j0, columnBytes / size))),
          when(
            i32.eq(get("stepB"), 0),
            step.set(int(columnStep)),
            pack.callInto(
              [],
              panel,
              step,
              entry(get("kB"), k0),
              entry(get("columnsB"), j0),
              kn,
              i32.sub(jEnd, j0),
              addB,
            ),
          ),
          j.set(j0),
          whileLoop(
            i32.lt(j, jEnd),
            w.set(minimum(int(width), i32.sub(nEnd, j))),
            b.set(i32.add(panel, i32.mul(i32.sub(j, j0), size))),
            when(
              get("stepB"),
              whenElse(
                i32.eq(w, width),
                {
                  type: "none",
                  code: [
                    step.set(get("stepB")).code,
                    b.set(i32.add(i32.add(addB, i32.load(entry(get("columnsB"), j))), i32.load(entry(get("kB"), k0))))
                      .code,
                  ],
                },
                {
                  type: "none",
                  code: [
                    step.set(int(32)).code,
                    b.set(panel).code,
                    pack.callInto([], panel, step, entry(get("kB"), k0), entry(get("columnsB"), j), kn, w, addB).code,
                  ],
                },
              ),
            ),
            whenElse(
              get("packA"),
              { type: "none", code: [rowsA.set(table).code, add.set(int(0)).code] },
              {
                type: "none",
                code: [
                  rowsA.set(entry(get("rowsA"), m0)).code,
                  add.set(i32.add(addA, i32.load(entry(get("kA"), k0)))).code,
                ],
              },
            ),
            rowsC.set(entry(get("rowsC"), m0)),
            countTo(
              i,
              panels,
              r.set(i32.add(base, i32.lt(i, extra))),
              ...tiles.map((_, t) => when(i32.eq(r, t + 1), callTile(t + 1))),
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

/** Byte offsets of the elements of axes `from` to `to`, written to `table` from `at` on; the position after them. */
function writeOffsets(
  view: View,
  from: number,
  to: number,
  size: number,
  start: number,
  table: Int32Array,
  at: number,
): number {
  table[at] = start;
  let count = 1;
  for (let axis = from; axis < to; axis++) {
    const length = view.shape[axis]!;
    const stride = view.strides[axis]! * size;
    // Each entry becomes `length` of them; from the last to the first, none is overwritten before it is read.
    for (let i = count - 1; i >= 0; i--) {
      const offset = table[at + i]!;
      for (let j = length - 1; j >= 0; j--) table[at + i * length + j] = offset + j * stride;
    }
    count *= length;
  }
  return at + count;
}

function isRun(table: Int32Array, from: number, to: number, step: number): boolean {
  for (let i = from + 1; i < to; i++) if (table[i]! - table[i - 1]! !== step) return false;
  return true;
}

function product(shape: readonly number[], from: number, to: number): number {
  let result = 1;
  for (let i = from; i < to; i++) result *= shape[i]!;
  return result;
}

export function contractRunner(runtime: Runtime): Attempt<KernelRunner<ContractKernel>> {
  const entries: Partial<Record<ComputeDType, PartedEntry>> = {};
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
    const threads = runtime.pool === null ? 1 : runtime.pool.size;
    const entriesTotal = 2 * (m + k + n) + 3 * batches;
    const bytes = descriptorBytes + 4 * entriesTotal;
    const start = heap.scratch(((bytes + 63) & -64) + threads * scratchBytes(size));
    const table = heap.i32;
    const rowsA = (start + descriptorBytes) >>> 2;
    const kA = writeOffsets(a!, mFrom, kFrom, size, addressOf(a!, size), table, rowsA);
    const kB = writeOffsets(a!, kFrom, kTo, size, 0, table, kA);
    const columnsB = writeOffsets(b!, kernel.batch, nFrom, size, 0, table, kB);
    const rowsC = writeOffsets(b!, nFrom, b!.shape.length, size, addressOf(b!, size), table, columnsB);
    const columnsC = writeOffsets(c!, mFrom, kFrom, size, addressOf(c!, size), table, rowsC);
    const batchA = writeOffsets(c!, kFrom, c!.shape.length, size, 0, table, columnsC);
    if (!isRun(table, columnsC, batchA, size)) return false;
    const batchB = writeOffsets(a!, 0, kernel.batch, size, 0, table, batchA);
    const batchC = writeOffsets(b!, 0, kernel.batch, size, 0, table, batchB);
    writeOffsets(c!, 0, kernel.batch, size, 0, table, batchC);
    const stepB = k > 1 ? table[kB + 1]! - table[kB]! : 32;
    const inPlaceB =
      m <= fewRows && stepB !== 0 && isRun(table, columnsB, rowsC, size) && isRun(table, kB, columnsB, stepB);
    // Enough parts for every thread, each of whole tiles.
    const width = 32 / size;
    const mParts = Math.ceil(m / mBlock);
    const wanted = Math.max(1, Math.min(Math.ceil(n / width), Math.ceil(8 / (mParts * batches))));
    const nSize = Math.ceil(n / width / wanted) * width;
    const nParts = Math.ceil(n / nSize);
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
      isRun(table, kA, kB, size) && !(m > fewRows && n > fewRows && (table[rowsA + 1]! - table[rowsA]!) % 4096 === 0)
        ? 0
        : 1,
      inPlaceB ? stepB : 0,
      batchA << 2,
      batchB << 2,
      batchC << 2,
      start + ((bytes + 63) & -64),
    ].forEach((x, i) => {
      table[descriptor + i] = x;
    });
    entries[dtype] ??= build(runtime, dtype);
    const work = batches * m * n * k;
    runtime.parallel(entries[dtype], batches * mParts * nParts, [start], work);
    return true;
  };
}
