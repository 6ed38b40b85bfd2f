import { showShape } from "../errors.ts";
import type { Layer } from "../module.ts";
import { grouped } from "../summary.ts";
import { type GraphNode, isNested, type ModelGraph } from "./graph.ts";
import { layOut, type Point, type Route } from "./layout.ts";

/** Options of drawings of models. */
export interface DrawingOptions {
  /** Whether models within the model are drawn with their layers. Default: true. */
  readonly expandNested?: boolean;
  /** Whether boxes state the shapes of what layers give. Default: true. */
  readonly showShapes?: boolean;
  /** Whether boxes state numbers of parameters. Default: true. */
  readonly showParams?: boolean;
}

export const drawingNames: readonly (keyof DrawingOptions)[] = ["expandNested", "showShapes", "showParams"];

/** What a family of layers is coloured with: the strip of its boxes. */
const families: readonly (readonly [RegExp, string])[] = [
  [/^InputLayer$/, "#64748b"],
  [/Conv/, "#0f766e"],
  [/Pooling|Cropping|ZeroPadding|UpSampling|Resizing|CenterCrop/, "#65a30d"],
  [/RNN|LSTM|GRU|Bidirectional|TimeDistributed/, "#7c3aed"],
  [/Attention/, "#c026d3"],
  [/Embedding|Masking|Encoding|Lookup|Discretization/, "#b45309"],
  [/Normalization|Rescaling/, "#0891b2"],
  [/Dropout|Noise|Random|Regularization/, "#a8a29e"],
  [/^(Add|Subtract|Multiply|Average|Maximum|Minimum|Concatenate|Dot)$/, "#ea580c"],
  [/Dense/, "#2563eb"],
  [/Activation|ReLU|ELU|Softmax/, "#dc2626"],
];

const ink = { name: "#0f172a", detail: "#475569", edge: "#64748b", frame: "#cbd5e1" } as const;
const size = { name: 13, detail: 11.5, pad: 12, strip: 5, line: 17, margin: 16, title: 22 } as const;

function colourOf(className: string): string {
  return families.find(([pattern]) => pattern.test(className))?.[1] ?? "#475569";
}

/** The width of a text, on the safe side for common sans-serif fonts. */
function widthOf(text: string, fontSize: number): number {
  let width = 0;
  for (const letter of text)
    width += /[iljtfrI.,:;()[\]|' ]/.test(letter) ? 0.36 : /[mwMW@]/.test(letter) ? 0.92 : 0.62;
  return width * fontSize;
}

/** Something drawn, with its size; placed by moving it. */
interface Picture {
  readonly width: number;
  readonly height: number;
  readonly draw: (at: Point) => string;
}

const round = (n: number): string => String(Math.round(n * 10) / 10);

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function text(at: Point, content: string, fontSize: number, fill: string, more = ""): string {
  return `<text x="${round(at.x)}" y="${round(at.y)}" font-size="${fontSize}" fill="${fill}"${more}>${escape(content)}</text>`;
}

/** What a box says of a layer beside its name. */
function detailsOf(node: GraphNode, options: DrawingOptions): readonly string[] {
  const { layer, shapes } = node;
  const config = layer.getConfig();
  const activation = typeof config.activation === "string" && config.activation !== "linear" ? config.activation : null;
  const kind =
    activation === null || layer.className === "Activation" ? layer.className : `${layer.className} · ${activation}`;
  const shown = (options.showShapes ?? true) ? shapes.map(showShape) : [];
  const count = layer.countParams();
  const frozen = !layer.trainable && count > 0 ? ", frozen" : "";
  const params = (options.showParams ?? true) && count > 0 ? [`${grouped(count)} parameters${frozen}`] : [];
  return [kind, ...shown, ...params];
}

/** A box for one use of a layer. */
function boxOf(node: GraphNode, use: number, options: DrawingOptions): Picture {
  const { layer } = node;
  const name = use === 0 ? layer.name : `${layer.name} (shared)`;
  const details = detailsOf(node, options);
  const inner = Math.max(widthOf(name, size.name) * 1.06, ...details.map((d) => widthOf(d, size.detail)));
  const width = Math.max(120, Math.ceil(inner + 2 * size.pad + size.strip));
  const height = size.pad * 1.5 + size.line * (details.length + 1);
  return {
    width,
    height,
    draw: ({ x, y }) => {
      const left = x + size.strip + size.pad;
      const dashes = use === 0 ? "" : ' stroke-dasharray="5 3"';
      return [
        `<rect x="${round(x)}" y="${round(y)}" width="${width}" height="${round(height)}" rx="6" fill="#ffffff" stroke="${ink.frame}"${dashes}/>`,
        `<path d="M${round(x + size.strip)} ${round(y)}h-0.5a5.5 5.5 0 0 0-4.5 6v${round(height - 12)}a5.5 5.5 0 0 0 4.5 6h0.5z" fill="${colourOf(layer.className)}"/>`,
        text({ x: left, y: y + size.pad + 8 }, name, size.name, ink.name, ' font-weight="600"'),
        ...details.map((d, i) =>
          text({ x: left, y: y + size.pad + 8 + size.line * (i + 1) }, d, size.detail, ink.detail),
        ),
      ].join("\n");
    },
  };
}

/** A curve along a route: straight through layers, bending between them. */
function curve({ points }: Route, at: Point): string {
  const move = (p: Point): Point => ({ x: p.x + at.x, y: p.y + at.y });
  const [first, ...rest] = points.map(move) as [Point, ...Point[]];
  let path = `M${round(first.x)} ${round(first.y)}`;
  let last = first;
  for (const p of rest) {
    // An arrow at the end of a piece without length would point anywhere.
    if (round(p.x) === round(last.x) && round(p.y) === round(last.y)) continue;
    const middle = (last.y + p.y) / 2;
    if (round(p.x) === round(last.x)) path += `V${round(p.y)}`;
    else path += `C${round(last.x)} ${round(middle)} ${round(p.x)} ${round(middle)} ${round(p.x)} ${round(p.y)}`;
    last = p;
  }
  return `<path d="${path}" fill="none" stroke="${ink.edge}" stroke-width="1.4" marker-end="url(#arrow)"/>`;
}

/** A graph of boxes, nested models as frames around graphs of their own. */
function pictureOf({ nodes }: ModelGraph, options: DrawingOptions): Picture {
  const uses = new Map<Layer, number>();
  const pictures = nodes.map((node) => {
    const use = uses.get(node.layer) ?? 0;
    uses.set(node.layer, use + 1);
    const expanded = isNested(node.layer) && (options.expandNested ?? true) && node.layer.graph().nodes.length > 0;
    return expanded && isNested(node.layer)
      ? frameOf(node.layer, node.layer.graph(), use, options)
      : boxOf(node, use, options);
  });
  const layout = layOut(nodes.map(({ from }, i) => ({ ...pictures[i]!, from })));
  return {
    width: layout.width,
    height: layout.height,
    draw: (at) =>
      [
        ...layout.routes.map((route) => curve(route, at)),
        ...pictures.map((p, i) => p.draw({ x: at.x + layout.corners[i]!.x, y: at.y + layout.corners[i]!.y })),
      ].join("\n"),
  };
}

/** A nested model: its layers in a frame with its name. */
function frameOf(model: Layer, graph: ModelGraph, use: number, options: DrawingOptions): Picture {
  const inner = pictureOf(graph, options);
  const title = `${model.name} (${model.className})${use === 0 ? "" : ", shared"}`;
  const width = Math.max(inner.width, widthOf(title, size.name)) + 2 * size.margin;
  const height = inner.height + 2 * size.margin + size.title;
  return {
    width,
    height,
    draw: ({ x, y }) =>
      [
        `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="10" fill="#f1f5f9" stroke="${ink.frame}"/>`,
        text({ x: x + size.margin, y: y + size.margin + 5 }, title, size.name, ink.name, ' font-weight="600"'),
        inner.draw({ x: x + (width - inner.width) / 2, y: y + size.margin + size.title }),
      ].join("\n"),
  };
}

/** A drawing of a model as text of an SVG image. */
export function svgOf(name: string, graph: ModelGraph, options: DrawingOptions = {}): string {
  const picture = pictureOf(graph, options);
  const width = Math.max(picture.width, widthOf(name, 15)) + 2 * size.margin;
  const height = picture.height + 2 * size.margin + size.title;
  const left = (width - picture.width) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">
<title>${escape(name)}</title>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.6L8 4L0 7.4z" fill="${ink.edge}"/></marker></defs>
<rect width="100%" height="100%" fill="#ffffff"/>
${text({ x: size.margin, y: size.margin + 8 }, name, 15, ink.name, ' font-weight="700"')}
${picture.draw({ x: left, y: size.margin + size.title })}
</svg>
`;
}
