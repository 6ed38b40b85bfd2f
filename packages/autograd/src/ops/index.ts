export {
  celu,
  elu,
  gelu,
  hardShrink,
  hardSigmoid,
  hardSilu,
  hardTanh,
  leakyRelu,
  logSigmoid,
  mish,
  prelu,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  softShrink,
  softsign,
  tanhShrink,
  threshold,
} from "./activation.ts";
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
export {
  chunk,
  expand,
  meshgrid,
  ravel,
  repeat,
  roll,
  rot90,
  split,
  tile,
  unstack,
} from "./arrange.ts";
export { addAt, at, type Index, setAt } from "./at.ts";
export { broadcastTo, sumTo } from "./broadcast.ts";
export { cast, clone, contiguous } from "./cast.ts";
export { type ClassLossOptions, crossEntropy, nllLoss } from "./class-loss.ts";
export {
  equal,
  greater,
  greaterEqual,
  isFinite,
  isInf,
  isNan,
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
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  depthwiseConv2d,
  type WindowOptions,
  type WindowPadding,
} from "./conv.ts";
export {
  arange,
  eye,
  full,
  fullLike,
  linspace,
  logspace,
  ones,
  onesLike,
  parameter,
  type TensorOptions,
  tensor,
  zeros,
  zerosLike,
} from "./create.ts";
export { detach, stopGradient } from "./detach.ts";
export { type DiagonalOptions, diag, diagonal, trace, tril, triu } from "./diagonal.ts";
export { dot, einsum, inner, kron, outer, tensorDot } from "./einsum.ts";
export { oneHot, take, takeAlongAxis } from "./indexing.ts";
export { eigh, qr, svd } from "./linalg/decompose.ts";
export { det, slogdet } from "./linalg/determinant.ts";
export {
  cond,
  cross,
  lstsq,
  type MatrixOrder,
  matrixExp,
  matrixNorm,
  matrixPower,
  pinv,
} from "./linalg/matrix.ts";
export { cholesky, inv, solve, type TriangularOptions, triangularSolve } from "./linalg/solve.ts";
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  huber,
  klDiv,
  type LossOptions,
  l1Loss,
  mseLoss,
} from "./loss.ts";
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
export {
  type AttentionOptions,
  type BatchNormOptions,
  batchNorm,
  type DropoutOptions,
  dropout,
  groupNorm,
  instanceNorm,
  layerNorm,
  rmsNorm,
  type ScaleAndShift,
  scaledDotProductAttention,
} from "./normalization.ts";
export { type Padding, type PadOptions, pad } from "./pad.ts";
export {
  addcmul,
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  clamp,
  floorDivide,
  frac,
  leftShift,
  lerp,
  logAddExp,
  logit,
  nanToNum,
  rightShift,
  sinc,
  xlogy,
} from "./piecewise.ts";
export { adaptiveAvgPool, adaptiveMaxPool, avgPool, maxPool, type PoolOptions } from "./pool.ts";
export { median, nanMedian, nanQuantile, type QuantileOptions, quantile } from "./quantile.ts";
export {
  bernoulli,
  categorical,
  exponential,
  gamma,
  normal,
  permutation,
  type RandomOptions,
  type RandomStartOptions,
  rand,
  randint,
  randn,
  truncatedNormal,
  uniform,
} from "./random.ts";
export type { ArgOptions, ReduceOptions } from "./reduction.ts";
export { all, any, argmax, argmin, max, mean, min, sum, variance, variance as var } from "./reduction.ts";
export { permute, reshape } from "./reshape.ts";
export { type InterpolateOptions, interpolate } from "./resize.ts";
export { cummax, cummin, cumprod, cumsum, logCumSumExp, type ScanOptions } from "./scan.ts";
export {
  type AlongOptions,
  embedding,
  gather,
  indexAdd,
  indexSelect,
  maskedFill,
  maskedSelect,
  nonzero,
  scatter,
  scatterAdd,
  scatterReduce,
} from "./scatter.ts";
export {
  concatenate,
  flatten,
  moveAxis,
  squeeze,
  stack,
  swapAxes,
  transpose,
  unsqueeze,
} from "./shape.ts";
export { logSoftmax, type SoftmaxOptions, softmax } from "./softmax.ts";
export { argsort, type SortOptions, searchSorted, sort, topK, unique } from "./sort.ts";
export { type Standardized, type StandardizeOptions, standardize } from "./standardize.ts";
export {
  amax,
  amin,
  average,
  bincount,
  countNonzero,
  diff,
  type HistogramOptions,
  histogram,
  logSumExp,
  nanMean,
  nanSum,
  norm,
  prod,
  std,
  trapezoid,
} from "./statistics.ts";
export { asTensor, type NdArray, type TensorLike } from "./tensor-like.ts";
export { flip, type Range, select, slice } from "./view.ts";
export { fold, unfold } from "./windows.ts";
