import * as g from "../../ops/index.ts";
import { anywhere, notZero, positive } from "../sampler.ts";
import { binary, binaryDistinct, type CaseTable, unary } from "./case.ts";
import { convCases } from "./conv.ts";
import { linalgCases } from "./linalg.ts";
import { moreCases } from "./more.ts";
import { shapeCases } from "./shape.ts";

/** Within (-1, 1). */
const unitInterval = { low: -0.9, high: 0.9 };
const integersAvoided = { low: -2.4, high: 2.4, avoid: [-2, -1, 0, 1, 2] };
const halvesAvoided = { low: -2.4, high: 2.4, avoid: [-1.5, -0.5, 0.5, 1.5] };

const mathCases: CaseTable = {
  acos: unary(g.acos, unitInterval),
  acosh: unary(g.acosh, { low: 1.2, high: 4 }),
  asin: unary(g.asin, unitInterval),
  asinh: unary(g.asinh),
  atan: unary(g.atan),
  atanh: unary(g.atanh, unitInterval),
  cbrt: unary(g.cbrt, notZero),
  cos: unary(g.cos),
  cosh: unary(g.cosh),
  digamma: unary(g.digamma, { low: -1.8, high: 3, avoid: [-1, 0] }),
  erf: unary(g.erf),
  erfc: unary(g.erfc),
  erfinv: unary(g.erfinv, unitInterval),
  exp: unary(g.exp),
  exp2: unary(g.exp2),
  expm1: unary(g.expm1),
  lgamma: unary(g.lgamma, { low: -1.8, high: 3, avoid: [-1, 0] }),
  log: unary(g.log, positive),
  log1p: unary(g.log1p, { low: -0.8, high: 2 }),
  log2: unary(g.log2, positive),
  log10: unary(g.log10, positive),
  rsqrt: unary(g.rsqrt, positive),
  sin: unary(g.sin),
  sinh: unary(g.sinh),
  sqrt: unary(g.sqrt, positive),
  tan: unary(g.tan, { low: -1.3, high: 1.3 }),
  tanh: unary(g.tanh),
};

const arithmeticCases: CaseTable = {
  abs: unary(g.abs, notZero),
  add: binary(g.add),
  atan2: binary(g.atan2, notZero),
  addcmul: (s) => {
    const shape = s.shape(0, 2);
    const value = s.number();
    const inputs = [shape, s.broadcastable(shape), s.broadcastable(shape)].map((sh) => s.tensor(sh));
    return { f: (x, a, b) => g.addcmul(x!, a!, b!, { value }), inputs };
  },
  clamp: (s) => {
    const shape = s.shape(0, 2);
    const x = s.tensor(shape, { low: -3, high: 3, avoid: [-1, 1] });
    const limit = (at: number): g.TensorLike => (s.boolean() ? at : g.full(shape, at, { dtype: "float64" }));
    const limits = s.choose([{ min: limit(-1) }, { max: limit(1) }, { min: limit(-1), max: limit(1) }]);
    return { f: (y) => g.clamp(y!, limits), inputs: [x] };
  },
  floorDivide: (s) => {
    const shape = s.shape();
    const y = s.tensor(shape, positive);
    return { f: (a, b) => g.floorDivide(a!, b!), inputs: [y.mul(s.tensor(shape, { low: 2.2, high: 2.8 })), y] };
  },
  frac: unary(g.frac, integersAvoided),
  lerp: (s) => {
    const shape = s.shape(0, 2);
    const inputs = [s.broadcastable(shape), shape, s.broadcastable(shape)].map((sh) => s.tensor(sh));
    return { f: (x, y, w) => g.lerp(x!, y!, w!), inputs };
  },
  logAddExp: binary(g.logAddExp),
  logit: unary((x) => g.logit(x), { low: 0.05, high: 0.95 }),
  nanToNum: unary((x) => g.nanToNum(x)),
  sinc: unary(g.sinc),
  xlogy: binary(g.xlogy, notZero, positive),
  ceil: unary(g.ceil, integersAvoided),
  copysign: binary(g.copysign, notZero),
  div: binary(g.div, anywhere, notZero),
  floor: unary(g.floor, integersAvoided),
  hypot: binary(g.hypot, notZero),
  maximum: binaryDistinct(g.maximum),
  minimum: binaryDistinct(g.minimum),
  mul: binary(g.mul),
  neg: unary(g.neg),
  pow: binary(g.pow, positive, anywhere),
  reciprocal: unary(g.reciprocal, notZero),
  // The quotient is 2.2 … 2.8: away from the integers, where the remainder jumps.
  remainder: (s) => {
    const shape = s.shape();
    const y = s.tensor(shape, positive);
    return { f: (a, b) => g.remainder(a!, b!), inputs: [y.mul(s.tensor(shape, { low: 2.2, high: 2.8 })), y] };
  },
  round: unary(g.round, halvesAvoided),
  sign: unary(g.sign, notZero),
  square: unary(g.square),
  sub: binary(g.sub),
  trunc: unary(g.trunc, integersAvoided),
  where: (s) => {
    const shape = s.shape(0, 2);
    const condition = s.booleans(s.broadcastable(shape));
    return { f: (x, y) => g.where(condition, x!, y!), inputs: [s.tensor(shape), s.tensor(s.broadcastable(shape))] };
  },
};

const activationCases: CaseTable = {
  celu: unary((x) => g.celu(x, 0.7), notZero),
  elu: unary((x) => g.elu(x, 0.7), notZero),
  gelu: (s) => {
    const approximate = s.choose(["none", "tanh"] as const);
    return { f: (x) => g.gelu(x!, { approximate }), inputs: [s.tensor(s.shape())] };
  },
  hardShrink: unary((x) => g.hardShrink(x), { low: -2, high: 2, avoid: [-0.5, 0.5] }),
  hardSigmoid: unary(g.hardSigmoid, { low: -5, high: 5, avoid: [-3, 3] }),
  hardSilu: unary(g.hardSilu, { low: -5, high: 5, avoid: [-3, 3] }),
  hardTanh: unary((x) => g.hardTanh(x), { low: -2, high: 2, avoid: [-1, 1] }),
  leakyRelu: unary((x) => g.leakyRelu(x, 0.3), notZero),
  logSigmoid: unary(g.logSigmoid),
  mish: unary(g.mish),
  prelu: binary(g.prelu, notZero, anywhere),
  relu6: unary(g.relu6, { low: -2, high: 8, avoid: [0, 6] }),
  selu: unary(g.selu, notZero),
  softShrink: unary((x) => g.softShrink(x), { low: -2, high: 2, avoid: [-0.5, 0.5] }),
  softsign: unary(g.softsign, notZero),
  tanhShrink: unary(g.tanhShrink),
  threshold: unary((x) => g.threshold(x, 0.5, 2), { low: -2, high: 2, avoid: [0.5] }),
  relu: unary(g.relu, notZero),
  sigmoid: unary(g.sigmoid),
  silu: unary(g.silu),
  softplus: unary(g.softplus),
  softmax: (s) => {
    const shape = s.shape(1);
    const axis = s.axis(shape);
    return { f: (x) => g.softmax(x!, { axis }), inputs: [s.tensor(shape)] };
  },
  logSoftmax: (s) => {
    const shape = s.shape(1);
    const axis = s.axis(shape);
    return { f: (x) => g.logSoftmax(x!, { axis }), inputs: [s.tensor(shape)] };
  },
};

/** A case for every differentiable operation. */
export const cases: CaseTable = {
  ...mathCases,
  ...arithmeticCases,
  ...activationCases,
  ...shapeCases,
  ...convCases,
  ...moreCases,
  ...linalgCases,
};

const creation = "makes a new tensor from no other";
const discrete = "its result is discrete";

/** Exported functions that have no derivative to check, each with its reason. */
export const notDifferentiable: Readonly<Record<string, string>> = {
  all: discrete,
  any: discrete,
  arange: creation,
  argmax: discrete,
  argmin: discrete,
  asTensor: "gives tensors back as they are",
  bitwiseAnd: discrete,
  bitwiseNot: discrete,
  bitwiseOr: discrete,
  bitwiseXor: discrete,
  leftShift: discrete,
  rightShift: discrete,
  detach: "stops gradients, which is tested on its own",
  equal: discrete,
  eye: creation,
  full: creation,
  fullLike: creation,
  greater: discrete,
  greaterEqual: discrete,
  isFinite: discrete,
  isInf: discrete,
  isNan: discrete,
  less: discrete,
  lessEqual: discrete,
  linspace: creation,
  logicalAnd: discrete,
  logicalNot: discrete,
  logicalOr: discrete,
  logicalXor: discrete,
  normal: creation,
  notEqual: discrete,
  oneHot: discrete,
  ones: creation,
  onesLike: creation,
  parameter: creation,
  rand: creation,
  randint: creation,
  randn: creation,
  stopGradient: "stops gradients, which is tested on its own",
  tensor: creation,
  uniform: creation,
  zeros: creation,
  zerosLike: creation,
  unique: discrete,
  truncatedNormal: creation,
  searchSorted: discrete,
  permutation: creation,
  nonzero: discrete,
  logspace: creation,
  histogram: discrete,
  gamma: creation,
  exponential: creation,
  countNonzero: discrete,
  categorical: discrete,
  bincount: discrete,
  bernoulli: creation,
  argsort: discrete,
};
