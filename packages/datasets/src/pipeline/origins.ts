import { ArgumentError, DataError } from "../errors.ts";
import { type Cursor, chain, END, type End, type MaybePromise, type Plan, skipByNext } from "./cursor.ts";
import { rowsOf, wholeOf } from "./structure.ts";

/** Where pipelines begin: arrays in memory, iterables, streams. */

class IndexCursor<T> implements Cursor<T> {
  #index = 0;
  readonly #length: number;
  readonly #at: (index: number) => MaybePromise<T>;

  constructor(length: number, at: (index: number) => MaybePromise<T>) {
    this.#length = length;
    this.#at = at;
  }

  next(): MaybePromise<T | End> {
    return this.#index < this.#length ? this.#at(this.#index++) : END;
  }

  skip(count: number): void {
    this.#index = Math.min(this.#length, this.#index + count);
  }

  close(): void {
    this.#index = this.#length;
  }
}

/** A plan over `length` elements that can each be had by its number. */
export function indexedPlan<T>(signature: string, length: number, at: (index: number) => MaybePromise<T>): Plan<T> {
  return { size: length, signature, open: () => new IndexCursor(length, at) };
}

export function arraysPlan<T>(columns: unknown): Plan<T> {
  const rows = rowsOf(columns);
  const plan = indexedPlan(`arrays(${rows.length})`, rows.length, (index) => rows.at(index) as T);
  return { ...plan, whole: () => wholeOf(columns) };
}

class SyncCursor<T> implements Cursor<T> {
  readonly #iterator: Iterator<T>;
  #done = false;

  constructor(iterator: Iterator<T>) {
    this.#iterator = iterator;
  }

  next(): T | End {
    if (this.#done) return END;
    const result = this.#iterator.next();
    if (!result.done) return result.value;
    this.#done = true;
    return END;
  }

  skip(count: number): MaybePromise<void> {
    return skipByNext(this, count);
  }

  close(): void {
    if (this.#done) return;
    this.#done = true;
    this.#iterator.return?.();
  }
}

export class AsyncCursor<T> implements Cursor<T> {
  readonly #iterator: AsyncIterator<T>;
  #done = false;

  constructor(iterator: AsyncIterator<T>) {
    this.#iterator = iterator;
  }

  async next(): Promise<T | End> {
    if (this.#done) return END;
    try {
      const result = await this.#iterator.next();
      if (!result.done) return result.value;
    } catch (error) {
      this.#done = true;
      throw error;
    }
    this.#done = true;
    return END;
  }

  skip(count: number): MaybePromise<void> {
    return skipByNext(this, count);
  }

  async close(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    await this.#iterator.return?.();
  }
}

/** Iterables, or a function that makes a fresh one for every pass. */
export type Elements<T> = Iterable<T> | AsyncIterable<T>;

function cursorOver<T>(elements: Elements<T>): Cursor<T> {
  if (typeof elements === "object" && elements !== null) {
    if (Symbol.asyncIterator in elements) return new AsyncCursor(elements[Symbol.asyncIterator]());
    if (Symbol.iterator in elements) return new SyncCursor(elements[Symbol.iterator]());
  }
  throw new ArgumentError("not iterable", {
    field: "elements",
    expected: "an iterable, an async iterable, or a function that returns one",
    found: typeof elements,
  });
}

/** Generators and streams hand out themselves as their iterator: a second pass would silently see nothing. */
function isOneShot(elements: object): boolean {
  if (typeof (elements as { next?: unknown }).next === "function") return true;
  return typeof (elements as { getReader?: unknown; pipe?: unknown }).getReader === "function" || "pipe" in elements;
}

export function iterablePlan<T>(
  elements: Elements<T> | (() => MaybePromise<Elements<T>>),
  size: number | undefined,
): Plan<T> {
  if (typeof elements === "function") {
    return { size, signature: "iterable()", open: () => chain(elements(), cursorOver) };
  }
  if (Array.isArray(elements)) {
    return indexedPlan(`list(${elements.length})`, elements.length, (index) => elements[index] as T);
  }
  let used = false;
  return {
    size,
    signature: "iterable()",
    open: () => {
      if (used && typeof elements === "object" && isOneShot(elements)) {
        throw new DataError("this stream or generator has been read already and cannot be read again", {
          hint: "Give a function that makes a new one for each pass, or keep the elements with .cache().",
        });
      }
      used = true;
      return cursorOver(elements);
    },
  };
}
