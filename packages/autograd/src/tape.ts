import type { DType } from "./dtype.ts";
import { dtypes, isFloat } from "./dtype.ts";
import { GradientError } from "./errors.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import type { Trace } from "./trace.ts";

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

/** One application of an operation, as its derivative rules see it. */
export class Call<P = unknown> {
  /** Name of the operation. */
  readonly name: string;
  readonly params: P;
  readonly shapes: readonly Shape[];
  readonly dtypes: readonly DType[];
  private inputs: readonly (Tensor | null)[] | null;
  private outputs: readonly Tensor[] | null;
  /** Whether it has let go of the saved values. */
  released = false;
  /** Versions of the inputs' storages, where any is kept. */
  private readonly versions: readonly number[] | null;

  /** @param keepsAll keep every value, not only what derivatives with respect to recorded inputs read. */
  constructor(op: Op<P>, params: P, inputs: readonly Tensor[], outputs: readonly Tensor[], keepsAll: boolean) {
    this.name = op.name;
    this.params = params;
    // Plain loops and few arrays: this runs once for every operation.
    const count = inputs.length;
    const shapes = new Array<Shape>(count);
    let kept: (Tensor | null)[] | null = keepsAll ? [...inputs] : null;
    let keepsOutput = keepsAll;
    for (let i = 0; i < count; i++) {
      const x = inputs[i]!;
      shapes[i] = x.shape;
      if (keepsAll || x.node === null) continue;
      const saved = op.saves(i, params);
      keepsOutput ||= saved.output;
      for (let k = 0; k < saved.inputs.length; k++) {
        const index = saved.inputs[k]!;
        kept ??= nulls(count);
        if (index < count) kept[index] = inputs[index]!;
      }
    }
    this.shapes = shapes;
    this.dtypes = dtypesOf(inputs);
    this.inputs = kept;
    this.outputs = keepsOutput ? outputs : null;
    let versions: number[] | null = null;
    if (kept !== null) {
      versions = new Array<number>(count);
      for (let i = 0; i < count; i++) versions[i] = inputs[i]!.storage.version;
    }
    this.versions = versions;
  }

  /** Input `i`, which the operation has declared it saves. */
  input(i: number): Tensor {
    const x = this.inputs?.[i];
    if (x === undefined || x === null) throw this.missing(`input ${i}`);
    if (x.storage.version !== this.versions![i]) {
      throw new GradientError({
        op: "backward",
        message: `input ${i} of ${this.name} was changed by assign after ${this.name} had saved it`,
        operands: [x],
        hint: "finish the backward pass before changing parameters",
      });
    }
    return x;
  }

  /** Output `i`, where the operation has declared that it saves its output. */
  output(i = 0): Tensor {
    const y = this.outputs?.[i];
    if (y === undefined) throw this.missing(`output ${i}`);
    return y;
  }

  /** Lets go of the saved values. */
  release(): void {
    this.inputs = null;
    this.outputs = null;
    this.released = true;
  }

  private missing(what: string): GradientError {
    if (!this.released) {
      return new GradientError({
        op: "backward",
        message: `${what} of ${this.name} is not there: its derivative reads what the operation does not save`,
        hint: "name it in the operation's saves",
      });
    }
    return new GradientError({
      op: "backward",
      message: `${what} of ${this.name} is not there: its saved values were released by an earlier backward pass`,
      hint: "pass { retainGraph: true } to the first backward",
    });
  }
}

/** As many nulls as there are inputs: literals, since filling costs more than a few elements. */
const nulls = (count: number): (Tensor | null)[] =>
  count === 1 ? [null] : count === 2 ? [null, null] : new Array<Tensor | null>(count).fill(null);

/** Lists of one to three equal dtypes, which are nearly all there are, made once. */
const equalDTypes = Object.fromEntries(
  dtypes.map((dtype) => [dtype, [[], [dtype], [dtype, dtype], [dtype, dtype, dtype]]]),
) as unknown as Readonly<Record<DType, readonly (readonly DType[])[]>>;

function dtypesOf(tensors: readonly Tensor[]): readonly DType[] {
  const count = tensors.length;
  if (count === 0 || count > 3) return tensors.map((x) => x.dtype);
  const { dtype } = tensors[0]!;
  for (let i = 1; i < count; i++) if (tensors[i]!.dtype !== dtype) return tensors.map((x) => x.dtype);
  return equalDTypes[dtype][count]!;
}

/** Output numbers of inputs that are all the only output of their node. */
const onlyOutputs: readonly (readonly number[])[] = [[], [0], [0, 0], [0, 0, 0]];

/**
 * An operation on the tape. Nodes hang from the tensors they made and lead back to those they were made from, so a
 * forward pass that nobody differentiates is garbage like any other object.
 */
export class Node extends Call<never> {
  readonly op: Op<never>;
  /** The nodes of the inputs, null where an input carries no gradient. */
  readonly parents: readonly (Node | null)[];
  /** Which output of its node each input was. */
  readonly parentOutputs: readonly number[];
  readonly outputShapes: readonly Shape[];
  readonly outputDTypes: readonly DType[];
  /** Grows with every node, so that no node is older than its parents. */
  readonly sequence: number;
  /** The tensor that collects the gradient, for a leaf. */
  readonly leaf: Tensor | null;
  /** What is told the cotangent of an output, and may replace it. */
  hooks: Hook[] | null = null;
  /** Where the user called the operation, while anomalies are looked for. */
  origin: string | null = null;
  /** What the backward pass under way knows of it. */
  visit: Visit | null = null;

  constructor(
    op: Op<never>,
    params: never,
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    leafOf: Tensor | null = null,
  ) {
    super(op, params, inputs, outputs, false);
    this.op = op;
    const count = inputs.length;
    const parents = new Array<Node | null>(count);
    let parentOutputs = onlyOutputs[count];
    for (let i = 0; i < count; i++) {
      const { node, outputIndex } = inputs[i]!;
      parents[i] = node;
      if (outputIndex !== 0) parentOutputs = undefined;
    }
    this.parents = parents;
    this.parentOutputs = parentOutputs ?? inputs.map((x) => x.outputIndex);
    this.outputShapes = outputs.length === 1 ? [outputs[0]!.shape] : outputs.map((y) => y.shape);
    this.outputDTypes = dtypesOf(outputs);
    this.sequence = nextSequence++;
    this.leaf = leafOf;
  }
}

/** What one backward pass knows of a node. */
export interface Visit {
  readonly pass: number;
  /** What a pass that is under way around this one knows of it. */
  readonly outer: Visit | null;
  /** How many of its parents have been followed. */
  followed: number;
  /** Whether it lies between the roots and the targets. */
  onPath: boolean;
  isTarget: boolean;
  /** The cotangents of its outputs, null where none has arrived. */
  cotangents: (Tensor | null)[] | null;
}

/** Something to be done with the cotangent of one output when it is known. */
export interface Hook {
  readonly output: number;
  readonly f: (cotangent: Tensor) => Tensor | undefined;
}

/** Watches operations being carried out: for profiles, and for finding the first value that is not finite. */
export interface Observer {
  /** Carries out `forward`. */
  readonly run: (op: Op<never>, inputs: readonly Tensor[], forward: () => readonly Tensor[]) => readonly Tensor[];
  readonly recorded?: (node: Node) => void;
  /** Carries out `rule`, which gives the cotangent of one input of a node. */
  readonly pullBack?: (node: Node, rule: () => Tensor | null) => Tensor | null;
}

let observer: Observer | null = null;

/** Who watches, if anyone. */
export function currentObserver(): Observer | null {
  return observer;
}

/** Runs `body` watched by `by`. */
export function observedBy<T>(by: Observer, body: () => T): T {
  const before = observer;
  observer = by;
  try {
    return body();
  } finally {
    observer = before;
  }
}

let nextSequence = 0;
let recording = true;

/** Whether operations are being recorded: false inside {@link noGrad}. */
export function isRecording(): boolean {
  return recording;
}

/** Runs `body` with recording turned on or off. */
export function withRecording<T>(on: boolean, body: () => T): T {
  const before = recording;
  recording = on;
  try {
    return body();
  } finally {
    recording = before;
  }
}

const leafOp: Op<null> = {
  name: "leaf",
  forward: () => [],
  saves: () => savesNothing,
  vjp: null,
  jvp: null,
  batch: (inputs) => inputs,
};

/** A node without parents, at which gradients for `x` arrive. */
export function leaf(x: Tensor): Node {
  return new Node(leafOp, null as never, [], [x], x);
}

/** Applies an operation with one output; see {@link applyAll}. */
export function apply<P>(op: Op<P>, inputs: readonly Tensor[], params: P): Tensor {
  if (observer !== null || isTraced(inputs)) return applyAll(op, inputs, params)[0]!;
  const result = op.forward(inputs, params);
  const records = recording && op.vjp !== null && anyRecorded(inputs);
  if (Array.isArray(result)) {
    const outputs = result as readonly Tensor[];
    if (records) record(op, inputs, outputs, params);
    return outputs[0]!;
  }
  const output = result as Tensor;
  if (records) record(op, inputs, [output], params);
  return output;
}

/** Computes the outputs of an operation, and records it where an input carries a gradient. */
export function applyAll<P>(op: Op<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
  const trace = innermostTrace(inputs);
  const outputs =
    trace !== null
      ? trace.process(op as unknown as Op, inputs, params)
      : observer === null
        ? forward(op, inputs, params)
        : observer.run(op as Op<never>, inputs, () => forward(op, inputs, params));
  if (recording && op.vjp !== null && anyRecorded(inputs)) record(op, inputs, outputs, params);
  return outputs;
}

function forward<P>(op: Op<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
  const result = op.forward(inputs, params);
  return Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
}

function anyRecorded(inputs: readonly Tensor[]): boolean {
  for (let i = 0; i < inputs.length; i++) if (inputs[i]!.node !== null) return true;
  return false;
}

function isTraced(inputs: readonly Tensor[]): boolean {
  for (let i = 0; i < inputs.length; i++) if (inputs[i]!.trace !== null) return true;
  return false;
}

function innermostTrace(inputs: readonly Tensor[]): Trace | null {
  let innermost: Trace | null = null;
  for (const { trace } of inputs) {
    if (trace !== null && (innermost === null || trace.level > innermost.level)) innermost = trace;
  }
  return innermost;
}

function record<P>(op: Op<P>, inputs: readonly Tensor[], outputs: readonly Tensor[], params: P): void {
  let node: Node | null = null;
  for (let i = 0; i < outputs.length; i++) {
    const y = outputs[i]!;
    if (!isFloat(y.dtype)) continue;
    node ??= new Node(op as Op<never>, params as never, inputs, outputs);
    y.node = node;
    y.outputIndex = i;
  }
  if (node !== null) observer?.recorded?.(node);
}

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

/**
 * Runs `body` without recording: its results carry no gradient.
 *
 * @example
 * ```ts
 * const w = tensor([1, 2], { requiresGrad: true });
 * noGrad(() => w.mul(2)).requiresGrad; // false
 * ```
 */
export function noGrad<T>(body: () => T): T {
  const result = withRecording(false, body);
  if (result instanceof Promise) {
    throw new GradientError({
      op: "noGrad",
      message: "the function is asynchronous",
      hint: "recording is turned off only until it first awaits; call noGrad around its synchronous parts",
    });
  }
  return result;
}
