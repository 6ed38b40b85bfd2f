/**
 * Many small contractions side by side, as in convolutions channel by channel: the batch is what lies contiguous in
 * memory, in both operands and in the result, so vectors hold elements of different products.
 */
import type { View } from "../backend.ts";
import {
  choose,
  type I32,
  i32,
  increase,
  int,
  type Local,
  locals,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import { arithmetic } from "./contract-tile.ts";
import { product, writeOffsets } from "./offsets.ts";
import { addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

type FloatDType = "float32" | "float64";

/** Words of a launch's descriptor: counts, then tables of byte offsets. */
const word = {
  rows: 0,
  k: 1,
  /** Contractions side by side, in bytes, and those of a part. */
  laneBytes: 2,
  partBytes: 3,
  laneParts: 4,
  partRows: 5,
  rowsA: 6,
  kA: 7,
  kB: 8,
  rowsC: 9,
  b: 10,
} as const;
const descriptorBytes = 64;
/** Products of a row that are added up before the next row's, so that what they share stays cached. */
const kBlock = 256;
const vectorsAtOnce = 4;

function build(runtime: Runtime, dtype: FloatDType): PartedEntry {
  const module = runtime.module();
  const { size, zero, madd } = arithmetic(dtype, runtime.relaxed);
  module.function("lanes", ["i32", "i32", "i32"], [], (scope, part, _, descriptor) => {
    const get = (name: keyof typeof word): I32 => i32.load(descriptor, 4 * word[name]);
    const [first, last, row, rowEnd, k, kEnd, kStop, lane, laneEnd, a] = locals(scope, "i32");
    const [fromA, fromB, to, kA, kB, b] = locals(scope, "i32");
    const minimum = (x: I32, y: I32): I32 => choose(i32.lt(x, y), x, y);

    /** Continues the results of some lanes of one row over a block of k. */
    const step = (vectors: number, single: boolean): Statement => {
      const sums = Array.from({ length: vectors }, () => scope.local("v128"));
      const load = (at: Local<"i32">, v: number): V128 => (single ? v128.splat[size](at) : v128.load(at, 16 * v));
      const bytes = single ? size : 16 * vectors;
      return whileLoop(
        i32.le(i32.add(lane, bytes), laneEnd),
        to.set(i32.add(i32.load(i32.add(get("rowsC"), row)), lane)),
        ...sums.map((s, v) => s.set(load(to, v))),
        when(i32.eq(first, 0), ...sums.map((s) => s.set(zero))),
        a.set(i32.add(i32.load(i32.add(get("rowsA"), row)), lane)),
        b.set(i32.add(get("b"), lane)),
        k.set(first),
        whileLoop(
          i32.lt(k, last),
          fromA.set(i32.add(a, i32.load(i32.add(kA, k)))),
          fromB.set(i32.add(b, i32.load(i32.add(kB, k)))),
          ...sums.map((s, v) => s.set(madd(load(fromA, v), load(fromB, v), s))),
          increase(k, 4),
        ),
        ...sums.map((s, v) => (single ? v128.storeLane[size](0, to, s) : v128.store(to, s, 16 * v))),
        increase(lane, bytes),
      );
    };

    return [
      kA.set(get("kA")),
      kB.set(get("kB")),
      kEnd.set(i32.mul(i32.rem(part, get("laneParts")), get("partBytes"))),
      kStop.set(minimum(get("laneBytes"), i32.add(kEnd, get("partBytes")))),
      rowEnd.set(i32.mul(i32.div(part, get("laneParts")), get("partRows"))),
      // From here on, rows and k count table bytes.
      first.set(int(0)),
      whileLoop(
        i32.lt(first, i32.shl(get("k"), 2)),
        last.set(minimum(i32.shl(get("k"), 2), i32.add(first, 4 * kBlock))),
        row.set(i32.shl(rowEnd, 2)),
        whileLoop(
          i32.lt(row, i32.shl(minimum(get("rows"), i32.add(rowEnd, get("partRows"))), 2)),
          lane.set(kEnd),
          laneEnd.set(kStop),
          step(vectorsAtOnce, false),
          step(1, false),
          step(1, true),
          increase(row, 4),
        ),
        first.set(last),
      ),
    ];
  });
  return runtime.link(module)("lanes");
}

/** Does contractions of floats, one value each of `n`, whose one batch axis is contiguous and worth vectors. */
export function lanesRunner(
  runtime: Runtime,
): (groups: { readonly batch: number; readonly m: number; readonly k: number }, a: View, b: View, c: View) => boolean {
  const entries = new Map<FloatDType, PartedEntry>();
  return ({ batch, m, k }, a, b, c) => {
    const dtype = c.dtype as FloatDType;
    const size = dtype === "float64" ? 8 : 4;
    const lanes = c.shape[0] ?? 1;
    const isSideBySide = [a, b, c].every(({ strides }) => strides[0] === 1);
    if (batch !== 1 || !isSideBySide || lanes < 16 / size || product(c.shape, batch + m, c.shape.length) !== 1)
      return false;
    const rows = product(c.shape, batch, batch + m);
    const length = product(b.shape, batch, batch + k);
    const start = runtime.heap.scratch(descriptorBytes + 4 * (2 * rows + 2 * length));
    const words = runtime.heap.i32;
    const descriptor = start >>> 2;
    const rowsA = descriptor + descriptorBytes / 4;
    const kA = writeOffsets(a, batch, batch + m, size, addressOf(a, size), words, rowsA);
    const kB = writeOffsets(a, batch + m, batch + m + k, size, 0, words, kA);
    const rowsC = writeOffsets(b, batch, batch + k, size, 0, words, kB);
    writeOffsets(c, batch, batch + m, size, addressOf(c, size), words, rowsC);
    // A part's lanes fill a cache line or more; rows are cut up, too.
    const laneBytes = lanes * size;
    const partBytes = Math.min(laneBytes, 16 * vectorsAtOnce);
    const laneParts = Math.ceil(laneBytes / partBytes);
    const partRows = Math.max(1, Math.ceil(rows / 16));
    const values: Readonly<Record<keyof typeof word, number>> = {
      rows,
      k: length,
      laneBytes,
      partBytes,
      laneParts,
      partRows,
      rowsA: rowsA << 2,
      kA: kA << 2,
      kB: kB << 2,
      rowsC: rowsC << 2,
      b: addressOf(b, size),
    };
    for (const name of Object.keys(word) as (keyof typeof word)[]) words[descriptor + word[name]] = values[name];
    const entry = entries.get(dtype) ?? build(runtime, dtype);
    entries.set(dtype, entry);
    runtime.parallel(entry, laneParts * Math.ceil(rows / partRows), [start], 2 * rows * length * lanes);
    return true;
  };
}
