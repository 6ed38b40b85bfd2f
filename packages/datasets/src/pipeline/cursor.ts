/**
 * What pipelines are made of. A {@link Plan} is an immutable description that can be opened again and again; a
 * {@link Cursor} is one pass over it. `next` answers with the element itself when it is at hand and with a promise only
 * when it must wait, because a promise for each of 60,000 samples and each operation would cost more than the work.
 */

/** Answered by {@link Cursor.next} when there is nothing more. */
export const END: unique symbol = Symbol("end");
export type End = typeof END;
export type MaybePromise<T> = T | Promise<T>;

/** One pass over a plan. Calls never overlap: the next is made only when the last has settled. */
export interface Cursor<T> {
  next(): MaybePromise<T | End>;
  /** Passes over up to `count` elements, as cheaply as can be. Passing the end is no error. */
  skip(count: number): MaybePromise<void>;
  /** Gives up files and connections; may be called at any time and more than once. */
  close(): MaybePromise<void>;
}

/**
 * Which pass this is: from it and their seed, shuffles derive their order. A list because passes nest (an endless
 * repeat inside an endless repeat).
 */
export type Epoch = readonly number[];

export interface Plan<T> {
  /** Number of elements; `Infinity` without end, `undefined` when only a pass can tell. */
  readonly size: number | undefined;
  /** The operations with all that fixes their order: two plans with the same signature yield the same sequence. */
  readonly signature: string;
  open(epoch: Epoch): MaybePromise<Cursor<T>>;
  /** All elements put together, where that is cheaper than collecting them. */
  readonly whole?: () => MaybePromise<unknown>;
}

/** `then` without the promise when the value is already there. */
export function chain<T, U>(value: MaybePromise<T>, use: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}

/** Skips by asking for elements and dropping them: right for every cursor, and the slowest way. */
export function skipByNext<T>(cursor: Cursor<T>, count: number): MaybePromise<void> {
  for (let left = count; left > 0; left--) {
    const value = cursor.next();
    if (value instanceof Promise) {
      const rest = left - 1;
      return value.then((settled) => (settled === END ? undefined : skipByNext(cursor, rest)));
    }
    if (value === END) return;
  }
}

/** A cursor that does whatever one upstream does, except what is overridden. */
export abstract class Through<T, U> implements Cursor<U> {
  protected readonly upstream: Cursor<T>;

  constructor(upstream: Cursor<T>) {
    this.upstream = upstream;
  }

  abstract next(): MaybePromise<U | End>;

  skip(count: number): MaybePromise<void> {
    return skipByNext(this, count);
  }

  close(): MaybePromise<void> {
    return this.upstream.close();
  }
}

/** A plan whose cursor wraps the cursor of another. */
export function through<T, U>(
  upstream: Plan<T>,
  signature: string,
  size: number | undefined,
  wrap: (cursor: Cursor<T>, epoch: Epoch) => Cursor<U>,
): Plan<U> {
  return {
    size,
    signature: `${upstream.signature} > ${signature}`,
    open: (epoch) => chain(upstream.open(epoch), (cursor) => wrap(cursor, epoch)),
  };
}

/** Closes every cursor, and only then reports the first failure. */
export async function closeAll(cursors: Iterable<Cursor<unknown>>): Promise<void> {
  let failure: { error: unknown } | undefined;
  for (const cursor of cursors) {
    try {
      await cursor.close();
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure) throw failure.error;
}
