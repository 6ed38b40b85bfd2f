import { ArgumentError } from "../errors.ts";
import { type ByteSource, damaged } from "./source.ts";

/** One file in a zip archive. */
export interface ZipEntry {
  readonly name: string;
  readonly compressed: boolean;
  /** Bytes it takes in the archive, and by itself. */
  readonly storedSize: number;
  readonly size: number;
  readonly checksum: number;
  /** Position of its local header. */
  readonly start: number;
}

/** No byte that deflate writes stands for more bytes than this. */
const maximalRatio = 1032;

/**
 * What an archive contains, by its directory.
 * @throws {TensorFileError} when that is damaged, claims sizes that cannot be, or has a name twice.
 */
export async function readDirectory(source: ByteSource): Promise<ZipEntry[]> {
  const { count, size, start } = await findDirectory(source);
  if (start + size > source.size || count * 46 > size) {
    throw damaged(source, "header", `the archive's directory claims ${count} files in ${size} bytes`, {
      offset: start,
    });
  }
  const bytes = await source.read(start, start + size);
  const view = new DataView(bytes.buffer);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== 0x02014b50) {
      throw damaged(source, "header", "the archive's directory is damaged", { offset: start + at });
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) => view.getUint16(at + o, true)) as [
      number,
      number,
      number,
    ];
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > size) throw damaged(source, "truncated", "the archive's directory is damaged", { offset: start + at });
    entries.push(entryAt(source, view, at, nameLength, extraLength));
    at = next;
  }
  if (at !== size) throw damaged(source, "length", "the archive's directory is damaged", { offset: start + at });
  checkEntries(source, entries, start);
  return entries;
}

async function findDirectory(source: ByteSource): Promise<{ count: number; size: number; start: number }> {
  const begin = Math.max(0, source.size - 22 - 0xffff);
  const tail = await source.read(begin, source.size);
  const view = new DataView(tail.buffer);
  let at = tail.length - 22;
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === 0x06054b50 && view.getUint16(at + 20, true) === tail.length - at - 22)
  ) {
    at--;
  }
  if (at < 0) throw damaged(source, "truncated", "the archive has no directory");
  if (view.getUint16(at + 4, true) !== 0 || view.getUint16(at + 6, true) !== 0) {
    throw damaged(source, "format", "the archive is spread over several files", { offset: begin + at });
  }
  const found = {
    count: view.getUint16(at + 10, true),
    size: view.getUint32(at + 12, true),
    start: view.getUint32(at + 16, true),
  };
  // The larger form of the directory's end, for more than 65,535 files or 4 GiB, is found by a record before it.
  if (at < 20 || view.getUint32(at - 20, true) !== 0x07064b50) return found;
  const place = Number(view.getBigUint64(at - 12, true));
  if (place + 56 > source.size) throw damaged(source, "truncated", "the archive has no directory", { offset: place });
  const large = new DataView((await source.read(place, place + 56)).buffer);
  if (large.getUint32(0, true) !== 0x06064b50) throw damaged(source, "header", "the archive has no directory");
  const [count, size, start] = [32, 40, 48].map((o) => Number(large.getBigUint64(o, true))) as [number, number, number];
  return { count, size, start };
}

function entryAt(source: ByteSource, view: DataView, at: number, nameLength: number, extraLength: number): ZipEntry {
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const name = nameOf(source, new Uint8Array(view.buffer, at + 46, nameLength), (flags & 0x800) !== 0);
  if ((flags & 1) !== 0) throw damaged(source, "format", `"${name}" is encrypted`);
  if (method !== 0 && method !== 8) {
    throw damaged(source, "format", `"${name}" is compressed by method ${method}; only deflate (8) can be read`);
  }
  // Each of the three is in the extra field when it does not fit into 32 bits.
  const wide = wideFields(view, at + 46 + nameLength, extraLength);
  const [size, storedSize, start] = [24, 20, 42].map((o) => {
    const narrow = view.getUint32(at + o, true);
    return narrow === 0xffffffff ? (wide.shift() ?? narrow) : narrow;
  }) as [number, number, number];
  const compressed = method === 8;
  if (compressed ? size > storedSize * maximalRatio : size !== storedSize) {
    throw damaged(source, "size", `"${name}" claims ${size} bytes, stored as ${storedSize}`);
  }
  return { name, compressed, storedSize, size, checksum: view.getUint32(at + 16, true), start };
}

function nameOf(source: ByteSource, bytes: Uint8Array, utf8: boolean): string {
  try {
    return new TextDecoder(utf8 ? "utf-8" : "latin1", { fatal: utf8 }).decode(bytes);
  } catch {
    throw damaged(source, "text", "a name in the archive is not UTF-8");
  }
}

function wideFields(view: DataView, start: number, length: number): number[] {
  for (let at = start; at + 4 <= start + length; ) {
    const [tag, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    const fields = Math.min(3, Math.floor(Math.min(size, start + length - at - 4) / 8));
    if (tag === 1) return Array.from({ length: fields }, (_, i) => Number(view.getBigUint64(at + 4 + 8 * i, true)));
    at += 4 + size;
  }
  return [];
}

/** Names that appear once, and bytes that belong to one file: overlapping ones make small archives huge. */
function checkEntries(source: ByteSource, entries: readonly ZipEntry[], end: number): void {
  const names = new Set<string>();
  let last = 0;
  for (const entry of [...entries].sort((a, b) => a.start - b.start)) {
    if (names.has(entry.name)) throw damaged(source, "header", `"${entry.name}" is in the archive twice`);
    names.add(entry.name);
    if (entry.start < last || entry.start + 30 + entry.storedSize > end) {
      throw damaged(source, "offsets", `"${entry.name}" lies outside the archive or overlaps another file`, {
        offset: entry.start,
      });
    }
    last = entry.start + 30 + entry.storedSize;
  }
}

/**
 * The bytes of a file in an archive, compared with their checksum.
 * @throws {TensorFileError} when they are damaged.
 */
export async function readEntry(source: ByteSource, entry: ZipEntry): Promise<Uint8Array> {
  const { name, start, storedSize } = entry;
  const head = new DataView((await source.read(start, start + 30)).buffer);
  const nameEnd = start + 30 + head.getUint16(26, true);
  const from = nameEnd + head.getUint16(28, true);
  const broken = head.getUint32(0, true) !== 0x04034b50 || from + storedSize > source.size;
  if (
    broken ||
    nameOf(source, await source.read(start + 30, nameEnd), (head.getUint16(6, true) & 0x800) !== 0) !== name
  ) {
    throw damaged(source, "header", `the header of "${name}" is damaged`, { offset: start });
  }
  const stored = await source.read(from, from + storedSize);
  const bytes = entry.compressed ? await inflated(source, entry, stored) : stored;
  if (bytes.length !== entry.size || crc32(bytes) !== entry.checksum) {
    throw damaged(source, "checksum", `the bytes of "${name}" are not those it was saved with`, { offset: from });
  }
  return bytes;
}

async function inflated(source: ByteSource, { name, size }: ZipEntry, stored: Uint8Array): Promise<Uint8Array> {
  const { inflateSync } = await compression("loadTensors");
  try {
    return inflateSync(stored, { out: new Uint8Array(size) });
  } catch (error) {
    throw damaged(source, "checksum", `"${name}" cannot be decompressed: ${(error as Error).message}`);
  }
}

/** The library for compressed archives, loaded when the first one is read or written. */
async function compression(op: string): Promise<typeof import("fflate")> {
  try {
    return await import("fflate");
  } catch (error) {
    throw new ArgumentError({
      op,
      message: `compressed archives take the package fflate: ${(error as Error).message}`,
      hint: "install it (npm install fflate), or save without compression",
    });
  }
}

/**
 * The bytes of an archive, piece by piece. No time and no attribute of a machine is in it.
 * @throws {ArgumentError} for more than 4 GiB or 65,535 files.
 */
export async function* encodeZip(
  files: readonly (readonly [string, () => readonly Uint8Array[]])[],
  options: { readonly compress: boolean },
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const deflate = options.compress ? (await compression("saveTensors")).deflateSync : null;
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let start = 0;
  for (const [name, content] of files) {
    const plain = joined(content());
    const stored = deflate === null ? plain : new Uint8Array(deflate(plain));
    const title = new TextEncoder().encode(name);
    checkLimits(start + stored.length + plain.length, directory.length);
    const head = new DataView(new ArrayBuffer(30));
    head.setUint32(0, 0x04034b50, true);
    const shared = new DataView(head.buffer, 4);
    shared.setUint16(0, 20, true);
    shared.setUint16(2, 0x800, true);
    shared.setUint16(4, deflate === null ? 0 : 8, true);
    // The first day that archives can state.
    shared.setUint16(8, (1 << 5) | 1, true);
    shared.setUint32(10, crc32(plain), true);
    shared.setUint32(14, stored.length, true);
    shared.setUint32(18, plain.length, true);
    shared.setUint16(22, title.length, true);
    const record = new DataView(new ArrayBuffer(46));
    record.setUint32(0, 0x02014b50, true);
    record.setUint16(4, 20, true);
    new Uint8Array(record.buffer).set(new Uint8Array(head.buffer, 4, 26), 6);
    record.setUint32(42, start, true);
    directory.push(new Uint8Array(record.buffer), title);
    yield new Uint8Array(head.buffer);
    yield title;
    yield stored;
    start += 30 + title.length + stored.length;
  }
  const size = directory.reduce((sum, piece) => sum + piece.length, 0);
  checkLimits(start + size, directory.length);
  yield* directory;
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, start, true);
  yield new Uint8Array(end.buffer);
}

function checkLimits(bytes: number, pieces: number): void {
  if (bytes < 2 ** 32 - 1 && pieces < 2 * 65_535) return;
  throw new ArgumentError({
    op: "saveTensors",
    message: "an archive of more than 4 GiB or 65,534 tensors cannot be written",
    hint: "save to .safetensors",
  });
}

/** Pieces one after the other. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

let table: Uint32Array | null = null;

/** The checksum of zip archives (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
