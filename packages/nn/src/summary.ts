import { showShape } from "./errors.ts";
import type { BatchShape, Layer } from "./module.ts";

/** What a summary says of a model. */
export interface SummaryFacts {
  readonly name: string;
  readonly layers: readonly Layer[];
  readonly total: number;
  readonly trainable: number;
  /** Numbers that the optimizer keeps; null before training. */
  readonly optimizer: number | null;
  /** What each layer is connected to, where that is more than the one before. */
  readonly connections: ReadonlyMap<Layer, readonly string[]> | null;
}

/** How Keras 3's table is written. */
export interface TableOptions {
  /** The width of the table. Default: 76, for a terminal of 80 columns. */
  readonly lineLength?: number;
  /** Whether layers of nested models are listed too. Default: false. */
  readonly expandNested?: boolean;
  /** Whether there is a column that says which layers are trainable. Default: false. */
  readonly showTrainable?: boolean;
}

const lineLength = 65;
const columns = [29, 55, 65];

/** A model's table as Keras 2 prints it, in the course. */
export function summaryTable({ name, layers, total, trainable }: SummaryFacts): string {
  const rows = layers.map((layer) =>
    row([`${layer.name} (${layer.className})`, shapeOf(layer), String(layer.countParams())]),
  );
  const line = "_".repeat(lineLength);
  const double = "=".repeat(lineLength);
  return [
    `Model: "${name}"`,
    line,
    row(["Layer (type)", "Output Shape", "Param #"]),
    double,
    ...rows.flatMap((text, i) => (i === rows.length - 1 ? [text] : [text, line])),
    double,
    `Total params: ${grouped(total)}`,
    `Trainable params: ${grouped(trainable)}`,
    `Non-trainable params: ${grouped(total - trainable)}`,
    line,
  ].join("\n");
}

function row(fields: readonly string[]): string {
  let line = "";
  fields.forEach((field, i) => {
    if (i > 0) line = `${line.slice(0, -1)} `;
    line = (line + field).slice(0, columns[i]!).padEnd(columns[i]!);
  });
  return line.trimEnd();
}

/** `266,610` */
export function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

function shapeOf(layer: Layer): string {
  const shapes: readonly BatchShape[] | null = layer.outputShapes;
  if (shapes === null) return "?";
  return shapes.length === 1 ? showShape(shapes[0]!) : `[${shapes.map(showShape).join(", ")}]`;
}

type Alignment = "left" | "right" | "center";

/** A column: its title, and where on the line it ends, as a fraction. */
interface Column {
  readonly title: string;
  readonly end: number;
  readonly align: Alignment;
}

/** The table of Keras 3, drawn with boxes. */
export function boxedTable(facts: SummaryFacts, options: TableOptions = {}): string {
  const { lineLength: width = 76, expandNested = false, showTrainable = false } = options;
  const { connections } = facts;
  const ends = connections === null ? [0.45, 0.8, 1] : [0.3, 0.56, 0.74, 1];
  const titles = ["Layer (type)", "Output Shape", "Param #", "Connected to"];
  const columns = ends.map(
    (end, i): Column => ({
      title: titles[i]!,
      end: showTrainable ? end * 0.9 : end,
      align: i === 2 ? "right" : "left",
    }),
  );
  if (showTrainable) columns.push({ title: "Trainable", end: 1, align: "center" });
  const fields = (layer: Layer, depth: number): readonly string[][] => {
    const prefix = depth === 0 ? "" : `${"   ".repeat(depth)}└ `;
    const own = [
      `${prefix}${layer.name} (${layer.className})`,
      shapeOf(layer),
      layer.built || layer.weights.length > 0 ? grouped(layer.countParams()) : "0 (unbuilt)",
    ];
    if (connections !== null) own.push(connections.get(layer)?.join(", ") || "-");
    if (showTrainable) own.push(layer.weights.length === 0 ? "-" : layer.trainable ? "Y" : "N");
    const inner = expandNested && "layers" in layer ? (layer.layers as readonly Layer[]) : [];
    return [own, ...inner.flatMap((l) => fields(l, depth + 1))];
  };
  const widths = widthsOf(columns, width);
  const body = facts.layers.flatMap((layer) => fields(layer, 0));
  const rule = (left: string, middle: string, right: string, dash: string) =>
    left + widths.map((w) => dash.repeat(w + 2)).join(middle) + right;
  const cells = (texts: readonly string[], edge: string): string[] => {
    const wrapped = texts.map((t, i) => wrap(t, widths[i]!));
    const height = Math.max(...wrapped.map((lines) => lines.length));
    return Array.from({ length: height }, (_, k) => {
      const line = wrapped.map((lines, i) => ` ${aligned(lines[k] ?? "", widths[i]!, columns[i]!.align)} `);
      return `${edge}${line.join(edge)}${edge}`;
    });
  };
  const size = (n: number) => `${grouped(n)} (${bytes(n * 4)})`;
  const frozen = facts.total - facts.trainable;
  return [
    `Model: "${facts.name}"`,
    rule("┏", "┳", "┓", "━"),
    ...cells(
      columns.map((c) => c.title),
      "┃",
    ),
    rule("┡", "╇", "┩", "━"),
    ...body.flatMap((texts, i) => [...(i > 0 ? [rule("├", "┼", "┤", "─")] : []), ...cells(texts, "│")]),
    rule("└", "┴", "┘", "─"),
    ` Total params: ${size(facts.total + (facts.optimizer ?? 0))}`,
    ` Trainable params: ${size(facts.trainable)}`,
    ` Non-trainable params: ${size(frozen)}`,
    ...(facts.optimizer === null ? [] : [` Optimizer params: ${size(facts.optimizer)}`]),
  ].join("\n");
}

/** Widths of what columns hold. The table that Keras uses takes what is too much off all of them equally, left to right. */
function widthsOf(columns: readonly Column[], width: number): readonly number[] {
  const bounds = columns.map(({ end }) => Math.floor(end * width));
  const wanted = bounds.map((end, i) => end - (bounds[i - 1] ?? 0) + 2);
  let excess = Math.max(0, wanted.reduce((a, b) => a + b, 0) - (width - columns.length - 1));
  return wanted.map((w, i) => {
    const share = halfToEven(excess / (columns.length - i));
    excess -= share;
    return Math.max(1, w - share - 2);
  });
}

function halfToEven(x: number): number {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2) : Math.round(x);
}

/** Words on lines of at most `width`; longer words are cut. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  const indent = /^ */.exec(text)![0];
  let line = indent;
  for (const word of text.slice(indent.length).split(" ")) {
    const joined = line.trim() === "" ? line + word : `${line} ${word}`;
    if (joined.length <= width || line.trim() === "") line = joined;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line].map((l) => (l.length > width ? `${l.slice(0, width - 1)}…` : l));
}

function aligned(text: string, width: number, align: Alignment): string {
  if (align === "left") return text.padEnd(width);
  if (align === "right") return text.padStart(width);
  return text.padStart(text.length + Math.floor((width - text.length) / 2)).padEnd(width);
}

function bytes(n: number): string {
  let size = n;
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (size < 1024) return `${size.toFixed(2)} ${unit}`;
    size /= 1024;
  }
  return `${size.toFixed(2)} TB`;
}
