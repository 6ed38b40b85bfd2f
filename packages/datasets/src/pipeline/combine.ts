import { ArgumentError, requireInteger } from "../errors.ts";
import {
  type Cursor,
  chain,
  closeAll,
  END,
  type End,
  type Epoch,
  type MaybePromise,
  type Plan,
  skipByNext,
  Through,
  through,
} from "./cursor.ts";

/** Operations that join several pipelines: zip, concatenate, interleave. */

async function openAll(plans: readonly Plan<unknown>[], epoch: Epoch): Promise<Cursor<unknown>[]> {
  const cursors: Cursor<unknown>[] = [];
  try {
    for (const plan of plans) cursors.push(await plan.open(epoch));
    return cursors;
  } catch (error) {
    await closeAll(cursors).catch(() => {}); // the first failure is the one to report
    throw error;
  }
}

class ZipCursor implements Cursor<unknown> {
  readonly #cursors: readonly Cursor<unknown>[];
  readonly #join: (elements: unknown[]) => unknown;

  constructor(cursors: readonly Cursor<unknown>[], join: (elements: unknown[]) => unknown) {
    this.#cursors = cursors;
    this.#join = join;
  }

  next(): MaybePromise<unknown> {
    return this.#from(0, []);
  }

  #from(start: number, elements: unknown[]): MaybePromise<unknown> {
    for (let i = start; i < this.#cursors.length; i++) {
      const element = this.#cursors[i]!.next();
      if (element instanceof Promise) {
        return element.then((value) => {
          if (value === END) return END;
          elements.push(value);
          return this.#from(i + 1, elements);
        });
      }
      if (element === END) return END;
      elements.push(element);
    }
    return this.#join(elements);
  }

  async skip(count: number): Promise<void> {
    for (const cursor of this.#cursors) await cursor.skip(count);
  }

  close(): Promise<void> {
    return closeAll(this.#cursors);
  }
}

/** Ends with the shortest. */
export function zipPlan(plans: readonly Plan<unknown>[], names: readonly string[] | undefined): Plan<unknown> {
  if (plans.length === 0) {
    throw new ArgumentError("nothing to zip", { field: "datasets", expected: "at least one data set", found: "none" });
  }
  const join = names
    ? (elements: unknown[]) => Object.fromEntries(names.map((name, i) => [name, elements[i]]))
    : (elements: unknown[]) => elements;
  const sizes = plans.map((plan) => plan.size);
  return {
    size: sizes.includes(undefined) ? undefined : Math.min(...(sizes as number[])),
    signature: `zip(${plans.map((plan) => plan.signature).join(", ")})`,
    open: async (epoch) => new ZipCursor(await openAll(plans, epoch), join),
  };
}

class ConcatenateCursor<T> implements Cursor<T> {
  readonly #plans: readonly Plan<T>[];
  readonly #epoch: Epoch;
  #index = 0;
  #current: Cursor<T> | undefined;

  constructor(plans: readonly Plan<T>[], epoch: Epoch) {
    this.#plans = plans;
    this.#epoch = epoch;
  }

  next(): MaybePromise<T | End> {
    if (!this.#current) return this.#advance();
    const element = this.#current.next();
    if (element instanceof Promise) return element.then((value) => (value === END ? this.#advance() : value));
    return element === END ? this.#advance() : element;
  }

  async #advance(): Promise<T | End> {
    for (;;) {
      if (this.#current) {
        await this.#current.close();
        this.#current = undefined;
        this.#index++;
      }
      const plan = this.#plans[this.#index];
      if (!plan) return END;
      this.#current = await plan.open(this.#epoch);
      const element = await this.#current.next();
      if (element !== END) return element;
    }
  }

  async skip(count: number): Promise<void> {
    let left = count;
    // Whole parts of known size need not be opened.
    while (!this.#current && this.#index < this.#plans.length) {
      const { size } = this.#plans[this.#index]!;
      if (size === undefined || size > left) break;
      left -= size;
      this.#index++;
    }
    if (left === 0) return;
    const plan = this.#plans[this.#index];
    if (!this.#current && plan?.size !== undefined && plan.size > left) {
      this.#current = await plan.open(this.#epoch);
      return this.#current.skip(left);
    }
    return skipByNext(this, left);
  }

  async close(): Promise<void> {
    this.#index = this.#plans.length;
    await this.#current?.close();
    this.#current = undefined;
  }
}

export function concatenatePlan<T>(plans: readonly Plan<T>[]): Plan<T> {
  let size: number | undefined = 0;
  for (const plan of plans) size = size === undefined || plan.size === undefined ? undefined : size + plan.size;
  return {
    size,
    signature: `concatenate(${plans.map((plan) => plan.signature).join(", ")})`,
    open: (epoch) => new ConcatenateCursor(plans, epoch),
  };
}

export interface InterleaveOptions {
  /** How many inner data sets are open at once; default 4. */
  readonly cycle?: number;
  /** How many elements are taken from one before turning to the next; default 1. */
  readonly block?: number;
}

interface Lane<U> {
  readonly cursor: Cursor<U>;
}

class InterleaveCursor<T, U> extends Through<T, U> {
  readonly #open: (element: T) => MaybePromise<Cursor<U>>;
  readonly #block: number;
  readonly #lanes: (Lane<U> | undefined)[];
  #turn = 0;
  #taken = 0;
  #ended = false;

  constructor(upstream: Cursor<T>, open: (element: T) => MaybePromise<Cursor<U>>, cycle: number, block: number) {
    super(upstream);
    this.#open = open;
    this.#block = block;
    this.#lanes = new Array<Lane<U> | undefined>(cycle).fill(undefined);
  }

  async next(): Promise<U | End> {
    let idle = 0;
    while (idle < this.#lanes.length) {
      const lane = this.#lanes[this.#turn] ?? (await this.#fill());
      if (!lane) {
        this.#pass();
        idle++;
        continue;
      }
      idle = 0;
      const pulled = lane.cursor.next();
      const element = pulled instanceof Promise ? await pulled : pulled;
      if (element === END) {
        // The next input takes the lane's place and its turn.
        await lane.cursor.close();
        this.#lanes[this.#turn] = undefined;
        this.#taken = 0;
        if (this.#ended) this.#pass();
        continue;
      }
      if (++this.#taken >= this.#block) this.#pass();
      return element;
    }
    return END;
  }

  #pass(): void {
    this.#turn = (this.#turn + 1) % this.#lanes.length;
    this.#taken = 0;
  }

  async #fill(): Promise<Lane<U> | undefined> {
    if (this.#ended) return undefined;
    const input = await this.upstream.next();
    if (input === END) {
      this.#ended = true;
      return undefined;
    }
    const lane = { cursor: await this.#open(input as T) };
    this.#lanes[this.#turn] = lane;
    return lane;
  }

  override close(): Promise<void> {
    this.#ended = true;
    const open = this.#lanes.flatMap((lane) => (lane ? [lane.cursor] : []));
    this.#lanes.fill(undefined);
    return closeAll([...open, this.upstream]);
  }
}

export function interleavePlan<T, U>(
  upstream: Plan<T>,
  inner: (element: T) => MaybePromise<Plan<U>>,
  options: InterleaveOptions,
): Plan<U> {
  const { cycle = 4, block = 1 } = options;
  requireInteger("cycle", cycle, 1);
  requireInteger("block", block, 1);
  return through(upstream, `interleave(${cycle},${block})`, undefined, (cursor, epoch) => {
    const open = (element: T): MaybePromise<Cursor<U>> => chain(inner(element), (plan) => plan.open(epoch));
    return new InterleaveCursor(cursor, open, cycle, block);
  });
}
