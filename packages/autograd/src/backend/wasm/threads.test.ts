import { describe, expect, test } from "vitest";
import * as s from "../../scalar/expression.ts";
import type { View } from "../backend.ts";
import { createWasmBackend, type WasmBackend } from "./index.ts";

function matrix(on: WasmBackend, rows: number, columns: number): View {
  const storage = on.allocate("float32", rows * columns);
  for (let i = 0; i < storage.length; i++) storage.array[i] = Math.sin(i);
  return { shape: [rows, columns], strides: [columns, 1], offset: 0, dtype: "float32", size: rows * columns, storage };
}

describe("threads", () => {
  test("give the same bits whatever their number", async () => {
    const bits = [];
    for (const threads of [1, 2, 4]) {
      const on = createWasmBackend({ threads })!;
      let first: string | undefined;
      // Once before workers are up, and again when they are.
      for (let round = 0; round < 20; round++) {
        const [a, b, c] = [matrix(on, 300, 500), matrix(on, 500, 200), matrix(on, 300, 200)];
        on.run({ kind: "contract", batch: 0, m: 1, k: 1, n: 1 }, [a, b], [c]);
        const [x, y] = [matrix(on, 1000, 100), matrix(on, 1000, 100)];
        on.run({ kind: "elementwise", expressions: [s.tanh(s.argument(0))], compute: "float32" }, [x], [y]);
        const now = Buffer.concat([c, y].map(({ storage }) => Buffer.from(storage.array.slice().buffer))).toString(
          "base64",
        );
        first ??= now;
        expect(now === first).toBe(true);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      bits.push(first);
      on.setThreads(1);
    }
    expect(bits[1] === bits[0]).toBe(true);
    expect(bits[2] === bits[0]).toBe(true);
  });

  test("can be turned off, and their number is checked", () => {
    const on = createWasmBackend({ threads: 2 })!;
    expect(on.threads()).toBe(2);
    on.setThreads(1);
    expect(on.threads()).toBe(1);
    expect(() => on.setThreads(0)).toThrow("setThreads: count is 0");
  });
});
