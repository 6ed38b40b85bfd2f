import { describe, unknownOption } from "../errors.ts";
import type { Node } from "../tape.ts";
import type { Tensor } from "../tensor.ts";

/** How {@link printGraph} writes: lines for reading, or Graphviz' language. */
export type GraphFormat = "text" | "dot";

/**
 * The recorded operations that made a tensor, earliest first.
 *
 * @param options.format default: `"text"`.
 *
 * @example
 * ```ts
 * printGraph(tensor([1, 2], { requiresGrad: true }).exp()); // "#1 leaf float32[2]\n#2 exp float32[2] ← #1"
 * ```
 */
export function printGraph(x: Tensor, { format = "text" }: { readonly format?: GraphFormat } = {}): string {
  if (format !== "text" && format !== "dot") throw unknownOption("printGraph", "format", format, ["text", "dot"]);
  const seen = new Set<Node>();
  const stack = x.node === null ? [] : [x.node];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const parent of node.parents) if (parent !== null) stack.push(parent);
  }
  const nodes = [...seen].sort((a, b) => a.sequence - b.sequence);
  const numbers = new Map(nodes.map((node, i) => [node, i + 1]));
  const label = (node: Node): string => {
    const shapes = node.outputShapes.map((shape, i) => describe({ shape, dtype: node.outputDTypes[i]! }));
    return `${node.name} ${shapes.join(", ")}`;
  };
  const sources = (node: Node): number[] => node.parents.flatMap((p) => (p === null ? [] : [numbers.get(p)!]));
  if (format === "text") {
    const arrow = (list: number[]): string => (list.length > 0 ? ` ← ${list.map((n) => `#${n}`).join(", ")}` : "");
    return nodes.map((node) => `#${numbers.get(node)} ${label(node)}${arrow(sources(node))}`).join("\n");
  }
  const lines = nodes.flatMap((node) => [
    `  n${numbers.get(node)} [label=${JSON.stringify(label(node))}];`,
    ...sources(node).map((n) => `  n${n} -> n${numbers.get(node)};`),
  ]);
  return `digraph {\n${lines.join("\n")}\n}`;
}
