import { inflateSync, zipSync } from "fflate";
import { ModelFileError } from "../errors.ts";
import { Cursor, damaged } from "./hdf5/cursor.ts";

/** How many times its stored size a file in an archive may have; beyond that it is taken for a bomb. */
const mostExpansion = 128;

/** An archive of files as they are, uncompressed as Keras writes them; the same files give the same bytes. */
export function writeZip(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  // ZIP has no time zone: the fields of local time are written, and its earliest year is 1980.
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1) });
}

/** Whether bytes begin as a ZIP archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/** A file in an archive, read when asked for. */
export type ZipEntry = () => Uint8Array;

/**
 * The files in an archive, by name. The directory is read within the bounds of the archive; a file's claimed size is
 * checked before memory is taken, its checksum after.
 * @throws {ModelFileError} when the archive is damaged.
 */
export function readZip(bytes: Uint8Array, file: string): ReadonlyMap<string, ZipEntry> {
  const whole = new Cursor(bytes, file);
  const end = endOfDirectory(bytes);
  if (end === -1) throw damaged(file, bytes.length, "the end of a ZIP archive", "nothing like it");
  const tail = whole.from(end);
  tail.skip(10);
  const count = tail.u16();
  const [size, start] = [tail.u32(), tail.u32()];
  const directory = whole.from(start, size);
  const entries = new Map<string, ZipEntry>();
  for (let i = 0; i < count; i++) {
    directory.signature("PK\x01\x02");
    directory.skip(4);
    const flags = directory.u16();
    const method = directory.u16();
    directory.skip(4);
    const [checksum, stored, claimed] = [directory.u32(), directory.u32(), directory.u32()];
    const [nameLength, extra, comment] = [directory.u16(), directory.u16(), directory.u16()];
    directory.skip(8);
    const at = directory.u32();
    const name = new TextDecoder().decode(directory.take(nameLength));
    directory.skip(extra + comment);
    // Programs do not agree on which of two is meant.
    if (entries.has(name)) {
      throw new ModelFileError({ op: "loadModel", message: `"${name}" is in ${file} twice` });
    }
    entries.set(name, () => {
      const fail = (message: string): ModelFileError =>
        new ModelFileError({ op: "loadModel", message: `"${name}" in ${file} ${message}` });
      if (flags & 1) throw fail("is encrypted");
      if (method !== 0 && method !== 8) throw fail(`is compressed by method ${method}, which is not read`);
      if (claimed > mostExpansion * (stored + 1024))
        throw fail(`claims ${claimed} bytes, but only ${stored} are stored`);
      const local = whole.from(at);
      local.signature("PK\x03\x04");
      local.skip(22);
      local.skip(local.u16() + local.u16());
      const raw = local.take(stored);
      let content: Uint8Array;
      try {
        content = method === 0 ? raw : inflateSync(raw, { out: new Uint8Array(claimed) });
      } catch (error) {
        throw fail(`cannot be decompressed: ${(error as Error).message}`);
      }
      if (content.length !== claimed || crc32(content) !== checksum)
        throw fail("is damaged: its checksum does not fit");
      return content;
    });
  }
  return entries;
}

/** Where the record that ends an archive begins: near its end, before a comment of at most 65,535 bytes; −1 if nowhere. */
function endOfDirectory(bytes: Uint8Array): number {
  for (let at = bytes.length - 22; at >= 0 && at >= bytes.length - 22 - 65_535; at--) {
    if (bytes[at] === 0x50 && bytes[at + 1] === 0x4b && bytes[at + 2] === 5 && bytes[at + 3] === 6) return at;
  }
  return -1;
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** The checksum of ZIP archives (CRC-32 of ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
