import { describe, GradientError } from "./errors.ts";
import { viewOf } from "./launch.ts";
import { add, onesLike, zeros } from "./ops/index.ts";
import { sameShape } from "./shape.ts";
import { currentObserver, leaf, type Node, withRecording } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** Options of a backward pass. */
export interface BackwardOptions {
  /** Keep the saved values, so that the same tape can be walked again. Default: the value of `createGraph`. */
  readonly retainGraph?: boolean;
  /** Record the backward pass itself, so that its results can be differentiated. Default: false. */
  readonly createGraph?: boolean;
}

/** The cotangents of one node's outputs, null where none has arrived. */
type Cotangents = (Tensor | null)[];

/**
 * The reverse pass: visits the nodes between `roots` and `targets` once each, every node before those it came from,
 * and hands each one's cotangents on to its parents.
 * @param targets nodes whose cotangents are wanted; null for every leaf.
 * @returns the cotangents of the targets' outputs.
 */
function walk(
  roots: readonly Tensor[],
  cotangents: readonly Tensor[],
  targets: ReadonlySet<Node> | null,
  retain: boolean,
): Map<Node, Cotangents> {
  const arrived = new Map<Node, Cotangents>();
  const { path } = between(roots, targets);
  const onPath = new Set(path);
  roots.forEach((root, i) => {
    if (root.node !== null && onPath.has(root.node)) accumulate(arrived, root.node, root.outputIndex, cotangents[i]!);
  });
  for (const node of path) {
    const wanted = targets === null ? node.leaf !== null : targets.has(node);
    const received = arrived.get(node);
    if (received === undefined) continue;
    for (const { output, f } of node.hooks ?? []) {
      const cotangent = received[output];
      if (cotangent) received[output] = f(cotangent) ?? cotangent;
    }
    if (!wanted) arrived.delete(node);
    const { op, parents, parentOutputs } = node;
    if (op.vjp === null || !parents.some((p) => p !== null && onPath.has(p))) continue;
    const complete = received.includes(null)
      ? received.map((c, i) => c ?? zeros(node.outputShapes[i]!, { dtype: node.outputDTypes[i]! }))
      : (received as readonly Tensor[]);
    for (let i = 0; i < parents.length; i++) {
      const parent = parents[i]!;
      if (parent === null || !onPath.has(parent)) continue;
      const cotangent = op.vjp(complete, node, i);
      if (cotangent !== null) currentObserver()?.pulledBack?.(node, cotangent);
      if (cotangent !== null) accumulate(arrived, parent, parentOutputs[i]!, cotangent, op.name);
    }
    if (!retain) node.release();
  }
  return arrived;
}

/** Adds a cotangent to what has arrived at an output of a node. */
function accumulate(
  arrived: Map<Node, Cotangents>,
  node: Node,
  output: number,
  cotangent: Tensor,
  from = "backward",
): void {
  const shape = node.outputShapes[output]!;
  const dtype = node.outputDTypes[output]!;
  if (!sameShape(cotangent.shape, shape) || cotangent.dtype !== dtype) {
    throw new GradientError({
      op: from,
      message: `the cotangent is ${describe(cotangent)} where the value was ${describe({ shape, dtype })}`,
      hint: "a derivative rule gives cotangents of the shape and dtype of the input they belong to",
    });
  }
  let received = arrived.get(node);
  if (received === undefined) {
    received = node.outputShapes.map(() => null);
    arrived.set(node, received);
  }
  const before = received[output]!;
  received[output] = before === null ? cotangent : add(before, cotangent);
}

/**
 * The nodes on a way from `roots` to `targets`, latest first, and whether the roots also depend on recorded values
 * outside that: something a surrounding differentiation may ask about.
 */
function between(
  roots: readonly Tensor[],
  targets: ReadonlySet<Node> | null,
): { readonly path: readonly Node[]; readonly dependsOnOthers: boolean } {
  const oldest = targets === null ? 0 : Math.min(...[...targets].map((t) => t.sequence));
  const reached = new Set<Node>();
  const stack: Node[] = [];
  let dependsOnOthers = false;
  const reach = (node: Node | null): void => {
    if (node === null || reached.has(node)) return;
    if (node.sequence < oldest) {
      dependsOnOthers = true;
      return;
    }
    reached.add(node);
    stack.push(node);
  };
  for (const root of roots) reach(root.node);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (targets?.has(node)) {
      // What a target was itself made from lies outside, unless another target is reached through it.
      if (node.parents.some((p) => p !== null)) dependsOnOthers = true;
    }
    for (const parent of node.parents) reach(parent);
  }
  const ascending = [...reached].sort((a, b) => a.sequence - b.sequence);
  if (targets === null) return { path: ascending.reverse(), dependsOnOthers: false };
  const path = new Set<Node>();
  for (const node of ascending) {
    if (targets.has(node) || node.parents.some((p) => p !== null && path.has(p))) path.add(node);
    else if (node.leaf !== null) dependsOnOthers = true;
  }
  return { path: [...path].reverse(), dependsOnOthers };
}

/** Whether `roots` depend on recorded values other than through `targets`. */
export function dependsOnOthers(roots: readonly Tensor[], targets: readonly Tensor[]): boolean {
  return between(roots, new Set(targets.map((t) => t.node!))).dependsOnOthers;
}

/**
 * The result of `body`, and the tensors recorded before it that its result depends on, besides `known` ones: handles
 * that show where they are on the tape, whose elements are not to be read.
 */
export function capturedBy(
  body: () => Tensor,
  known: readonly Tensor[],
): { readonly value: Tensor; readonly captured: readonly Tensor[] } {
  const before = leaf(zeros([])).sequence;
  const value = body();
  const seen = new Set<Node>();
  const captured = new Map<string, Tensor>();
  const stack = value.node === null ? [] : [value.node];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node) || node.sequence < before) continue;
    seen.add(node);
    for (const [i, parent] of node.parents.entries()) {
      if (parent === null) continue;
      const output = node.parentOutputs[i]!;
      if (parent.sequence >= before) stack.push(parent);
      else if (!known.some((x) => x.node === parent && x.outputIndex === output)) {
        const [shape, dtype] = [parent.outputShapes[output]!, parent.outputDTypes[output]!];
        const handle = viewOf(zeros([], { dtype }), shape, new Array<number>(shape.length).fill(0));
        handle.node = parent;
        handle.outputIndex = output;
        captured.set(`${parent.sequence},${output}`, handle);
      }
    }
  }
  return { value, captured: [...captured.values()] };
}

/** Checks the roots of a pass and completes its cotangents. */
function start(op: string, roots: readonly Tensor[], given: readonly (Tensor | null)[] | undefined): Tensor[] {
  return roots.map((root, i) => {
    if (root.node === null) {
      throw new GradientError({
        op,
        message: "the tensor does not depend on anything that requires a gradient",
        operands: [root],
        hint: "create the inputs with { requiresGrad: true }, and compute the result outside noGrad",
      });
    }
    const cotangent = given?.[i] ?? null;
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
  const { createGraph = false, retainGraph = createGraph } = options;
  const list = asList(roots);
  const given = cotangents === undefined || cotangents === null ? undefined : asList(cotangents);
  checkNotReleased("backward", list);
  withRecording(createGraph, () => {
    const arrived = walk(list, start("backward", list, given), null, retainGraph);
    for (const [node, [gradient]] of arrived) {
      const { leaf } = node;
      if (leaf !== null && gradient) leaf.grad = leaf.grad === null ? gradient : add(leaf.grad, gradient);
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
  const { createGraph = false, retainGraph = createGraph } = options;
  const roots = asList(outputs);
  const given = options.cotangents === undefined ? undefined : asList(options.cotangents);
  const targets = inputs.map((input, i) => {
    if (input.node === null) {
      throw new GradientError({
        op: "gradients",
        message: `input ${i} does not require a gradient`,
        operands: [input],
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

function asList<T extends object | null>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
