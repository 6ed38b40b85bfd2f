import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryError } from "../../errors.ts";
import { Allocator, unit } from "./allocator.ts";
import { Heap, type WasmStorage } from "./memory.ts";

describe("Allocator", () => {
  test("hands out disjoint ranges, and all of the space after everything was given back", () => {
    const step = fc.record({ take: fc.boolean(), units: fc.integer({ min: 1, max: 3000 }), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const total = 8192;
        const allocator = new Allocator();
        allocator.grow(total * unit);
        const taken: { start: number; units: number }[] = [];
        for (const { take, units, pick } of steps) {
          if (take) {
            const start = allocator.take(units);
            if (start < 0) continue;
            expect(start + units).toBeLessThanOrEqual(total);
            for (const other of taken) {
              expect(start + units <= other.start || other.start + other.units <= start).toBe(true);
            }
            taken.push({ start, units });
          } else if (taken.length > 0) {
            const [range] = taken.splice(pick % taken.length, 1);
            allocator.give(range!.start, range!.units);
          }
        }
        for (const { start, units } of taken) allocator.give(start, units);
        allocator.consolidate();
        expect(allocator.take(total)).toBe(0);
      }),
    );
  });
});

describe("Heap", () => {
  const options = { limit: 2 ** 18, softLimit: 2 ** 17, shared: false };

  test("never loses a live storage, whatever is evicted", () => {
    const step = fc.record({
      kind: fc.constantFrom("allocate", "adopt", "free", "use", "drop"),
      length: fc.integer({ min: 0, max: 5000 }),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const heap = new Heap(options);
        const live: { storage: WasmStorage; value: number }[] = [];
        steps.forEach(({ kind, length, pick }, i) => {
          heap.clock++;
          const at = live.length === 0 ? -1 : pick % live.length;
          if (kind === "allocate") {
            const storage = heap.allocate("float32", length);
            storage.array.fill(i);
            live.push({ storage, value: i });
          } else if (kind === "adopt") {
            live.push({ storage: heap.adopt("int32", new Int32Array(length).fill(i)), value: i });
          } else if (at >= 0) {
            const entry = live[at]!;
            if (kind === "free") heap.free(entry.storage);
            if (kind !== "use") {
              live.splice(at, 1);
              return;
            }
            entry.storage.stamp = heap.clock;
            heap.bring(entry.storage);
            entry.storage.array.fill(i);
            entry.value = i;
          }
        });
        for (const { storage, value } of live) expect(storage.array.every((x) => x === value)).toBe(true);
      }),
    );
  });

  test("keeps few small storages, and more where they come back", () => {
    const heap = new Heap({ limit: 2 ** 24, softCount: 16, shared: false });
    for (let i = 0; i < 10_000; i++) {
      heap.clock++;
      heap.allocate("int32", 1 + (i % 20)).stamp = heap.clock;
      expect(heap.statistics().live).toBeLessThanOrEqual(16 * 2 * unit);
    }
    const live = Array.from({ length: 100 }, (_, i) => {
      const storage = heap.allocate("int32", 1 + (i % 20));
      storage.array.fill(i);
      return storage;
    });
    const visit = (): void => {
      for (const [i, storage] of live.entries()) {
        storage.stamp = ++heap.clock;
        heap.bring(storage);
        expect(storage.array.every((x) => x === i)).toBe(true);
      }
    };
    for (let i = 0; i < 10; i++) visit();
    const { evicted } = heap.statistics();
    visit();
    expect(heap.statistics().evicted).toBe(evicted);
  });

  test("stays at its limit in a loop that only makes garbage", () => {
    const heap = new Heap(options);
    for (let i = 0; i < 10_000; i++) {
      heap.clock++;
      heap.allocate("float32", 1 + ((i * 37) % 2000)).stamp = heap.clock;
      expect(heap.statistics().live).toBeLessThanOrEqual(options.softLimit);
    }
    expect(heap.buffer.byteLength).toBeLessThanOrEqual(options.limit);
  });

  test("throws a typed error when a storage does not fit, and goes on", () => {
    const heap = new Heap(options);
    expect(() => heap.allocate("float64", 1e6)).toThrow(MemoryError);
    expect(heap.allocate("float64", 100).array).toHaveLength(100);
  });

  test("pinned storages stay where they are", () => {
    const heap = new Heap(options);
    const pinned = heap.allocate("float32", 100);
    heap.pin(pinned);
    const { pointer } = pinned;
    for (let i = 0; i < 1000; i++) heap.allocate("float32", 1000);
    expect(pinned.pointer).toBe(pointer);
    heap.unpin(pinned);
  });
});

test("a request that can never fit moves nothing out", () => {
  const heap = new Heap({ limit: 2 ** 22, shared: false });
  const small = heap.allocate("float32", 1000);
  for (const length of [2 ** 21, 2 ** 31, 2 ** 40, 2 ** 52]) {
    expect(() => heap.allocate("float32", length)).toThrow(MemoryError);
  }
  expect(small.pointer).not.toBe(0);
  expect(heap.statistics().evicted).toBe(0);
  expect(heap.allocate("float32", 1000).pointer).not.toBe(small.pointer);
});
