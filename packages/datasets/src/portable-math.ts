/**
 * Elementary functions from additions, multiplications, divisions and square roots alone, which IEEE 754 rounds the same
 * everywhere. `Math.sin` and `Math.log` may differ in the last bit between engines, and then a seed would no longer fix
 * the data. The polynomials are those of FreeBSD's msun (fdlibm); errors stay below one unit in the last place.
 */

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** Natural logarithm of a positive, normal number. */
export function ln(x: number): number {
  let exponent = 0;
  let mantissa = x;
  // Scaling by powers of two is exact, so a loop loses nothing; arguments here are never far from 1.
  while (mantissa >= Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const f = mantissa - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const t1 = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const t2 = z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  const r = t1 + t2;
  const half = 0.5 * f * f;
  return exponent * LN2_HIGH - (half - (s * (half + r) + exponent * LN2_LOW) - f);
}

function sinKernel(x: number): number {
  const z = x * x;
  const r =
    0.00833333333332249 +
    z *
      (-0.0001984126982985795 +
        z * (0.0000027557313707070068 + z * (-2.5050760253406863e-8 + z * 1.58969099521155e-10)));
  return x + x * z * (-0.16666666666666632 + z * r);
}

function cosKernel(x: number): number {
  const z = x * x;
  const r =
    z *
    (0.0416666666666666 +
      z *
        (-0.001388888888887411 +
          z *
            (0.00002480158728947673 +
              z * (-2.7557314351390663e-7 + z * (2.087572321298175e-9 + z * -1.1359647557788195e-11)))));
  return 1 - (0.5 * z - z * r);
}

const PIO2_HIGH = 1.5707963267341256;
const PIO2_LOW = 6.077100506506192e-11;

function reduced(x: number): { quadrant: number; rest: number } {
  const turns = Math.round(x / (Math.PI / 2));
  return { quadrant: ((turns % 4) + 4) % 4, rest: x - turns * PIO2_HIGH - turns * PIO2_LOW };
}

/** Sine, for |x| below about 10⁵. */
export function sin(x: number): number {
  const { quadrant, rest } = reduced(x);
  const value = quadrant % 2 === 0 ? sinKernel(rest) : cosKernel(rest);
  return quadrant < 2 ? value : -value;
}

/** Cosine, for |x| below about 10⁵. */
export function cos(x: number): number {
  const { quadrant, rest } = reduced(x);
  const value = quadrant % 2 === 0 ? cosKernel(rest) : sinKernel(rest);
  return quadrant === 0 || quadrant === 3 ? value : -value;
}
