import { describe, expect, it } from "vitest";
import { ModelFileError } from "../../errors.ts";
import { readHdf5 } from "./reader.ts";

// Files made by hand, byte by byte, in which a few bytes stand for a great deal of work or memory. Without their
// limits the first three take minutes for a few hundred kilobytes, and the memory of the whole machine.

/** Bytes written one number after the other. */
class Writer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly view: DataView;
  at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }
  text(text: string): this {
    for (const c of text) this.u8(c.charCodeAt(0));
    return this;
  }
  u8(...values: readonly number[]): this {
    for (const value of values) this.view.setUint8(this.at++, value);
    return this;
  }
  u16(value: number): this {
    this.view.setUint16(this.at, value, true);
    this.at += 2;
    return this;
  }
  u32(value: number): this {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
    return this;
  }
  u64(value: number): this {
    this.view.setBigUint64(this.at, BigInt(value), true);
    this.at += 8;
    return this;
  }
  /** A superblock of version 2 (48 bytes), the root right behind it. */
  superblock(): this {
    this.u8(0x89).text("HDF\r\n").u8(0x1a).text("\n").u8(2, 8, 8, 0);
    return this.u64(0).u64(0).u64(this.bytes.length).u64(48).u32(0);
  }
}

/** A group whose links, `count` of them, all lead to one object of as many empty messages. */
function manyWaysToOne(count: number): Uint8Array {
  const target = 48 + 10 + 24 * count;
  const w = new Writer(target + 16 + 8 * count);
  w.superblock()
    .text("OHDR")
    .u8(2, 2)
    .u32(24 * count);
  for (let i = 0; i < count; i++) {
    w.u8(6).u16(20).u8(0).u8(1, 0, 5).text(i.toString(36).padStart(5, "0")).u64(target);
    w.at += 4;
  }
  w.at = target;
  w.u8(1, 0)
    .u16(0)
    .u32(0)
    .u32(8 * count);
  return w.bytes;
}

/** A group whose index refers to one leaf `count` times, and that to `count` records. */
function oneLeafOften(count: number): Uint8Array {
  const [record, heap, index, root] = [11, 200, 400, 500];
  const leaf = root + 6 + record * count + 10 * (count + 1);
  const w = new Writer(leaf + 6 + record * count);
  w.superblock().text("OHDR").u8(2, 0, 100).u8(2).u16(18).u8(0).u8(0, 0).u64(heap).u64(index);
  w.at = heap;
  w.text("FRHP").u8(0).u16(7).u16(0).u8(0).u32(4096);
  w.at += 96;
  w.u16(4).u64(512).u64(65_536).u16(32).u16(0).u64(300).u16(0);
  w.at = index;
  w.text("BTHD")
    .u8(0, 5)
    .u32(record * 70_000)
    .u16(record)
    .u16(1)
    .u16(0)
    .u64(root)
    .u16(count);
  w.at = root;
  w.text("BTIN").u8(0, 5);
  w.at += record * count;
  for (let i = 0; i <= count; i++) w.u64(leaf).u16(count);
  w.at = leaf;
  w.text("BTLF").u8(0, 5);
  return w.bytes;
}

/** A tree of symbols whose one leaf has `count` entries, each with the same name of `length` letters. */
function longNamesOften(count: number, length: number): Uint8Array {
  const [heap, leaf] = [100, 200];
  const names = leaf + 8 + 40 * count;
  const w = new Writer(names + length + 1);
  w.superblock().text("OHDR").u8(2, 0, 30).u8(0x11).u16(16).u8(0).u64(leaf).u64(heap);
  w.at = heap;
  w.text("HEAP")
    .u32(0)
    .u64(length + 1)
    .u64(0)
    .u64(names);
  w.at = leaf;
  w.text("SNOD").u8(1, 0).u16(count);
  for (let i = 0; i < count; i++) {
    w.u64(0).u64(48);
    w.at += 24;
  }
  w.bytes.fill(0x61, names, names + length);
  return w.bytes;
}

/** An array of `shape` in chunks of `lengths`, with these filters; its chunks begin where `starts` says. */
function chunked(
  shape: readonly number[],
  lengths: readonly number[],
  filters: readonly number[],
  starts: readonly (readonly number[])[],
): Uint8Array {
  const [rank, array, tree, data] = [shape.length, 200, 600, 4000];
  const w = new Writer(5000);
  w.superblock().text("OHDR").u8(2, 0, 24).u8(6).u16(12).u8(0).u8(1, 0, 1).text("a").u64(array);
  const messages: readonly (readonly [number, (m: Writer) => void])[] = [
    [
      1,
      (m) => {
        m.u8(2, rank, 0, 1);
        for (const n of shape) m.u64(n);
      },
    ],
    [3, (m) => void m.u8(0x11, 0x20, 31, 0).u32(4).u16(0).u16(32).u8(23, 8, 0, 23).u32(127)],
    [
      11,
      (m) => {
        m.u8(2, filters.length);
        for (const id of filters) m.u16(id).u16(0).u16(0);
      },
    ],
    [
      8,
      (m) => {
        m.u8(3, 2, rank + 1).u64(tree);
        for (const n of lengths) m.u32(n);
        m.u32(4);
      },
    ],
  ];
  w.at = array;
  w.text("OHDR").u8(2, 0, 200);
  for (const [type, write] of messages) {
    const start = w.at;
    w.at += 4;
    write(w);
    const end = w.at;
    w.at = start;
    w.u8(type)
      .u16(end - start - 4)
      .u8(0);
    w.at = end;
  }
  w.at = tree;
  w.text("TREE").u8(1, 0).u16(starts.length).u64(0).u64(0);
  starts.forEach((start, i) => {
    w.u32(4 * lengths.reduce((a, b) => a * b, 1)).u32(0);
    for (const n of start) w.u64(n);
    w.u64(0).u64(data + 16 * i);
  });
  w.at = data;
  for (let i = 0; i < 200; i++) w.u32(0x3f80_0000 + i);
  return w.bytes;
}

const error = (bytes: Uint8Array): string => {
  try {
    readHdf5(bytes, "it").datasets.get("a")?.read();
    return "none";
  } catch (e) {
    expect(e).toBeInstanceOf(ModelFileError);
    return (e as Error).message;
  }
};

describe("files that ask for more than they hold", () => {
  it("are given up: many links to one large object", () => {
    expect(readHdf5(manyWaysToOne(20), "it").groups.size).toBe(20);
    expect(error(manyWaysToOne(40_000))).toMatch(/no more objects than fit/);
  });

  it("are given up: an index that repeats a leaf", () => {
    expect(error(oneLeafOften(60_000))).toMatch(/no more objects than fit/);
  });

  it("are given up: one long name for every link", () => {
    expect(error(longNamesOften(30_000, 1_000_000))).toMatch(/names and attributes that fit the file/);
  });

  it("are given up: chunks that overlap, lie elsewhere, or are deflated twice", () => {
    const whole = chunked(
      [3, 2],
      [2, 2],
      [],
      [
        [0, 0],
        [2, 0],
      ],
    );
    const read = readHdf5(whole, "it").datasets.get("a")!.read();
    expect(new Uint32Array(Float32Array.from(read as Float32Array).buffer)).toEqual(
      Uint32Array.of(0, 1, 2, 3, 4, 5).map((i) => 0x3f80_0000 + i),
    );
    expect(
      error(
        chunked(
          [3, 2],
          [2, 2],
          [],
          [
            [0, 0],
            [0, 0],
          ],
        ),
      ),
    ).toMatch(/a chunk in the grid \[2,1\]/);
    expect(error(chunked([3, 2], [2, 2], [], [[1, 0]]))).toMatch(/one at \[1,0\]/);
    expect(error(chunked([3, 2], [2, 2], [], [[4, 0]]))).toMatch(/one at \[4,0\]/);
    expect(error(chunked([3, 2], [2, 2], [1, 1], [[0, 0]]))).toMatch(/a filter that is applied twice/);
    // A thousand times the file is more than deflate could have made of it.
    expect(error(chunked([3, 1], [2, 1e6], [1], [[0, 0]]))).toMatch(/at most \d+ bytes/);
  });
});
