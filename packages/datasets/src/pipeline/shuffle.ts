import { requireInteger } from "../errors.ts";
import { Random } from "../random.ts";
import { type Cursor, END, type End, type Epoch, type MaybePromise, type Plan, Through, through } from "./cursor.ts";

/** A buffer from which a random element is drawn and replaced by the next: uniform when it holds everything. */
class ShuffleCursor<T> extends Through<T, T> {
  readonly #buffer: T[] = [];
  readonly #capacity: number;
  readonly #random: Random;
  #ended = false;

  constructor(upstream: Cursor<T>, capacity: number, random: Random) {
    super(upstream);
    this.#capacity = capacity;
    this.#random = random;
  }

  next(): MaybePromise<T | End> {
    while (!this.#ended && this.#buffer.length < this.#capacity) {
      const element = this.upstream.next();
      if (element instanceof Promise) return this.#fillAfter(element);
      if (element === END) this.#ended = true;
      else this.#buffer.push(element as T);
    }
    return this.#draw();
  }

  async #fillAfter(first: Promise<T | End>): Promise<T | End> {
    let element = (await first) as T | End;
    for (;;) {
      if (element === END) this.#ended = true;
      else this.#buffer.push(element as T);
      if (this.#ended || this.#buffer.length >= this.#capacity) return this.#draw();
      const pulled = this.upstream.next();
      element = (pulled instanceof Promise ? await pulled : pulled) as T | End;
    }
  }

  #draw(): T | End {
    const { length } = this.#buffer;
    if (length === 0) return END;
    const index = this.#random.int(length);
    const element = this.#buffer[index]!;
    this.#buffer[index] = this.#buffer[length - 1]!;
    this.#buffer.pop();
    return element;
  }
}

export function shufflePlan<T>(
  upstream: Plan<T>,
  bufferSize: number,
  seed: number,
  reshuffleEachEpoch: boolean,
): Plan<T> {
  requireInteger("bufferSize", bufferSize, 1);
  new Random(seed); // an unusable seed is reported here, not at the first pass
  const keys = (epoch: Epoch): number[] => (reshuffleEachEpoch ? [seed, ...epoch] : [seed]);
  return through(
    upstream,
    `shuffle(${bufferSize},${seed},${reshuffleEachEpoch})`,
    upstream.size,
    (cursor, epoch) => new ShuffleCursor(cursor, bufferSize, new Random(...keys(epoch))),
  );
}
