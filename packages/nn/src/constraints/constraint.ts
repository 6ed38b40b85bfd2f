import { add, clone, div, greaterEqual, maximum, mul, sqrt, square, sub, sum, type Tensor } from "@gradiente/autograd";
import { type Config, type Serialized, serialized } from "../config.ts";
import { makeNamed } from "../names.ts";
import { checkOptionsOf } from "../option-checks.ts";

/** A projection applied to a weight after every update. */
export abstract class Constraint {
  /** Keras' class name. */
  abstract readonly className: string;
  /** The value that replaces the weight. */
  abstract apply(weight: Tensor): Tensor;
  getConfig(): Config {
    return {};
  }
}

const epsilon = 1e-7;

type Axis = number | readonly number[];

function norm(weight: Tensor, axis: Axis): Tensor {
  return sqrt(sum(square(weight), { axis, keepDims: true }));
}

/** No value is negative. */
export class NonNeg extends Constraint {
  /** @internal */
  static readonly optionNames: readonly string[] = [];
  readonly className = "NonNeg";
  apply(weight: Tensor): Tensor {
    return mul(weight, greaterEqual(weight, 0).cast(weight.dtype));
  }
}

/** The norm along `axis` (default 0: a unit's incoming weights) is at most `maxValue` (default 2). */
export class MaxNorm extends Constraint {
  /** @internal */
  static readonly optionNames: readonly string[] = ["maxValue", "axis"];
  readonly className = "MaxNorm";
  readonly maxValue: number;
  readonly axis: Axis;
  constructor(options: { readonly maxValue?: number; readonly axis?: Axis } = {}) {
    super();
    checkOptionsOf(MaxNorm, new.target, options);
    const { maxValue = 2, axis = 0 } = options;
    this.maxValue = maxValue;
    this.axis = axis;
  }
  apply(weight: Tensor): Tensor {
    const norms = norm(weight, this.axis);
    const desired = norms.maximum(0).minimum(this.maxValue);
    return mul(weight, div(desired, add(norms, epsilon)));
  }
  override getConfig(): Config {
    return { max_value: this.maxValue, axis: this.axis };
  }
}

/** The norm along `axis` (default 0) is 1. */
export class UnitNorm extends Constraint {
  /** @internal */
  static readonly optionNames: readonly string[] = ["axis"];
  readonly className = "UnitNorm";
  readonly axis: Axis;
  constructor(options: { readonly axis?: Axis } = {}) {
    super();
    checkOptionsOf(UnitNorm, new.target, options);
    this.axis = options.axis ?? 0;
  }
  apply(weight: Tensor): Tensor {
    return div(weight, add(norm(weight, this.axis), epsilon));
  }
  override getConfig(): Config {
    return { axis: this.axis };
  }
}

/** The norm along `axis` is pulled between `minValue` (0) and `maxValue` (1), by the fraction `rate` (1) each time. */
export class MinMaxNorm extends Constraint {
  /** @internal */
  static readonly optionNames: readonly string[] = ["minValue", "maxValue", "rate", "axis"];
  readonly className = "MinMaxNorm";
  readonly minValue: number;
  readonly maxValue: number;
  readonly rate: number;
  readonly axis: Axis;
  constructor(
    options: {
      readonly minValue?: number;
      readonly maxValue?: number;
      readonly rate?: number;
      readonly axis?: Axis;
    } = {},
  ) {
    super();
    checkOptionsOf(MinMaxNorm, new.target, options);
    const { minValue = 0, maxValue = 1, rate = 1, axis = 0 } = options;
    this.minValue = minValue;
    this.maxValue = maxValue;
    this.rate = rate;
    this.axis = axis;
  }
  apply(weight: Tensor): Tensor {
    const norms = norm(weight, this.axis);
    const clipped = maximum(norms, this.minValue).minimum(this.maxValue);
    const desired = add(mul(clipped, this.rate), mul(norms, sub(1, this.rate)));
    return mul(weight, div(desired, add(norms, epsilon)));
  }
  override getConfig(): Config {
    return { min_value: this.minValue, max_value: this.maxValue, rate: this.rate, axis: this.axis };
  }
}

const classes = { MaxNorm, MinMaxNorm, NonNeg, UnitNorm };

/** Keras' names of constraints. */
export type ConstraintName = "max_norm" | "min_max_norm" | "non_neg" | "unit_norm";

/** What stands for a constraint in options. */
export type ConstraintLike = ConstraintName | Constraint | Serialized | ((weight: Tensor) => Tensor);

class FunctionConstraint extends Constraint {
  readonly className = "Function";
  readonly projection: (weight: Tensor) => Tensor;
  constructor(projection: (weight: Tensor) => Tensor) {
    super();
    this.projection = projection;
  }
  apply(weight: Tensor): Tensor {
    return clone(this.projection(weight));
  }
}

/** The constraint that an option stands for. @throws {ArgumentError} for an unknown name. */
export function resolveConstraint(op: string, given: ConstraintLike | null | undefined): Constraint | null {
  if (given === null || given === undefined) return null;
  if (given instanceof Constraint) return given;
  if (typeof given === "function") return new FunctionConstraint(given);
  return makeNamed<Constraint>(op, "constraint", given, classes);
}

export function constraintConfig(constraint: Constraint | null): Config | null {
  return constraint === null ? null : serialized("keras.constraints", constraint.className, constraint.getConfig());
}
