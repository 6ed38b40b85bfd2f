/**
 * Elementwise kernels, generated from scalar expressions for the dtypes and access patterns at hand.
 *
 * A kernel walks rows of elements. Along a row each operand is contiguous, constant (broadcast) or strided; which of
 * them is known when it is generated, the distances are arguments. Axes that can be walked as one are merged first, so
 * nearly everything is one row, or the rows of a matrix. A whole vector is computed at a time, and the rest of a row
 * one element at a time by the same vector code, so an element's value does not depend on its place.
 *
 * Functions without vector code yet are calls, lane by lane, of the reference's.
 */
import { type ComputeDType, type DType, itemSize } from "../../dtype.ts";
import { type Expr, type ExprOp, type LeafOp, sortOf, topologicalOrder } from "../../scalar/expression.ts";
import { broadcastStrides, isContiguous } from "../../shape.ts";
import type { ElementwiseKernel, KernelRunner, View } from "../backend.ts";
import { scalarFunction } from "../reference/scalar.ts";
import {
  type F64,
  f32,
  f32x4,
  f64,
  f64x2,
  type I32,
  i16x8,
  i32,
  i32x4,
  increase,
  type Local,
  type ModuleBuilder,
  type Scope,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import {
  atan,
  cos,
  cosh,
  erf,
  erfc,
  exp,
  exp2,
  expm1,
  Float,
  inDouble,
  largestAngle,
  log,
  log1p,
  log2,
  log10,
  pow,
  sigmoid,
  sin,
  sinh,
  tan,
  tanh,
} from "./math.ts";
import { type Attempt, addressOf, type Imports, type PartedEntry, type Runtime } from "./runtime.ts";

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
function loadLanes(address: I32, step: I32 | null, dtype: DType, compute: ComputeDType, count: number): V128 {
  const size = itemSize(dtype) as 1 | 4 | 8;
  if (count === 1) {
    const splat = v128.splat[size](address);
    return widen(splat, dtype, compute, dtype === "float64" ? splat : null);
  }
  const bytes = size * count;
  if (step === null) {
    if (bytes === 32) return widen(v128.load(address), dtype, compute, v128.load(address, 16));
    if (bytes === 16) return widen(v128.load(address), dtype, compute, null);
    return widen(v128.splat[bytes as 2 | 4 | 8](address), dtype, compute, null);
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

/** Lanes as elements of a dtype, packed at the low end; two vectors where they need 32 bytes. */
function packed(x: V128, isMask: boolean, dtype: DType, compute: ComputeDType, again: (x: V128) => V128): V128[] {
  const width = widthOf(compute);
  const lanes = compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
  if (dtype === "bool" || (isMask && dtype === "uint8")) {
    const mask = isMask ? x : lanes.ne(x, lanes.const(0));
    return [narrow(v128.and(mask, v128.const(new Uint8Array(16).fill(1))), width)];
  }
  const number = isMask ? v128.and(x, lanes.const(1)) : x;
  if (dtype === compute) return [number];
  if (dtype === "uint8") return [narrow(number, width)];
  if (dtype === "float32") return [compute === "float64" ? f32x4.demote(number) : f32x4.convert(number)];
  if (dtype === "int32") return [compute === "float64" ? i32x4.truncF64(number) : i32x4.truncF32(number)];
  const whole = again(number);
  const high = v128.shuffle(whole, whole, [8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0, 0, 0, 0, 0, 0]);
  return compute === "float32"
    ? [f64x2.promoteLow(whole), f64x2.promoteLow(high)]
    : [f64x2.convertLow(whole), f64x2.convertLow(high)];
}

type InnerOp = Exclude<ExprOp, LeafOp>;

/** Calls the reference's function for each lane. */
function perLane(
  module: ModuleBuilder,
  imports: Record<string, (...args: number[]) => number>,
  keep: (x: V128) => V128,
  op: InnerOp,
  compute: ComputeDType,
  operands: readonly V128[],
): V128 {
  const name = `${op}_${compute}`;
  const func = module.import(
    name,
    operands.map(() => "f64" as const),
    ["f64"],
  );
  imports[name] = scalarFunction(op, compute) as (...args: number[]) => number;
  const lane = (x: V128, i: number): F64 => {
    if (compute === "float64") return f64x2.extract(x, i);
    if (compute === "float32") return f32.promote(f32x4.extract(x, i));
    const pair = i < 2 ? x : v128.shuffle(x, x, [8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0, 0, 0, 0, 0, 0]);
    return f64x2.extract(f64x2.convertLow(pair), i & 1);
  };
  const kept = operands.map(keep);
  let result = f32x4.const(0);
  for (let i = 0; i < widthOf(compute); i++) {
    const y = func.call("f64", ...kept.map((x) => lane(x, i)));
    if (compute === "float64") result = f64x2.replace(result, i, y);
    else if (compute === "float32") result = f32x4.replace(result, i, f64.demote(y));
    else result = i32x4.replace(result, i, i32x4.extract(i32x4.truncF64(f64x2.splat(y)), 0));
  }
  return result;
}

type Vectorised = (f: Float, x: V128) => V128;
const functions: Partial<Record<ExprOp, Vectorised>> = { exp: (f, x) => exp(f, x), expm1, log, log1p, tanh, sigmoid };
const doubleFunctions: Partial<Record<ExprOp, Vectorised>> = { exp2, log2, log10, atan, sinh, cosh, erf, erfc };
const angleFunctions: Partial<Record<ExprOp, Vectorised>> = { sin, cos, tan };

/** The value of one inner node. */
function compile(node: Expr, x: readonly V128[], context: Context): V128 {
  const { compute, f } = context;
  const lanes = compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
  const [a, b, c] = x as [V128, V128, V128];
  const isFloat = compute !== "int32";
  switch (node.op) {
    case "add":
    case "sub":
    case "mul":
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "gt":
    case "ge":
    case "min":
    case "max":
      return lanes[node.op](a, b);
    case "neg":
    case "abs":
      return lanes[node.op](a);
    case "and":
    case "bitAnd":
      return v128.and(a, b);
    case "or":
    case "bitOr":
      return v128.or(a, b);
    case "bitXor":
      return v128.xor(a, b);
    case "not":
    case "bitNot":
      return v128.not(a);
    case "select":
      return v128.select(b, c, a);
  }
  if (isFloat) {
    switch (node.op) {
      case "div":
        return f.ops.div(a, b);
      case "sqrt":
      case "floor":
      case "ceil":
      case "trunc":
        return f.ops[node.op](a);
      case "round":
        return f.ops.nearest(a);
      case "copysign":
        return f.copySign(a, b);
    }
    const vectorised = functions[node.op];
    if (vectorised !== undefined) return vectorised(f, a);
    const double = doubleFunctions[node.op];
    if (double !== undefined) return inDouble(f, [a], double);
    if (node.op === "pow") return inDouble(f, [a, b], (d, p, q) => pow(d, p!, q!, f.isDouble));
    const angle = angleFunctions[node.op];
    if (angle !== undefined) {
      const huge = f.let(f.ops.gt(f.ops.abs(a), f.num(largestAngle)));
      const exact = perLane(context.module, context.imports, (v) => f.let(v), node.op as InnerOp, compute, x);
      return f.amend(inDouble(f, [a], angle), huge, exact);
    }
  }
  return perLane(context.module, context.imports, (v) => f.let(v), node.op as InnerOp, compute, x);
}

interface Context {
  readonly module: ModuleBuilder;
  readonly imports: Record<string, (...args: number[]) => number>;
  readonly compute: ComputeDType;
  readonly f: Float;
}

/** Arguments before the operands': part, thread, elements of a row, rows, elements of a part, scalars. */
const leading = 6;

function build(
  runtime: Runtime,
  kernel: ElementwiseKernel,
  inputs: readonly Operand[],
  outputs: readonly Operand[],
): PartedEntry {
  const { compute, expressions } = kernel;
  const module = runtime.module();
  const imports: Record<string, (...args: number[]) => number> = {};
  const operands = [...inputs, ...outputs];
  const width = widthOf(compute);
  const types = Array.from({ length: leading + 3 * operands.length }, () => "i32" as const);
  const order = topologicalOrder(expressions);
  module.function("run", types, [], (scope: Scope, ...args) => {
    const [part, , n, rows, chunk, scalars] = args as [
      Local<"i32">,
      Local<"i32">,
      Local<"i32">,
      Local<"i32">,
      Local<"i32">,
      Local<"i32">,
    ];
    const start = (i: number): Local<"i32"> => args[leading + 3 * i] as Local<"i32">;
    const rowStep = (i: number): Local<"i32"> => args[leading + 3 * i + 1] as Local<"i32">;
    const step = (i: number): Local<"i32"> => args[leading + 3 * i + 2] as Local<"i32">;
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
      const statements: Statement[] = [];
      const f = new Float(scope, statements, compute === "float64", runtime);
      const context: Context = { module, imports, compute, f };
      const values = new Map<Expr, V128>();
      for (const node of order) {
        let value: V128;
        if (node.op === "constant") value = compute === "int32" ? lanes.const(node.value) : f.num(node.value);
        else if (node.op === "parameter") value = parameters.find((p) => p.e === node)!.local;
        else {
          const local = scope.local("v128");
          const i = node.value;
          const computed =
            node.op === "argument"
              ? loadLanes(
                  cursors[i]!,
                  inputs[i]!.access === access.strided ? step(i) : null,
                  inputs[i]!.dtype,
                  compute,
                  inputs[i]!.access === access.constant ? 1 : count,
                )
              : compile(
                  node,
                  node.operands.map((o) => values.get(o)!),
                  context,
                );
          statements.push(local.set(computed));
          value = local;
        }
        values.set(node, value);
      }
      outputs.forEach(({ dtype, access: moves }, o) => {
        const to = cursors[inputs.length + o]!;
        const size = itemSize(dtype) as 1 | 4 | 8;
        const e = expressions[o]!;
        const vectors = packed(values.get(e)!, sortOf(e) === "mask", dtype, compute, (v) => f.let(v));
        if (count === 1) statements.push(v128.storeLane[size](0, to, vectors[0]!));
        else if (moves === access.strided) {
          const kept = vectors.map((v) => {
            const local = scope.local("v128");
            statements.push(local.set(v));
            return local;
          });
          for (let i = 0; i < count; i++) {
            const perVector = Math.min(count, 16 / size);
            const at = i32.add(to, i32.mul(step(inputs.length + o), i));
            statements.push(v128.storeLane[size](i % perVector, at, kept[Math.floor(i / perVector)]!));
          }
        } else if (size * count >= 16) statements.push(...vectors.map((v, i) => v128.store(to, v, 16 * i)));
        else statements.push(v128.storeLane[(size * count) as 2 | 4 | 8](0, to, vectors[0]!));
      });
      operands.forEach(({ dtype, access: moves }, i) => {
        if (moves === access.contiguous) statements.push(increase(cursors[i]!, itemSize(dtype) * count));
        if (moves === access.strided) statements.push(increase(cursors[i]!, i32.mul(step(i), count)));
      });
      statements.push(increase(left, -count));
      return statements;
    };

    return [
      ...parameters.map(({ e, local }) => local.set(splatParameter(e.value))),
      // A part of a single long row.
      when(
        chunk,
        ...operands.map((_, i) => increase(start(i), i32.mul(i32.mul(part, chunk), step(i)))),
        n.set(i32.sub(n, i32.mul(part, chunk))),
        when(i32.lt(chunk, n), n.set(chunk)),
      ),
      whileLoop(
        i32.gt(rows, 0),
        ...cursors.map((cursor, i) => cursor.set(start(i))),
        left.set(n),
        whileLoop(i32.ge(left, width), ...body(width)),
        whileLoop(i32.gt(left, 0), ...body(1)),
        ...operands.map((_, i) => increase(start(i), rowStep(i))),
        increase(rows, -1),
      ),
    ];
  });
  return runtime.link(module, imports as Imports)("run");
}

const dtypeCodes: Readonly<Record<DType, number>> = { float64: 0, float32: 1, int32: 2, uint8: 3, bool: 4 };
/** Elements of a part, when a long row is shared out between threads. */
const partLength = 32768;

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
  const kernels = new WeakMap<ElementwiseKernel, Map<string | number, PartedEntry | null>>();
  /** Conversions of floats to integers wrap in the reference, but saturate here. */
  const supported = (compute: ComputeDType, inputs: readonly View[], outputs: readonly View[]): boolean =>
    compute === "int32"
      ? inputs.every((v) => v.dtype !== "float32" && v.dtype !== "float64")
      : outputs.every((v) => v.dtype !== "int32" && v.dtype !== "uint8");

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
      entry = supported(kernel.compute, inputs, outputs)
        ? build(runtime, kernel, operands.slice(0, inputs.length), operands.slice(inputs.length))
        : null;
      variants.set(variant, entry);
    }
    if (entry === null) return false;
    const scalarsAt = scalars.length > 0 ? runtime.passScalars(scalars) : 0;

    if (walk === null) {
      if (size < partLength) {
        // Small operations are many; they get their arguments without arrays.
        if (count === 2 && inputs.length === 1) {
          const [a, o] = [inputs[0]!, output];
          entry.entry(
            0,
            0,
            size,
            1,
            0,
            scalarsAt,
            addressOf(a, itemSize(a.dtype)),
            0,
            0,
            addressOf(o, itemSize(o.dtype)),
            0,
            0,
          );
          return true;
        }
        if (count === 3 && inputs.length === 2) {
          const [a, b, o] = [inputs[0]!, inputs[1]!, output];
          const [x, y, z] = [itemSize(a.dtype), itemSize(b.dtype), itemSize(o.dtype)];
          entry.entry(0, 0, size, 1, 0, scalarsAt, addressOf(a, x), 0, 0, addressOf(b, y), 0, 0, addressOf(o, z), 0, 0);
          return true;
        }
      }
      const isLong = size >= 2 * partLength;
      const args = [size, 1, isLong ? partLength : 0, scalarsAt];
      for (const v of views ?? [...inputs, ...outputs]) {
        const bytes = itemSize(v.dtype);
        args.push(addressOf(v, bytes), 0, v.size === 1 && size !== 1 ? 0 : bytes);
      }
      runtime.parallel(entry, isLong ? Math.ceil(size / partLength) : 1, args, 4 * size);
      return true;
    }
    runWalk(entry, walk, views!, scalarsAt);
    return true;
  };
}

/** Runs a kernel over all but the last two axes, which it walks itself. */
function runWalk(entry: PartedEntry, { shape, strides }: Walk, views: readonly View[], scalarsAt: number): void {
  const rank = shape.length;
  const [rows, n] = [shape[rank - 2] ?? 1, shape[rank - 1] ?? 1];
  const args = [0, 0, n, rows, 0, scalarsAt];
  views.forEach((v, i) => {
    const bytes = itemSize(v.dtype);
    args.push(addressOf(v, bytes), strides[i]![rank - 2] ?? 0, strides[i]![rank - 1] ?? bytes);
  });
  const outer = Math.max(0, rank - 2);
  const index = new Array<number>(outer).fill(0);
  for (;;) {
    entry.entry(...args);
    let axis = outer - 1;
    for (; axis >= 0; axis--) {
      const ended = ++index[axis]! === shape[axis]!;
      const steps = ended ? 1 - shape[axis]! : 1;
      for (let v = 0; v < views.length; v++) args[6 + 3 * v]! += steps * strides[v]![axis]!;
      if (!ended) break;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}
