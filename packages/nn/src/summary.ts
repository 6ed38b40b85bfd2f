import { showShape } from "./errors.ts";
import type { Layer } from "./module.ts";

/** One row of a summary. */
export interface SummaryRow {
  readonly name: string;
  readonly type: string;
  readonly outputShape: string;
  readonly params: number;
}

const lineLength = 65;
const columns = [29, 55, 65];

/** A model's table as Keras prints it, with a frame around every layer. */
export function summaryTable(
  model: string,
  layers: readonly Layer[],
  counts: { total: number; trainable: number },
): string {
  const rows = layers.map((layer) => {
    const shape = layer.outputShape;
    return row([
      `${layer.name} (${layer.className})`,
      shape === null ? "?" : showShape(shape),
      String(layer.countParams()),
    ]);
  });
  const line = "_".repeat(lineLength);
  const double = "=".repeat(lineLength);
  return [
    `Model: "${model}"`,
    line,
    row(["Layer (type)", "Output Shape", "Param #"]),
    double,
    ...rows.flatMap((text, i) => (i === rows.length - 1 ? [text] : [text, line])),
    double,
    `Total params: ${grouped(counts.total)}`,
    `Trainable params: ${grouped(counts.trainable)}`,
    `Non-trainable params: ${grouped(counts.total - counts.trainable)}`,
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

/** The table of Keras 3, drawn with boxes. */
export function boxedTable(
  model: string,
  layers: readonly Layer[],
  counts: { total: number; trainable: number },
): string {
  const body = layers.map((layer) => {
    const shape = layer.outputShape;
    return [
      `${layer.name} (${layer.className})`,
      shape === null ? "?" : showShape(shape),
      grouped(layer.countParams()),
    ];
  });
  const widths = [33, 24, 15];
  const cells = (fields: readonly string[], edge: string) =>
    edge +
    fields
      .map((f, i) =>
        i === 2 && f !== "Param #"
          ? ` ${f.padStart(widths[i]! - 2)} `
          : ` ${i === 2 ? f.padStart(widths[i]! - 2) : f.slice(0, widths[i]! - 2).padEnd(widths[i]! - 2)} `,
      )
      .join(edge === "┃" ? "┃" : "│") +
    edge;
  const rule = (left: string, middle: string, right: string, dash: string) =>
    left + widths.map((w) => dash.repeat(w)).join(middle) + right;
  const size = (n: number) => `${grouped(n)} (${bytes(n * 4)})`;
  return [
    `Model: "${model}"`,
    rule("┏", "┳", "┓", "━"),
    cells(["Layer (type)", "Output Shape", "Param #"], "┃"),
    rule("┡", "╇", "┩", "━"),
    ...body.flatMap((fields, i) => [...(i > 0 ? [rule("├", "┼", "┤", "─")] : []), cells(fields, "│")]),
    rule("└", "┴", "┘", "─"),
    ` Total params: ${size(counts.total)}`,
    ` Trainable params: ${size(counts.trainable)}`,
    ` Non-trainable params: ${size(counts.total - counts.trainable)}`,
  ].join("\n");
}

function bytes(n: number): string {
  if (n < 1024) return `${n.toFixed(2)} B`;
  return n < 1024 ** 2 ? `${(n / 1024).toFixed(2)} KB` : `${(n / 1024 ** 2).toFixed(2)} MB`;
}
