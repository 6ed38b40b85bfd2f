export type { ActivationLike, ActivationName, ReluOptions } from "./activations/activation.ts";
export { BackupAndRestore, type BackupAndRestoreOptions } from "./callbacks/backup-and-restore.ts";
export {
  Callback,
  History,
  type HistoryRecord,
  LambdaCallback,
  type LambdaFunctions,
  type TrainingParams,
} from "./callbacks/callback.ts";
export { CSVLogger, type CSVLoggerOptions } from "./callbacks/csv-logger.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./callbacks/early-stopping.ts";
export { ModelCheckpoint, type ModelCheckpointOptions, type SaveFrequency } from "./callbacks/model-checkpoint.ts";
export type { MonitorMode, MonitorOptions } from "./callbacks/monitor.ts";
export { ProgressBar, type ProgressBarOptions, type ProgressOutput } from "./callbacks/progress-bar.ts";
export {
  LearningRateScheduler,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  TerminateOnNaN,
} from "./callbacks/schedules.ts";
export { TensorBoard, type TensorBoardOptions } from "./callbacks/tensorboard/tensorboard.ts";
export type { Config, Json, Serialized } from "./config.ts";
export {
  Constraint,
  type ConstraintLike,
  type ConstraintName,
  MaxNorm,
  MinMaxNorm,
  NonNeg,
  UnitNorm,
} from "./constraints/constraint.ts";
export { plotModel } from "./drawing/plot.ts";
export type { DrawingOptions } from "./drawing/svg.ts";
export {
  CheckpointError,
  type CheckpointFault,
  DataError,
  JournalError,
  LayerInputError,
  ModelFileError,
  NotReadyError,
  OnnxExportError,
  SearchError,
  StateDictError,
  TrainingError,
} from "./errors.ts";
export { Functional, type FunctionalOptions, functional, type InputOptions, input } from "./functional.ts";
export {
  Constant,
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  Identity,
  Initializer,
  LecunNormal,
  LecunUniform,
  Ones,
  Orthogonal,
  RandomNormal,
  RandomUniform,
  TruncatedNormal,
  VarianceScaling,
  type VarianceScalingOptions,
  Zeros,
} from "./initializers/initializer.ts";
export type { InitializerLike, InitializerName } from "./initializers/resolve.ts";
export { ELU, LeakyReLU, PReLU, type PReLUOptions, ReLU, Softmax } from "./layers/activations.ts";
export type { FillMode } from "./layers/affine.ts";
export {
  AdditiveAttention,
  Attention,
  type AttentionOptions,
} from "./layers/attention.ts";
export {
  type ColorOptions,
  type Factor,
  type FlipMode,
  RandomBrightness,
  RandomContrast,
  RandomCrop,
  RandomFlip,
  RandomRotation,
  RandomTranslation,
  RandomZoom,
  type SpatialAugmentationOptions,
} from "./layers/augmentation.ts";
export {
  BatchNormalization,
  type BatchNormalizationOptions,
  type RenormClipping,
} from "./layers/batch-normalization.ts";
export {
  type CellOptions,
  type CellResult,
  type CellSequence,
  GRUCell,
  LSTMCell,
  RecurrentCell,
  SimpleRNNCell,
  StackedRNNCells,
} from "./layers/cells.ts";
export {
  Conv1D,
  Conv2D,
  Conv3D,
  type ConvLayerOptions,
  type ConvOptions,
  DepthwiseConv1D,
  DepthwiseConv2D,
  type DepthwiseOptions,
  type PerAxis,
  SeparableConv1D,
  SeparableConv2D,
  type SeparableOptions,
} from "./layers/convolution.ts";
export {
  Conv1DTranspose,
  Conv2DTranspose,
  Conv3DTranspose,
  type ConvTransposeLayerOptions,
} from "./layers/convolution-transposed.ts";
export {
  Activation,
  Dense,
  type DenseOptions,
  Dropout,
  type DropoutOptions,
  Flatten,
  IdentityLayer,
  InputLayer,
  type NoiseOptions,
} from "./layers/core.ts";
export { EinsumDense, type EinsumDenseOptions } from "./layers/einsum-dense.ts";
export { Embedding, type EmbeddingOptions, Masking } from "./layers/embedding.ts";
export {
  CategoryEncoding,
  type CategoryEncodingOptions,
  Discretization,
  type DiscretizationOptions,
  type OutputMode,
} from "./layers/encoding.ts";
export { Normalization, type NormalizationLayerOptions } from "./layers/feature-normalization.ts";
export { IntegerLookup, type LookupOptions, type NestedStrings, StringLookup } from "./layers/lookup.ts";
export { Add, Average, Concatenate, Dot, Maximum, Merge, Minimum, Multiply, Subtract } from "./layers/merge.ts";
export {
  GroupQueryAttention,
  type GroupQueryAttentionOptions,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
} from "./layers/multi-head-attention.ts";
export {
  ActivityRegularization,
  AlphaDropout,
  GaussianDropout,
  GaussianNoise,
  Lambda,
  Rescaling,
  SpatialDropout1D,
  SpatialDropout2D,
  SpatialDropout3D,
} from "./layers/noise.ts";
export {
  GroupNormalization,
  LayerNormalization,
  type LayerNormalizationOptions,
  RMSNormalization,
  SpectralNormalization,
  UnitNormalization,
} from "./layers/normalization.ts";
export {
  AdaptiveAveragePooling1D,
  AdaptiveAveragePooling2D,
  AdaptiveAveragePooling3D,
  AdaptiveMaxPooling1D,
  AdaptiveMaxPooling2D,
  AdaptiveMaxPooling3D,
  AveragePooling1D,
  AveragePooling2D,
  AveragePooling3D,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalAveragePooling3D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GlobalMaxPooling3D,
  type GlobalPoolingOptions,
  MaxPooling1D,
  MaxPooling2D,
  MaxPooling3D,
  type PoolingOptions,
} from "./layers/pooling.ts";
export { GRU, LSTM, type RecurrentOptions, RNN, type RNNOptions, SimpleRNN } from "./layers/recurrent.ts";
export {
  CenterCrop,
  type Interpolation,
  type ResizeOptions,
  Resizing,
  type ResizingOptions,
  resizeImages,
} from "./layers/resizing.ts";
export type { NormalizationOptions } from "./layers/scaled-normalization.ts";
export { Permute, RepeatVector, Reshape } from "./layers/shape.ts";
export {
  type Amounts,
  Cropping1D,
  Cropping2D,
  Cropping3D,
  UpSampling1D,
  UpSampling2D,
  type UpSampling2DOptions,
  UpSampling3D,
  ZeroPadding1D,
  ZeroPadding2D,
  ZeroPadding3D,
} from "./layers/spatial.ts";
export { Bidirectional, type BidirectionalOptions, type MergeMode, TimeDistributed } from "./layers/wrappers.ts";
export { Loss, type LossFunction, type LossOptions, type Reduction } from "./losses/loss.ts";
export {
  BinaryCrossentropy,
  BinaryFocalCrossentropy,
  CategoricalCrossentropy,
  CategoricalFocalCrossentropy,
  CategoricalGeneralizedCrossEntropy,
  CategoricalHinge,
  Circle,
  CosineSimilarity,
  CTC,
  Dice,
  FunctionLoss,
  Hinge,
  Huber,
  KLDivergence,
  LogCosh,
  type LossClass,
  MeanAbsoluteError,
  MeanAbsolutePercentageError,
  MeanSquaredError,
  MeanSquaredLogarithmicError,
  Poisson,
  SparseCategoricalCrossentropy,
  SquaredHinge,
  Tversky,
} from "./losses/losses.ts";
export { type LossLike, type LossName, resolveLoss as getLoss } from "./losses/resolve.ts";
export { maskOf, withMask } from "./masks.ts";
export { accuracy, binaryAccuracy, categoricalAccuracy, sparseCategoricalAccuracy } from "./metrics/accuracy.ts";
export {
  AUC,
  type AUCOptions,
  type BestOptions,
  type ChoiceOptions,
  FalseNegatives,
  FalsePositives,
  Precision,
  PrecisionAtRecall,
  Recall,
  RecallAtPrecision,
  SensitivityAtSpecificity,
  SpecificityAtSensitivity,
  type ThresholdOptions,
  TrueNegatives,
  TruePositives,
} from "./metrics/confusion.ts";
/** Every metric by Keras' name, also those whose names losses have: `new metrics.MeanSquaredError()`. */
export * as metrics from "./metrics/index.ts";
export { BinaryIoU, IoU, type IoUOptions, MeanIoU, OneHotIoU, OneHotMeanIoU } from "./metrics/iou.ts";
export {
  Accuracy,
  BinaryAccuracy,
  CategoricalAccuracy,
  ConcordanceCorrelation,
  LogCoshError,
  type MetricClass,
  PearsonCorrelation,
  SparseCategoricalAccuracy,
  SparseTopKCategoricalAccuracy,
  type SparseTopKOptions,
  TopKCategoricalAccuracy,
  type TopKOptions,
} from "./metrics/means.ts";
export { Mean, MeanMetric, Metric, type MetricFunction, Sum } from "./metrics/metric.ts";
export { type MetricLike, type MetricName, type MetricShapes, resolveMetric as getMetric } from "./metrics/resolve.ts";
export {
  F1Score,
  type FBetaOptions,
  FBetaScore,
  type R2Options,
  R2Score,
  RootMeanSquaredError,
} from "./metrics/scores.ts";
export { type BatchOptions, Model, type ModelOptions, type SummaryOptions } from "./model.ts";
export {
  type BatchShape,
  type CallContext,
  Layer,
  type LayerOptions,
  type Weight,
  type WeightOptions,
} from "./module.ts";
export { exportOnnx } from "./onnx/index.ts";
export { Adafactor, type AdafactorOptions } from "./optimizers/adafactor.ts";
export { Adam, Adamax, type AdamOptions, AdamW, Nadam } from "./optimizers/adam.ts";
export {
  Adadelta,
  type AdadeltaOptions,
  Adagrad,
  type AdagradOptions,
  RMSprop,
  type RMSpropOptions,
} from "./optimizers/adaptive.ts";
export { Ftrl, type FtrlOptions, Lamb, type LambOptions, Lion, type LionOptions } from "./optimizers/ftrl-lion-lamb.ts";
export { LBFGS, type LBFGSOptions, type MinimizeReason, type MinimizeResult } from "./optimizers/lbfgs.ts";
export { type DecayExclusions, Optimizer, type OptimizerOptions, type Slots } from "./optimizers/optimizer.ts";
export { type OptimizerLike, type OptimizerName, resolveOptimizer as getOptimizer } from "./optimizers/resolve.ts";
export { SGD, type SGDOptions } from "./optimizers/sgd.ts";
export { Perceptron, type PerceptronOptions, type PerceptronResult } from "./perceptron.ts";
export {
  L1,
  L1L2,
  L2,
  l1,
  l1l2,
  l2,
  OrthogonalRegularizer,
  Regularizer,
  type RegularizerLike,
  type RegularizerName,
  Ridge,
  ridge,
} from "./regularizers/regularizer.ts";
export { encodeModel, loadModel } from "./saving/index.ts";
export type { LoadOptions } from "./saving/load.ts";
export { layerOf as deserializeLayer } from "./saving/registry.ts";
export type { ModelFormat, SaveOptions } from "./saving/save.ts";
export {
  type CustomObjects,
  registerSerializable,
  type SerializableClass,
  type SerializableFunction,
} from "./saving/scope.ts";
export { resolveSchedule as getSchedule } from "./schedules/resolve.ts";
export { Schedule } from "./schedules/schedule.ts";
export {
  CosineDecay,
  CosineDecayRestarts,
  ExponentialDecay,
  InverseTimeDecay,
  PiecewiseConstantDecay,
  PolynomialDecay,
} from "./schedules/schedules.ts";
export type { Evaluation, SearchFacts } from "./search/evaluation.ts";
export { type Fold, type FoldOptions, kFold } from "./search/folds.ts";
export {
  type GridSearchOptions,
  gridSearch,
  type HyperbandOptions,
  hyperband,
  type RandomSearchOptions,
  randomSearch,
  type SuccessiveHalvingOptions,
  successiveHalving,
} from "./search/methods.ts";
export type { Direction, Objective, Outcome, TrialContext, TrialRun } from "./search/objective.ts";
export { SearchResults } from "./search/results.ts";
export {
  type Bracket,
  type BudgetedHalving,
  type GeometricHalving,
  halvingRungs,
  hyperbandBrackets,
  type Rung,
} from "./search/schedule.ts";
export type { SearchOptions, SearchProgress } from "./search/search.ts";
export {
  choice,
  type Dimension,
  type FloatOptions,
  float,
  gridOf,
  type IntOptions,
  int,
  type Space,
  sampleSpace,
  type Values,
} from "./search/space.ts";
export {
  type TrainAndValidateOptions,
  type TrialModelContext,
  trainAndValidate,
  type ValidationFold,
} from "./search/validation.ts";
export { Sequential } from "./sequential.ts";
export type { State } from "./state.ts";
export { type CallOptions, type LayerCall, SymbolicTensor } from "./symbolic.ts";
export type { CompileOptions } from "./training/compiled.ts";
export type { Arrays, Batch, BatchIterable, BatchLike } from "./training/data.ts";
export type { EvaluateOptions, PredictOptions } from "./training/evaluate.ts";
export type { FitOptions, ValidationData } from "./training/fit.ts";
export type { Logs } from "./training/logs.ts";
export type { Signal } from "./training/signal.ts";
export type { ClassWeight } from "./training/weights.ts";
