import * as g from "../../ops/index.ts";
import type { Tensor } from "../../tensor.ts";
import type { Sampler } from "../sampler.ts";
import type { CaseMaker, CaseTable } from "./case.ts";

/** Matrices whose diagonal dominates, with diagonal elements far apart: well conditioned, with distinct eigenvalues. */
function wellConditioned(s: Sampler, n: number, lead: readonly number[] = []): Tensor {
  const noise = s.tensor([...lead, n, n], { low: -0.3, high: 0.3 });
  return noise.add(g.diag(g.arange(1, n + 1).mul(1.5)).cast("float64"));
}

const lead = (s: Sampler): readonly number[] => (s.boolean() ? [] : [2]);

const square =
  (f: (a: Tensor) => Tensor | Tensor[]): CaseMaker =>
  (s) => ({ f: (a) => f(a!), inputs: [wellConditioned(s, s.integer(1, 3), lead(s))] });

const positive = (a: Tensor): Tensor => a.matmul(a.swapAxes(-1, -2));
const t = (a: Tensor): Tensor => a.swapAxes(-1, -2);

/** Tall or square. */
const tall =
  (f: (a: Tensor) => Tensor | Tensor[]): CaseMaker =>
  (s) => {
    const n = s.integer(1, 2);
    const a = wellConditioned(s, n, lead(s));
    const more = s.tensor([...a.shape.slice(0, -2), s.integer(0, 2), n]);
    return { f: (x) => f(x!), inputs: [g.concatenate([a, more], { axis: -2 })] };
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
  det: square(g.det),
  slogdet: square((a) => g.slogdet(a).logAbsDet),
  // Products that do not depend on the vectors' signs.
  qr: tall((a) => {
    const { q, r } = g.qr(a);
    return [q.matmul(t(q)), t(r).matmul(r), q.abs()];
  }),
  eigh: square((a) => {
    const { values, vectors } = g.eigh(a.add(t(a)));
    return [values, vectors.mul(values.square().unsqueeze(-2)).matmul(t(vectors)), vectors.square()];
  }),
  svd: tall((a) => {
    const { u, s, v } = g.svd(a);
    return [s, u.mul(s.square().unsqueeze(-2)).matmul(t(v)), u.square(), v.square()];
  }),
  lstsq: (s) => {
    const a = g.concatenate([wellConditioned(s, 2), s.tensor([2, 2])]);
    return { f: (x, b) => g.lstsq(x!, b!), inputs: [a, s.tensor(s.boolean() ? [4] : [4, 1])] };
  },
  pinv: tall((a) => g.pinv(a)),
  cond: tall(g.cond),
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
