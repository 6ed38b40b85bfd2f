import * as g from "@gradiente/autograd";
import * as datasets from "@gradiente/datasets";
import * as nn from "@gradiente/nn";
import { describe, expect, test } from "vitest";

// Plain JavaScript would ignore options that are misspelt. Everything that is exported is either among what takes no
// options, or refuses them; something new is refused here until it does.

type Callable = (...args: unknown[]) => unknown;

const inner = new nn.Dense(2);

/** What comes before the options; nothing for what is not here. */
const before: Readonly<Record<string, readonly unknown[]>> = {
  ...names("Activation", ["relu"]),
  ...names("Embedding CenterCrop RandomCrop Resizing", [2, 2]),
  ...names("Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose", [2, 2]),
  ...names("SeparableConv1D SeparableConv2D", [2, 2]),
  ...names("Dense DepthwiseConv1D DepthwiseConv2D RepeatVector Rescaling SimpleRNN LSTM GRU", [2]),
  ...names("SimpleRNNCell LSTMCell GRUCell UpSampling1D UpSampling2D UpSampling3D", [2]),
  ...names("AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D", [2]),
  ...names("AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D", [2]),
  ...names("Cropping1D Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D", [1]),
  ...names("Dropout AlphaDropout GaussianDropout GaussianNoise", [0.5]),
  ...names("SpatialDropout1D SpatialDropout2D SpatialDropout3D", [0.5]),
  ...names("RandomBrightness RandomContrast RandomRotation", [0.1]),
  ...names("BackupAndRestore CSVLogger", ["somewhere"]),
  ...names("moons circles linearlySeparable noisySine parity blobs spirals addingProblem", [4]),
  ...names("gridSearch randomSearch successiveHalving hyperband", [{ x: nn.float(0, 1) }, () => () => 0]),
  ...names("float int", [1, 2]),
  ...names("openSource readAll readCsv readIdx", [new Uint8Array(8)]),
  Bidirectional: [new nn.LSTM(2)],
  Dot: [1],
  EinsumDense: ["ab,bc->ac", 2],
  Lambda: [(x: g.Tensor) => x],
  ModelCheckpoint: ["somewhere.keras"],
  Permute: [[1]],
  RNN: [new nn.LSTMCell(2)],
  RandomFlip: ["horizontal"],
  RandomTranslation: [0.1, 0.1],
  RandomZoom: [0.1, 0.1],
  Reshape: [[2]],
  Sequential: [[]],
  SpectralNormalization: [inner],
  StackedRNNCells: [[new nn.LSTMCell(2)]],
  TimeDistributed: [inner],
  augmentImages: [datasets.Dataset.fromArrays({ x: [1, 2] })],
  encodeModel: [new nn.Sequential(), "keras"],
  fitEncoder: [[{ a: 1 }]],
  irisLike: [4],
  kFold: [4, 2],
  loadModel: [new Uint8Array(8)],
  plotModel: [new nn.Sequential(), "somewhere.svg"],
  registerSerializable: [() => null],
  resizeImages: [g.ones([1, 2, 2, 1]), 1, 1],
  ridge: [0.1],
  trainAndValidate: [() => new nn.Sequential(), [[1], [2]], [1, 2]],
  writeIdx: ["somewhere.idx", { data: Uint8Array.of(1), shape: [1] }],
};

/** Options without which there is nothing to be made. */
const needed: Readonly<Record<string, object>> = {
  ...names("IoU OneHotIoU", { numClasses: 2, targetClassIds: [0] }),
  ...names("MeanIoU OneHotMeanIoU", { numClasses: 2 }),
  ...names("ExponentialDecay InverseTimeDecay", { initialLearningRate: 1, decaySteps: 1, decayRate: 1 }),
  ...names("PolynomialDecay CosineDecay", { initialLearningRate: 1, decaySteps: 1 }),
  ...names("halvingRungs successiveHalving", { trials: 4, maxBudget: 4 }),
  ...names("hyperband hyperbandBrackets", { maxBudget: 4 }),
  CategoryEncoding: { numTokens: 2 },
  CosineDecayRestarts: { initialLearningRate: 1, firstDecaySteps: 1 },
  Discretization: { numBins: 2 },
  GroupQueryAttention: { headDim: 2, numQueryHeads: 2, numKeyValueHeads: 1 },
  MultiHeadAttention: { numHeads: 2, keyDim: 2 },
  PiecewiseConstantDecay: { boundaries: [], values: [1] },
  PrecisionAtRecall: { recall: 0.5 },
  RecallAtPrecision: { precision: 0.5 },
  Ridge: { lambda: 0.1, samples: 10 },
  SensitivityAtSpecificity: { specificity: 0.5 },
  SpecificityAtSensitivity: { sensitivity: 0.5 },
  Functional: symbols(),
  functional: symbols(),
  fitEncoder: { columns: ["a"] },
  idxImageSet: { folder: "somewhere" },
  input: { shape: [2] },
  randomSearch: { trials: 2 },
  ridge: { samples: 10 },
};

/** What takes no options. */
const none: ReadonlySet<string> = new Set([
  ...words("Callback Constraint Dimension Initializer Layer Loss Metric Model Optimizer Regularizer Schedule"), // to extend
  ...words("FunctionLoss MeanMetric LearningRateScheduler History TerminateOnNaN NonNeg Ones Zeros"),
  ...words("SearchResults SymbolicTensor CsvDataset CsvSamples Dataset IdxDataset Random TableEncoder"),
  ...words("accuracy binaryAccuracy categoricalAccuracy sparseCategoricalAccuracy maskOf withMask l1 l2"),
  ...words("deserializeLayer getLoss getMetric getOptimizer getSchedule choice gridOf sampleSpace"),
  ...words("encodeIdx exportOnnx progressBar"),
]);

function words(text: string): string[] {
  return text.split(" ");
}

function names<T>(text: string, value: T): Record<string, T> {
  return Object.fromEntries(words(text).map((name) => [name, value]));
}

function symbols(): object {
  const x = nn.input({ shape: [2] });
  return { inputs: x, outputs: new nn.Dense(1).apply(x) };
}

function isError(value: unknown): boolean {
  return typeof value === "function" && value.prototype instanceof Error;
}

/** The error of what is done. */
async function errorOf(run: () => unknown): Promise<Error> {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was not refused");
}

function expectTyped(error: Error): void {
  expect(error.message).toMatch(/misspelt/);
  expect(error instanceof g.ArgumentError || error instanceof datasets.ArgumentError, error.stack).toBe(true);
}

const isClass = (value: Callable): boolean => /^class\b/.test(Function.prototype.toString.call(value));

for (const [origin, exported] of Object.entries({ nn, "nn.metrics": nn.metrics, datasets })) {
  const all = Object.entries(exported).filter(([name, value]) => typeof value === "function" && !none.has(name));
  describe(origin, () => {
    test.each(all.filter(([, value]) => !isError(value)))("%s", async (name, value) => {
      const make = value as Callable;
      const call = (...args: unknown[]): unknown => (isClass(make) ? Reflect.construct(make, args) : make(...args));
      const args = before[name] ?? [];
      const misspelt = { ...needed[name], misspelt: 1 };
      const layer = (): nn.Layer => call(...args, misspelt) as nn.Layer;
      const isLayer = isClass(make) && make.prototype instanceof nn.Layer && !(make.prototype instanceof nn.Model);
      expectTyped(await errorOf(isLayer ? () => layer().apply(g.ones([1, 2])) : layer));
      if (isLayer && name !== "StackedRNNCells") expectTyped(await errorOf(() => new nn.Sequential([layer()])));
      if (isClass(make)) call(...args, { ...needed[name] }); // so it was the option
    });
  });
}

const model = new nn.Sequential([new nn.Dense(1, { inputShape: [1] })]);
model.compile({ loss: "mse", optimizer: "sgd" });
const [x, y] = [
  [[1], [2]],
  [1, 2],
];
const lookup = new nn.StringLookup({ vocabulary: ["a"] });

/** Methods with options: the object, and what comes before them. */
const methods: readonly (readonly [object, string, readonly unknown[]])[] = [
  [model, "apply", [g.ones([1, 1])]],
  [model, "applyAll", [g.ones([1, 1])]],
  [model, "compile", []],
  [model, "fit", [x, y]],
  [model, "evaluate", [x, y]],
  [model, "predict", [x]],
  [model, "predictAll", [x]],
  [model, "trainOnBatch", [x, y]],
  [model, "testOnBatch", [x, y]],
  [model, "summary", []],
  [model, "toSVG", []],
  [model, "toDot", []],
  [model, "save", ["somewhere.keras"]],
  [model, "loadWeights", ["somewhere.keras"]],
  [model, "stateDict", []],
  [model, "loadStateDict", [model.stateDict()]],
  [lookup, "getVocabulary", []],
  ...dataSetMethods(),
];

function dataSetMethods(): (readonly [object, string, readonly unknown[]])[] {
  const data = datasets.Dataset.fromArrays({ x: [1, 2, 3, 4] });
  return [
    [datasets.Dataset, "fromIterable", [[1, 2]]],
    [datasets.Dataset, "fromStream", [() => new ReadableStream()]],
    [data, "iterate", []],
    [data, "map", [(element: unknown) => element]],
    [data, "batch", [2]],
    [data, "window", [2]],
    [data, "shuffle", [2]],
    [data, "interleave", [() => data]],
    [data, "split", [0.5]],
    [data, "folds", [2]],
  ];
}

describe("methods", () => {
  test.each(methods.map(([object, name, args]) => [name, object, args] as const))("%s", async (name, object, args) => {
    const method = Reflect.get(object, name) as Callable;
    const options = name === "compile" ? { loss: "mse", misspelt: 1 } : { misspelt: 1 };
    expectTyped(await errorOf(() => method.call(object, ...args, options)));
  });
  test("all that take options are among them", () => {
    const tested = new Set(methods.map(([, name]) => name));
    // What the package calls by itself, or classes that extend it.
    const own = new Set(words("constructor addWeight connect callAll callMany computeOutputShapes"));
    const types = [nn.Layer, nn.Model, nn.Perceptron, nn.LBFGS, datasets.Dataset, datasets.TableEncoder];
    for (const type of types) {
      const found = Object.getOwnPropertyNames(type.prototype).filter((name) => {
        const value = Object.getOwnPropertyDescriptor(type.prototype, name)?.value as unknown;
        return typeof value === "function" && /^[^{]*\boptions\b/.test(value.toString());
      });
      expect(found.filter((name) => !tested.has(name) && !own.has(name))).toEqual([]);
    }
  });
});

test("a weight takes no misspelt options either", () => {
  class Scale extends nn.Layer {
    protected override build(_: nn.BatchShape, generator: g.Generator): void {
      this.addWeight({ name: "scale", shape: [1], misspelt: 1 } as nn.WeightOptions, generator);
    }
    override call(input: g.Tensor): g.Tensor {
      return input;
    }
  }
  expect(() => new Scale().apply(g.ones([1, 2]))).toThrow(/addWeight: there is no option named "misspelt"/);
});

test("classes of one's own may have options of their own", () => {
  class Own extends nn.Dense {}
  class Slow extends nn.SGD {
    constructor(options: nn.SGDOptions & { readonly factor: number }) {
      super(options);
    }
  }
  class Soft extends nn.Huber {}
  new Own(2, { factor: 1 } as never).apply(g.ones([1, 2]));
  expect(new Slow({ factor: 1 }).learningRate).toBe(0.01);
  expect(new Soft({ factor: 1 } as never)).toBeInstanceOf(nn.Loss);
});

describe("files have options of other versions of Keras, which are left out", () => {
  const kinds: readonly (readonly [
    object,
    abstract new (...args: never[]) => object,
    (given: nn.Serialized) => object,
  ])[] = [
    [nn, nn.Loss, (given) => nn.getLoss(given)],
    [nn.metrics, nn.Metric, (given) => nn.getMetric(given, { yTrue: [1], yPred: [1] })],
    [nn, nn.Optimizer, (given) => nn.getOptimizer(given)],
    [nn, nn.Schedule, (given) => nn.getSchedule(given)],
    [nn, nn.Initializer, (given) => new nn.Dense(2, { kernelInitializer: given }).kernelInitializer],
  ];
  for (const [exported, kind, read] of kinds) {
    for (const [name, type] of Object.entries(exported)) {
      if (none.has(name) || !(type?.prototype instanceof kind)) continue;
      test(`${kind.name} ${name}`, () => {
        const made = Reflect.construct(type, [needed[name] ?? {}]) as { getConfig(): nn.Config };
        const config = made.getConfig();
        const again = read({ class_name: name, config: { ...config, misspelt: 1 } }) as { getConfig(): nn.Config };
        expect(again.getConfig()).toEqual(config); // and nothing that is known is
      });
    }
  }
});
