import fc from "fast-check";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { anywhere, type Domain, Sampler } from "./sampler.ts";

// Arbitraries for property-based tests with fast-check: `@gradiente/autograd/arbitraries`.

export type { Domain };

/** Bounds of {@link shapes}. */
export interface ShapeBounds {
  /** Default: 0. */
  readonly minRank?: number;
  /** Default: 3. */
  readonly maxRank?: number;
  /** Shortest axis. Default: 0. */
  readonly shortest?: number;
  /** Longest axis. Default: 3. */
  readonly longest?: number;
}

/** Shapes with ranks and lengths between bounds, empty ones included. */
export function shapes({ minRank = 0, maxRank = 3, shortest = 0, longest = 3 }: ShapeBounds = {}): fc.Arbitrary<Shape> {
  return fc.array(fc.integer({ min: shortest, max: longest }), { minLength: minRank, maxLength: maxRank });
}

/** Several shapes that broadcast with each other. */
export function broadcastableShapes(count = 2, bounds: ShapeBounds = {}): fc.Arbitrary<Shape[]> {
  return shapes(bounds).chain((shape) => {
    const part = fc
      .tuple(fc.nat(shape.length), fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }))
      .map(([from, whole]) => shape.map((n, i) => (whole[i] ? n : 1)).slice(from));
    return fc.array(part, { minLength: count, maxLength: count });
  });
}

/**
 * float64 tensors whose elements lie in a domain, away from the points it avoids.
 *
 * @param options.shape a shape, or an arbitrary of shapes. Default: any small one.
 * @param options.domain default: [-2, 2].
 *
 * @example
 * ```ts
 * fc.assert(fc.property(tensors({ shape: [2, 3] }), (x) => gradcheck((a) => a.sin(), [x]).passed));
 * ```
 */
export function tensors({
  shape = shapes(),
  domain = anywhere,
}: {
  readonly shape?: Shape | fc.Arbitrary<Shape>;
  readonly domain?: Domain;
} = {}): fc.Arbitrary<Tensor> {
  const drawn = shape instanceof fc.Arbitrary ? shape : fc.constant(shape);
  return fc.tuple(drawn, fc.gen()).map(([lengths, gen]) => {
    const source = { integer: (min: number, max: number): number => gen(fc.integer, { min, max }) };
    return new Sampler(source).tensor(lengths, domain);
  });
}
