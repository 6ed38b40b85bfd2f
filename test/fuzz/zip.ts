/** Archives written by hand, so that every field of them can say something else than it should. */
import { crc32, deflateRawSync } from "node:zlib";
import { type Draws, hostileNames } from "./damage.ts";

/** A file in an archive. */
export interface ArchiveEntry {
  readonly name: string;
  readonly content: Uint8Array;
  readonly compress?: boolean;
  /** Sizes in fields of 64 bits, as Python writes archives whose size it does not know at first. */
  readonly wide?: boolean;
  /** What fields say instead: of both headers, or of the directory's alone. */
  readonly both?: Readonly<Partial<Record<Field, number>>>;
  readonly directory?: Readonly<Partial<Record<Field, number>>>;
  /** What is stored instead of the content. */
  readonly stored?: Uint8Array;
}

type Field = "flags" | "method" | "checksum" | "stored" | "size" | "start" | "nameLength";

/** The bytes of an archive. */
export function archiveOf(
  entries: readonly ArchiveEntry[],
  end: Readonly<Record<string, number>> = {},
): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const add = (piece: Uint8Array): void => {
    pieces.push(piece);
    at += piece.length;
  };
  for (const entry of entries) {
    const name = new TextEncoder().encode(entry.name);
    const stored = entry.stored ?? (entry.compress ? deflateRawSync(entry.content) : entry.content);
    const fields = {
      flags: 0x800,
      method: entry.compress ? 8 : 0,
      checksum: crc32(entry.content),
      stored: stored.length,
      size: entry.content.length,
      start: at,
      nameLength: name.length,
      ...entry.both,
    };
    add(headerOf(0x04034b50, fields, name, entry.wide ?? false));
    add(stored);
    directory.push(headerOf(0x02014b50, { ...fields, ...entry.directory }, name, entry.wide ?? false));
  }
  const start = at;
  for (const piece of directory) add(piece);
  const size = at - start;
  const last = new DataView(new ArrayBuffer(22));
  last.setUint32(0, 0x06054b50, true);
  last.setUint16(8, end.count ?? entries.length, true);
  last.setUint16(10, end.count ?? entries.length, true);
  last.setUint32(12, end.size ?? size, true);
  last.setUint32(16, end.start ?? start, true);
  add(new Uint8Array(last.buffer));
  return new Uint8Array(Buffer.concat(pieces));
}

/** A local header or one of the directory, its name, and with `wide` a field of larger numbers. */
function headerOf(signature: number, fields: Record<Field, number>, name: Uint8Array, wide: boolean): Uint8Array {
  const own = signature === 0x02014b50;
  const length = own ? 46 : 30;
  const extra = wide ? (own ? 28 : 20) : 0;
  const bytes = new Uint8Array(length + name.length + extra);
  const view = new DataView(bytes.buffer);
  const at = own ? 6 : 4;
  view.setUint32(0, signature, true);
  view.setUint16(at, 45, true);
  view.setUint16(at + 2, fields.flags, true);
  view.setUint16(at + 4, fields.method, true);
  view.setUint32(at + 10, fields.checksum, true);
  view.setUint32(at + 14, wide ? 0xffffffff : fields.stored, true);
  view.setUint32(at + 18, wide ? 0xffffffff : fields.size, true);
  view.setUint16(at + 22, fields.nameLength, true);
  view.setUint16(at + 24, extra, true);
  if (own) view.setUint32(42, wide ? 0xffffffff : fields.start, true);
  bytes.set(name, length);
  if (!wide) return bytes;
  const field = length + name.length;
  view.setUint16(field, 1, true);
  view.setUint16(field + 2, extra - 4, true);
  [fields.size, fields.stored, fields.start].slice(0, own ? 3 : 2).forEach((value, i) => {
    view.setBigUint64(field + 4 + 8 * i, BigInt(value), true);
  });
  return bytes;
}

/** The files of an archive with wrong sizes, names, checksums, twice, overlapping, or claiming to be huge. */
export function damagedEntries(entries: readonly ArchiveEntry[], draws: Draws): ArchiveEntry[] {
  const list = [...entries];
  for (let n = 1 + draws.below(2); n > 0; n--) {
    const i = draws.below(list.length);
    const entry = list[i]!;
    const number = draws.one([0, 1, 65_535, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1, draws.below(5000)]);
    const field = draws.one<Field>(["flags", "method", "checksum", "stored", "size", "start", "nameLength"]);
    const small = field === "flags" || field === "method" || field === "nameLength" ? number % 65_536 : number;
    const where = draws.one(["both", "directory"] as const);
    const put = (changed: Partial<ArchiveEntry>): void => {
      list[i] = { ...entry, ...changed };
    };
    draws.one([
      () => put({ [where]: { ...entry[where], [field]: small } }),
      () => put({ [where]: { ...entry[where], [field]: small } }),
      () => put({ name: draws.one([...hostileNames.filter((s) => s.isWellFormed()), entry.name]) }),
      () => void list.splice(draws.below(list.length + 1), 0, draws.one(list)),
      () => void list.splice(i, 1, { ...entry, name: draws.one(list).name }),
      () => void list.splice(i, 1),
      // A bomb: zeros that take a thousandth of their size, stated truly or not.
      () => put({ compress: true, content: new Uint8Array(draws.one([2e5, 3e6])) }),
      () => {
        const stored = deflateRawSync(new Uint8Array(3e6));
        put({ stored, both: { method: 8, size: draws.one([10, entry.content.length, 2 ** 32 - 2]) } });
      },
      () => put({ compress: !entry.compress }),
      () => put({ wide: !entry.wide }),
    ])();
    if (list.length === 0) list.push(entry);
  }
  return list;
}
