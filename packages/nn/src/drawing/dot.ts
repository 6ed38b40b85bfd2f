import { showShape } from "../errors.ts";
import { isNested, type ModelGraph } from "./graph.ts";
import type { DrawingOptions } from "./svg.ts";

function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

/** A model in the language of Graphviz; nested models are clusters. */
export function dotOf(name: string, graph: ModelGraph, options: DrawingOptions = {}): string {
  const lines = [
    `digraph ${quote(name)} {`,
    "  compound=true;",
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
  ];
  /** Writes a graph, and gives the ends of each of its nodes: where edges arrive and leave. */
  const write = ({ nodes }: ModelGraph, path: string, indent: string): readonly (readonly [string, string])[] => {
    const ends: (readonly [string, string])[] = [];
    nodes.forEach((node, i) => {
      const id = `${path}_${i}`;
      const { layer } = node;
      const inner = isNested(layer) && (options.expandNested ?? true) ? layer.graph() : null;
      if (inner === null || inner.nodes.length === 0) {
        const shapes = (options.showShapes ?? true) ? node.shapes.map(showShape) : [];
        lines.push(`${indent}${id} [label=${quote([`${layer.name} (${layer.className})`, ...shapes].join("\n"))}];`);
        ends.push([id, id]);
        return;
      }
      lines.push(
        `${indent}subgraph cluster${id} {`,
        `${indent}  label=${quote(`${layer.name} (${layer.className})`)};`,
      );
      const own = write(inner, id, `${indent}  `);
      lines.push(`${indent}}`);
      ends.push([own[0]![0], own.at(-1)![1]]);
    });
    nodes.forEach(({ from }, i) => {
      for (const j of from) lines.push(`${indent}${ends[j]![1]} -> ${ends[i]![0]};`);
    });
    return ends;
  };
  write(graph, "n", "  ");
  return `${[...lines, "}"].join("\n")}\n`;
}
