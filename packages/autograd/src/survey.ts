import type { Node } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

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

/** What lies between roots and targets. */
interface Survey {
  /** Every node the roots depend on, each after those it was made from. */
  readonly nodes: readonly Node[];
  /** Tells this pass from those under way around it. */
  readonly pass: number;
  /** Whether the roots also depend on recorded values other than through the targets. */
  readonly dependsOnOthers: boolean;
}

let passes = 0;

/**
 * Visits the nodes that `roots` depend on, depth first and without recursion, leaving out those older than all targets.
 * Every node in the result bears a {@link Visit} until {@link leave}.
 * @param targets nodes whose cotangents are wanted; null for every leaf.
 */
export function survey(roots: readonly Tensor[], targets: ReadonlySet<Node> | null): Survey {
  const pass = ++passes;
  const nodes: Node[] = [];
  const stack: Node[] = [];
  let oldest = targets === null ? 0 : Number.POSITIVE_INFINITY;
  for (const target of targets ?? []) oldest = Math.min(oldest, target.sequence);
  let dependsOnOthers = false;

  const enter = (node: Node): void => {
    if (node.visit?.pass === pass) return;
    if (node.sequence < oldest) {
      dependsOnOthers = true;
      return;
    }
    node.visit = { pass, outer: node.visit, followed: 0, isTarget: false, onPath: false, cotangents: null };
    stack.push(node);
  };
  for (const root of roots) {
    if (root.node !== null) enter(root.node);
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!;
      const { parents } = node;
      const visit = node.visit!;
      if (visit.followed < parents.length) {
        const parent = parents[visit.followed++]!;
        if (parent !== null) enter(parent);
        continue;
      }
      stack.pop();
      nodes.push(node);
      let hasParents = false;
      for (let i = 0; i < parents.length; i++) {
        const parent = parents[i]!;
        if (parent === null) continue;
        hasParents = true;
        if (leads(parent, pass)) visit.onPath = true;
      }
      visit.isTarget = targets === null ? node.leaf !== null : targets.has(node);
      // What a target was itself made from lies outside, unless another target is reached through it.
      if (visit.isTarget ? hasParents : !visit.onPath && node.leaf !== null) dependsOnOthers = true;
      visit.onPath ||= visit.isTarget;
    }
  }
  return { nodes, pass, dependsOnOthers };
}

/** Whether a node is a target of the pass, or was made from one. */
export function leads(node: Node, pass: number): boolean {
  const { visit } = node;
  return visit !== null && visit.pass === pass && visit.onPath;
}

export function leave(nodes: readonly Node[]): void {
  for (let i = 0; i < nodes.length; i++) nodes[i]!.visit = nodes[i]!.visit!.outer;
}

/** Whether `roots` depend on recorded values other than through `targets`. */
export function dependsOnOthers(roots: readonly Tensor[], targets: readonly Tensor[]): boolean {
  const { nodes, dependsOnOthers } = survey(roots, new Set(targets.map((t) => t.node!)));
  leave(nodes);
  return dependsOnOthers;
}
