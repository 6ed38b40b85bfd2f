import { ArgumentError, Generator, noGrad, type Tensor, zeros } from "@gradiente/autograd";
import type { Callback, History } from "./callbacks/callback.ts";
import { dotOf } from "./drawing/dot.ts";
import type { ModelGraph } from "./drawing/graph.ts";
import { type DrawingOptions, drawingNames, svgOf } from "./drawing/svg.ts";
import { ModelFileError, NotReadyError, unknownName } from "./errors.ts";
import { LayerNames } from "./layer-names.ts";
import { type BatchShape, type CallContext, drawSeed, Layer, type LayerOptions, layerOptionNames } from "./module.ts";
import { checkOptionNames } from "./option-checks.ts";
import type { SaveOptions } from "./saving/save.ts";
import { Fields, generatorState, restoreGenerator, type State } from "./state.ts";
import type { LoadStateDictOptions, LoadStateDictResult } from "./state-dict.ts";
import { boxedTable, summaryTable, type TableOptions } from "./summary.ts";
import type { CallOptions } from "./symbolic.ts";
import { Compiled, type CompileOptions } from "./training/compiled.ts";
import type { Arrays, Batch, BatchIterable, BatchLike } from "./training/data.ts";
import {
  type EvaluateOptions,
  evaluateOptionNames,
  evaluateSource,
  type PredictOptions,
  predictOptionNames,
  predictSource,
} from "./training/evaluate.ts";
import { type FitOptions, fit } from "./training/fit.ts";
import type { Logs } from "./training/logs.ts";
import { batchOf, sourceOf } from "./training/source.ts";
import { checkBatch, checkBuilt, compiledOf, testStep, trainStep } from "./training/step.ts";
import { type ClassWeight, checkClasses } from "./training/weights.ts";

/** Options that every model has. */
export interface ModelOptions extends LayerOptions {
  /** Fixes initial weights, shuffling and noise, bit for bit. Default: drawn from the global generator. */
  readonly seed?: number;
}

/** @internal */
export const modelOptionNames: readonly string[] = [...layerOptionNames, "seed"];

/** Options of {@link Model.summary}. */
export interface SummaryOptions extends TableOptions {
  /** Takes the text. Default: `console.log`. */
  readonly print?: (text: string) => void;
  /** "lines" (default) as in the course, or the boxes of Keras 3, which the other options are for. */
  readonly style?: "lines" | "boxes";
}

const summaryOptionNames: readonly (keyof SummaryOptions)[] = [
  ...(["print", "style", "lineLength", "expandNested", "showTrainable"] as const),
];

/** Options of {@link Model.trainOnBatch}. */
export interface BatchOptions {
  readonly sampleWeight?: Arrays;
  readonly classWeight?: ClassWeight;
}

/**
 * Layers that are trained together. `Sequential` is the simplest one; a model of one's own extends this class with
 * `call`, and states its layers by `track`.
 *
 * @example
 * ```ts
 * class Residual extends Model {
 *   private readonly hidden = this.track(new Dense(4, { activation: "relu" }));
 *   call(x: Tensor, context: CallContext): Tensor {
 *     return this.hidden.run(x, context).add(x);
 *   }
 * }
 * new Residual().apply(ones([2, 4])).shape; // [2, 4]
 * ```
 */
export abstract class Model extends Layer {
  /** Set by callbacks to end training after the current batch. */
  stopTraining = false;
  /** What `compile` was given; null before. */
  compiled: Compiled | null = null;
  readonly seed: number;
  /** @internal Draws initial weights. */
  protected readonly initial: Generator;
  /** @internal Draws the order of samples. */
  shuffling: Generator;
  /** @internal Draws dropout and other noise. */
  noise: Generator;
  private tracked: Layer[] = [];
  private probedShapes: readonly BatchShape[] = [];

  constructor(options: ModelOptions = {}) {
    super(options);
    if (new.target === Model) {
      throw new ArgumentError({
        op: "Model",
        message: "a model by itself computes nothing",
        hint: "functional({ inputs, outputs }) makes one of layers; classes of one's own extend Model and have a call",
      });
    }
    this.seed = options.seed ?? drawSeed();
    const root = new Generator(this.seed);
    this.initial = root.split();
    this.shuffling = root.split();
    this.noise = root.split();
  }

  /** The layers, in order. */
  get layers(): readonly Layer[] {
    return this.tracked;
  }

  override sublayers(): readonly Layer[] {
    return this.layers;
  }

  /** States a layer of a model of one's own, and names it: `this.hidden = this.track(new Dense(8))`. */
  protected track<T extends Layer>(layer: T): T {
    if (!layer.isNamed) layer.nameIfUnnamed(new LayerNames(this.tracked.map((l) => l.name)).free(layer.name));
    this.tracked.push(layer);
    return layer;
  }

  /**
   * A layer by name or number.
   * @throws {ArgumentError} when there is none, naming the nearest.
   */
  getLayer(which: string | number): Layer {
    const found = typeof which === "number" ? this.layers.at(which) : this.layers.find((l) => l.name === which);
    if (found === undefined)
      throw unknownName(
        "getLayer",
        "layer",
        which,
        this.layers.map((l) => l.name),
      );
    return found;
  }

  /** Shapes of the inputs; null before they are known. */
  get inputShapes(): readonly BatchShape[] | null {
    return this.builtShapes;
  }

  /** Names of the outputs, which several losses are given by. */
  get outputNames(): readonly string[] {
    return [this.layers.at(-1)?.name ?? this.name];
  }

  /** @internal Whom errors about the input's shape name. */
  get inputLayerName(): string {
    return this.layers[0]?.name ?? this.name;
  }

  /** @internal Builds the model for inputs of these shapes, if it is not built. */
  buildFor(shapes: readonly (readonly number[])[]): void {
    if (shapes.length > 0) this.ensureBuiltFor(shapes.map((shape) => [null, ...shape.slice(1)]));
  }

  /** @internal A batch's shape as the model takes it: an axis of length 1 at the end may be left out. */
  adjusted(shape: readonly number[], index: number): readonly number[] {
    const expected = this.inputShapes?.[index];
    return expected?.length === shape.length + 1 && expected.at(-1) === 1 ? [...shape, 1] : shape;
  }

  /**
   * Builds the layers by one call with zeros, drawing their weights in the order of use. Models whose layers say what
   * shapes they give override it.
   */
  protected override buildMany(shapes: readonly BatchShape[], generator: Generator): void {
    noGrad(() => {
      const probes = shapes.map((shape) =>
        zeros(
          shape.map((n) => n ?? 1),
          { dtype: this.dtype },
        ),
      );
      const context = { training: false, generator: this.noise, losses: [], initial: generator };
      this.probedShapes = this.callMany(probes, context, {}).map((y) => [null, ...y.shape.slice(1)]);
    });
  }

  override computeOutputShapes(shapes: readonly BatchShape[]): readonly BatchShape[] {
    return this.probedShapes.map((shape) => [shapes[0]?.[0] ?? null, ...shape.slice(1)]);
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    return this.computeOutputShapes([shape])[0]!;
  }

  override ensureBuiltFor(shapes: readonly BatchShape[], generator: Generator = this.initial): void {
    super.ensureBuiltFor(shapes, generator);
  }

  override callAll(inputs: readonly Tensor[], context: CallContext, options: CallOptions = {}): readonly Tensor[] {
    const fitting = inputs.map((x, i) => {
      const shape = this.adjusted(x.shape, i);
      return shape === x.shape ? x : x.reshape(shape);
    });
    return super.callAll(fitting, context, options);
  }

  /** @internal Records the weights that are trained, and no others. */
  markTrainable(): void {
    const chosen = new Set(this.trainableWeights);
    for (const weight of this.weights) weight.value.requiresGrad = chosen.has(weight);
  }

  /** @internal Starts shuffling and noise anew. */
  reseed(seed: number): void {
    const root = new Generator(seed);
    root.split();
    this.shuffling = root.split();
    this.noise = root.split();
  }

  override runState(): State {
    const { initial, shuffling, noise } = this;
    return [initial, shuffling, noise].map(generatorState);
  }

  override restoreRunState(state: State): void {
    const saved = new Fields(`the model ${this.name}`, { generators: state }).list("generators");
    [this.initial, this.shuffling, this.noise].forEach((g, i) => void restoreGenerator(g, saved[i] ?? null));
  }

  /** @internal The first layer whose output is not finite for these inputs. */
  firstNonFinite(inputs: readonly Tensor[]): string | null {
    return noGrad(() => {
      const context: CallContext = { training: false, generator: this.noise, losses: [] };
      const outputs = this.callAll(inputs, context);
      return outputs.every((o) => o.data.every((v) => Number.isFinite(v))) ? null : this.name;
    });
  }

  /**
   * Prints a table of the layers, their output shapes and numbers of weights.
   * @returns the text.
   * @throws {NotReadyError} before the model is built.
   */
  summary(options: SummaryOptions = {}): string {
    checkOptionNames("summary", options, summaryOptionNames);
    if (!this.built) {
      throw new NotReadyError({
        op: "summary",
        message: `the model "${this.name}" is not built, so its shapes are not known`,
        hint: "state inputShape on the first layer, or call fit first",
      });
    }
    const facts = {
      name: this.name,
      layers: this.layers,
      total: this.countParams(),
      trainable: this.trainableWeights.reduce((sum, w) => sum + w.value.size, 0),
      optimizer: this.optimizerSize(),
      connections: this.connections(),
    };
    const text = options.style === "boxes" ? boxedTable(facts, options) : summaryTable(facts);
    (options.print ?? console.log)(text);
    return text;
  }

  /** How many numbers the optimizer keeps, its count of steps and its rate included; null before training. */
  private optimizerSize(): number | null {
    const optimizer = this.compiled?.optimizer;
    if (optimizer === undefined || optimizer.steps === 0) return null;
    return optimizer.arrays(this.trainableWeights).reduce((sum, { value }) => sum + value.size, 2);
  }

  /** @internal What each layer is connected to, where that is more than the one before. */
  protected connections(): ReadonlyMap<Layer, readonly string[]> | null {
    return null;
  }

  /** @internal The uses of layers, for drawings. Those of a model of one's own are not known, so that nothing joins them. */
  graph(): ModelGraph {
    return { nodes: this.layers.map((layer) => ({ layer, from: [], shapes: layer.outputShapes ?? [] })) };
  }

  /**
   * A drawing of the model: its layers as boxes with their names, shapes and numbers of parameters, nested models as frames.
   * @returns the text of an SVG image; see {@link plotModel} for a file.
   * @throws {NotReadyError} before the model is built.
   *
   * @example
   * ```ts
   * new Sequential([new Dense(3, { inputShape: [2] })]).toSVG().startsWith("<svg"); // true
   * ```
   */
  toSVG(options?: DrawingOptions): string {
    checkBuilt("toSVG", this);
    if (options !== undefined) checkOptionNames("toSVG", options, drawingNames);
    return svgOf(this.name, this.graph(), options);
  }

  /**
   * The model's graph in the language of Graphviz.
   * @throws {NotReadyError} before the model is built.
   */
  toDot(options?: DrawingOptions): string {
    checkBuilt("toDot", this);
    if (options !== undefined) checkOptionNames("toDot", options, drawingNames);
    return dotOf(this.name, this.graph(), options);
  }

  /**
   * States how the model is trained.
   * @throws {ArgumentError} for names that do not exist, naming the nearest.
   */
  compile(options: CompileOptions): void {
    this.compiled = new Compiled(options, this.outputNames);
  }

  /** The optimizer that `compile` was given. @throws {NotReadyError} before. */
  get optimizer(): Compiled["optimizer"] {
    return compiledOf("optimizer", this).optimizer;
  }

  /**
   * Trains the model.
   *
   * @param x samples along the first axis: tensors, `{ data, shape }`, nested arrays; or batches `{ x, y }` as an
   *   iterable or async iterable, which is read anew in every epoch.
   * @param y targets, or the options when `x` yields batches.
   * @returns losses and metrics of every epoch.
   * @throws {NotReadyError} before `compile`.
   * @throws {DataError} for counts that differ, labels out of range, NaN, empty validation data: before any step.
   * @throws {LayerInputError} for samples of another shape than the model's.
   * @throws {TrainingError} when the loss is no longer a number.
   *
   * @example
   * ```ts
   * const model = new Sequential([new Dense(1)], { seed: 1 });
   * model.compile({ loss: "mse", optimizer: "sgd" });
   * const history = await model.fit([[0], [1], [2]], [1, 3, 5], { epochs: 5, verbose: 0 });
   * history.epoch; // [0, 1, 2, 3, 4]
   * ```
   */
  fit(x: BatchIterable, options?: FitOptions): Promise<History>;
  fit(x: Arrays, y: Arrays, options?: FitOptions): Promise<History>;
  fit(x: Arrays | BatchIterable, y?: Arrays | FitOptions, options: FitOptions = {}): Promise<History> {
    if (isOptions(y)) return fit(this, x, undefined, y ?? options);
    return fit(this, x, y, options);
  }

  /**
   * Losses and metrics on given data, without training.
   *
   * @example
   * ```ts
   * const model = new Sequential([new Dense(1, { kernelInitializer: "ones", inputShape: [1] })]);
   * model.compile({ loss: "mse", optimizer: "sgd" });
   * await model.evaluate([[1], [2]], [1, 3]); // { loss: 0.5 }
   * ```
   */
  evaluate(x: BatchIterable, options?: EvaluateOptions): Promise<Logs>;
  evaluate(x: Arrays, y: Arrays, options?: EvaluateOptions): Promise<Logs>;
  async evaluate(
    x: Arrays | BatchIterable,
    y?: Arrays | EvaluateOptions,
    options: EvaluateOptions = {},
  ): Promise<Logs> {
    const given = isOptions(y) ? (y ?? options) : options;
    checkOptionNames("evaluate", given, evaluateOptionNames);
    const source = sourceOf("evaluate", x, isOptions(y) ? undefined : (y as Arrays), {
      batchSize: given.batchSize ?? 32,
      sampleWeight: given.sampleWeight,
    });
    const { steps, callbacks, signal } = given;
    attachAll(callbacks, this, steps ?? source.steps);
    return evaluateSource("evaluate", this, source, { steps, callbacks, signal });
  }

  /**
   * The outputs for given samples, computed in batches. For several outputs see {@link predictAll}.
   * @throws {NotReadyError} before the model is built.
   * @throws {LayerInputError} for samples of another shape than the model's.
   *
   * @example
   * ```ts
   * const model = new Sequential([new Dense(1, { kernelInitializer: "ones", inputShape: [2] })]);
   * await model.predict([[1, 2], [3, 4]]); // [[3], [7]]
   * ```
   */
  async predict(x: Arrays | BatchIterable, options: PredictOptions = {}): Promise<Tensor> {
    const outputs = await this.predictAll(x, options);
    return outputs[0]!;
  }

  /** One tensor per output. */
  async predictAll(x: Arrays | BatchIterable, options: PredictOptions = {}): Promise<Tensor[]> {
    checkOptionNames("predict", options, predictOptionNames);
    const source = sourceOf("predict", x, undefined, { batchSize: options.batchSize ?? 32 });
    attachAll(options.callbacks, this, options.steps ?? source.steps);
    return predictSource(this, source, options);
  }

  /**
   * One step of training on one batch.
   * @returns the losses and metrics of this batch, before the step.
   */
  trainOnBatch(x: Arrays, y: Arrays, options: BatchOptions = {}): Logs {
    checkOptionNames("trainOnBatch", options, ["sampleWeight", "classWeight"]);
    return this.onBatch("trainOnBatch", { x, y, sampleWeight: options.sampleWeight }, options.classWeight, (batch) => {
      this.markTrainable();
      this.trainStep(batch, "throw");
    });
  }

  /** The losses and metrics of one batch, without training. */
  testOnBatch(x: Arrays, y: Arrays, options: Omit<BatchOptions, "classWeight"> = {}): Logs {
    checkOptionNames("testOnBatch", options, ["sampleWeight"]);
    checkBuilt("testOnBatch", this);
    const data = { x, y, sampleWeight: options.sampleWeight };
    return this.onBatch("testOnBatch", data, undefined, (batch) => void testStep(this, batch));
  }

  private onBatch(op: string, data: BatchLike, weights: ClassWeight | undefined, step: (batch: Batch) => void): Logs {
    const compiled = compiledOf(op, this);
    const batch = batchOf(op, data, weights);
    checkBatch(op, this, batch, true);
    checkClasses(op, weights, compiled.losses[0]!, this.outputShapes![0]!);
    compiled.reset();
    step(batch);
    return compiled.logs();
  }

  /** The outputs for one batch, at once. For several outputs call the model. */
  predictOnBatch(x: Arrays): Tensor {
    checkBuilt("predictOnBatch", this);
    const batch = batchOf("predictOnBatch", { x });
    checkBatch("predictOnBatch", this, batch, false);
    return noGrad(() => this.callAll(batch.x, { training: false, generator: this.noise, losses: [] })[0]!);
  }

  /**
   * One step of training. Models of one's own may override it: with losses of their own, the result is what is logged as
   * `loss`.
   * @returns the loss.
   */
  trainStep(batch: Batch, onNonFinite: "throw" | "continue" = "throw"): number {
    return trainStep(this, batch, onNonFinite);
  }

  /**
   * Saves architecture, weights, and what `compile` was given, with the optimizer's state.
   * @param path ends in `.keras`, `.h5`, or, for the weights alone, `.weights.h5` or `.safetensors` ({@link stateDict}). The file
   *   appears at once, whole: an interrupted save leaves what was there before. Two saves of the same model give the same bytes.
   * @throws {NotReadyError} before the model is built.
   * @throws {ModelFileError} for another ending, or a `Lambda` layer, whose function cannot be written.
   * @throws {FileError} when it cannot be written.
   */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    checkOptionNames("save", options, ["includeOptimizer"]);
    const { saveModel } = await import("./saving/save.ts");
    await saveModel(this, path, options);
  }

  /** Writes the model for other programs to run; see {@link exportOnnx}. @param path ends in `.onnx`. */
  async export(path: string): Promise<void> {
    if (!path.endsWith(".onnx")) {
      throw new ModelFileError({
        op: "export",
        message: `the format of "${path}" is not known`,
        hint: "the path must end in .onnx",
      });
    }
    const { exportOnnx } = await import("./onnx/index.ts");
    await exportOnnx(this, path);
  }

  /**
   * Saves the weights, and of a compiled model the optimizer's state.
   * @param path ends in `.weights.h5`.
   * @throws {ModelFileError} for another ending.
   */
  async saveWeights(path: string): Promise<void> {
    const { saveWeights } = await import("./saving/save.ts");
    await saveWeights(this, path);
  }

  /**
   * Replaces the weights by those in a file of a model of the same architecture; those of the optimizer too, where a
   * file of Keras has them and the model is compiled.
   * @param source - A path, or the bytes of a `.weights.h5`, `.keras` or `.h5` file, in which layers' names may differ. A
   *   `.safetensors` file goes by names.
   * @param options `strict` and `prefix`, as for {@link loadStateDict}: of `.safetensors` files only.
   * @throws {NotReadyError} before the model is built.
   * @throws {ModelFileError} when the file is damaged or does not fit; then no weight has changed.
   * @throws {StateDictError} when names or shapes do not fit; nothing is changed then.
   * @throws {TensorFileError} when the file is damaged.
   *
   * @example
   * ```ts
   * const model = new Sequential([new Dense(1, { inputShape: [2] })]);
   * await model.save("weights.safetensors");
   * const other = new Sequential([new Dense(1, { inputShape: [2] })]);
   * await other.loadWeights("weights.safetensors"); // { missing: [], unexpected: [] }
   * ```
   */
  async loadWeights(source: string | Uint8Array, options: LoadStateDictOptions = {}): Promise<LoadStateDictResult> {
    if (!this.built) {
      const message = `the model "${this.name}" is not built, so it has no weights`;
      throw new NotReadyError({ op: "loadWeights", message });
    }
    checkOptionNames("loadWeights", options, ["strict", "prefix"]);
    const { loadWeights } = await import("./saving/contents.ts");
    return loadWeights(this, source, options);
  }
}

function isOptions<T extends object>(value: Arrays | T | undefined): value is T | undefined {
  if (value === undefined) return true;
  // Told apart by what they hold, not by prototype: options may come from another realm.
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return false;
  return !("data" in value) && !("shape" in value);
}

function attachAll(callbacks: readonly Callback[] | undefined, model: Model, steps: number | null): void {
  const params = { epochs: 1, steps, verbose: 0, initialEpoch: 0, validationFreq: null } as const;
  for (const c of callbacks ?? []) c.attach(model, params, null);
}
