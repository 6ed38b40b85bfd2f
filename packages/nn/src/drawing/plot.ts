import { ArgumentError } from "@gradiente/autograd";
import type { Model } from "../model.ts";
import { nodeModule } from "../node.ts";
import { checkOptionNames } from "../option-checks.ts";
import { type DrawingOptions, drawingNames } from "./svg.ts";

/**
 * Writes a drawing of a model to a file: `.svg`, or `.dot` for Graphviz. The file appears at once, whole.
 * @throws {ArgumentError} for another ending.
 * @throws {NotReadyError} before the model is built.
 */
export async function plotModel(model: Model, path: string, options: DrawingOptions = {}): Promise<void> {
  checkOptionNames("plotModel", options, drawingNames);
  const { writeAtomically } = await import("@gradiente/autograd/files");
  const { writeFile } = nodeModule("node:fs/promises");
  const ending = /\.(svg|dot)$/.exec(path)?.[1];
  if (ending === undefined) {
    throw new ArgumentError({ op: "plotModel", message: `"${path}" does not end in .svg or .dot` });
  }
  const text = ending === "svg" ? model.toSVG(options) : model.toDot(options);
  await writeAtomically(path, (temporary) => writeFile(temporary, text));
}
