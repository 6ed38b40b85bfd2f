import { ArgumentError, PipelineError, requireInteger } from "../errors.ts";
import { Random } from "../random.ts";
import { type Cursor, END, type End, type MaybePromise, type Plan, Through } from "./cursor.ts";

/**
 * Parts of one pipeline by element number. Membership is drawn for the whole data set at once, so parts never overlap,
 * always add up, and are the same in every pass; within a part the elements keep their order.
 */

/** For each element the number of its part. */
type Assignment = Uint8Array | Uint16Array;

class PartCursor<T> extends Through<T, T> {
  readonly #assignment: Assignment;
  readonly #member: (part: number) => boolean;
  #index = 0;

  constructor(upstream: Cursor<T>, assignment: Assignment, member: (part: number) => boolean) {
    super(upstream);
    this.#assignment = assignment;
    this.#member = member;
  }

  next(): MaybePromise<T | End> {
    let foreign = 0;
    while (this.#index < this.#assignment.length && !this.#member(this.#assignment[this.#index]!)) {
      foreign++;
      this.#index++;
    }
    if (this.#index >= this.#assignment.length) return END;
    this.#index++;
    if (foreign === 0) return this.upstream.next();
    const skipped = this.upstream.skip(foreign);
    return skipped instanceof Promise ? skipped.then(() => this.upstream.next()) : this.upstream.next();
  }

  override skip(count: number): MaybePromise<void> {
    const start = this.#index;
    for (let left = count; left > 0 && this.#index < this.#assignment.length; this.#index++) {
      if (this.#member(this.#assignment[this.#index]!)) left--;
    }
    return this.upstream.skip(this.#index - start);
  }
}

async function countElements(plan: Plan<unknown>): Promise<number> {
  const cursor = await plan.open([0]);
  try {
    let count = 0;
    while ((await cursor.next()) !== END) count++;
    return count;
  } finally {
    await cursor.close();
  }
}

interface Parts {
  readonly sizes: readonly number[];
  readonly assignment: Assignment;
}

function assign(total: number, sizes: readonly number[], seed: number | undefined): Parts {
  const assignment = sizes.length <= 256 ? new Uint8Array(total) : new Uint16Array(total);
  const order = seed === undefined ? undefined : new Random(seed).permutation(total);
  let index = 0;
  for (const [part, size] of sizes.entries()) {
    for (let i = 0; i < size; i++, index++) assignment[order ? order[index]! : index] = part;
  }
  return { sizes, assignment };
}

/** Whole numbers that add up to `total` and differ from the exact shares by less than one. */
function shares(total: number, fractions: readonly number[]): number[] {
  let sum = 0;
  let given = 0;
  return fractions.map((fraction) => {
    sum += fraction;
    const upTo = Math.round(total * Math.min(1, sum));
    const share = upTo - given;
    given = upTo;
    return share;
  });
}

/** The sizes are worked out at once when the total is known, and by one counting pass when it is not. */
class Splitter<T> {
  readonly plan: Plan<T>;
  readonly #divide: (total: number) => number[];
  readonly #seed: number | undefined;
  #parts: Promise<Parts> | undefined;
  readonly known: readonly number[] | undefined;

  constructor(plan: Plan<T>, divide: (total: number) => number[], seed: number | undefined) {
    if (plan.size === Number.POSITIVE_INFINITY) {
      throw new PipelineError("split", "a data set without end has no fractions", { hint: "Use .take(n) first." });
    }
    if (seed !== undefined) new Random(seed);
    this.plan = plan;
    this.#divide = divide;
    this.#seed = seed;
    this.known = plan.size === undefined ? undefined : divide(plan.size);
  }

  #assigned(): Promise<Parts> {
    this.#parts ??= (async () => {
      const total = this.plan.size ?? (await countElements(this.plan));
      return assign(total, this.#divide(total), this.#seed);
    })();
    this.#parts.catch(() => {
      this.#parts = undefined; // a pass that failed may work the next time
    });
    return this.#parts;
  }

  part(label: string, member: (part: number) => boolean): Plan<T> {
    let size: number | undefined;
    if (this.known) size = this.known.reduce((sum, count, part) => (member(part) ? sum + count : sum), 0);
    return {
      size,
      signature: `${this.plan.signature} > ${label}`,
      open: async (epoch) => {
        const { assignment } = await this.#assigned();
        return new PartCursor(await this.plan.open(epoch), assignment, member);
      },
    };
  }
}

export function splitPlans<T>(plan: Plan<T>, fractions: readonly number[], seed: number | undefined): Plan<T>[] {
  const sum = fractions.reduce((total, fraction) => total + fraction, 0);
  const valid = fractions.every((fraction) => fraction >= 0 && fraction <= 1) && Math.abs(sum - 1) < 1e-9;
  if (!valid || fractions.length === 0) {
    throw new ArgumentError("not a way to split", {
      field: "fractions",
      expected: "numbers from 0 to 1 that add up to 1, or one number from 0 to 1",
      found: fractions.join(", "),
    });
  }
  const splitter = new Splitter(plan, (total) => shares(total, fractions), seed);
  return fractions.map((_, i) => splitter.part(`split(${fractions.join("/")},${seed},${i})`, (part) => part === i));
}

export function foldPlans<T>(
  plan: Plan<T>,
  count: number,
  seed: number | undefined,
): { train: Plan<T>; validation: Plan<T> }[] {
  requireInteger("count", count, 2);
  const splitter = new Splitter(plan, (total) => shares(total, new Array<number>(count).fill(1 / count)), seed);
  return Array.from({ length: count }, (_, i) => ({
    train: splitter.part(`fold(${count},${seed},not ${i})`, (part) => part !== i),
    validation: splitter.part(`fold(${count},${seed},${i})`, (part) => part === i),
  }));
}
