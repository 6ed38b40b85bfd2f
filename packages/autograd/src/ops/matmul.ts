import type { ContractKernel } from "../backend/backend.ts";
import { type DType, promoteTypes } from "../dtype.ts";
import { checkInteger, ShapeError } from "../errors.ts";
import { launch } from "../launch.ts";
import { type Op, type Saved, savesInput } from "../op.ts";
import { broadcastShapes, type Shape } from "../shape.ts";
import type { Computed, Fits, MatMul, ShapeOf } from "../shape-types.ts";
import { apply } from "../tape.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import { asBatch, broadcastTo } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { permute, reshape } from "./reshape.ts";
import { operandOf, type TensorLike } from "./tensor-like.ts";

/** Ranks of the groups of axes: `a: [...batch, ...m, ...k]`, `b: [...batch, ...k, ...n]`. */
export interface Groups {
  readonly batch: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

const kernels = new Map<string, ContractKernel>();

/** One object for all contractions of the same groups, as backends keep what they know of a kernel by the object. */
export function kernelFor({ batch, m, k, n }: Groups): ContractKernel {
  const key = `${batch},${m},${k},${n}`;
  let kernel = kernels.get(key);
  if (kernel === undefined) {
    kernel = { kind: "contract", batch, m, k, n };
    kernels.set(key, kernel);
  }
  return kernel;
}

/** The order of a matrix' axes, transposed. */
const transposed = [1, 0] as const;

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** Exchanges two neighbouring groups of axes, which start after `batch` axes. */
function exchange(x: Tensor, batch: number, first: number, second: number): Tensor {
  if (batch === 0 && first === 1 && second === 1) return permute(x, transposed);
  return permute(x, [...range(0, batch), ...range(batch + first, second), ...range(batch, first)]);
}

const savesOther: readonly Saved[] = [savesInput(1), savesInput(0)];

/**
 * The sum of products over shared axes: `result: [...batch, ...m, ...n]`. It is bilinear, and both its transposes are
 * contractions again: over n with b, over m with a.
 */
const contractOp: Op<Groups> = {
  name: "matmul",
  forward: ([a, b], groups) => {
    const { batch, m, k } = groups;
    const shape = [...a!.shape.slice(0, batch + m), ...b!.shape.slice(batch + k)];
    return launch(kernelFor(groups), [a!, b!], a!.dtype, shape);
  },
  saves: (index) => savesOther[index]!,
  vjp: ([cotangent], call, index) => {
    const { batch, m, k, n } = call.params;
    return index === 0
      ? contract(cotangent!, exchange(call.input(1), batch, k, n), { batch, m, k: n, n: k })
      : contract(exchange(call.input(0), batch, m, k), cotangent!, { batch, m: k, k: m, n });
  },
  jvp: ([da, db], call) => {
    const left = da ? contract(da, call.input(1), call.params) : null;
    const right = db ? contract(call.input(0), db, call.params) : null;
    return left !== null && right !== null ? left.add(right) : left !== null ? left : right;
  },
  batch: ([a, b], batched, { batch, m, k, n }, size) => {
    // A batch of left operands only is more rows of one.
    if (!batched[1] && batch === 0) return contract(a!, b!, { batch, m: m + 1, k, n });
    return contract(asBatch(a!, batched[0]!, size), asBatch(b!, batched[1]!, size), { batch: batch + 1, m, k, n });
  },
};

/**
 * The sum of products of elements of `a` and `b` over shared axes, in groups of neighbouring axes:
 * `a: [...batch, ...m, ...k]`, `b: [...batch, ...k, ...n]` give `[...batch, ...m, ...n]`.
 * Nothing is broadcast. The dtype is promoted.
 * @throws {ArgumentError} when an operand is no tensor, or a group no number of axes.
 * @throws {ShapeError} when the groups do not name every axis, or lengths of shared axes differ.
 *
 * @example
 * ```ts
 * const [a, b] = [tensor([[1, 2], [3, 4]]), tensor([[1, 0], [0, 2]])];
 * contract(a, b, { batch: 0, m: 1, k: 1, n: 1 }); // [[1, 4], [3, 8]]
 * contract(a, b, { batch: 0, m: 0, k: 2, n: 0 }); // 9
 * ```
 */
export function contract(a: Tensor, b: Tensor, groups: Groups): Tensor {
  tensorIn("contract", "the left operand", a);
  tensorIn("contract", "the right operand", b);
  const { batch, m, k, n } = groups ?? {};
  const counted = Number.isInteger(batch) && Number.isInteger(m) && Number.isInteger(k) && Number.isInteger(n);
  let fits = counted && a.rank === batch + m + k && b.rank === batch + k + n;
  for (let i = 0; fits && i < batch; i++) fits = a.shape[i] === b.shape[i];
  for (let i = 0; fits && i < k; i++) fits = a.shape[batch + m + i] === b.shape[batch + i];
  if (!fits) {
    for (const [name, count] of Object.entries({ batch, m, k, n })) checkInteger("contract", name, count, 0);
    throw new ShapeError({
      op: "contract",
      message: `shapes do not fit groups of ${batch}, ${m}, ${k} and ${n} axes`,
      operands: [a, b],
      hint: "they are [...batch, ...m, ...k] and [...batch, ...k, ...n]",
    });
  }
  const dtype: DType = promoteTypes(promoteTypes(a.dtype, b.dtype), "int32");
  return apply(contractOp, [cast(a, dtype), cast(b, dtype)], groups);
}

/**
 * The matrix product of the last two axes, over leading axes that broadcast. A vector (rank 1) on the left is a row, on
 * the right a column, and loses that axis in the result.
 *
 * @param a shape `[..., m, k]` or `[k]`.
 * @param b shape `[..., k, n]` or `[k]`.
 * @returns shape `[..., m, n]`, in the promoted dtype.
 * @throws {ShapeError} when the lengths of the shared axis differ, leading axes do not broadcast, or an operand is a scalar.
 *
 * @example
 * ```ts
 * matmul([[1, 2], [3, 4]], [[5], [6]]); // [[17], [39]]
 * matmul([1, 2], [3, 4]); // 11
 * ```
 */
export function matmul<A extends TensorLike, B extends TensorLike>(
  a: A,
  b: Fits<B, MatMul<ShapeOf<A>, ShapeOf<B>>>,
): Computed<MatMul<ShapeOf<A>, ShapeOf<B>>>;
export function matmul(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [operandOf("matmul", a), operandOf("matmul", b)];
  if (x.rank === 0 || y.rank === 0) {
    throw new ShapeError({ op: "matmul", message: "an operand has no axes", operands: [x, y], hint: "mul() scales" });
  }
  const inner = x.shape.at(-1)!;
  if (inner !== y.shape.at(y.rank === 1 ? 0 : -2)) {
    throw new ShapeError({
      op: "matmul",
      message: `the shared axis has length ${inner} on the left and ${y.shape.at(y.rank === 1 ? 0 : -2)} on the right`,
      operands: [x, y],
      hint: "shapes are [..., m, k] and [..., k, n]; transpose() exchanges axes",
    });
  }
  if (y.rank <= 2) return contract(x, y, { batch: 0, m: x.rank - 1, k: 1, n: y.rank - 1 });
  const left = x.rank === 1 ? reshape(x, [1, inner]) : x;
  const lead = (t: Tensor): { shape: Shape; dtype: DType } => ({ shape: t.shape.slice(0, -2), dtype: t.dtype });
  const batch = broadcastShapes("matmul", [lead(left), lead(y)]);
  const product = contract(
    broadcastTo(left, [...batch, ...left.shape.slice(-2)]),
    broadcastTo(y, [...batch, ...y.shape.slice(-2)]),
    { batch: batch.length, m: 1, k: 1, n: 1 },
  );
  return x.rank === 1 ? reshape(product, product.shape.toSpliced(-2, 1)) : product;
}
