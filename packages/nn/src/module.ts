import {
  ArgumentError,
  type DType,
  defaultDType,
  type FloatDType,
  Generator,
  noGrad,
  type Parameter,
  parameter,
  randint,
  Tensor,
  type TypedArray,
  zeros,
} from "@gradiente/autograd";
import { type Config, type Json, snakeCase } from "./config.ts";
import type { Constraint } from "./constraints/constraint.ts";
import { DataError, LayerInputError, showShape } from "./errors.ts";
import { type InitializerLike, resolveInitializer } from "./initializers/resolve.ts";
import { attachMask, maskOf, withMask } from "./masks.ts";
import { checkOptionNames } from "./option-checks.ts";
import {
  type Regularizer,
  type RegularizerLike,
  regularizerConfig,
  resolveRegularizer,
} from "./regularizers/regularizer.ts";
import { claimWeight, registeredName } from "./saving/scope.ts";
import type { State } from "./state.ts";
import {
  type LoadStateDictOptions,
  type LoadStateDictResult,
  loadStateDict,
  type StateDictOptions,
  stateDict,
} from "./state-dict.ts";
import { type CallOptions, SymbolicTensor } from "./symbolic.ts";

/** Lengths of the axes of a batch, the first of them (the samples) not fixed: `[null, 28, 28]`. */
export type BatchShape = readonly (number | null)[];

/** What surrounds one call of a model: whether it is being trained, its random numbers, the penalties it collects. */
export interface CallContext {
  readonly training: boolean;
  readonly generator: Generator;
  /** Layers add scalars here that the loss is increased by. */
  readonly losses: Tensor[];
  /** Where layers that are built by this very call get their weights from. Default: seeded by the global generator. */
  readonly initial?: Generator;
}

/** A seed that the global generator (see `manualSeed`) decides. */
export function drawSeed(): number {
  return randint(0, 2 ** 31 - 1, []).item();
}

/** The surroundings of a call outside training. */
export function inferenceContext(): CallContext {
  return { training: false, generator: new Generator(0), losses: [] };
}

/** One array of numbers that a layer owns: a kernel, a bias, a running mean. */
export interface Weight {
  readonly name: string;
  readonly value: Parameter;
  /** Whether training may change it; running statistics are not trainable. */
  readonly trainable: boolean;
  readonly regularizer: Regularizer | null;
  readonly constraint: Constraint | null;
}

/** Options that every layer has. */
export interface LayerOptions {
  /** Default: the class in snake case, numbered within the model: `dense`, `dense_1`. */
  readonly name?: string;
  /** Whether training changes the weights. Default: true. */
  readonly trainable?: boolean;
  /** Shape of one sample, for the first layer of a model. */
  readonly inputShape?: readonly (number | null)[];
  /** Dtype of weights and results. Default: float32 (see `setDefaultDType`). */
  readonly dtype?: FloatDType;
  /** A penalty on the output. Default: none. */
  readonly activityRegularizer?: RegularizerLike | null;
}

/** @internal */
export const layerOptionNames: readonly (keyof LayerOptions)[] = [
  ...(["name", "trainable", "inputShape", "dtype", "activityRegularizer"] as const),
];

/** Options for the creation of a weight. */
export interface WeightOptions {
  readonly name: string;
  readonly shape: readonly number[];
  /** What initial values are: an initializer or its name. Default: `"glorot_uniform"`. */
  readonly initializer?: InitializerLike;
  readonly trainable?: boolean;
  readonly regularizer?: Regularizer | null;
  readonly constraint?: Constraint | null;
}

const weightNames: readonly (keyof WeightOptions)[] = [
  ...(["name", "shape", "initializer", "trainable", "regularizer", "constraint"] as const),
];

/** What may be said to a layer that is applied: {@link CallContext} and {@link CallOptions}. */
const applyNames: readonly (keyof CallContext | keyof CallOptions)[] = [
  ...(["training", "generator", "losses", "initial", "mask", "initialState", "attentionMask"] as const),
  ...(["useCausalMask", "countWeights", "returnAttentionScores"] as const),
];

/** @throws {ArgumentError} for what plain JavaScript lets pass as options. */
function checkOptions(op: string, options: unknown): void {
  if (typeof options === "object" && options !== null && !Array.isArray(options)) return;
  throw new ArgumentError({
    op,
    message: `the options are ${JSON.stringify(options) ?? String(options)}, not an object`,
    hint: 'options are given by name, for example { name: "first", inputShape: [4] }',
  });
}

/** @internal What is looked at when a layer is applied for the first time. It knows every class, so none may know it. */
export const firstUse: { check: (layer: Layer) => void } = { check: () => {} };

/** @throws {ArgumentError} for what is not the shape of a sample. */
function checkedShape(op: string, shape: readonly (number | null)[] | null): readonly (number | null)[] | null {
  const fits = (n: number | null): boolean => n === null || (Number.isInteger(n) && n >= 0);
  if (shape === null || (Array.isArray(shape) && shape.every(fits))) return shape;
  throw new ArgumentError({
    op,
    message: `inputShape is ${JSON.stringify(shape)}`,
    hint: "give a list of lengths without the number of samples, such as [28, 28]; null is for any length",
  });
}

/**
 * A function of tensors with weights: what models are made of.
 *
 * A layer of one's own extends this class with `call`, and, when it has weights, `build` (using `addWeight`); when its
 * output has another shape than its input, also `computeOutputShape`. One of several inputs or outputs overrides
 * `callMany`, `buildMany` and `computeOutputShapes` instead. One through which masks may pass sets `supportsMasking`, or
 * overrides `computeMask`. To be loadable from files it needs `getConfig` and
 * `registerSerializable`, or the option `customObjects` of `loadModel`.
 */
export abstract class Layer {
  /** Keras' class name; the class's own name where a subclass does not state one. */
  static readonly className: string = "Layer";
  private givenName: string | null;
  private ownTrainable: boolean;
  /** Shape of one sample, where it was stated. */
  readonly statedInputShape: readonly (number | null)[] | null;
  readonly dtype: FloatDType;
  readonly activityRegularizer: Regularizer | null;
  /** The layer's own weights, in Keras' order: trainable ones first, each in the order of creation. */
  protected ownWeights: Weight[] = [];
  private builtFor: readonly BatchShape[] | null = null;
  /** Whether the output carries the mask of the (first) input. Default: false; then masks end here. */
  readonly supportsMasking: boolean = false;
  /** @internal Whether inputs are arguments of their own in Keras' files, instead of one list. */
  readonly spreadsInputs: boolean = false;

  private optionNames: readonly string[];

  /** @throws {ArgumentError} for what is no object of options, and a shape that is none. */
  constructor(options: LayerOptions = {}) {
    checkOptions(this.className, options);
    this.optionNames = Object.keys(options);
    this.givenName = options.name ?? null;
    this.ownTrainable = options.trainable ?? true;
    this.statedInputShape = checkedShape(this.className, options.inputShape ?? null);
    this.dtype = options.dtype ?? (defaultDType() as FloatDType);
    this.activityRegularizer = resolveRegularizer(this.className, options.activityRegularizer);
  }

  get className(): string {
    const type = this.constructor as typeof Layer;
    return Object.hasOwn(type, "className") ? type.className : type.name;
  }

  get name(): string {
    return this.givenName ?? snakeCase(this.className);
  }

  /** @internal The names of the options it was given, for models to check; none where they come from a file. */
  get givenOptions(): readonly string[] {
    return this.optionNames;
  }

  /** @internal Its options are not its maker's own: a file's, or those of a layer around it. */
  forgetOptions(): void {
    this.optionNames = [];
    for (const layer of this.sublayers()) layer.forgetOptions();
  }

  /** @internal Names the layer within its model, unless it has a name already. */
  nameIfUnnamed(name: string): void {
    this.givenName ??= name;
  }

  /** @internal */
  get isNamed(): boolean {
    return this.givenName !== null;
  }

  get trainable(): boolean {
    return this.ownTrainable;
  }

  /** Freezes or unfreezes the weights, from the next `compile` or `fit` on. */
  set trainable(value: boolean) {
    this.ownTrainable = value;
    for (const layer of this.sublayers()) layer.trainable = value;
  }

  get built(): boolean {
    return this.builtFor !== null;
  }

  /** Shape of the batches the layer was built for. */
  get inputShape(): BatchShape | null {
    return this.builtFor?.[0] ?? null;
  }

  /** Shape of the batches it gives; null before it is built. */
  get outputShape(): BatchShape | null {
    return this.outputShapes?.[0] ?? null;
  }

  /** Shapes of all outputs; null before it is built. */
  get outputShapes(): readonly BatchShape[] | null {
    return this.builtFor === null ? null : this.computeOutputShapes(this.builtFor);
  }

  /** @internal Whether its function is no more than those of its sublayers, one after the other. */
  get isComposition(): boolean {
    return false;
  }

  /** Layers that this one contains. */
  sublayers(): readonly Layer[] {
    return [];
  }

  /** What a checkpoint holds of this layer besides weights: its generators, what it keeps between batches. */
  runState(): State {
    return null;
  }

  /** Goes on from what {@link runState} gave. */
  restoreRunState(_state: State): void {}

  /** @internal The weights that belong to the layer itself, in Keras' order. */
  get directWeights(): readonly Weight[] {
    const own = this.ownWeights;
    return [...own.filter((w) => w.trainable), ...own.filter((w) => !w.trainable)];
  }

  /** Every weight in Keras' order. */
  get weights(): readonly Weight[] {
    const inner = this.sublayers().flatMap((layer) => layer.weights);
    return [...new Set([...this.directWeights, ...inner])];
  }

  /** The weights that training changes: none of a frozen layer's. */
  get trainableWeights(): readonly Weight[] {
    const found = new Set<Weight>();
    this.collectTrainable(found);
    return [...found];
  }

  private collectTrainable(found: Set<Weight>): void {
    if (!this.ownTrainable) return;
    for (const weight of this.ownWeights) if (weight.trainable) found.add(weight);
    for (const layer of this.sublayers()) layer.collectTrainable(found);
  }

  /**
   * Creates the weights for batches of a shape, once.
   * @param generator where initial values come from. Default: seeded by the global generator.
   */
  ensureBuilt(shape: BatchShape, generator?: Generator): void {
    this.ensureBuiltFor([shape], generator);
  }

  /** Creates the weights for several inputs, once; see {@link ensureBuilt}. */
  ensureBuiltFor(shapes: readonly BatchShape[], generator?: Generator): void {
    if (this.builtFor !== null) return;
    this.buildMany(shapes, generator ?? new Generator(drawSeed()));
    this.builtFor = shapes.map((shape) => [...shape]);
  }

  /** Creates the weights. Subclasses override it; `ensureBuilt` calls it once. */
  protected build(_shape: BatchShape, _generator: Generator): void {}

  /** Creates the weights of a layer of several inputs. Default: `build` for the first. */
  protected buildMany(shapes: readonly BatchShape[], generator: Generator): void {
    this.build(shapes[0]!, generator);
  }

  /** Creates a weight of the layer's dtype. */
  protected addWeight(options: WeightOptions, generator: Generator): Weight {
    checkOptionNames("addWeight", options, weightNames);
    const { name, shape, trainable = true, regularizer = null, constraint = null } = options;
    const initializer = resolveInitializer(this.name, options.initializer ?? "glorot_uniform");
    const filled = claimWeight(name, shape);
    const initial = noGrad(() =>
      filled ? zeros(shape, { dtype: this.dtype }) : initializer.create(shape, this.dtype, generator),
    );
    const weight: Weight = {
      name,
      value: parameter(initial, { requiresGrad: trainable }),
      trainable,
      regularizer,
      constraint,
    };
    this.ownWeights.push(weight);
    return weight;
  }

  /** Shapes of the inputs the layer was built for. */
  protected get builtShapes(): readonly BatchShape[] | null {
    return this.builtFor;
  }

  /** Shape of the output for batches of a shape. Default: the same. */
  computeOutputShape(shape: BatchShape): BatchShape {
    return shape;
  }

  /** Shapes of all outputs, for inputs of these shapes. Default: one, by `computeOutputShape` of the first. */
  computeOutputShapes(
    shapes: readonly BatchShape[],
    _options: CallOptions<Tensor> | CallOptions<SymbolicTensor> = {},
  ): readonly BatchShape[] {
    return [this.computeOutputShape(shapes[0]!)];
  }

  /** The layer's function. */
  abstract call(x: Tensor, context: CallContext): Tensor;

  /** The layer's function of several tensors, giving a list. Default: `call` of the only one. */
  protected callMany(inputs: readonly Tensor[], context: CallContext, _options: CallOptions): readonly Tensor[] {
    if (inputs.length !== 1) throw new LayerInputError(this.name, "one tensor", [inputs.length]);
    return [this.call(inputs[0]!, context)];
  }

  /** The mask of the output, given those of the inputs. Default: that of the first, where masking is supported. */
  computeMask(masks: readonly (Tensor | null)[], _inputs: readonly Tensor[]): Tensor | null {
    return this.supportsMasking ? (masks[0] ?? null) : null;
  }

  /**
   * Applies the layer, building it on first use.
   *
   * @param options surroundings of the call, and what layers may be given besides inputs: see {@link CallOptions}.
   * @returns the output; of several (as of a recurrent layer with `returnState`) the first: see {@link applyAll}.
   *
   * @example
   * ```ts
   * new ReLU().apply(tensor([-1, 2])); // [0, 2]
   * ```
   */
  apply(x: Tensor | readonly Tensor[], options?: Partial<CallContext> & CallOptions): Tensor;
  apply(x: SymbolicTensor | readonly SymbolicTensor[], options?: CallOptions<SymbolicTensor>): SymbolicTensor;
  apply(
    x: Tensor | SymbolicTensor | readonly Tensor[] | readonly SymbolicTensor[],
    options?: (Partial<CallContext> & CallOptions) | CallOptions<SymbolicTensor>,
  ): Tensor | SymbolicTensor {
    return this.applyAll(x as Tensor, options as CallOptions)[0]!;
  }

  /**
   * Applies the layer and gives all outputs.
   *
   * @example
   * ```ts
   * const [last, h, c] = new LSTM(4, { returnState: true }).applyAll(ones([2, 3, 5]));
   * ```
   */
  applyAll(x: Tensor | readonly Tensor[], options?: Partial<CallContext> & CallOptions): readonly Tensor[];
  applyAll(
    x: SymbolicTensor | readonly SymbolicTensor[],
    options?: CallOptions<SymbolicTensor>,
  ): readonly SymbolicTensor[];
  applyAll(
    x: Tensor | SymbolicTensor | readonly Tensor[] | readonly SymbolicTensor[],
    options: (Partial<CallContext> & CallOptions) | CallOptions<SymbolicTensor> = {},
  ): readonly Tensor[] | readonly SymbolicTensor[] {
    checkOptionNames(this.name, options, applyNames);
    const inputs = (Array.isArray(x) ? x : [x]) as readonly Tensor[] | readonly SymbolicTensor[];
    if (isSymbolic(inputs)) return this.connect(inputs, options as CallOptions<SymbolicTensor>);
    const given = options as Partial<CallContext> & CallOptions;
    const wrong = inputs.findIndex((input) => !(input instanceof Tensor));
    if (wrong >= 0) {
      throw new ArgumentError({
        op: this.name,
        message: `input ${wrong} is ${Array.isArray(inputs[wrong]) ? "an array" : String(inputs[wrong])}, not a tensor`,
        hint: "apply(tensor([[1, 2]])); predict takes nested arrays, too",
      });
    }
    return this.callAll(inputs, { ...inferenceContext(), ...given }, given);
  }

  /** @internal Applies the layer to stand-ins for tensors. */
  connect(inputs: readonly SymbolicTensor[], options: CallOptions<SymbolicTensor> = {}): readonly SymbolicTensor[] {
    // Shapes are checked when the model builds the layer too: then its weights say what they need.
    const shapes = this.computeOutputShapes(
      inputs.map((i) => i.shape),
      options,
    );
    return SymbolicTensor.outputsOf(this, inputs, shapes, options);
  }

  /** @internal The layer's function with everything around it: building, masks, the penalty on the output. */
  callAll(inputs: readonly Tensor[], context: CallContext, options: CallOptions = {}): readonly Tensor[] {
    if (this.builtFor === null) {
      firstUse.check(this);
      this.ensureBuiltFor(
        inputs.map((x) => [null, ...x.shape.slice(1)]),
        context.initial?.split(),
      );
    }
    const given = options.mask === undefined ? inputs : masked(inputs, options.mask);
    const outputs = this.callMany(given, context, options);
    const first = outputs[0]!;
    if (!(first instanceof Tensor)) {
      throw new ArgumentError({
        op: this.name,
        message: `the layer gave ${String(first)}, not a tensor`,
        hint: "does its call return something?",
      });
    }
    if (maskOf(first) === null && given.some((x) => maskOf(x) !== null)) {
      attachMask(first, this.computeMask(given.map(maskOf), given));
    }
    if (this.activityRegularizer !== null) {
      for (const output of outputs) {
        context.losses.push(this.activityRegularizer.apply(output).div(output.shape[0] ?? 1));
      }
    }
    return outputs;
  }

  /** @internal {@link callAll} of one tensor. */
  run(x: Tensor, context: CallContext): Tensor {
    return this.callAll([x], context)[0]!;
  }

  /** `x` in the layer's dtype: integers and other floats are converted. */
  protected asFloat(x: Tensor): Tensor {
    return x.dtype === this.dtype ? x : x.cast(this.dtype);
  }

  /** Number of weights' elements. */
  countParams(): number {
    return this.weights.reduce((sum, w) => sum + w.value.size, 0);
  }

  /** The weights' values, in Keras' order; copies, with no history. */
  getWeights(): Tensor[] {
    return this.weights.map((w) => noGrad(() => w.value.clone()));
  }

  /**
   * Replaces the weights' values, given in Keras' order as tensors, typed arrays or `{ data, shape }`.
   * @throws {DataError} when number or shapes differ.
   */
  setWeights(
    values: readonly (Tensor | TypedArray | { readonly data: TypedArray; readonly shape: readonly number[] })[],
  ): void {
    const { weights } = this;
    if (!Array.isArray(values)) {
      throw new DataError({
        op: "setWeights",
        message: `the weights are ${String(values)}, not a list`,
        hint: "see getWeights",
      });
    }
    if (values.length !== weights.length) {
      throw new DataError({
        op: "setWeights",
        message: `"${this.name}" has ${weights.length} weights (${weights.map((w) => w.name).join(", ")}), but ${values.length} were given`,
        ...(this.built ? {} : { hint: "the layer is not built yet" }),
      });
    }
    const arrays = values.map((value, i) => {
      const own = weights[i]!;
      if (!ArrayBuffer.isView(value) && !(value?.data !== undefined && Array.isArray(value.shape))) {
        throw new DataError({
          op: "setWeights",
          message: `what is given for weight "${own.name}" of "${this.name}" is neither a tensor nor a typed array`,
          hint: "write tensor([[1, 2]])",
        });
      }
      const shape = ArrayBuffer.isView(value) ? null : value.shape;
      const data = ArrayBuffer.isView(value) ? value : value.data;
      if (data.length !== own.value.size || (shape !== null && shape.join() !== own.value.shape.join())) {
        throw new DataError({
          op: "setWeights",
          message: `weight "${own.name}" of "${this.name}" has shape ${showShape(own.value.shape)}, but was given ${shape === null ? `${data.length} elements` : showShape(shape)}`,
        });
      }
      return data;
    });
    arrays.forEach((data, i) => {
      weights[i]!.value.write(data);
    });
  }

  /**
   * The weights' values by the paths to them; copies, with no history. A weight that several layers share appears once.
   * @throws {NotReadyError} before the layer is built.
   *
   * @example
   * ```ts
   * const model = new Sequential([new Dense(2, { inputShape: [3] }), new Dense(1)]);
   * Object.keys(model.stateDict()); // ["dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"]
   * Object.keys(model.layers[0].stateDict({ prefix: "first." })); // ["first.kernel", "first.bias"]
   * ```
   */
  stateDict(options?: StateDictOptions): Record<string, Tensor> {
    return stateDict(this, options);
  }

  /**
   * Replaces the weights' values by those that {@link stateDict} gave, or a file of tensors holds; other dtypes are
   * converted. Either all of them are replaced or none.
   * @returns the names that were missing and not known, which `strict: false` lets pass.
   * @throws {StateDictError} naming every weight that is missing, not known, or of another shape.
   */
  loadStateDict(dict: Readonly<Record<string, Tensor>>, options?: LoadStateDictOptions): LoadStateDictResult {
    return loadStateDict(this, dict, options);
  }

  /** The options in Keras' names, as files contain them. */
  getConfig(): Config {
    const penalty = regularizerConfig(this.activityRegularizer);
    return {
      name: this.name,
      trainable: this.ownTrainable,
      dtype: dtypeConfig(this.dtype),
      ...(penalty === null ? {} : { activity_regularizer: penalty }),
    };
  }
}

/** The inputs under handles that carry the given masks. */
function masked(inputs: readonly Tensor[], mask: Tensor | readonly (Tensor | null)[] | null): readonly Tensor[] {
  const masks = (Array.isArray(mask) ? mask : [mask]) as readonly (Tensor | null)[];
  return inputs.map((x, i) => (masks[i] === undefined ? x : withMask(x, masks[i])));
}

/** What is written for a layer in a Keras file. */
export function layerConfig(layer: Layer): Config {
  const { className } = layer;
  const registered = registeredName(layer.constructor);
  const module =
    registered !== null
      ? null
      : className === "Sequential"
        ? "keras"
        : className === "Functional"
          ? "keras.src.models.functional"
          : "keras.layers";
  // The one class that Keras exports under another name than its own.
  const exported = className === "GroupedQueryAttention" ? "GroupQueryAttention" : className;
  return { module, class_name: exported, config: layer.getConfig(), registered_name: registered };
}

function isSymbolic(inputs: readonly Tensor[] | readonly SymbolicTensor[]): inputs is readonly SymbolicTensor[] {
  return inputs[0] instanceof SymbolicTensor;
}

function dtypeConfig(dtype: DType): Json {
  return { module: "keras", class_name: "DTypePolicy", config: { name: dtype }, registered_name: null };
}

/** Product of lengths, none of which may be open. @throws {LayerInputError} when one is. */
export function sizeOfSample(layer: string, shape: BatchShape): number {
  return shape.slice(1).reduce<number>((size, n) => {
    if (n === null) throw new LayerInputError(layer, "with every length but the first known", shape);
    return size * n;
  }, 1);
}
