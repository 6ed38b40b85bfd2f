import * as g from "../../ops/index.ts";
import type { Tensor } from "../../tensor.ts";
import type { Sampler } from "../sampler.ts";
import type { CaseMaker, CaseTable } from "./case.ts";

/** A function whose options depend on the shape of its one input. */
export function shaped(
  make: (s: Sampler, shape: readonly number[]) => (x: Tensor) => Tensor | readonly Tensor[],
  minRank = 0,
  shortest = 0,
  input: (s: Sampler, shape: readonly number[]) => Tensor = (s, shape) => s.tensor(shape),
): CaseMaker {
  return (s) => {
    const shape = s.shape(minRank, 3, shortest);
    const f = make(s, shape);
    return { f: (x) => f(x!), inputs: [input(s, shape)] };
  };
}

const reduced = (f: (x: Tensor, options: g.ReduceOptions) => Tensor, shortest = 0): CaseMaker =>
  shaped(
    (s, shape) => {
      const options = s.reduction(shape);
      return (x) => f(x, options);
    },
    0,
    shortest,
    shortest > 0 ? (s, shape) => s.distinct(shape) : undefined,
  );

const order = (s: Sampler, rank: number): number[] => {
  const axes = Array.from({ length: rank }, (_, i) => i);
  for (let i = rank - 1; i > 0; i--) {
    const j = s.integer(0, i);
    [axes[i], axes[j]] = [axes[j]!, axes[i]!];
  }
  return axes;
};

const bound = (s: Sampler): number | undefined => (s.boolean() ? undefined : s.integer(-4, 4));

export const shapeCases: CaseTable = {
  sum: reduced(g.sum),
  mean: reduced(g.mean, 1),
  variance: reduced(g.variance, 1),
  var: reduced((x, o) => g.var(g.stack([x, x.mul(2)]), { ...o, axis: 0, correction: 1 }), 1),
  max: reduced(g.max, 1),
  min: reduced(g.min, 1),
  cast: (s) => ({ f: (x) => g.cast(x!, "float64").mul(x!), inputs: [s.tensor(s.shape())] }),
  clone: (s) => ({ f: (x) => g.clone(x!), inputs: [s.tensor(s.shape())] }),
  contiguous: (s) => ({ f: (x) => g.contiguous(g.transpose(x!)), inputs: [s.tensor(s.shape())] }),
  broadcastTo: (s) => {
    const shape = s.shape();
    return { f: (x) => g.broadcastTo(x!, shape), inputs: [s.tensor(s.broadcastable(shape))] };
  },
  sumTo: (s) => {
    const shape = s.shape();
    const target = s.broadcastable(shape);
    return { f: (x) => g.sumTo(x!, target), inputs: [s.tensor(shape)] };
  },
  reshape: shaped((s, shape) => {
    const target = s.boolean() ? [shape.reduce((a, b) => a * b, 1)] : [...shape].reverse();
    return (x) => g.reshape(x, target);
  }),
  flatten: shaped((s, shape) => {
    const start = s.integer(0, Math.max(0, shape.length - 1));
    return (x) => g.flatten(x, shape.length === 0 ? 0 : start);
  }),
  permute: shaped((s, shape) => {
    const axes = order(s, shape.length);
    return (x) => g.permute(x, axes);
  }),
  transpose: shaped(() => (x) => g.transpose(x)),
  swapAxes: shaped((s, shape) => {
    const [a, b] = [s.axis(shape), s.axis(shape)];
    return (x) => g.swapAxes(x, a, b);
  }, 1),
  moveAxis: shaped((s, shape) => {
    const [a, b] = [s.axis(shape), s.axis(shape)];
    if (shape.length === 3 && s.boolean()) return (x) => g.moveAxis(x, [0, 2], [1, 0]);
    return (x) => g.moveAxis(x, a, b);
  }, 1),
  unsqueeze: shaped((s, shape) => {
    const axis = s.integer(0, shape.length);
    return (x) => g.unsqueeze(x, axis);
  }),
  squeeze: shaped((s, shape) => {
    const axis = s.integer(0, shape.length);
    return (x) => g.squeeze(g.unsqueeze(x, axis));
  }),
  flip: shaped((s, shape) => {
    const { axis } = s.reduction(shape);
    return (x) => g.flip(x, axis);
  }),
  slice: shaped((s, shape) => {
    const ranges = shape.map(() => ({ start: bound(s), stop: bound(s), step: s.choose([1, 2, -1, -2]) }));
    return (x) => g.slice(x, ranges);
  }),
  select: shaped(
    (s, shape) => {
      const axis = s.axis(shape);
      const length = shape.at(axis)!;
      const index = s.integer(-length, length - 1);
      return (x) => g.select(x, axis, index);
    },
    1,
    1,
  ),
  concatenate: (s) => {
    const shape = s.shape(1);
    const axis = s.integer(0, shape.length - 1);
    const inputs = [0, 1, 2].map(() => s.tensor(shape.with(axis, s.integer(0, 2))));
    return { f: (...xs) => g.concatenate(xs, { axis }), inputs };
  },
  stack: (s) => {
    const shape = s.shape(0, 2);
    const axis = s.integer(0, shape.length);
    return { f: (...xs) => g.stack(xs, { axis }), inputs: [s.tensor(shape), s.tensor(shape)] };
  },
  take: (s) => {
    const shape = s.shape(1, 3, 1);
    const axis = s.axis(shape);
    const indices = s.integers(s.shape(0, 2), -shape.at(axis)!, shape.at(axis)! - 1);
    return { f: (x) => g.take(x!, indices, { axis }), inputs: [s.tensor(shape)] };
  },
  takeAlongAxis: (s) => {
    const shape = s.shape(1, 3, 1);
    const axis = s.integer(0, shape.length - 1);
    const indices = s.integers(shape.with(axis, s.integer(0, 3)), -shape[axis]!, shape[axis]! - 1);
    return { f: (x) => g.takeAlongAxis(x!, indices, axis), inputs: [s.tensor(shape)] };
  },
  matmul: (s) => {
    const [m, k, n] = [s.integer(0, 2), s.integer(0, 3), s.integer(1, 2)];
    const batch = s.shape(0, 2, 1, 2);
    const [left, right] = [
      [...s.broadcastable(batch), m, k],
      [...batch, k, n],
    ];
    const shapes = s.choose([
      [left, right],
      [[k], right],
      [left, [k]],
      [[k], [k]],
    ]);
    return { f: (a, b) => g.matmul(a!, b!), inputs: [s.tensor(shapes[0]!), s.tensor(shapes[1]!)] };
  },
  contract: (s) => {
    const [b, m, k, n] = [s.shape(0, 1), s.shape(0, 2, 1, 2), s.shape(0, 2, 1, 2), s.shape(0, 1)];
    const groups = { batch: b.length, m: m.length, k: k.length, n: n.length };
    return {
      f: (x, y) => g.contract(x!, y!, groups),
      inputs: [s.tensor([...b, ...m, ...k]), s.tensor([...b, ...k, ...n])],
    };
  },
};
