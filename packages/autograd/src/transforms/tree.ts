import { Tensor } from "../tensor.ts";

// Trees: tensors, arrays and plain objects of trees. Anything else is carried along unchanged.

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The tree with every tensor replaced, visited in order. */
export function mapTree<T>(tree: T, f: (x: Tensor) => Tensor): T {
  if (tree instanceof Tensor) return f(tree) as T;
  if (Array.isArray(tree)) return tree.map((part) => mapTree(part, f)) as T;
  if (!isPlain(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, mapTree(part, f)])) as T;
}

/** The tensors of a tree, in order. */
export function leavesOf(tree: unknown): Tensor[] {
  const leaves: Tensor[] = [];
  mapTree(tree, (x) => {
    leaves.push(x);
    return x;
  });
  return leaves;
}
