import type { BackwardOptions } from "./backward.ts";
import { backward } from "./backward.ts";
import type { DType } from "./dtype.ts";
import * as ops from "./ops/index.ts";
import type { AxisArgument, Shape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

type Like = ops.TensorLike;

/** The operations as methods: `x.tanh()` is `tanh(x)`. Each is documented at its function. */
export interface TensorMethods {
  add(other: Like): Tensor;
  sub(other: Like): Tensor;
  mul(other: Like): Tensor;
  div(other: Like): Tensor;
  pow(other: Like): Tensor;
  remainder(other: Like): Tensor;
  maximum(other: Like): Tensor;
  minimum(other: Like): Tensor;
  hypot(other: Like): Tensor;
  copysign(other: Like): Tensor;
  atan2(other: Like): Tensor;
  equal(other: Like): Tensor;
  notEqual(other: Like): Tensor;
  less(other: Like): Tensor;
  lessEqual(other: Like): Tensor;
  greater(other: Like): Tensor;
  greaterEqual(other: Like): Tensor;
  logicalAnd(other: Like): Tensor;
  logicalOr(other: Like): Tensor;
  logicalXor(other: Like): Tensor;
  matmul(other: Like): Tensor;
  neg(): Tensor;
  abs(): Tensor;
  sign(): Tensor;
  square(): Tensor;
  reciprocal(): Tensor;
  floor(): Tensor;
  ceil(): Tensor;
  trunc(): Tensor;
  round(): Tensor;
  exp(): Tensor;
  expm1(): Tensor;
  exp2(): Tensor;
  log(): Tensor;
  log1p(): Tensor;
  log2(): Tensor;
  log10(): Tensor;
  sqrt(): Tensor;
  rsqrt(): Tensor;
  cbrt(): Tensor;
  sin(): Tensor;
  cos(): Tensor;
  tan(): Tensor;
  asin(): Tensor;
  acos(): Tensor;
  atan(): Tensor;
  sinh(): Tensor;
  cosh(): Tensor;
  tanh(): Tensor;
  asinh(): Tensor;
  acosh(): Tensor;
  atanh(): Tensor;
  erf(): Tensor;
  erfc(): Tensor;
  erfinv(): Tensor;
  lgamma(): Tensor;
  digamma(): Tensor;
  sigmoid(): Tensor;
  relu(): Tensor;
  softplus(): Tensor;
  silu(): Tensor;
  logicalNot(): Tensor;
  isNaN(): Tensor;
  isFinite(): Tensor;
  isInf(): Tensor;
  detach(): Tensor;
  clone(): Tensor;
  contiguous(): Tensor;
  sum(options?: ops.ReduceOptions): Tensor;
  mean(options?: ops.ReduceOptions): Tensor;
  max(options?: ops.ReduceOptions): Tensor;
  min(options?: ops.ReduceOptions): Tensor;
  any(options?: ops.ReduceOptions): Tensor;
  all(options?: ops.ReduceOptions): Tensor;
  variance(options?: ops.ReduceOptions & { readonly correction?: number }): Tensor;
  argmax(options?: ops.ArgOptions): Tensor;
  argmin(options?: ops.ArgOptions): Tensor;
  softmax(options?: ops.SoftmaxOptions): Tensor;
  logSoftmax(options?: ops.SoftmaxOptions): Tensor;
  cast(dtype: DType): Tensor;
  reshape(shape: Shape): Tensor;
  broadcastTo(shape: Shape): Tensor;
  sumTo(shape: Shape): Tensor;
  permute(axes: readonly number[]): Tensor;
  transpose(axes?: readonly number[]): Tensor;
  swapAxes(a: number, b: number): Tensor;
  moveAxis(from: number, to: number): Tensor;
  unsqueeze(axis: number): Tensor;
  squeeze(axis?: AxisArgument): Tensor;
  flatten(start?: number, end?: number): Tensor;
  slice(ranges: readonly (ops.Range | null)[]): Tensor;
  select(axis: number, index: number): Tensor;
  flip(axis?: AxisArgument): Tensor;
  takeAlongAxis(indices: Like, axis: number): Tensor;
  take(indices: Like, options?: { readonly axis?: number }): Tensor;
  backward(cotangent?: Tensor | null, options?: BackwardOptions): void;
}

const methods: TensorMethods & ThisType<Tensor> = {
  add(other: Like) {
    return ops.add(this, other);
  },
  sub(other: Like) {
    return ops.sub(this, other);
  },
  mul(other: Like) {
    return ops.mul(this, other);
  },
  div(other: Like) {
    return ops.div(this, other);
  },
  pow(other: Like) {
    return ops.pow(this, other);
  },
  remainder(other: Like) {
    return ops.remainder(this, other);
  },
  maximum(other: Like) {
    return ops.maximum(this, other);
  },
  minimum(other: Like) {
    return ops.minimum(this, other);
  },
  hypot(other: Like) {
    return ops.hypot(this, other);
  },
  copysign(other: Like) {
    return ops.copysign(this, other);
  },
  atan2(other: Like) {
    return ops.atan2(this, other);
  },
  equal(other: Like) {
    return ops.equal(this, other);
  },
  notEqual(other: Like) {
    return ops.notEqual(this, other);
  },
  less(other: Like) {
    return ops.less(this, other);
  },
  lessEqual(other: Like) {
    return ops.lessEqual(this, other);
  },
  greater(other: Like) {
    return ops.greater(this, other);
  },
  greaterEqual(other: Like) {
    return ops.greaterEqual(this, other);
  },
  logicalAnd(other: Like) {
    return ops.logicalAnd(this, other);
  },
  logicalOr(other: Like) {
    return ops.logicalOr(this, other);
  },
  logicalXor(other: Like) {
    return ops.logicalXor(this, other);
  },
  matmul(other: Like) {
    return ops.matmul(this, other);
  },
  neg() {
    return ops.neg(this);
  },
  abs() {
    return ops.abs(this);
  },
  sign() {
    return ops.sign(this);
  },
  square() {
    return ops.square(this);
  },
  reciprocal() {
    return ops.reciprocal(this);
  },
  floor() {
    return ops.floor(this);
  },
  ceil() {
    return ops.ceil(this);
  },
  trunc() {
    return ops.trunc(this);
  },
  round() {
    return ops.round(this);
  },
  exp() {
    return ops.exp(this);
  },
  expm1() {
    return ops.expm1(this);
  },
  exp2() {
    return ops.exp2(this);
  },
  log() {
    return ops.log(this);
  },
  log1p() {
    return ops.log1p(this);
  },
  log2() {
    return ops.log2(this);
  },
  log10() {
    return ops.log10(this);
  },
  sqrt() {
    return ops.sqrt(this);
  },
  rsqrt() {
    return ops.rsqrt(this);
  },
  cbrt() {
    return ops.cbrt(this);
  },
  sin() {
    return ops.sin(this);
  },
  cos() {
    return ops.cos(this);
  },
  tan() {
    return ops.tan(this);
  },
  asin() {
    return ops.asin(this);
  },
  acos() {
    return ops.acos(this);
  },
  atan() {
    return ops.atan(this);
  },
  sinh() {
    return ops.sinh(this);
  },
  cosh() {
    return ops.cosh(this);
  },
  tanh() {
    return ops.tanh(this);
  },
  asinh() {
    return ops.asinh(this);
  },
  acosh() {
    return ops.acosh(this);
  },
  atanh() {
    return ops.atanh(this);
  },
  erf() {
    return ops.erf(this);
  },
  erfc() {
    return ops.erfc(this);
  },
  erfinv() {
    return ops.erfinv(this);
  },
  lgamma() {
    return ops.lgamma(this);
  },
  digamma() {
    return ops.digamma(this);
  },
  sigmoid() {
    return ops.sigmoid(this);
  },
  relu() {
    return ops.relu(this);
  },
  softplus() {
    return ops.softplus(this);
  },
  silu() {
    return ops.silu(this);
  },
  logicalNot() {
    return ops.logicalNot(this);
  },
  isNaN() {
    return ops.isNaN(this);
  },
  isFinite() {
    return ops.isFinite(this);
  },
  isInf() {
    return ops.isInf(this);
  },
  detach() {
    return ops.detach(this);
  },
  clone() {
    return ops.clone(this);
  },
  contiguous() {
    return ops.contiguous(this);
  },
  sum(options?: ops.ReduceOptions) {
    return ops.sum(this, options);
  },
  mean(options?: ops.ReduceOptions) {
    return ops.mean(this, options);
  },
  max(options?: ops.ReduceOptions) {
    return ops.max(this, options);
  },
  min(options?: ops.ReduceOptions) {
    return ops.min(this, options);
  },
  any(options?: ops.ReduceOptions) {
    return ops.any(this, options);
  },
  all(options?: ops.ReduceOptions) {
    return ops.all(this, options);
  },
  variance(options?: ops.ReduceOptions & { readonly correction?: number }) {
    return ops.variance(this, options);
  },
  argmax(options?: ops.ArgOptions) {
    return ops.argmax(this, options);
  },
  argmin(options?: ops.ArgOptions) {
    return ops.argmin(this, options);
  },
  softmax(options?: ops.SoftmaxOptions) {
    return ops.softmax(this, options);
  },
  logSoftmax(options?: ops.SoftmaxOptions) {
    return ops.logSoftmax(this, options);
  },
  cast(dtype: DType) {
    return ops.cast(this, dtype);
  },
  reshape(shape: Shape) {
    return ops.reshape(this, shape);
  },
  broadcastTo(shape: Shape) {
    return ops.broadcastTo(this, shape);
  },
  sumTo(shape: Shape) {
    return ops.sumTo(this, shape);
  },
  permute(axes: readonly number[]) {
    return ops.permute(this, axes);
  },
  transpose(axes?: readonly number[]) {
    return ops.transpose(this, axes);
  },
  swapAxes(a: number, b: number) {
    return ops.swapAxes(this, a, b);
  },
  moveAxis(from: number, to: number) {
    return ops.moveAxis(this, from, to);
  },
  unsqueeze(axis: number) {
    return ops.unsqueeze(this, axis);
  },
  squeeze(axis?: AxisArgument) {
    return ops.squeeze(this, axis);
  },
  flatten(start?: number, end?: number) {
    return ops.flatten(this, start, end);
  },
  slice(ranges: readonly (ops.Range | null)[]) {
    return ops.slice(this, ranges);
  },
  select(axis: number, index: number) {
    return ops.select(this, axis, index);
  },
  flip(axis?: AxisArgument) {
    return ops.flip(this, axis);
  },
  takeAlongAxis(indices: Like, axis: number) {
    return ops.takeAlongAxis(this, indices, axis);
  },
  take(indices: Like, options?: { readonly axis?: number }) {
    return ops.take(this, indices, options);
  },
  backward(cotangent?: Tensor | null, options?: BackwardOptions) {
    return backward(this, cotangent, options);
  },
};

for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
}
