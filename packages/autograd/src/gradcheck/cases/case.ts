import type { Tensor } from "../../tensor.ts";
import type { CheckedFunction } from "../gradcheck.ts";
import { anywhere, type Domain, type Sampler } from "../sampler.ts";

/** A function to check, and where. */
export interface OpCase {
  readonly f: CheckedFunction;
  readonly inputs: readonly Tensor[];
}

/** Draws a case of one operation. */
export type CaseMaker = (s: Sampler) => OpCase;

/** Cases by the name of the operation. */
export type CaseTable = Readonly<Record<string, CaseMaker>>;

/** One tensor of any shape. */
export function unary(f: (x: Tensor) => Tensor, domain: Domain = anywhere): CaseMaker {
  return (s) => ({ f: (x) => f(x!), inputs: [s.tensor(s.shape(), domain)] });
}

/** Two tensors whose shapes broadcast. */
export function binary(
  f: (x: Tensor, y: Tensor) => Tensor,
  first: Domain = anywhere,
  second: Domain = first,
): CaseMaker {
  return (s) => {
    const shape = s.shape(0, 2);
    const shapes = s.boolean() ? [s.broadcastable(shape), shape] : [shape, s.broadcastable(shape)];
    return { f: (x, y) => f(x!, y!), inputs: [s.tensor(shapes[0]!, first), s.tensor(shapes[1]!, second)] };
  };
}

/** Two tensors whose elements are never near each other. */
export function binaryDistinct(f: (x: Tensor, y: Tensor) => Tensor): CaseMaker {
  return (s) => {
    const shape = s.shape(0, 2);
    const x = s.tensor(shape, { low: -2, high: 2 });
    const offsets = s.tensor(shape, { low: -2, high: 2, avoid: [0] });
    return { f: (a, b) => f(a!, b!), inputs: [x, x.add(offsets)] };
  };
}
