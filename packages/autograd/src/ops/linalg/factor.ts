import { NumericalError } from "../../errors.ts";

// Factorisations of one matrix, row-major, in float64. They favour being evidently right over being as fast as can be.

/** L with L·Lᵀ = A. Only the lower triangle of A is read. */
export function choleskyOf(a: Float64Array, n: number): Float64Array {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      if (i !== j) l[i * n + j] = sum / l[j * n + j]!;
      else if (sum > 0) l[i * n + i] = Math.sqrt(sum);
      else {
        throw new NumericalError({
          op: "cholesky",
          message: `the leading minor of order ${i + 1} is not positive definite`,
          hint: "add a small multiple of the identity",
        });
      }
    }
  }
  return l;
}

/** P·A = L·U by partial pivoting: L below the diagonal and U on and above it, the rows' order, the sign of P. */
export function luOf(a: Float64Array, n: number): { lu: Float64Array; order: Int32Array; sign: number } {
  const lu = a.slice();
  const order = Int32Array.from({ length: n }, (_, i) => i);
  let sign = 1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(lu[i * n + k]!) > Math.abs(lu[pivot * n + k]!)) pivot = i;
    if (pivot !== k) {
      for (let j = 0; j < n; j++) [lu[k * n + j], lu[pivot * n + j]] = [lu[pivot * n + j]!, lu[k * n + j]!];
      [order[k], order[pivot]] = [order[pivot]!, order[k]!];
      sign = -sign;
    }
    const diagonal = lu[k * n + k]!;
    if (diagonal === 0) continue;
    for (let i = k + 1; i < n; i++) {
      const factor = lu[i * n + k]! / diagonal;
      lu[i * n + k] = factor;
      for (let j = k + 1; j < n; j++) lu[i * n + j]! -= factor * lu[k * n + j]!;
    }
  }
  return { lu, order, sign };
}

/** X with A·X = B, for B of m columns; `op` is who asks. */
export function solveOne(a: Float64Array, b: Float64Array, n: number, m: number, op: string): Float64Array {
  const { lu, order } = luOf(a, n);
  const x = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    if (lu[i * n + i] === 0) {
      throw new NumericalError({
        op,
        message: `the matrix is singular: pivot ${i} is 0`,
        hint: "pinv and lstsq accept singular matrices",
      });
    }
    for (let c = 0; c < m; c++) {
      let sum = b[order[i]! * m + c]!;
      for (let k = 0; k < i; k++) sum -= lu[i * n + k]! * x[k * m + c]!;
      x[i * m + c] = sum;
    }
  }
  return backSubstitute(lu, x, n, m, false);
}

/** Solves with one triangle of T in place of T, in a copy of b. */
export function backSubstitute(t: Float64Array, b: Float64Array, n: number, m: number, lower: boolean): Float64Array {
  const x = b.slice();
  for (let step = 0; step < n; step++) {
    const i = lower ? step : n - 1 - step;
    if (t[i * n + i] === 0 && m > 0) {
      throw new NumericalError({
        op: "triangularSolve",
        message: `the matrix is singular: element [${i}, ${i}] is 0`,
        hint: "columns that depend on each other make such a triangle",
      });
    }
    for (let c = 0; c < m; c++) {
      let sum = x[i * m + c]!;
      for (let k = lower ? 0 : i + 1; k < (lower ? i : n); k++) sum -= t[i * n + k]! * x[k * m + c]!;
      x[i * m + c] = sum / t[i * n + i]!;
    }
  }
  return x;
}

/**
 * A = Q·R by Householder's reflections, with LAPACK's signs: Q has `count` columns, from min(m, n) to m, and R as many
 * rows.
 */
export function qrOf(a: Float64Array, m: number, n: number, count: number): { q: Float64Array; r: Float64Array } {
  const work = a.slice();
  const reflectors: { v: Float64Array; length: number }[] = [];
  for (let k = 0; k < Math.min(m - 1, n); k++) {
    const v = new Float64Array(m);
    let below = 0;
    for (let i = k + 1; i < m; i++) below = Math.hypot(below, work[i * n + k]!);
    if (below === 0) continue;
    const norm = Math.hypot(below, work[k * n + k]!);
    for (let i = k; i < m; i++) v[i] = work[i * n + k]!;
    v[k]! += v[k]! < 0 ? -norm : norm;
    const length = v.reduce((sum, x) => sum + x * x, 0);
    reflect(work, v, length, m, n, k);
    reflectors.push({ v, length });
  }
  const r = new Float64Array(count * n);
  for (let i = 0; i < Math.min(count, n); i++) for (let j = i; j < n; j++) r[i * n + j] = work[i * n + j]!;
  const q = new Float64Array(m * count);
  for (let i = 0; i < count; i++) q[i * count + i] = 1;
  for (const { v, length } of reflectors.reverse()) reflect(q, v, length, m, count, 0);
  return { q, r };
}

/** x ← x - 2 v vᵀ x / |v|². */
function reflect(x: Float64Array, v: Float64Array, length: number, m: number, n: number, from: number): void {
  for (let j = from; j < n; j++) {
    let dot = 0;
    for (let i = 0; i < m; i++) dot += v[i]! * x[i * n + j]!;
    for (let i = 0; i < m; i++) x[i * n + j]! -= ((2 * dot) / length) * v[i]!;
  }
}

/** The largest absolute value; infinite where there is a NaN. */
function largestOf(a: Float64Array): number {
  let largest = 0;
  for (const x of a) largest = Math.max(largest, Number.isNaN(x) ? Number.POSITIVE_INFINITY : Math.abs(x));
  return largest;
}

/**
 * A = V·diag(λ)·Vᵀ for symmetric A: reflections to a tridiagonal matrix, then implicit QL steps with Wilkinson's shifts
 * (H. Bowdler, R. Martin, C. Reinsch, J. Wilkinson, 1968); λ ascending. Only the lower triangle is read.
 * @throws {NumericalError} when the steps do not converge.
 */
export function eighOf(a: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const s = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) s[i * n + j] = s[j * n + i] = a[i * n + j]!;
  // Scaled, no square overflows.
  const scale = largestOf(s) || 1;
  if (!Number.isFinite(scale)) return { values: new Float64Array(n).fill(Number.NaN), vectors: s.fill(Number.NaN) };
  for (let i = 0; i < s.length; i++) s[i]! /= scale;
  const { diagonal, beside, basis } = tridiagonalOf(s, n);
  diagonalise(diagonal, beside, basis, n);
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => diagonal[i]! - diagonal[j]!);
  return { values: Float64Array.from(order, (i) => diagonal[i]! * scale), vectors: columns(basis, n, order) };
}

/** A = Q·T·Qᵀ with tridiagonal T, overwriting the symmetric A. Row i of `basis` is column i of Q. */
function tridiagonalOf(
  a: Float64Array,
  n: number,
): { diagonal: Float64Array; beside: Float64Array; basis: Float64Array } {
  const beside = new Float64Array(n);
  const basis = new Float64Array(n * n);
  for (let i = 0; i < n; i++) basis[i * n + i] = 1;
  const reflectors: { v: Float64Array; length: number }[] = [];
  const w = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    const row = a.subarray(k * n, k * n + n);
    let rest = 0;
    for (let i = k + 2; i < n; i++) rest = Math.hypot(rest, row[i]!);
    beside[k] = row[k + 1]!;
    if (rest === 0) continue;
    const norm = row[k + 1]! < 0 ? -Math.hypot(rest, row[k + 1]!) : Math.hypot(rest, row[k + 1]!);
    const v = new Float64Array(n);
    for (let i = k + 1; i < n; i++) v[i] = row[i]!;
    v[k + 1]! += norm;
    const length = v.reduce((sum, x) => sum + x * x, 0);
    beside[k] = -norm;
    reflectors.push({ v, length });
    // H·A·H = A - v·wᵀ - w·vᵀ, with H = I - 2·v·vᵀ/|v|².
    let along = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += a[i * n + j]! * v[j]!;
      w[i] = (2 * sum) / length;
      along += w[i]! * v[i]!;
    }
    for (let i = k + 1; i < n; i++) w[i]! -= (along / length) * v[i]!;
    for (let i = k + 1; i < n; i++) {
      const [vi, wi] = [v[i]!, w[i]!];
      for (let j = k + 1; j < n; j++) a[i * n + j]! -= vi * w[j]! + wi * v[j]!;
    }
  }
  for (const { v, length } of reflectors.reverse()) reflectRows(basis, v, length, n);
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), beside, basis };
}

/** x ← x - 2 x v vᵀ / |v|², for n rows of x. */
function reflectRows(x: Float64Array, v: Float64Array, length: number, n: number): void {
  for (let i = 0; i < n; i++) {
    let dot = 0;
    for (let j = 0; j < n; j++) dot += x[i * n + j]! * v[j]!;
    if (dot === 0) continue;
    const factor = (2 * dot) / length;
    for (let j = 0; j < n; j++) x[i * n + j]! -= factor * v[j]!;
  }
}

/** Turns a tridiagonal matrix into the diagonal one of its eigenvalues, and the rows of `basis` with it. */
function diagonalise(diagonal: Float64Array, beside: Float64Array, basis: Float64Array, n: number): void {
  for (let from = 0; from < n; from++) {
    for (let steps = 0; ; steps++) {
      // The first gap at or after `from`: there the matrix falls apart.
      let to = from;
      while (to < n - 1 && Math.abs(beside[to]!) > 2 ** -53 * (Math.abs(diagonal[to]!) + Math.abs(diagonal[to + 1]!))) {
        to++;
      }
      if (to === from) break;
      if (steps === 60) throw new NumericalError({ op: "eigh", message: "the eigenvalues do not converge" });
      const apart = (diagonal[from + 1]! - diagonal[from]!) / (2 * beside[from]!);
      const shift = beside[from]! / (apart + (apart < 0 ? -1 : 1) * Math.hypot(apart, 1));
      let [c, s, moved, bulge] = [1, 1, 0, diagonal[to]! - diagonal[from]! + shift];
      let i = to - 1;
      for (; i >= from; i--) {
        const [f, b] = [s * beside[i]!, c * beside[i]!];
        const r = Math.hypot(f, bulge);
        beside[i + 1] = r;
        if (r === 0) break;
        [s, c] = [f / r, bulge / r];
        const rest = diagonal[i + 1]! - moved;
        const turned = (diagonal[i]! - rest) * s + 2 * c * b;
        moved = s * turned;
        diagonal[i + 1] = rest + moved;
        bulge = c * turned - b;
        rotate(basis, n, i, i + 1, c, s);
      }
      beside[to] = 0;
      if (i >= from) {
        diagonal[i + 1]! -= moved;
        continue;
      }
      diagonal[from]! -= moved;
      beside[from] = bulge;
    }
  }
}

/** Turns rows p and q of m elements. */
function rotate(x: Float64Array, m: number, p: number, q: number, c: number, s: number): void {
  for (let k = 0, i = p * m, j = q * m; k < m; k++, i++, j++) {
    const [a, b] = [x[i]!, x[j]!];
    x[i] = c * a - s * b;
    x[j] = s * a + c * b;
  }
}

/** The matrix whose columns are some rows of x, which are n long, in an order. */
function columns(x: Float64Array, n: number, order: readonly number[]): Float64Array {
  const result = new Float64Array(n * order.length);
  for (const [k, j] of order.entries()) {
    for (let i = 0; i < n; i++) result[i * order.length + k] = x[j * n + i]!;
  }
  return result;
}

/**
 * A = U·diag(s)·Vᵀ for m ≥ n, by Jacobi's rotations of A's columns (M. Hestenes, 1958), which find small singular values
 * as precisely as large ones; s descending. U has `count` columns, n or m, orthonormal also where singular values are 0.
 */
export function svdOf(
  a: Float64Array,
  m: number,
  n: number,
  count: number,
): { u: Float64Array; s: Float64Array; v: Float64Array } {
  // Scaled, no square overflows.
  const scale = largestOf(a) || 1;
  if (!Number.isFinite(scale)) {
    const [u, s, v] = [m * count, n, n * n].map((size) => new Float64Array(size).fill(Number.NaN));
    return { u: u!, s: s!, v: v! };
  }
  // Columns as rows, whose elements are neighbours.
  const w = new Float64Array(n * m);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) w[j * m + i] = a[i * n + j]! / scale;
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const dot = (p: number, q: number): number => {
    let sum = 0;
    for (let k = 0, i = p * m, j = q * m; k < m; k++, i++, j++) sum += w[i]! * w[j]!;
    return sum;
  };
  // To which rounding lets columns be orthogonal.
  const precision = 2 ** -53 * Math.sqrt(m);
  const squares = new Float64Array(n);
  for (let sweep = 0, turned = true; turned && sweep < 60; sweep++) {
    turned = false;
    // Within a sweep they are carried along.
    for (let j = 0; j < n; j++) squares[j] = dot(j, j);
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const gamma = dot(p, q);
        const [alpha, beta] = [squares[p]!, squares[q]!];
        if (Math.abs(gamma) <= precision * Math.sqrt(alpha * beta) || gamma === 0) continue;
        turned = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(zeta, 1));
        const c = 1 / Math.hypot(t, 1);
        rotate(w, m, p, q, c, c * t);
        rotate(v, n, p, q, c, c * t);
        squares[p] = Math.max(0, alpha - t * gamma);
        squares[q] = beta + t * gamma;
      }
    }
  }
  const norms = Array.from({ length: n }, (_, j) => {
    let norm = 0;
    for (let i = 0; i < m; i++) norm = Math.hypot(norm, w[j * m + i]!);
    return norm;
  });
  const order = norms.map((_, j) => j).sort((i, j) => norms[j]! - norms[i]!);
  const rank = order.filter((j) => norms[j]! > 1e-280 * norms[order[0]!]!).length;
  const u = new Float64Array(m * count);
  for (const [k, j] of order.slice(0, rank).entries()) {
    for (let i = 0; i < m; i++) u[i * count + k] = w[j * m + i]! / norms[j]!;
  }
  completeBasis(u, m, count, rank);
  return { u, s: Float64Array.from(order, (j) => norms[j]! * scale), v: columns(v, n, order) };
}

/** Makes orthonormal all `count` columns of `u`, whose first `known` are. */
function completeBasis(u: Float64Array, m: number, count: number, known: number): void {
  for (let k = known; k < count; k++) {
    // The unit vector farthest from the span of the columns so far is at the least of their rows.
    const rows = Array.from({ length: m }, (_, i) =>
      u.subarray(i * count, i * count + k).reduce((s, x) => s + x * x, 0),
    );
    const first = rows.indexOf(Math.min(...rows));
    const column = new Float64Array(m);
    column[first] = 1;
    // Twice is enough (L. Giraud, J. Langou, M. Rozložník, 2005).
    for (let round = 0; round < 2; round++) {
      for (let j = 0; j < k; j++) {
        const dot = column.reduce((sum, x, i) => sum + x * u[i * count + j]!, 0);
        for (let i = 0; i < m; i++) column[i]! -= dot * u[i * count + j]!;
      }
    }
    const norm = Math.hypot(...column);
    for (let i = 0; i < m; i++) u[i * count + k] = column[i]! / norm;
  }
}
