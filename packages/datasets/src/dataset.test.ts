import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterAll, describe, expect, expectTypeOf, it } from "vitest";
import { Dataset } from "./dataset.ts";
import { ArgumentError, PipelineError } from "./errors.ts";
import type { NdArray } from "./nd-array.ts";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
async function collect<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const element of elements) all.push(element);
  return all;
}
const numbers = (n: number): Dataset<number> => Dataset.fromIterable(range(n));
/** Elements that have to be waited for, and a count of what was asked and closed. */
function slow(n: number): { dataset: Dataset<number>; asked: () => number; closed: () => number } {
  let asked = 0;
  let closed = 0;
  const dataset = Dataset.fromIterable(async function* () {
    try {
      for (let i = 0; i < n; i++) {
        asked++;
        await undefined;
        yield i;
      }
    } finally {
      closed++;
    }
  });
  return { dataset, asked: () => asked, closed: () => closed };
}

const folder = await mkdtemp(join(tmpdir(), "gradiente-dataset-"));
afterAll(() => rm(folder, { recursive: true }));

describe("Dataset", () => {
  it("hands out rows of arrays, objects and tuples, and puts them together again", async () => {
    const x: NdArray<Float32Array> = { data: Float32Array.from(range(12)), shape: [4, 3] };
    const dataset = Dataset.fromArrays({
      x,
      labels: ["a", "b", "c", "d"],
      pair: [Uint8Array.of(1, 2, 3, 4), [5, 6, 7, 8]],
    });
    const [first] = await dataset.take(1).toList();
    expect(first).toEqual({
      x: { data: Float32Array.of(0, 1, 2), shape: [3] },
      labels: "a",
      pair: [{ data: Uint8Array.of(1), shape: [] }, 5],
    });
    const [, last] = await dataset.batch(3).toList();
    expect(last).toEqual({
      x: { data: Float32Array.of(9, 10, 11), shape: [1, 3] },
      labels: ["d"],
      pair: [
        { data: Uint8Array.of(4), shape: [1] },
        { data: Float64Array.of(8), shape: [1] },
      ],
    });
    expect((await dataset.toArrays()).x).toBe(x);
    expect((await dataset.skip(1).toArrays()).x).toEqual({ data: x.data.subarray(3), shape: [3, 3] });
  });

  it("knows the types of its elements", () => {
    const dataset = Dataset.fromArrays({ x: { data: new Float32Array(2), shape: [2, 1] }, y: Uint8Array.of(1, 2) });
    expectTypeOf(dataset).toEqualTypeOf<
      Dataset<{ x: NdArray<Float32Array<ArrayBuffer>>; y: NdArray<Uint8Array<ArrayBuffer>> }>
    >();
    expectTypeOf(dataset.batch(2)).toEqualTypeOf<
      Dataset<{ x: NdArray<Float32Array<ArrayBuffer>>; y: NdArray<Uint8Array<ArrayBuffer>> }>
    >();
    expectTypeOf(numbers(1).batch(2)).toEqualTypeOf<Dataset<NdArray<Float64Array>>>();
    expectTypeOf(numbers(1).zip(dataset.map(() => "a"))).toEqualTypeOf<Dataset<[number, string]>>();
    expectTypeOf(Dataset.zip({ a: numbers(1) })).toEqualTypeOf<Dataset<{ a: number }>>();
  });

  it("does what arrays do, whether elements are at hand or not", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.nat(10), fc.integer({ min: 1, max: 7 }), async (n, k, b) => {
        for (const dataset of [numbers(n), slow(n).dataset]) {
          expect(await dataset.map((i) => 2 * i).toList()).toEqual(range(n).map((i) => 2 * i));
          expect(await dataset.map(async (i) => 2 * i, { concurrency: b }).toList()).toEqual(
            range(n).map((i) => 2 * i),
          );
          expect(await dataset.filter((i) => i % 3 === 0).toList()).toEqual(range(n).filter((i) => i % 3 === 0));
          expect(await dataset.filter(async (i) => i % 3 === 0).toList()).toEqual(range(n).filter((i) => i % 3 === 0));
          expect(await dataset.take(k).toList()).toEqual(range(n).slice(0, k));
          expect(await dataset.skip(k).toList()).toEqual(range(n).slice(k));
          expect(await dataset.prefetch(b).toList()).toEqual(range(n));
          expect(await dataset.shard(b, b - 1).toList()).toEqual(range(n).filter((i) => i % b === b - 1));
          expect(await dataset.concatenate(numbers(k)).toList()).toEqual([...range(n), ...range(k)]);
          expect(await dataset.zip(numbers(k)).toList()).toEqual(range(Math.min(n, k)).map((i) => [i, i]));
          expect(await dataset.repeat(3).toList()).toEqual([...range(n), ...range(n), ...range(n)]);
          expect(
            await dataset
              .batch(b)
              .unbatch()
              .map(({ data }) => data[0])
              .toList(),
          ).toEqual(range(n));
          expect((await dataset.shuffle(k + 1, { seed: b }).toList()).sort((p, q) => p - q)).toEqual(range(n));
        }
      }),
      { numRuns: 40 },
    );
  });

  it("says how many elements there are, and is right", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(40), fc.integer({ min: 1, max: 9 }), fc.boolean(), async (n, b, dropRemainder) => {
        const base = numbers(n);
        for (const dataset of [
          base.batch(b, { dropRemainder }),
          base.window(b, { shift: 2, dropRemainder }),
          base.window(b, { stride: 2, dropRemainder }),
          base.shard(b, b - 1),
          base.skip(b),
          base.take(b),
          base.repeat(b),
          base.split(b / 10, { seed: 1 })[0],
          base.folds(b + 1)[b]!.train,
        ] as Dataset<unknown>[]) {
          expect(dataset.size).toBe((await dataset.toList()).length);
        }
      }),
      { numRuns: 60 },
    );
    expect(numbers(3).repeat().size).toBe(Number.POSITIVE_INFINITY);
    expect(numbers(3).filter(() => true).size).toBeUndefined();
  });

  it("shuffles anew in every pass, the same for the same seed and pass", async () => {
    const make = (): Dataset<number> => numbers(100).shuffle(100, { seed: 7 });
    const one = make();
    const passes = [await one.toList(), await one.toList()];
    expect(passes[0]).not.toEqual(passes[1]);
    const other = make();
    expect([await other.toList(), await other.toList()]).toEqual(passes);
    expect(await make().repeat(2).toList()).toEqual(passes.flat());
    const fixed = numbers(100).shuffle(100, { seed: 7, reshuffleEachEpoch: false });
    expect(await fixed.toList()).toEqual(await fixed.toList());
    // Pinned: the order is part of what a seed promises, on every machine.
    expect(await numbers(10).shuffle(10, { seed: 7 }).toList()).toMatchInlineSnapshot(`
      [
        0,
        5,
        2,
        1,
        8,
        4,
        9,
        6,
        7,
        3,
      ]
    `);
  });

  it("makes every order about equally likely when the buffer holds everything", async () => {
    const counts = new Map<string, number>();
    const dataset = numbers(3).shuffle(3, { seed: 1 });
    for (let i = 0; i < 6000; i++) {
      const order = (await dataset.toList()).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it("goes on exactly where a pass was left, in another process too", async () => {
    const build = (): Dataset<unknown>[] => {
      const base = slow(23).dataset.shuffle(5, { seed: 3 });
      return [
        base.batch(4).prefetch(2),
        base
          .map((i) => i * 2)
          .repeat(2)
          .batch(3),
        base.filter((i) => i % 2 === 0),
        base.window(3).shard(2, 1),
        base.zip(numbers(100).shuffle(9, { seed: 4 })),
        base.concatenate(numbers(5)).skip(3),
        numbers(40).split(0.5, { seed: 2 })[1].shuffle(4, { seed: 1 }),
        base.batch(4).unbatch(),
        numbers(4).interleave((i) => numbers(i + 3).map((j) => 10 * i + j), { cycle: 2 }),
        base.map(async (i) => i, { concurrency: 4 }).cache(),
        numbers(12).repeat().shuffle(5, { seed: 1 }).take(30),
      ];
    };
    for (let which = 0; which < build().length; which++) {
      const dataset = build()[which]!;
      await dataset.toList(); // the interrupted pass is the second
      const whole = await collect(dataset.iterate({ epoch: 1 }));
      for (let stop = 0; stop <= whole.length; stop++) {
        const pass = dataset.iterate({ epoch: 1 });
        for (let i = 0; i < stop; i++) await pass.next();
        const saved = JSON.parse(JSON.stringify(pass.position));
        await pass.return();
        const resumed = await collect(build()[which]!.iterate({ from: saved }));
        expect(resumed, `pipeline ${which} from ${stop}`).toEqual(whole.slice(stop));
      }
    }
  });

  it("refuses a position of another pipeline", async () => {
    const { position } = numbers(5).shuffle(5, { seed: 1 }).iterate();
    expect(() => numbers(5).shuffle(5, { seed: 2 }).iterate({ from: position })).toThrow(/another pipeline/);
  });

  it("works ahead by as much as asked and no more, and cleans up when left early", async () => {
    const { dataset, asked, closed } = slow(1000);
    for await (const element of dataset.prefetch(3)) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      expect(asked()).toBeLessThanOrEqual(element + 5);
      expect(asked()).toBeGreaterThanOrEqual(element + 4);
      if (element === 5) break;
    }
    expect(closed()).toBe(1);
  });

  it("cleans up after errors and early exits in every operation", async () => {
    const operations: ((d: Dataset<number>) => Dataset<unknown>)[] = [
      (d) => d.map((i) => i),
      (d) => d.map(async (i) => i, { concurrency: 3 }),
      (d) => d.filter(() => true),
      (d) => d.batch(2),
      (d) => d.window(2),
      (d) => d.shuffle(4, { seed: 1 }),
      (d) => d.repeat(),
      (d) => d.prefetch(2),
      (d) => d.zip(numbers(9)),
      (d) => d.concatenate(numbers(3)),
      (d) => numbers(2).interleave(() => d),
      (d) => d.cache(),
      (d) => d.skip(1).take(5),
      (d) => d.shard(2, 0),
    ];
    for (const [which, operation] of operations.entries()) {
      const early = slow(20);
      for await (const _ of operation(early.dataset)) break;
      expect(early.closed(), `early exit, ${which}`).toBeGreaterThan(0);
      const failing = slow(20);
      await expect(
        operation(failing.dataset.map((i) => (i === 4 ? Promise.reject(new Error("boom")) : i))).toList(),
      ).rejects.toThrow("boom");
      expect(failing.closed(), `error, ${which}`).toBeGreaterThan(0);
    }
  });

  it("keeps calls of an asynchronous function within the limit, and results in order", async () => {
    let running = 0;
    let most = 0;
    const dataset = numbers(30).map(
      async (i) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, (i * 7) % 5));
        running--;
        return i;
      },
      { concurrency: 4 },
    );
    expect(await dataset.toList()).toEqual(range(30));
    expect(most).toBe(4);
  });

  it("splits into parts that do not overlap and add up, counting when it must", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(50),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.option(fc.nat()),
        async (n, f, seed) => {
          const options = seed === null ? {} : { seed };
          for (const dataset of [numbers(n), slow(n).dataset]) {
            const [a, b] = dataset.split(f, options);
            const parts = [await a.toList(), await b.toList()];
            expect(parts.flat().sort((p, q) => p - q)).toEqual(range(n));
            expect(Math.abs(parts[0]!.length - n * f)).toBeLessThanOrEqual(0.5);
            expect(await a.toList()).toEqual(parts[0]);
          }
        },
      ),
      { numRuns: 50 },
    );
    const folds = numbers(10).folds(3, { seed: 5 });
    const held = await Promise.all(folds.map(({ validation }) => validation.toList()));
    expect(held.flat().sort((p, q) => p - q)).toEqual(range(10));
    for (const [i, { train }] of folds.entries()) {
      expect([...(await train.toList()), ...held[i]!].sort((p, q) => p - q)).toEqual(range(10));
    }
    expect(() => numbers(3).split([0.5, 0.6])).toThrow(ArgumentError);
  });

  it("takes several inputs in turn", async () => {
    const dataset = numbers(4).interleave((i) => Dataset.fromIterable([i, i, i]), { cycle: 2, block: 2 });
    expect(await dataset.toList()).toEqual([0, 0, 1, 1, 0, 2, 2, 1, 3, 3, 2, 3]);
  });

  it("keeps a first whole pass in memory or in a file", async () => {
    const sample = (i: number): unknown => ({
      x: { data: Int16Array.of(i, -i), shape: [2] },
      t: [`é${i}`, null, -0, Number.NaN, new Date(i)],
    });
    for (const file of [undefined, join(folder, "cache.bin")]) {
      let calls = 0;
      const make = (): Dataset<unknown> =>
        numbers(5)
          .map((i) => {
            calls++;
            return sample(i);
          })
          .cache(file);
      const dataset = make();
      for await (const _ of dataset) if (file === undefined) break; // half a pass is no pass
      calls = file === undefined ? 0 : calls;
      expect(await dataset.toList()).toEqual(range(5).map(sample));
      expect(await dataset.toList()).toEqual(range(5).map(sample));
      expect(calls).toBe(5);
      if (file !== undefined) {
        expect(await make().toList()).toEqual(range(5).map(sample));
        expect(calls).toBe(5);
        await expect(numbers(6).map(sample).cache(file).toList()).rejects.toThrow(/another pipeline/);
        const { readFile } = await import("node:fs/promises");
        const bytes = await readFile(file);
        for (let at = 0; at < bytes.length; at += 3) {
          const damaged = Uint8Array.from(bytes);
          damaged[at] = damaged[at]! ^ 0x10;
          await writeFile(file, damaged);
          await expect(make().toList(), `byte ${at}`).rejects.toThrow(/Delete the file/);
        }
        await writeFile(file, bytes.subarray(0, bytes.length - 3));
        await expect(make().toList()).rejects.toThrow(/ends too early/);
      }
    }
  });

  it("leaves no cache file behind when making it fails", async () => {
    const file = join(folder, "never.bin");
    const dataset = numbers(5)
      .map((i) => (i === 3 ? Promise.reject(new Error("boom")) : i))
      .cache(file);
    await expect(dataset.toList()).rejects.toThrow("boom");
    expect((await readdir(folder)).filter((name) => name.startsWith("never"))).toEqual([]);
  });

  it("reads Node and Web streams, once each unless a function opens them", async () => {
    const once = Dataset.fromStream(Readable.from([1, 2, 3]));
    expect(await once.toList()).toEqual([1, 2, 3]);
    await expect(once.toList()).rejects.toThrow(/cannot be read again/);
    const again = Dataset.fromStream(() => numbers(3).toStream());
    expect(await again.toList()).toEqual([0, 1, 2]);
    expect(await again.toList()).toEqual([0, 1, 2]);
    const { dataset, asked, closed } = slow(100);
    const reader = dataset.toStream().getReader();
    expect((await reader.read()).value).toBe(0);
    expect(asked()).toBe(1);
    await reader.cancel();
    expect(closed()).toBe(1);
  });

  it("names what does not fit", async () => {
    const ragged = numbers(3).map((i) => ({ x: { data: new Float32Array(i + 1), shape: [i + 1] } }));
    await expect(ragged.batch(2).toList()).rejects.toMatchObject({
      operation: "batch",
      index: 1,
      field: "x",
      expected: "float32 [1]",
      found: "float32 [2]",
    });
    await expect(numbers(0).toArrays()).rejects.toThrow(PipelineError);
    await expect(numbers(2).repeat().toArrays()).rejects.toThrow(/without end/);
    expect(() => Dataset.fromArrays({ a: [1, 2], b: [1] })).toThrow(/columns\.b.*expected 2 rows.*found 1/s);
    expect(() => Dataset.fromArrays({ data: new Uint8Array(5), shape: [2, 3] })).toThrow(ArgumentError);
    expect(() => numbers(2).batch(0)).toThrow(/size.*at least 1.*found 0/s);
    expect(() => numbers(2).shuffle(2, { sed: 1 } as never)).toThrow(/sed.*seed/s);
    expect(() => numbers(2).shuffle(2, { seed: 0.5 })).toThrow(/seed/);
  });

  it("answers calls of next that do not wait for each other", async () => {
    const pass = slow(3).dataset.iterate();
    const results = await Promise.all([pass.next(), pass.next(), pass.next(), pass.next()]);
    expect(results.map(({ value }) => value)).toEqual([0, 1, 2, undefined]);
  });
});
