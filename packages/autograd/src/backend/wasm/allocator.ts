/**
 * Hands out ranges of an address space, in units of 64 bytes (a cache line), so that every range is aligned.
 *
 * Two levels. Freed ranges of up to 64 KiB wait in a stack per exact size, from which the next request of that size
 * is served in a few nanoseconds: programs ask for the same sizes over and over. Everything else is segregated best
 * fit (TLSF, Masmano et al. 2004): free ranges hang in lists by size class, two bitmaps tell in constant time which
 * list fits, and neighbours merge at once. When space runs short, the stacks are emptied into the second level, so
 * nothing is lost to fragmentation by size.
 *
 * The bookkeeping lives outside the address space: `table` holds, at the first and last unit of each free range, its
 * length (negative at the last).
 */
export const unit = 64;
const stackedUnits = 1024;
/** Each power of two is split into this many classes. */
const subclassBits = 3;
const classes = 32 << subclassBits;

export class Allocator {
  /** Units in the address space. */
  #end = 0;
  readonly #stacks: number[][] = [];
  #table: Int32Array = new Int32Array(0);
  /** List links of free ranges, at their first unit: previous and next first unit, -1 for none. */
  #links: Int32Array = new Int32Array(0);
  readonly #heads: Int32Array = new Int32Array(classes).fill(-1);
  readonly #filled: Int32Array = new Int32Array(classes >> 5);

  /** The size really taken by a request. */
  static units(bytes: number): number {
    return bytes <= unit ? 1 : Math.ceil(bytes / unit);
  }

  /** Extends the address space. */
  grow(bytes: number): void {
    const end = Math.floor(bytes / unit);
    const table = new Int32Array(end + 1);
    table.set(this.#table.subarray(0, this.#end));
    const links = new Int32Array(2 * (end + 1));
    links.set(this.#links);
    this.#table = table;
    this.#links = links;
    const start = this.#end;
    this.#end = end;
    this.#release(start, end - start);
  }

  /** The first unit of a range of `units`, or -1. */
  take(units: number): number {
    if (units <= stackedUnits) {
      const stack = this.#stacks[units];
      if (stack !== undefined && stack.length > 0) return stack.pop()!;
    }
    return this.#carve(units);
  }

  give(start: number, units: number): void {
    if (units > stackedUnits) {
      this.#release(start, units);
      return;
    }
    let stack = this.#stacks[units];
    if (stack === undefined) {
      stack = [];
      this.#stacks[units] = stack;
    }
    stack.push(start);
  }

  /** Merges the ranges waiting in stacks with their neighbours. */
  consolidate(): void {
    this.#stacks.forEach((stack, units) => {
      for (const start of stack) this.#release(start, units);
      stack.length = 0;
    });
  }

  #carve(units: number): number {
    // Any range of the next class up is long enough; the first classes hold one size each.
    const index = this.#find(classOf(units) + (units >= 1 << subclassBits ? 1 : 0));
    let start = index < 0 ? -1 : this.#heads[index]!;
    if (start < 0) {
      start = this.#search(units);
      if (start < 0) return -1;
    }
    const length = this.#table[start]!;
    this.#unlink(start, length);
    if (length > units) this.#link(start + units, length - units);
    return start;
  }

  /** The first filled class from `from` on. */
  #find(from: number): number {
    let word = from >> 5;
    if (word >= this.#filled.length) return -1;
    let bits = this.#filled[word]! & (-1 << (from & 31));
    while (bits === 0) {
      if (++word === this.#filled.length) return -1;
      bits = this.#filled[word]!;
    }
    return (word << 5) + 31 - Math.clz32(bits & -bits);
  }

  /** A fitting range in the request's own classes, where some are long enough and some are not. */
  #search(units: number): number {
    for (let index = this.#find(classOf(units)); index >= 0; index = this.#find(index + 1)) {
      for (let start = this.#heads[index]!; start >= 0; start = this.#links[2 * start + 1]!) {
        if (this.#table[start]! >= units) return start;
      }
    }
    return -1;
  }

  #release(from: number, units: number): void {
    let start = from;
    let length = units;
    const before = start > 0 ? this.#table[start - 1]! : 0;
    if (before !== 0) {
      const n = Math.abs(before);
      this.#unlink(start - n, n);
      start -= n;
      length += n;
    }
    const after = start + length < this.#end ? this.#table[start + length]! : 0;
    if (after > 0) {
      this.#unlink(start + length, after);
      length += after;
    }
    if (length > 0) this.#link(start, length);
  }

  #link(start: number, length: number): void {
    const index = classOf(length);
    const head = this.#heads[index]!;
    this.#links[2 * start] = -1;
    this.#links[2 * start + 1] = head;
    if (head >= 0) this.#links[2 * head] = start;
    this.#heads[index] = start;
    this.#filled[index >> 5]! |= 1 << (index & 31);
    this.#table[start + length - 1] = -length;
    this.#table[start] = length;
  }

  #unlink(start: number, length: number): void {
    const index = classOf(length);
    const previous = this.#links[2 * start]!;
    const next = this.#links[2 * start + 1]!;
    if (next >= 0) this.#links[2 * next] = previous;
    if (previous >= 0) this.#links[2 * previous + 1] = next;
    else {
      this.#heads[index] = next;
      if (next < 0) this.#filled[index >> 5]! &= ~(1 << (index & 31));
    }
    this.#table[start] = 0;
    this.#table[start + length - 1] = 0;
  }
}

/** Sizes below 2³ have a class each, then every power of two has 2³. */
function classOf(units: number): number {
  const power = 31 - Math.clz32(units);
  if (power < subclassBits) return units;
  return ((power - subclassBits + 1) << subclassBits) + ((units >> (power - subclassBits)) & ((1 << subclassBits) - 1));
}
