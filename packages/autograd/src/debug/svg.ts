import { type Box, layeredLayout, type Point } from "./layout.ts";

/** A node of a drawing: a title, a line below it, and what kind it is. */
export interface Drawn {
  readonly title: string;
  readonly detail: string;
  readonly kind: "leaf" | "operation" | "result";
}

const fontSize = 12;
/** Of the monospaced fonts that are asked for, most are 0.6 wide. */
const characterWidth = 0.62 * fontSize;
const padding = 12;
const boxHeight = 44;

const fills: Readonly<Record<Drawn["kind"], { fill: string; stroke: string }>> = {
  leaf: { fill: "#e7f3ea", stroke: "#4f9d69" },
  operation: { fill: "#eef2fb", stroke: "#6f8fcf" },
  result: { fill: "#fdf0e3", stroke: "#d98a3d" },
};

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** A curve through points, vertical at each. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points as [Point, ...Point[]];
  let [path, from] = [`M${first.x},${first.y}`, first];
  for (const to of rest) {
    const half = (from.y + to.y) / 2;
    path += from.x === to.x ? `L${to.x},${to.y}` : `C${from.x},${half} ${to.x},${half} ${to.x},${to.y}`;
    from = to;
  }
  return path;
}

/** A graph as an SVG document that needs nothing else: no fonts, no scripts, no style sheets. */
export function drawSvg(name: string, nodes: readonly Drawn[], edges: readonly (readonly [number, number])[]): string {
  const boxes = nodes.map(({ title, detail }): Box => {
    const length = Math.max(title.length, detail.length);
    return { width: Math.ceil(length * characterWidth) + 2 * padding, height: boxHeight };
  });
  const { width, height, centres, routes } = layeredLayout(boxes, edges);
  const margin = 16;
  const [w, h] = [Math.ceil(width) + 2 * margin, Math.ceil(height) + 2 * margin];
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="${-margin} ${-margin} ${w} ${h}" role="img">`,
    `<title>${escaped(name)}</title>`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
    '<path d="M0,0.5L8,4L0,7.5Z" fill="#7a8194"/></marker></defs>',
    `<rect x="${-margin}" y="${-margin}" width="${w}" height="${h}" fill="#ffffff"/>`,
    '<g fill="none" stroke="#9aa1b3" stroke-width="1.3">',
    ...routes.map((points) => `<path d="${curve(points)}" marker-end="url(#arrow)"/>`),
    "</g>",
    `<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${fontSize}" text-anchor="middle">`,
  ];
  for (const [i, { title, detail, kind }] of nodes.entries()) {
    const [{ x, y }, box, { fill, stroke }] = [centres[i]!, boxes[i]!, fills[kind]];
    const corner = `x="${x - box.width / 2}" y="${y - box.height / 2}" width="${box.width}" height="${box.height}"`;
    lines.push(
      `<rect ${corner} rx="8" fill="${fill}" stroke="${stroke}" stroke-width="1.3"/>`,
      `<text x="${x}" y="${y - 4}" font-weight="700" fill="#1f2533">${escaped(title)}</text>`,
      `<text x="${x}" y="${y + 13}" font-size="${fontSize - 1}" fill="#5a6274">${escaped(detail)}</text>`,
    );
  }
  return `${[...lines, "</g>", "</svg>"].join("\n")}\n`;
}
