import { DataError, showShape } from "../errors.ts";
import type { Loss } from "../losses/loss.ts";
import { FunctionLoss } from "../losses/losses.ts";
import type { BatchShape } from "../module.ts";
import { type Arrays, type Column, columnsOf } from "./data.ts";

/** Weights by class number: `{ 0: 1, 1: 5 }`. */
export type ClassWeight = { readonly [label: number]: number };

/**
 * The weights of the samples, from their own and their classes': none, one array for all outputs, or one for each.
 * @throws {DataError} when there are more arrays than outputs, or class weights for several.
 */
export function weightColumns(
  op: string,
  y: readonly Column[],
  sampleWeight: Arrays | undefined,
  classWeight: ClassWeight | undefined,
): readonly Column[] {
  const given = sampleWeight === undefined ? [] : columnsOf(op, "sampleWeight", sampleWeight);
  if (given.length > 1 && given.length !== y.length) {
    throw new DataError({ op, message: `sampleWeight has ${given.length} arrays for ${y.length} outputs` });
  }
  if (classWeight === undefined) return given;
  if (y.length !== 1) throw new DataError({ op, message: `classWeight needs one array of targets, not ${y.length}` });
  return [weightsByClass(op, y[0]!, classWeight, given[0] ?? null)];
}

/** Losses for one output whose targets are certain numbers. */
const targetsOf: Readonly<Record<string, readonly [least: number, most: number]>> = {
  BinaryCrossentropy: [0, 1],
  BinaryFocalCrossentropy: [0, 1],
  Hinge: [-1, 1],
  SquaredHinge: [-1, 1],
};

/** Losses of outputs that have no place for each class. */
const embeds: ReadonlySet<string> = new Set(["Circle", "CTC"]);

/**
 * Fails for weights of classes that a model's output does not have. What the only output of a regression is compared
 * with may be any number.
 * @throws {DataError} naming the class.
 */
export function checkClasses(op: string, classWeight: ClassWeight | undefined, loss: Loss, output: BatchShape): void {
  if (classWeight === undefined) return;
  if (!(loss instanceof FunctionLoss) || loss.constructor === FunctionLoss || embeds.has(loss.className)) return;
  const count = output.at(-1) ?? null;
  const range = count === null || count === 1 ? targetsOf[loss.className] : ([0, count - 1] as const);
  if (range === undefined) return;
  const [least, most] = range;
  const unknown = Object.keys(classWeight).find((label) => Number(label) < least || Number(label) > most);
  if (unknown === undefined) return;
  throw new DataError({
    op,
    message: `classWeight has a weight for class ${unknown}, which there is not`,
    hint: `the model's classes are ${least} to ${most}`,
  });
}

function weightsByClass(op: string, y: Column, classWeight: ClassWeight, given: Column | null): Column {
  for (const [label, weight] of Object.entries(classWeight)) {
    if (!/^(-1|0|[1-9]\d*)$/.test(label)) {
      throw new DataError({
        op,
        message: `classWeight has a weight for ${JSON.stringify(label)}, which is no class`,
        hint: "classes are whole numbers, such as { 0: 1, 1: 5 }",
      });
    }
    if (!(Number.isFinite(weight) && weight >= 0)) {
      throw new DataError({ op, message: `the weight of class ${label} is ${weight}, expected a number, 0 or more` });
    }
  }
  const count = y.shape[0]!;
  if (y.shape.length > 2) {
    throw new DataError({
      op,
      message: `classWeight needs one class for each sample, but targets have shape ${showShape(y.shape)}`,
      hint: "give the weights of single steps as sampleWeight",
    });
  }
  if (given !== null && given.shape[0] !== count) {
    throw new DataError({ op, message: `there are ${count} samples, but ${given.shape[0]} weights in sampleWeight` });
  }
  // Weights of steps stay weights of steps.
  const row = given?.row ?? 1;
  const data = new Float32Array(count * row);
  for (let i = 0; i < count; i++) {
    let label = y.data[i * y.row]!;
    if (y.row > 1) {
      let best = 0;
      for (let k = 1; k < y.row; k++) if (y.data[i * y.row + k]! > y.data[i * y.row + best]!) best = k;
      label = best;
    }
    const weight = classWeight[label] ?? 1;
    for (let k = i * row; k < (i + 1) * row; k++) data[k] = weight * (given === null ? 1 : given.data[k]!);
  }
  return { data, shape: given?.shape ?? [count], dtype: "float32", row };
}
