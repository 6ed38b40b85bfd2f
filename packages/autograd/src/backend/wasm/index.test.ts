import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryError } from "../../errors.ts";
import * as s from "../../scalar/expression.ts";
import type { Backend, Kernel, View } from "../backend.ts";
import { referenceBackend } from "../reference/index.ts";
import { createWasmBackend } from "./index.ts";

const [x, y] = [s.argument(0), s.argument(1)];
const kernels: readonly Kernel[] = [
  { kind: "elementwise", expressions: [s.add(x, y)], compute: "float64" },
  { kind: "elementwise", expressions: [s.select(s.lt(x, y), s.sub(x, y), s.max(x, 1))], compute: "float64" },
];

/** Runs a program of kernels over ever new vectors, some of them updated in place, and gives all that is alive. */
function play(on: Backend, steps: readonly Step[]): number[][] {
  const vector = (): View => {
    const storage = on.allocate("float64", 1500);
    return { shape: [1500], strides: [1], offset: 0, dtype: "float64", size: 1500, storage };
  };
  const first = vector();
  first.storage.array.set(Array.from({ length: 1500 }, (_, i) => i % 11));
  const live = [first];
  for (const { kernel, a, b, inPlace, drop } of steps) {
    const [p, q] = [live[a % live.length]!, live[b % live.length]!];
    const out = inPlace ? p : vector();
    on.run(kernels[kernel]!, [p, q], [out]);
    if (!inPlace) live.push(out);
    if (drop && live.length > 1) live.splice(b % live.length, 1);
  }
  return live.map((view) => [...view.storage.array]);
}

const step = fc.record({
  kernel: fc.constantFrom(0, 1),
  a: fc.nat(),
  b: fc.nat(),
  inPlace: fc.boolean(),
  drop: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

describe("the backend", () => {
  test.each([{ softMemoryLimit: 2 ** 17 }, { softCount: 3 }])(
    "plays random programs as the reference does, in a heap far too small for them: %o",
    (limits) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const tiny = createWasmBackend({ memoryLimit: 2 ** 18, threads: 1, ...limits })!;
          expect(play(tiny, steps)).toEqual(play(referenceBackend, steps));
        }),
        { numRuns: 60 },
      );
    },
  );

  test("stays flat in a long synchronous loop", () => {
    const on = createWasmBackend({ softMemoryLimit: 2 ** 20, threads: 1 })!;
    const view = (): View => {
      const storage = on.allocate("float64", 1000);
      return { shape: [1000], strides: [1], offset: 0, dtype: "float64", size: 1000, storage };
    };
    let state = view();
    state.storage.array.fill(1);
    const one = view();
    one.storage.array.fill(1);
    for (let i = 0; i < 100_000; i++) {
      const next = view();
      on.run(kernels[0]!, [state, one], [next]);
      state = next;
    }
    expect(state.storage.array[999]).toBe(100_001);
    const { live, cached } = on.memory();
    expect(live).toBeLessThanOrEqual(2 ** 20);
    expect(live + cached).toBeLessThanOrEqual(2 ** 23);
  });

  test("throws a typed error when operands do not fit together, and goes on", () => {
    const on = createWasmBackend({ memoryLimit: 2 ** 18, threads: 1 })!;
    const view = (length: number): View => {
      const storage = on.allocate("float64", length);
      storage.array.fill(2);
      return { shape: [length], strides: [1], offset: 0, dtype: "float64", size: length, storage };
    };
    const [a, b, c] = [view(12_000), view(12_000), view(12_000)];
    expect(() => on.run(kernels[0]!, [a, b], [c])).toThrow(MemoryError);
    const [p, q, r] = [view(10), view(10), view(10)];
    on.run(kernels[0]!, [p, q], [r]);
    expect(r.storage.array[9]).toBe(4);
    expect(a.storage.array[11_999]).toBe(2);
  });

  test("refuses limits that make no sense", () => {
    expect(() => createWasmBackend({ memoryLimit: 10 })).toThrow("createWasmBackend: memoryLimit is 10");
  });
});
