/**
 * Philox on vectors: each lane is a block of its own, four blocks at a time, transposed into the order of memory.
 * What is left over is made by the reference.
 */
import { itemSize } from "../../dtype.ts";
import type { KernelRunner, RandomKernel } from "../backend.ts";
import { cosineFactors, runRandom, sineFactors } from "../reference/random.ts";
import {
  f32x4,
  f64x2,
  i32,
  i32x4,
  i64x2,
  increase,
  int,
  type Local,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import { bitwise, doubleWords, Float, type Site, upperHalf, type Wide } from "./math/float.ts";
import { splitExponent } from "./math/logarithm.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

const rounds = 10;
/** Bytes that four blocks of counters make. */
const groupBytes = 64;
/** Groups of one part. */
const partGroups = 512;

type Distribution = RandomKernel["distribution"];
const words4 = (order: readonly number[]): number[] =>
  order.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte));
const lanes = (a: V128, b: V128, order: readonly number[]): V128 => v128.shuffle(a, b, words4(order));

/** Coefficients of the series of the reference, which are to give the same bits. */
const logSeries = Array.from({ length: 12 }, (_, i) => 1 / (2 * i + 1));

/** Standard normals from u in (0, 1] and v in [0, 1), by the reference's operations in its order, none of them fused. */
function boxMuller(f: Float, u: Wide, v: Wide): readonly [Wide, Wide] {
  const { ops } = f;
  const { k, m } = splitExponent(f, u);
  const t = f.let(ops.div(m, ops.add(m, f.num(2))));
  const square = f.let(ops.mul(t, t));
  const horner = (coefficients: readonly number[]): Wide =>
    coefficients
      .slice(0, -1)
      .reduceRight((sum, c) => f.let(ops.add(ops.mul(sum, square), f.num(c))), f.num(coefficients.at(-1)!));
  const log = ops.add(ops.mul(k, f.num(Math.LN2)), ops.mul(ops.add(t, t), horner(logSeries)));
  const radius = f.let(ops.sqrt(ops.mul(f.num(-2), log)));
  const turns = f.let(ops.mul(f.num(4), v));
  const quarter = f.let(ops.floor(ops.add(turns, f.num(0.5))));
  const angle = f.let(ops.mul(ops.sub(turns, quarter), f.num(Math.PI / 2)));
  const z = f.let(ops.mul(angle, angle));
  const alternating = (factors: readonly number[]): Wide =>
    factors.reduce<Wide>((series, c) => f.let(ops.sub(f.num(1), ops.mul(ops.mul(z, f.num(c)), series))), f.num(1));
  const sine = f.let(ops.mul(angle, alternating(sineFactors)));
  const cosine = alternating(cosineFactors);
  // Which quarter it is, in the lowest bits of a number so large.
  const bits = f.let(ops.add(quarter, f.num(2 ** 52)));
  const odd = f.let(doubleWords.lt(doubleWords.shl(bits, 63), f.num(0)));
  const signOf = (x: Wide): Wide => bitwise.and(doubleWords.shl(x, 62), f.num(-0));
  const first = bitwise.xor(bitwise.select(sine, cosine, odd), signOf(f.let(ops.add(bits, f.num(1)))));
  const second = bitwise.xor(bitwise.select(cosine, sine, odd), signOf(bits));
  return [f.let(ops.mul(radius, first)), f.let(ops.mul(radius, second))];
}

/** `fill(part, thread, out, groups, key0, key1, counter0, counter1)` */
function build(runtime: Runtime, distribution: Distribution, isDouble: boolean): PartedEntry {
  const module = runtime.module();
  const types = Array.from({ length: 8 }, () => "i32" as const);
  module.function("fill", types, [], (scope, ...args) => {
    type I = Local<"i32">;
    const [part, , out, groups, key0, key1, counter0, counter1] = args as I[] as [I, I, I, I, I, I, I, I];
    const words = Array.from({ length: 4 }, () => scope.local("v128"));
    const [c0, c1, c2, c3] = words as [(typeof words)[0], (typeof words)[0], (typeof words)[0], (typeof words)[0]];
    const [high0, high1, base] = [scope.local("v128"), scope.local("v128"), scope.local("v128")];
    const [k0, k1] = [scope.local("v128"), scope.local("v128")];
    const before = scope.local("i32");
    const [multiplier0, multiplier1] = [i32x4.const(0xd2511f53 | 0), i32x4.const(0xcd9e8d57 | 0)];
    const upper = (a: V128, b: V128): V128 =>
      lanes(i64x2.extendedLowProduct(a, b), i64x2.extendedHighProduct(a, b), [1, 3, 5, 7]);
    const round = [
      high0.set(upper(multiplier0, c0)),
      high1.set(upper(multiplier1, c2)),
      // The old c1 and c3 are used before they are replaced.
      high1.set(v128.xor(v128.xor(high1, c1), k0)),
      high0.set(v128.xor(v128.xor(high0, c3), k1)),
      c1.set(i32x4.mul(multiplier1, c2)),
      c3.set(i32x4.mul(multiplier0, c0)),
      c0.set(high1),
      c2.set(high0),
      k0.set(i32x4.add(k0, i32x4.const(0x9e3779b9 | 0))),
      k1.set(i32x4.add(k1, i32x4.const(0xbb67ae85 | 0))),
    ];
    const site: Site = { runtime, module, scope, statements: [] };
    const d = new Float(site, true, 2);
    /** Words as float64 numbers without sign, of lanes 0 and 1, and of 2 and 3. */
    const unsigned = (x: V128): Wide => d.let([f64x2.convertLowU(x), f64x2.convertLowU(v128.shuffle(x, x, upperHalf))]);
    const scale = (x: Wide, factor: number): Wide => d.let(d.ops.mul(x, d.num(factor)));
    const uniform53 = (high: V128, low: V128): Wide => {
      const top = scale(unsigned(i32x4.shrU(high, 5)), 2 ** 26);
      return scale(d.ops.add(top, unsigned(i32x4.shrU(low, 6))), 2 ** -53);
    };
    const one = d.num(1);
    /** The four vectors to store, in the order of memory. */
    const results = (): readonly V128[] => {
      if (isDouble) {
        const [u, v] = [uniform53(c0, c1), uniform53(c2, c3)];
        const [a, b] = distribution === "uniform" ? [u, v] : boxMuller(d, d.let(d.ops.sub(one, u)), v);
        return [0, 1].flatMap((i) => [lanes(a[i]!, b[i]!, [0, 1, 4, 5]), lanes(a[i]!, b[i]!, [2, 3, 6, 7])]);
      }
      let columns: readonly V128[] = [c0, c1, c2, c3];
      if (distribution === "uniform") {
        columns = columns.map((x) => f32x4.mul(f32x4.convert(i32x4.shrU(x, 8)), f32x4.const(2 ** -24)));
      } else if (distribution === "normal") {
        const pair = (a: V128, b: V128): readonly V128[] => {
          const u = scale(d.ops.add(unsigned(a), one), 2 ** -32);
          return boxMuller(d, u, scale(unsigned(b), 2 ** -32)).map((x) =>
            lanes(f32x4.demote(x[0]!), f32x4.demote(x[1]!), [0, 1, 4, 5]),
          );
        };
        columns = [...pair(c0, c1), ...pair(c2, c3)];
      }
      const [w0, w1, w2, w3] = d.let(columns) as readonly V128[] as [V128, V128, V128, V128];
      return [0, 1, 2, 3].map((i) => {
        const both = [i, i + 4];
        return lanes(lanes(w0, w1, [...both, ...both]), lanes(w2, w3, [...both, ...both]), [0, 1, 4, 5]);
      });
    };
    const stored = results();
    return [
      increase(out, i32.mul(part, partGroups * groupBytes)),
      before.set(counter0),
      increase(counter0, i32.mul(part, partGroups * 4)),
      // Where the lower word has wrapped, the upper one is larger by one.
      counter1.set(i32.add(counter1, i32.ltU(counter0, before))),
      groups.set(i32.sub(groups, i32.mul(part, partGroups))),
      when(i32.gt(groups, partGroups), groups.set(int(partGroups))),
      whileLoop(
        i32.gt(groups, 0),
        base.set(i32x4.splat(counter0)),
        c0.set(i32x4.add(base, v128.const(new Int32Array([0, 1, 2, 3])))),
        c1.set(i32x4.sub(i32x4.splat(counter1), i32x4.ltU(c0, base))),
        c2.set(i32x4.const(0)),
        c3.set(i32x4.const(0)),
        k0.set(i32x4.splat(key0)),
        k1.set(i32x4.splat(key1)),
        ...Array.from({ length: rounds }, () => round).flat(),
        ...site.statements,
        ...stored.map((x, i) => v128.store(out, x, 16 * i)),
        increase(out, groupBytes),
        increase(counter0, 4),
        // Unsigned: below 4 only if it has just wrapped.
        counter1.set(i32.add(counter1, i32.ltU(counter0, 4))),
        increase(groups, -1),
      ),
    ];
  });
  return runtime.link(module)("fill");
}

export function randomRunner(runtime: Runtime): Attempt<KernelRunner<RandomKernel>> {
  const cache = new Map<string, PartedEntry>();
  return (kernel, inputs, [output], scalars) => {
    const { distribution } = kernel;
    const { dtype, size, offset } = output!;
    const name = distribution + dtype;
    let entry = cache.get(name);
    if (entry === undefined) {
      entry = build(runtime, distribution, dtype === "float64");
      cache.set(name, entry);
    }
    const [key0, key1, counter0, counter1] = scalars as [number, number, number, number];
    const bytes = itemSize(dtype);
    const group = groupBytes / bytes;
    const groups = Math.floor(size / group);
    const args = [addressOf(output!, bytes), groups, key0, key1, counter0, counter1];
    // A number takes some twenty operations.
    if (groups > 0) runtime.parallel(entry, Math.ceil(groups / partGroups), args, 20 * size);
    const done = groups * group;
    if (done === size) return true;
    const low = (counter0 >>> 0) + groups * 4;
    const rest = [key0, key1, low | 0, (counter1 + Math.floor(low / 2 ** 32)) | 0];
    const left = { ...output!, shape: [size - done], strides: [1], offset: offset + done, size: size - done };
    runRandom(kernel, inputs, [left], rest);
    return true;
  };
}
