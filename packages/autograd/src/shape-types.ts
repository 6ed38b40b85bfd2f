/**
 * Shapes in types. Where a shape is written down as a literal, as in `zeros([784, 300])`, the compiler knows it, carries
 * it through elementwise operations, matrix products and reshapes, and refuses what cannot fit. Where it is not
 * (`number[]`), everything is a plain {@link Tensor} and nothing is checked before the program runs.
 *
 * Only what costs the compiler little is computed: no products of lengths, so a reshape is not checked.
 */
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

declare const shapeOf: unique symbol;

/**
 * A tensor whose shape the compiler knows; a plain {@link Tensor} when `S` is not a tuple. An axis may be `number`.
 * A plain tensor may stand where one of these is expected, as nothing is known that speaks against it.
 */
export type TensorOf<S extends Shape> = number extends S["length"] ? Tensor : Tensor & { readonly [shapeOf]?: S };

/** What the compiler knows of the shape of an operand: a tuple, `[]` for a number, or any {@link Shape}. */
export type ShapeOf<X> = X extends number
  ? readonly []
  : X extends { readonly [shapeOf]?: infer S extends Shape }
    ? S
    : Shape;

/** Two shapes that do not fit, with the reason; no value has this type. */
export interface ShapeMismatch<Reason extends string> {
  readonly [mismatch]: Reason;
}
declare const mismatch: unique symbol;

/** `X` where the shapes fit; otherwise the reason, a text, to which the compiler says that no tensor can be assigned. */
export type Fits<X, Result> = Result extends ShapeMismatch<infer Reason> ? Reason : X;

/** The tensor of a computed shape. */
export type Computed<Result> = Result extends Shape ? TensorOf<Result> : Tensor;

type Text<S extends Shape> = S extends readonly [infer Head extends number, ...infer Rest extends Shape]
  ? Rest extends readonly []
    ? `${Head}`
    : `${Head}, ${Text<Rest>}`
  : "";

type Either<M extends number, N extends number> = number extends M
  ? N extends 1
    ? M
    : N
  : number extends N
    ? M extends 1
      ? N
      : M
    : M extends N
      ? M
      : M extends 1
        ? N
        : N extends 1
          ? M
          : never;

type Aligned<A extends Shape, B extends Shape, Tail extends Shape> = A extends readonly [
  ...infer AHead extends Shape,
  infer M extends number,
]
  ? B extends readonly [...infer BHead extends Shape, infer N extends number]
    ? [Either<M, N>] extends [never]
      ? never
      : Aligned<AHead, BHead, readonly [Either<M, N>, ...Tail]>
    : readonly [...A, ...Tail]
  : readonly [...B, ...Tail];

/** The shape two shapes broadcast to by NumPy's rule. */
export type Broadcast<A extends Shape, B extends Shape> = number extends A["length"] | B["length"]
  ? Shape
  : [Aligned<A, B, readonly []>] extends [never]
    ? ShapeMismatch<`the shapes [${Text<A>}] and [${Text<B>}] do not broadcast`>
    : Aligned<A, B, readonly []>;

type Inner<A extends Shape, B extends Shape, K extends number, L extends number, Result> = [Same<K, L>] extends [never]
  ? ShapeMismatch<`[${Text<A>}] times [${Text<B>}]: the shared axis has length ${K} on the left and ${L} on the right`>
  : Result;

/** `never` for two lengths that differ. */
type Same<K extends number, L extends number> = number extends K | L ? number : K & L;

type Batched<A extends Shape, B extends Shape, Result extends Shape> =
  Broadcast<A, B> extends infer Lead ? (Lead extends Shape ? readonly [...Lead, ...Result] : Lead) : never;

/** The shape of a matrix product. */
export type MatMul<A extends Shape, B extends Shape> = number extends A["length"] | B["length"]
  ? Shape
  : A extends readonly [...infer ALead extends Shape, infer M extends number, infer K extends number]
    ? B extends readonly [...infer BLead extends Shape, infer L extends number, infer N extends number]
      ? Inner<A, B, K, L, Batched<ALead, BLead, readonly [M, N]>>
      : B extends readonly [infer L extends number]
        ? Inner<A, B, K, L, readonly [...ALead, M]>
        : ShapeMismatch<"the right operand has no axes">
    : A extends readonly [infer K extends number]
      ? B extends readonly [...infer BLead extends Shape, infer L extends number, infer N extends number]
        ? Inner<A, B, K, L, readonly [...BLead, N]>
        : B extends readonly [infer L extends number]
          ? Inner<A, B, K, L, readonly []>
          : ShapeMismatch<"the right operand has no axes">
      : ShapeMismatch<"the left operand has no axes">;

/** A shape as it is after reshaping: the length that -1 stands for is not computed. */
export type Completed<S extends Shape> = number extends S["length"]
  ? Shape
  : { readonly [I in keyof S]: S[I] extends -1 ? number : S[I] };

/** A shape with its axes in reverse order. */
export type Reversed<S extends Shape> = S extends readonly [infer Head extends number, ...infer Rest extends Shape]
  ? readonly [...Reversed<Rest>, Head]
  : S;
