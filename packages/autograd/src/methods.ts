import type { BackwardOptions } from "./backward.ts";
import { backward } from "./backward.ts";
import { type SaveTensorsOptions, saveTensor } from "./files/tensors.ts";
import type { TensorLike } from "./ops/index.ts";
import * as ops from "./ops/index.ts";
import type { Shape } from "./shape.ts";
import type { Broadcast, Completed, Computed, Fits, MatMul, ShapeOf, TensorOf } from "./shape-types.ts";
import { type NestedArray, Tensor } from "./tensor.ts";

// The operations that are methods, too: functions whose first argument is a tensor.
/** Of one tensor, element by element. */
const unary = [
  "neg",
  "abs",
  "sign",
  "square",
  "reciprocal",
  "floor",
  "ceil",
  "trunc",
  "round",
  "frac",
  "exp",
  "expm1",
  "exp2",
  "log",
  "log1p",
  "log2",
  "log10",
  "sqrt",
  "rsqrt",
  "cbrt",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "tanh",
  "asinh",
  "acosh",
  "atanh",
  "sinc",
  "erf",
  "erfc",
  "erfinv",
  "lgamma",
  "digamma",
  "sigmoid",
  "logSigmoid",
  "relu",
  "relu6",
  "selu",
  "silu",
  "mish",
  "softsign",
  "hardSigmoid",
  "hardSilu",
  "tanhShrink",
  "logicalNot",
  "isNan",
  "isFinite",
  "isInf",
  "detach",
  "clone",
  "contiguous",
] as const;
/** Of two tensors that broadcast, element by element. */
const binary = [
  "add",
  "sub",
  "mul",
  "div",
  "pow",
  "remainder",
  "floorDivide",
  "maximum",
  "minimum",
  "hypot",
  "copysign",
  "atan2",
  "logAddExp",
  "xlogy",
  "equal",
  "notEqual",
  "less",
  "lessEqual",
  "greater",
  "greaterEqual",
  "logicalAnd",
  "logicalOr",
  "logicalXor",
] as const;
const others = [
  "bitwiseAnd",
  "bitwiseOr",
  "bitwiseXor",
  "leftShift",
  "rightShift",
  "dot",
  "inner",
  "outer",
  "kron",
  "cross",
  "cholesky",
  "solve",
  "inv",
  "det",
  "slogdet",
  "qr",
  "svd",
  "eigh",
  "lstsq",
  "pinv",
  "matrixPower",
  "matrixExp",
  "matrixNorm",
  "cond",
  "logit",
  "leakyRelu",
  "prelu",
  "elu",
  "celu",
  "gelu",
  "softplus",
  "hardTanh",
  "softShrink",
  "hardShrink",
  "threshold",
  "clamp",
  "lerp",
  "addcmul",
  "nanToNum",
  "bitwiseNot",
  "sum",
  "mean",
  "prod",
  "max",
  "min",
  "amax",
  "amin",
  "any",
  "all",
  "variance",
  "var",
  "std",
  "norm",
  "logSumExp",
  "countNonzero",
  "nanSum",
  "nanMean",
  "median",
  "quantile",
  "nanMedian",
  "nanQuantile",
  "average",
  "argmax",
  "argmin",
  "softmax",
  "logSoftmax",
  "cumsum",
  "cumprod",
  "cummax",
  "cummin",
  "logCumSumExp",
  "diff",
  "trapezoid",
  "bincount",
  "cast",
  "flatten",
  "ravel",
  "broadcastTo",
  "expand",
  "sumTo",
  "permute",
  "transpose",
  "swapAxes",
  "moveAxis",
  "unsqueeze",
  "squeeze",
  "slice",
  "select",
  "at",
  "setAt",
  "addAt",
  "flip",
  "roll",
  "rot90",
  "tile",
  "repeat",
  "split",
  "chunk",
  "unstack",
  "pad",
  "diagonal",
  "diag",
  "tril",
  "triu",
  "unfold",
  "take",
  "takeAlongAxis",
  "gather",
  "scatter",
  "scatterAdd",
  "scatterReduce",
  "indexSelect",
  "indexAdd",
  "maskedFill",
  "maskedSelect",
  "nonzero",
  "sort",
  "argsort",
  "topK",
  "unique",
] as const;

/** The functions of some names. Their documentation comes along. */
type Functions<Name extends keyof typeof ops> = Pick<typeof ops, Name>;

/** A function of a tensor as a method of it. */
type Method<F> = F extends (x: infer _, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never;

type Unary = <X extends Tensor>(this: X) => TensorOf<ShapeOf<X>>;
type Binary = <X extends Tensor, Y extends TensorLike>(
  this: X,
  y: Fits<Y, Broadcast<ShapeOf<X>, ShapeOf<Y>>>,
) => Computed<Broadcast<ShapeOf<X>, ShapeOf<Y>>>;

type UnaryMethods = { readonly [K in keyof Functions<(typeof unary)[number]>]: Unary };
type BinaryMethods = { readonly [K in keyof Functions<(typeof binary)[number]>]: Binary };
type OtherMethods = { readonly [K in keyof Functions<(typeof others)[number]>]: Method<(typeof ops)[K]> };

/** The operations as methods: `x.tanh()` is `tanh(x)`. Each is documented at its function. */
export interface TensorMethods extends UnaryMethods, BinaryMethods, OtherMethods {
  matmul<X extends Tensor, Y extends TensorLike>(
    this: X,
    y: Fits<Y, MatMul<ShapeOf<X>, ShapeOf<Y>>>,
  ): Computed<MatMul<ShapeOf<X>, ShapeOf<Y>>>;
  reshape<const S extends Shape>(shape: S): TensorOf<Completed<S>>;
  /** Differentiates this tensor; see {@link backward}. */
  backward(cotangent?: TensorLike | null, options?: BackwardOptions): void;
  /**
   * The elements as nested arrays, which is what `JSON.stringify` writes of a tensor (NaN and infinities as null).
   *
   * @example
   * ```ts
   * JSON.stringify({ x: tensor([1, 2]) }); // '{"x":[1,2]}'
   * ```
   */
  toJSON(): NestedArray;
  /**
   * Saves the tensor as `.npy`, or, with the name `tensor`, as `.npz` or `.safetensors`; see {@link saveTensors}.
   *
   * @example
   * ```ts
   * await tensor([[1, 2], [3, 4]]).save("matrix.npy");
   * (await loadTensors("matrix.npy")).tensor; // [[1, 2], [3, 4]]
   * ```
   */
  save(path: string, options?: SaveTensorsOptions): Promise<void>;
}

function install(name: string, value: (this: Tensor, ...args: never[]) => unknown): void {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
}

const functions: Readonly<Record<string, unknown>> = ops;
for (const name of [...unary, ...binary, ...others, "matmul", "reshape"] as const) {
  const f = functions[name] as (x: Tensor, ...rest: unknown[]) => unknown;
  install(name, function (...rest) {
    return f(this, ...rest);
  });
}

install("backward", function (cotangent?: TensorLike | null, options?: BackwardOptions) {
  const isGiven = cotangent !== undefined && cotangent !== null;
  return backward(this, isGiven ? ops.asTensor(cotangent, this.dtype) : null, options);
});

install("save", function (path: string, options?: SaveTensorsOptions) {
  return saveTensor(this, path, options);
});

// What other parts of the language ask of a value: JSON, and what Node's console prints.
install("toJSON", function () {
  return this.toArray();
});
Object.defineProperty(Tensor.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Tensor) {
    return `${this.constructor.name} ${this}`;
  },
});
