import {
  ArgumentError,
  add,
  erfinv,
  eye,
  type FloatDType,
  full,
  type Generator,
  mul,
  Generator as RandomGenerator,
  randn,
  type Shape,
  type Tensor,
  tensor,
  uniform,
} from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { unknownName } from "../errors.ts";
import { checkOptionsOf } from "../option-checks.ts";

/** Draws the first values of a weight. */
export abstract class Initializer {
  /** Keras' class name. */
  abstract readonly className: string;
  /** Fixes the values, whatever the generator. */
  readonly seed: number | null;

  constructor(seed: number | null = null) {
    this.seed = seed;
  }

  /** Values of the given shape. */
  create(shape: Shape, dtype: FloatDType, generator: Generator): Tensor {
    return this.draw(shape, dtype, this.seed === null ? generator : new RandomGenerator(this.seed));
  }

  protected abstract draw(shape: Shape, dtype: FloatDType, generator: Generator): Tensor;

  getConfig(): Config {
    return { seed: this.seed };
  }
}

/** Every value is the same. */
export class Constant extends Initializer {
  /** @internal */
  static readonly optionNames: readonly string[] = ["value"];
  readonly className: string = "Constant";
  readonly value: number;
  constructor(options: { readonly value?: number } = {}) {
    super();
    checkOptionsOf(Constant, new.target, options);
    this.value = options.value ?? 0;
  }
  protected draw(shape: Shape, dtype: FloatDType): Tensor {
    return full(shape, this.value, { dtype });
  }
  override getConfig(): Config {
    return { value: this.value };
  }
}

export class Zeros extends Constant {
  /** @internal */
  static override readonly optionNames: readonly string[] = [];
  override readonly className = "Zeros";
  constructor() {
    super({ value: 0 });
  }
  override getConfig(): Config {
    return {};
  }
}

export class Ones extends Constant {
  /** @internal */
  static override readonly optionNames: readonly string[] = [];
  override readonly className = "Ones";
  constructor() {
    super({ value: 1 });
  }
  override getConfig(): Config {
    return {};
  }
}

/** The identity matrix times `gain`. */
export class Identity extends Initializer {
  /** @internal */
  static readonly optionNames: readonly string[] = ["gain"];
  readonly className = "Identity";
  readonly gain: number;
  constructor(options: { readonly gain?: number } = {}) {
    super();
    checkOptionsOf(Identity, new.target, options);
    this.gain = options.gain ?? 1;
  }
  protected draw(shape: Shape, dtype: FloatDType): Tensor {
    if (shape.length !== 2) throw unfit(this.className, "matrices", shape);
    return eye(shape[0]!, shape[1]!, { dtype }).mul(this.gain);
  }
  override getConfig(): Config {
    return { gain: this.gain };
  }
}

function unfit(op: string, what: string, shape: Shape): ArgumentError {
  return new ArgumentError({ op, message: `is for ${what}, not for one of shape [${shape.join(", ")}]` });
}

interface Normal {
  readonly mean?: number;
  readonly stddev?: number;
  readonly seed?: number | null;
}

/** Normally distributed values. */
export class RandomNormal extends Initializer {
  /** @internal */
  static readonly optionNames: readonly string[] = ["mean", "stddev", "seed"];
  readonly className = "RandomNormal";
  readonly mean: number;
  readonly stddev: number;
  constructor(options: Normal = {}) {
    checkOptionsOf(RandomNormal, new.target, options);
    const { mean = 0, stddev = 0.05, seed = null } = options;
    super(seed);
    this.mean = mean;
    this.stddev = stddev;
  }
  protected draw(shape: Shape, dtype: FloatDType, generator: Generator): Tensor {
    return add(mul(randn(shape, { dtype, generator }), this.stddev), this.mean);
  }
  override getConfig(): Config {
    return { mean: this.mean, stddev: this.stddev, seed: this.seed };
  }
}

/** Normally distributed values, those beyond two standard deviations excluded. */
export class TruncatedNormal extends Initializer {
  /** @internal */
  static readonly optionNames: readonly string[] = ["mean", "stddev", "seed"];
  readonly className = "TruncatedNormal";
  readonly mean: number;
  readonly stddev: number;
  constructor(options: Normal = {}) {
    checkOptionsOf(TruncatedNormal, new.target, options);
    const { mean = 0, stddev = 0.05, seed = null } = options;
    super(seed);
    this.mean = mean;
    this.stddev = stddev;
  }
  protected draw(shape: Shape, dtype: FloatDType, generator: Generator): Tensor {
    return add(truncatedNormal(shape, this.stddev, dtype, generator), this.mean);
  }
  override getConfig(): Config {
    return { mean: this.mean, stddev: this.stddev, seed: this.seed };
  }
}

/** By inversion: Φ⁻¹(u) for u uniform between Φ(−2) and Φ(2); erf(√2) bounds erf's side of it. */
function truncatedNormal(shape: Shape, stddev: number, dtype: FloatDType, generator: Generator): Tensor {
  const erfOfRoot2 = 0.954499736103642;
  return mul(erfinv(uniform(-erfOfRoot2, erfOfRoot2, shape, { dtype, generator })), Math.SQRT2 * stddev);
}

/** Uniformly distributed values. */
export class RandomUniform extends Initializer {
  /** @internal */
  static readonly optionNames: readonly string[] = ["minval", "maxval", "seed"];
  readonly className = "RandomUniform";
  readonly minval: number;
  readonly maxval: number;
  constructor(options: { readonly minval?: number; readonly maxval?: number; readonly seed?: number | null } = {}) {
    checkOptionsOf(RandomUniform, new.target, options);
    const { minval = -0.05, maxval = 0.05, seed = null } = options;
    super(seed);
    this.minval = minval;
    this.maxval = maxval;
  }
  protected draw(shape: Shape, dtype: FloatDType, generator: Generator): Tensor {
    return uniform(this.minval, this.maxval, shape, { dtype, generator });
  }
  override getConfig(): Config {
    return { minval: this.minval, maxval: this.maxval, seed: this.seed };
  }
}

const modes = ["fan_in", "fan_out", "fan_avg"] as const;
const distributions = ["truncated_normal", "untruncated_normal", "uniform"] as const;

/** Options of {@link VarianceScaling}. */
export interface VarianceScalingOptions {
  readonly scale?: number;
  readonly mode?: "fan_in" | "fan_out" | "fan_avg";
  readonly distribution?: "truncated_normal" | "untruncated_normal" | "uniform";
  readonly seed?: number | null;
}

/** Values whose variance is `scale` over the number of inputs, of outputs or their mean. */
export class VarianceScaling extends Initializer {
  /** @internal */
  static readonly optionNames: readonly string[] = ["scale", "mode", "distribution", "seed"];
  readonly className: string = "VarianceScaling";
  readonly scale: number;
  readonly mode: "fan_in" | "fan_out" | "fan_avg";
  readonly distribution: "truncated_normal" | "untruncated_normal" | "uniform";
  constructor(options: VarianceScalingOptions = {}) {
    checkOptionsOf(VarianceScaling, new.target, options);
    const { scale = 1, mode = "fan_in", distribution = "truncated_normal", seed = null } = options;
    super(seed);
    if (!(scale > 0)) {
      throw new ArgumentError({ op: this.constructor.name, message: `scale is ${scale}, expected a positive number` });
    }
    if (!modes.includes(mode)) throw unknownName("VarianceScaling", "mode", mode, modes);
    if (!distributions.includes(distribution)) {
      throw unknownName("VarianceScaling", "distribution", distribution, distributions);
    }
    this.scale = scale;
    this.mode = mode;
    this.distribution = distribution;
  }
  protected draw(shape: Shape, dtype: FloatDType, generator: Generator): Tensor {
    const [fanIn, fanOut] = fans(shape);
    const fan = this.mode === "fan_in" ? fanIn : this.mode === "fan_out" ? fanOut : (fanIn + fanOut) / 2;
    const variance = this.scale / Math.max(1, fan);
    if (this.distribution === "uniform") {
      const limit = Math.sqrt(3 * variance);
      return uniform(-limit, limit, shape, { dtype, generator });
    }
    const stddev = Math.sqrt(variance);
    if (this.distribution === "untruncated_normal") return mul(randn(shape, { dtype, generator }), stddev);
    // Cutting at two standard deviations leaves 0.8796… of the standard deviation.
    return truncatedNormal(shape, stddev / 0.87962566103423978, dtype, generator);
  }
  override getConfig(): Config {
    return { scale: this.scale, mode: this.mode, distribution: this.distribution, seed: this.seed };
  }
}

/** Inputs and outputs of one unit; a kernel's leading axes are its receptive field. */
function fans(shape: Shape): readonly [number, number] {
  if (shape.length === 0) return [1, 1];
  if (shape.length === 1) return [shape[0]!, shape[0]!];
  const field = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  return [shape.at(-2)! * field, shape.at(-1)! * field];
}

interface Seeded {
  readonly seed?: number | null;
}
type Scheme = Required<Omit<VarianceScalingOptions, "seed">>;

abstract class NamedScaling extends VarianceScaling {
  /** @internal */
  static override readonly optionNames: readonly string[] = ["seed"];
  constructor(scheme: Scheme, { seed = null }: Seeded) {
    super({ ...scheme, seed });
  }
  override getConfig(): Config {
    return { seed: this.seed };
  }
}

export class GlorotUniform extends NamedScaling {
  override readonly className = "GlorotUniform";
  constructor(options: Seeded = {}) {
    checkOptionsOf(GlorotUniform, new.target, options);
    super({ scale: 1, mode: "fan_avg", distribution: "uniform" }, options);
  }
}
export class GlorotNormal extends NamedScaling {
  override readonly className = "GlorotNormal";
  constructor(options: Seeded = {}) {
    checkOptionsOf(GlorotNormal, new.target, options);
    super({ scale: 1, mode: "fan_avg", distribution: "truncated_normal" }, options);
  }
}
export class HeUniform extends NamedScaling {
  override readonly className = "HeUniform";
  constructor(options: Seeded = {}) {
    checkOptionsOf(HeUniform, new.target, options);
    super({ scale: 2, mode: "fan_in", distribution: "uniform" }, options);
  }
}
export class HeNormal extends NamedScaling {
  override readonly className = "HeNormal";
  constructor(options: Seeded = {}) {
    checkOptionsOf(HeNormal, new.target, options);
    super({ scale: 2, mode: "fan_in", distribution: "truncated_normal" }, options);
  }
}
export class LecunUniform extends NamedScaling {
  override readonly className = "LecunUniform";
  constructor(options: Seeded = {}) {
    checkOptionsOf(LecunUniform, new.target, options);
    super({ scale: 1, mode: "fan_in", distribution: "uniform" }, options);
  }
}
export class LecunNormal extends NamedScaling {
  override readonly className = "LecunNormal";
  constructor(options: Seeded = {}) {
    checkOptionsOf(LecunNormal, new.target, options);
    super({ scale: 1, mode: "fan_in", distribution: "truncated_normal" }, options);
  }
}

/** A matrix with orthonormal rows or columns, times `gain`. */
export class Orthogonal extends Initializer {
  /** @internal */
  static readonly optionNames: readonly string[] = ["gain", "seed"];
  readonly className = "Orthogonal";
  readonly gain: number;
  constructor(options: { readonly gain?: number; readonly seed?: number | null } = {}) {
    checkOptionsOf(Orthogonal, new.target, options);
    const { gain = 1, seed = null } = options;
    super(seed);
    this.gain = gain;
  }
  protected draw(shape: Shape, dtype: FloatDType, generator: Generator): Tensor {
    if (shape.length < 2) throw unfit(this.className, "weights of two axes or more", shape);
    const columns = shape.at(-1) ?? 1;
    const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const [long, short] = [Math.max(rows, columns), Math.min(rows, columns)];
    const vectors = randn([short, long], { dtype: "float64", generator }).data;
    // Modified Gram–Schmidt, once more than needed so that rounding does not show.
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < short; i++) {
        const own = vectors.subarray(i * long, (i + 1) * long);
        for (let j = 0; j < i; j++) {
          const other = vectors.subarray(j * long, (j + 1) * long);
          let dot = 0;
          for (let k = 0; k < long; k++) dot += own[k]! * other[k]!;
          for (let k = 0; k < long; k++) own[k]! -= dot * other[k]!;
        }
        const norm = Math.hypot(...own);
        for (let k = 0; k < long; k++) own[k]! *= this.gain / (pass === 1 ? norm : norm * this.gain);
      }
    }
    const q = tensor({ data: vectors, shape: [short, long] }, { dtype });
    return (rows > columns ? q.transpose() : q).reshape(shape);
  }
  override getConfig(): Config {
    return { gain: this.gain, seed: this.seed };
  }
}
