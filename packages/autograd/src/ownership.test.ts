/** What the engine frees early is never what anyone still holds. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apply, discard, type Op, savesNothing, viewOf } from "./extend.ts";
import { shapes } from "./gradcheck/arbitraries.ts";
import {
  checkpoint,
  customGradient,
  gradients,
  MemoryError,
  memory,
  noGrad,
  ones,
  setBackend,
  type Tensor,
  tensor,
} from "./index.ts";

const values = (x: Tensor): number[] => [...x.data];

/** Uses the memory that has been given up. */
function makeGarbage(): void {
  noGrad(() => {
    for (let i = 0; i < 64; i++) ones([64]).mul(-1000 - i);
  });
}

const numbers = (shape: readonly number[], seed: number): Float64Array =>
  Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(seed + 7 * i));

const parameters = (count: number): Tensor[] =>
  Array.from({ length: count }, (_, i) => tensor(new Float32Array(64).fill(i + 1), { requiresGrad: true }));

describe("cotangents that others have seen stay as they are", () => {
  test("those a hook keeps", () => {
    const [x] = parameters(1) as [Tensor];
    const seen: Tensor[] = [];
    const y = x.mul(3);
    y.registerHook((cotangent) => {
      seen.push(cotangent);
      return undefined;
    });
    y.mul(2).mul(5).sum().backward();
    makeGarbage();
    expect(values(seen[0]!)).toEqual(Array(64).fill(10));
  });

  test("those a custom gradient keeps, and what it makes of them", () => {
    const [x] = parameters(1) as [Tensor];
    const seen: Tensor[] = [];
    const f = customGradient({
      forward: (a) => a.mul(2),
      backward: (cotangent) => {
        const gradient = cotangent.mul(2);
        seen.push(cotangent, gradient);
        return gradient;
      },
    });
    f(x.mul(3)).mul(5).sum().backward();
    makeGarbage();
    expect(seen.map((s) => values(s)[0])).toEqual([5, 10]);
    expect(values(x.grad!)).toEqual(Array(64).fill(30));
  });

  test("those an operation from outside keeps", () => {
    const [x] = parameters(1) as [Tensor];
    const seen: Tensor[] = [];
    const same: Op<null> = {
      name: "same",
      forward: ([a]) => viewOf(a!, a!.shape, a!.strides),
      saves: () => savesNothing,
      vjp: ([cotangent]) => {
        seen.push(cotangent!);
        return cotangent!;
      },
      jvp: ([tangent]) => tangent!,
      batch: ([a]) => apply(same, [a!], null),
    };
    apply(same, [x.mul(3)], null)
      .mul(5)
      .sum()
      .backward();
    makeGarbage();
    expect(values(seen[0]!)).toEqual(Array(64).fill(5));
  });

  test("those of a pass inside a pass", () => {
    const [x, w] = parameters(2) as [Tensor, Tensor];
    const seen: Tensor[] = [];
    const y = checkpoint((a) => {
      const b = a.mul(w);
      if (b.requiresGrad)
        b.registerHook((c) => {
          seen.push(c);
          return undefined;
        });
      return b.mul(a);
    }, x);
    y.mul(7).sum().backward();
    makeGarbage();
    expect(values(x.grad!)).toEqual(Array(64).fill(28));
    expect(values(w.grad!)).toEqual(Array(64).fill(7));
    expect(values(seen.at(-1)!)).toEqual(Array(64).fill(7));
  });
});

describe("gradients", () => {
  test("stay until they are given up, however many share their memory", () => {
    const [a, b, c] = parameters(3) as [Tensor, Tensor, Tensor];
    const [da, db, dc] = gradients(a.add(b).mul(2).mul(c).sum(), [a, b, c]) as [Tensor, Tensor, Tensor];
    makeGarbage();
    discard([da]);
    makeGarbage();
    expect(values(db)).toEqual(Array(64).fill(6));
    expect(values(dc)).toEqual(Array(64).fill(6));
  });

  test("cannot be read after that", () => {
    const [a] = parameters(1) as [Tensor];
    const [da] = gradients(a.mul(2).square().sum(), [a]) as [Tensor];
    discard([da]);
    expect(() => da.data).toThrow(MemoryError);
    expect(() => da.add(1)).toThrow(MemoryError);
  });

  test("that anyone else may hold are left alone by discard", () => {
    const [a] = parameters(1) as [Tensor];
    const weight = tensor(new Float32Array(64).fill(4));
    const [da] = gradients(a.mul(weight), [a], { cotangents: weight }) as [Tensor];
    a.mul(weight).sum().backward();
    discard([a.grad!, weight, a]);
    expect(values(a.grad!)).toEqual(Array(64).fill(4));
    expect(values(weight)).toEqual(Array(64).fill(4));
    expect(values(da)).toEqual(Array(64).fill(16));
  });

  test("of random programs are those of the backend that never frees", () => {
    const program = fc.array(fc.tuple(fc.nat(7), fc.nat(99), fc.nat(99)), { minLength: 1, maxLength: 30 });
    const steps: readonly ((x: Tensor, y: Tensor) => Tensor)[] = [
      (x, y) => x.add(y),
      (x, y) => x.mul(y),
      (x) => x.tanh(),
      (x, y) => x.sub(y.sum({ axis: 0, keepDims: true })),
      (x) => x.flip(0),
      (x, y) => x.maximum(y),
      (x) => x.neg(),
      (x) => x.reshape([-1]).reshape(x.shape),
    ];
    fc.assert(
      fc.property(shapes({ minRank: 1, maxRank: 2, longest: 5 }), program, fc.nat(1e6), (shape, instructions, seed) => {
        const data = Array.from({ length: 3 }, (_, i) => numbers(shape, seed + i));
        const run = (): number[][] => {
          const inputs = data.map((d) => tensor({ data: d, shape }, { requiresGrad: true }));
          const known = [...inputs];
          for (const [op, i, j] of instructions) {
            known.push(steps[op]!(known[i % known.length]!, known[j % known.length]!));
          }
          const root = known.slice(-3).reduce((a, b) => a.add(b));
          const first = gradients(root.sum(), inputs, { retainGraph: true });
          makeGarbage();
          const second = gradients(root, inputs, { cotangents: root.detach(), retainGraph: true });
          const third = gradients(root, inputs, { cotangents: second[0]! });
          makeGarbage();
          return [...first, ...second, ...third].map(values);
        };
        const fast = run();
        setBackend("reference");
        try {
          const slow = run();
          fast.forEach((f, i) => void f.forEach((x, k) => void expect(x).toBeCloseTo(slow[i]![k]!, 6)));
        } finally {
          setBackend("wasm");
        }
      }),
      { numRuns: 60 },
    );
  });
});

test("a tape of a million nodes is walked both ways, without recursion", { timeout: 120_000 }, () => {
  const x = tensor([1, 2], { requiresGrad: true });
  let y = x as Tensor;
  for (let i = 0; i < 500_000; i++) y = y.mul(1).add(1e-6);
  y.sum().backward();
  expect(values(x.grad!)).toEqual([1, 1]);
  expect(memory().live).toBeGreaterThan(0);
});
