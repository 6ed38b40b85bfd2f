import { fromArray } from "../ops/tensor-like.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Where the arguments of a checked operation come from: a property-based test, or a seeded generator. */
export interface Source {
  /** An integer between two bounds, both included. */
  integer(low: number, high: number): number;
}

/** Where an operation may be checked. */
export interface Domain {
  readonly low: number;
  readonly high: number;
  /** Points to stay away from: kinks, poles, jumps. */
  readonly avoid?: readonly number[];
}

export const anywhere: Domain = { low: -2, high: 2 };
export const positive: Domain = { low: 0.2, high: 3 };
export const notZero: Domain = { low: -2, high: 2, avoid: [0] };

/** Draws shapes, tensors and options for a case. */
export class Sampler {
  private readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  integer(low: number, high: number): number {
    return this.source.integer(low, high);
  }

  boolean(): boolean {
    return this.integer(0, 1) === 1;
  }

  choose<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)]!;
  }

  /** A multiple of 1/1024 of the domain, at least 0.05 away from the points to avoid. */
  number({ low, high, avoid = [] }: Domain = anywhere): number {
    let value = low + ((high - low) * this.integer(0, 1024)) / 1024;
    for (const point of avoid) {
      if (Math.abs(value - point) < 0.05) value = value < point && point - 0.1 >= low ? point - 0.1 : point + 0.1;
    }
    return value;
  }

  /** A shape with ranks and lengths between bounds. */
  shape(minRank = 0, maxRank = 3, shortest = 0, longest = 3): Shape {
    const rank = this.integer(minRank, maxRank);
    // Empty axes are drawn less often than others: they say little more than that nothing goes wrong.
    return Array.from({ length: rank }, () => {
      const length = this.integer(Math.min(1, shortest) - (shortest === 0 ? 1 : 0), longest + 1);
      return length > longest ? Math.max(shortest, 2) : Math.max(shortest, length);
    });
  }

  /** A shape that broadcasts to the given one: some axes are 1, some of the first are missing. */
  broadcastable(shape: Shape): Shape {
    const from = this.integer(0, shape.length);
    return shape.slice(from).map((length) => (this.boolean() ? length : 1));
  }

  tensor(shape: Shape, domain: Domain = anywhere): Tensor {
    const size = shape.reduce((a, b) => a * b, 1);
    return fromArray(
      Float64Array.from({ length: size }, () => this.number(domain)),
      shape,
    );
  }

  /** Elements no two of which are near each other, in random order: where order decides, no tie is. */
  distinct(shape: Shape): Tensor {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Array.from(
      { length: size },
      (_, i) => (i - size / 2) * 0.25 + this.number({ low: 0.02, high: 0.1 }),
    );
    for (let i = size - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [values[i], values[j]] = [values[j]!, values[i]!];
    }
    return fromArray(Float64Array.from(values), shape);
  }

  integers(shape: Shape, low: number, high: number): Tensor {
    const size = shape.reduce((a, b) => a * b, 1);
    return fromArray(
      Int32Array.from({ length: size }, () => this.integer(low, high)),
      shape,
    );
  }

  booleans(shape: Shape): Tensor {
    const size = shape.reduce((a, b) => a * b, 1);
    return fromArray(
      Uint8Array.from({ length: size }, () => this.integer(0, 1)),
      shape,
      "bool",
    );
  }

  /** An axis of a shape, sometimes counted from the end. */
  axis(shape: Shape): number {
    const axis = this.integer(0, shape.length - 1);
    return this.boolean() ? axis : axis - shape.length;
  }

  /** Options of a reduction over a shape: all axes, one or several. */
  reduction(shape: Shape): { axis?: readonly number[]; keepDims: boolean } {
    const keepDims = this.boolean();
    if (shape.length === 0 || this.integer(0, 2) === 0) return { keepDims };
    return { axis: shape.map((_, i) => i).filter(() => this.boolean()), keepDims };
  }
}
