import "./methods.ts";

export { type BackendName, getBackend, setBackend } from "./backend/current.ts";
export { type BackwardOptions, backward, type GradientsOptions, gradients } from "./backward.ts";
export { type DType, defaultDType, type FloatDType, setDefaultDType, type TypedArray } from "./dtype.ts";
export {
  ArgumentError,
  AxisError,
  BoundsError,
  DTypeError,
  GradientError,
  GradienteError,
  MemoryError,
  NumericalError,
  type Operand,
  ShapeError,
} from "./errors.ts";
export {
  type CheckedFunction,
  formatReport,
  GradcheckError,
  type GradcheckOptions,
  type GradcheckReport,
  gradcheck,
  gradgradcheck,
  type Mismatch,
} from "./gradcheck/index.ts";
export * from "./ops/index.ts";
export { Generator, type GeneratorState, manualSeed } from "./random/generator.ts";
export type { AxisArgument, Shape } from "./shape.ts";
export { noGrad } from "./tape.ts";
export { type NestedArray, Parameter, Tensor } from "./tensor.ts";
export { grad, valueAndGrad } from "./transforms/grad.ts";
