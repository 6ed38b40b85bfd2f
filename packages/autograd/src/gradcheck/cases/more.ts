import * as g from "../../ops/index.ts";
import type { Tensor } from "../../tensor.ts";
import { anywhere, notZero, positive, type Sampler } from "../sampler.ts";
import type { CaseMaker, CaseTable } from "./case.ts";
import { shaped } from "./shape.ts";

const distinct = (s: Sampler, shape: readonly number[]): Tensor => s.distinct(shape);

/** Distinct and away from 0. */
const distinctNotZero = (s: Sampler, shape: readonly number[]): Tensor => {
  const x = s.distinct(shape);
  return g.where(g.less(g.abs(x), 0.05), g.add(x, 0.11), x);
};

const reduced = (
  f: (x: Tensor, options: g.ReduceOptions) => Tensor,
  shortest = 0,
  input: typeof distinct = (s, shape) => s.tensor(shape),
): CaseMaker =>
  shaped(
    (s, shape) => {
      const options = s.reduction(shape);
      return (x) => f(x, options);
    },
    0,
    shortest,
    input,
  );

const alongAxis = (f: (x: Tensor, o: { axis: number }) => Tensor, shortest = 0, input?: typeof distinct): CaseMaker =>
  shaped(
    (s, shape) => {
      const axis = s.axis(shape);
      return (x) => f(x, { axis });
    },
    1,
    shortest,
    input,
  );

/** With NaN here and there. */
const distinctOrNaN = (s: Sampler, shape: readonly number[]): Tensor =>
  g.where(g.equal(s.integers(shape, 0, 3), 0), Number.NaN, s.distinct(shape));

const quantile =
  (f: typeof g.quantile, input: typeof distinct): CaseMaker =>
  (s) => {
    const q = s.choose<number | number[]>([0.3, 1, [0, 0.7]]);
    const method = s.choose(["linear", "lower", "higher", "midpoint", "nearest"] as const);
    return reduced((x, o) => f(x, q, { ...o, method }), 1, input)(s);
  };

/** Statistics, running combinations and sorting. */
const statisticsCases: CaseTable = {
  prod: reduced(g.prod),
  amax: reduced(g.amax, 1, distinct),
  amin: reduced(g.amin, 1, distinct),
  logSumExp: reduced(g.logSumExp, 1),
  nanMean: reduced(g.nanMean, 1),
  nanSum: reduced(g.nanSum),
  median: reduced(g.median, 1, distinct),
  std: reduced(
    (x, o) => g.std(g.concatenate([x.flatten(), x.flatten().mul(2).add(1)]), { ...o, axis: 0 }),
    1,
    distinct,
  ),
  norm: (s) => {
    const ord = s.choose([2, 1, 0, 3, 1.5, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    return reduced((x, o) => g.norm(x, { ...o, ord }), 1, distinctNotZero)(s);
  },
  quantile: quantile(g.quantile, distinct),
  nanQuantile: quantile((...args) => g.nanToNum(g.nanQuantile(...args)), distinctOrNaN),
  nanMedian: reduced((x, o) => g.nanToNum(g.nanMedian(x, o)), 1, distinctOrNaN),
  average: (s) => {
    const shape = s.shape(1, 2, 1);
    const axis = s.axis(shape);
    return { f: (x, w) => g.average(x!, { weights: w!, axis }), inputs: [s.tensor(shape), s.tensor(shape, positive)] };
  },
  diff: alongAxis((x, o) => g.diff(x, { ...o, n: 2 }), 3),
  trapezoid: (s) => {
    const n = s.integer(2, 4);
    return { f: (y, x) => g.trapezoid(y!, { x: x! }), inputs: [s.tensor([s.integer(1, 2), n]), s.tensor([n])] };
  },
  cumsum: alongAxis(g.cumsum),
  cumprod: alongAxis(g.cumprod),
  logCumSumExp: alongAxis(g.logCumSumExp),
  cummax: alongAxis(g.cummax, 0, distinct),
  cummin: alongAxis(g.cummin, 0, distinct),
  sort: alongAxis((x, o) => g.sort(x, { ...o, descending: true }).values, 0, distinct),
  topK: alongAxis((x, o) => g.topK(x, Math.min(2, x.shape.at(o.axis)!), o).values, 1, distinct),
};

/** Parts, repetitions, diagonals. */
const arrangeCases: CaseTable = {
  ravel: shaped(() => (x) => g.ravel(x)),
  expand: (s) => {
    const shape = s.shape(1, 3);
    return { f: (x) => g.expand(x!, [2, ...shape]), inputs: [s.tensor(shape)] };
  },
  tile: shaped((s) => {
    const counts = [s.integer(1, 2), s.integer(0, 2)];
    return (x) => g.tile(x, counts);
  }),
  repeat: alongAxis((x, o) => g.repeat(x, 2, o)),
  split: alongAxis((x, o) => g.split(x, [1], o)[1]!, 2),
  chunk: alongAxis((x, o) => g.chunk(x, 2, o)[0]!, 1),
  unstack: alongAxis((x, o) => g.unstack(x, o)[0]!, 1),
  roll: alongAxis((x, o) => g.roll(x, 4, o)),
  rot90: shaped((s) => {
    const times = s.integer(-1, 3);
    return (x) => g.rot90(x, times);
  }, 2),
  diagonal: shaped((s) => {
    const offset = s.integer(-2, 2);
    return (x) => g.diagonal(x, { offset, axes: [-1, 0] });
  }, 2),
  diag: (s) => {
    const [rank, offset] = [s.integer(1, 2), s.integer(-1, 1)];
    return { f: (x) => g.diag(x!, { offset }), inputs: [s.tensor(s.shape(rank, rank))] };
  },
  trace: shaped((s) => {
    const offset = s.integer(-1, 1);
    return (x) => g.trace(x, { offset });
  }, 2),
  tril: shaped((s) => {
    const offset = s.integer(-1, 1);
    return (x) => g.tril(x, { offset });
  }, 2),
  triu: shaped((s) => {
    const offset = s.integer(-1, 1);
    return (x) => g.triu(x, { offset });
  }, 2),
  meshgrid: (s) => ({ f: (x, y) => g.meshgrid(x!, y!), inputs: [s.tensor([s.integer(1, 3)]), s.tensor([2])] }),
  interpolate: (s) => {
    const mode = s.choose(["nearest", "nearestExact", "linear", "cubic"] as const);
    const [size, alignCorners] = [[s.integer(1, 5), s.integer(1, 3)], s.boolean()];
    return {
      f: (x) => g.interpolate(x!, size, { mode, alignCorners }),
      inputs: [s.tensor([s.integer(0, 2), s.integer(1, 3), s.integer(1, 3), 2])],
    };
  },
};

const places = (s: Sampler): { shape: number[]; indices: Tensor; axis: number } => {
  const shape = [s.integer(1, 3), s.integer(1, 3)];
  const axis = s.integer(0, 1);
  const lengths = shape.map((n, i) => (i === axis ? s.integer(0, 4) : s.integer(0, n)));
  return { shape, axis, indices: s.integers(lengths, 0, shape[axis]! - 1) };
};

const scattering = (
  f: (x: Tensor, i: Tensor, v: Tensor, o: { axis: number }) => Tensor,
  input: typeof distinct = (s, shape) => s.tensor(shape),
): CaseMaker => {
  return (s) => {
    const { shape, indices, axis } = places(s);
    const all = input(s, [shape[0]! * shape[1]! + indices.size]);
    const [x, v] = g.split(all, [shape[0]! * shape[1]!]) as [Tensor, Tensor];
    return {
      f: (a, b) => f(a!, indices, b!, { axis }),
      inputs: [g.clone(x.reshape(shape)), g.clone(v.reshape(indices.shape))],
    };
  };
};

const indexCases: CaseTable = {
  gather: (s) => {
    const { shape, indices, axis } = places(s);
    return { f: (x) => g.gather(x!, indices, { axis }), inputs: [s.tensor(shape)] };
  },
  scatter: scattering(g.scatter),
  scatterAdd: scattering(g.scatterAdd),
  scatterReduce: (s) => {
    const [reduce, includeSelf] = [s.choose(["sum", "mean", "prod", "amax", "amin"] as const), s.boolean()];
    const withZeros: typeof distinct = (_, shape) => s.tensor(shape).mul(s.integers(shape, 0, 2).cast("float64"));
    const input = reduce === "prod" ? withZeros : distinct;
    return scattering((x, i, v, o) => g.scatterReduce(x, i, v, { ...o, reduce, includeSelf }), input)(s);
  },
  indexSelect: (s) => {
    const indices = s.integers([s.integer(0, 3)], 0, 1);
    return { f: (x) => g.indexSelect(x!, indices, { axis: 1 }), inputs: [s.tensor([s.integer(0, 2), 2])] };
  },
  indexAdd: (s) => {
    const indices = s.integers([3], 0, 1);
    return { f: (x, v) => g.indexAdd(x!, indices, v!), inputs: [s.tensor([2, 2]), s.tensor([3, 2])] };
  },
  embedding: (s) => {
    const indices = s.integers(s.shape(0, 2), 0, 2);
    return { f: (x) => g.embedding(x!, indices), inputs: [s.tensor([3, 2])] };
  },
  maskedFill: (s) => {
    const shape = s.shape(0, 2);
    const mask = s.booleans(s.broadcastable(shape));
    return { f: (x) => g.maskedFill(x!, mask, 3), inputs: [s.tensor(shape)] };
  },
  maskedSelect: (s) => {
    const shape = s.shape(1, 2);
    const mask = s.booleans(shape);
    return { f: (x) => g.maskedSelect(x!, mask), inputs: [s.tensor(shape)] };
  },
  at: (s) => {
    const list = s.integers([2], -2, 1);
    const index = s.choose<readonly g.Index[]>([
      [0],
      [{ step: -1 }, null, 1],
      ["...", { start: 1 }],
      [list],
      [list, [1, 0]],
      [list, {}, list],
      [[true, false], 0],
      [0, {}, list],
    ]);
    return { f: (x) => g.at(x!, ...index), inputs: [s.tensor([2, 2, 2])] };
  },
  setAt: (s) => {
    const index = s.choose<readonly g.Index[]>([
      [0],
      [{}, 1],
      [[0, 0]],
      [
        [1, 0],
        [1, 1],
      ],
    ]);
    return { f: (x, v) => g.setAt(x!, index, v!), inputs: [s.tensor([2, 2]), s.tensor([2])] };
  },
  addAt: (s) => {
    const index = s.choose<readonly g.Index[]>([
      [0],
      [{}, 1],
      [[0, 0]],
      [
        [1, 0],
        [1, 1],
      ],
    ]);
    return { f: (x, v) => g.addAt(x!, index, v!), inputs: [s.tensor([2, 2]), s.tensor([2])] };
  },
};

const product =
  (f: (x: Tensor, y: Tensor) => Tensor, shapes: (s: Sampler) => [number[], number[]]): CaseMaker =>
  (s) => {
    const [a, b] = shapes(s);
    return { f: (x, y) => f(x!, y!), inputs: [s.tensor(a), s.tensor(b)] };
  };

const productCases: CaseTable = {
  einsum: (s) => {
    const [equation, ...shapes] = s.choose<readonly [string, ...number[][]]>([
      ["ij,jk->ik", [2, 3], [3, 2]],
      ["ii->i", [3, 3]],
      ["ij->j", [2, 3]],
      ["...ij,...jk", [2, 1, 2], [2, 2]],
      ["i,j,ij->", [2], [3], [2, 3]],
      ["ij,jk->ik", [0, 3], [3, 2]],
      ["ij,jk->ik", [2, 0], [0, 2]],
      [",i->i", [], [2]],
      ["bij,bjk,kl->bl", [2, 1, 2], [2, 2, 2], [2, 1]],
      ["ij,ij->ij", [2, 2], [1, 2]],
    ]);
    return { f: (...xs) => g.einsum(equation, ...xs), inputs: shapes.map((shape) => s.tensor(shape)) };
  },
  tensorDot: product(
    (x, y) => g.tensorDot(x, y, 1),
    (s) => [
      [s.integer(1, 2), 2],
      [2, s.integer(1, 3)],
    ],
  ),
  inner: product(g.inner, (s) => [
    [s.integer(1, 2), 2],
    [s.integer(1, 2), 2],
  ]),
  outer: product(g.outer, (s) => [[s.integer(0, 3)], [s.integer(1, 3)]]),
  dot: product(g.dot, (s) => [
    [s.integer(1, 2), 2],
    [2, s.integer(1, 3)],
  ]),
  kron: product(g.kron, (s) => [
    [s.integer(1, 2), 2],
    [2, s.integer(1, 2)],
  ]),
};

const reduction = (s: Sampler): g.LossOptions => ({ reduction: s.choose(["mean", "sum", "none"] as const) });

const sameShapes =
  (f: (x: Tensor, y: Tensor, o: g.LossOptions) => Tensor, x = anywhere, y = anywhere): CaseMaker =>
  (s) => {
    const options = reduction(s);
    const shape = s.shape(0, 2, 1);
    return { f: (a, b) => f(a!, b!, options), inputs: [s.tensor(shape, x), s.tensor(shape, y)] };
  };

const apart =
  (f: (x: Tensor, y: Tensor, o: g.LossOptions) => Tensor): CaseMaker =>
  (s) => {
    const options = reduction(s);
    const shape = s.shape(0, 2, 1);
    const y = s.tensor(shape);
    const x = y.add(s.tensor(shape, { low: -2, high: 2, avoid: [-1, 0, 1] }));
    return { f: (a, b) => f(a!, b!, options), inputs: [x, y] };
  };

const lossCases: CaseTable = {
  binaryCrossEntropy: sameShapes(g.binaryCrossEntropy, { low: 0.1, high: 0.9 }, { low: 0, high: 1 }),
  binaryCrossEntropyWithLogits: sameShapes(g.binaryCrossEntropyWithLogits, anywhere, { low: 0, high: 1 }),
  mseLoss: sameShapes(g.mseLoss),
  l1Loss: apart(g.l1Loss),
  huber: apart(g.huber),
  klDiv: sameShapes(g.klDiv, anywhere, { low: 0.1, high: 0.9 }),
  nllLoss: (s) => {
    const [n, c] = [s.integer(1, 3), s.integer(1, 3)];
    const target = s.integers([n], 0, c - 1);
    const options = { ...reduction(s), ignoreIndex: s.choose([-100, 0]) };
    return {
      f: (x, w) =>
        g.nllLoss(x!, target, { ...options, weights: w!, ...(options.ignoreIndex === 0 ? { reduction: "sum" } : {}) }),
      inputs: [s.tensor([n, c]), s.tensor([c], positive)],
    };
  },
  crossEntropy: (s) => {
    const [n, c] = [s.integer(1, 3), s.integer(1, 3)];
    const options = { ...reduction(s), labelSmoothing: s.choose([0, 0.2]) };
    const weights = s.boolean() ? { weights: s.tensor([c], positive) } : {};
    if (s.boolean()) {
      return {
        f: (x, t) => g.crossEntropy(x!, t!, { ...options, ...weights }),
        inputs: [s.tensor([n, c]), s.tensor([n, c], { low: 0, high: 1 })],
      };
    }
    const target = s.integers([n], 0, c - 1);
    return { f: (x) => g.crossEntropy(x!, target, { ...options, ...weights }), inputs: [s.tensor([n, c])] };
  },
};

const normalized =
  (f: (x: Tensor, o: g.ScaleAndShift) => Tensor, fewest = 0): CaseMaker =>
  (s) => ({
    f: (x, scale, shift) => f(x!, { scale: scale!, shift: shift!, epsilon: 0.1 }),
    inputs: [s.tensor([s.integer(fewest, 2), s.integer(1, 3), 4]), s.tensor([4], notZero), s.tensor([4])],
  });

const networkCases: CaseTable = {
  layerNorm: normalized(g.layerNorm),
  standardize: (s) => {
    const shape = [s.integer(1, 3), s.integer(2, 3), s.integer(2, 3)];
    const axis = s.choose([undefined, 1, -1, [0, 2]]);
    const used = s.choose([["result"], ["mean", "variance"], ["result", "mean", "variance"]] as const);
    return {
      f: (x) => {
        const parts = g.standardize(x!, { epsilon: 0.1, ...(axis === undefined ? {} : { axis }) });
        return used.map((name) => parts[name]).reduce((sum, part) => sum.add(part));
      },
      inputs: [s.tensor(shape)],
    };
  },
  rmsNorm: normalized(g.rmsNorm),
  batchNorm: normalized(g.batchNorm, 1),
  groupNorm: normalized((x, o) => g.groupNorm(x, 2, o)),
  instanceNorm: normalized(g.instanceNorm),
  dropout: (s) => ({ f: (x) => g.dropout(x!, 0), inputs: [s.tensor(s.shape())] }),
  scaledDotProductAttention: (s) => {
    const [queries, keys, causal] = [s.integer(0, 3), s.integer(1, 3), s.boolean()];
    const mask = s.boolean() ? s.tensor([queries, keys]) : undefined;
    const options = mask === undefined ? { causal } : { causal, mask };
    return {
      f: (q, k, v) => g.scaledDotProductAttention(q!, k!, v!, options),
      inputs: [s.tensor([queries, 2]), s.tensor([2, keys, 2]), s.tensor([2, keys, 1])],
    };
  },
};

export const moreCases: CaseTable = {
  ...statisticsCases,
  ...arrangeCases,
  ...indexCases,
  ...productCases,
  ...lossCases,
  ...networkCases,
};
