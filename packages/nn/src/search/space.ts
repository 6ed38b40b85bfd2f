import { ArgumentError } from "@gradiente/autograd";
import type { Json } from "../config.ts";
import { checkOptionNames } from "../option-checks.ts";

/** Gives numbers in [0, 1). */
type Random = () => number;

/** One quantity to choose: its values, how they are drawn, and which of them a grid has. */
export abstract class Dimension<out T = unknown> {
  /** @internal Draws a value. */
  abstract sample(random: Random): T;
  /** @internal How many values a grid has. */
  abstract readonly gridSize: number;
  /** @internal The values of a grid. */
  abstract grid(): Iterable<T>;
  /** @internal What tells it from another, as JSON. */
  abstract describe(): Json;
}

/**
 * Everything a search chooses from: dimensions, in objects and lists of any depth, among values that stay as they are.
 * A `choice` among objects with dimensions of their own makes those conditional: they exist only where it is taken.
 */
export type Space =
  | string
  | number
  | boolean
  | null
  | Dimension
  | readonly Space[]
  | { readonly [name: string]: Space };

/** The values that a space of this type gives: `{ units: Dimension<number> }` gives `{ units: number }`. */
export type Values<S> = [Space] extends [S] ? unknown : ValuesOf<S>; // of any space, of whatever depth, nothing is known

type ValuesOf<S> = S extends Dimension<infer T> ? T : S extends object ? { readonly [K in keyof S]: Values<S[K]> } : S;

class Choice extends Dimension<Json> {
  private readonly options: readonly Space[];

  constructor(options: readonly Space[]) {
    super();
    if (options.length === 0) throw new ArgumentError({ op: "choice", message: "there are no options to choose from" });
    const seen = new Set<string>();
    for (const option of options) {
      const text = JSON.stringify(describeSpace(option));
      if (seen.has(text)) throw new ArgumentError({ op: "choice", message: `the option ${text} is there twice` });
      seen.add(text);
    }
    this.options = options;
  }
  sample(random: Random): Json {
    return drawFrom(this.options[Math.floor(random() * this.options.length)]!, random);
  }
  get gridSize(): number {
    return this.options.reduce<number>((sum, option) => sum + gridSize(option), 0);
  }
  *grid(): Iterable<Json> {
    for (const option of this.options) yield* pointsOf(option);
  }
  describe(): Json {
    return { choice: this.options.map(describeSpace) };
  }
}

/** Options of {@link int}. */
export interface IntOptions {
  /** Equally likely orders of magnitude instead of numbers. Default: false. */
  readonly log?: boolean;
  /** Distance of the values, from `low` on. Default: 1; not together with `log`. */
  readonly step?: number;
  /** How many values a grid has where `log` is set. Default: 5, or as many as there are. */
  readonly points?: number;
}

class Int extends Dimension<number> {
  private readonly low: number;
  private readonly high: number;
  private readonly log: boolean;
  private readonly step: number;
  private readonly points: number;

  constructor(low: number, high: number, options: IntOptions) {
    super();
    checkOptionNames("int", options, ["log", "step", "points"]);
    const { log = false, step = 1, points = 5 } = options;
    const refuse = (message: string): never => {
      throw new ArgumentError({ op: "int", message });
    };
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || low > high)
      refuse(`the bounds are ${low} and ${high}, expected whole numbers, the smaller first`);
    if (log && low < 1) refuse(`the lower bound is ${low}, expected 1 or more where log is set`);
    if (log && step !== 1) refuse("step and log exclude each other");
    if (!Number.isSafeInteger(step) || step < 1) refuse(`step is ${step}, expected a whole number from 1`);
    if (!Number.isSafeInteger(points) || points < 1) refuse(`points is ${points}, expected a whole number from 1`);
    this.low = low;
    this.high = high;
    this.log = log;
    this.step = step;
    this.points = points;
  }
  private get count(): number {
    return Math.floor((this.high - this.low) / this.step) + 1;
  }
  sample(random: Random): number {
    if (!this.log) return this.low + this.step * Math.floor(random() * this.count);
    // The numbers next to the bounds get as much room as the others.
    const at = between(Math.log(this.low - 0.5), Math.log(this.high + 0.5), random());
    return Math.min(this.high, Math.max(this.low, Math.round(Math.exp(at))));
  }
  get gridSize(): number {
    return this.log ? this.grid().length : this.count;
  }
  grid(): number[] {
    if (!this.log) return Array.from({ length: this.count }, (_, i) => this.low + i * this.step);
    return [...new Set(spread(this.low, this.high, this.points, true).map(Math.round))];
  }
  describe(): Json {
    return { int: [this.low, this.high], log: this.log, step: this.step, points: this.points };
  }
}

/** Options of {@link float}. */
export interface FloatOptions {
  /** Equally likely orders of magnitude (log-uniform) instead of numbers. Default: false. */
  readonly log?: boolean;
  /** How many values, equally far apart (or in equal ratios), a grid has. Default: 5. */
  readonly points?: number;
}

class Float extends Dimension<number> {
  private readonly low: number;
  private readonly high: number;
  private readonly log: boolean;
  readonly gridSize: number;

  constructor(low: number, high: number, options: FloatOptions) {
    super();
    checkOptionNames("float", options, ["log", "points"]);
    const { log = false, points = 5 } = options;
    const refuse = (message: string): never => {
      throw new ArgumentError({ op: "float", message });
    };
    if (!Number.isFinite(low) || !Number.isFinite(high) || low >= high)
      refuse(`the bounds are ${low} and ${high}, expected numbers, the smaller first`);
    if (log && low <= 0) refuse(`the lower bound is ${low}, expected more than 0 where log is set`);
    if (!Number.isSafeInteger(points) || points < 1) refuse(`points is ${points}, expected a whole number from 1`);
    this.low = low;
    this.high = high;
    this.log = log;
    this.gridSize = points;
  }
  sample(random: Random): number {
    const at = random();
    const value = this.log
      ? Math.exp(between(Math.log(this.low), Math.log(this.high), at))
      : between(this.low, this.high, at);
    return Math.min(this.high, Math.max(this.low, value));
  }
  grid(): number[] {
    return spread(this.low, this.high, this.gridSize, this.log);
  }
  describe(): Json {
    return { float: [this.low, this.high], log: this.log, points: this.gridSize };
  }
}

const between = (low: number, high: number, at: number): number => low + (high - low) * at;

/** Numbers from `low` to `high`, equally far apart or in equal ratios; a single one lies in the middle. */
function spread(low: number, high: number, count: number, log: boolean): number[] {
  const [from, to] = log ? [Math.log(low), Math.log(high)] : [low, high];
  return Array.from({ length: count }, (_, i) => {
    const at = count === 1 ? 0.5 : i / (count - 1);
    if (at === 0 || at === 1) return at === 0 ? low : high;
    const value = between(from, to, at);
    return log ? Math.exp(value) : value;
  });
}

/**
 * One of several values, each as likely. The options may have dimensions of their own, which exist only where they are
 * taken.
 *
 * @throws {ArgumentError} for no options, or one that is there twice.
 *
 * @example
 * ```ts
 * const space = {
 *   units: choice([[30], [300, 100]]),
 *   optimizer: choice([{ name: "sgd", momentum: choice([0, 0.9]) }, { name: "adam" }]),
 * };
 * [...gridOf(space)].length; // 6
 * ```
 */
export function choice<const S extends readonly Space[]>(options: S): Dimension<Values<S[number]>> {
  return new Choice(options) as Dimension as Dimension<Values<S[number]>>;
}

/**
 * A whole number from `low` to `high`, both included.
 *
 * @throws {ArgumentError} for bounds that are not whole numbers, or not in order.
 *
 * @example
 * ```ts
 * [...gridOf(int(1, 4))]; // [1, 2, 3, 4]
 * [...gridOf(int(16, 256, { log: true, points: 3 }))]; // [16, 64, 256]
 * ```
 */
export function int(low: number, high: number, options: IntOptions = {}): Dimension<number> {
  return new Int(low, high, options);
}

/**
 * A number between `low` and `high`, uniform or, with `log`, log-uniform: as learning rates and penalties are searched.
 *
 * @throws {ArgumentError} for bounds that are not finite, or not in order.
 *
 * @example
 * ```ts
 * [...gridOf(float(0, 1, { points: 3 }))]; // [0, 0.5, 1]
 * [...gridOf(float(0.001, 0.1, { log: true, points: 3 }))]; // [0.001, 0.01, 0.1]
 * ```
 */
export function float(low: number, high: number, options: FloatOptions = {}): Dimension<number> {
  return new Float(low, high, options);
}

/**
 * Draws values from a space.
 * @param random gives numbers in [0, 1).
 *
 * @example
 * ```ts
 * sampleSpace({ units: int(1, 9), bias: true }, () => 0.5); // ({ units: 5, bias: true })
 * ```
 */
export function sampleSpace<const S extends Space>(space: S, random: () => number): Values<S> {
  return drawFrom(space, random) as Values<S>;
}

/** @internal {@link sampleSpace} of a space whose type does not matter. */
export function drawFrom(space: Space, random: Random): Json {
  if (space instanceof Dimension) return space.sample(random) as Json;
  if (isList(space)) return space.map((inner) => drawFrom(inner, random));
  if (typeof space !== "object" || space === null) return space;
  return Object.fromEntries(Object.entries(space).map(([name, inner]) => [name, drawFrom(inner, random)]));
}

/** Number of points of {@link gridOf}, without making them. */
export function gridSize(space: Space): number {
  if (space instanceof Dimension) return space.gridSize;
  if (typeof space !== "object" || space === null) return 1;
  return Object.values(space).reduce<number>((product, inner) => product * gridSize(inner), 1);
}

/**
 * Every combination of values, one after the other, the last dimension changing fastest.
 *
 * @example
 * ```ts
 * [...gridOf([choice([1, 2]), choice([3, 4])])]; // [[1, 3], [1, 4], [2, 3], [2, 4]]
 * ```
 */
export function gridOf<const S extends Space>(space: S): Iterable<Values<S>> {
  return pointsOf(space) as Iterable<Values<S>>;
}

/** @internal {@link gridOf} of a space whose type does not matter. */
export function* pointsOf(space: Space): Generator<Json, void, void> {
  if (space instanceof Dimension) yield* space.grid() as Iterable<Json>;
  else if (typeof space !== "object" || space === null) yield space;
  else {
    const names = Object.keys(space);
    for (const values of product(Object.values(space))) {
      yield isList(space) ? values : Object.fromEntries(names.map((name, i) => [name, values[i]!]));
    }
  }
}

function* product(spaces: readonly Space[]): Generator<readonly Json[], void, void> {
  if (spaces.length === 0) yield [];
  else {
    const [first, ...rest] = spaces as [Space, ...Space[]];
    for (const value of pointsOf(first)) for (const values of product(rest)) yield [value, ...values];
  }
}

/** What tells a space from another, as JSON. */
export function describeSpace(space: Space): Json {
  if (space instanceof Dimension) return { dimension: space.describe() };
  if (isList(space)) return space.map(describeSpace);
  if (typeof space !== "object" || space === null) return space;
  return Object.fromEntries(Object.entries(space).map(([name, inner]) => [name, describeSpace(inner)]));
}

function isList(space: Space): space is readonly Space[] {
  return Array.isArray(space);
}
