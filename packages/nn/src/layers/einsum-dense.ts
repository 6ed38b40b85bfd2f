import { ArgumentError, einsum, type Generator, type Tensor } from "@gradiente/autograd";
import { type ActivationLike, type ResolvedActivation, resolveActivation } from "../activations/activation.ts";
import type { Config } from "../config.ts";
import { constraintConfig, resolveConstraint } from "../constraints/constraint.ts";
import { LayerInputError } from "../errors.ts";
import { initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { type BatchShape, Layer, type Weight } from "../module.ts";
import { regularizerConfig, resolveRegularizer } from "../regularizers/regularizer.ts";
import type { DenseOptions } from "./core.ts";

/** Options of {@link EinsumDense}. */
export interface EinsumDenseOptions extends Omit<DenseOptions, "useBias" | "activation"> {
  /** Default: linear. */
  readonly activation?: ActivationLike | null;
  /** Letters of the output's axes along which there is a bias. Default: no bias. */
  readonly biasAxes?: string | null;
}

/** The axes of an equation for inputs of one rank, with letters in place of dots. */
interface Resolved {
  readonly input: string;
  readonly kernel: string;
  readonly output: string;
  /** Letters that stand for the dots. */
  readonly elided: string;
  readonly elidedLast: boolean;
}

/**
 * A dense layer along any axes, as an equation of Einstein's summation convention says: `"abc,cd->abd"` is `Dense`.
 * Dots stand for further axes: `"...x,xy->...y"`.
 *
 * Weights: kernel, with the axes the equation gives it, and bias.
 * @throws {ArgumentError} for an equation that does not say what the kernel is.
 *
 * @example
 * ```ts
 * new EinsumDense("abc,cd->abd", [null, 6], { biasAxes: "d" }).apply(ones([2, 3, 4])).shape; // [2, 3, 6]
 * ```
 */
export class EinsumDense extends Layer {
  static override readonly className = "EinsumDense";
  readonly equation: string;
  /** Lengths of the output's axes but the first; null where they are the input's. */
  readonly lengths: readonly (number | null)[];
  readonly activation: ResolvedActivation;
  private readonly options: EinsumDenseOptions;
  private kernel: Weight | null = null;
  private bias: Weight | null = null;

  constructor(equation: string, outputShape: number | readonly (number | null)[], options: EinsumDenseOptions = {}) {
    super(options);
    this.equation = typeof equation === "string" ? equation.replaceAll(" ", "") : "";
    if (!/^(\.\.\.)?[a-zA-Z]+(\.\.\.)?,[a-zA-Z]+->(\.\.\.)?[a-zA-Z]+(\.\.\.)?$/.test(this.equation)) {
      throw new ArgumentError({
        op: "EinsumDense",
        message: `the equation is ${JSON.stringify(equation)}`,
        hint: 'write it as "ab,bc->ac", "ab...,bc->ac..." or "...ab,bc->...ac"',
      });
    }
    this.lengths = typeof outputShape === "number" ? [outputShape] : outputShape;
    this.activation = resolveActivation("EinsumDense", options.activation);
    this.options = options;
  }

  private resolved(rank: number): Resolved {
    const [left, output] = this.equation.split("->") as [string, string];
    const [input, kernel] = left.split(",") as [string, string];
    const count = rank - input.replace("...", "").length;
    if (count < 0 || (count > 0 && !input.includes("..."))) {
      throw new LayerInputError(this.name, `that "${input}" describes`, new Array<null>(rank).fill(null));
    }
    const free = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((letter) => !this.equation.includes(letter));
    const elided = free.slice(0, count).join("");
    const filled = (spec: string): string => spec.replace("...", elided);
    return { input: filled(input), kernel, output: filled(output), elided, elidedLast: input.endsWith("...") };
  }

  /** Lengths of all axes of the output. */
  override computeOutputShape(shape: BatchShape): BatchShape {
    const { input, output, elided, elidedLast } = this.resolved(shape.length);
    const known = new Map([...input].map((letter, i) => [letter, shape[i]!]));
    // The first axis, and those that dots stand for, are not among the given lengths.
    const own = [...output].filter((letter) => !elided.includes(letter));
    const given = elided !== "" && !elidedLast ? own : own.slice(1);
    const stated = new Map(given.map((letter, i) => [letter, this.lengths[i] ?? null]));
    return [...output].map((letter) => stated.get(letter) ?? known.get(letter) ?? null);
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const { input, kernel, output } = this.resolved(shape.length);
    const whole = this.computeOutputShape(shape);
    const lengthOf = (letter: string): number => {
      const length = output.includes(letter) ? whole[output.indexOf(letter)] : shape[input.indexOf(letter)];
      if (length === null || length === undefined) {
        throw new ArgumentError({
          op: this.name,
          message: `the length of axis "${letter}" of the kernel is not known`,
        });
      }
      return length;
    };
    const { options: o } = this;
    this.kernel = this.addWeight(
      {
        name: "kernel",
        shape: [...kernel].map(lengthOf),
        initializer: resolveInitializer("EinsumDense", o.kernelInitializer ?? "glorot_uniform"),
        regularizer: resolveRegularizer("EinsumDense", o.kernelRegularizer),
        constraint: resolveConstraint("EinsumDense", o.kernelConstraint),
      },
      generator,
    );
    const { biasAxes = null } = o;
    if (biasAxes === null) return;
    const unknown = [...biasAxes].find((letter) => !output.includes(letter));
    if (unknown !== undefined) {
      throw new ArgumentError({ op: this.name, message: `the output has no axis "${unknown}" for the bias` });
    }
    const from = Math.min(...[...biasAxes].map((letter) => output.indexOf(letter)));
    this.bias = this.addWeight(
      {
        name: "bias",
        shape: [...output.slice(from)].map((letter) => (biasAxes.includes(letter) ? lengthOf(letter) : 1)),
        initializer: resolveInitializer("EinsumDense", o.biasInitializer ?? "zeros"),
        regularizer: resolveRegularizer("EinsumDense", o.biasRegularizer),
        constraint: resolveConstraint("EinsumDense", o.biasConstraint),
      },
      generator,
    );
  }

  call(x: Tensor): Tensor {
    const { input, kernel, output } = this.resolved(x.rank);
    const product = einsum(`${input},${kernel}->${output}`, this.asFloat(x), this.kernel!.value);
    return this.activation.apply(this.bias === null ? product : product.add(this.bias.value));
  }

  override getConfig(): Config {
    const { options: o } = this;
    return {
      ...super.getConfig(),
      equation: this.equation,
      output_shape: this.lengths,
      activation: this.activation.name,
      bias_axes: o.biasAxes ?? null,
      kernel_initializer: initializerConfig(resolveInitializer("EinsumDense", o.kernelInitializer ?? "glorot_uniform")),
      bias_initializer: initializerConfig(resolveInitializer("EinsumDense", o.biasInitializer ?? "zeros")),
      kernel_regularizer: regularizerConfig(resolveRegularizer("EinsumDense", o.kernelRegularizer)),
      bias_regularizer: regularizerConfig(resolveRegularizer("EinsumDense", o.biasRegularizer)),
      kernel_constraint: constraintConfig(resolveConstraint("EinsumDense", o.kernelConstraint)),
      bias_constraint: constraintConfig(resolveConstraint("EinsumDense", o.biasConstraint)),
    };
  }
}
