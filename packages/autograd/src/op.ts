import type { Call } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * One differentiable operation. Its rules are written with public operations, so their results can be differentiated
 * again, to any order.
 */
export interface Op<P = unknown> {
  readonly name: string;
  /**
   * Computes the outputs (fresh handles, never the inputs themselves). The inputs are ordinary tensors whose shapes
   * and dtypes the public function has checked.
   */
  readonly forward: (inputs: readonly Tensor[], params: P) => Tensor | readonly Tensor[];
  /** Which values {@link vjp} reads to differentiate with respect to input `index`; others are not kept. */
  readonly saves: (index: number, params: P) => Saved;
  /**
   * The cotangent of input `index`, given those of the outputs; null when the derivative is zero.
   * The rule itself is null when the operation is not differentiable: its results carry no gradient.
   */
  readonly vjp: ((cotangents: readonly Tensor[], call: Call<P>, index: number) => Tensor | null) | null;
  /** The tangents of the outputs, given those of the inputs; null stands for zero. */
  readonly jvp:
    | ((tangents: readonly (Tensor | null)[], call: Call<P>) => Tensor | null | readonly (Tensor | null)[])
    | null;
  /**
   * Applies the operation to a batch: where `batched[i]`, input `i` has a first axis of length `size` over which the
   * operation is to be repeated. The results have that axis first, all of them.
   */
  readonly batch: (
    inputs: readonly Tensor[],
    batched: readonly boolean[],
    params: P,
    size: number,
  ) => Tensor | readonly Tensor[];
}

/** Values kept from the forward pass. */
export interface Saved {
  readonly inputs: readonly number[];
  readonly output: boolean;
}

/** For {@link Op.saves}: the derivative reads none of the values, the output, or the inputs of these numbers. */
export const savesNothing: Saved = { inputs: [], output: false };
export const savesOutput: Saved = { inputs: [], output: true };
/** Everything a rule can ask for. */
export const savesAll = (inputs: number): Saved => ({
  inputs: Array.from({ length: inputs }, (_, i) => i),
  output: true,
});
export const savesInput = (...inputs: number[]): Saved => ({ inputs, output: false });

const foreignOps = new WeakSet<object>();

/**
 * Says that an operation's rules run code that is not the engine's own, which may keep whatever tensors it is shown.
 * @returns the operation.
 */
export function foreign<P>(op: Op<P>): Op<P> {
  foreignOps.add(op);
  return op;
}

/** Whether an operation's rules may keep the tensors they are shown; see {@link foreign}. */
export function isForeign(op: object): boolean {
  return foreignOps.has(op);
}
