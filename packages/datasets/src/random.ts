import { ArgumentError } from "./errors.ts";
import { ln } from "./portable-math.ts";

/**
 * Deterministic random numbers: xoshiro128** (Blackman and Vigna), its state mixed from any number of integer keys, so
 * that `new Random(seed, epoch, index)` is an independent stream for each sample whatever order samples are worked on.
 * Only 32-bit integer arithmetic and correctly rounded operations: the same numbers on every machine.
 */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;
  #spare = Number.NaN;

  constructor(...keys: number[]) {
    // Each key is absorbed as two 32-bit words, with murmur3's finaliser between, so that neighbouring keys part ways.
    let hash = 0x9e3779b9;
    for (const key of keys) {
      if (!Number.isSafeInteger(key)) {
        throw new ArgumentError("not a valid seed", { field: "seed", expected: "a safe integer", found: String(key) });
      }
      hash = mix(hash ^ (key | 0));
      hash = mix((hash + 0x85ebca6b) ^ (Math.floor(key / 0x100000000) | 0));
    }
    const next = (): number => {
      hash = (hash + 0x9e3779b9) | 0;
      return mix(hash);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1; // never the all-zero state
  }

  /** An integer in [0, 2³²). */
  uint32(): number {
    const scrambled = Math.imul(this.#b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result >>> 0;
  }

  /** A number in [0, 1) with 53 random bits. */
  float(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** An integer in [0, bound), each equally likely; `bound` at most 2³². */
  int(bound: number): number {
    // Values past the last whole multiple of the bound would favour small results, so they are drawn again.
    const limit = 0x100000000 - (0x100000000 % bound);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % bound;
  }

  /** A number from the standard normal distribution (Marsaglia's polar method). */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const value = this.#spare;
      this.#spare = Number.NaN;
      return value;
    }
    for (;;) {
      const u = 2 * this.float() - 1;
      const v = 2 * this.float() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const scale = Math.sqrt((-2 * ln(s)) / s);
      this.#spare = v * scale;
      return u * scale;
    }
  }

  /** The numbers 0 … count−1 in random order. */
  permutation(count: number): Uint32Array {
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) order[i] = i;
    for (let i = count - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  }
}

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A seed nobody chose, for calls that were given none. */
export function freshSeed(): number {
  const words = new Uint32Array(1);
  globalThis.crypto.getRandomValues(words);
  return words[0]!;
}
