import { ArgumentError, checkFunction, checkOptions, GradienteError, ShapeError } from "../errors.ts";
import type { Op } from "../op.ts";
import { broadcastTo, moveAxis } from "../ops/index.ts";
import { listOf, normalizeAxis } from "../shape.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import type { Trace } from "../trace.ts";
import { asList, atNextLevel, handle } from "./level.ts";

/** A batch seen as one of its members. */
class Batched implements Trace {
  readonly level: number;
  /** The whole batch, its members along the first axis. */
  readonly value: Tensor;

  constructor(level: number, value: Tensor) {
    this.level = level;
    this.value = value;
  }

  get behind(): Tensor {
    return this.value;
  }

  process(op: Op, inputs: readonly Tensor[], params: unknown): readonly Tensor[] {
    const batches = inputs.map((x) => batchAt(this.level, x));
    const values = inputs.map((x, i) => batches[i]?.value ?? x);
    const batched = batches.map((b) => b !== null);
    const outputs = asList(op.batch(values, batched, params, this.value.shape[0]!));
    return outputs.map((y) => member(this.level, y));
  }

  read(): Tensor {
    throw new GradienteError({
      op: "vmap",
      message: "inside vmap a tensor stands for every member of a batch, so it has no elements to read",
      hint: "use where() instead of deciding by elements",
    });
  }
}

function batchAt(level: number, x: Tensor): Batched | null {
  return x.trace instanceof Batched && x.trace.level === level ? x.trace : null;
}

function member(level: number, value: Tensor): Tensor {
  const { storage, shape, strides, offset, dtype, size } = value;
  const view = { storage, shape: shape.slice(1), strides: strides.slice(1), offset, dtype, size };
  return handle(view, new Batched(level, value));
}

/** Options of {@link vmap}. */
export interface VmapOptions {
  /** Which axis of each argument is the batch; null for arguments that all members share. Default: the first of each. */
  readonly inAxes?: number | readonly (number | null)[];
  /** Where the batch axis goes in the results. Default: first. */
  readonly outAxes?: number;
}

/**
 * A function that applies `f` to every member of a batch at once: `f` is written for one example and runs on all,
 * with one operation for the whole batch at each step. It composes with itself and with every other transform.
 * Random numbers drawn inside are shared by all members.
 *
 * @param f gives a tensor, or a list of tensors.
 * @throws {ShapeError} when arguments have batches of different lengths.
 * @throws {ArgumentError} when no argument is batched.
 *
 * @example
 * ```ts
 * vmap((x, y) => x.mul(y).sum())(tensor([[1, 2], [3, 4]]), tensor([[1, 1], [2, 2]])); // [3, 14]
 * vmap((x, y) => x.add(y), { inAxes: [0, null] })(tensor([1, 2]), tensor(10)); // [11, 12]
 * ```
 */
export function vmap<Args extends Tensor[], Result extends Tensor | readonly Tensor[]>(
  f: (...args: Args) => Result,
  options: VmapOptions = {},
): (...args: Args) => Result extends Tensor ? Tensor : Tensor[] {
  checkFunction("vmap", f);
  const { inAxes = 0, outAxes = 0 } = checkOptions("vmap", options, ["inAxes", "outAxes"]);
  if (typeof inAxes !== "number") listOf("vmap", "inAxes", inAxes);
  return (...args) => {
    if (typeof inAxes !== "number" && inAxes.length !== args.length) {
      throw new ArgumentError({
        op: "vmap",
        message: `there are ${inAxes.length} inAxes for ${args.length} arguments`,
        hint: "give null for arguments that all members share",
      });
    }
    for (const x of args) tensorIn("vmap", "an argument", x);
    const axes = args.map((_, i) => (typeof inAxes === "number" ? inAxes : (inAxes[i] ?? null)));
    const batches = args.map((x, i) => {
      const axis = axes[i]!;
      return axis === null || axis === undefined ? null : moveAxis(x, normalizeAxis("vmap", axis, x), 0);
    });
    const lengths = new Set(batches.flatMap((b) => (b === null ? [] : [b.shape[0]!])));
    if (lengths.size === 0) {
      throw new ArgumentError({ op: "vmap", message: "no argument has a batch axis", operands: args });
    }
    if (lengths.size > 1) {
      throw new ShapeError({
        op: "vmap",
        message: `batches have different lengths: ${[...lengths].join(", ")}`,
        operands: args,
        hint: "inAxes says which axis of each argument is the batch, and null that all members share it",
      });
    }
    const [size] = [...lengths] as [number];
    const results = atNextLevel((level) => {
      const inputs = args.map((x, i) => (batches[i] === null ? x : member(level, batches[i]!))) as Args;
      const result = f(...inputs);
      const values = asList(result as Tensor | readonly Tensor[]).map(
        (y) =>
          batchAt(level, tensorIn("vmap", "the function's result", y))?.value ?? broadcastTo(y, [size, ...y.shape]),
      );
      return Array.isArray(result) ? values : values[0]!;
    });
    const place = (y: Tensor): Tensor => (outAxes === 0 ? y : moveAxis(y, 0, normalizeAxis("vmap", outAxes, y)));
    const placed = Array.isArray(results) ? results.map(place) : place(results as Tensor);
    return placed as Result extends Tensor ? Tensor : Tensor[];
  };
}
