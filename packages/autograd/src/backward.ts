import type { Storage } from "./backend/backend.ts";
import { checkOptions, describe, GradientError } from "./errors.ts";
import { currentObserver } from "./observer.ts";
import { isForeign } from "./op.ts";
import { add, onesLike, zeros } from "./ops/index.ts";
import { discard, hold, share, sweep, writingDown } from "./ownership.ts";
import { isRecording, withRecording } from "./recording.ts";
import { listOf, sameShape } from "./shape.ts";
import { leads, leave, survey } from "./survey.ts";
import type { Hook, Node } from "./tape.ts";
import { type Tensor, tensorIn } from "./tensor.ts";

/** Options of a backward pass. */
export interface BackwardOptions {
  /** Keep the saved values, so that the same tape can be walked again. Default: the value of `createGraph`. */
  readonly retainGraph?: boolean;
  /** Record the backward pass itself, so that its results can be differentiated. Default: false. */
  readonly createGraph?: boolean;
}

const backwardOptions = ["retainGraph", "createGraph"] as const;

/** The cotangents of one node's outputs, null where none has arrived. */
type Cotangents = (Tensor | null)[];

/**
 * The reverse pass: visits the nodes between `roots` and `targets` once each, every node before those it came from,
 * and hands each one's cotangents on to its parents.
 *
 * What the derivative rules of the engine's own operations allocate is known to nobody else, so it is freed as soon as
 * nothing holds it: temporary results when a rule returns, cotangents when they have been handed on.
 *
 * @param targets nodes whose cotangents are wanted; null for every leaf.
 * @returns the cotangents of the targets' outputs.
 */
function walk(
  roots: readonly Tensor[],
  cotangents: readonly Tensor[],
  targets: ReadonlySet<Node> | null,
  retain: boolean,
): Map<Node, Cotangents> {
  const { nodes, pass } = survey(roots, targets);
  const results = new Map<Node, Cotangents>();
  // A pass that is itself recorded or traced keeps everything.
  const keeps = isRecording() || roots.some((x) => x.trace !== null) || cotangents.some((x) => x.trace !== null);
  const allocated: Storage[] | null = keeps ? null : [];
  try {
    writingDown(allocated === null ? null : { storages: allocated, holders: 0 }, () => {
      roots.forEach(({ node, outputIndex }, i) => {
        if (node !== null && leads(node, pass)) accumulate(node, outputIndex, cotangents[i]!, "backward");
      });
      for (let at = nodes.length - 1; at >= 0; at--) {
        const node = nodes[at]!;
        const visit = node.visit!;
        const received = visit.cotangents;
        if (received === null) continue;
        visit.cotangents = null;
        if (node.hooks !== null) runHooks(node.hooks, received);
        if (visit.isTarget) results.set(node, received);
        if (node.op.vjp !== null) handOn(node, received, pass, allocated);
        if (!retain) node.release();
        if (!visit.isTarget) discard(received);
      }
    });
  } finally {
    leave(nodes);
  }
  return results;
}

function runHooks(hooks: readonly Hook[], received: Cotangents): void {
  for (const { output, f } of hooks) {
    const cotangent = received[output];
    if (!cotangent) continue;
    share(cotangent);
    const given = tensorIn("registerHook", "what the hook gave", f(cotangent) ?? cotangent);
    if (!sameShape(given.shape, cotangent.shape) || given.dtype !== cotangent.dtype) {
      throw new GradientError({
        op: "registerHook",
        message: "the hook gave a gradient of another shape or dtype",
        operands: [cotangent, given],
      });
    }
    received[output] = given;
  }
}

/** Asks a node's rule for the cotangents of its inputs. */
function handOn(node: Node, received: Cotangents, pass: number, allocated: Storage[] | null): void {
  const { op, parents, parentOutputs } = node;
  const isForeignRule = isForeign(op);
  if (isForeignRule) for (const cotangent of received) if (cotangent !== null) share(cotangent);
  let complete: readonly Tensor[] | null = null;
  for (let i = 0; i < parents.length; i++) {
    const parent = parents[i]!;
    if (parent === null || !leads(parent, pass)) continue;
    complete ??= received.includes(null) ? completed(node, received) : (received as readonly Tensor[]);
    const cotangent = pullBack(node, complete, i, isForeignRule);
    if (cotangent !== null) {
      // A traced result stands for values that are not seen here.
      if (cotangent.trace !== null && allocated !== null) for (const storage of allocated) storage.holders = -1;
      accumulate(parent, parentOutputs[i]!, cotangent, op.name);
    }
    if (allocated !== null) sweep(allocated);
  }
}

/** The cotangent of one input. */
function pullBack(node: Node, cotangents: readonly Tensor[], index: number, isForeignRule: boolean): Tensor | null {
  const { op } = node;
  const watch = currentObserver()?.pullBack;
  // Called as a method: operations from outside may be objects of a class.
  if (watch === undefined && !isForeignRule) return op.vjp!(cotangents, node, index);
  const rule = (): Tensor | null => op.vjp!(cotangents, node, index);
  const ownRule = isForeignRule ? () => writingDown(null, rule) : rule;
  return watch === undefined ? ownRule() : watch(node, ownRule);
}

const completed = (node: Node, received: Cotangents): readonly Tensor[] =>
  received.map((c, i) => c ?? zeros(node.outputShapes[i]!, { dtype: node.outputDTypes[i]! }));

/** Adds a cotangent to what has arrived at an output of a node. */
function accumulate(node: Node, output: number, cotangent: Tensor, from: string): void {
  const shape = node.outputShapes[output]!;
  const dtype = node.outputDTypes[output]!;
  if (!sameShape(cotangent.shape, shape) || cotangent.dtype !== dtype) {
    throw new GradientError({
      op: from,
      message: `the cotangent is ${describe(cotangent)} where the value was ${describe({ shape, dtype })}`,
      hint: "a derivative rule gives cotangents of the shape and dtype of the input they belong to",
    });
  }
  const visit = node.visit!;
  visit.cotangents ??= node.outputShapes.length === 1 ? [null] : node.outputShapes.map(() => null);
  const before = visit.cotangents[output]!;
  const sum = before === null ? cotangent : add(before, cotangent);
  hold(sum);
  visit.cotangents[output] = sum;
  if (before !== null) discard([before]);
}

/** Checks the roots of a pass and completes its cotangents. */
function start(op: string, roots: readonly Tensor[], given: readonly (Tensor | null)[] | undefined): Tensor[] {
  return roots.map((root, i) => {
    if (root.node === null) {
      throw new GradientError({
        op,
        message: "the tensor does not depend on anything that requires a gradient",
        operands: [root],
        hint:
          "create the inputs with { requiresGrad: true }, and compute the result outside noGrad; gradients are " +
          "recorded with { createGraph: true }",
      });
    }
    const cotangent = given?.[i] ?? null;
    if (cotangent !== null) tensorIn(op, "a cotangent", cotangent);
    if (cotangent === null) {
      if (root.size === 1) return onesLike(root);
      throw new GradientError({
        op,
        message: "the tensor is not a scalar, and no cotangent was given",
        operands: [root],
        hint: "reduce it, for example with sum(), or give a cotangent of its shape",
      });
    }
    if (!sameShape(cotangent.shape, root.shape) || cotangent.dtype !== root.dtype) {
      throw new GradientError({
        op,
        message: "the cotangent differs from the tensor in shape or dtype",
        operands: [root, cotangent],
      });
    }
    return cotangent;
  });
}

function checkNotReleased(op: string, roots: readonly Tensor[]): void {
  if (roots.some((r) => r.node?.released)) {
    throw new GradientError({
      op,
      message: "the tape behind this tensor was released by an earlier backward pass",
      hint: "pass { retainGraph: true } to the first pass, or compute the result again",
    });
  }
}

/**
 * Differentiates `roots` and adds the gradients to the `grad` of every leaf they depend on.
 *
 * @param roots one tensor or several.
 * @param cotangents what each root is weighted with, of its shape; may be left out for roots of size 1.
 * @throws {GradientError} when a root requires no gradient, has several elements and no cotangent, or its tape was
 *   released by an earlier pass.
 *
 * @example
 * ```ts
 * const x = tensor([1, 2, 3], { requiresGrad: true });
 * backward(x.square().sum());
 * x.grad; // [2, 4, 6]
 * ```
 */
export function backward(
  roots: Tensor | readonly Tensor[],
  cotangents?: Tensor | readonly (Tensor | null)[] | null,
  options: BackwardOptions = {},
): void {
  const { createGraph = false, retainGraph = createGraph } = checkOptions("backward", options, backwardOptions);
  const list = rootsOf("backward", roots);
  const given = cotangents === undefined || cotangents === null ? undefined : asList(cotangents);
  checkNotReleased("backward", list);
  withRecording(createGraph, () => {
    const arrived = walk(list, start("backward", list, given), null, retainGraph);
    for (const [node, [gradient]] of arrived) {
      const { leaf } = node;
      if (leaf === null || !gradient) continue;
      if (leaf.grad === null) {
        share(gradient);
        leaf.grad = gradient;
      } else {
        leaf.grad = add(leaf.grad, gradient);
        discard([gradient]);
      }
    }
  });
}

/** Options of {@link gradients}. */
export interface GradientsOptions extends BackwardOptions {
  /** What each output is weighted with, of its shape; may be left out for outputs of size 1. */
  readonly cotangents?: Tensor | readonly (Tensor | null)[];
}

/**
 * The gradients of `outputs` with respect to `inputs`, leaving every `grad` alone.
 *
 * @param inputs tensors that require a gradient, leaves or intermediate results.
 * @returns one gradient per input, of its shape and dtype; zeros where the outputs do not depend on it.
 * @throws {GradientError} as {@link backward}, and when an input requires no gradient.
 *
 * @example
 * ```ts
 * const x = tensor([1, 2, 3], { requiresGrad: true });
 * const [dx] = gradients(x.square().sum(), [x], { createGraph: true });
 * gradients(dx.sum(), [x])[0]; // [2, 2, 2]
 * ```
 */
export function gradients(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradientsOptions = {},
): Tensor[] {
  const names = [...backwardOptions, "cotangents"] as const;
  const { createGraph = false, retainGraph = createGraph } = checkOptions("gradients", options, names);
  const roots = rootsOf("gradients", outputs);
  const given = options.cotangents === undefined ? undefined : asList(options.cotangents);
  const targets = listOf("gradients", "inputs", inputs).map((input, i) => {
    tensorIn("gradients", `input ${i}`, input);
    if (input.node === null) {
      throw new GradientError({
        op: "gradients",
        message: `input ${i} does not require a gradient`,
        operands: [input],
        hint: "create it with { requiresGrad: true }",
      });
    }
    return input.node;
  });
  checkNotReleased("gradients", roots);
  return withRecording(createGraph, () => {
    const arrived = walk(roots, start("gradients", roots, given), new Set(targets), retainGraph);
    return inputs.map(
      (input, i) => arrived.get(targets[i]!)?.[input.outputIndex] ?? zeros(input.shape, { dtype: input.dtype }),
    );
  });
}

/** The roots of a pass, as a list. */
function rootsOf(op: string, roots: Tensor | readonly Tensor[]): readonly Tensor[] {
  const list = asList(roots);
  list.forEach((root, i) => void tensorIn(op, list.length === 1 ? "a root" : `root ${i}`, root));
  return list;
}

function asList<T extends object | null>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
