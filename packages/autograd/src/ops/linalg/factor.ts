import { NumericalError } from "../../errors.ts";

// Factorisations of one matrix, row-major, in float64. They favour being evidently right over being fast.

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

/** A = V·diag(λ)·Vᵀ for symmetric A, by Jacobi's rotations; λ ascending. Only the lower triangle is read. */
export function eighOf(a: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const s = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) s[i * n + j] = s[j * n + i] = a[i * n + j]!;
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const total = s.reduce((sum, x) => sum + x * x, 0);
  // Convergence is quadratic: what is left after the sweep that finds little is rounding.
  for (let sweep = 0, off = total; sweep < 60 && off > 1e-22 * total; sweep++) {
    off = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) off += s[i * n + j]! ** 2;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = s[p * n + q]!;
        if (apq === 0) continue;
        const theta = (s[q * n + q]! - s[p * n + p]!) / (2 * apq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        rotate(s, n, n, p, q, c, t * c);
        for (let k = 0; k < n; k++) {
          const [x, y] = [s[p * n + k]!, s[q * n + k]!];
          s[p * n + k] = c * x - t * c * y;
          s[q * n + k] = t * c * x + c * y;
        }
        rotate(v, n, n, p, q, c, t * c);
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => s[i * n + i]! - s[j * n + j]!);
  return { values: Float64Array.from(order, (i) => s[i * n + i]!), vectors: columns(v, n, n, order) };
}

/** Turns columns p and q. */
function rotate(x: Float64Array, m: number, n: number, p: number, q: number, c: number, s: number): void {
  for (let k = 0; k < m; k++) {
    const [a, b] = [x[k * n + p]!, x[k * n + q]!];
    x[k * n + p] = c * a - s * b;
    x[k * n + q] = s * a + c * b;
  }
}

function columns(x: Float64Array, m: number, n: number, order: readonly number[]): Float64Array {
  const result = new Float64Array(m * order.length);
  for (let i = 0; i < m; i++) {
    for (const [k, j] of order.entries()) result[i * order.length + k] = x[i * n + j]!;
  }
  return result;
}

/**
 * A = U·diag(s)·Vᵀ for m ≥ n, by Jacobi's rotations of A's columns (M. Hestenes, 1958); s descending.
 * U has `count` columns, n or m, orthonormal also where singular values are 0.
 */
export function svdOf(
  a: Float64Array,
  m: number,
  n: number,
  count: number,
): { u: Float64Array; s: Float64Array; v: Float64Array } {
  const w = a.slice();
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  // To which rounding lets columns be orthogonal.
  const precision = 2 ** -53 * Math.sqrt(m);
  for (let sweep = 0; sweep < 60; sweep++) {
    let turned = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        let [alpha, beta, gamma] = [0, 0, 0];
        for (let k = 0; k < m; k++) {
          alpha += w[k * n + p]! ** 2;
          beta += w[k * n + q]! ** 2;
          gamma += w[k * n + p]! * w[k * n + q]!;
        }
        if (Math.abs(gamma) <= precision * Math.sqrt(alpha * beta) || gamma === 0) continue;
        turned = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(zeta, 1));
        const c = 1 / Math.hypot(t, 1);
        rotate(w, m, n, p, q, c, c * t);
        rotate(v, n, n, p, q, c, c * t);
      }
    }
    if (!turned) break;
  }
  const norms = Array.from({ length: n }, (_, j) => {
    let norm = 0;
    for (let i = 0; i < m; i++) norm = Math.hypot(norm, w[i * n + j]!);
    return norm;
  });
  const order = norms.map((_, j) => j).sort((i, j) => norms[j]! - norms[i]!);
  const rank = order.filter((j) => norms[j]! > 1e-280 * norms[order[0]!]!).length;
  const u = new Float64Array(m * count);
  for (const [k, j] of order.slice(0, rank).entries()) {
    for (let i = 0; i < m; i++) u[i * count + k] = w[i * n + j]! / norms[j]!;
  }
  completeBasis(u, m, count, rank);
  return { u, s: Float64Array.from(order, (j) => norms[j]!), v: columns(v, n, n, order) };
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
