import { PipelineError, requireInteger } from "../errors.ts";
import { type Cursor, END, type End, type MaybePromise, type Plan, Through, through } from "./cursor.ts";
import { rowsOf, stack } from "./structure.ts";

/** Operations that change how many elements there are in one: batch, unbatch, window. */

class BatchCursor<T> extends Through<T, unknown> {
  readonly #size: number;
  readonly #dropRemainder: boolean;

  constructor(upstream: Cursor<T>, size: number, dropRemainder: boolean) {
    super(upstream);
    this.#size = size;
    this.#dropRemainder = dropRemainder;
  }

  next(): MaybePromise<unknown> {
    return this.#collect([]);
  }

  #collect(elements: T[]): MaybePromise<unknown> {
    while (elements.length < this.#size) {
      const element = this.upstream.next();
      if (element instanceof Promise) return element.then((value) => this.#collectAfter(elements, value));
      if (element === END) return this.#last(elements);
      elements.push(element as T);
    }
    return stack(elements, "batch");
  }

  // A loop, not recursion through `then`: a batch may be as large as the data set.
  async #collectAfter(elements: T[], first: T | End): Promise<unknown> {
    let element: T | End = first;
    for (;;) {
      if (element === END) return this.#last(elements);
      elements.push(element as T);
      if (elements.length >= this.#size) return stack(elements, "batch");
      const pulled = this.upstream.next();
      element = pulled instanceof Promise ? await pulled : pulled;
    }
  }

  #last(elements: T[]): unknown {
    return elements.length === 0 || this.#dropRemainder ? END : stack(elements, "batch");
  }

  override skip(count: number): MaybePromise<void> {
    return this.upstream.skip(count * this.#size);
  }
}

export function batchPlan<T>(upstream: Plan<T>, size: number, dropRemainder: boolean): Plan<unknown> {
  requireInteger("size", size, 1);
  const known = upstream.size;
  const count =
    known === undefined || known === Number.POSITIVE_INFINITY
      ? known
      : dropRemainder
        ? Math.floor(known / size)
        : Math.ceil(known / size);
  return through(
    upstream,
    `batch(${size},${dropRemainder})`,
    count,
    (cursor) => new BatchCursor(cursor, size, dropRemainder),
  );
}

class UnbatchCursor extends Through<unknown, unknown> {
  #rows: { length: number; at(index: number): unknown } | undefined;
  #index = 0;

  next(): MaybePromise<unknown> {
    for (;;) {
      if (this.#rows && this.#index < this.#rows.length) return this.#rows.at(this.#index++);
      const batch = this.upstream.next();
      if (batch instanceof Promise) {
        return batch.then((value) => (this.#take(value) ? this.next() : END));
      }
      if (!this.#take(batch)) return END;
    }
  }

  #take(batch: unknown): boolean {
    if (batch === END) return false;
    try {
      this.#rows = rowsOf(batch, "batch");
    } catch (cause) {
      throw new PipelineError("unbatch", "an element has no rows to take apart", {
        hint: cause instanceof Error ? cause.message : "",
        cause,
      });
    }
    this.#index = 0;
    return true;
  }
}

export function unbatchPlan(upstream: Plan<unknown>): Plan<unknown> {
  return through(upstream, "unbatch", upstream.size === 0 ? 0 : undefined, (cursor) => new UnbatchCursor(cursor));
}

/** Windows of `size` consecutive elements (every `stride`-th), each `shift` after the last. */
class WindowCursor<T> extends Through<T, unknown> {
  readonly #size: number;
  readonly #shift: number;
  readonly #stride: number;
  readonly #dropRemainder: boolean;
  #buffer: T[] = [];
  #toSkip = 0;

  constructor(upstream: Cursor<T>, size: number, shift: number, stride: number, dropRemainder: boolean) {
    super(upstream);
    this.#size = size;
    this.#shift = shift;
    this.#stride = stride;
    this.#dropRemainder = dropRemainder;
  }

  async next(): Promise<unknown> {
    const span = (this.#size - 1) * this.#stride + 1;
    if (this.#toSkip > 0) {
      await this.upstream.skip(this.#toSkip);
      this.#toSkip = 0;
    }
    while (this.#buffer.length < span) {
      const pulled = this.upstream.next();
      const element = pulled instanceof Promise ? await pulled : pulled;
      if (element === END) break;
      this.#buffer.push(element as T);
    }
    if (this.#buffer.length === 0 || (this.#buffer.length < span && this.#dropRemainder)) return END;
    const elements = this.#buffer.filter((_, i) => i % this.#stride === 0 && i < span);
    const kept = Math.max(0, this.#buffer.length - this.#shift);
    this.#toSkip = Math.max(0, this.#shift - this.#buffer.length);
    this.#buffer = kept === 0 ? [] : this.#buffer.slice(-kept);
    return stack(elements, "window");
  }
}

export interface WindowOptions {
  /** How far each window starts after the one before; default 1. */
  readonly shift?: number;
  /** Distance between the elements of a window; default 1. */
  readonly stride?: number;
  /** Leave out windows at the end that are not full; default true. */
  readonly dropRemainder?: boolean;
}

export function windowPlan<T>(upstream: Plan<T>, size: number, options: WindowOptions): Plan<unknown> {
  const { shift = 1, stride = 1, dropRemainder = true } = options;
  requireInteger("size", size, 1);
  requireInteger("shift", shift, 1);
  requireInteger("stride", stride, 1);
  const span = (size - 1) * stride + 1;
  const known = upstream.size;
  let count = known;
  if (known !== undefined && known !== Number.POSITIVE_INFINITY) {
    count = dropRemainder ? Math.max(0, Math.floor((known - span) / shift) + 1) : Math.ceil(known / shift);
  }
  return through(
    upstream,
    `window(${size},${shift},${stride},${dropRemainder})`,
    count,
    (cursor) => new WindowCursor(cursor, size, shift, stride, dropRemainder),
  );
}
