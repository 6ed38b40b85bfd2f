/**
 * Philox on vectors: each lane is a block of its own, four blocks at a time, transposed into the order of memory.
 * Bits and uniform float32 numbers are made so; what is left over, and other distributions, by the reference.
 */
import type { KernelRunner, RandomKernel } from "../backend.ts";
import { runRandom } from "../reference/random.ts";
import { f32x4, i32, i32x4, i64x2, increase, type V128, v128, whileLoop } from "./assembler.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

const rounds = 10;
/** Numbers of four blocks. */
const group = 16;

/** `fill(out, groups, key0, key1, counter0, counter1)` */
function build(runtime: Runtime, distribution: "bits" | "uniform"): PartedEntry {
  const module = runtime.module();
  const parameters = ["i32", "i32", "i32", "i32", "i32", "i32"] as const;
  module.function("fill", parameters, [], (scope, out, groups, key0, key1, counter0, counter1) => {
    const words = Array.from({ length: 4 }, () => scope.local("v128"));
    const [c0, c1, c2, c3] = words as [(typeof words)[0], (typeof words)[0], (typeof words)[0], (typeof words)[0]];
    const [high0, high1, base] = [scope.local("v128"), scope.local("v128"), scope.local("v128")];
    const [k0, k1] = [scope.local("v128"), scope.local("v128")];
    const [multiplier0, multiplier1] = [i32x4.const(0xd2511f53 | 0), i32x4.const(0xcd9e8d57 | 0)];
    const upper = (a: V128, b: V128): V128 =>
      v128.shuffle(
        i64x2.extendedLowProduct(a, b),
        i64x2.extendedHighProduct(a, b),
        [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31],
      );
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
    const finish = (x: V128): V128 =>
      distribution === "bits" ? x : f32x4.mul(f32x4.convert(i32x4.shrU(x, 8)), f32x4.const(2 ** -24));
    const lanes = (a: V128, b: V128, order: readonly number[]): V128 =>
      v128.shuffle(
        a,
        b,
        order.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)),
      );
    const block = (i: number): V128 => {
      const pair = [i, i + 4];
      return lanes(lanes(c0, c1, [...pair, ...pair]), lanes(c2, c3, [...pair, ...pair]), [0, 1, 4, 5]);
    };
    return [
      whileLoop(
        i32.gt(groups, 0),
        base.set(i32x4.splat(counter0)),
        c0.set(i32x4.add(base, v128.const(new Int32Array([0, 1, 2, 3])))),
        // Where the lower word has wrapped, the upper one is larger by one.
        c1.set(i32x4.sub(i32x4.splat(counter1), i32x4.ltU(c0, base))),
        c2.set(i32x4.const(0)),
        c3.set(i32x4.const(0)),
        k0.set(i32x4.splat(key0)),
        k1.set(i32x4.splat(key1)),
        ...Array.from({ length: rounds }, () => round).flat(),
        ...[0, 1, 2, 3].map((i) => v128.store(out, finish(block(i)), 16 * i)),
        increase(out, 4 * group),
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
    const view = output!;
    if (distribution === "normal" || view.dtype !== (distribution === "bits" ? "int32" : "float32")) return false;
    let entry = cache.get(distribution);
    if (entry === undefined) {
      entry = build(runtime, distribution);
      cache.set(distribution, entry);
    }
    const [key0, key1, counter0, counter1] = scalars as [number, number, number, number];
    const groups = Math.floor(view.size / group);
    entry.entry(addressOf(view, 4), groups, key0, key1, counter0, counter1);
    const done = groups * group;
    if (done === view.size) return true;
    const low = (counter0 >>> 0) + groups * 4;
    const rest = [key0, key1, low | 0, (counter1 + Math.floor(low / 2 ** 32)) | 0];
    const size = view.size - done;
    runRandom(kernel, inputs, [{ ...view, shape: [size], strides: [1], offset: view.offset + done, size }], rest);
    return true;
  };
}
