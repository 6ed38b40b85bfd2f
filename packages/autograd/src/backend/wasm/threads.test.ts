import { describe, expect, test } from "vitest";
import type { DType } from "../../dtype.ts";
import * as s from "../../scalar/expression.ts";
import type { View } from "../backend.ts";
import { f32x4, i32, increase, int, ModuleBuilder, v128, when, whileLoop } from "./assembler.ts";
import { features } from "./features.ts";
import { createWasmBackend, type WasmBackend } from "./index.ts";
import { Heap } from "./memory.ts";
import { Runtime } from "./runtime.ts";
import { Pool } from "./threads.ts";

function matrix(on: WasmBackend, rows: number, columns: number): View {
  const storage = on.allocate("float32", rows * columns);
  for (let i = 0; i < storage.length; i++) storage.array[i] = Math.sin(i);
  return { shape: [rows, columns], strides: [columns, 1], offset: 0, dtype: "float32", size: rows * columns, storage };
}

/** The elements as bytes, so that those that look equal but are not the same bits differ. */
const bitsOf = ({ storage }: View): Uint8Array => new Uint8Array(storage.array.slice().buffer);

const sameBits = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.every((bits, i) => bits.every((x, k) => x === b[i]![k]));

// A page that is not cross-origin isolated shares no memory and has no threads.
const shared = features()?.sharedMemory === true;

describe("threads", () => {
  test("give the same bits whatever their number", async () => {
    const bits = [];
    for (const threads of [1, 2, 4]) {
      const on = createWasmBackend({ threads })!;
      let first: Uint8Array[] | undefined;
      // Once before workers are up, and again when they are.
      for (let round = 0; round < 20; round++) {
        const [a, b, c] = [matrix(on, 300, 500), matrix(on, 500, 200), matrix(on, 300, 200)];
        on.run({ kind: "contract", batch: 0, m: 1, k: 1, n: 1 }, [a, b], [c]);
        const [x, y] = [matrix(on, 1000, 100), matrix(on, 1000, 100)];
        on.run({ kind: "elementwise", expressions: [s.tanh(s.argument(0))], compute: "float32" }, [x], [y]);
        const now = [c, y].map(bitsOf);
        first ??= now;
        expect(sameBits(now, first)).toBe(true);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      bits.push(first!);
      on.setThreads(1);
    }
    expect(sameBits(bits[1]!, bits[0]!)).toBe(true);
    expect(sameBits(bits[2]!, bits[0]!)).toBe(true);
  });

  test("give the same bits for every kind of kernel that is shared out", async () => {
    const x = s.argument(0);
    const vectorOf = (on: WasmBackend, dtype: DType, size: number): View => {
      const storage = on.allocate(dtype, size);
      return { shape: [size], strides: [1], offset: 0, dtype, size, storage };
    };
    const square = (on: WasmBackend): View => matrix(on, 500, 400);
    const transposed = (v: View): View => ({ ...v, shape: v.shape.toReversed(), strides: v.strides.toReversed() });
    const jobs: Record<string, (on: WasmBackend) => View> = {};
    const reductions = ["sum", "prod", "max", "min", "argmax", "argmin"] as const;
    for (const reduction of reductions) {
      const dtype = reduction.startsWith("arg") ? "int32" : "float32";
      for (const [name, view] of Object.entries({
        rows: square,
        columns: (on: WasmBackend) => transposed(square(on)),
      })) {
        jobs[`${reduction} of ${name}`] = (on) => {
          const input = view(on);
          const output = vectorOf(on, dtype, input.shape[0]!);
          on.run({ kind: "reduce", reduction }, [input], [output]);
          return output;
        };
      }
      jobs[`${reduction} of all`] = (on) => {
        const output: View = { ...vectorOf(on, dtype, 1), shape: [], strides: [] };
        on.run({ kind: "reduce", reduction }, [square(on)], [output]);
        return output;
      };
    }
    for (const log of [false, true]) {
      jobs[log ? "logSoftmax" : "softmax"] = (on) => {
        const output = square(on);
        on.run({ kind: "softmax", log }, [square(on)], [output]);
        return output;
      };
    }
    for (const reduction of ["sum", "prod", "max", "min"] as const) {
      jobs[`running ${reduction}`] = (on) => {
        const output = square(on);
        on.run({ kind: "scan", reduction }, [square(on)], [output]);
        return output;
      };
    }
    for (const axis of [0, 1]) {
      jobs[`gather along ${axis}`] = (on) => {
        const [source, output] = [square(on), square(on)];
        const places = vectorOf(on, "int32", [500, 400][axis]!);
        for (let i = 0; i < places.size; i++) places.storage.array[i] = (i * 7919) % places.size;
        const indices: View = { ...places, shape: [500, 400], strides: axis === 0 ? [1, 0] : [0, 1], size: 200_000 };
        on.run({ kind: "gather", axis }, [source, indices], [output]);
        return output;
      };
    }
    for (const distribution of ["bits", "uniform", "normal"] as const) {
      jobs[distribution] = (on) => {
        const output = vectorOf(on, distribution === "bits" ? "int32" : "float64", 100_003);
        on.run({ kind: "random", distribution }, [], [output], [1, 2, -20_000, 3]);
        return output;
      };
    }
    const elementwise = (e: s.Expr, inputs: (on: WasmBackend) => View[]) => (on: WasmBackend) => {
      const output = square(on);
      on.run({ kind: "elementwise", expressions: [e], compute: "float32" }, inputs(on), [output]);
      return output;
    };
    jobs.broadcast = elementwise(s.add(x, s.argument(1)), (on) => [square(on), matrix(on, 1, 400)]);
    jobs["strided rows"] = elementwise(s.exp(x), (on) => [transposed(matrix(on, 400, 500))]);
    jobs["a function that is called"] = elementwise(s.sin(s.mul(x, 1e8)), (on) => [square(on)]);

    const results = new Map<string, Uint8Array>();
    for (const threads of [1, 2, 4]) {
      const on = createWasmBackend({ threads })!;
      for (let round = 0; round < (threads === 1 ? 1 : 3); round++) {
        for (const [name, job] of Object.entries(jobs)) {
          const bits = bitsOf(job(on));
          const before = results.get(name) ?? bits;
          expect(sameBits([bits], [before]), `${name}, ${threads} threads`).toBe(true);
          results.set(name, bits);
        }
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      on.setThreads(1);
    }
  });

  test("can be turned off, and their number is checked", () => {
    const on = createWasmBackend({ threads: 2 })!;
    expect(on.threads()).toBe(shared ? 2 : 1);
    on.setThreads(1);
    expect(on.threads()).toBe(1);
    expect(() => on.setThreads(0)).toThrow("setThreads: count is 0");
  });
});

/** A function that takes a moment on the calling thread, and on a worker does what must never happen. */
function treacherous(runtime: Runtime, worker: "trap" | "hang"): ReturnType<ReturnType<Runtime["link"]>> {
  const module = new ModuleBuilder(true);
  module.function("run", ["i32", "i32"], [], (scope, _, thread) => {
    const n = scope.local("i32");
    const fatal = worker === "trap" ? v128.store(int(-32), f32x4.const(1)) : whileLoop(int(1), increase(n, 1));
    return [when(thread, fatal), n.set(int(2_000_000)), whileLoop(i32.gt(n, 0), increase(n, -1))];
  });
  return runtime.link(module)("run");
}

describe.skipIf(!shared)("a worker that is lost", () => {
  test.each(["trap", "hang"] as const)("by a %s is an error in good time, and one thread goes on", async (worker) => {
    const heap = new Heap({ limit: 2 ** 22, shared: true });
    const pool = new Pool(heap, 2, 1, 300);
    const entry = treacherous(new Runtime(heap, true, false), worker);
    // Workers are a while in coming.
    const attempt = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        pool.run(entry, 20, []);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    await expect(attempt()).rejects.toThrow("threads: a worker thread was lost while it ran a part of a kernel");
    expect(pool.broken).toBe(true);
    pool.run(entry, 20, []);
  });

  test("or sent home while another comes breaks nothing", async () => {
    const on = createWasmBackend({ threads: 2 })!;
    for (let round = 0; round < 50; round++) {
      on.setThreads((round % 3) + 1);
      const [a, b] = [matrix(on, 1000, 100), matrix(on, 1000, 100)];
      on.run({ kind: "elementwise", expressions: [s.neg(s.argument(0))], compute: "float32" }, [a], [b]);
      expect(b.storage.array[99_999]).toBe(-a.storage.array[99_999]!);
    }
  });
});
