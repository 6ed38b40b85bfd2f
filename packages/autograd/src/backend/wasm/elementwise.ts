/**
 * Elementwise kernels, generated from scalar expressions for the dtypes and access patterns at hand.
 *
 * A kernel walks rows of elements. Along a row each operand is contiguous, constant (broadcast) or strided; which of
 * them is known when it is generated, the distances are arguments. Axes that can be walked as one are merged first, so
 * nearly everything is one row, or the rows of a matrix. A whole vector is computed at a time, and the rest of a row
 * one element at a time by the same vector code, so an element's value does not depend on its place.
 */
import { type ComputeDType, computeDType, type DType, isFloat, itemSize } from "../../dtype.ts";
import { type Expr, sortOf, topologicalOrder } from "../../scalar/expression.ts";
import { broadcastStrides, isContiguous } from "../../shape.ts";
import type { ElementwiseKernel, KernelRunner, View } from "../backend.ts";
import {
  f32x4,
  f64,
  f64x2,
  type I32,
  i16x8,
  i32,
  i32x4,
  increase,
  type Local,
  type Scope,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import { compileNode, costOf, type ScalarImports } from "./functions.ts";
import { toInteger } from "./math/arithmetic.ts";
import { Float, type Site, upperHalf, type Wide } from "./math/float.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

/** How an operand moves along a row. */
const access = { constant: 0, contiguous: 1, strided: 2 } as const;
type Access = 0 | 1 | 2;

interface Operand {
  readonly dtype: DType;
  readonly access: Access;
}

const widthOf = (compute: ComputeDType): 2 | 4 => (compute === "float64" ? 2 : 4);
/** Bytes 0, 4, 8, 12 (or 0, 8) of a vector, in front. */
const narrow = (x: V128, width: number): V128 => {
  const bytes = Array.from({ length: 16 }, (_, i) => (i < width ? (i * 16) / width : 0));
  return v128.shuffle(x, x, bytes);
};

/** Elements of one dtype as they come from memory, packed at the low end, in the lanes of the compute dtype. */
function widen(x: V128, dtype: DType, compute: ComputeDType, second: V128 | null): V128 {
  if (dtype === compute) return x;
  const integer = dtype === "int32" ? x : i32x4.extendLow16U(i16x8.extendLow8U(x));
  if (compute === "int32") return integer;
  if (compute === "float64") return dtype === "float32" ? f64x2.promoteLow(x) : f64x2.convertLow(integer);
  if (dtype !== "float64") return f32x4.convert(integer);
  const low = f32x4.demote(x);
  if (second === null) return low;
  return v128.shuffle(low, f32x4.demote(second), [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
}

/** `count` elements (a whole vector's or one, in all lanes) at an address. */
function loadLanes(
  address: I32,
  step: I32 | null,
  dtype: DType,
  compute: ComputeDType,
  count: number,
  offset: number,
): V128 {
  const size = itemSize(dtype) as 1 | 4 | 8;
  if (count === 1) {
    const splat = v128.splat[size](address, offset);
    return widen(splat, dtype, compute, dtype === "float64" ? splat : null);
  }
  const bytes = size * count;
  if (step === null) {
    if (bytes === 32) return widen(v128.load(address, offset), dtype, compute, v128.load(address, offset + 16));
    if (bytes === 16) return widen(v128.load(address, offset), dtype, compute, null);
    return widen(v128.splat[bytes as 2 | 4 | 8](address, offset), dtype, compute, null);
  }
  const at = (i: number): I32 => (i === 0 ? address : i32.add(address, i32.mul(step, i)));
  const gather = (from: number, n: number): V128 => {
    let lanes = v128.splat[size](at(from));
    for (let i = 1; i < n; i++) lanes = v128.loadLane[size](i, at(from + i), lanes);
    return lanes;
  };
  if (bytes === 32) return widen(gather(0, 2), dtype, compute, gather(2, 2));
  return widen(gather(0, count), dtype, compute, null);
}

/** Lanes as elements of a dtype, packed at the low end; for each vector one, or two where they need 32 bytes. */
function packed(f: Float, x: Wide, isMask: boolean, dtype: DType, compute: ComputeDType): readonly Wide[] {
  const width = widthOf(compute);
  const lanes = compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
  const single = (values: Wide): Wide[] => values.map((v) => [v]);
  if (dtype === "bool" || (isMask && dtype === "uint8")) {
    const one = v128.const(new Uint8Array(16).fill(1));
    return single(x.map((v) => narrow(v128.and(isMask ? v : lanes.ne(v, lanes.const(0)), one), width)));
  }
  const number = isMask ? x.map((v) => v128.and(v, lanes.const(1))) : x;
  if (dtype === compute) return single(number);
  if (dtype === "uint8" || dtype === "int32") {
    const integers = compute === "int32" ? number : toInteger(f, f.let(number));
    // Two integers from float64 lanes lie side by side already.
    return single(dtype === "int32" ? integers : integers.map((v) => narrow(v, 4)));
  }
  if (dtype === "float32")
    return single(number.map((v) => (compute === "float64" ? f32x4.demote(v) : f32x4.convert(v))));
  const convert = compute === "float32" ? f64x2.promoteLow : f64x2.convertLow;
  return f.let(number).map((v) => [convert(v), convert(v128.shuffle(v, v, upperHalf))]);
}

/** Arguments before the operands': part, thread, elements of a row, rows, elements and rows of a part, scalars. */
const leading = 7;

/** A compiled kernel, and the elements of a part when work is shared out between threads. */
interface Compiled extends PartedEntry {
  readonly partLength: number;
  /** Additions per element. */
  readonly cost: number;
}

function build(
  runtime: Runtime,
  kernel: ElementwiseKernel,
  compute: ComputeDType,
  inputs: readonly Operand[],
  outputs: readonly Operand[],
): Compiled {
  const { expressions } = kernel;
  const module = runtime.module();
  const imports: ScalarImports = {};
  const operands = [...inputs, ...outputs];
  const width = widthOf(compute);
  const types = Array.from({ length: leading + 3 * operands.length }, () => "i32" as const);
  const order = topologicalOrder(expressions);
  const cost = order.reduce((sum, e) => sum + costOf(e), 0);
  // Side by side as many vectors as save loads of constants without running out of registers.
  const isStrided = operands.some((o) => o.access === access.strided);
  const unrolled = isStrided || order.some((e) => costOf(e) > 12) ? 1 : cost <= 14 ? 4 : 2;
  module.function("run", types, [], (scope: Scope, ...args) => {
    const [part, , n, rows, chunk, rowChunk, scalars] = args as [I, I, I, I, I, I, I];
    const start = (i: number): I => args[leading + 3 * i] as I;
    const rowStep = (i: number): I => args[leading + 3 * i + 1] as I;
    const step = (i: number): I => args[leading + 3 * i + 2] as I;
    const cursors = operands.map(() => scope.local("i32"));
    const left = scope.local("i32");
    const parameters = order.filter((e) => e.op === "parameter").map((e) => ({ e, local: scope.local("v128") }));
    const lanes = compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
    const splatParameter = (index: number): V128 => {
      const x = f64.load(scalars, 8 * index);
      if (compute === "float64") return f64x2.splat(x);
      if (compute === "float32") return f32x4.splat(f64.demote(x));
      return i32x4.splat(i32x4.extract(i32x4.truncF64(f64x2.splat(x)), 0));
    };

    /** Computes `count` elements and moves the cursors past them. */
    const body = (count: number): Statement[] => {
      const site: Site = { runtime, module, scope, statements: [] };
      const { statements } = site;
      const vectors = Math.max(1, count / width);
      const each = Math.min(count, width);
      const f = new Float(site, compute === "float64", vectors);
      const values = new Map<Expr, Wide>();
      const load = (i: number): Wide => {
        const { dtype, access: moves } = inputs[i]!;
        const from = (v: number): V128 =>
          loadLanes(
            cursors[i]!,
            moves === access.strided ? step(i) : null,
            dtype,
            compute,
            moves === access.constant ? 1 : each,
            v * each * itemSize(dtype),
          );
        if (moves !== access.constant) return f.let(Array.from({ length: vectors }, (_, v) => from(v)));
        const [only] = f.let([from(0)]);
        return Array.from({ length: vectors }, () => only!);
      };
      for (const node of order) {
        if (node.op === "constant") {
          const value = node.value;
          values.set(node, compute === "int32" ? f.let(same(lanes.const(value), vectors)) : f.num(value));
        } else if (node.op === "parameter") {
          values.set(node, same(parameters.find((p) => p.e === node)!.local, vectors));
        } else if (node.op === "argument") values.set(node, load(node.value));
        else {
          const x = node.operands.map((o) => values.get(o)!);
          values.set(node, f.let(compileNode(f, node, x, compute, imports)));
        }
      }
      outputs.forEach(({ dtype, access: moves }, o) => {
        const to = cursors[inputs.length + o]!;
        const size = itemSize(dtype) as 1 | 4 | 8;
        const e = expressions[o]!;
        packed(f, values.get(e)!, sortOf(e) === "mask", dtype, compute).forEach((pieces, v) => {
          const base = v * each * size;
          if (count === 1) statements.push(v128.storeLane[size](0, to, pieces[0]!));
          else if (moves === access.strided) {
            const kept = f.let(pieces);
            for (let i = 0; i < count; i++) {
              const perVector = Math.min(count, 16 / size);
              const at = i32.add(to, i32.mul(step(inputs.length + o), i));
              statements.push(v128.storeLane[size](i % perVector, at, kept[Math.floor(i / perVector)]!));
            }
          } else if (size * each >= 16) {
            statements.push(...pieces.map((piece, i) => v128.store(to, piece, base + 16 * i)));
          } else statements.push(v128.storeLane[(size * each) as 2 | 4 | 8](0, to, pieces[0]!, base));
        });
      });
      operands.forEach(({ dtype, access: moves }, i) => {
        if (moves === access.contiguous) statements.push(increase(cursors[i]!, itemSize(dtype) * count));
        if (moves === access.strided) statements.push(increase(cursors[i]!, i32.mul(step(i), count)));
      });
      statements.push(increase(left, -count));
      return statements;
    };

    const shareOut = (total: I, length: I, distance: (i: number) => I): Statement =>
      when(
        length,
        ...operands.map((_, i) => increase(start(i), i32.mul(i32.mul(part, length), distance(i)))),
        total.set(i32.sub(total, i32.mul(part, length))),
        when(i32.lt(length, total), total.set(length)),
      );
    return [
      ...parameters.map(({ e, local }) => local.set(splatParameter(e.value))),
      // A part of a single long row, or some of the rows.
      shareOut(n, chunk, step),
      shareOut(rows, rowChunk, rowStep),
      whileLoop(
        i32.gt(rows, 0),
        ...cursors.map((cursor, i) => cursor.set(start(i))),
        left.set(n),
        ...(unrolled > 1 ? [whileLoop(i32.ge(left, unrolled * width), ...body(unrolled * width))] : []),
        whileLoop(i32.ge(left, width), ...body(width)),
        whileLoop(i32.gt(left, 0), ...body(1)),
        ...operands.map((_, i) => increase(start(i), rowStep(i))),
        increase(rows, -1),
      ),
    ];
  });
  const partLength = Math.min(32768, Math.ceil(2 ** 13 / cost) * 16);
  return { ...runtime.link(module, imports)("run"), partLength, cost };
}

type I = Local<"i32">;
const same = (x: V128, count: number): Wide => Array.from({ length: count }, () => x);

const dtypeCodes: Readonly<Record<DType, number>> = { float64: 0, float32: 1, int32: 2, uint8: 3, bool: 4 };

interface Walk {
  /** Lengths of the merged axes. */
  readonly shape: number[];
  /** Strides in bytes, of each operand over the merged axes. */
  readonly strides: number[][];
}

/** Merges neighbouring axes that every operand walks as one. */
function merge(shape: readonly number[], views: readonly View[]): Walk {
  const all = views.map((v) => broadcastStrides(v, shape));
  const merged: number[] = [];
  const strides: number[][] = views.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const length = shape[axis]!;
    if (length === 1) continue;
    const last = merged.length - 1;
    if (last >= 0 && all.every((s, v) => strides[v]![last] === s[axis]! * length)) {
      merged[last]! *= length;
      for (const [v, s] of all.entries()) strides[v]![last] = s[axis]!;
    } else {
      merged.push(length);
      for (const [v, s] of all.entries()) strides[v]!.push(s[axis]!);
    }
  }
  return { shape: merged, strides: strides.map((s, v) => s.map((x) => x * itemSize(views[v]!.dtype))) };
}

export function elementwiseRunner(runtime: Runtime): Attempt<KernelRunner<ElementwiseKernel>> {
  const kernels = new WeakMap<ElementwiseKernel, Map<string | number, Compiled | null>>();
  /** The dtype to compute in: a copy's is its source's; otherwise operands are what is computed in, or fit in it. */
  const computeIn = ({ compute, expressions }: ElementwiseKernel, inputs: readonly View[]): ComputeDType | null => {
    if (expressions.length === 1 && expressions[0]!.op === "argument") return computeDType(inputs[0]!.dtype);
    return compute === "int32" && inputs.some((v) => isFloat(v.dtype)) ? null : compute;
  };

  return (kernel, inputs, outputs, scalars) => {
    const output = outputs[0]!;
    const { size } = output;
    if (size === 0) return true;
    let variants = kernels.get(kernel);
    if (variants === undefined) {
      variants = new Map();
      kernels.set(kernel, variants);
    }
    const count = inputs.length + outputs.length;
    // The common case first: everything is one row, contiguous or a single element.
    let key = 0;
    let simple = count <= 6;
    for (let i = 0; simple && i < count; i++) {
      const v = i < inputs.length ? inputs[i]! : outputs[i - inputs.length]!;
      const moves = v.size === 1 && size !== 1 ? access.constant : access.contiguous;
      if (moves === access.contiguous && !(v.size === size && isContiguous(v))) simple = false;
      key = key * 32 + dtypeCodes[v.dtype] * 4 + moves;
    }
    const views = simple && count <= 3 ? null : [...inputs, ...outputs];
    let walk: Walk | null = null;
    let variant: string | number = key * 8 + count;
    if (!simple) {
      walk = merge(output.shape, views!);
      const codes = views!.map((v, i) => {
        const s = walk!.strides[i]!.at(-1) ?? itemSize(v.dtype);
        return (
          dtypeCodes[v.dtype] * 4 +
          (s === 0 ? access.constant : s === itemSize(v.dtype) ? access.contiguous : access.strided)
        );
      });
      variant = codes.join();
    }
    let entry = variants.get(variant);
    if (entry === undefined) {
      const all = [...inputs, ...outputs];
      const operands = all.map((v, i): Operand => {
        if (walk === null)
          return { dtype: v.dtype, access: v.size === 1 && size !== 1 ? access.constant : access.contiguous };
        const s = walk.strides[i]!.at(-1) ?? itemSize(v.dtype);
        return {
          dtype: v.dtype,
          access: s === 0 ? access.constant : s === itemSize(v.dtype) ? access.contiguous : access.strided,
        };
      });
      const compute = computeIn(kernel, inputs);
      entry =
        compute === null
          ? null
          : build(runtime, kernel, compute, operands.slice(0, inputs.length), operands.slice(inputs.length));
      variants.set(variant, entry);
    }
    if (entry === null) return false;
    const scalarsAt = scalars.length > 0 ? runtime.passScalars(scalars) : 0;

    if (walk === null) {
      if (size < entry.partLength) {
        // Small operations are many; they get their arguments without arrays.
        if (count === 2 && inputs.length === 1) {
          const [a, o] = [inputs[0]!, output];
          const [x, y] = [addressOf(a, itemSize(a.dtype)), addressOf(o, itemSize(o.dtype))];
          entry.entry(0, 0, size, 1, 0, 0, scalarsAt, x, 0, 0, y, 0, 0);
          return true;
        }
        if (count === 3 && inputs.length === 2) {
          const [a, b, o] = [inputs[0]!, inputs[1]!, output];
          const [x, y] = [addressOf(a, itemSize(a.dtype)), addressOf(b, itemSize(b.dtype))];
          entry.entry(0, 0, size, 1, 0, 0, scalarsAt, x, 0, 0, y, 0, 0, addressOf(o, itemSize(o.dtype)), 0, 0);
          return true;
        }
      }
      const args = [size, 1, 0, 0, scalarsAt];
      for (const v of views ?? [...inputs, ...outputs]) {
        const bytes = itemSize(v.dtype);
        args.push(addressOf(v, bytes), 0, v.size === 1 && size !== 1 ? 0 : bytes);
      }
      launch(runtime, entry, args);
      return true;
    }
    runWalk(runtime, entry, walk, views!, scalarsAt);
    return true;
  };
}

/** Runs rows of elements, in parts of one row or of several where they are many. */
function launch(runtime: Runtime, entry: Compiled, args: number[]): void {
  const [n, rows] = args as [number, number];
  const { partLength, cost } = entry;
  let parts = 1;
  args[2] = 0;
  args[3] = 0;
  if (rows === 1 && n >= 2 * partLength) {
    args[2] = partLength;
    parts = Math.ceil(n / partLength);
  } else if (rows > 1 && n * rows >= 2 * partLength) {
    args[3] = Math.max(1, Math.floor(partLength / n));
    parts = Math.ceil(rows / args[3]);
  }
  runtime.parallel(entry, parts, args, Math.max(4, cost) * n * rows);
}

/** Runs a kernel over all but the last two axes, which it walks itself. */
function runWalk(
  runtime: Runtime,
  entry: Compiled,
  { shape, strides }: Walk,
  views: readonly View[],
  scalarsAt: number,
): void {
  const rank = shape.length;
  const [rows, n] = [shape[rank - 2] ?? 1, shape[rank - 1] ?? 1];
  const args = [n, rows, 0, 0, scalarsAt];
  views.forEach((v, i) => {
    const bytes = itemSize(v.dtype);
    args.push(addressOf(v, bytes), strides[i]![rank - 2] ?? 0, strides[i]![rank - 1] ?? bytes);
  });
  const outer = Math.max(0, rank - 2);
  const index = new Array<number>(outer).fill(0);
  for (;;) {
    launch(runtime, entry, args);
    let axis = outer - 1;
    for (; axis >= 0; axis--) {
      const ended = ++index[axis]! === shape[axis]!;
      const steps = ended ? 1 - shape[axis]! : 1;
      for (let v = 0; v < views.length; v++) args[5 + 3 * v]! += steps * strides[v]![axis]!;
      if (!ended) break;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}
