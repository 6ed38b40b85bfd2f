import { requireInteger } from "../errors.ts";
import { type Cursor, END, type End, type MaybePromise, type Plan, Through, through } from "./cursor.ts";

/**
 * Works ahead of its consumer by up to `count` elements, and no further: when the queue is full the upstream is left
 * alone until an element is taken.
 */
class PrefetchCursor<T> extends Through<T, T> {
  readonly #count: number;
  readonly #ready: T[] = [];
  #pumping: Promise<void> | undefined;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(upstream: Cursor<T>, count: number) {
    super(upstream);
    this.#count = count;
  }

  async #pump(): Promise<void> {
    // One turn of the microtask queue first, so that the consumer runs before the work that is ahead of it.
    await undefined;
    while (!this.#ended && this.#ready.length < this.#count) {
      try {
        const pulled = this.upstream.next();
        const element = pulled instanceof Promise ? await pulled : pulled;
        if (element === END) this.#ended = true;
        else this.#ready.push(element as T);
      } catch (error) {
        this.#failure = { error };
        this.#ended = true;
      }
      this.#wake?.();
      // Synchronous upstreams would otherwise fill the queue while a waiting consumer looks on.
      await undefined;
    }
    this.#pumping = undefined;
  }

  #start(): void {
    if (!this.#ended && this.#ready.length < this.#count) this.#pumping ??= this.#pump();
  }

  async next(): Promise<T | End> {
    this.#start();
    while (this.#ready.length === 0) {
      if (this.#failure) {
        const { error } = this.#failure;
        this.#failure = undefined;
        throw error;
      }
      if (this.#ended) return END;
      this.#start();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const element = this.#ready.shift() as T;
    this.#start();
    return element;
  }

  override skip(count: number): MaybePromise<void> {
    const untouched = this.#ready.length === 0 && !this.#pumping && !this.#ended;
    return untouched ? this.upstream.skip(count) : super.skip(count);
  }

  override async close(): Promise<void> {
    this.#ended = true;
    this.#wake?.();
    // Closing first lets a read that is stuck in the upstream come back.
    const closing = this.upstream.close();
    await this.#pumping;
    this.#ready.length = 0;
    await closing;
  }
}

export function prefetchPlan<T>(upstream: Plan<T>, count: number): Plan<T> {
  requireInteger("count", count, 1);
  return through(upstream, "prefetch", upstream.size, (cursor) => new PrefetchCursor(cursor, count));
}
