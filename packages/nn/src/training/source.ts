import { Generator, type GeneratorState, type Tensor, tensor } from "@gradiente/autograd";
import { Workspace } from "@gradiente/autograd/extend";
import { DataError } from "../errors.ts";
import { Fields, misfit, restoreGenerator, type State } from "../state.ts";
import {
  type Arrays,
  type Batch,
  type BatchIterable,
  type BatchLike,
  type Column,
  checkFinite,
  columnsOf,
  gather,
  isBatchIterable,
  part,
  sampleCount,
} from "./data.ts";
import { type ClassWeight, weightColumns } from "./weights.ts";

/** One pass over a source. */
export interface Pass {
  /** Batches handed out so far. */
  readonly index: number;
  /** The next batch, at once where that is possible; null at the end. */
  next(): Batch | null | Promise<Batch | null>;
  /** Where the pass stands, to {@link Source.resume} it. */
  state(): State;
  /** Gives up files and connections, when the pass is not gone through to its end. */
  close(): void | Promise<void>;
}

/** Where batches come from. */
export interface Source {
  /** Number of batches in a pass; null while it is not known. */
  readonly steps: number | null;
  /** All samples, to check before training; null for a data set. */
  readonly columns: { readonly x: readonly Column[]; readonly y: readonly Column[] } | null;
  /** Begins a pass, in random order where a generator is given. */
  open(shuffle: Generator | null): Pass;
  /** Takes up a pass where another one stood, in this process or another. */
  resume(pass: State, shuffle: Generator | null): Pass | Promise<Pass>;
  /** What a checkpoint holds of the source itself. */
  state(): State;
  /** @throws {CheckpointError} when the state is of other data. */
  restoreState(state: State): void;
}

/** Samples held in arrays. */
export class ArraySource implements Source {
  readonly x: readonly Column[];
  readonly y: readonly Column[];
  /** None, one for all outputs, or one for each. */
  readonly weights: readonly Column[];
  /** The weights without those of classes, which are for training only. */
  private readonly ownWeights: readonly Column[];
  readonly count: number;
  readonly batchSize: number;

  constructor(parts: {
    x: readonly Column[];
    y: readonly Column[];
    weights: readonly Column[];
    ownWeights?: readonly Column[];
    count: number;
    batchSize: number;
  }) {
    this.x = parts.x;
    this.y = parts.y;
    this.weights = parts.weights;
    this.ownWeights = parts.ownWeights ?? parts.weights;
    this.count = parts.count;
    this.batchSize = parts.batchSize;
  }

  get steps(): number {
    return Math.ceil(this.count / this.batchSize);
  }

  get columns(): { readonly x: readonly Column[]; readonly y: readonly Column[] } {
    return { x: this.x, y: this.y };
  }

  open(shuffle: Generator | null): Pass {
    return new ArrayPass(this, shuffle);
  }

  resume(pass: State, shuffle: Generator | null): Pass {
    const saved = new Fields("the pass over the data", pass);
    if ((saved.get("order") === null) !== (shuffle === null)) throw misfit("its samples were ordered differently");
    if (shuffle === null) return new ArrayPass(this, null, saved.number("index"));
    const drawn = new Generator(0);
    restoreGenerator(drawn, saved.get("order"));
    return new ArrayPass(this, drawn, saved.number("index"));
  }

  state(): State {
    return { samples: this.count, batchSize: this.batchSize };
  }

  restoreState(state: State): void {
    const saved = new Fields("the data", state);
    const [samples, batchSize] = [saved.number("samples"), saved.number("batchSize")];
    if (samples === this.count && batchSize === this.batchSize) return;
    throw misfit(
      `it was written with ${samples} samples in batches of ${batchSize}, and these are ${this.count} in batches of ${this.batchSize}`,
    );
  }

  /** The samples of a batch, by their places in the order. */
  batch(order: Int32Array | null, start: number): Batch {
    const stop = Math.min(start + this.batchSize, this.count);
    const workspace = new Workspace();
    const chosen = (c: Column): Tensor => gather(c, order, start, stop);
    return workspace.run(() => ({
      x: this.x.map(chosen),
      y: this.y.map(chosen),
      sampleWeights: this.weights.map(chosen),
      size: stop - start,
      workspace,
    }));
  }

  /** The samples before `at`, and those after it, which are for validation. */
  split(at: number, batchSize: number): readonly [ArraySource, ArraySource] {
    const piece = (start: number, stop: number, size: number, weights: readonly Column[]) =>
      new ArraySource({
        x: this.x.map((c) => part(c, start, stop)),
        y: this.y.map((c) => part(c, start, stop)),
        weights: weights.map((c) => part(c, start, stop)),
        count: stop - start,
        batchSize: size,
      });
    return [piece(0, at, this.batchSize, this.weights), piece(at, this.count, batchSize, this.ownWeights)];
  }
}

class ArrayPass implements Pass {
  index: number;
  private readonly source: ArraySource;
  private readonly order: Int32Array | null;
  /** The generator before it drew the order. */
  private readonly drawnFrom: GeneratorState | null;

  constructor(source: ArraySource, shuffle: Generator | null, index = 0) {
    this.source = source;
    this.drawnFrom = shuffle === null ? null : shuffle.state;
    this.order = shuffle === null ? null : shuffle.permutation(source.count);
    this.index = index;
  }

  next(): Batch | null {
    if (this.index >= this.source.steps) return null;
    return this.source.batch(this.order, this.index++ * this.source.batchSize);
  }

  state(): State {
    return { index: this.index, order: this.drawnFrom === null ? null : { ...this.drawnFrom } };
  }

  close(): void {}
}

type BatchIterator = AsyncIterator<BatchLike> | Iterator<BatchLike>;

/** A pass that says where it stands, as those of `Dataset` in `@gradiente/datasets` do. */
interface Positioned {
  readonly position: { readonly epoch: number; readonly index: number };
}

/** Batches whose passes can be numbered, and taken up where one stood. */
interface Resumable {
  iterate(options: { readonly epoch?: number; readonly from?: unknown }): AsyncIterator<BatchLike> & Positioned;
}

function isResumable(value: object): value is Resumable {
  return "iterate" in value && typeof value.iterate === "function";
}

/** Batches of a data set. */
class IterableSource implements Source {
  readonly columns = null;
  steps: number | null = null;
  private readonly iterable: BatchIterable;
  private readonly op: string;
  private readonly classWeight: ClassWeight | undefined;
  /** The number of the next pass, where a resumed run has to state it. */
  private upcoming: number | null = null;
  private lastEpoch: number | null = null;

  constructor(op: string, iterable: BatchIterable, classWeight?: ClassWeight) {
    this.op = op;
    this.iterable = iterable;
    this.classWeight = classWeight;
  }

  open(): Pass {
    const { iterable, upcoming } = this;
    this.upcoming = null;
    if (isResumable(iterable)) return this.follow(iterable.iterate(upcoming === null ? {} : { epoch: upcoming }), 0);
    return this.follow(iteratorOf(iterable), 0);
  }

  async resume(pass: State): Promise<Pass> {
    const saved = new Fields("the pass over the data set", pass);
    const [index, position] = [saved.number("index"), saved.get("position")];
    if (isResumable(this.iterable)) return this.follow(this.iterable.iterate({ from: position }), index);
    const iterator = iteratorOf(this.iterable);
    for (let i = 0; i < index; i++) {
      const { done } = await iterator.next();
      if (done) throw misfit(`the data set yields ${i} batches, and ${index} had been used`);
    }
    return this.follow(iterator, index);
  }

  private follow(iterator: BatchIterator, index: number): Pass {
    const position = (): Positioned["position"] | null =>
      "position" in iterator ? (iterator as Positioned).position : null;
    this.lastEpoch = position()?.epoch ?? null;
    const read = (item: BatchLike): Batch => batchOf(this.op, item, this.classWeight);
    const ended = (count: number): void => {
      this.steps = count;
    };
    return new IterablePass(iterator, index, { op: this.op, position, read, ended });
  }

  state(): State {
    return { lastEpoch: this.lastEpoch };
  }

  restoreState(state: State): void {
    const last = new Fields("the data set", state).numberOrNull("lastEpoch");
    this.lastEpoch = last;
    this.upcoming = last === null ? null : last + 1;
  }
}

function iteratorOf(iterable: BatchIterable): BatchIterator {
  return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
}

class IterablePass implements Pass {
  index: number;
  private readonly iterator: BatchIterator;
  private readonly how: {
    readonly op: string;
    readonly position: () => Positioned["position"] | null;
    readonly read: (item: BatchLike) => Batch;
    readonly ended: (count: number) => void;
  };
  private finished = false;

  constructor(iterator: BatchIterator, index: number, how: IterablePass["how"]) {
    this.iterator = iterator;
    this.index = index;
    this.how = how;
  }

  next(): Batch | null | Promise<Batch | null> {
    if (this.finished) return null;
    const result = this.iterator.next();
    return result instanceof Promise ? result.then((r) => this.take(r)) : this.take(result);
  }

  private take(result: IteratorResult<BatchLike, unknown>): Batch | null {
    if (!result.done) {
      this.index++;
      return this.how.read(result.value);
    }
    this.finished = true;
    if (this.index === 0) {
      throw new DataError({
        op: this.how.op,
        message: "the data set yielded no batches",
        hint: "it must be readable anew in every epoch",
      });
    }
    this.how.ended(this.index);
    return null;
  }

  state(): State {
    const position = this.how.position();
    return { index: this.index, position: position === null ? null : { ...position } };
  }

  async close(): Promise<void> {
    if (!this.finished) await this.iterator.return?.();
    this.finished = true;
  }
}

/** A batch of a data set as tensors. @throws {DataError} when counts differ or there is NaN. */
export function batchOf(op: string, { x, y, sampleWeight }: BatchLike, classWeight?: ClassWeight): Batch {
  const xs = columnsOf(op, "x", x);
  const ys = y === undefined ? [] : columnsOf(op, "y", y);
  const weights = weightColumns(op, ys, sampleWeight, classWeight);
  const named = namedColumns(xs, ys, weights);
  const size = sampleCount(op, named);
  for (const [name, column] of named) checkFinite(op, name, column);
  const whole = (c: Column): Tensor => c.tensor?.detach() ?? tensor(c, { dtype: c.dtype });
  return { x: xs.map(whole), y: ys.map(whole), sampleWeights: weights.map(whole), size };
}

/** Options of {@link sourceOf}. */
export interface SourceOptions {
  readonly batchSize: number;
  readonly sampleWeight?: Arrays | undefined;
  readonly classWeight?: ClassWeight | undefined;
}

/** The source behind what `fit`, `evaluate` or `predict` was given. */
export function sourceOf(op: string, x: Arrays | BatchIterable, y: Arrays | undefined, options: SourceOptions): Source {
  if (!Number.isInteger(options.batchSize) || options.batchSize < 1) {
    throw new DataError({ op, message: `batchSize is ${options.batchSize}, expected a positive whole number` });
  }
  if (isBatchIterable(x)) {
    const extra = y !== undefined ? "y" : options.sampleWeight !== undefined ? "sampleWeight" : null;
    if (extra !== null) {
      throw new DataError({ op, message: `${extra} was given beside a data set, whose batches have their own` });
    }
    return new IterableSource(op, x, options.classWeight);
  }
  const xs = columnsOf(op, "x", x);
  const ys = y === undefined ? [] : columnsOf(op, "y", y);
  const weights = weightColumns(op, ys, options.sampleWeight, options.classWeight);
  const ownWeights = weightColumns(op, ys, options.sampleWeight, undefined);
  const named = namedColumns(xs, ys, weights);
  const count = sampleCount(op, named);
  for (const [name, column] of named) checkFinite(op, name, column);
  return new ArraySource({ x: xs, y: ys, weights, ownWeights, count, batchSize: options.batchSize });
}

function namedColumns(
  x: readonly Column[],
  y: readonly Column[],
  weights: readonly Column[],
): (readonly [string, Column])[] {
  return [
    ...x.map((c) => ["x", c] as const),
    ...y.map((c) => ["y", c] as const),
    ...weights.map((c) => ["sampleWeight", c] as const),
  ];
}
