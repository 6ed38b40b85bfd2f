import { Unzlib } from "fflate";
import { type Cursor, damaged, unsupported } from "./cursor.ts";

/** A step that chunks went through when they were written. */
export interface Filter {
  readonly id: number;
  readonly values: readonly number[];
}

/** An array in pieces. */
export interface Chunked {
  /** Of the root of the tree of pieces. */
  readonly address: number;
  readonly shape: readonly number[];
  /** Of a piece, in elements. */
  readonly lengths: readonly number[];
  readonly elementSize: number;
  readonly filters: readonly Filter[];
}

const [deflate, shuffle, checksum] = [1, 2, 3];

/** Reads a filter pipeline message. */
export function readFilters(c: Cursor): readonly Filter[] {
  const version = c.u8();
  const count = c.u8();
  if (version === 1) c.skip(6);
  const seen = new Set<number>();
  return Array.from({ length: count }, () => {
    const id = c.u16();
    const name = version === 1 || id >= 256 ? c.u16() : 0;
    c.skip(2);
    const values = c.u16();
    c.skip(version === 1 ? Math.ceil(name / 8) * 8 : name);
    const filter = { id, values: Array.from({ length: values }, () => c.u32()) };
    if (version === 1 && values % 2 === 1) c.skip(4);
    if (![deflate, shuffle, checksum].includes(id)) throw unsupported(c.file, `HDF5's filter ${id}`);
    // Deflated bytes that are deflated again would stand for far more than the file could hold.
    if (seen.has(id)) throw unsupported(c.file, "a filter that is applied twice");
    seen.add(id);
    return filter;
  });
}

/** The bytes of an array in pieces; those that were never written are zeros. */
export function readChunks(file: Cursor, array: Chunked): Uint8Array {
  const { shape, lengths, elementSize } = array;
  const size = shape.reduce((a, b) => a * b, elementSize);
  const pieceSize = lengths.reduce((a, b) => a * b, elementSize);
  const across = shape.map((n, i) => Math.ceil(n / lengths[i]!));
  const pieces = across.reduce((a, b) => a * b, 1);
  // Deflate shrinks by at most 1032 to 1.
  const most = 1032 * file.bytes.length;
  const inAll = Math.max(size, pieces * pieceSize);
  if (!(inAll <= most)) throw damaged(file.file, array.address, `at most ${most} bytes`, `${inAll}`);
  const whole = new Uint8Array(size);
  const seen = new Set<number>();
  const filled = new Set<number>();
  const open = array.address >= file.bytes.length ? [] : [array.address];
  for (let address = open.pop(); address !== undefined; address = open.pop()) {
    if (seen.has(address)) throw damaged(file.file, address, "a tree", "a node within itself");
    seen.add(address);
    const node = file.from(address);
    node.signature("TREE");
    const [type, level, count] = [node.u8(), node.u8(), node.u16()];
    if (type !== 1) throw damaged(file.file, address, "a tree of chunks", "one of another kind");
    node.skip(16);
    for (let i = 0; i < count; i++) {
      const [stored, mask] = [node.u32(), node.u32()];
      const start = shape.map(() => node.u64());
      node.skip(8);
      const child = node.u64();
      if (level > 0) {
        open.push(child);
        continue;
      }
      // Every piece has a place of its own, so that no more is unpacked than the array has.
      const index = placeOf(array, across, start);
      if (index === null || filled.has(index)) {
        throw damaged(file.file, node.at, `a chunk in the grid [${across}]`, `one at [${start}]`);
      }
      filled.add(index);
      place(whole, array, start, unfiltered(file.from(child, stored), array, mask, pieceSize));
    }
  }
  return whole;
}

/** Which piece of the grid begins at a place; null where none does. */
function placeOf({ lengths }: Chunked, across: readonly number[], start: readonly number[]): number | null {
  let index = 0;
  for (const [axis, at] of start.entries()) {
    const along = at / lengths[axis]!;
    if (!Number.isInteger(along) || along >= across[axis]!) return null;
    index = index * across[axis]! + along;
  }
  return index;
}

/** The bytes of a piece before the filters; bits of `mask` say which were left out. */
function unfiltered(stored: Cursor, { filters, elementSize }: Chunked, mask: number, size: number): Uint8Array {
  let bytes = stored.take(stored.left);
  for (let i = filters.length - 1; i >= 0; i--) {
    if (mask & (1 << i)) continue;
    const { id } = filters[i]!;
    if (id === checksum) bytes = bytes.subarray(0, Math.max(0, bytes.length - 4));
    else if (id === deflate) bytes = inflated(bytes, size + 4, stored);
    else bytes = unshuffled(bytes, elementSize);
  }
  if (bytes.length < size) throw damaged(stored.file, stored.at, `a chunk of ${size} bytes`, `${bytes.length}`);
  return bytes;
}

/** Inflates into at most so many bytes, piece by piece, so that a lie about the size costs nothing. */
function inflated(bytes: Uint8Array, most: number, c: Cursor): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const stream = new Unzlib((piece) => {
    size += piece.length;
    if (size > most) throw damaged(c.file, c.at, `a chunk of at most ${most} bytes`, "more");
    pieces.push(piece);
  });
  for (let at = 0; at < bytes.length; at += 65_536) {
    stream.push(bytes.subarray(at, at + 65_536), at + 65_536 >= bytes.length);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Puts the bytes of every element together again. */
function unshuffled(bytes: Uint8Array, elementSize: number): Uint8Array {
  const count = Math.floor(bytes.length / elementSize);
  const whole = new Uint8Array(bytes);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < elementSize; j++) whole[i * elementSize + j] = bytes[j * count + i]!;
  }
  return whole;
}

/** Copies the rows of a piece to their place, without what lies outside the array. */
function place(whole: Uint8Array, array: Chunked, start: readonly number[], piece: Uint8Array): void {
  const { shape, lengths, elementSize } = array;
  const inside = shape.map((n, i) => Math.min(lengths[i]!, n - start[i]!));
  if (inside.some((n) => n <= 0)) return;
  const last = shape.length - 1;
  const rows = inside.slice(0, last).reduce((a, b) => a * b, 1);
  const bytes = (inside[last] ?? 1) * elementSize;
  for (let row = 0; row < rows; row++) {
    let [rest, from, to, fromStride, toStride] = [row, 0, 0, lengths[last] ?? 1, shape[last] ?? 1];
    for (let axis = last - 1; axis >= 0; axis--) {
      const index = rest % inside[axis]!;
      rest = Math.floor(rest / inside[axis]!);
      from += index * fromStride;
      to += (start[axis]! + index) * toStride;
      fromStride *= lengths[axis]!;
      toStride *= shape[axis]!;
    }
    const at = (to + (start[last] ?? 0)) * elementSize;
    whole.set(piece.subarray(from * elementSize, from * elementSize + bytes), at);
  }
}
