/**
 * Kernels over windows, and over any other axes whose last one is contiguous: pooling, and its derivatives.
 *
 * All work row by row: a row of the kept axes' last one, which is contiguous (the channels), and for each the places
 * ("taps") it meets. Rows and taps are tables of byte offsets, so windows may overlap, lie apart or be dilated, over any
 * number of axes. Four vectors of a row at a time are combined over all taps in registers.
 */
import type { DType } from "../../dtype.ts";
import type { AccumulateKernel, ExtremeGradientKernel, KernelRunner, ReduceKernel, View } from "../backend.ts";
import {
  f32x4,
  f64x2,
  type I32,
  i32,
  i32x4,
  increase,
  int,
  type Local,
  type Scope,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import { product, writeOffsets } from "./offsets.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

type Compute = "float32" | "float64" | "int32";
type Work = "sum" | "prod" | "max" | "min" | "accumulate" | "extremeGradient";

/** How each work's operands, inputs first, move: by rows only, or by rows and taps. */
const movesByTaps: Readonly<Record<Work, readonly boolean[]>> = {
  sum: [true, false],
  prod: [true, false],
  max: [true, false],
  min: [true, false],
  accumulate: [true, true],
  extremeGradient: [true, false, false, true],
};

/** Words of a launch's descriptor: numbers, then the tables of each operand. */
const word = { rows: 0, partRows: 1, taps: 2, length: 3, operands: 4 } as const;
const descriptorWords = 16;

interface Context {
  readonly scope: Scope;
  readonly compute: Compute;
  /** Bytes of the elements done at once, and how many vectors (or, if `single`, elements) they are. */
  readonly vectors: number;
  readonly single: boolean;
  /** Where operand `i` is at this row and place within it; taps are added. */
  readonly bases: readonly Local<"i32">[];
  /** Runs statements for every tap, with the addresses of the operands that move by taps. */
  readonly eachTap: (body: (at: (operand: number) => I32) => Statement[]) => Statement;
}

function lanesOf(compute: Compute): typeof f32x4 | typeof f64x2 | typeof i32x4 {
  return compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
}

/** Reads and writes whole vectors, or single elements. */
function mover({ compute, single }: Context): {
  load: (address: I32, vector: number) => V128;
  store: (address: I32, vector: number, x: V128) => Statement;
} {
  const size = compute === "float64" ? 8 : 4;
  return {
    load: (address, v) => (single ? v128.splat[size](address) : v128.load(address, 16 * v)),
    store: (address, v, x) => (single ? v128.storeLane[size](0, address, x) : v128.store(address, x, 16 * v)),
  };
}

function reduceBody(work: "sum" | "prod" | "max" | "min", context: Context): Statement[] {
  const { scope, compute, vectors, bases, eachTap } = context;
  const lanes = lanesOf(compute);
  const { load, store } = mover(context);
  const lowest = compute === "int32" ? -(2 ** 31) : Number.NEGATIVE_INFINITY;
  const highest = compute === "int32" ? 2 ** 31 - 1 : Number.POSITIVE_INFINITY;
  const identity = { sum: 0, prod: 1, max: lowest, min: highest }[work];
  const combine = { sum: lanes.add, prod: lanes.mul, max: lanes.max, min: lanes.min }[work];
  const results = Array.from({ length: vectors }, () => scope.local("v128"));
  return [
    ...results.map((r) => r.set(lanes.const(identity))),
    eachTap((at) => results.map((r, v) => r.set(combine(r, load(at(0), v))))),
    ...results.map((r, v) => store(bases[1]!, v, r)),
  ];
}

function accumulateBody(context: Context): Statement[] {
  const { add } = lanesOf(context.compute);
  const { load, store } = mover(context);
  return [
    context.eachTap((at) =>
      Array.from({ length: context.vectors }, (_, v) => store(at(1), v, add(load(at(1), v), load(at(0), v)))),
    ),
  ];
}

/** First the number of taps that equal the extreme, then each of them gets its share of the cotangent. */
function extremeGradientBody(context: Context): Statement[] {
  const { scope, compute, vectors, bases, eachTap } = context;
  const lanes = compute === "float64" ? f64x2 : f32x4;
  const { load, store } = mover(context);
  const made = (): Local<"v128">[] => Array.from({ length: vectors }, () => scope.local("v128"));
  const [extreme, count, share, none] = [made(), made(), made(), made()];
  return [
    ...extreme.map((e, v) => e.set(load(bases[1]!, v))),
    ...count.map((c) => c.set(lanes.const(0))),
    eachTap((at) =>
      count.map((c, v) => c.set(lanes.add(c, v128.and(lanes.eq(load(at(0), v), extreme[v]!), lanes.const(1))))),
    ),
    // Nothing equals a NaN: then all bits are set, which is one.
    ...none.map((n, v) => n.set(lanes.eq(count[v]!, lanes.const(0)))),
    ...share.map((s, v) => s.set(lanes.div(load(bases[2]!, v), count[v]!))),
    eachTap((at) =>
      share.map((s, v) => {
        const mine = v128.and(lanes.eq(load(at(0), v), extreme[v]!), s);
        return store(at(3), v, lanes.add(load(at(3), v), v128.or(mine, none[v]!)));
      }),
    ),
  ];
}

function build(runtime: Runtime, work: Work, compute: Compute): PartedEntry {
  const module = runtime.module();
  const moves = movesByTaps[work];
  const size = compute === "float64" ? 8 : 4;
  module.function("windows", ["i32", "i32", "i32"], [], (scope, part, _, descriptor) => {
    const get = (at: number): I32 => i32.load(descriptor, 4 * at);
    const local = (): Local<"i32"> => scope.local("i32");
    const [row, end, left, tap, tapEnd] = [local(), local(), local(), local(), local()];
    const bases = moves.map(local);
    const rowTables = moves.map(local);
    const tapTables = moves.map(local);
    const addresses = moves.map(local);
    /** As many elements as `vectors` vectors hold, or one. */
    const step = (vectors: number, single: boolean): Statement[] => {
      const bytes = single ? size : 16 * vectors;
      const eachTap: Context["eachTap"] = (body) => ({
        type: "none",
        code: [
          tap.set(int(0)).code,
          whileLoop(
            i32.lt(tap, tapEnd),
            ...moves.flatMap((byTaps, i) =>
              byTaps ? [addresses[i]!.set(i32.add(bases[i]!, i32.load(i32.add(tapTables[i]!, tap))))] : [],
            ),
            ...body((operand) => addresses[operand]!),
            increase(tap, 4),
          ).code,
        ],
      });
      const context: Context = { scope, compute, vectors, single, bases, eachTap };
      const body =
        work === "accumulate"
          ? accumulateBody(context)
          : work === "extremeGradient"
            ? extremeGradientBody(context)
            : reduceBody(work, context);
      return [whileLoop(i32.ge(left, bytes), ...body, ...bases.map((b) => increase(b, bytes)), increase(left, -bytes))];
    };
    return [
      ...rowTables.map((t, i) => t.set(get(word.operands + 2 * i))),
      ...tapTables.map((t, i) => t.set(get(word.operands + 2 * i + 1))),
      tapEnd.set(i32.shl(get(word.taps), 2)),
      row.set(i32.shl(i32.mul(part, get(word.partRows)), 2)),
      end.set(i32.add(row, i32.shl(get(word.partRows), 2))),
      left.set(i32.shl(get(word.rows), 2)),
      when(i32.gt(end, left), end.set(left)),
      whileLoop(
        i32.lt(row, end),
        ...bases.map((b, i) => b.set(i32.load(i32.add(rowTables[i]!, row)))),
        left.set(get(word.length)),
        ...step(4, false),
        ...step(1, false),
        ...step(1, true),
        increase(row, 4),
      ),
    ];
  });
  return runtime.link(module)("windows");
}

const supported = (dtype: DType): dtype is Compute => dtype === "float32" || dtype === "float64" || dtype === "int32";
/** Reductions of more elements than this, or of fewer rows, are left to kernels that halve long sums. */
const mostTaps = 64;
const fewestRows = 4;

/** How many elements away from its first one a view reaches along some axes. */
function reach({ shape, strides }: View, from: number, to: number): number {
  let sum = 0;
  for (let axis = from; axis < to; axis++) sum += Math.abs(strides[axis]!) * (shape[axis]! - 1);
  return sum;
}

interface WindowRunners {
  readonly reduce: Attempt<KernelRunner<ReduceKernel>>;
  readonly accumulate: Attempt<KernelRunner<AccumulateKernel>>;
  readonly extremeGradient: Attempt<KernelRunner<ExtremeGradientKernel>>;
}

export function windowRunners(runtime: Runtime): WindowRunners {
  const entries = new Map<string, PartedEntry>();

  /**
   * Runs a work whose operands have `kept` axes in common, the last of which is a row, and whose other axes are taps.
   * @param order operands that move by taps have their axes in the order rows, row, taps, all others rows, row.
   */
  function run(work: Work, operands: readonly View[], kept: number, row: number): boolean {
    const moves = movesByTaps[work];
    const first = operands[0]!;
    const { dtype } = first;
    if (!supported(dtype) || !operands.every((v) => v.dtype === dtype) || row < 0) return false;
    const length = first.shape[row]!;
    if (length > 1 && !operands.every((v) => v.strides[row] === 1)) return false;
    const size = dtype === "float64" ? 8 : 4;
    const rank = first.shape.length;
    const others = (v: View, byTaps: boolean): View => {
      const axes = Array.from({ length: byTaps ? rank : kept }, (_, i) => i).filter((i) => i !== row);
      return { ...v, shape: axes.map((i) => v.shape[i]!), strides: axes.map((i) => v.strides[i]!) };
    };
    const views = operands.map((v, i) => others(v, moves[i]!));
    const lead = kept - (row < kept ? 1 : 0);
    const rows = product(views[0]!.shape, 0, lead);
    const taps = product(views[0]!.shape, lead, rank - 1);
    const { heap } = runtime;
    const start = heap.scratch(4 * (descriptorWords + operands.length * (rows + taps)));
    const words = heap.i32;
    const descriptor = start >>> 2;
    let at = descriptor + descriptorWords;
    views.forEach((v, i) => {
      words[descriptor + word.operands + 2 * i] = at << 2;
      at = writeOffsets(v, 0, lead, size, addressOf(operands[i]!, size), words, at);
      words[descriptor + word.operands + 2 * i + 1] = at << 2;
      if (moves[i]) at = writeOffsets(v, lead, rank - 1, size, 0, words, at);
    });
    // Parts must not meet in the output: those of different indices of the first axis do not, if it strides over the rest.
    const output = operands.at(-1)!;
    const apart =
      !moves.at(-1) || (lead > 0 && row > 0 && Math.abs(output.strides[0]!) > reach(output, 1, output.shape.length));
    const unit = moves.at(-1) ? rows / (views[0]!.shape[0] ?? 1) : 1;
    const wanted = apart ? Math.ceil(rows / 16 / unit) * unit : rows;
    words[descriptor + word.rows] = rows;
    words[descriptor + word.partRows] = wanted;
    words[descriptor + word.taps] = taps;
    words[descriptor + word.length] = length * size;
    const key = `${work},${dtype}`;
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = build(runtime, work, dtype);
      entries.set(key, entry);
    }
    runtime.parallel(entry, Math.ceil(rows / wanted), [start], 2 * rows * taps * length);
    return true;
  }

  return {
    reduce: ({ reduction }, [input], [output]) => {
      if (reduction !== "sum" && reduction !== "prod" && reduction !== "max" && reduction !== "min") return false;
      if (output!.size === 0) return true;
      const kept = output!.shape.length;
      const taps = product(input!.shape, kept, input!.shape.length);
      const rows = product(output!.shape, 0, kept - 1);
      if (kept < 2 || rows < fewestRows || taps === 0 || taps > mostTaps) return false;
      return run(reduction, [input!, output!], kept, kept - 1);
    },
    accumulate: (_, [input], [output]) => {
      if (output!.size === 0) return true;
      const last = output!.shape.length - 1;
      // Halfway, so that both tables are short.
      let kept = 0;
      for (let lead = 1; kept < last && lead * lead < output!.size / output!.shape[last]!; )
        lead *= output!.shape[kept++]!;
      return run("accumulate", [input!, output!], kept, last);
    },
    extremeGradient: (_, [x, extreme, cotangent], [output]) => {
      if (x!.size === 0) return true;
      if (x!.dtype === "int32") return false;
      const kept = extreme!.shape.length;
      return run("extremeGradient", [x!, extreme!, cotangent!, output!], kept, kept - 1);
    },
  };
}
