import * as nn from "@gradiente/nn";

/** A model that is exchanged with Keras. */
export interface Exchanged {
  readonly name: string;
  /** Makes it; weights are drawn from the seed. */
  readonly make: () => nn.Model;
  readonly compile?: nn.CompileOptions;
  /** Whether training draws random numbers, so that steps cannot be compared. */
  readonly random?: boolean;
  /** Inputs are whole numbers below this. */
  readonly classes?: number;
  /** Why Keras 3 cannot open it as a whole-model HDF5 file, not even one of its own. */
  readonly notInH5?: string;
  /** Why Keras cannot run it on JAX. */
  readonly notOnJax?: string;
  /** Targets: numbers like the outputs (default), or class numbers. */
  readonly targets?: "numbers" | "classes" | "binary" | "one-hot";
}

const { l1, l1l2, l2 } = nn;

/** One layer (or a few) after an input, and a dense layer after it where the output is small enough. */
function alone(
  name: string,
  inputShape: readonly (number | null)[],
  layers: () => nn.Layer[],
  more: Partial<Exchanged> = {},
) {
  return {
    name,
    make: () =>
      new nn.Sequential([new nn.InputLayer({ shape: inputShape, name: "given" }), ...layers()], { seed: 1, name }),
    ...more,
  };
}

const vector = [6] as const;
const steps = [5, 4] as const;
const image = [6, 7, 3] as const;
const volume = [4, 5, 4, 2] as const;

const layers: readonly Exchanged[] = [
  alone("dense_options", vector, () => [
    new nn.Dense(5, {
      activation: "gelu",
      kernelInitializer: "he_normal",
      biasInitializer: new nn.Constant({ value: 0.1 }),
      kernelRegularizer: l2(0.01),
      biasRegularizer: l1(0.02),
      kernelConstraint: new nn.MaxNorm({ maxValue: 1.5 }),
      activityRegularizer: l1l2({ l1: 0.01, l2: 0.02 }),
    }),
    new nn.Dense(4, {
      useBias: false,
      kernelInitializer: new nn.Orthogonal({ gain: 0.5 }),
      kernelConstraint: "unit_norm",
    }),
    new nn.Dense(3, { biasConstraint: "non_neg", kernelConstraint: new nn.MinMaxNorm({ minValue: 0.1, maxValue: 2 }) }),
  ]),
  ...(
    [
      ...[
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "celu",
        "selu",
        "gelu",
        "sigmoid",
        "hard_sigmoid",
        "log_sigmoid",
        "tanh",
      ],
      ...["hard_tanh", "tanh_shrink", "hard_shrink", "soft_shrink", "softmax", "log_softmax", "softplus", "softsign"],
      ...["silu", "hard_silu", "exponential", "mish", "squareplus", "sparse_plus", "sparse_sigmoid", "sparsemax"],
    ] as nn.ActivationName[]
  ).map((activation) =>
    alone(`activation_${activation}`, vector, () => [new nn.Dense(6, { activation }), new nn.Activation(activation)]),
  ),
  alone("activation_layers", vector, () => [
    new nn.Dense(6),
    new nn.LeakyReLU({ negativeSlope: 0.1 }),
    new nn.ELU({ alpha: 0.7 }),
    new nn.ReLU({ maxValue: 5, negativeSlope: 0.2, threshold: 0.1 }),
    new nn.PReLU({ alphaInitializer: "ones", alphaRegularizer: l2(0.1) }),
    new nn.Softmax(),
  ]),
  alone("flatten_reshape", image, () => [
    new nn.Permute([3, 1, 2]),
    new nn.Reshape([6, -1]),
    new nn.Flatten(),
    new nn.RepeatVector(2),
  ]),
  alone("conv1d", steps, () => [
    new nn.Conv1D(6, 3, { padding: "causal", dilationRate: 2, activation: "relu" }),
    new nn.Conv1D(4, 2, { strides: 2, padding: "same", groups: 2, kernelRegularizer: l2(0.1) }),
  ]),
  alone("conv2d", image, () => [
    new nn.Conv2D(4, [3, 2], { strides: [2, 1], padding: "same", activation: "tanh", useBias: false }),
    new nn.Conv2D(3, 2, { dilationRate: 2, biasInitializer: "ones" }),
  ]),
  alone("conv3d", volume, () => [new nn.Conv3D(3, 2, { activation: "relu" })]),
  alone("conv_transpose", image, () => [
    new nn.Conv2DTranspose(4, 3, { strides: 2, padding: "same" }),
    new nn.Conv2DTranspose(2, 2, { strides: 3 }),
  ]),
  alone("conv1d_transpose", steps, () => [new nn.Conv1DTranspose(4, 3, { strides: 2, padding: "same" })]),
  alone("depthwise", image, () => [
    new nn.DepthwiseConv2D(3, { depthMultiplier: 2, padding: "same", depthwiseInitializer: "he_uniform" }),
    new nn.SeparableConv2D(5, 2, { depthMultiplier: 2 }),
  ]),
  alone("pooling1d", steps, () => [
    new nn.MaxPooling1D(2, { strides: 1 }),
    new nn.AveragePooling1D({ padding: "same" }),
  ]),
  alone("pooling2d", image, () => [
    new nn.MaxPooling2D({ poolSize: [2, 3], strides: 1, padding: "same" }),
    new nn.AveragePooling2D([2, 2]),
  ]),
  alone("pooling3d", volume, () => [new nn.MaxPooling3D(2), new nn.AveragePooling3D({ poolSize: [1, 2, 1] })]),
  alone("global_average", image, () => [new nn.GlobalAveragePooling2D({ keepdims: true })]),
  alone("global_max", steps, () => [new nn.GlobalMaxPooling1D()]),
  alone("padding", image, () => [
    new nn.ZeroPadding2D([
      [1, 2],
      [0, 1],
    ]),
    new nn.Cropping2D([
      [1, 0],
      [2, 1],
    ]),
    new nn.UpSampling2D([2, 1]),
    new nn.UpSampling2D(2, { interpolation: "bilinear" }),
  ]),
  alone("padding1d", steps, () => [new nn.ZeroPadding1D([2, 1]), new nn.Cropping1D([1, 1]), new nn.UpSampling1D(3)]),
  alone("batch_normalization", image, () => [
    new nn.BatchNormalization({ momentum: 0.9, epsilon: 0.01, gammaInitializer: "he_normal" }),
    new nn.BatchNormalization({ center: false, scale: false }),
  ]),
  alone("frozen_batch_normalization", vector, () => [
    new nn.Dense(4, { trainable: false }),
    new nn.BatchNormalization({ trainable: false }),
    new nn.Dense(2),
  ]),
  alone("normalizations", steps, () => [
    new nn.LayerNormalization({ axis: [1, 2], epsilon: 0.01 }),
    new nn.GroupNormalization({ groups: 2 }),
    new nn.RMSNormalization(),
    new nn.UnitNormalization({ axis: -1 }),
    new nn.LayerNormalization({ center: false }),
  ]),
  alone("normalization", vector, () => {
    const layer = new nn.Normalization();
    layer.adapt([
      [1, 2, 3, 4, 5, 6],
      [2, 5, 1, 7, 0, 9],
    ]);
    return [layer, new nn.Dense(2)];
  }),
  alone(
    "noise",
    steps,
    () => [
      new nn.GaussianNoise(0.1),
      new nn.GaussianDropout(0.2),
      new nn.AlphaDropout(0.1),
      new nn.Dropout(0.3, { seed: 3, noiseShape: [null, 1, null] }),
      new nn.SpatialDropout1D(0.2),
      new nn.ActivityRegularization({ l1: 0.01, l2: 0.02 }),
      new nn.Rescaling(2, { offset: -1 }),
      new nn.Dense(2),
    ],
    { random: true },
  ),
  alone("spatial_dropout2d", image, () => [new nn.SpatialDropout2D(0.2)], { random: true }),
  alone(
    "augmentation",
    image,
    () => [
      new nn.RandomFlip("horizontal"),
      new nn.RandomBrightness([-0.1, 0.2], { valueRange: [0, 1] }),
      new nn.RandomContrast(0.2),
    ],
    { random: true, notInH5: "its random layers cannot be copied" },
  ),
  alone(
    "embedding",
    [7],
    () => [
      new nn.Embedding(9, 4, { embeddingsInitializer: "random_normal", embeddingsRegularizer: l2(0.1) }),
      new nn.LSTM(3),
    ],
    { classes: 9 },
  ),
  alone(
    "masked",
    [7],
    () => [new nn.Embedding(9, 4, { maskZero: true }), new nn.GRU(3, { returnSequences: true }), new nn.LSTM(2)],
    {
      classes: 9,
    },
  ),
  alone("masking", steps, () => [new nn.Masking({ maskValue: 0.5 }), new nn.SimpleRNN(3)]),
  alone("rnn", steps, () => [
    new nn.SimpleRNN(4, {
      returnSequences: true,
      goBackwards: true,
      kernelRegularizer: l2(0.1),
      recurrentInitializer: "identity",
    }),
    new nn.GRU(3, { returnSequences: true, resetAfter: false, recurrentActivation: "hard_sigmoid" }),
    new nn.GRU(3, { returnSequences: true, useBias: false, kernelConstraint: "non_neg" }),
    new nn.LSTM(3, { unitForgetBias: false, activation: "relu", biasInitializer: "ones", unroll: true }),
  ]),
  alone("rnn_cells", steps, () => [
    new nn.RNN([new nn.GRUCell(4), new nn.LSTMCell(3), new nn.SimpleRNNCell(2)], { returnSequences: true }),
  ]),
  alone("rnn_dropout", steps, () => [new nn.LSTM(3, { dropout: 0.2, recurrentDropout: 0.1 })], { random: true }),
  alone("bidirectional", steps, () => [
    new nn.Bidirectional(new nn.LSTM(3, { returnSequences: true })),
    new nn.Bidirectional(new nn.GRU(2), { mergeMode: "sum" }),
  ]),
  alone("bidirectional_of_two", steps, () => [
    new nn.Bidirectional(new nn.LSTM(3), { backwardLayer: new nn.GRU(2, { goBackwards: true }), mergeMode: "concat" }),
  ]),
  alone("time_distributed", [4, 5, 5, 2], () => [
    new nn.TimeDistributed(new nn.Conv2D(3, 2)),
    new nn.TimeDistributed(new nn.Flatten()),
    new nn.TimeDistributed(new nn.Dense(2)),
  ]),
  alone("nested_sequential", vector, () => [
    new nn.Dense(4),
    new nn.Sequential([new nn.Dense(4, { inputShape: [4] }), new nn.BatchNormalization(), new nn.Dense(3)], {
      name: "inner",
    }),
    new nn.BatchNormalization(),
    new nn.Dense(2),
  ]),
  alone("depthwise1d", steps, () => [
    new nn.DepthwiseConv1D(2, { depthMultiplier: 2 }),
    new nn.SeparableConv1D(3, 2, { pointwiseRegularizer: l2(0.1) }),
  ]),
  alone("conv3d_transpose", volume, () => [new nn.Conv3DTranspose(2, 2, { strides: 2 }), new nn.SpatialDropout3D(0)]),
  alone("padding3d", volume, () => [new nn.ZeroPadding3D(1), new nn.Cropping3D([1, 0, 1]), new nn.UpSampling3D(2)]),
  alone("einsum_dense", steps, () => [
    new nn.EinsumDense("abc,cd->abd", [null, 3], { biasAxes: "d", activation: "relu" }),
  ]),
  alone("spectral_normalization", vector, () => [new nn.SpectralNormalization(new nn.Dense(4)), new nn.Dense(2)]),
  alone("resizing", image, () => [new nn.Resizing(4, 5), new nn.CenterCrop(3, 3)]),
  alone("discretization", vector, () => [new nn.Discretization({ binBoundaries: [0.2, 0.5, 0.8] }), new nn.Dense(2)]),
  alone(
    "category_encoding",
    [3],
    () => [new nn.CategoryEncoding({ numTokens: 5, outputMode: "multi_hot" }), new nn.Dense(2)],
    {
      classes: 5,
    },
  ),
  alone("twelve_layers", vector, () => Array.from({ length: 12 }, (_, i) => new nn.Dense(3 + (i % 3)))),
  alone("float64", vector, () => [new nn.Dense(4, { dtype: "float64" }), new nn.Dense(2, { dtype: "float64" })]),
];

const graphs: readonly Exchanged[] = [
  {
    name: "merges",
    make: () => {
      const [a, b] = [nn.input({ shape: [4], name: "left" }), nn.input({ shape: [4], name: "right" })];
      const [x, y] = [new nn.Dense(4).apply(a), new nn.Dense(4, { activation: "tanh" }).apply(b)];
      const all = [
        new nn.Add().apply([x, y]),
        new nn.Subtract().apply([x, y]),
        new nn.Multiply().apply([x, y, a]),
        new nn.Average().apply([x, y]),
        new nn.Maximum().apply([x, y]),
        new nn.Minimum().apply([x, y]),
        new nn.Dot(1, { normalize: true }).apply([x, y]),
      ];
      return nn.functional({
        inputs: [a, b],
        outputs: new nn.Dense(2).apply(new nn.Concatenate().apply(all)),
        seed: 1,
        name: "merges",
      });
    },
  },
  {
    name: "dot_of_matrices",
    make: () => {
      const [a, b] = [nn.input({ shape: [3, 4] }), nn.input({ shape: [5, 4] })];
      return nn.functional({
        inputs: [a, b],
        outputs: new nn.Dot([2, 2]).apply([a, b]),
        seed: 1,
        name: "dot_of_matrices",
      });
    },
  },
  {
    name: "wide_and_deep",
    make: () => {
      const [wide, deep] = [nn.input({ shape: [3], name: "wide" }), nn.input({ shape: [5], name: "deep" })];
      let h = deep;
      for (let i = 0; i < 3; i++) h = new nn.Dense(4, { activation: "relu" }).apply(h);
      const joined = new nn.Concatenate().apply([new nn.Dense(4).apply(wide), h]);
      const outputs = [
        new nn.Dense(1, { name: "main" }).apply(joined),
        new nn.Dense(1, { name: "auxiliary" }).apply(h),
      ];
      return nn.functional({ inputs: [wide, deep], outputs, seed: 1, name: "wide_and_deep" });
    },
    compile: { loss: ["mse", "mae"], lossWeights: [0.9, 0.1], optimizer: "adam", metrics: [["mae"], ["mse"]] },
  },
  {
    name: "branches",
    make: () => {
      // Branches of several lengths, and a layer used twice: Keras' order of layers is not that of making.
      const x = nn.input({ shape: [4] });
      const shared = new nn.Dense(4, { name: "shared" });
      const long = new nn.Dense(4).apply(new nn.Dense(4).apply(shared.apply(x)));
      const short = new nn.Dense(4).apply(x);
      const both = new nn.Add().apply([short, long]);
      const again = shared.apply(both);
      const outputs = new nn.Dense(2).apply(new nn.Concatenate().apply([again, short, x]));
      return nn.functional({ inputs: x, outputs, seed: 1, name: "branches" });
    },
  },
  {
    name: "nested_functional",
    make: () => {
      const inner = nn.input({ shape: [3] });
      const block = nn.functional({
        inputs: inner,
        outputs: new nn.Add().apply([inner, new nn.Dense(3).apply(new nn.BatchNormalization().apply(inner))]),
        name: "block",
      });
      const x = nn.input({ shape: [3] });
      const once = block.apply(new nn.Dense(3).apply(x));
      return nn.functional({
        inputs: x,
        outputs: new nn.Dense(1).apply(block.apply(once)),
        seed: 1,
        name: "nested_functional",
      });
    },
  },
  {
    name: "attention",
    notOnJax: "its attention there needs values as long as keys",
    make: () => {
      const [q, v] = [nn.input({ shape: [4, 6] }), nn.input({ shape: [5, 6] })];
      const own = new nn.MultiHeadAttention({ numHeads: 2, keyDim: 3, valueDim: 4 }).apply([q, q], {
        useCausalMask: true,
      });
      const cross = new nn.MultiHeadAttention({ numHeads: 3, keyDim: 2, useBias: false }).apply([own, v]);
      const y = new nn.LayerNormalization().apply(new nn.Add().apply([cross, q]));
      return nn.functional({ inputs: [q, v], outputs: new nn.Dense(2).apply(y), seed: 1, name: "attention" });
    },
  },
  {
    name: "plain_attention",
    make: () => {
      const [q, v] = [nn.input({ shape: [4, 6] }), nn.input({ shape: [5, 6] })];
      const both = [new nn.Attention({ useScale: true }).apply([q, v]), new nn.AdditiveAttention().apply([q, v])];
      return nn.functional({ inputs: [q, v], outputs: new nn.Add().apply(both), seed: 1, name: "plain_attention" });
    },
  },
  {
    name: "grouped_attention",
    make: () => {
      const x = nn.input({ shape: [4, 6] });
      const layer = new nn.GroupQueryAttention({ headDim: 3, numQueryHeads: 4, numKeyValueHeads: 2 });
      return nn.functional({ inputs: x, outputs: layer.apply([x, x]), seed: 1, name: "grouped_attention" });
    },
  },
  {
    name: "encoder_decoder",
    make: () => {
      const [source, target] = [nn.input({ shape: [null, 4] }), nn.input({ shape: [null, 3] })];
      const [, h, c] = new nn.LSTM(5, { returnState: true }).applyAll(source);
      const y = new nn.LSTM(5, { returnSequences: true }).apply(target, { initialState: [h!, c!] });
      return nn.functional({
        inputs: [source, target],
        outputs: new nn.Dense(2).apply(y),
        seed: 1,
        name: "encoder_decoder",
      });
    },
  },
];

const small = (
  name: string,
  outputs: number,
  activation: nn.ActivationName,
  compile: nn.CompileOptions,
  more: Partial<Exchanged> = {},
) =>
  alone(name, vector, () => [new nn.Dense(5, { activation: "tanh" }), new nn.Dense(outputs, { activation })], {
    compile,
    ...more,
  });

const optimizers: readonly (readonly [string, nn.OptimizerLike])[] = [
  ["sgd", "sgd"],
  ["sgd_momentum", new nn.SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true, clipnorm: 1 })],
  ["adam", "adam"],
  ["adam_amsgrad", new nn.Adam({ amsgrad: true, learningRate: 0.01, globalClipnorm: 1 })],
  ["adamw", "adamw"],
  ["adamax", "adamax"],
  ["nadam", "nadam"],
  ["rmsprop", "rmsprop"],
  ["rmsprop_all", new nn.RMSprop({ momentum: 0.5, centered: true, clipvalue: 0.5 })],
  ["adagrad", "adagrad"],
  ["adadelta", "adadelta"],
  ["ftrl", new nn.Ftrl({ learningRate: 0.01, l1RegularizationStrength: 0.001, beta: 0.1 })],
  ["lion", "lion"],
  ["lamb", "lamb"],
  ["adafactor", "adafactor"],
  ["ema", new nn.Adam({ useEma: true, emaMomentum: 0.9, emaOverwriteFrequency: 3 })],
  ["accumulation", new nn.SGD({ momentum: 0.9, gradientAccumulationSteps: 2 })],
  [
    "exponential",
    new nn.SGD({ learningRate: new nn.ExponentialDecay({ initialLearningRate: 0.1, decaySteps: 3, decayRate: 0.9 }) }),
  ],
  [
    "cosine",
    new nn.Adam({
      learningRate: new nn.CosineDecay({ initialLearningRate: 0.01, decaySteps: 9, warmupTarget: 0.1, warmupSteps: 2 }),
    }),
  ],
  [
    "restarts",
    new nn.SGD({ learningRate: new nn.CosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 2 }) }),
  ],
  [
    "piecewise",
    new nn.SGD({ learningRate: new nn.PiecewiseConstantDecay({ boundaries: [1, 4], values: [0.1, 0.05, 0.01] }) }),
  ],
  [
    "polynomial",
    new nn.SGD({ learningRate: new nn.PolynomialDecay({ initialLearningRate: 0.1, decaySteps: 9, power: 2 }) }),
  ],
  [
    "inverse_time",
    new nn.SGD({ learningRate: new nn.InverseTimeDecay({ initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.5 }) }),
  ],
];

const sparse = { targets: "classes" } as const;
const binary = { targets: "binary" } as const;
const oneHot = { targets: "one-hot" } as const;
const compiled: readonly Exchanged[] = [
  ...optimizers.map(([name, optimizer]) =>
    small(
      `optimizer_${name}`,
      2,
      "linear",
      { loss: "mse", optimizer, metrics: ["mae"] },
      name === "lamb" ? { notInH5: "it does not know its own Lamb there" } : {},
    ),
  ),
  ...(["mse", "mae", "huber", "log_cosh", "cosine_similarity"] as nn.LossName[]).map((loss) =>
    small(`loss_${loss}`, 2, "linear", { loss, optimizer: "sgd" }),
  ),
  ...(
    [
      "hinge",
      "squared_hinge",
      "binary_crossentropy",
      "binary_focal_crossentropy",
      "poisson",
      "mape",
      "msle",
      "dice",
      "tversky",
    ] as nn.LossName[]
  ).map((loss) => small(`loss_${loss}`, 2, "sigmoid", { loss, optimizer: "sgd" }, binary)),
  ...(
    [
      "categorical_crossentropy",
      "categorical_focal_crossentropy",
      "kl_divergence",
      "categorical_hinge",
    ] as nn.LossName[]
  ).map((loss) => small(`loss_${loss}`, 3, "softmax", { loss, optimizer: "sgd" }, oneHot)),
  small(
    "loss_sparse",
    3,
    "softmax",
    { loss: "sparse_categorical_crossentropy", optimizer: "sgd", metrics: ["accuracy"] },
    sparse,
  ),
  small(
    "loss_logits",
    3,
    "linear",
    { loss: new nn.SparseCategoricalCrossentropy({ fromLogits: true }), optimizer: "adam" },
    sparse,
  ),
  small(
    "loss_smoothing",
    3,
    "softmax",
    { loss: new nn.CategoricalCrossentropy({ labelSmoothing: 0.1 }), optimizer: "adam" },
    oneHot,
  ),
  small("loss_objects", 2, "linear", { loss: new nn.Huber({ delta: 0.5 }), optimizer: "adam" }),
  small(
    "loss_focal",
    1,
    "sigmoid",
    { loss: new nn.BinaryFocalCrossentropy({ gamma: 1.5, applyClassBalancing: true, alpha: 0.3 }), optimizer: "adam" },
    binary,
  ),
  small("loss_sum", 2, "linear", { loss: new nn.MeanSquaredError({ reduction: "sum" }), optimizer: "sgd" }),
  small(
    "metrics_binary",
    1,
    "sigmoid",
    {
      loss: "binary_crossentropy",
      optimizer: "adam",
      metrics: [
        "accuracy",
        new nn.BinaryAccuracy({ threshold: 0.3 }),
        new nn.AUC({ numThresholds: 50, curve: "PR" }),
        new nn.Precision({ thresholds: 0.4 }),
        new nn.Recall(),
        new nn.TruePositives(),
        new nn.FalseNegatives({ thresholds: [0.2, 0.6] }),
        new nn.PrecisionAtRecall({ recall: 0.5 }),
        new nn.SensitivityAtSpecificity({ specificity: 0.5, numThresholds: 20 }),
      ],
    },
    binary,
  ),
  small(
    "metrics_classes",
    3,
    "softmax",
    {
      loss: "categorical_crossentropy",
      optimizer: "adam",
      metrics: [
        "acc",
        new nn.TopKCategoricalAccuracy({ k: 2 }),
        new nn.F1Score({ average: "micro", threshold: 0.4 }),
        "categorical_crossentropy",
      ],
      weightedMetrics: ["categorical_accuracy"],
    },
    oneHot,
  ),
  small("metrics_regression", 2, "linear", {
    loss: "mse",
    optimizer: "adam",
    metrics: [
      "mae",
      "mse",
      new nn.RootMeanSquaredError(),
      new nn.R2Score(),
      new nn.LogCoshError(),
      "cosine_similarity",
    ],
  }),
];

/** Models with every layer, and with every way to train, that files of Keras are exchanged of. */
export const models: readonly Exchanged[] = [...layers, ...graphs, ...compiled];
