import * as g from "@gradiente/autograd";
import { type Adapter, reduceOptions, type T, unary } from "./arguments.ts";

// Products of matrices and linear algebra.

export const products: Record<string, Adapter> = {
  addmm: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(a.matmul(b).mul(alpha)),
  addmv: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(a.matmul(b).mul(alpha)),
  baddbmm: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(a.matmul(b).mul(alpha)),
  addbmm: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(a.matmul(b).sum({ axis: 0 }).mul(alpha)),
  addr: ([c, a, b], { alpha = 1, beta = 1 }) => c.mul(beta).add(g.outer(a, b).mul(alpha)),
  einsum: ([xs, equation]) => g.einsum(equation, ...xs),
  tensordot: ([a, b], { dims }) => {
    // PyTorch stretches contracted dimensions of length 1.
    const pairs: [number[], number[]] =
      typeof dims === "number"
        ? [Array.from({ length: dims }, (_, i) => a.rank - dims + i), Array.from({ length: dims }, (_, i) => i)]
        : (dims as unknown as [number[], number[]]);
    const other = (x: T, y: T, i: number): T => {
      const shape = [...x.shape];
      pairs[i]!.forEach((axis, k) => {
        if (shape.at(axis) === 1) shape[axis < 0 ? axis + x.rank : axis] = y.shape.at(pairs[1 - i]![k]!)!;
      });
      return g.broadcastTo(x, shape);
    };
    return g.tensorDot(other(a, b, 0), other(b, a, 1), pairs);
  },
  kron: ([a, b]) => g.kron(a, b),
  outer: ([a, b]) => g.outer(a, b),
  "nn.functional.linear": ([x, w, b]) => (b ? x.matmul(w.transpose()).add(b) : x.matmul(w.transpose())),
  "nn.functional.bilinear": ([x, y, w, b]) => {
    const z = g.einsum("...i,oij,...j->...o", x, w, y);
    return b ? z.add(b) : z;
  },
  dot: ([a, b]) => a.matmul(b),
  vdot: ([a, b]) => a.matmul(b),
  mv: ([a, b]) => a.matmul(b),
  mm: ([a, b]) => a.matmul(b),
  bmm: ([a, b]) => a.matmul(b),
  "linalg.multi_dot": ([xs]) => xs.reduce((a: T, b: T) => a.matmul(b)),
  "linalg.vecdot": ([a, b], { dim = -1 }) => a.mul(b).sum({ axis: dim }),
  "linalg.vector_norm": ([x, ord = 2, dim, keep], o: Record<string, unknown>) =>
    g.norm(x, { ...reduceOptions([x, dim ?? o.dim, keep ?? o.keepdim], {}), ord: (o.ord as number) ?? ord }),
};

const half = (a: T): T => a.add(a.swapAxes(-1, -2)).mul(0.5);
const t = (a: T): T => a.swapAxes(-1, -2);
const column =
  (f: (a: T, b: T) => T) =>
  (a: T, b: T): T =>
    f(a, b);

/** Singular and eigenvectors are determined up to signs, one for each column: those that PyTorch chose. */
function signs(found: T, expected: T): T {
  if (found.size === 0) return found.sum({ axis: -2, keepDims: true });
  return g.stopGradient(g.sign(found.mul(expected).sum({ axis: -2, keepDims: true })));
}

/** What completes a basis is determined up to a rotation. */
function turned(found: T, expected: T, k: number): T {
  const lead = Array<null>(found.rank - 1).fill(null);
  const [first, rest] = [found.slice([...lead, { stop: k }]), found.slice([...lead, { start: k }])];
  const wanted = expected.slice([...lead, { start: k }]);
  return g.concatenate([first, rest.matmul(g.stopGradient(t(rest).matmul(wanted)))], { axis: -1 });
}

function decomposed(a: T, fullMatrices: boolean, u: T, v: T): { u: T; s: T; v: T } {
  const found = g.svd(a, { fullMatrices });
  const k = found.s.shape.at(-1)!;
  const lead = Array<null>(a.rank - 1).fill(null);
  const sign = signs(found.u.slice([...lead, { stop: k }]), u.slice([...lead, { stop: k }]));
  const ones = (x: T): T => g.ones([...sign.shape.slice(0, -1), x.shape.at(-1)! - k], { dtype: "float64" });
  const signed = (x: T): T => x.mul(g.concatenate([sign, ones(x)], { axis: -1 }));
  return { u: turned(signed(found.u), u, k), s: found.s, v: turned(signed(found.v), v, k) };
}

/** PyTorch's linalg.norm: of all elements, of vectors along one dimension, or of matrices along two. */
function anyNorm(x: T, ord: unknown, dim: unknown, keepDims: boolean): T {
  const axes = dim === null ? null : [dim].flat();
  if (ord === null || (axes === null ? x.rank === 1 : axes.length === 1)) {
    return g.norm(x, {
      ord: (ord as number | null) ?? 2,
      keepDims,
      ...(axes === null ? {} : { axis: axes as number[] }),
    });
  }
  const axis = (axes ?? [-2, -1]) as [number, number];
  return g.matrixNorm(x, { ord: ord as g.MatrixOrder, axis, keepDims });
}

export const linear: Record<string, Adapter> = {
  "linalg.inv": unary(g.inv),
  "linalg.det": unary(g.det),
  logdet: ([a]) => g.log(g.det(a)),
  "linalg.slogdet": ([a]) => {
    const { sign, logAbsDet } = g.slogdet(a);
    return [sign, logAbsDet];
  },
  "linalg.solve": ([a, b]) =>
    b.rank === a.rank - 1 && b.shape.join() === a.shape.slice(0, -1).join()
      ? g.solve(a, b.unsqueeze(-1)).squeeze(-1)
      : column(g.solve)(a, b),
  "linalg.cholesky": ([a], { upper }) => (upper ? t(g.cholesky(half(a))) : g.cholesky(half(a))),
  cholesky: ([a], { upper }) => (upper ? t(g.cholesky(half(a))) : g.cholesky(half(a))),
  "linalg.solve_triangular": ([a, b], { upper, left = true, unitriangular = false }) => {
    const one = unitriangular
      ? (upper ? g.triu(a, { offset: 1 }) : g.tril(a, { offset: -1 })).add(
          g.eye(a.shape.at(-1) ?? 0, a.shape.at(-1), { dtype: "float64" }),
        )
      : a;
    return left
      ? g.triangularSolve(one, b, { lower: !upper })
      : t(g.triangularSolve(one, t(b), { lower: !upper, transpose: true }));
  },
  "linalg.matrix_power": ([a, n], o: Record<string, unknown>) => g.matrixPower(a, n ?? (o.n as number)),
  matrix_exp: unary(g.matrixExp),
  "linalg.eigvalsh": ([a], o: Record<string, unknown>) => g.eigh(o.UPLO === "U" ? t(a) : a).values,
  "linalg.eigh": ([a], o: Record<string, unknown>, [, vectors]) => {
    const found = g.eigh(o.UPLO === "U" ? t(a) : a);
    return [found.values, found.vectors.mul(signs(found.vectors, vectors!))];
  },
  symeig: ([a], { eigenvectors = false, upper = true }, [, vectors]) => {
    const found = g.eigh(upper ? t(a) : a);
    return eigenvectors ? [found.values, found.vectors.mul(signs(found.vectors, vectors!))] : [found.values];
  },
  "linalg.svdvals": ([a]) => g.svd(a).s,
  "linalg.svd": ([a], { full_matrices = true }, [u, , vh]) => {
    const found = decomposed(a, full_matrices, u!, t(vh!));
    return [found.u, found.s, t(found.v)];
  },
  svd: ([a], { some = true }, [u, , v]) => {
    const found = decomposed(a, !some, u!, v!);
    return [found.u, found.s, found.v];
  },
  "linalg.qr": ([a, mode], o: Record<string, unknown>) => {
    const chosen = mode ?? o.mode ?? "reduced";
    const { q, r } = g.qr(a, { mode: chosen === "r" ? "reduced" : chosen });
    return chosen === "r" ? [g.zeros([0], { dtype: "float64" }), r] : [q, r];
  },
  qr: ([a, some], o: Record<string, unknown>) =>
    Object.values(g.qr(a, { mode: ((o.some as boolean) ?? some ?? true) ? "reduced" : "complete" })),
  "linalg.lstsq": ([a, b], _, [, residuals]) => {
    const x = g.lstsq(a, b);
    return residuals?.size ? [x, a.matmul(x).sub(b).square().sum({ axis: -2 })] : [x];
  },
  "linalg.cond": ([a, p], o: Record<string, unknown>) => g.cond(a, { ord: p ?? o.p ?? 2 }),
  "linalg.matrix_norm": ([a, ord = "fro", axis = [-2, -1], keepDims = false], o: Record<string, unknown>) =>
    g.matrixNorm(a, { ord: (o.ord as number) ?? ord, axis: o.dim ?? axis, keepDims: Boolean(o.keepdim ?? keepDims) }),
  "linalg.norm": ([x, ord, dim], o: Record<string, unknown>) =>
    anyNorm(x, o.ord ?? ord ?? null, o.dim ?? dim ?? null, Boolean(o.keepdim)),
  "norm:nuc": ([x, , axis = [-2, -1], keepDims = false]) => g.matrixNorm(x, { ord: "nuc", axis, keepDims }),
  "linalg.pinv": ([a], o: Record<string, unknown>) => {
    const cutoff = o.rtol ?? o.rcond ?? null;
    return g.pinv(a, cutoff === null ? {} : { cutoff: Number(cutoff instanceof g.Tensor ? cutoff.item() : cutoff) });
  },
  "linalg.pinv:hermitian": ([a], o: Record<string, unknown>) => {
    const cutoff = o.rtol ?? o.rcond ?? null;
    const options = cutoff === null ? {} : { cutoff: Number(cutoff instanceof g.Tensor ? cutoff.item() : cutoff) };
    return g.pinv(g.tril(a).add(t(g.tril(a, { offset: -1 }))), options);
  },
  "linalg.pinv:singular": ([a, b]) => g.pinv(a.matmul(t(b)), { cutoff: 1e-9 }),
  pinverse: ([a]) => g.pinv(a),
  "linalg.inv_ex": ([a]) => [g.inv(a)],
  "linalg.solve_ex": (args, o, expected) => [linear["linalg.solve"]!(args, o, expected) as T],
  "linalg.cholesky_ex": (args, o, expected) => [linear["linalg.cholesky"]!(args, o, expected) as T],
  cholesky_inverse: ([l], { upper }) => {
    const lower = upper ? t(g.triu(l)) : g.tril(l);
    return g.inv(lower.matmul(t(lower)));
  },
  cholesky_solve: ([b, l], { upper }) => {
    const lower = upper ? t(l) : l;
    return g.triangularSolve(lower, g.triangularSolve(lower, b), { transpose: true });
  },
  triangular_solve: ([b, a], { upper = true, transpose = false, unitriangular = false }) => {
    const [one, triangle] = [
      g.eye(a.shape.at(-1), a.shape.at(-1), { dtype: "float64" }),
      upper ? g.triu(a) : g.tril(a),
    ];
    const used = unitriangular ? g.where(one.equal(1), 1, triangle) : triangle;
    return [g.triangularSolve(used, b, { lower: !upper, transpose }), a.clone()];
  },
  "linalg.tensorinv": ([a], { ind = 2 }) => {
    const [rows, columns] = [a.shape.slice(0, ind), a.shape.slice(ind)];
    const n = rows.reduce((x: number, y: number) => x * y, 1);
    return g.inv(a.reshape([n, n])).reshape([...columns, ...rows]);
  },
  "linalg.tensorsolve": ([a, b], { dims }: Record<string, unknown>) => {
    const last = (dims as number[] | null) ?? [];
    const moved = g.moveAxis(
      a,
      last,
      last.map((_, i) => a.rank - last.length + i),
    ) as T;
    const shape = moved.shape.slice(b.rank);
    return g.solve(moved.reshape([b.size, b.size]), b.flatten()).reshape(shape);
  },
  "linalg.vander": ([x], { N }: Record<string, unknown>) => {
    const column = x.rank === 0 ? x.reshape([1]) : x;
    const powers = Array.from({ length: (N as number) ?? column.shape.at(-1)! }, (_, k) => g.pow(column, k));
    return g.stack(powers, { axis: -1 });
  },
  "linalg.matrix_rank": ([a, tol], o: Record<string, unknown>) => {
    const s = g.svd(a).s;
    const [given, atol] = [o.rtol ?? null, o.atol ?? o.tol ?? tol ?? null] as (T | number | null)[];
    const relative = given ?? (atol === null ? 2 ** -52 * Math.max(a.shape.at(-1)!, a.shape.at(-2)!) : 0);
    if (s.shape.at(-1) === 0) return g.zeros(s.shape.slice(0, -1), { dtype: "int32" });
    const limit = g.maximum(s.max({ axis: -1 }).mul(relative!), atol ?? 0);
    return g.sum(s.greater(limit.unsqueeze(-1)), { axis: -1 });
  },
  "linalg.cross": ([a, b], { dim = -1 }) => g.cross(a, b, { axis: dim }),
  cross: ([a, b, dim], o: Record<string, unknown>) => {
    const first = a.shape.findIndex((n: number, i: number) => n === 3 && b.shape[i] === 3);
    return g.cross(a, b, { axis: dim ?? (o.dim as number | undefined) ?? first });
  },
  "nn.functional.normalize": ([x], { p = 2, dim = 1, eps = 1e-12 }) =>
    x.div(g.clamp(g.norm(x, { ord: p, ...(x.rank === 0 ? {} : { axis: dim }), keepDims: true }), { min: eps })),
  "nn.functional.cosine_similarity": ([x, y], { dim = 1, eps = 1e-8 }) => {
    const shape = g.zerosLike(g.stopGradient(x)).add(g.stopGradient(y)).shape;
    const [a, b] = [x, y].map((v: T) => g.broadcastTo(v, shape)) as [T, T];
    const axis = shape.length === 0 ? {} : { axis: dim as number };
    const norms = [a, b].map((v) => g.clamp(g.norm(v, axis), { min: eps })) as [T, T];
    return a.mul(b).sum(axis).div(norms[0].mul(norms[1]));
  },
};
