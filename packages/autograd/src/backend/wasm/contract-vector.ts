/**
 * Products of a matrix and a vector, which no packing can make faster: every element of the matrix is used once, so
 * memory is the limit, and it is read where it lies.
 *
 * If the shared axis is contiguous (or lies in runs, as within the windows of a convolution), each result is a dot
 * product, of four rows at a time. If the other axis is, multiples of four rows at a time are added to the results.
 */
import type { View } from "../backend.ts";
import {
  choose,
  type I32,
  i32,
  increase,
  type Local,
  locals,
  repeat,
  type Statement,
  type V128,
  v128,
  whileLoop,
} from "./assembler.ts";
import { type Arithmetic, arithmetic } from "./contract-tile.ts";
import { innerRun, product, writeOffsets } from "./offsets.ts";
import { addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

type FloatDType = "float32" | "float64";

/** Words of a launch's descriptor. */
const word = {
  /** Results of one matrix, of a part, and parts of one matrix. */
  results: 0,
  partResults: 1,
  parts: 2,
  /** Tables: of the matrix's rows, of the runs of its shared axis, and of the results. */
  rows: 3,
  runs: 4,
  targets: 5,
  /** Runs there are, bytes of one, and the length of the shared axis. */
  runCount: 6,
  runBytes: 7,
  k: 8,
  /** The vectors, packed, one after another. */
  vector: 9,
  /** Tables of the batch: of matrices and of results. */
  matrices: 10,
  batchTargets: 11,
} as const;
const descriptorBytes = 64;

const rowsAtOnce = 4;
const minimum = (a: I32, b: I32): I32 => choose(i32.lt(a, b), a, b);

/** All lanes hold the sum of the lanes of `x`, added pairwise. */
function sumOfLanes({ size, add }: Arithmetic, x: Local<"v128">): Statement[] {
  const rotated = (by: number): V128 =>
    v128.shuffle(
      x,
      x,
      Array.from({ length: 16 }, (_, i) => (i + by) % 16),
    );
  return [8, 4].filter((by) => by >= size).map((by) => x.set(add(x, rotated(by))));
}

/** Dot products of rows whose shared axis lies in runs. */
function buildDots(runtime: Runtime, dtype: FloatDType): PartedEntry {
  const module = runtime.module();
  const ops = arithmetic(dtype, runtime.relaxed);
  const { size, zero, add, madd } = ops;
  module.function("dots", ["i32", "i32", "i32"], [], (scope, part, _, descriptor) => {
    const get = (name: keyof typeof word): I32 => i32.load(descriptor, 4 * word[name]);
    const [i, end, batch, matrix, target, x, run, runEnd, vector] = locals(scope, "i32");
    const [rows, targets, at, left] = locals(scope, "i32");
    const entry = (table: I32, index: I32): I32 => i32.add(table, i32.shl(index, 2));

    /** Computes `count` results, in two sums each, as one addition after another takes longer than two in turn. */
    const dots = (count: number): Statement[] => {
      const pointers = Array.from({ length: count }, () => scope.local("i32"));
      const sums = Array.from({ length: 2 * count }, () => scope.local("v128"));
      const [x0, x1] = [scope.local("v128"), scope.local("v128")];
      const step = (bytes: number): Statement[] => [
        ...pointers.map((p) => increase(p, bytes)),
        increase(x, bytes),
        increase(left, -bytes),
      ];
      return [
        ...sums.map((s) => s.set(zero)),
        x.set(vector),
        run.set(get("runs")),
        runEnd.set(entry(run, get("runCount"))),
        repeat(
          i32.ltU(run, runEnd),
          ...pointers.map((p, r) =>
            p.set(i32.add(matrix, i32.add(i32.load(run), i32.load(i32.add(rows, i32.shl(i32.add(i, r), 2)))))),
          ),
          left.set(get("runBytes")),
          whileLoop(
            i32.ge(left, 32),
            x0.set(v128.load(x)),
            x1.set(v128.load(x, 16)),
            ...pointers.flatMap((p, r) => [
              sums[2 * r]!.set(madd(v128.load(p), x0, sums[2 * r]!)),
              sums[2 * r + 1]!.set(madd(v128.load(p, 16), x1, sums[2 * r + 1]!)),
            ]),
            ...step(32),
          ),
          whileLoop(
            i32.gt(left, 0),
            x0.set(v128.loadZero[size](x)),
            ...pointers.map((p, r) => sums[2 * r]!.set(madd(v128.loadZero[size](p), x0, sums[2 * r]!))),
            ...step(size),
          ),
          increase(run, 4),
        ),
        ...pointers.flatMap((_, r) => [
          sums[2 * r]!.set(add(sums[2 * r]!, sums[2 * r + 1]!)),
          ...sumOfLanes(ops, sums[2 * r]!),
          at.set(i32.add(target, i32.load(i32.add(targets, i32.shl(i32.add(i, r), 2))))),
          v128.storeLane[size](0, at, sums[2 * r]!),
        ]),
        increase(i, count),
      ];
    };

    return [
      batch.set(i32.div(part, get("parts"))),
      i.set(i32.mul(i32.rem(part, get("parts")), get("partResults"))),
      end.set(minimum(get("results"), i32.add(i, get("partResults")))),
      matrix.set(i32.load(entry(get("matrices"), batch))),
      target.set(i32.load(entry(get("batchTargets"), batch))),
      vector.set(i32.add(get("vector"), i32.mul(batch, i32.mul(get("k"), size)))),
      rows.set(get("rows")),
      targets.set(get("targets")),
      whileLoop(i32.le(i32.add(i, rowsAtOnce), end), ...dots(rowsAtOnce)),
      whileLoop(i32.lt(i, end), ...dots(1)),
    ];
  });
  return runtime.link(module)("dots");
}

/** Sums of multiples of rows along which the results are contiguous. */
function buildMultiples(runtime: Runtime, dtype: FloatDType): PartedEntry {
  const module = runtime.module();
  const { size, zero, madd } = arithmetic(dtype, runtime.relaxed);
  module.function("multiples", ["i32", "i32", "i32"], [], (scope, part, _, descriptor) => {
    const get = (name: keyof typeof word): I32 => i32.load(descriptor, 4 * word[name]);
    const [first, end, batch, matrix, start, to, x, k, run, left] = locals(scope, "i32");
    const entry = (table: I32, index: I32): I32 => i32.add(table, i32.shl(index, 2));

    /** Adds the multiples of `count` rows to all results. */
    const add = (count: number): Statement[] => {
      const pointers = Array.from({ length: count }, () => scope.local("i32"));
      const factors = Array.from({ length: count }, () => scope.local("v128"));
      const sum = scope.local("v128");
      const some = (vectors: number, single: boolean): Statement[] => {
        const bytes = single ? size : 16 * vectors;
        const load = (at: I32, v: number): V128 => (single ? v128.splat[size](at) : v128.load(at, 16 * v));
        return [
          whileLoop(
            i32.ge(left, bytes),
            ...Array.from({ length: vectors }, (_, v) => [
              sum.set(load(to, v)),
              ...pointers.map((p, r) => sum.set(madd(load(p, v), factors[r]!, sum))),
              single ? v128.storeLane[size](0, to, sum) : v128.store(to, sum, 16 * v),
            ]).flat(),
            ...pointers.map((p) => increase(p, bytes)),
            increase(to, bytes),
            increase(left, -bytes),
          ),
        ];
      };
      return [
        ...pointers.map((p, r) => p.set(i32.add(matrix, i32.load(run, 4 * r)))),
        ...factors.map((f, r) => f.set(v128.splat[size](x, r * size))),
        to.set(start),
        left.set(i32.mul(i32.sub(end, first), size)),
        ...some(4, false),
        ...some(1, false),
        ...some(1, true),
        increase(run, 4 * count),
        increase(x, size * count),
        increase(k, -count),
      ];
    };

    return [
      batch.set(i32.div(part, get("parts"))),
      first.set(i32.mul(i32.rem(part, get("parts")), get("partResults"))),
      end.set(minimum(get("results"), i32.add(first, get("partResults")))),
      matrix.set(i32.add(i32.load(entry(get("matrices"), batch)), i32.load(entry(get("rows"), first)))),
      start.set(i32.add(i32.load(entry(get("batchTargets"), batch)), i32.load(entry(get("targets"), first)))),
      x.set(i32.add(get("vector"), i32.mul(batch, i32.mul(get("k"), size)))),
      k.set(get("k")),
      run.set(get("runs")),
      to.set(start),
      left.set(i32.mul(i32.sub(end, first), size)),
      whileLoop(i32.ge(left, 16), v128.store(to, zero), increase(to, 16), increase(left, -16)),
      whileLoop(i32.gt(left, 0), v128.storeLane[size](0, to, zero), increase(to, size), increase(left, -size)),
      whileLoop(i32.ge(k, rowsAtOnce), ...add(rowsAtOnce)),
      whileLoop(i32.gt(k, 0), ...add(1)),
    ];
  });
  return runtime.link(module)("multiples");
}

/** Runs shorter than this are no better than single elements. */
const shortestRun = 8;

/** Ranks of the groups of axes of a contraction. */
interface Groups {
  readonly batch: number;
  readonly m: number;
  readonly k: number;
}

/** Does a contraction of floats in which one operand is a vector (for each index of the batch), if memory lies well. */
export function vectorRunner(runtime: Runtime): (groups: Groups, a: View, b: View, c: View) => boolean {
  const entries = new Map<string, PartedEntry>();
  const entryOf = (kind: "dots" | "multiples", dtype: FloatDType): PartedEntry => {
    const key = kind + dtype;
    const entry = entries.get(key) ?? (kind === "dots" ? buildDots : buildMultiples)(runtime, dtype);
    entries.set(key, entry);
    return entry;
  };

  return ({ batch, m, k }, a, b, c) => {
    const dtype = c.dtype as FloatDType;
    const size = dtype === "float64" ? 8 : 4;
    // The matrix's axes that the result has, and those it shares with the vector.
    const isLeft = product(c.shape, batch + m, c.shape.length) === 1;
    const [matrix, vector] = isLeft ? [a, b] : [b, a];
    const own = isLeft ? ([batch, batch + m] as const) : ([batch + k, b.shape.length] as const);
    const shared = isLeft ? ([batch + m, batch + m + k] as const) : ([batch, batch + k] as const);
    const results = product(matrix.shape, ...own);
    const length = product(matrix.shape, ...shared);
    const vectorFrom = isLeft ? batch : batch + m;
    const batches = product(c.shape, 0, batch);
    const run = innerRun(matrix, ...shared);
    const across = innerRun(matrix, ...own);
    const isDots = run.length === length || (run.length >= shortestRun && across.length < results);
    const targetsContiguous = innerRun(c, batch, c.shape.length).length === results;
    if (!isDots && !(across.length === results && targetsContiguous)) return false;

    const { heap } = runtime;
    const runs = isDots ? length / run.length : length;
    const tables = results * 2 + runs + 2 * batches;
    const vectorBytes = length * batches * size;
    const tableBytes = (4 * tables + 15) & -16;
    const start = heap.scratch(descriptorBytes + tableBytes + vectorBytes + 4 * (length + batches));
    const words = heap.i32;
    const descriptor = start >>> 2;
    const packed = start + descriptorBytes + tableBytes;
    const rows = descriptor + descriptorBytes / 4;
    const targets = writeOffsets(matrix, own[0], own[1], size, 0, words, rows);
    const runTable = writeOffsets(c, batch, c.shape.length, size, 0, words, targets);
    const matrices = isDots
      ? writeOffsets(matrix, shared[0], run.axis, size, 0, words, runTable)
      : writeOffsets(matrix, shared[0], shared[1], size, 0, words, runTable);
    const batchTargets = writeOffsets(matrix, 0, batch, size, addressOf(matrix, size), words, matrices);
    writeOffsets(c, 0, batch, size, addressOf(c, size), words, batchTargets);

    // The vector, packed unless it is contiguous.
    let vectorAt = addressOf(vector, size);
    if (batches > 1 || innerRun(vector, vectorFrom, vectorFrom + k).length !== length) {
      const [elements, offsets] = [size === 8 ? heap.f64 : heap.f32, (packed + vectorBytes) >>> 2];
      const batchAt = writeOffsets(vector, vectorFrom, vectorFrom + k, size, 0, words, offsets);
      writeOffsets(vector, 0, batch, size, addressOf(vector, size), words, batchAt);
      const shift = size === 8 ? 3 : 2;
      for (let i = 0, to = packed >>> shift; i < batches; i++) {
        for (let j = 0; j < length; j++)
          elements[to++] = elements[(words[batchAt + i]! + words[offsets + j]!) >>> shift]!;
      }
      vectorAt = packed;
    }

    const set = (name: keyof typeof word, value: number): void => {
      words[descriptor + word[name]] = value;
    };
    const perPart = isDots ? Math.max(rowsAtOnce, 4 * Math.ceil(8192 / length)) : 256;
    const partResults = Math.min(results, perPart);
    const parts = Math.ceil(results / partResults);
    set("results", results);
    set("partResults", partResults);
    set("parts", parts);
    set("rows", rows << 2);
    set("runs", runTable << 2);
    set("targets", targets << 2);
    set("runCount", runs);
    set("runBytes", run.length * size);
    set("k", length);
    set("vector", vectorAt);
    set("matrices", matrices << 2);
    set("batchTargets", batchTargets << 2);
    const entry = entryOf(isDots ? "dots" : "multiples", dtype);
    runtime.parallel(entry, batches * parts, [start], batches * results * length);
    return true;
  };
}
