import * as g from "../../ops/index.ts";
import type { Tensor } from "../../tensor.ts";
import { notZero, type Sampler } from "../sampler.ts";
import type { CaseMaker, CaseTable } from "./case.ts";

/** Matrices whose diagonal dominates, with diagonal elements far apart: well conditioned, with distinct eigenvalues. */
function wellConditioned(s: Sampler, n: number, lead: readonly number[] = []): Tensor {
  const noise = s.tensor([...lead, n, n], { low: -0.3, high: 0.3, avoid: [0] });
  return noise.add(g.diag(g.arange(1, n + 1).mul(1.5)).cast("float64"));
}

const lead = (s: Sampler): readonly number[] => (s.boolean() ? [] : [2]);

const square =
  (f: (a: Tensor) => Tensor | Tensor[]): CaseMaker =>
  (s) => ({ f: (a) => f(a!), inputs: [wellConditioned(s, s.integer(0, 3), lead(s))] });

const positive = (a: Tensor): Tensor => a.matmul(a.swapAxes(-1, -2));
const t = (a: Tensor): Tensor => a.swapAxes(-1, -2);

/** Tall or square. */
const tall =
  (f: (a: Tensor) => Tensor | Tensor[]): CaseMaker =>
  (s) => {
    const n = s.integer(1, 2);
    const a = wellConditioned(s, n, lead(s));
    const more = s.tensor([...a.shape.slice(0, -2), s.integer(0, 2), n], notZero);
    return { f: (x) => f(x!), inputs: [g.concatenate([a, more], { axis: -2 })] };
  };

/** Tall, square or wide, of full rank. */
const oblong = (s: Sampler): Tensor => {
  const { inputs } = tall((a) => a)(s);
  return s.boolean() ? inputs[0]! : t(inputs[0]!).contiguous();
};

const withRight =
  (f: (a: Tensor, b: Tensor) => Tensor): CaseMaker =>
  (s) => {
    const n = s.integer(1, 3);
    const b = s.boolean() ? [n] : [...lead(s), n, 2];
    return { f: (x, y) => f(x!, y!), inputs: [wellConditioned(s, n, lead(s)), s.tensor(b)] };
  };

export const linalgCases: CaseTable = {
  cholesky: square((a) => g.cholesky(positive(a))),
  solve: withRight(g.solve),
  triangularSolve: (s) => {
    const options = { lower: s.boolean(), transpose: s.boolean() };
    return withRight((a, b) => g.triangularSolve(a, b, options))(s);
  },
  inv: square(g.inv),
  // Also at matrices of rank n - 1, n - 2 and 0, where the determinant is a polynomial as everywhere.
  det: (s) => {
    if (s.boolean()) return square(g.det)(s);
    const n = s.integer(1, 3);
    const rank = s.integer(0, n - 1);
    const batch = lead(s);
    return { f: (a) => g.det(a!), inputs: [s.tensor([...batch, n, rank]).matmul(s.tensor([...batch, rank, n]))] };
  },
  slogdet: square((a) => g.slogdet(a).logAbsDet),
  qr: (s) => {
    if (s.boolean()) return tall((a) => Object.values(g.qr(a)))(s);
    const n = s.integer(1, 2);
    const a = wellConditioned(s, n, lead(s));
    const more = s.tensor([...a.shape.slice(0, -1), s.integer(0, 2)]);
    const mode = s.choose(["reduced", "complete"] as const);
    return { f: (x) => Object.values(g.qr(x!, { mode })), inputs: [g.concatenate([a, more], { axis: -1 })] };
  },
  // Products that do not depend on the vectors' signs.
  eigh: square((a) => {
    const { values, vectors } = g.eigh(a.add(t(a)));
    return [values, vectors.mul(values.square().unsqueeze(-2)).matmul(t(vectors)), vectors.square()];
  }),
  svd: (s) => {
    const fullMatrices = s.boolean();
    return tall((a) => {
      const { u, s: values, v } = g.svd(a, { fullMatrices });
      const first = u.slice([...Array<null>(u.rank - 1).fill(null), { stop: values.shape.at(-1)! }]);
      return [values, first.mul(values.square().unsqueeze(-2)).matmul(t(v)), first.square(), v.square()];
    })(s);
  },
  lstsq: (s) => {
    const a = oblong(s);
    const [rows] = a.shape.slice(-2) as [number];
    return { f: (x, b) => g.lstsq(x!, b!), inputs: [a, s.tensor(s.boolean() ? [rows] : [rows, s.integer(1, 2)])] };
  },
  pinv: (s) => {
    if (s.boolean()) return { f: (a) => g.pinv(a!), inputs: [oblong(s)] };
    // Of rank 1, whatever the factors.
    const vectors = [s.tensor([3, 1], notZero), s.tensor([1, 2], notZero)];
    return { f: (x, y) => g.pinv(x!.matmul(y!), { cutoff: 1e-6 }), inputs: vectors };
  },
  cond: (s) => {
    const ord = s.choose(["fro", "nuc", 2, -2, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const);
    if (ord === 2 || ord === -2) return tall((a) => g.cond(a, { ord }))(s);
    return { f: (a) => g.cond(a!, { ord }), inputs: [wellConditioned(s, s.integer(1, 2), lead(s))] };
  },
  matrixNorm: (s) => {
    const ord = s.choose(["fro", "nuc", 2, -2, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const);
    const keepDims = s.boolean();
    const a = oblong(s);
    // Roots, so that no sums are equal.
    const scale = g.sqrt(g.arange(1, a.size + 1).cast("float64")).reshape(a.shape);
    return { f: (x) => g.matrixNorm(x!, { ord, keepDims, axis: [-1, -2] }), inputs: [a.mul(scale)] };
  },
  matrixPower: (s) => {
    const power = s.integer(-2, 4);
    return square((a) => g.matrixPower(a, power))(s);
  },
  matrixExp: (s) => ({ f: (a) => g.matrixExp(a!), inputs: [s.tensor([2, 2])] }),
  cross: (s) => {
    const n = s.integer(1, 2);
    return { f: (a, b) => g.cross(a!, b!), inputs: [s.tensor([n, 3]), s.tensor([3])] };
  },
};
