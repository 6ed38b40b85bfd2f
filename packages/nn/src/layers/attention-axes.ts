import { ArgumentError, type Tensor } from "@gradiente/autograd";
import { showShape } from "../errors.ts";
import type { BatchShape } from "../module.ts";

/**
 * Attention along any axes of inputs (samples, …, features), brought back to that along one: the axes attended along become
 * the steps, the others, which are alike in query, value and key, go among the samples.
 */
export class AttentionAxes {
  /** The axes attended along, ascending. */
  readonly along: readonly number[];
  /** The others between samples and features. */
  readonly apart: readonly number[];

  /**
   * @param given counted from either end; null for all between samples and features.
   * @throws {ArgumentError} for axes that are not between samples and features.
   */
  constructor(op: string, given: readonly number[] | null, rank: number) {
    const between = Array.from({ length: Math.max(0, rank - 2) }, (_, i) => i + 1);
    const along = given === null ? between : given.map((axis) => (axis < 0 ? rank + axis : axis));
    if (along.length === 0 || new Set(along).size < along.length || along.some((axis) => !between.includes(axis))) {
      throw new ArgumentError({
        op,
        message: `attentionAxes is ${JSON.stringify(given)}, but inputs of rank ${rank} can be attended along ${JSON.stringify(between)}`,
        hint: "axis 0 is that of the samples, the last one that of the features",
      });
    }
    this.along = along;
    this.apart = between.filter((axis) => !along.includes(axis));
  }

  /** Lengths of the axes that are not attended along, which all inputs must share. @throws {ArgumentError} */
  check(op: string, shapes: readonly BatchShape[]): void {
    const lengths = shapes.map((shape) => this.apart.map((axis) => shape[axis]));
    const differs = lengths.findIndex((own) => own.some((n, i) => n !== lengths[0]![i]));
    if (differs < 0) return;
    throw new ArgumentError({
      op,
      message: `inputs have shapes ${shapes.map(showShape).join(" and ")}, which differ in axes that are not attended along`,
      hint: `attentionAxes is [${this.along.join(", ")}]`,
    });
  }

  /** (samples, steps, features) of a shape; null where a length is open. */
  foldedShape(shape: BatchShape): BatchShape {
    const product = (axes: readonly number[]): number | null =>
      axes.reduce<number | null>((n, axis) => (n === null || shape[axis] === null ? null : n * shape[axis]!), 1);
    return [null, product(this.along), shape.at(-1)!];
  }

  /** x as (samples · others, steps, features). */
  fold(x: Tensor): Tensor {
    const last = x.rank - 1;
    const count = (axes: readonly number[]): number => axes.reduce((n, axis) => n * x.shape[axis]!, 1);
    return x
      .permute([0, ...this.apart, ...this.along, last])
      .reshape([x.shape[0]! * count(this.apart), count(this.along), x.shape[last]!]);
  }

  /** The output for a folded query, with its axes where those of `query` are. */
  unfold(output: Tensor, query: readonly number[]): Tensor {
    const order = [0, ...this.apart, ...this.along];
    const lengths = output.shape.slice(2);
    const open = output.reshape([...order.map((axis) => query[axis]!), ...lengths]);
    const back = order.map((_, axis) => order.indexOf(axis));
    return open.permute([...back, ...lengths.map((_, i) => order.length + i)]);
  }

  /** Scores (samples, others, heads, queries' axes, keys' axes). */
  unfoldScores(scores: Tensor, query: readonly number[], value: readonly number[]): Tensor {
    return scores.reshape(this.scoresShape(scores.shape[1]!, query, value) as readonly number[]);
  }

  scoresShape(heads: number, query: BatchShape, value: BatchShape): BatchShape {
    const lengths = (shape: BatchShape, axes: readonly number[]) => axes.map((axis) => shape[axis]!);
    return [
      query[0]!,
      ...lengths(query, this.apart),
      heads,
      ...lengths(query, this.along),
      ...lengths(value, this.along),
    ];
  }

  /** A mask (samples, queries' axes, keys' axes) for folded inputs. @throws {ArgumentError} for one of another shape. */
  foldMask(op: string, mask: Tensor, query: readonly number[], value: readonly number[]): Tensor {
    const lengths = (shape: readonly number[]) => this.along.map((axis) => shape[axis]!);
    const [queries, keys] = [lengths(query), lengths(value)];
    const others = this.apart.map((axis) => query[axis]!);
    const shape = [query[0]!, ...queries, ...keys];
    if (mask.shape.join() !== shape.join()) {
      throw new ArgumentError({
        op,
        message: `attentionMask has shape ${showShape(mask.shape)}, expected ${showShape(shape)}`,
        hint: "(samples, the queries' axes, the keys' axes)",
      });
    }
    const size = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);
    const [count, pairs] = [size(others), [size(queries), size(keys)] as const];
    return mask
      .reshape([query[0]!, 1, ...pairs])
      .broadcastTo([query[0]!, count, ...pairs])
      .reshape([query[0]! * count, ...pairs]);
  }
}
