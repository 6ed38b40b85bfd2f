import { createReadStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { realData } from "../../testing/real-data.ts";
import { Dataset } from "../dataset.ts";
import { ArgumentError, DataError, IdxError, SourceError } from "../errors.ts";
import type { NdArray } from "../nd-array.ts";
import { Random } from "../random.ts";
import { openSource, type Source } from "../source.ts";
import type { IdxArray } from "./format.ts";
import { readIdx } from "./read.ts";
import { encodeIdx, writeIdx } from "./write.ts";

const folder = await mkdtemp(join(tmpdir(), "gradiente-idx-"));
afterAll(() => rm(folder, { recursive: true }));

const KINDS = [Uint8Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array] as const;

const array: fc.Arbitrary<NdArray<IdxArray>> = fc
  .tuple(fc.constantFrom(...KINDS), fc.array(fc.nat(4), { maxLength: 5 }), fc.nat())
  .map(([Kind, shape, seed]) => {
    const random = new Random(seed);
    const data = new Kind(shape.reduce((product, size) => product * size, 1));
    for (let i = 0; i < data.length; i++) data[i] = random.normal() * 1000;
    return { data, shape };
  });

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function failure(promise: Promise<unknown>): Promise<DataError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  return error as DataError;
}

const readWhole = (source: Source): Promise<NdArray> => readIdx(source).then((idx) => idx.toArrays());

describe("readIdx", () => {
  it("gives back what was written: every type, any rank, from any source, whole, by row and by number", async () => {
    let n = 0;
    await fc.assert(
      fc.asyncProperty(array, fc.integer({ min: 1, max: 9 }), async (value, piece) => {
        const bytes = encodeIdx(value);
        const packed = gzipSync(bytes);
        const path = join(folder, `array-${n++}`);
        await writeIdx(path, value);
        await writeIdx(`${path}.gz`, value);
        expect(new Uint8Array(await readFile(path))).toEqual(bytes);
        const sources: Source[] = [
          path,
          `${path}.gz`,
          new URL(`file://${path}`),
          bytes,
          packed,
          bytes.buffer,
          new Blob([bytes]),
          new Blob([packed]),
          () => createReadStream(path),
          () => createReadStream(`${path}.gz`, { highWaterMark: piece }),
          () => new Blob([packed]).stream(),
          () => inPieces(bytes, piece),
          () => inPieces(packed, piece),
        ];
        const rows = value.shape[0] ?? 1;
        const rowSize = value.data.length / Math.max(1, rows);
        for (const source of sources) {
          const idx = await readIdx(source);
          expect(idx.shape).toEqual(value.shape);
          expect(await idx.toArrays()).toEqual(value);
          const list = await idx.toList();
          expect(list.map(({ data }) => [...data])).toEqual(
            Array.from({ length: rows }, (_, i) => [...value.data.slice(i * rowSize, (i + 1) * rowSize)]),
          );
        }
        if (rows > 0) {
          for (const source of [path, bytes, new Blob([bytes])]) {
            const row = await (await readIdx(source)).at(rows - 1);
            expect(row).toEqual({ data: value.data.slice((rows - 1) * rowSize), shape: value.shape.slice(1) });
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("reads bytes as they stand in the format", async () => {
    const bytes = Uint8Array.of(0, 0, 0x0b, 1, 0, 0, 0, 2, 0x01, 0x02, 0xff, 0xfe);
    expect(await readWhole(bytes)).toEqual({ data: Int16Array.of(258, -2), shape: [2] });
  });

  it("reads several gzip members one after the other, and refuses anything else after the first", async () => {
    const bytes = encodeIdx({ data: Uint8Array.from({ length: 100 }, (_, i) => i), shape: [100] });
    const members = Buffer.concat([gzipSync(bytes.subarray(0, 50)), gzipSync(bytes.subarray(50))]);
    expect((await readWhole(members)).data.length).toBe(100);
    expect((await readWhole(Buffer.concat([gzipSync(bytes), new Uint8Array(512)]))).data.length).toBe(100);
    const joined = await failure(readWhole(Buffer.concat([gzipSync(bytes), Buffer.from("junk")])));
    expect(joined).toBeInstanceOf(SourceError);
    expect(joined.message).toMatch(/gzip/);
  });

  const good = encodeIdx({ data: new Uint8Array(24), shape: [2, 3, 4] });
  const edit = (change: (bytes: Uint8Array, view: DataView) => void): Uint8Array => {
    const bytes = good.slice();
    change(bytes, new DataView(bytes.buffer));
    return bytes;
  };
  it.each<[string, Uint8Array, Partial<IdxError>, RegExp]>([
    ["nothing", new Uint8Array(0), { offset: 0, field: "magic number" }, /ends within its magic number/],
    ["a web page", new TextEncoder().encode("<!doctype html>"), { offset: 0 }, /web page/],
    ["a little-endian magic number", edit((b) => b.set([3, 8, 0, 0])), { offset: 0 }, /little-endian/],
    [
      "an unknown type",
      edit((b) => b.fill(0x0a, 2, 3)),
      { offset: 2, field: "element type", found: "0x0a" },
      /0x08 \(uint8\)/,
    ],
    ["a cut header", good.subarray(0, 9), { offset: 9, field: "size of axis 1" }, /ends within its header/],
    ["little-endian sizes", edit((b) => b.set([2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0], 4)), {}, /little-endian/],
    ["a truncated file", good.subarray(0, 39), { offset: 39, field: "data" }, /too short.*expected 40.*found 39/s],
    ["an oversized file", Buffer.concat([good, new Uint8Array(3)]), { offset: 40 }, /after the end.*found 43/s],
    ["absurd sizes", edit((b) => b.fill(0xff, 4, 16)), { offset: 8 }, /more than any file/],
    ["a rank the file has no sizes for", edit((b) => b.fill(255, 3, 4)), { field: "size of axis 9" }, /header/],
  ])("refuses %s", async (_, bytes, fields, message) => {
    const error = await failure(readWhole(bytes));
    expect(error).toBeInstanceOf(IdxError);
    expect(error).toMatchObject({ file: "bytes", ...fields });
    expect(error.message).toMatch(message);
    expect(await failure(readWhole(() => inPieces(bytes, 5))), "as a stream").toBeInstanceOf(IdxError);
    expect(await failure(readWhole(gzipSync(bytes))), "packed").toBeInstanceOf(IdxError);
  });

  it("refuses sizes no packed file can hold without allocating for them", async () => {
    const lying = edit((_, v) => {
      v.setUint32(4, 1_000_000);
      v.setUint32(8, 1_000_000);
      v.setUint32(12, 1000);
    });
    const before = process.memoryUsage().arrayBuffers;
    for (const source of [lying, gzipSync(lying), new Blob([lying])]) {
      expect(await failure(readIdx(source))).toBeInstanceOf(IdxError);
    }
    // A stream's size is not known beforehand; memory grows with what arrives.
    expect(await failure(readWhole(() => inPieces(lying, 7)))).toBeInstanceOf(IdxError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
  });

  it("names files that cannot be opened, sources that are none, and options there are not", async () => {
    expect(await failure(readIdx(join(folder, "absent")))).toMatchObject({
      file: join(folder, "absent"),
      found: "ENOENT",
    });
    expect(await failure(readIdx(folder))).toBeInstanceOf(SourceError);
    expect(await failure(readIdx(7 as never))).toBeInstanceOf(ArgumentError);
    await expect(readIdx(good, { gzp: true } as never)).rejects.toThrow(/gzp.*gzip/s);
    await expect(readIdx(good, { gzip: "maybe" as never })).rejects.toThrow(/"auto", "always", "never"/);
    await expect(readIdx(good, { elementType: "int8" })).rejects.toThrow(/expected int8, found uint8/);
    await expect((await readIdx(good)).at(2)).rejects.toThrow(/0 to 1/);
    await expect((await readIdx(gzipSync(good))).at(0)).rejects.toThrow(/gzip/);
  });

  it("reads a one-shot stream once, and says so the second time", async () => {
    const idx = await readIdx(new Blob([good]).stream());
    expect(await idx.toList()).toHaveLength(2);
    await expect(idx.toList()).rejects.toThrow(/cannot be read again/);
  });

  it("closes its file when left early", async () => {
    const path = join(folder, "big.idx");
    await writeIdx(path, { data: new Uint8Array(1_000_000), shape: [1000, 1000] });
    const open = (): Promise<number> =>
      readdir("/proc/self/fd").then(
        (list) => list.length,
        () => 0,
      );
    const before = await open();
    for (let i = 0; i < 20; i++) {
      for await (const _ of await readIdx(path)) break;
      const stream = await openSource(path);
      await stream.close();
    }
    expect(await open()).toBeLessThanOrEqual(before + 1);
  });
});

describe("a thousand corruptions", () => {
  it.each(["plain", "gzip"])("of a %s file give typed errors or the right data", { timeout: 120_000 }, async (kind) => {
    const random = new Random(2024);
    const value = { data: Uint8Array.from({ length: 600 }, () => random.int(256)), shape: [6, 10, 10] };
    const plain = encodeIdx(value);
    const bytes = kind === "plain" ? plain : new Uint8Array(gzipSync(plain));
    let refused = 0;
    for (let i = 0; i < 1000; i++) {
      const { bytes: damaged, flipped } = corrupt(bytes, random);
      const result = await readWhole(damaged).then(
        (read) => read,
        (error: unknown) => error,
      );
      if (result instanceof DataError) {
        refused++;
        continue;
      }
      expect(result, `corruption ${i}: ${result}`).toHaveProperty("data");
      const read = result as NdArray;
      // Plain IDX has no checksum: a flipped element cannot be told. Everything the format can tell was refused.
      if (kind === "plain") {
        expect(read.data.byteLength).toBe(damaged.length - 4 - 4 * read.shape.length);
        if (flipped >= 16) expect(read.shape).toEqual(value.shape);
      } else expect(read).toEqual(value);
    }
    expect(refused).toBeGreaterThan(400);
  });
});

/** A bit flipped, the end cut off, or a piece replaced, moved, inserted or left out. */
function corrupt(bytes: Uint8Array, random: Random): { bytes: Uint8Array; flipped: number } {
  const at = random.int(bytes.length);
  const length = 1 + random.int(40);
  const noise = Uint8Array.from({ length }, () => random.int(256));
  switch (random.int(5)) {
    case 0: {
      const copy = bytes.slice();
      copy[at] = copy[at]! ^ (1 << random.int(8));
      return { bytes: copy, flipped: at };
    }
    case 1:
      return { bytes: bytes.slice(0, at), flipped: -1 };
    case 2:
      return { bytes: Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + length)]), flipped: -1 };
    case 3:
      return { bytes: Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]), flipped: -1 };
    default:
      return { bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]), flipped: -1 };
  }
}

describe("writeIdx", () => {
  it("writes data sets row by row, packed or not", async () => {
    const rows = Dataset.fromArrays({ data: Float32Array.from({ length: 12 }, (_, i) => i), shape: [4, 3] });
    for (const path of [join(folder, "rows.idx"), join(folder, "rows.idx.gz")]) {
      await writeIdx(path, rows);
      expect(await readWhole(path)).toEqual({ data: Float32Array.from({ length: 12 }, (_, i) => i), shape: [4, 3] });
    }
    await writeIdx(join(folder, "numbers.idx"), Dataset.fromIterable([1, 2, 3]), { elementType: "int32" });
    expect(await readWhole(join(folder, "numbers.idx"))).toEqual({ data: Int32Array.of(1, 2, 3), shape: [3] });
    expect(gunzipSync(await readFile(join(folder, "rows.idx.gz"))).length).toBe(12 + 48);
  });

  it("leaves an older file alone and nothing behind when it fails", async () => {
    const path = join(folder, "kept.idx");
    await writeFile(path, "older");
    const failing = Dataset.fromIterable(
      async function* () {
        yield { data: Uint8Array.of(1), shape: [1] };
        throw new Error("boom");
      },
      { size: 2 },
    );
    for (const gzip of [true, false]) await expect(writeIdx(path, failing, { gzip })).rejects.toThrow("boom");
    const ragged = Dataset.fromIterable([
      { data: Uint8Array.of(1), shape: [1] },
      { data: Uint8Array.of(1, 2), shape: [2] },
    ]);
    await expect(writeIdx(path, ragged)).rejects.toThrow(/does not fit the first/);
    await expect(
      writeIdx(
        path,
        ragged.filter(() => true),
      ),
    ).rejects.toThrow(/number of rows must be known/);
    await expect(writeIdx(path, { data: new Uint16Array(1), shape: [1] })).rejects.toThrow(/no such element type/);
    await expect(writeIdx(path, { data: new Uint8Array(1), shape: [2] })).rejects.toThrow(/does not fill the shape/);
    expect(await readFile(path, "utf8")).toBe("older");
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

const fashion = realData("fashion-mnist");

describe.skipIf(fashion === undefined)("the files of Fashion-MNIST", () => {
  it("stream to the same rows that loading gives", async () => {
    const images = await readIdx(join(fashion!, "t10k-images-idx3-ubyte.gz"), { elementType: "uint8" });
    expect(images.shape).toEqual([10_000, 28, 28]);
    const whole = await images.toArrays();
    let i = 0;
    for await (const { data } of images) {
      if (i % 997 === 0) expect(data).toEqual(whole.data.subarray(i * 784, (i + 1) * 784));
      i++;
    }
    expect(i).toBe(10_000);
    expect([
      ...(await (await readIdx(join(fashion!, "t10k-labels-idx1-ubyte.gz"))).toArrays()).data.subarray(0, 5),
    ]).toEqual([9, 2, 1, 1, 6]);
  });
});
