/**
 * Special functions in float64, by series and continued fractions that converge to the last place or nearly so.
 * They favour being evidently right over being fast; formula numbers are those of the NIST Digital Library of
 * Mathematical Functions (https://dlmf.nist.gov).
 */

const twoOverSqrtPi = 2 / Math.sqrt(Math.PI);

/** The error function: a series of positive terms (7.6.2) for small arguments, 1 - erfc beyond. */
export function erf(x: number): number {
  if (!(Math.abs(x) < 2)) return Number.isNaN(x) ? x : Math.sign(x) * (1 - erfcTail(Math.abs(x)));
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return x === 0 ? x : twoOverSqrtPi * Math.exp(-x * x) * sum;
}

/** 1 - erf(x), with full relative precision for large x. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x >= 2) return erfcTail(x);
  if (x >= 0.5) return x < 1 ? 1 - erf(x) : erfcTail(x);
  return 1 - erf(x);
}

/** erfc for x ≥ 1 by its continued fraction (7.9.2), evaluated from the far end. */
function erfcTail(x: number): number {
  if (x > 27.3) return 0;
  let fraction = x;
  for (let k = Math.ceil(12 + 400 / (x * x)); k >= 1; k--) fraction = x + k / 2 / fraction;
  return expOfMinusSquare(x) / (Math.sqrt(Math.PI) * fraction);
}

/** exp(-x²) without the error of rounding x²: the square is split into an exact part and a remainder. */
function expOfMinusSquare(x: number): number {
  const head = Math.fround(x);
  const tail = x - head;
  return Math.exp(-head * head) * Math.exp(-tail * (head + x));
}

/** The inverse of erf, by Newton's method with second-order correction (Halley) from a rough start. */
export function erfinv(y: number): number {
  if (!(Math.abs(y) <= 1)) return Number.NaN;
  if (Math.abs(y) === 1) return y * Number.POSITIVE_INFINITY;
  if (y === 0) return y;
  // Winitzki's approximation (2008), good to two digits everywhere.
  const a = 0.147;
  const l = Math.log1p(-y * y);
  const b = 2 / (Math.PI * a) + l / 2;
  let x = Math.sign(y) * Math.sqrt(Math.sqrt(b * b - l / a) - b);
  for (let i = 0; i < 4; i++) {
    const error = Math.abs(y) < 0.5 ? erf(x) - y : Math.sign(y) * (1 - Math.abs(y) - erfc(Math.abs(x)));
    const newton = error / (twoOverSqrtPi * Math.exp(-x * x));
    x -= newton / (1 + x * newton);
  }
  return x;
}

/** B₂ₖ, k = 1 … 15. */
const bernoulli: readonly number[] = [
  1 / 6,
  -1 / 30,
  1 / 42,
  -1 / 30,
  5 / 66,
  -691 / 2730,
  7 / 6,
  -3617 / 510,
  43867 / 798,
  -174611 / 330,
  854513 / 138,
  -236364091 / 2730,
  8553103 / 6,
  -23749461029 / 870,
  8615841276005 / 14322,
];

/** ζ(k) - 1 for k = 2 … 60, by direct summation with an Euler–Maclaurin tail (25.2.9). */
const zetaMinusOne: readonly number[] = Array.from({ length: 59 }, (_, i) => hurwitzZeta(i + 2, 2));

/** Hurwitz zeta function ζ(s, a) for s > 1, a > 0 (25.11.5). */
export function hurwitzZeta(s: number, a: number): number {
  let sum = 0;
  let x = a;
  for (; x < 20; x++) sum += x ** -s;
  sum += x ** (1 - s) / (s - 1) + x ** -s / 2;
  let term = s * x ** (-s - 1);
  for (let k = 0; k < 12; k++) {
    sum += (term * bernoulli[k]!) / factorial(2 * k + 2);
    term *= ((s + 2 * k + 1) * (s + 2 * k + 2)) / (x * x);
  }
  return sum;
}

function factorial(n: number): number {
  let product = 1;
  for (let k = 2; k <= n; k++) product *= k;
  return product;
}

const eulerGamma = 0.5772156649015329;

/** log |Γ(x)|: Taylor series at 1 and 2, where it vanishes (5.7.3), Stirling's series elsewhere (5.11.1). */
export function lgamma(x: number): number {
  if (Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Number.POSITIVE_INFINITY;
  if (x <= 0 && Number.isInteger(x)) return Number.POSITIVE_INFINITY;
  // Γ(x) is 1 / x there to the last place.
  if (Math.abs(x) < 1e-17) return -Math.log(Math.abs(x));
  if (x < 0.5) return Math.log(Math.PI / Math.abs(sinPi(x))) - lgamma(1 - x);
  if (x < 1.5) return logGammaNearTwo(x - 1) - Math.log1p(x - 1);
  if (x < 2.5) return logGammaNearTwo(x - 2);
  let shift = 0;
  let z = x;
  if (z < 15) {
    let product = 1;
    for (; z < 15; z++) product *= z;
    shift = Math.log(product);
  }
  let series = 0;
  for (let k = 10; k >= 1; k--) series = series / (z * z) + bernoulli[k - 1]! / (2 * k * (2 * k - 1));
  return (z - 0.5) * Math.log(z) - z + 0.9189385332046727 + series / z - shift;
}

/** log Γ(2 + z) for |z| ≤ 1/2. */
function logGammaNearTwo(z: number): number {
  let sum = 0;
  for (let k = zetaMinusOne.length - 1; k >= 0; k--) {
    const n = k + 2;
    sum = sum * -z + zetaMinusOne[k]! / n;
  }
  return (1 - eulerGamma) * z + sum * z * z;
}

/** sin(πx), exactly zero at integers. */
function sinPi(x: number): number {
  const r = x - 2 * Math.round(x / 2);
  return Math.sin(Math.PI * (Math.abs(r) > 0.5 ? Math.sign(r) - r : r));
}

/** ψ(x), the derivative of log Γ: recurrence (5.5.2), asymptotic series (5.11.2), reflection (5.5.4). */
export function digamma(x: number): number {
  if (Number.isNaN(x) || x === Number.POSITIVE_INFINITY) return x;
  if (x === 0) return Object.is(x, -0) ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (x < 0) {
    if (Number.isInteger(x) || !Number.isFinite(x)) return Number.NaN;
    return digamma(1 - x) - Math.PI / Math.tan(Math.PI * (x - Math.round(x)));
  }
  let sum = 0;
  let z = x;
  for (; z < 15; z++) sum -= 1 / z;
  let series = 0;
  for (let k = 10; k >= 1; k--) series = series / (z * z) + bernoulli[k - 1]! / (2 * k);
  return sum + Math.log(z) - 1 / (2 * z) - series / (z * z);
}

/** ψ⁽ⁿ⁾(x), n ≥ 1: (-1)ⁿ⁺¹ n! ζ(n + 1, x) (5.15.1), continued to x < 0 by recurrence (5.15.5). */
export function polygamma(n: number, x: number): number {
  if (Number.isNaN(x)) return x;
  if (n === 0) return digamma(x);
  const sign = n % 2 === 0 ? -1 : 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  if (x <= 0 && Number.isInteger(x)) return n % 2 === 1 ? Number.POSITIVE_INFINITY : Number.NaN;
  if (x < -1e6) return Number.NaN;
  let sum = 0;
  let z = x;
  for (; z < 0; z++) sum += z ** (-n - 1);
  return sign * factorial(n) * (sum + hurwitzZeta(n + 1, z));
}
