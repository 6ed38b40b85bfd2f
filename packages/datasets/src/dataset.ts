import { DataError, PipelineError, requireKnownOptions } from "./errors.ts";
import { batchPlan, unbatchPlan, type WindowOptions, windowPlan } from "./pipeline/batch.ts";
import { fileCachePlan, memoryCachePlan } from "./pipeline/cache.ts";
import { concatenatePlan, type InterleaveOptions, interleavePlan, zipPlan } from "./pipeline/combine.ts";
import { type Cursor, END, type Epoch, type MaybePromise, type Plan } from "./pipeline/cursor.ts";
import { arraysPlan, type Elements, iterablePlan } from "./pipeline/origins.ts";
import { prefetchPlan } from "./pipeline/prefetch.ts";
import { shufflePlan } from "./pipeline/shuffle.ts";
import { foldPlans, splitPlans } from "./pipeline/split.ts";
import {
  type Batched,
  type Columns,
  concatenateBatches,
  type RowOf,
  stack,
  type Unbatched,
} from "./pipeline/structure.ts";
import { filterPlan, mapPlan, repeatPlan, shardPlan, skipPlan, takePlan } from "./pipeline/transform.ts";
import { freshSeed } from "./random.ts";

/** Where a pass stands: plain JSON, to be stored beside a checkpoint and given to {@link Dataset.iterate}. */
export interface Position {
  /** Number of the pass, from 0. */
  readonly epoch: number;
  /** How many elements of that pass have been handed out. */
  readonly index: number;
  /** What the pipeline consists of; a position is only good for a pipeline that is the same. */
  readonly pipeline: string;
}

/** One pass over a {@link Dataset}. Leaving a `for await` early closes files and connections. */
export interface DatasetIterator<T> extends AsyncIterableIterator<T, undefined, undefined> {
  next(): Promise<IteratorResult<T, undefined>>;
  return(): Promise<IteratorResult<T, undefined>>;
  /** Where this pass stands now. */
  readonly position: Position;
  [Symbol.asyncIterator](): DatasetIterator<T>;
}

class Pass<T> implements DatasetIterator<T> {
  readonly #plan: Plan<T>;
  readonly #epoch: number;
  #index: number;
  #cursor: Cursor<T> | undefined;
  #finished = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(plan: Plan<T>, epoch: number, index: number) {
    this.#plan = plan;
    this.#epoch = epoch;
    this.#index = index;
  }

  get position(): Position {
    return { epoch: this.#epoch, index: this.#index, pipeline: this.#plan.signature };
  }

  // Callers may ask for several elements without waiting; cursors may not be asked twice at once.
  next(): Promise<IteratorResult<T, undefined>> {
    const result = this.#queue.then(() => this.#advance());
    this.#queue = result.catch(() => {});
    return result;
  }

  async #advance(): Promise<IteratorResult<T, undefined>> {
    if (this.#finished) return { done: true, value: undefined };
    try {
      if (!this.#cursor) {
        const epoch: Epoch = [this.#epoch];
        this.#cursor = await this.#plan.open(epoch);
        if (this.#index > 0) await this.#cursor.skip(this.#index);
      }
      const pulled = this.#cursor.next();
      const value = pulled instanceof Promise ? await pulled : pulled;
      if (value !== END) {
        this.#index++;
        return { done: false, value: value as T };
      }
    } catch (error) {
      await this.#finish().catch(() => {}); // the failure that led here is the one to report
      throw error;
    }
    await this.#finish();
    return { done: true, value: undefined };
  }

  async #finish(): Promise<void> {
    this.#finished = true;
    const cursor = this.#cursor;
    this.#cursor = undefined;
    await cursor?.close();
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    await this.#finish();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): DatasetIterator<T> {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#finish();
  }
}

export interface MapOptions {
  /** How many calls of an asynchronous function may be under way at once; results keep their order. Default 1. */
  readonly concurrency?: number;
}

export interface BatchOptions {
  /** Leave out the last batch when it is not full; default false. */
  readonly dropRemainder?: boolean;
}

export interface ShuffleOptions {
  /** Any safe integer; it and the number of the pass fix the order. Default: a fresh one, see {@link Position}. */
  readonly seed?: number;
  /** A new order in every pass; default true. */
  readonly reshuffleEachEpoch?: boolean;
}

export interface SplitOptions {
  /** Draw the parts at random; without a seed they are cut one after the other. */
  readonly seed?: number;
}

export interface IterateOptions {
  /** Which pass, from 0; default: one more than the last. */
  readonly epoch?: number;
  /** Go on where another pass stood, in this process or another. */
  readonly from?: Position;
}

let readPlan: (dataset: Dataset<unknown>) => Plan<unknown>;

/** What a data set does when it is gone through; for use within this package. */
export function planOf<T>(dataset: Dataset<T>): Plan<T> {
  return readPlan(dataset) as Plan<T>;
}

/**
 * A lazy sequence of elements that can be gone through again and again. Operations return a new data set and do
 * nothing by themselves; work is done, in bounded memory, as elements are asked for.
 *
 * Elements are anything; those of this package are {@link NdArray}s, numbers and strings in objects and tuples.
 *
 * @example
 * const samples = Dataset.fromArrays({ x: { data: new Float32Array(12), shape: [6, 2] }, y: [0, 1, 0, 1, 0, 1] });
 * for await (const { x, y } of samples.shuffle(6, { seed: 7 }).batch(4)) {
 *   console.log(x.shape, y.data); // [4, 2], then [2, 2]
 * }
 */
export class Dataset<T> implements AsyncIterable<T> {
  readonly #plan: Plan<T>;
  #epochs = 0;

  static {
    readPlan = (dataset) => dataset.#plan;
  }

  /** For use by this package; see the static methods for ways to make a data set. */
  constructor(plan: Plan<T>) {
    this.#plan = plan;
  }

  /**
   * Rows of arrays: arrays with a first axis, typed arrays or plain lists, alone or in objects and tuples. The rows
   * share memory with the arrays.
   *
   * @throws ArgumentError when the columns have different numbers of rows.
   */
  static fromArrays<const C extends Columns>(columns: C): Dataset<RowOf<C>> {
    return new Dataset(arraysPlan<RowOf<C>>(columns));
  }

  /**
   * The elements of an iterable or async iterable. Give a function for what can be gone through only once (generators,
   * streams): it is called for every pass.
   */
  static fromIterable<T>(
    elements: Elements<T> | (() => MaybePromise<Elements<T>>),
    options: { readonly size?: number } = {},
  ): Dataset<T> {
    requireKnownOptions("fromIterable", options, ["size"]);
    return new Dataset(iterablePlan(elements, options.size));
  }

  /** The chunks of a Node or Web stream, or, for every pass, of the stream a function opens. */
  static fromStream<T>(
    stream: ReadableStream<T> | AsyncIterable<T> | (() => MaybePromise<ReadableStream<T> | AsyncIterable<T>>),
    options: { readonly size?: number } = {},
  ): Dataset<T> {
    requireKnownOptions("fromStream", options, ["size"]);
    return new Dataset(iterablePlan(stream as AsyncIterable<T>, options.size));
  }

  /** Elements of several data sets side by side, as a tuple or under the names given; ends with the shortest. */
  static zip<const D extends readonly [Dataset<unknown>, ...Dataset<unknown>[]]>(
    datasets: D,
  ): Dataset<{ -readonly [K in keyof D]: D[K] extends Dataset<infer T> ? T : never }>;
  static zip<const D extends { readonly [name: string]: Dataset<unknown> }>(
    datasets: D,
  ): Dataset<{ -readonly [K in keyof D]: D[K] extends Dataset<infer T> ? T : never }>;
  static zip(datasets: readonly Dataset<unknown>[] | { readonly [name: string]: Dataset<unknown> }): Dataset<unknown> {
    const names = Array.isArray(datasets) ? undefined : Object.keys(datasets);
    return new Dataset(
      zipPlan(
        Object.values(datasets).map((dataset: Dataset<unknown>) => dataset.#plan),
        names,
      ),
    );
  }

  /** All of the first data set, then all of the next, and so on. */
  static concatenate<T>(datasets: readonly Dataset<T>[]): Dataset<T> {
    return new Dataset(concatenatePlan(datasets.map((dataset) => dataset.#plan)));
  }

  /** How many elements a pass has; `Infinity` without end, `undefined` when only a pass can tell. */
  get size(): number | undefined {
    return this.#plan.size;
  }

  /** Each pass is the next epoch: shuffles give another order, the same for the same seed. */
  [Symbol.asyncIterator](): DatasetIterator<T> {
    return this.iterate();
  }

  /**
   * One pass, whose number or starting point may be given.
   *
   * @example
   * const pass = samples.iterate();
   * await pass.next();
   * const saved = JSON.stringify(pass.position);
   * for await (const element of samples.iterate({ from: JSON.parse(saved) })) console.log(element); // from the second
   * @throws DataError when `from` belongs to another pipeline.
   */
  iterate(options: IterateOptions = {}): DatasetIterator<T> {
    requireKnownOptions("iterate", options, ["epoch", "from"]);
    const { from } = options;
    if (from && from.pipeline !== this.#plan.signature) {
      throw new DataError("this position was saved from another pipeline", {
        field: "from",
        expected: this.#plan.signature,
        found: from.pipeline,
        hint: "Build the same operations with the same sizes and seeds; a shuffle without a seed draws a new one.",
      });
    }
    const epoch = from?.epoch ?? options.epoch ?? this.#epochs;
    this.#epochs = epoch + 1;
    return new Pass(this.#plan, epoch, from?.index ?? 0);
  }

  /**
   * Applies a function to every element. It must not depend on the order of calls: it is called again in the next pass
   * and not at all for elements that are skipped. `index` counts the elements of the pass.
   */
  map<U>(fn: (element: T, index: number) => U | PromiseLike<U>, options: MapOptions = {}): Dataset<U> {
    requireKnownOptions("map", options, ["concurrency"]);
    return new Dataset(mapPlan(this.#plan, fn, options.concurrency ?? 1));
  }

  /** Keeps the elements for which the function says true. */
  filter<S extends T>(keep: (element: T, index: number) => element is S): Dataset<S>;
  filter(keep: (element: T, index: number) => boolean | PromiseLike<boolean>): Dataset<T>;
  filter(keep: (element: T, index: number) => boolean | PromiseLike<boolean>): Dataset<T> {
    return new Dataset(filterPlan(this.#plan, keep));
  }

  /**
   * Puts `size` elements together: every array, number or boolean gains a first axis, strings become lists. The last
   * batch may be smaller.
   *
   * @throws PipelineError (in the pass) when elements have different shapes or names.
   */
  batch(size: number, options: BatchOptions = {}): Dataset<Batched<T>> {
    requireKnownOptions("batch", options, ["dropRemainder"]);
    return new Dataset(batchPlan(this.#plan, size, options.dropRemainder ?? false) as Plan<Batched<T>>);
  }

  /** Takes batches apart again: one element for each place along the first axis. */
  unbatch(): Dataset<Unbatched<T>> {
    return new Dataset(unbatchPlan(this.#plan) as Plan<Unbatched<T>>);
  }

  /** Consecutive elements put together, in windows that overlap unless `shift` is as large as `size`. */
  window(size: number, options: WindowOptions = {}): Dataset<Batched<T>> {
    requireKnownOptions("window", options, ["shift", "stride", "dropRemainder"]);
    return new Dataset(windowPlan(this.#plan, size, options) as Plan<Batched<T>>);
  }

  /**
   * Random order: each element is drawn from a buffer of `bufferSize`. A buffer as large as the data set makes every
   * order equally likely.
   */
  shuffle(bufferSize: number, options: ShuffleOptions = {}): Dataset<T> {
    requireKnownOptions("shuffle", options, ["seed", "reshuffleEachEpoch"]);
    const { seed = freshSeed(), reshuffleEachEpoch = true } = options;
    return new Dataset(shufflePlan(this.#plan, bufferSize, seed, reshuffleEachEpoch));
  }

  /** Goes through everything `count` times, by default without end; shuffles before it differ each time. */
  repeat(count: number = Number.POSITIVE_INFINITY): Dataset<T> {
    return new Dataset(repeatPlan(this.#plan, count));
  }

  /** The first `count` elements. */
  take(count: number): Dataset<T> {
    return new Dataset(takePlan(this.#plan, count));
  }

  /** All but the first `count` elements. */
  skip(count: number): Dataset<T> {
    return new Dataset(skipPlan(this.#plan, count));
  }

  /** Every `count`-th element, starting with the `index`-th: a disjoint part for each of `count` workers. */
  shard(count: number, index: number): Dataset<T> {
    return new Dataset(shardPlan(this.#plan, count, index));
  }

  /** Side by side with another data set; ends with the shorter. */
  zip<U>(other: Dataset<U>): Dataset<[T, U]> {
    return new Dataset(zipPlan([this.#plan, other.#plan], undefined) as Plan<[T, U]>);
  }

  /** This data set and then another. */
  concatenate(other: Dataset<T>): Dataset<T> {
    return new Dataset(concatenatePlan([this.#plan, other.#plan]));
  }

  /** Opens a data set for each element (a file for each name, say) and takes from several of them in turn. */
  interleave<U>(open: (element: T) => MaybePromise<Dataset<U>>, options: InterleaveOptions = {}): Dataset<U> {
    requireKnownOptions("interleave", options, ["cycle", "block"]);
    const inner = async (element: T): Promise<Plan<U>> => (await open(element)).#plan;
    return new Dataset(interleavePlan(this.#plan, inner, options));
  }

  /**
   * Keeps the elements of the first whole pass: in memory, or in a file that is made (whole or not at all) before the
   * first element is handed out and found again by later runs. Put random augmentation after it, not before. The file
   * cannot tell that a mapped function has changed; delete it then.
   *
   * @throws SourceError (in the pass) for a file that is damaged or was made by another pipeline.
   */
  cache(file?: string): Dataset<T> {
    return new Dataset(file === undefined ? memoryCachePlan(this.#plan) : fileCachePlan(this.#plan, file));
  }

  /** Prepares up to `count` elements while the consumer is busy with another. */
  prefetch(count: number): Dataset<T> {
    return new Dataset(prefetchPlan(this.#plan, count));
  }

  /**
   * Disjoint parts by fraction, exact to one element, the same in every pass. A data set of unknown size is counted in a
   * pass of its own. Split before you shuffle: a shuffled data set has another order in every pass.
   *
   * @example
   * const [train, validation] = samples.split(0.8, { seed: 1 });
   * const [a, b, c] = samples.split([0.6, 0.2, 0.2], { seed: 1 });
   */
  split(fraction: number, options?: SplitOptions): [Dataset<T>, Dataset<T>];
  split<const F extends readonly number[]>(fractions: F, options?: SplitOptions): { [K in keyof F]: Dataset<T> };
  split(fractions: number | readonly number[], options: SplitOptions = {}): readonly Dataset<T>[] {
    requireKnownOptions("split", options, ["seed"]);
    const list = typeof fractions === "number" ? [fractions, 1 - fractions] : fractions;
    return splitPlans(this.#plan, list, options.seed).map((plan) => new Dataset(plan));
  }

  /** `count` ways to hold out one part of `count` for validation. */
  folds(count: number, options: SplitOptions = {}): { train: Dataset<T>; validation: Dataset<T> }[] {
    requireKnownOptions("folds", options, ["seed"]);
    return foldPlans(this.#plan, count, options.seed).map(({ train, validation }) => ({
      train: new Dataset(train),
      validation: new Dataset(validation),
    }));
  }

  /**
   * Everything in memory at once, put together as by {@link Dataset.batch}. Arrays given to `fromArrays` come back as
   * they are, not copied.
   *
   * @throws PipelineError when there is no end, or nothing at all.
   */
  async toArrays(): Promise<Batched<T>> {
    if (this.#plan.whole) return (await this.#plan.whole()) as Batched<T>;
    if (this.size === Number.POSITIVE_INFINITY) {
      throw new PipelineError("toArrays", "a data set without end does not fit into memory", {
        hint: "Use .take(n) first.",
      });
    }
    const batches: unknown[] = [];
    let elements: T[] = [];
    for await (const element of this) {
      elements.push(element);
      if (elements.length === 4096) {
        batches.push(stack(elements, "toArrays"));
        elements = [];
      }
    }
    if (elements.length > 0) batches.push(stack(elements, "toArrays"));
    if (batches.length === 0) throw new PipelineError("toArrays", "there are no elements, so there are no shapes");
    return concatenateBatches(batches, "toArrays") as Batched<T>;
  }

  /** All elements in a list. */
  async toList(): Promise<T[]> {
    const elements: T[] = [];
    for await (const element of this) elements.push(element);
    return elements;
  }

  /** One pass as a Web stream, read only as fast as its consumer asks. */
  toStream(): ReadableStream<T> {
    const pass = this.iterate();
    return new ReadableStream<T>(
      {
        async pull(controller) {
          const result = await pass.next();
          if (result.done) controller.close();
          else controller.enqueue(result.value);
        },
        async cancel() {
          await pass.return();
        },
      },
      { highWaterMark: 0 },
    );
  }
}
