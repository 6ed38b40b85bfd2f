import { type DType, dtypes, isFloat } from "./dtype.ts";
import { GradientError } from "./errors.ts";
import { currentObserver } from "./observer.ts";
import { type Op, savesNothing } from "./op.ts";
import { isRecording } from "./recording.ts";
import type { Shape } from "./shape.ts";
import type { Visit } from "./survey.ts";
import type { Tensor } from "./tensor.ts";
import type { Trace } from "./trace.ts";

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

let nextSequence = 0;

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

/** Something to be done with the cotangent of one output when it is known. */
export interface Hook {
  readonly output: number;
  readonly f: (cotangent: Tensor) => Tensor | undefined;
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
  if (currentObserver() !== null || isTraced(inputs)) return applyAll(op, inputs, params)[0]!;
  const result = op.forward(inputs, params);
  const records = isRecording() && op.vjp !== null && anyRecorded(inputs);
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
  const observer = currentObserver();
  const outputs =
    trace !== null
      ? trace.process(op as unknown as Op, inputs, params)
      : observer === null
        ? forward(op, inputs, params)
        : observer.run(op as Op<never>, inputs, () => forward(op, inputs, params));
  if (isRecording() && op.vjp !== null && anyRecorded(inputs)) record(op, inputs, outputs, params);
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
  if (node !== null) currentObserver()?.recorded?.(node);
}
