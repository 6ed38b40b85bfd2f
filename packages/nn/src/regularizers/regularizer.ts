import {
  ArgumentError,
  abs,
  add,
  eye,
  matmul,
  mul,
  reshape,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
} from "@gradiente/autograd";
import { type Config, type Serialized, serialized } from "../config.ts";
import { makeNamed } from "../names.ts";
import { checkOptionNames, checkOptionsOf } from "../option-checks.ts";

/** A penalty on the values of a weight (or a layer's output), added to the loss. */
export abstract class Regularizer {
  /** Keras' class name. */
  abstract readonly className: string;
  /** The penalty, a scalar. */
  abstract apply(weight: Tensor): Tensor;
  abstract getConfig(): Config;
}

/** l1·Σ|w| + l2·Σw². Both default to 0. */
export class L1L2 extends Regularizer {
  /** @internal */
  static readonly optionNames: readonly string[] = ["l1", "l2"];
  readonly className: string = "L1L2";
  readonly l1: number;
  readonly l2: number;
  constructor(options: { readonly l1?: number; readonly l2?: number } = {}) {
    super();
    checkOptionsOf(L1L2, new.target, options);
    this.l1 = options.l1 ?? 0;
    this.l2 = options.l2 ?? 0;
  }
  apply(weight: Tensor): Tensor {
    const absolute = this.l1 === 0 ? null : mul(sum(abs(weight)), this.l1);
    const squared = this.l2 === 0 && absolute !== null ? null : mul(sum(square(weight)), this.l2);
    return absolute === null ? squared! : squared === null ? absolute : add(absolute, squared);
  }
  getConfig(): Config {
    return { l1: this.l1, l2: this.l2 };
  }
}

/** l1·Σ|w|. */
export class L1 extends L1L2 {
  /** @internal */
  static override readonly optionNames: readonly string[] = ["l1"];
  override readonly className = "L1";
  constructor(options: { readonly l1?: number } = {}) {
    checkOptionsOf(L1, new.target, options);
    super({ l1: options.l1 ?? 0.01 });
  }
  override getConfig(): Config {
    return { l1: this.l1 };
  }
}

/** l2·Σw². */
export class L2 extends L1L2 {
  /** @internal */
  static override readonly optionNames: readonly string[] = ["l2"];
  override readonly className = "L2";
  constructor(options: { readonly l2?: number } = {}) {
    checkOptionsOf(L2, new.target, options);
    super({ l2: options.l2 ?? 0.01 });
  }
  override getConfig(): Config {
    return { l2: this.l2 };
  }
}

/** (λ/N)·Σw²: the ridge penalty in the form of textbooks, for N training samples. It is Keras' l2 with l2 = λ/N. */
export class Ridge extends L2 {
  /** @internal */
  static override readonly optionNames: readonly string[] = ["lambda", "samples"];
  readonly lambda: number;
  readonly samples: number;
  constructor(options: { readonly lambda: number; readonly samples: number }) {
    checkOptionsOf(Ridge, new.target, options);
    const { lambda, samples } = options;
    super({ l2: lambda / samples });
    this.lambda = lambda;
    this.samples = samples;
  }
}

/** Pulls the rows (or columns) of a matrix apart: factor times the sum of the absolute cosines between them, halved. */
export class OrthogonalRegularizer extends Regularizer {
  /** @internal */
  static readonly optionNames: readonly string[] = ["factor", "mode"];
  readonly className = "OrthogonalRegularizer";
  readonly factor: number;
  readonly mode: "rows" | "columns";
  constructor(options: { readonly factor?: number; readonly mode?: "rows" | "columns" } = {}) {
    super();
    checkOptionsOf(OrthogonalRegularizer, new.target, options);
    const { factor = 0.01, mode = "rows" } = options;
    this.factor = factor;
    this.mode = mode;
  }
  apply(weight: Tensor): Tensor {
    const vectors = this.mode === "rows" ? weight : transpose(weight);
    const size = vectors.shape[0]!;
    const unit = vectors.div(sqrt(sum(square(vectors), { axis: 1, keepDims: true })));
    const product = reshape(matmul(unit, transpose(unit)), [size, size]);
    const off = mul(product, sub(1, eye(size, size)));
    return mul(mul(sum(abs(off)), 0.5), this.factor / ((size * (size - 1)) / 2));
  }
  getConfig(): Config {
    return { factor: this.factor, mode: this.mode };
  }
}

/** Keras' names of regularizers. */
export type RegularizerName = "l1" | "l2" | "l1_l2" | "orthogonal_regularizer";

/** What stands for a regularizer in options: a name, an object, or any function of the weight that gives a scalar. */
export type RegularizerLike = RegularizerName | Regularizer | Serialized | ((weight: Tensor) => Tensor);

const classes = { L1, L2, L1L2, OrthogonalRegularizer };

class FunctionRegularizer extends Regularizer {
  readonly className = "Function";
  readonly penalty: (weight: Tensor) => Tensor;
  constructor(penalty: (weight: Tensor) => Tensor) {
    super();
    this.penalty = penalty;
  }
  apply(weight: Tensor): Tensor {
    return this.penalty(weight);
  }
  getConfig(): Config {
    return {};
  }
}

/** The regularizer that an option stands for. @throws {ArgumentError} for an unknown name. */
export function resolveRegularizer(op: string, given: RegularizerLike | null | undefined): Regularizer | null {
  if (given === null || given === undefined) return null;
  if (given instanceof Regularizer) return given;
  if (typeof given === "function") return new FunctionRegularizer(given);
  return makeNamed<Regularizer>(op, "regularizer", given, classes, { l1_l2: "L1L2" });
}

export function regularizerConfig(regularizer: Regularizer | null): Config | null {
  return regularizer === null ? null : serialized("keras.regularizers", regularizer.className, regularizer.getConfig());
}

/** l1·Σ|w|. */
export function l1(factor = 0.01): L1 {
  return new L1({ l1: factor });
}

/** l2·Σw², Keras' form (see {@link ridge} for the course's). */
export function l2(factor = 0.01): L2 {
  return new L2({ l2: factor });
}

/** l1·Σ|w| + l2·Σw². */
export function l1l2(options: { readonly l1?: number; readonly l2?: number } = { l1: 0.01, l2: 0.01 }): L1L2 {
  return new L1L2(options);
}

/**
 * (λ/N)·Σw²: the ridge penalty in the form of textbooks, for N training samples. With the mean squared error, a linear
 * model's best weights are (XᵀX + λI)⁻¹Xᵀy.
 *
 * @throws {ArgumentError} for a λ below 0, or no samples.
 *
 * @example
 * ```ts
 * ridge(0.1, { samples: 50 }).apply(tensor([3, 4])); // 0.05
 * ```
 */
export function ridge(lambda: number, options: { readonly samples: number }): Ridge {
  checkOptionNames("ridge", options, ["samples"]);
  const { samples } = options;
  if (!Number.isFinite(lambda) || lambda < 0 || !Number.isFinite(samples) || samples <= 0) {
    throw new ArgumentError({
      op: "ridge",
      message: `lambda is ${lambda} and samples ${samples}, expected a number from 0 and one above 0`,
    });
  }
  return new Ridge({ lambda, samples });
}
