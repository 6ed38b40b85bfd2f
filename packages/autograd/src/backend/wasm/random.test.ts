import fc from "fast-check";
import { expect, test } from "vitest";
import type { Backend, View } from "../backend.ts";
import { referenceBackend } from "../reference/index.ts";
import { createWasmBackend } from "./index.ts";

const wasm = createWasmBackend()!;
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

test.each(["bits", "uniform", "normal"] as const)(
  "%s are the reference's to the bit, also where counters wrap",
  (d) => {
    const counter = fc.oneof(word, fc.integer({ min: -40, max: 5 }));
    const dtype = fc.constantFrom("float32", "float64", "int32");
    fc.assert(
      fc.property(fc.nat(200), dtype, fc.tuple(word, word, counter, counter), (size, wanted, scalars) => {
        const kind = d === "bits" ? "int32" : wanted === "int32" ? "float32" : wanted;
        const play = (on: Backend): number[] => {
          const storage = on.allocate(kind, size + 3);
          storage.array.fill(7);
          const view: View = { shape: [size], strides: [1], offset: 2, dtype: kind, size, storage };
          on.run({ kind: "random", distribution: d }, [], [view], scalars);
          return [...storage.array];
        };
        expect(play(wasm)).toEqual(play(referenceBackend));
      }),
      { numRuns: 400 },
    );
  },
);
