import { allocateArray } from "../dtype.ts";
import { ArgumentError, checkInteger, shown } from "../errors.ts";
import { philox } from "./philox.ts";

/** What {@link Generator.state} saves: the key and the position. */
export interface GeneratorState {
  readonly key: readonly [number, number];
  readonly counter: number;
}

/**
 * A stream of random numbers, fixed by its seed: the same on every platform, backend and number of threads.
 * Numbers are blocks of {@link philox} at successive counters, so a generator can be split into independent ones.
 */
export class Generator {
  private key: readonly [number, number];
  private counter = 0;

  /**
   * @param seed any integer of up to 53 bits.
   * @throws {ArgumentError} when it is none.
   */
  constructor(seed: number) {
    this.key = keyOf(seed);
  }

  /** Starts again from another seed. */
  seed(seed: number): void {
    this.key = keyOf(seed);
    this.counter = 0;
  }

  /** Reserves `blocks` blocks of four words; returns key and counter as the four words a kernel takes. */
  take(blocks: number): readonly [number, number, number, number] {
    const at = this.counter;
    this.counter += checkInteger("Generator", "blocks", blocks, 0);
    return [...this.key, at | 0, Math.floor(at / 2 ** 32) | 0];
  }

  /** A generator whose numbers are independent of this one's. */
  split(): Generator {
    const [key0, key1, low, high] = this.take(1);
    const words = new Int32Array(4);
    // Counters of drawn numbers have zeros here, so these words are never drawn.
    philox([low, high, 1, 0], [key0, key1], words);
    const child = new Generator(0);
    child.key = [words[0]!, words[1]!];
    return child;
  }

  /** One number in [0, 1), a multiple of 2⁻³². */
  next(): number {
    const [key0, key1, low, high] = this.take(1);
    const words = new Int32Array(4);
    philox([low, high, 0, 0], [key0, key1], words);
    return (words[0]! >>> 0) * 2 ** -32;
  }

  /** The integers 0 … n-1 in random order (Fisher–Yates). */
  permutation(n: number): Int32Array {
    const order = allocateArray("int32", checkInteger("Generator", "n", n, 0)) as Int32Array;
    for (let i = 0; i < n; i++) order[i] = i;
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(this.next() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }

  /** What to give to {@link restore} to go on from here. */
  get state(): GeneratorState {
    return { key: this.key, counter: this.counter };
  }

  /**
   * Goes on from where a generator was.
   * @throws {ArgumentError} when it is no {@link state}.
   */
  restore(state: GeneratorState): void {
    const key: unknown = state?.key;
    if (!Array.isArray(key) || key.length !== 2 || ![...key, state.counter].every(Number.isSafeInteger)) {
      throw new ArgumentError({
        op: "Generator",
        message: `the state to restore is ${shown(state)}`,
        hint: "give what state gave: { key: [integer, integer], counter: integer }",
      });
    }
    this.key = [state.key[0], state.key[1]];
    this.counter = state.counter;
  }
}

function keyOf(seed: number): readonly [number, number] {
  if (!Number.isSafeInteger(seed)) {
    throw new ArgumentError({ op: "Generator", message: `the seed is ${shown(seed)}`, hint: "give an integer" });
  }
  return [seed | 0, Math.floor(seed / 2 ** 32) | 0];
}

/** The generator that is used when none is given. */
export const defaultGenerator: Generator = new Generator(0);

/** Seeds the generator that is used when none is given. */
export function manualSeed(seed: number): void {
  defaultGenerator.seed(seed);
}
