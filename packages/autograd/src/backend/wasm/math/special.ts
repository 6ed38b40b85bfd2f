/**
 * The error function, its complement and inverse, and the logarithm of the gamma function with its derivative.
 * Polynomials are minimax fits (E. Ya. Remez's algorithm, in 40 to 60 digits) of what the comment above them says.
 */
import { expOfSum, expWithin } from "./exponential.ts";
import { bitwise, type Float, type Wide } from "./float.ts";
import { log } from "./logarithm.ts";

/** erf x / x - 1 in x² up to 0.92, log(erfc x) / x from there to 4. */
const erfNear = [0.12837917, -0.37612635, 0.11283703, -0.026859798, 0.0052019595, -0.00081526214, 8.409893e-5];
const erfFar = [-1.1286485, -0.6351513, -0.10623688, 0.02376207, -0.0036424636, 0.00032280534, -1.12314965e-5];

/** fdlibm's rational approximations of erf and erfc in float64, from the middle outwards. */
const rational = {
  middle: [
    [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-5],
    [1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -3.960228278775368e-6],
  ],
  near: [
    [
      -0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668,
      0.035478304325618236, -0.002166375594868791,
    ],
    [
      1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905,
      0.011984499846799107,
    ],
  ],
  far: [
    [
      -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347,
      -184.60509290671104, -81.2874355063066, -9.814329344169145,
    ],
    [
      1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783,
      108.63500554177944, 6.570249770319282, -0.0604244152148581,
    ],
  ],
  farther: [
    [
      -0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896,
      -1025.0951316110772, -483.5191916086514,
    ],
    [
      1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644,
      474.52854120695537, -22.44095244658582,
    ],
  ],
} as const;
const erfOfOne = 0.8450629115104675;

/** erf and erfc of |x|, and where which formula holds. Written for float64. */
function errorParts(f: Float, x: Wide): { a: Wide; small: Wide; near: Wide; tail: Wide; inner: Wide; middle: Wide } {
  const { ops } = f;
  const a = f.let(ops.pmin(f.num(40), ops.abs(x)));
  const ratio = (z: Wide, [p, q]: readonly [readonly number[], readonly number[]]): Wide =>
    f.let(ops.div(f.polynomial(z, p), f.polynomial(z, q)));
  const inner = f.let(ops.lt(a, f.num(0.84375)));
  const middle = f.let(ops.lt(a, f.num(1.25)));
  const small = ratio(f.let(ops.mul(a, a)), rational.middle);
  const near = ratio(f.let(ops.sub(a, f.num(1))), rational.near);
  const b = f.let(ops.pmax(f.num(1.25), a));
  const s = f.let(ops.div(f.num(1), ops.mul(b, b)));
  const exponent = f.pick(ratio(s, rational.far), ratio(s, rational.farther), ops.lt(b, f.num(1 / 0.35)));
  const z = f.head(b);
  const main = f.quickSum(f.let(ops.neg(ops.mul(z, z))), f.num(-0.5625));
  const rest = f.madd(f.let(ops.sub(z, b)), f.let(ops.add(z, b)), f.let(exponent));
  const { high, low } = f.quickSum(main.high, f.let(rest));
  return { a, small, near, tail: f.let(ops.div(expOfSum(f, high, f.let(ops.add(low, main.low))), b)), inner, middle };
}

export function erf(f: Float, x: Wide): Wide {
  const { ops } = f;
  if (!f.isDouble) {
    const a = f.let(ops.pmin(ops.abs(x), f.num(4)));
    const z = f.let(ops.mul(x, x));
    const near = f.madd(x, f.polynomial(z, erfNear), x);
    const far = ops.sub(f.num(1), expWithin(f, f.let(ops.mul(a, f.polynomial(a, erfFar)))));
    return f.pick(f.let(f.signed(f.let(far), x)), f.let(near), ops.ge(a, f.num(0.92)));
  }
  const { a, small, near, tail, inner, middle } = errorParts(f, x);
  const outer = f.pick(ops.add(f.num(erfOfOne), near), ops.sub(f.num(1), tail), middle);
  const value = f.let(f.pick(f.madd(a, small, a), f.let(outer), inner));
  return f.copySign(f.pick(value, x, ops.eq(x, x)), x);
}

/** Written for float64. */
export function erfc(f: Float, x: Wide): Wide {
  const { ops } = f;
  const { small, near, tail, inner, middle } = errorParts(f, x);
  const y = f.let(ops.mul(x, small));
  const half = f.num(0.5);
  const central = f.pick(
    ops.sub(f.num(1), ops.add(x, y)),
    ops.sub(half, ops.add(ops.sub(x, half), y)),
    ops.lt(x, f.num(0.25)),
  );
  const negative = f.let(ops.lt(x, f.num(0)));
  const one = f.pick(ops.add(f.num(1), ops.add(f.num(erfOfOne), near)), ops.sub(f.num(1 - erfOfOne), near), negative);
  const outer = f.pick(f.let(one), f.let(f.pick(ops.sub(f.num(2), tail), tail, negative)), middle);
  return f.pick(f.let(f.pick(f.let(central), f.let(outer), inner)), x, ops.eq(x, x));
}

/** erfinv(y) / y in w = -log(1 - y²) around 3.125, and in √w around 3.25 and 5. */
const erfinvSeries = [
  [
    1.6536545626831027, 0.2401581824255883, -0.006033670871426905, -0.0007407025341543957, 0.00018673420802007532,
    -1.388252339474492e-5, -1.3654691763806065e-6, 4.234788179830409e-7, -2.9070390781231573e-8, -4.112661394340128e-9,
    1.0512230897122023e-9, -5.414254536130446e-11, -1.2978699488487042e-11, 2.630364761438984e-12,
    -8.074494691213641e-14, -3.998383757156773e-14, 6.5254913404389995e-15, -4.487318422301706e-17,
    -1.2260093917899335e-16, 1.6063110153848563e-17, 6.376529868617917e-19, -3.8300824695048105e-19,
    1.881801747195964e-20, 4.5255723023860684e-21, -3.3929707923072865e-22, -2.187132423897832e-23,
  ],
  [
    3.0838856104922208, 1.0052589676941655, 0.005370914553555332, -0.0037512085082236986, 0.002491442097939159,
    -0.001688275535481542, 0.0009532893419901873, -0.0003550378133167534, 2.403150806223078e-5, 6.828711375917908e-5,
    -4.7320648455333694e-5, 1.2465044762102321e-5, 2.932447144090986e-6, -3.985751409717271e-6, 1.481928738681419e-6,
    -2.7542929233436746e-8, -2.460017914878084e-7, 1.3152038469544737e-7, -2.049059134707504e-8, -1.528051180756884e-8,
    7.528621770764083e-9,
  ],
  [
    4.849906401408584, 1.0103004648645448, -0.00013871931837975335, -0.00021503011979915872, 7.599527808448924e-5,
    -1.968177119678683e-5, 4.526052675885923e-6, -9.930254873291747e-7, 2.290518846269562e-7, -6.757276583694497e-8,
    2.9022015749448645e-8, -1.5213615340725977e-8, 7.813964076251742e-9, -3.534173426363677e-9, 1.3263663896932854e-9,
    -3.8078599518178853e-10, 6.078479581331132e-11, 1.4750044994987997e-11, -1.6246730835943478e-11,
    5.874702227751301e-12, -8.344799297155986e-13,
  ],
] as const;

/** Written for float64, like what follows. The way through w is M. Giles' (2010). */
export function erfinv(f: Float, y: Wide): Wide {
  const { ops } = f;
  const a = f.let(ops.abs(y));
  const one = f.num(1);
  const w = f.let(ops.neg(log(f, f.let(ops.mul(f.let(ops.sub(one, a)), f.let(ops.add(one, a)))))));
  const s = f.let(ops.sqrt(w));
  const value = f.polynomial(f.let(ops.sub(w, f.num(3.125))), erfinvSeries[0]);
  const [far] = f.amend([value], ops.ge(w, f.num(6.25)), () => [
    f.pick(
      f.let(f.polynomial(f.let(ops.sub(s, f.num(3.25))), erfinvSeries[1])),
      f.let(f.polynomial(f.let(ops.sub(s, f.num(5))), erfinvSeries[2])),
      ops.lt(s, f.num(4)),
    ),
  ]) as [Wide];
  const end = f.let(f.pick(f.num(Number.POSITIVE_INFINITY), far, ops.eq(a, one)));
  return ops.mul(y, end);
}

/** log Γ(2 + t) / t for |t| ≤ ½, log Γ(1 + t) / t for -¼ ≤ t ≤ ½, and what Stirling's formula lacks, times x, in 1/x². */
const nearTwo = [
  0.42278433509846713, 0.32246703342411326, -0.06735230105319817, 0.020580808427780335, -0.007385551028664102,
  0.0028905103310367763, -0.0011927539121674513, 0.0005096695153483194, -0.000223154747321232, 9.945767440248871e-5,
  -4.492639067163575e-5, 2.0505584362501426e-5, -9.438190127057166e-6, 4.3847319708557145e-6, -2.0459827167766614e-6,
  9.199897317394538e-7, -4.2808903197958603e-7, 2.788001932505758e-7, -1.3614318765542922e-7,
];
const nearOne = [
  -0.5772156649015329, 0.8224670334241132, -0.40068563438652977, 0.27058080842782234, -0.2073855510292571,
  0.16955717699104206, -0.14404989668566512, 0.1255096699478836, -0.11133427194910307, 0.10009944754397342,
  -0.09095377050611693, 0.08335368679288725, -0.07693803436601711, 0.07144618296126534, -0.06661008828968645,
  0.06222638779856897, -0.05886592094618326, 0.057798524353947174, -0.05686741006135981, 0.04773042816071706,
  -0.0270259126707685, 0.00723063109703785,
];
const stirling = [
  0.08333333333333333, -0.002777777777774099, 0.000793650789834981, -0.0005952366069908399, 0.0008414728544138333,
  -0.0018905402495866972, 0.0050692553177010624,
];
/** sin πr / πr and πr cot πr in r² for |r| ≤ ½. */
const sineOfPi = [
  1, -1.6449340668482264, 0.8117424252833536, -0.19075182412208258, 0.026147847817611976, -0.002346081034815817,
  0.00014842878720676522, -6.975840842730791e-6, 2.5300988434242966e-7, -7.09315140113214e-9,
];
const cotangentOfPi = [
  1, -3.2898681336964524, -2.1646464674224193, -2.0346861239475285, -2.0081547140763476, -2.001989070178954,
  -2.0004946849959078, -2.000067848712385, -2.0008833055326356, -1.990262439625136, -2.0824502546298347,
  -1.482757882607725, -4.386052061148831, 5.920343510614199, -20.121923239679326, 24.20752364593441,
  -21.347397834402866,
];

/** x, or 1 - x for negative x, as both functions are continued by reflection; and x less the nearest integer. */
function reflect(f: Float, x: Wide): { negative: Wide; z: Wide; r: Wide; square: Wide } {
  const { ops } = f;
  const negative = f.let(ops.lt(x, f.num(0)));
  const r = f.let(ops.sub(x, ops.nearest(x)));
  return { negative, z: f.let(f.pick(ops.sub(f.num(1), x), x, negative)), r, square: f.let(ops.mul(r, r)) };
}

/** log |Γ(x)|, for negative x with an error in proportion to log Γ(1 - x), as zeros are many there. */
export function lgamma(f: Float, x: Wide): Wide {
  const { ops } = f;
  const { negative, z, r, square } = reflect(f, x);
  const one = f.num(1);
  // From below ¾ one step up, from above 2½ some steps down.
  const low = f.let(ops.lt(z, f.num(0.75)));
  let y: Wide = f.let(f.pick(ops.add(z, one), z, low));
  let product: Wide = f.let(f.pick(z, one, low));
  for (let k = 0; k < 6; k++) {
    const above = f.let(ops.gt(y, f.num(2.5)));
    y = f.let(ops.sub(y, bitwise.and(above, one)));
    product = f.let(f.pick(ops.mul(product, y), product, above));
  }
  const isNearOne = f.let(ops.lt(y, f.num(1.5)));
  const t = f.let(ops.sub(y, f.let(f.pick(one, f.num(2), isNearOne))));
  const factor = f.pick(f.let(f.polynomial(t, nearOne)), f.let(f.polynomial(t, nearTwo)), isNearOne);
  const isLarge = f.let(ops.ge(z, f.num(8)));
  const l = f.let(log(f, f.let(f.pick(z, product, isLarge))));
  const small = f.madd(t, f.let(factor), bitwise.xor(l, bitwise.and(low, f.num(-0))));
  const inverse = f.let(ops.div(one, z));
  const rest = f.polynomial(f.let(ops.mul(inverse, inverse)), stirling);
  const constant = f.num(0.9189385332046727 - 0.5);
  const main = ops.mul(f.let(ops.sub(z, f.num(0.5))), f.let(ops.sub(l, one)));
  const large = ops.add(main, f.let(f.madd(inverse, f.let(rest), constant)));
  const infinity = f.num(Number.POSITIVE_INFINITY);
  const value = f.let(f.pick(f.let(large), f.let(small), isLarge));
  const [reflected] = f.amend([value], negative, () => {
    const sine = ops.mul(f.let(ops.abs(r)), f.polynomial(square, sineOfPi));
    const whole = f.let(ops.sub(ops.neg(log(f, f.let(sine))), value));
    return [f.pick(infinity, f.let(whole), bitwise.or(ops.eq(r, f.num(0)), ops.eq(z, infinity)))];
  }) as [Wide];
  return f.pick(infinity, reflected, ops.eq(z, infinity));
}

/** ψ(z) / (z - z₀) in z - 3/2 for 1 ≤ z ≤ 2, and log z - 1 / 2z - ψ(z), times z², in 1/z². */
const digammaSeries = [
  0.9510558760318328, -0.42362742128146047, 0.24054248424078736, -0.1484049230539199, 0.09498872445282817,
  -0.061922133271418905, 0.04076083394474167, -0.026975796855724953, 0.017907248192276813, -0.011908214866839352,
  0.00792702413703911, -0.0052800228078332566, 0.0035180792696547876, -0.002344597854864716, 0.0015635740056064774,
  -0.0010426200339509648, 0.0006899427884749936, -0.00045835851909539733, 0.0003268933420906429,
  -0.00022237418182097696, 9.158788329197026e-5, -5.39407634257106e-5, 0.00012241611039883764, -8.656192713783513e-5,
];
const digammaZero = [1.4616321449683622, 9.549995429965697e-17] as const;
const digammaTail = [
  0.08333333333333331, -0.00833333333326979, 0.003968253918996138, -0.004166652060298678, 0.007573612824331039,
  -0.020918984145066, 0.07525930060368635, -0.23056258100601298,
];

/** ψ(x), the derivative of log Γ. */
export function digamma(f: Float, x: Wide): Wide {
  const { ops } = f;
  const { negative, z, r, square } = reflect(f, x);
  const [zero, one] = [f.num(0), f.num(1)];
  // ψ(z) = ψ(z + 1) - 1/z below 1; from above 2 down, where the sum of 1/y is a fraction.
  const low = f.let(ops.lt(z, one));
  let y: Wide = f.let(f.pick(ops.add(z, one), z, low));
  let over: Wide = f.let(bitwise.and(low, f.num(-1)));
  let under: Wide = f.let(f.pick(z, one, low));
  for (let k = 0; k < 4; k++) {
    const above = f.let(ops.gt(y, f.num(2)));
    y = f.let(ops.sub(y, bitwise.and(above, one)));
    over = f.let(f.pick(f.madd(over, y, under), over, above));
    under = f.let(f.pick(ops.mul(under, y), under, above));
  }
  const distance = ops.sub(f.let(ops.sub(y, f.num(digammaZero[0]))), f.num(digammaZero[1]));
  const central = ops.mul(f.let(distance), f.polynomial(f.let(ops.sub(y, f.num(1.5))), digammaSeries));
  const small = ops.add(central, ops.div(over, under));
  const inverse = f.let(ops.div(one, z));
  const u = f.let(ops.mul(inverse, inverse));
  const half = f.let(ops.mul(inverse, f.num(0.5)));
  const large = ops.sub(log(f, z), f.let(f.madd(u, f.polynomial(u, digammaTail), half)));
  const value = f.let(f.pick(f.let(large), f.let(small), ops.ge(z, f.num(6))));
  const [reflected] = f.amend([value], negative, () => {
    // Minus π cot πx; at the poles there is no value.
    const cotangent = f.let(ops.div(f.polynomial(square, cotangentOfPi), r));
    return [f.pick(f.num(Number.NaN), f.let(ops.sub(value, cotangent)), ops.eq(r, zero))];
  }) as [Wide];
  return reflected;
}
