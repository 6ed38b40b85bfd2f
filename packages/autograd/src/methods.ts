import type { BackwardOptions } from "./backward.ts";
import { backward } from "./backward.ts";
import { type SaveTensorsOptions, saveTensor } from "./files/tensors.ts";
import * as ops from "./ops/index.ts";
import { Tensor } from "./tensor.ts";

/** A function of a tensor as a method of it. */
type Method<F> = F extends (x: infer _, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never;

/** The operations that are methods, too. */
interface Methods {
  readonly add: Method<typeof ops.add>;
  readonly sub: Method<typeof ops.sub>;
  readonly mul: Method<typeof ops.mul>;
  readonly div: Method<typeof ops.div>;
  readonly pow: Method<typeof ops.pow>;
  readonly remainder: Method<typeof ops.remainder>;
  readonly floorDivide: Method<typeof ops.floorDivide>;
  readonly maximum: Method<typeof ops.maximum>;
  readonly minimum: Method<typeof ops.minimum>;
  readonly hypot: Method<typeof ops.hypot>;
  readonly copysign: Method<typeof ops.copysign>;
  readonly atan2: Method<typeof ops.atan2>;
  readonly logAddExp: Method<typeof ops.logAddExp>;
  readonly xlogy: Method<typeof ops.xlogy>;
  readonly equal: Method<typeof ops.equal>;
  readonly notEqual: Method<typeof ops.notEqual>;
  readonly less: Method<typeof ops.less>;
  readonly lessEqual: Method<typeof ops.lessEqual>;
  readonly greater: Method<typeof ops.greater>;
  readonly greaterEqual: Method<typeof ops.greaterEqual>;
  readonly logicalAnd: Method<typeof ops.logicalAnd>;
  readonly logicalOr: Method<typeof ops.logicalOr>;
  readonly logicalXor: Method<typeof ops.logicalXor>;
  readonly bitwiseAnd: Method<typeof ops.bitwiseAnd>;
  readonly bitwiseOr: Method<typeof ops.bitwiseOr>;
  readonly bitwiseXor: Method<typeof ops.bitwiseXor>;
  readonly leftShift: Method<typeof ops.leftShift>;
  readonly rightShift: Method<typeof ops.rightShift>;
  readonly matmul: Method<typeof ops.matmul>;
  readonly dot: Method<typeof ops.dot>;
  readonly inner: Method<typeof ops.inner>;
  readonly outer: Method<typeof ops.outer>;
  readonly kron: Method<typeof ops.kron>;
  readonly cross: Method<typeof ops.cross>;
  readonly cholesky: Method<typeof ops.cholesky>;
  readonly solve: Method<typeof ops.solve>;
  readonly inv: Method<typeof ops.inv>;
  readonly det: Method<typeof ops.det>;
  readonly slogdet: Method<typeof ops.slogdet>;
  readonly qr: Method<typeof ops.qr>;
  readonly svd: Method<typeof ops.svd>;
  readonly eigh: Method<typeof ops.eigh>;
  readonly lstsq: Method<typeof ops.lstsq>;
  readonly pinv: Method<typeof ops.pinv>;
  readonly matrixPower: Method<typeof ops.matrixPower>;
  readonly matrixExp: Method<typeof ops.matrixExp>;
  readonly matrixNorm: Method<typeof ops.matrixNorm>;
  readonly cond: Method<typeof ops.cond>;
  readonly neg: Method<typeof ops.neg>;
  readonly abs: Method<typeof ops.abs>;
  readonly sign: Method<typeof ops.sign>;
  readonly square: Method<typeof ops.square>;
  readonly reciprocal: Method<typeof ops.reciprocal>;
  readonly floor: Method<typeof ops.floor>;
  readonly ceil: Method<typeof ops.ceil>;
  readonly trunc: Method<typeof ops.trunc>;
  readonly round: Method<typeof ops.round>;
  readonly frac: Method<typeof ops.frac>;
  readonly exp: Method<typeof ops.exp>;
  readonly expm1: Method<typeof ops.expm1>;
  readonly exp2: Method<typeof ops.exp2>;
  readonly log: Method<typeof ops.log>;
  readonly log1p: Method<typeof ops.log1p>;
  readonly log2: Method<typeof ops.log2>;
  readonly log10: Method<typeof ops.log10>;
  readonly sqrt: Method<typeof ops.sqrt>;
  readonly rsqrt: Method<typeof ops.rsqrt>;
  readonly cbrt: Method<typeof ops.cbrt>;
  readonly sin: Method<typeof ops.sin>;
  readonly cos: Method<typeof ops.cos>;
  readonly tan: Method<typeof ops.tan>;
  readonly asin: Method<typeof ops.asin>;
  readonly acos: Method<typeof ops.acos>;
  readonly atan: Method<typeof ops.atan>;
  readonly sinh: Method<typeof ops.sinh>;
  readonly cosh: Method<typeof ops.cosh>;
  readonly tanh: Method<typeof ops.tanh>;
  readonly asinh: Method<typeof ops.asinh>;
  readonly acosh: Method<typeof ops.acosh>;
  readonly atanh: Method<typeof ops.atanh>;
  readonly sinc: Method<typeof ops.sinc>;
  readonly erf: Method<typeof ops.erf>;
  readonly erfc: Method<typeof ops.erfc>;
  readonly erfinv: Method<typeof ops.erfinv>;
  readonly lgamma: Method<typeof ops.lgamma>;
  readonly digamma: Method<typeof ops.digamma>;
  readonly sigmoid: Method<typeof ops.sigmoid>;
  readonly logSigmoid: Method<typeof ops.logSigmoid>;
  readonly logit: Method<typeof ops.logit>;
  readonly relu: Method<typeof ops.relu>;
  readonly relu6: Method<typeof ops.relu6>;
  readonly leakyRelu: Method<typeof ops.leakyRelu>;
  readonly prelu: Method<typeof ops.prelu>;
  readonly elu: Method<typeof ops.elu>;
  readonly selu: Method<typeof ops.selu>;
  readonly celu: Method<typeof ops.celu>;
  readonly gelu: Method<typeof ops.gelu>;
  readonly silu: Method<typeof ops.silu>;
  readonly mish: Method<typeof ops.mish>;
  readonly softplus: Method<typeof ops.softplus>;
  readonly softsign: Method<typeof ops.softsign>;
  readonly hardSigmoid: Method<typeof ops.hardSigmoid>;
  readonly hardSilu: Method<typeof ops.hardSilu>;
  readonly hardTanh: Method<typeof ops.hardTanh>;
  readonly tanhShrink: Method<typeof ops.tanhShrink>;
  readonly softShrink: Method<typeof ops.softShrink>;
  readonly hardShrink: Method<typeof ops.hardShrink>;
  readonly threshold: Method<typeof ops.threshold>;
  readonly clamp: Method<typeof ops.clamp>;
  readonly lerp: Method<typeof ops.lerp>;
  readonly addcmul: Method<typeof ops.addcmul>;
  readonly nanToNum: Method<typeof ops.nanToNum>;
  readonly bitwiseNot: Method<typeof ops.bitwiseNot>;
  readonly logicalNot: Method<typeof ops.logicalNot>;
  readonly isNan: Method<typeof ops.isNan>;
  readonly isFinite: Method<typeof ops.isFinite>;
  readonly isInf: Method<typeof ops.isInf>;
  readonly detach: Method<typeof ops.detach>;
  readonly clone: Method<typeof ops.clone>;
  readonly contiguous: Method<typeof ops.contiguous>;
  readonly sum: Method<typeof ops.sum>;
  readonly mean: Method<typeof ops.mean>;
  readonly prod: Method<typeof ops.prod>;
  readonly max: Method<typeof ops.max>;
  readonly min: Method<typeof ops.min>;
  readonly amax: Method<typeof ops.amax>;
  readonly amin: Method<typeof ops.amin>;
  readonly any: Method<typeof ops.any>;
  readonly all: Method<typeof ops.all>;
  readonly variance: Method<typeof ops.variance>;
  readonly var: Method<typeof ops.var>;
  readonly std: Method<typeof ops.std>;
  readonly norm: Method<typeof ops.norm>;
  readonly logSumExp: Method<typeof ops.logSumExp>;
  readonly countNonzero: Method<typeof ops.countNonzero>;
  readonly nanSum: Method<typeof ops.nanSum>;
  readonly nanMean: Method<typeof ops.nanMean>;
  readonly median: Method<typeof ops.median>;
  readonly quantile: Method<typeof ops.quantile>;
  readonly nanMedian: Method<typeof ops.nanMedian>;
  readonly nanQuantile: Method<typeof ops.nanQuantile>;
  readonly average: Method<typeof ops.average>;
  readonly argmax: Method<typeof ops.argmax>;
  readonly argmin: Method<typeof ops.argmin>;
  readonly softmax: Method<typeof ops.softmax>;
  readonly logSoftmax: Method<typeof ops.logSoftmax>;
  readonly cumsum: Method<typeof ops.cumsum>;
  readonly cumprod: Method<typeof ops.cumprod>;
  readonly cummax: Method<typeof ops.cummax>;
  readonly cummin: Method<typeof ops.cummin>;
  readonly logCumSumExp: Method<typeof ops.logCumSumExp>;
  readonly diff: Method<typeof ops.diff>;
  readonly trapezoid: Method<typeof ops.trapezoid>;
  readonly bincount: Method<typeof ops.bincount>;
  readonly cast: Method<typeof ops.cast>;
  readonly reshape: Method<typeof ops.reshape>;
  readonly flatten: Method<typeof ops.flatten>;
  readonly ravel: Method<typeof ops.ravel>;
  readonly broadcastTo: Method<typeof ops.broadcastTo>;
  readonly expand: Method<typeof ops.expand>;
  readonly sumTo: Method<typeof ops.sumTo>;
  readonly permute: Method<typeof ops.permute>;
  readonly transpose: Method<typeof ops.transpose>;
  readonly swapAxes: Method<typeof ops.swapAxes>;
  readonly moveAxis: Method<typeof ops.moveAxis>;
  readonly unsqueeze: Method<typeof ops.unsqueeze>;
  readonly squeeze: Method<typeof ops.squeeze>;
  readonly slice: Method<typeof ops.slice>;
  readonly select: Method<typeof ops.select>;
  readonly at: Method<typeof ops.at>;
  readonly setAt: Method<typeof ops.setAt>;
  readonly addAt: Method<typeof ops.addAt>;
  readonly flip: Method<typeof ops.flip>;
  readonly roll: Method<typeof ops.roll>;
  readonly rot90: Method<typeof ops.rot90>;
  readonly tile: Method<typeof ops.tile>;
  readonly repeat: Method<typeof ops.repeat>;
  readonly split: Method<typeof ops.split>;
  readonly chunk: Method<typeof ops.chunk>;
  readonly unstack: Method<typeof ops.unstack>;
  readonly pad: Method<typeof ops.pad>;
  readonly diagonal: Method<typeof ops.diagonal>;
  readonly diag: Method<typeof ops.diag>;
  readonly tril: Method<typeof ops.tril>;
  readonly triu: Method<typeof ops.triu>;
  readonly unfold: Method<typeof ops.unfold>;
  readonly take: Method<typeof ops.take>;
  readonly takeAlongAxis: Method<typeof ops.takeAlongAxis>;
  readonly gather: Method<typeof ops.gather>;
  readonly scatter: Method<typeof ops.scatter>;
  readonly scatterAdd: Method<typeof ops.scatterAdd>;
  readonly scatterReduce: Method<typeof ops.scatterReduce>;
  readonly indexSelect: Method<typeof ops.indexSelect>;
  readonly indexAdd: Method<typeof ops.indexAdd>;
  readonly maskedFill: Method<typeof ops.maskedFill>;
  readonly maskedSelect: Method<typeof ops.maskedSelect>;
  readonly nonzero: Method<typeof ops.nonzero>;
  readonly sort: Method<typeof ops.sort>;
  readonly argsort: Method<typeof ops.argsort>;
  readonly topK: Method<typeof ops.topK>;
  readonly unique: Method<typeof ops.unique>;
}

/** The operations as methods: `x.tanh()` is `tanh(x)`. Each is documented at its function. */
export interface TensorMethods extends Methods {
  /** Differentiates this tensor; see {@link backward}. */
  backward(cotangent?: Tensor | null, options?: BackwardOptions): void;
  /**
   * Saves the tensor as `.npy`, or, with the name `tensor`, as `.npz` or `.safetensors`; see {@link saveTensors}.
   *
   * @example
   * ```ts
   * await tensor([[1, 2], [3, 4]]).save("matrix.npy");
   * (await loadTensors("matrix.npy")).tensor; // [[1, 2], [3, 4]]
   * ```
   */
  save(path: string, options?: SaveTensorsOptions): Promise<void>;
}

const functions: { readonly [K in keyof Methods]: (typeof ops)[K] } = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  div: ops.div,
  pow: ops.pow,
  remainder: ops.remainder,
  floorDivide: ops.floorDivide,
  maximum: ops.maximum,
  minimum: ops.minimum,
  hypot: ops.hypot,
  copysign: ops.copysign,
  atan2: ops.atan2,
  logAddExp: ops.logAddExp,
  xlogy: ops.xlogy,
  equal: ops.equal,
  notEqual: ops.notEqual,
  less: ops.less,
  lessEqual: ops.lessEqual,
  greater: ops.greater,
  greaterEqual: ops.greaterEqual,
  logicalAnd: ops.logicalAnd,
  logicalOr: ops.logicalOr,
  logicalXor: ops.logicalXor,
  bitwiseAnd: ops.bitwiseAnd,
  bitwiseOr: ops.bitwiseOr,
  bitwiseXor: ops.bitwiseXor,
  leftShift: ops.leftShift,
  rightShift: ops.rightShift,
  matmul: ops.matmul,
  dot: ops.dot,
  inner: ops.inner,
  outer: ops.outer,
  kron: ops.kron,
  cross: ops.cross,
  cholesky: ops.cholesky,
  solve: ops.solve,
  inv: ops.inv,
  det: ops.det,
  slogdet: ops.slogdet,
  qr: ops.qr,
  svd: ops.svd,
  eigh: ops.eigh,
  lstsq: ops.lstsq,
  pinv: ops.pinv,
  matrixPower: ops.matrixPower,
  matrixExp: ops.matrixExp,
  matrixNorm: ops.matrixNorm,
  cond: ops.cond,
  neg: ops.neg,
  abs: ops.abs,
  sign: ops.sign,
  square: ops.square,
  reciprocal: ops.reciprocal,
  floor: ops.floor,
  ceil: ops.ceil,
  trunc: ops.trunc,
  round: ops.round,
  frac: ops.frac,
  exp: ops.exp,
  expm1: ops.expm1,
  exp2: ops.exp2,
  log: ops.log,
  log1p: ops.log1p,
  log2: ops.log2,
  log10: ops.log10,
  sqrt: ops.sqrt,
  rsqrt: ops.rsqrt,
  cbrt: ops.cbrt,
  sin: ops.sin,
  cos: ops.cos,
  tan: ops.tan,
  asin: ops.asin,
  acos: ops.acos,
  atan: ops.atan,
  sinh: ops.sinh,
  cosh: ops.cosh,
  tanh: ops.tanh,
  asinh: ops.asinh,
  acosh: ops.acosh,
  atanh: ops.atanh,
  sinc: ops.sinc,
  erf: ops.erf,
  erfc: ops.erfc,
  erfinv: ops.erfinv,
  lgamma: ops.lgamma,
  digamma: ops.digamma,
  sigmoid: ops.sigmoid,
  logSigmoid: ops.logSigmoid,
  logit: ops.logit,
  relu: ops.relu,
  relu6: ops.relu6,
  leakyRelu: ops.leakyRelu,
  prelu: ops.prelu,
  elu: ops.elu,
  selu: ops.selu,
  celu: ops.celu,
  gelu: ops.gelu,
  silu: ops.silu,
  mish: ops.mish,
  softplus: ops.softplus,
  softsign: ops.softsign,
  hardSigmoid: ops.hardSigmoid,
  hardSilu: ops.hardSilu,
  hardTanh: ops.hardTanh,
  tanhShrink: ops.tanhShrink,
  softShrink: ops.softShrink,
  hardShrink: ops.hardShrink,
  threshold: ops.threshold,
  clamp: ops.clamp,
  lerp: ops.lerp,
  addcmul: ops.addcmul,
  nanToNum: ops.nanToNum,
  bitwiseNot: ops.bitwiseNot,
  logicalNot: ops.logicalNot,
  isNan: ops.isNan,
  isFinite: ops.isFinite,
  isInf: ops.isInf,
  detach: ops.detach,
  clone: ops.clone,
  contiguous: ops.contiguous,
  sum: ops.sum,
  mean: ops.mean,
  prod: ops.prod,
  max: ops.max,
  min: ops.min,
  amax: ops.amax,
  amin: ops.amin,
  any: ops.any,
  all: ops.all,
  variance: ops.variance,
  var: ops.var,
  std: ops.std,
  norm: ops.norm,
  logSumExp: ops.logSumExp,
  countNonzero: ops.countNonzero,
  nanSum: ops.nanSum,
  nanMean: ops.nanMean,
  median: ops.median,
  quantile: ops.quantile,
  nanMedian: ops.nanMedian,
  nanQuantile: ops.nanQuantile,
  average: ops.average,
  argmax: ops.argmax,
  argmin: ops.argmin,
  softmax: ops.softmax,
  logSoftmax: ops.logSoftmax,
  cumsum: ops.cumsum,
  cumprod: ops.cumprod,
  cummax: ops.cummax,
  cummin: ops.cummin,
  logCumSumExp: ops.logCumSumExp,
  diff: ops.diff,
  trapezoid: ops.trapezoid,
  bincount: ops.bincount,
  cast: ops.cast,
  reshape: ops.reshape,
  flatten: ops.flatten,
  ravel: ops.ravel,
  broadcastTo: ops.broadcastTo,
  expand: ops.expand,
  sumTo: ops.sumTo,
  permute: ops.permute,
  transpose: ops.transpose,
  swapAxes: ops.swapAxes,
  moveAxis: ops.moveAxis,
  unsqueeze: ops.unsqueeze,
  squeeze: ops.squeeze,
  slice: ops.slice,
  select: ops.select,
  at: ops.at,
  setAt: ops.setAt,
  addAt: ops.addAt,
  flip: ops.flip,
  roll: ops.roll,
  rot90: ops.rot90,
  tile: ops.tile,
  repeat: ops.repeat,
  split: ops.split,
  chunk: ops.chunk,
  unstack: ops.unstack,
  pad: ops.pad,
  diagonal: ops.diagonal,
  diag: ops.diag,
  tril: ops.tril,
  triu: ops.triu,
  unfold: ops.unfold,
  take: ops.take,
  takeAlongAxis: ops.takeAlongAxis,
  gather: ops.gather,
  scatter: ops.scatter,
  scatterAdd: ops.scatterAdd,
  scatterReduce: ops.scatterReduce,
  indexSelect: ops.indexSelect,
  indexAdd: ops.indexAdd,
  maskedFill: ops.maskedFill,
  maskedSelect: ops.maskedSelect,
  nonzero: ops.nonzero,
  sort: ops.sort,
  argsort: ops.argsort,
  topK: ops.topK,
  unique: ops.unique,
};

function install(name: string, value: (this: Tensor, ...args: never[]) => unknown): void {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
}

for (const [name, f] of Object.entries(functions) as [string, (x: Tensor, ...rest: unknown[]) => unknown][]) {
  install(name, function (...rest) {
    return f(this, ...rest);
  });
}

install("backward", function (cotangent?: Tensor | null, options?: BackwardOptions) {
  return backward(this, cotangent, options);
});

install("save", function (path: string, options?: SaveTensorsOptions) {
  return saveTensor(this, path, options);
});
