export { type ActivationLike, type ActivationName, softmax } from "./activations/activation.ts";
export { Callback, History, LambdaCallback } from "./callbacks/callback.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./callbacks/early-stopping.ts";
export { ProgressBar } from "./callbacks/progress-bar.ts";
export { DataError, LayerInputError, ModelFileError, NotReadyError, TrainingError } from "./errors.ts";
export * from "./initializers/initializer.ts";
export { Activation, Dense, type DenseOptions, Dropout, Flatten, InputLayer } from "./layers/core.ts";
export { Model, type ModelOptions } from "./model.ts";
export { type BatchShape, type CallContext, Layer, type LayerOptions } from "./module.ts";
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
export { SGD, type SGDOptions } from "./optimizers/sgd.ts";
export { l1, l1l2, l2, Regularizer, Ridge, ridge } from "./regularizers/regularizer.ts";
export { type LoadOptions, loadModel } from "./saving/load.ts";
export { registerLayer } from "./saving/registry.ts";
export { Sequential } from "./sequential.ts";
