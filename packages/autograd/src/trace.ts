import type { Op } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/**
 * What stands behind a handle inside a transformed function: a primal with its tangent, or a batch seen as one of its
 * members. Operations on such handles are interpreted by the trace of the highest level among them, which carries
 * them out with operations on what the handles stand for, so that transformations nest.
 */
export interface Trace {
  /** Depth of the transformation, innermost highest. */
  readonly level: number;
  /** What the handle stands for: a primal, a batch. */
  readonly behind: Tensor;
  /** Carries out one operation. */
  readonly process: (op: Op, inputs: readonly Tensor[], params: unknown) => readonly Tensor[];
  /** The ordinary tensor whose elements reading the handle gives. Throws where there is no such thing. */
  readonly read: (handle: Tensor) => Tensor;
}
