import { SourceError } from "../errors.ts";

/**
 * One file out of a tar archive in memory. The catalogue has a single archive, with a checksum of its own, and only
 * regular files in it; that is too little to depend on a library for.
 */
export function fileFromTar(tar: Uint8Array, name: string, archive: string): Uint8Array {
  const text = (from: number, length: number): string =>
    new TextDecoder().decode(tar.subarray(from, from + length)).replace(/\0.*$/s, "");
  for (let at = 0; at + 512 <= tar.length; ) {
    const found = text(at, 100);
    if (found === "") break;
    const octal = text(at + 124, 12).trim();
    const size = /^[0-7]+$/.test(octal) ? Number.parseInt(octal, 8) : Number.NaN;
    if (Number.isNaN(size) || at + 512 + size > tar.length) {
      throw new SourceError("the tar archive is damaged", { file: archive, offset: at, field: `size of ${found}` });
    }
    if (found === name) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new SourceError("the tar archive lacks a file", { file: archive, expected: name });
}
