import { PipelineError, requireInteger } from "../errors.ts";
import {
  type Cursor,
  chain,
  END,
  type End,
  type Epoch,
  type MaybePromise,
  type Plan,
  Through,
  through,
} from "./cursor.ts";

/** Operations on one pipeline, element by element: map, filter, take, skip, shard, repeat. */

type MapFunction<T, U> = (element: T, index: number) => U | PromiseLike<U>;

function settled<U>(value: U | PromiseLike<U>): MaybePromise<U> {
  const thenable =
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
  return thenable ? Promise.resolve(value) : (value as U);
}

class MapCursor<T, U> extends Through<T, U> {
  readonly #fn: MapFunction<T, U>;
  #index = 0;

  constructor(upstream: Cursor<T>, fn: MapFunction<T, U>) {
    super(upstream);
    this.#fn = fn;
  }

  next(): MaybePromise<U | End> {
    const element = this.upstream.next();
    if (element instanceof Promise) return element.then((value) => this.#apply(value));
    return this.#apply(element);
  }

  #apply(element: T | End): MaybePromise<U | End> {
    return element === END ? END : settled(this.#fn(element as T, this.#index++));
  }

  // A function of the element alone need not be called for what nobody will see.
  override skip(count: number): MaybePromise<void> {
    this.#index += count;
    return this.upstream.skip(count);
  }
}

/** Keeps up to `concurrency` calls under way and hands their results on in the order of the elements. */
class ConcurrentMapCursor<T, U> extends Through<T, U> {
  readonly #fn: MapFunction<T, U>;
  readonly #concurrency: number;
  readonly #underWay: Promise<U>[] = [];
  #index = 0;
  #ended = false;
  #failure: { error: unknown } | undefined;

  constructor(upstream: Cursor<T>, fn: MapFunction<T, U>, concurrency: number) {
    super(upstream);
    this.#fn = fn;
    this.#concurrency = concurrency;
  }

  async next(): Promise<U | End> {
    while (!this.#ended && this.#underWay.length < this.#concurrency) {
      try {
        const pulled = this.upstream.next();
        const element = pulled instanceof Promise ? await pulled : pulled;
        if (element === END) {
          this.#ended = true;
          break;
        }
        const index = this.#index++;
        const result = (async () => this.#fn(element as T, index))();
        result.catch(() => {}); // reported when its turn comes
        this.#underWay.push(result);
      } catch (error) {
        // The elements before the failure are still good and come first.
        this.#failure = { error };
        this.#ended = true;
      }
    }
    const oldest = this.#underWay.shift();
    if (oldest) return oldest;
    if (this.#failure) throw this.#failure.error;
    return END;
  }

  override skip(count: number): MaybePromise<void> {
    if (this.#underWay.length > 0) return super.skip(count);
    this.#index += count;
    return this.upstream.skip(count);
  }

  override async close(): Promise<void> {
    this.#ended = true;
    await Promise.allSettled(this.#underWay.splice(0));
    await this.upstream.close();
  }
}

export function mapPlan<T, U>(upstream: Plan<T>, fn: MapFunction<T, U>, concurrency: number): Plan<U> {
  requireInteger("concurrency", concurrency, 1);
  return through(upstream, "map", upstream.size, (cursor) =>
    concurrency === 1 ? new MapCursor(cursor, fn) : new ConcurrentMapCursor(cursor, fn, concurrency),
  );
}

/** A map whose function is made anew for each pass and knows its number. */
export function epochMapPlan<T, U>(
  upstream: Plan<T>,
  signature: string,
  make: (epoch: Epoch) => MapFunction<T, U>,
): Plan<U> {
  return through(upstream, signature, upstream.size, (cursor, epoch) => new MapCursor(cursor, make(epoch)));
}

class FilterCursor<T> extends Through<T, T> {
  readonly #keep: MapFunction<T, boolean>;
  #index = 0;

  constructor(upstream: Cursor<T>, keep: MapFunction<T, boolean>) {
    super(upstream);
    this.#keep = keep;
  }

  next(): MaybePromise<T | End> {
    for (;;) {
      const element = this.upstream.next();
      if (element instanceof Promise) return element.then((value) => this.#continue(value));
      if (element === END) return END;
      const kept = settled(this.#keep(element as T, this.#index++));
      if (kept instanceof Promise) return this.#continue(element, kept);
      if (kept) return element;
    }
  }

  // A loop: promises that wait for promises would pile up over a long run of elements left out.
  async #continue(first: T | End, verdict?: Promise<boolean>): Promise<T | End> {
    let element = first;
    let pending = verdict;
    while (element !== END) {
      if (await (pending ?? this.#keep(element as T, this.#index++))) return element;
      pending = undefined;
      const pulled = this.upstream.next();
      element = pulled instanceof Promise ? await pulled : pulled;
    }
    return END;
  }
}

export function filterPlan<T>(upstream: Plan<T>, keep: MapFunction<T, boolean>): Plan<T> {
  return through(upstream, "filter", upstream.size === 0 ? 0 : undefined, (cursor) => new FilterCursor(cursor, keep));
}

class TakeCursor<T> extends Through<T, T> {
  #left: number;

  constructor(upstream: Cursor<T>, count: number) {
    super(upstream);
    this.#left = count;
  }

  next(): MaybePromise<T | End> {
    if (this.#left <= 0) return END;
    this.#left--;
    return this.upstream.next();
  }

  override skip(count: number): MaybePromise<void> {
    const allowed = Math.min(count, this.#left);
    this.#left -= allowed;
    return this.upstream.skip(allowed);
  }
}

export function takePlan<T>(upstream: Plan<T>, count: number): Plan<T> {
  if (count !== Number.POSITIVE_INFINITY) requireInteger("count", count, 0);
  const size = upstream.size === undefined ? (count === 0 ? 0 : undefined) : Math.min(count, upstream.size);
  return through(upstream, `take(${count})`, size, (cursor) => new TakeCursor(cursor, count));
}

class SkipCursor<T> extends Through<T, T> {
  #pending: number;

  constructor(upstream: Cursor<T>, count: number) {
    super(upstream);
    this.#pending = count;
  }

  next(): MaybePromise<T | End> {
    if (this.#pending === 0) return this.upstream.next();
    const pending = this.#pending;
    this.#pending = 0;
    return chain(this.upstream.skip(pending), () => this.upstream.next());
  }

  override skip(count: number): MaybePromise<void> {
    const all = this.#pending + count;
    this.#pending = 0;
    return this.upstream.skip(all);
  }
}

export function skipPlan<T>(upstream: Plan<T>, count: number): Plan<T> {
  requireInteger("count", count, 0);
  const size = upstream.size === undefined ? undefined : Math.max(0, upstream.size - count);
  return through(upstream, `skip(${count})`, size, (cursor) => new SkipCursor(cursor, count));
}

class ShardCursor<T> extends Through<T, T> {
  readonly #count: number;
  #before: number;

  constructor(upstream: Cursor<T>, count: number, index: number) {
    super(upstream);
    this.#count = count;
    this.#before = index;
  }

  next(): MaybePromise<T | End> {
    const before = this.#before;
    this.#before = this.#count - 1;
    return before === 0 ? this.upstream.next() : chain(this.upstream.skip(before), () => this.upstream.next());
  }

  override skip(count: number): MaybePromise<void> {
    if (count === 0) return;
    const before = this.#before;
    this.#before = this.#count - 1;
    return this.upstream.skip(before + 1 + (count - 1) * this.#count);
  }
}

export function shardPlan<T>(upstream: Plan<T>, count: number, index: number): Plan<T> {
  requireInteger("count", count, 1);
  requireInteger("index", index, 0);
  if (index >= count) {
    throw new PipelineError("shard", "there is no such part", {
      field: "index",
      expected: `0 to ${count - 1}`,
      found: String(index),
    });
  }
  const size =
    upstream.size === undefined || upstream.size === Number.POSITIVE_INFINITY
      ? upstream.size
      : Math.max(0, Math.ceil((upstream.size - index) / count));
  return through(upstream, `shard(${count},${index})`, size, (cursor) => new ShardCursor(cursor, count, index));
}

/** Opens its upstream anew for each pass; passes are numbered so that shuffles within differ. */
class RepeatCursor<T> implements Cursor<T> {
  readonly #plan: Plan<T>;
  readonly #epoch: Epoch;
  readonly #count: number;
  #pass = 0;
  #current: Cursor<T> | undefined;
  #sawElement = true;
  #closed = false;

  constructor(plan: Plan<T>, epoch: Epoch, count: number) {
    this.#plan = plan;
    this.#epoch = epoch;
    this.#count = count;
  }

  /** Repeating n times over and over numbers its passes as one long run; repeating without end nests. */
  #innerEpoch(): Epoch {
    const [first = 0, ...rest] = this.#epoch;
    if (this.#count !== Number.POSITIVE_INFINITY) return [first * this.#count + this.#pass, ...rest];
    return first === 0 && rest.length === 0 ? [this.#pass] : [this.#pass, ...this.#epoch];
  }

  async next(): Promise<T | End> {
    for (;;) {
      if (this.#closed) return END;
      if (!this.#current) {
        // Nothing at all in a whole pass means nothing for ever.
        if (this.#pass >= this.#count || !this.#sawElement) return END;
        this.#current = await this.#plan.open(this.#innerEpoch());
        this.#sawElement = false;
      }
      const pulled = this.#current.next();
      const element = pulled instanceof Promise ? await pulled : pulled;
      if (element !== END) {
        this.#sawElement = true;
        return element;
      }
      await this.#finishPass();
    }
  }

  async #finishPass(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    this.#pass++;
    await current?.close();
  }

  async skip(count: number): Promise<void> {
    const size = this.#plan.size;
    let left = count;
    if (size !== undefined && size > 0 && size !== Number.POSITIVE_INFINITY && !this.#current) {
      const passes = Math.floor(left / size);
      this.#pass += passes;
      left -= passes * size;
      if (left > 0 && this.#pass < this.#count) {
        this.#current = await this.#plan.open(this.#innerEpoch());
        this.#sawElement = true;
        await this.#current.skip(left);
      }
      return;
    }
    for (; left > 0; left--) if ((await this.next()) === END) return;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#current?.close();
    this.#current = undefined;
  }
}

export function repeatPlan<T>(upstream: Plan<T>, count: number): Plan<T> {
  if (count !== Number.POSITIVE_INFINITY) requireInteger("count", count, 0);
  const size = upstream.size === 0 || count === 0 ? 0 : upstream.size === undefined ? undefined : upstream.size * count;
  return {
    size,
    signature: `${upstream.signature} > repeat(${count})`,
    open: (epoch) => new RepeatCursor(upstream, epoch, count),
  };
}
