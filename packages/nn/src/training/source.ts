import type { Generator, Tensor, TensorLike } from "@gradiente/autograd";
import { DataError } from "../errors.ts";
import {
  type Arrays,
  type Batch,
  type BatchIterable,
  type BatchLike,
  type Column,
  checkFinite,
  columnOf,
  columnsOf,
  gather,
  isBatchIterable,
  part,
  sampleCount,
} from "./data.ts";

/** Where batches come from: read once per epoch. */
export interface Source {
  /** Number of batches in an epoch; null while it is not known. */
  readonly steps: number | null;
  /** The batches of an epoch, in random order where a generator is given. */
  batches(shuffle: Generator | null): AsyncIterable<Batch> | Iterable<Batch>;
  /** The first batch's columns, or all of them, to check before training; null for a data set. */
  readonly columns: { readonly x: readonly Column[]; readonly y: readonly Column[] } | null;
}

/** Weights by class number: `{ 0: 1, 1: 5 }`. */
export type ClassWeight = { readonly [label: number]: number };

/** Samples held in arrays. */
export class ArraySource implements Source {
  readonly x: readonly Column[];
  readonly y: readonly Column[];
  readonly weight: Column | null;
  readonly count: number;
  readonly batchSize: number;

  constructor(parts: {
    x: readonly Column[];
    y: readonly Column[];
    weight: Column | null;
    count: number;
    batchSize: number;
  }) {
    this.x = parts.x;
    this.y = parts.y;
    this.weight = parts.weight;
    this.count = parts.count;
    this.batchSize = parts.batchSize;
  }

  get steps(): number {
    return Math.ceil(this.count / this.batchSize);
  }

  get columns(): { readonly x: readonly Column[]; readonly y: readonly Column[] } {
    return { x: this.x, y: this.y };
  }

  *batches(shuffle: Generator | null): Generator2<Batch> {
    const order = shuffle === null ? null : shuffle.permutation(this.count);
    for (let start = 0; start < this.count; start += this.batchSize) {
      const stop = Math.min(start + this.batchSize, this.count);
      yield {
        x: this.x.map((c) => gather(c, order, start, stop)),
        y: this.y.map((c) => gather(c, order, start, stop)),
        sampleWeight: this.weight === null ? null : gather(this.weight, order, start, stop),
        size: stop - start,
      };
    }
  }

  /** The samples before and after `at`. */
  split(at: number): readonly [ArraySource, ArraySource] {
    const piece = (start: number, stop: number) =>
      new ArraySource({
        x: this.x.map((c) => part(c, start, stop)),
        y: this.y.map((c) => part(c, start, stop)),
        weight: this.weight === null ? null : part(this.weight, start, stop),
        count: stop - start,
        batchSize: this.batchSize,
      });
    return [piece(0, at), piece(at, this.count)];
  }
}

type Generator2<T> = globalThis.Generator<T, void, void>;

/** Batches of a data set. */
class IterableSource implements Source {
  readonly columns = null;
  steps: number | null;
  private readonly iterable: BatchIterable;
  private readonly op: string;
  private readonly limit: number | null;

  constructor(op: string, iterable: BatchIterable, limit: number | null) {
    this.op = op;
    this.iterable = iterable;
    this.limit = limit;
    this.steps = limit;
  }

  async *batches(): AsyncGenerator<Batch, void, void> {
    let count = 0;
    for await (const item of this.iterable) {
      yield batchOf(this.op, item);
      if (++count === this.limit) break;
    }
    if (count === 0) {
      throw new DataError({
        op: this.op,
        message: "the data set yielded no batches",
        hint: "it must be readable anew in every epoch",
      });
    }
    this.steps = count;
  }
}

/** A batch of a data set as tensors. @throws {DataError} when counts differ or there is NaN. */
export function batchOf(op: string, { x, y, sampleWeight }: BatchLike): Batch {
  const xs = columnsOf(op, "x", x);
  const ys = y === undefined ? [] : columnsOf(op, "y", y);
  const named = [...xs.map((c) => ["x", c] as const), ...ys.map((c) => ["y", c] as const)];
  const size = sampleCount(op, named);
  for (const [name, column] of named) checkFinite(op, name, column);
  const whole = (c: Column): Tensor => gather(c, null, 0, size);
  return {
    x: xs.map(whole),
    y: ys.map(whole),
    sampleWeight: sampleWeight === undefined ? null : whole(columnOf(op, "sampleWeight", sampleWeight)),
    size,
  };
}

/** Options of {@link sourceOf}. */
export interface SourceOptions {
  readonly batchSize: number;
  readonly sampleWeight?: TensorLike | undefined;
  readonly classWeight?: ClassWeight | undefined;
  readonly steps?: number | undefined;
}

/** The source behind what `fit`, `evaluate` or `predict` was given. */
export function sourceOf(op: string, x: Arrays | BatchIterable, y: Arrays | undefined, options: SourceOptions): Source {
  if (!Number.isInteger(options.batchSize) || options.batchSize < 1) {
    throw new DataError({ op, message: `batchSize is ${options.batchSize}, expected a positive whole number` });
  }
  if (isBatchIterable(x)) return new IterableSource(op, x, options.steps ?? null);
  const xs = columnsOf(op, "x", x);
  const ys = y === undefined ? [] : columnsOf(op, "y", y);
  const given = options.sampleWeight === undefined ? null : columnOf(op, "sampleWeight", options.sampleWeight);
  const weight = options.classWeight === undefined ? given : weightsByClass(op, ys[0], options.classWeight, given);
  const named = [
    ...xs.map((c) => ["x", c] as const),
    ...ys.map((c) => ["y", c] as const),
    ...(weight === null ? [] : [["sampleWeight", weight] as const]),
  ];
  const count = sampleCount(op, named);
  for (const [name, column] of named) checkFinite(op, name, column);
  return new ArraySource({ x: xs, y: ys, weight, count, batchSize: options.batchSize });
}

function weightsByClass(op: string, y: Column | undefined, classWeight: ClassWeight, given: Column | null): Column {
  if (y === undefined) throw new DataError({ op, message: "classWeight needs targets" });
  const count = y.shape[0]!;
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let label = y.data[i * y.row]!;
    if (y.row > 1) {
      let best = 0;
      for (let k = 1; k < y.row; k++) if (y.data[i * y.row + k]! > y.data[i * y.row + best]!) best = k;
      label = best;
    }
    data[i] = (classWeight[label] ?? 1) * (given === null ? 1 : given.data[i]!);
  }
  return { data, shape: [count], dtype: "float32", row: 1 };
}
