import { checkOptions, describe, unknownOption } from "../errors.ts";
import type { Node } from "../tape.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import { drawSvg } from "./svg.ts";

const formats = ["text", "dot", "svg"] as const;

/** How {@link printGraph} writes: lines for reading, Graphviz' language, or a drawing. */
export type GraphFormat = (typeof formats)[number];

/**
 * The recorded operations that made a tensor, earliest first.
 *
 * @param options.format `"text"`; `"dot"`, for Graphviz; or `"svg"`, a drawing that needs nothing else to be shown.
 *   Default: `"text"`.
 * @returns what to print or to write to a file; `printGraph` itself prints nothing.
 * @throws {ArgumentError} for what is no tensor, and for another format.
 *
 * @example
 * ```ts
 * printGraph(tensor([1, 2], { requiresGrad: true }).exp()); // "#1 leaf float32[2]\n#2 exp float32[2] ← #1"
 * ```
 */
export function printGraph(x: Tensor, options: { readonly format?: GraphFormat } = {}): string {
  const { format = "text" } = checkOptions("printGraph", options, ["format"]);
  if (!formats.includes(format)) throw unknownOption("printGraph", "format", format, formats);
  tensorIn("printGraph", "the result", x);
  if (x.node === null && format === "text")
    return `nothing is recorded of ${describe(x)}: no input requires a gradient`;
  const seen = new Set<Node>();
  const stack = x.node === null ? [] : [x.node];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const parent of node.parents) if (parent !== null) stack.push(parent);
  }
  const nodes = [...seen].sort((a, b) => a.sequence - b.sequence);
  const places = new Map(nodes.map((node, i) => [node, i]));
  const outputs = (node: Node): string =>
    node.outputShapes.map((shape, i) => describe({ shape, dtype: node.outputDTypes[i]! })).join(", ");
  const sources = (node: Node): number[] => node.parents.flatMap((p) => (p === null ? [] : [places.get(p)!]));
  switch (format) {
    case "text": {
      const arrow = (list: number[]): string =>
        list.length > 0 ? ` ← ${list.map((n) => `#${n + 1}`).join(", ")}` : "";
      return nodes.map((node, i) => `#${i + 1} ${node.name} ${outputs(node)}${arrow(sources(node))}`).join("\n");
    }
    case "dot": {
      const lines = nodes.flatMap((node, i) => [
        `  n${i + 1} [label=${JSON.stringify(`${node.name} ${outputs(node)}`)}];`,
        ...sources(node).map((n) => `  n${n + 1} -> n${i + 1};`),
      ]);
      return `digraph {\n${lines.join("\n")}\n}`;
    }
    case "svg": {
      const drawn = nodes.map((node) => ({
        title: node.name,
        detail: outputs(node),
        kind: node === x.node ? ("result" as const) : node.leaf === null ? ("operation" as const) : ("leaf" as const),
      }));
      const edges = nodes.flatMap((node, i) => sources(node).map((from) => [from, i] as const));
      return drawSvg(`The operations that made ${describe(x)}`, drawn, edges);
    }
  }
}
