import "./methods.ts";

export {
  type BackendName,
  type BackendOptions,
  getBackend,
  getThreads,
  memory,
  setBackend,
  setThreads,
} from "./backend/current.ts";
export type { MemoryStatistics } from "./backend/wasm/index.ts";
export { type BackwardOptions, backward, type GradientsOptions, gradients } from "./backward.ts";
export { detectAnomaly } from "./debug/anomaly.ts";
export { type GraphFormat, printGraph } from "./debug/graph.ts";
export { type Profile, type ProfileEntry, profile, type TraceEvent } from "./debug/profile.ts";
export { type DType, defaultDType, type FloatDType, setDefaultDType, type TypedArray } from "./dtype.ts";
export {
  ArgumentError,
  AxisError,
  BoundsError,
  DTypeError,
  FileError,
  GradientError,
  GradienteError,
  MemoryError,
  NumericalError,
  type Operand,
  ShapeError,
  TensorFileError,
  type TensorFileProblem,
} from "./errors.ts";
export type { LoadTensorsOptions } from "./files/elements.ts";
export type { FileLike } from "./files/source.ts";
export { loadTensors, type SaveTensorsOptions, saveTensors } from "./files/tensors.ts";
export {
  type CheckedFunction,
  formatReport,
  GradcheckError,
  type GradcheckOptions,
  type GradcheckReport,
  gradcheck,
  gradcheckMatchers,
  gradgradcheck,
  type Mismatch,
} from "./gradcheck/index.ts";
export * from "./ops/index.ts";
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from "./random/generator.ts";
export { noGrad } from "./recording.ts";
export * as scalar from "./scalar/expression.ts";
export type { AxisArgument, Shape } from "./shape.ts";
export type { Broadcast, MatMul, ShapeMismatch, ShapeOf, TensorOf } from "./shape-types.ts";
export { type NestedArray, Parameter, Tensor } from "./tensor.ts";
export { checkpoint } from "./transforms/checkpoint.ts";
export { type CustomContext, type CustomGradient, customGradient } from "./transforms/custom-gradient.ts";
export { grad, valueAndGrad } from "./transforms/grad.ts";
export { hessian, type JacobianOptions, jacobian } from "./transforms/jacobian.ts";
export { hvp, jvp } from "./transforms/jvp.ts";
export { linearize, vjp } from "./transforms/vjp.ts";
export { type VmapOptions, vmap } from "./transforms/vmap.ts";
export { InPlaceUpdate, type UpdateCounts, type UpdateOperands } from "./update.ts";
