export { type ActivationLike, type ActivationName, softmax } from "./activations/activation.ts";
export { Callback, History, LambdaCallback } from "./callbacks/callback.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./callbacks/early-stopping.ts";
export { CSVLogger, type CSVLoggerOptions, ModelCheckpoint, type ModelCheckpointOptions } from "./callbacks/files.ts";
export { ProgressBar } from "./callbacks/progress-bar.ts";
export {
  LearningRateScheduler,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  TerminateOnNaN,
} from "./callbacks/schedules.ts";
export type { Config, Serialized } from "./config.ts";
export { DataError, LayerInputError, ModelFileError, NotReadyError, TrainingError } from "./errors.ts";
export { Functional, type FunctionalOptions, functional, type InputOptions, input } from "./functional.ts";
export * from "./initializers/initializer.ts";
export { ELU, LeakyReLU, PReLU, type PReLUOptions, ReLU, Softmax } from "./layers/activations.ts";
export * from "./layers/convolution.ts";
export { Activation, Dense, type DenseOptions, Dropout, Flatten, InputLayer } from "./layers/core.ts";
export { Add, Average, Concatenate, Dot, Maximum, Merge, Minimum, Multiply, Subtract } from "./layers/merge.ts";
export * from "./layers/noise.ts";
export * from "./layers/normalization.ts";
export * from "./layers/pooling.ts";
export * from "./layers/recurrent.ts";
export * from "./layers/shape.ts";
export { Loss } from "./losses/loss.ts";
export * from "./losses/losses.ts";
export { resolveLoss as getLoss } from "./losses/resolve.ts";
export * from "./metrics/accuracy.ts";
export * from "./metrics/confusion.ts";
export * from "./metrics/metric.ts";
export { resolveMetric as getMetric } from "./metrics/resolve.ts";
export * from "./metrics/scores.ts";
export { Model, type ModelOptions } from "./model.ts";
export { type BatchShape, type CallContext, Layer, type LayerOptions, type Weight } from "./module.ts";
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
export { Optimizer, type OptimizerOptions } from "./optimizers/optimizer.ts";
export { resolveOptimizer as getOptimizer } from "./optimizers/resolve.ts";
export { SGD, type SGDOptions } from "./optimizers/sgd.ts";
export { Perceptron, type PerceptronOptions, type PerceptronResult } from "./perceptron.ts";
export { l1, l1l2, l2, Regularizer, Ridge, ridge } from "./regularizers/regularizer.ts";
export { type LoadOptions, loadModel } from "./saving/load.ts";
export { layerOf as deserializeLayer, registerLayer } from "./saving/registry.ts";
export { resolveSchedule as getSchedule } from "./schedules/resolve.ts";
export * from "./schedules/schedules.ts";
export { Sequential } from "./sequential.ts";
export { SymbolicTensor } from "./symbolic.ts";
