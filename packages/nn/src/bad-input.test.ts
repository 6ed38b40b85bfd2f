import { GradienteError, ones, type Tensor, tensor } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import * as nn from "./index.ts";

// What TypeScript refuses, and plain JavaScript lets through: typed errors that name the nearest, before any step is taken.

// biome-ignore lint/suspicious/noExplicitAny: as in plain JavaScript
const js = nn as any;
const [x, y] = [
  [
    [1, 2],
    [3, 4],
  ],
  [1, 2],
];
const model = (layers = [new nn.Dense(1, { inputShape: [2] })], compile: object = {}) => {
  const own = new js.Sequential(layers);
  own.compile({ loss: "mse", optimizer: "sgd", ...compile });
  return own;
};
const within = (layer: () => nn.Layer) => () => model([new nn.Dense(4, { inputShape: [2] }), layer()] as never);

class Nothing extends nn.Layer {
  call(): Tensor {
    return undefined as never;
  }
}

describe("options and arguments that mean nothing are refused", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["a layer's option", within(() => new js.Dense(3, { activaton: "relu" })), /Dense: .*did you mean "activation"/],
    ["Keras' spelling", within(() => new js.Dense(3, { kernel_initializer: "ones" })), /"kernelInitializer"/],
    ["a recurrent layer's option", within(() => new js.LSTM(2, { returnSequence: true })), /"returnSequences"/],
    ["an option in a wrapper", within(() => new js.TimeDistributed(new js.Dense(2, { bias: false }))), /named "bias"/],
    ["no object of options", () => new js.Dense(3, "relu"), /Dense: the options are "relu".*by name/],
    ["a list of options", () => new js.Flatten([28, 28]), /Flatten: the options are \[28,28\]/],
    ["an option in a functional model", () => functionalOf({ ratio: 1 }), /no option named "ratio"/],
    ["inputs that are none", () => js.functional({ outputs: js.input({ shape: [1] }) }), /inputs has undefined in it/],
    ["tensors for a graph", () => js.functional({ inputs: ones([1]), outputs: ones([1]) }), /not what layers gave/],
    ["an input without a shape", () => js.input([28]), /input: the options are \[28\].*shape: \[28, 28\]/],
    ["two open lengths", () => new nn.Reshape([-1, -1]), /targetShape is \[-1,-1\]/],
    ["axes twice", () => new nn.Permute([1, 1]), /dims is \[1,1\]/],
    ["no repetition", () => new nn.RepeatVector(0), /n is 0/],
    ["no filters", () => new nn.Conv2D(0, 3), /filters is 0/],
    ["groups of filters", () => new nn.Conv2D(4, 3, { groups: 3 }), /3 groups do not divide 4 filters/],
    ["no pool", () => new nn.MaxPooling2D({ poolSize: 0 }), /poolSize is 0/],
    [
      "a pool too large",
      () => new nn.Sequential([new nn.MaxPooling1D(9, { inputShape: [4, 1] })]),
      /as its pool \(9\)/,
    ],
    ["nothing to repeat for steps", () => new js.TimeDistributed(), /the layer is undefined/],
    ["both directions of what has none", () => new js.Bidirectional(new nn.Dense(1)), /is a Dense, not a recurrent/],
    ["no function", () => new js.Lambda(), /Lambda: the function is undefined/],
    ["no factor", () => new js.RandomRotation(), /RandomRotation: factor is undefined/],
    ["a class for a loss", () => model(undefined, { loss: nn.Huber }), /loss is the class .*, not an object.*new /],
    ["a class for a metric", () => model(undefined, { metrics: [nn.AUC] }), /metric is the class AUC.*new AUC\(\)/],
    ["a class for an optimizer", () => model(undefined, { optimizer: nn.SGD }), /class SGD, .*new SGD\(\)/],
    ["no loss", () => model(undefined, { loss: null }), /no loss is given/],
    ["a reduction", () => new js.MeanSquaredError({ reduction: "avg" }), /no reduction named "avg"/],
    ["a curve", () => new js.AUC({ curve: "pr" }), /no curve named "pr"/],
    ["a rate that is none", () => new nn.SGD({ learningRate: Number.NaN }), /learningRate is /],
    ["a rate below 0", () => new nn.Adam({ learningRate: -1 }), /learningRate is -1/],
    ["a rate in words", () => new js.SGD({ learningRate: "0.1" }), /learningRate is "0.1"/],
    [
      "rates between boundaries",
      () => new nn.PiecewiseConstantDecay({ boundaries: [1], values: [1] }),
      /one value more/,
    ],
    ["a mode of scaling", () => new js.VarianceScaling({ mode: "fan" }), /no mode named "fan"/],
    [
      "no matrix for an identity",
      within(() => new nn.EinsumDense("ab,bcd->acd", [2, 3], { kernelInitializer: "identity" })),
      /for matrices/,
    ],
    ["no matrix to make orthogonal", within(() => new nn.Dense(2, { biasInitializer: "orthogonal" })), /not .* \[2\]/],
    ["EarlyStopping's option", () => new js.EarlyStopping({ restore_best_weights: true }), /"restoreBestWeights"/],
    ["EarlyStopping's patience", () => new nn.EarlyStopping({ patience: -1 }), /patience is -1/],
    ["a name for options", () => new js.EarlyStopping("val_loss"), /the options are "val_loss"/],
    ["ReduceLROnPlateau's option", () => new js.ReduceLROnPlateau({ min_lr: 0.1 }), /"minLr"/],
    ["a schedule for a function", () => scheduler(), /an object, not a function.*learningRate/],
    ["no path of a log", () => new js.CSVLogger(), /CSVLogger: the path is undefined/],
    [
      "ModelCheckpoint's option",
      () => new js.ModelCheckpoint("a.h5", { bestOnly: true }),
      /no option named "bestOnly"/,
    ],
    ["ModelCheckpoint's format", () => new nn.ModelCheckpoint("a.txt"), /format of "a.txt" is not known/],
    ["TensorBoard's option", () => new js.TensorBoard({ log_dir: "a" }), /"logDir"/],
    ["Perceptron's option", () => new js.Perceptron({ maxUpdate: 3 }), /"maxUpdates"/],
    ["no weights", () => model().setWeights(null), /the weights are null/],
    [
      "arrays for weights",
      () => model().setWeights([[[1], [2]], [0]]),
      /"kernel".* neither a tensor nor a typed array/,
    ],
    ["fit's options in place", () => model().fit(x, y, 10), /fit: the options are 10/],
    ["an order to shuffle in", () => model().fit(x, y, { shuffle: "batch" }), /shuffle is "batch"/],
    ["no signal", () => model().fit(x, y, { signal: true }), /signal is no AbortSignal/],
    ["no samples", () => model().fit(null, y), /x is null/],
    ["no targets", () => model().fit(x, null), /y is null/],
    ["predict's option", () => model().predict(x, { batch: 1 }), /predict: .*known are batchSize/],
    ["evaluate's option", () => model().evaluate(x, y, { verbos: 0 }), /evaluate: there is no option/],
    ["nothing to predict", () => model().predict(null), /x is null/],
    ["a layer that gives nothing", () => new Nothing().apply(ones([1, 2])), /gave undefined, not a tensor/],
    ["a metric that gives a number", () => model(undefined, { metrics: [() => 3] }).fit(x, y), /the metric gave 3/],
    ["no path to save to", () => model().save(), /the path is undefined/],
    [
      "targets that are no probabilities",
      () => model(undefined, { loss: "binary_crossentropy" }).fit(x, [0, 2]),
      /target 2 of sample 1 is not from 0 to 1.*sparse_categorical/s,
    ],
  ])("%s", async (_, run, text) => {
    const failure = await (async () => run())().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(GradienteError);
    expect((failure as Error).message).toMatch(text);
  });

  it("but not any layer by the options it gives itself", () => {
    const wide = { kernelInitializer: "ones", activityRegularizer: "l2", name: "first", trainable: false } as const;
    const layers = [
      new nn.Dense(4, { ...wide, inputShape: [3, 2] }),
      new nn.SpatialDropout1D(0.5, { seed: 1 }),
      new nn.ActivityRegularization({ l1: 0.1 }),
      new nn.LayerNormalization({ rmsScaling: true }),
      new nn.BatchNormalization({ renorm: true, renormClipping: { rmax: 3 }, renormMomentum: 0.9 }),
      new nn.Bidirectional(new nn.LSTM(2, { returnSequences: true, recurrentDropout: 0.5, unitForgetBias: false })),
      new nn.RNN([new nn.GRUCell(2, { resetAfter: false }), new nn.SimpleRNNCell(3)], { zeroOutputForMask: true }),
    ];
    expect(new nn.Sequential(layers).outputShape).toEqual([null, 3]);
  });

  it("but layers of one's own may have options of their own, and files those of other versions", () => {
    class Scaled extends nn.Dense {
      constructor(options: object) {
        super(2, options);
      }
    }
    expect(model([new Scaled({ inputShape: [2], factor: 3 })] as never).built).toBe(true);
    const config = { units: 3, from_the_future: 1 };
    const inner = nn.deserializeLayer({ class_name: "LSTM", config });
    const outer = new nn.Bidirectional(inner as nn.LSTM, { name: "both" });
    outer.forgetOptions();
    expect(new nn.Sequential([outer]).apply(tensor([[[1], [2]]])).shape).toEqual([1, 6]);
  });
});

function functionalOf(options: object): unknown {
  const start = nn.input({ shape: [2] });
  return nn.functional({ inputs: start, outputs: new js.Dropout(0.5, options).apply(start) });
}

function scheduler(): unknown {
  const schedule = new nn.ExponentialDecay({ initialLearningRate: 1, decaySteps: 1, decayRate: 1 });
  return new js.LearningRateScheduler(schedule);
}
