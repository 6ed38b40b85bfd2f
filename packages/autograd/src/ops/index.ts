export { relu, sigmoid, silu, softplus } from "./activation.ts";
export {
  abs,
  add,
  atan2,
  ceil,
  copysign,
  div,
  floor,
  hypot,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  remainder,
  round,
  sign,
  square,
  sub,
  trunc,
} from "./arithmetic.ts";
export { broadcastTo, sumTo } from "./broadcast.ts";
export { cast, clone, contiguous } from "./cast.ts";
export {
  equal,
  greater,
  greaterEqual,
  isFinite,
  isInf,
  isNaN,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  notEqual,
  where,
} from "./comparison.ts";
export {
  arange,
  asTensor,
  eye,
  full,
  fullLike,
  linspace,
  type NdArray,
  ones,
  onesLike,
  parameter,
  type TensorLike,
  type TensorOptions,
  tensor,
  zeros,
  zerosLike,
} from "./create.ts";
export { detach, stopGradient } from "./detach.ts";
export { oneHot, take, takeAlongAxis } from "./indexing.ts";
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  cbrt,
  cos,
  cosh,
  digamma,
  erf,
  erfc,
  erfinv,
  exp,
  exp2,
  expm1,
  lgamma,
  log,
  log1p,
  log2,
  log10,
  rsqrt,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
} from "./math.ts";
export { contract, type Groups, matmul } from "./matmul.ts";
export { normal, type RandomOptions, rand, randint, randn, uniform } from "./random.ts";
export type { ArgOptions, ReduceOptions } from "./reduction.ts";
export { all, any, argmax, argmin, max, mean, min, sum, variance } from "./reduction.ts";
export {
  concatenate,
  flatten,
  moveAxis,
  permute,
  reshape,
  squeeze,
  stack,
  swapAxes,
  transpose,
  unsqueeze,
} from "./shape.ts";
export { logSoftmax, type SoftmaxOptions, softmax } from "./softmax.ts";
export { flip, type Range, select, slice } from "./view.ts";
