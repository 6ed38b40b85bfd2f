import { ArgumentError, asTensor, oneHot, type Tensor, type TensorLike, tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { NotReadyError, showShape, unknownName } from "../errors.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions } from "../module.ts";
import type { CallOptions } from "../symbolic.ts";

/** @internal */
export const outputModes = ["int", "one_hot", "multi_hot", "count"] as const;

/**
 * How numbers of categories are given: as they are ("int"), each as a vector with a 1 at its place ("one_hot"), or those
 * of a sample together as one vector, of ones ("multi_hot") or of how often each occurs ("count").
 */
export type OutputMode = (typeof outputModes)[number];

/** @internal Numbers of categories as `mode` says; `depth` is how many there are, `weights` what each number counts. */
export function encodeCategories(
  numbers: Tensor,
  mode: OutputMode,
  depth: number,
  dtype: Layer["dtype"],
  weights: Tensor | null = null,
): Tensor {
  if (mode === "int") return numbers;
  const single = mode === "one_hot" && numbers.rank > 1 && numbers.shape.at(-1) === 1;
  const hot = oneHot(single ? numbers.squeeze(-1) : numbers, depth, { dtype });
  if (mode === "one_hot") return hot;
  if (mode === "multi_hot") return hot.max({ axis: -2 });
  return (weights === null ? hot : hot.mul(weights.cast(dtype).unsqueeze(-1))).sum({ axis: -2 });
}

/** @internal */
export function encodedShape(shape: BatchShape, mode: OutputMode, depth: number): BatchShape {
  if (mode === "int") return shape;
  const single = shape.length > 1 && shape.at(-1) === 1;
  return mode === "one_hot" && !single ? [...shape, depth] : [...shape.slice(0, -1), depth];
}

/** Options of {@link CategoryEncoding}. */
export interface CategoryEncodingOptions extends LayerOptions {
  /** How many categories there are: inputs are whole numbers from 0 to one less. */
  readonly numTokens: number;
  /** Default: "multi_hot". */
  readonly outputMode?: Exclude<OutputMode, "int">;
}

/**
 * Numbers of categories as vectors. When they are counted, each may be given a weight: `apply(numbers, { countWeights })`.
 *
 * @throws {BoundsError} for numbers that are not in [0, numTokens).
 * @throws {ArgumentError} for weights where nothing is counted, or of another shape than the numbers.
 *
 * @example
 * ```ts
 * const numbers = tensor([[0, 2, 2]], { dtype: "int32" });
 * new CategoryEncoding({ numTokens: 4 }).apply(numbers); // [[1, 0, 1, 0]]
 * new CategoryEncoding({ numTokens: 4, outputMode: "count" }).apply(numbers); // [[1, 0, 2, 0]]
 * ```
 */
export class CategoryEncoding extends Layer {
  static override readonly className = "CategoryEncoding";
  readonly numTokens: number;
  readonly outputMode: Exclude<OutputMode, "int">;
  constructor(options: CategoryEncodingOptions) {
    super(options);
    const { numTokens, outputMode = "multi_hot" } = options;
    const modes = outputModes.slice(1);
    if (!modes.includes(outputMode)) throw unknownName("CategoryEncoding", "outputMode", outputMode, modes);
    if (!Number.isInteger(numTokens) || numTokens < 1) {
      throw new ArgumentError({ op: "CategoryEncoding", message: `numTokens is ${numTokens}, expected 1 or more` });
    }
    this.numTokens = numTokens;
    this.outputMode = outputMode;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return encodedShape(shape, this.outputMode, this.numTokens);
  }
  call(x: Tensor): Tensor {
    return encodeCategories(x.cast("int32"), this.outputMode, this.numTokens, this.dtype);
  }
  protected override callMany(
    inputs: readonly Tensor[],
    context: CallContext,
    options: CallOptions,
  ): readonly Tensor[] {
    const { countWeights = null } = options;
    if (countWeights === null || inputs.length !== 1) return super.callMany(inputs, context, options);
    const [x] = inputs as readonly [Tensor];
    if (this.outputMode !== "count" || countWeights.shape.join() !== x.shape.join()) {
      throw new ArgumentError({
        op: this.name,
        message:
          this.outputMode === "count"
            ? `countWeights have shape ${showShape(countWeights.shape)}, the numbers ${showShape(x.shape)}`
            : `countWeights are given, but outputMode is "${this.outputMode}"`,
        hint: 'with outputMode "count" every number has a weight',
      });
    }
    return [encodeCategories(x.cast("int32"), this.outputMode, this.numTokens, this.dtype, countWeights)];
  }
  override getConfig(): Config {
    return { ...super.getConfig(), num_tokens: this.numTokens, output_mode: this.outputMode };
  }
}

/** Options of {@link Discretization}. */
export interface DiscretizationOptions extends LayerOptions {
  /** Where bins meet, ascending: value v is in bin i where boundary i−1 ≤ v < boundary i. */
  readonly binBoundaries?: readonly number[] | null;
  /** How many bins `adapt` is to make. */
  readonly numBins?: number | null;
  /** How exact quantiles are, as a fraction of the values. Default: 0.01. */
  readonly epsilon?: number;
  /** Default: "int". */
  readonly outputMode?: OutputMode;
}

/** Values with how many each stands for, ascending. */
interface Summary {
  readonly values: Float32Array;
  readonly weights: Float64Array;
}

/**
 * Numbers by the bins they fall into.
 *
 * @example
 * ```ts
 * new Discretization({ binBoundaries: [0, 1] }).apply(tensor([[-1.5, 0, 0.5, 3]])); // [[0, 1, 1, 2]]
 * ```
 */
export class Discretization extends Layer {
  static override readonly className = "Discretization";
  readonly numBins: number | null;
  readonly epsilon: number;
  readonly outputMode: OutputMode;
  private boundaries: readonly number[] | null;

  constructor(options: DiscretizationOptions) {
    super(options);
    const { binBoundaries = null, numBins = null, epsilon = 0.01, outputMode = "int" } = options;
    if ((binBoundaries === null) === (numBins === null)) {
      throw new ArgumentError({ op: "Discretization", message: "give either binBoundaries or numBins" });
    }
    if (binBoundaries?.some((b, i) => i > 0 && !(b >= binBoundaries[i - 1]!))) {
      throw new ArgumentError({ op: "Discretization", message: `binBoundaries [${binBoundaries}] do not ascend` });
    }
    if (!outputModes.includes(outputMode)) throw unknownName("Discretization", "outputMode", outputMode, outputModes);
    this.boundaries = binBoundaries;
    this.numBins = numBins;
    this.epsilon = epsilon;
    this.outputMode = outputMode;
  }

  /** Where bins meet; null before `adapt`. */
  get binBoundaries(): readonly number[] | null {
    return this.boundaries;
  }

  /** Takes boundaries from data so that bins hold about equally many of its values. */
  adapt(data: TensorLike): void {
    if (this.numBins === null) {
      throw new ArgumentError({
        op: "Discretization",
        message: "boundaries were given, so there is nothing to adapt",
        hint: "give numBins instead of binBoundaries",
      });
    }
    const summary = summarized(Float32Array.from(asTensor(data).data).sort(), this.epsilon);
    this.boundaries = [...compressed(compressed(summary, this.epsilon), 1 / this.numBins).values.slice(0, -1)];
  }

  private get depth(): number {
    return this.boundaries === null ? this.numBins! : this.boundaries.length + 1;
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    return encodedShape(shape, this.outputMode, this.depth);
  }

  call(x: Tensor): Tensor {
    const { boundaries } = this;
    if (boundaries === null) {
      throw new NotReadyError({ op: this.name, message: "no boundaries are known", hint: "call adapt(data) first" });
    }
    const bins = Int32Array.from(x.data, (v) => binOf(v, boundaries));
    return encodeCategories(tensor({ data: bins, shape: x.shape }), this.outputMode, this.depth, this.dtype);
  }

  override getConfig(): Config {
    const { boundaries, numBins, epsilon, outputMode } = this;
    // Keras' layer does not take it.
    const { trainable: _, ...config } = super.getConfig();
    return {
      ...config,
      bin_boundaries: boundaries,
      num_bins: boundaries === null ? numBins : null,
      epsilon,
      output_mode: outputMode,
      sparse: false,
    };
  }
}

/** How many boundaries are at most `v`. */
function binOf(v: number, boundaries: readonly number[]): number {
  let [low, high] = [0, boundaries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (boundaries[middle]! <= v) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** At most 1/epsilon of the values, evenly taken from sorted ones. */
function summarized(sorted: Float32Array, epsilon: number): Summary {
  const step = Math.max(1, sorted.length * epsilon);
  const stride = Math.trunc(step);
  const values: number[] = [];
  for (let i = Math.trunc(step - 1); i < sorted.length; i += stride) values.push(sorted[i]!);
  return { values: Float32Array.from(values), weights: new Float64Array(values.length).fill(step) };
}

/** A summary by its quantiles at multiples of epsilon, interpolated. */
function compressed({ values, weights }: Summary, epsilon: number): Summary {
  if (values.length * epsilon < 1) return { values, weights };
  const sums = new Float64Array(weights.length);
  let total = 0;
  weights.forEach((w, i) => {
    total += w;
    sums[i] = total;
  });
  const count = Math.ceil(1 / epsilon - 1e-9);
  const at = Array.from({ length: count }, (_, i) => (i + 1) * epsilon);
  const places = sums.map((s) => s / total);
  const cumulative = at.map((p) => interpolated(p, places, sums));
  return {
    values: Float32Array.from(at, (p) => interpolated(p, places, values)),
    weights: Float64Array.from(cumulative, (c, i) => c - (cumulative[i - 1] ?? 0)),
  };
}

/** Piecewise linear through (x, y), constant outside. */
function interpolated(at: number, x: Float64Array, y: ArrayLike<number>): number {
  const right = x.findIndex((v) => v >= at);
  if (right <= 0) return y[right === 0 ? 0 : x.length - 1]!;
  const t = (at - x[right - 1]!) / (x[right]! - x[right - 1]!);
  return y[right - 1]! + t * (y[right]! - y[right - 1]!);
}
