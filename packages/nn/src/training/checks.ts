import { DataError, LayerInputError, showShape } from "../errors.ts";
import { FunctionLoss, SparseCategoricalCrossentropy } from "../losses/losses.ts";
import type { BatchShape } from "../module.ts";
import type { Compiled } from "./compiled.ts";
import type { Column } from "./data.ts";

/** @throws {LayerInputError} when samples of this shape are not what the model was built for. */
export function checkInputShape(layer: string, expected: BatchShape, given: readonly number[]): void {
  const fits = expected.length === given.length && expected.every((n, i) => i === 0 || n === null || n === given[i]);
  if (!fits) throw new LayerInputError(layer, showShape(expected), given);
}

/** Losses whose targets are class numbers, or sequences of them. */
const takesLabels: ReadonlySet<string> = new Set(["CategoricalGeneralizedCrossEntropy", "Circle", "CTC"]);

/** Fails for targets that do not fit the losses, before any step is taken. */
export function checkTargets(
  op: string,
  compiled: Compiled,
  y: readonly Column[],
  outputs: readonly BatchShape[],
): void {
  if (y.length !== outputs.length) {
    throw new DataError({
      op,
      message: `the model has ${outputs.length} output${outputs.length === 1 ? "" : "s"}, but targets for ${y.length} were given`,
    });
  }
  compiled.losses.forEach((loss, i) => {
    const [column, output] = [y[i]!, outputs[i]!];
    if (loss instanceof SparseCategoricalCrossentropy)
      checkLabels(op, column, output, loss.settings.ignoreClass ?? null);
    else if (binary.has(loss.className)) checkBinary(op, loss.className, column, output);
    else if (loss instanceof FunctionLoss && loss.constructor !== FunctionLoss && !takesLabels.has(loss.className))
      checkShape(op, loss.className, column, output);
  });
}

const binary: ReadonlySet<string> = new Set(["BinaryCrossentropy", "BinaryFocalCrossentropy"]);

/** Targets are probabilities: with others this loss has no bottom. */
function checkBinary(op: string, loss: string, y: Column, output: BatchShape): void {
  checkShape(op, loss, y, output);
  const at = y.data.findIndex((target) => !(target >= 0 && target <= 1));
  if (at < 0) return;
  throw new DataError({
    op,
    message: `target ${y.data[at]} of sample ${Math.floor(at / Math.max(1, y.row))} is not from 0 to 1, as ${loss} takes them`,
    hint: "for more than two classes use sparse_categorical_crossentropy, with one output for each",
  });
}

/** Labels must be the numbers of classes. */
function checkLabels(op: string, y: Column, output: BatchShape, ignored: number | null): void {
  const classes = output.at(-1)!;
  const trailing = y.shape.length === output.length && y.shape.at(-1) === 1;
  if ((trailing ? y.shape.length - 1 : y.shape.length) !== output.length - 1) {
    throw new DataError({
      op,
      message: `targets of shape ${showShape(y.shape)} do not fit the output ${showShape(output)}: sparse_categorical_crossentropy takes one class number per prediction`,
      ...(y.shape.length === output.length ? { hint: "for one-hot targets use categorical_crossentropy" } : {}),
    });
  }
  for (let i = 0; i < y.data.length; i++) {
    const label = y.data[i]!;
    if (label === ignored || (Number.isInteger(label) && label >= 0 && label < classes)) continue;
    throw new DataError({
      op,
      message: `label ${label} of sample ${Math.floor(i / Math.max(1, y.row))} is not one of the model's ${classes} classes`,
      hint: `labels are whole numbers from 0 to ${classes - 1}`,
    });
  }
}

function checkShape(op: string, loss: string, y: Column, output: BatchShape): void {
  const bare = (shape: readonly (number | null)[]) =>
    shape.at(-1) === 1 && shape.length > 1 ? shape.slice(1, -1) : shape.slice(1);
  const [a, b] = [bare(y.shape), bare(output)];
  if (a.length === b.length && a.every((n, i) => b[i] === null || n === b[i])) return;
  throw new DataError({
    op,
    message: `targets of shape ${showShape(y.shape)} do not fit the output ${showShape(output)} under ${loss}`,
  });
}
