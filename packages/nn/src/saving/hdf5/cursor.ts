import { ModelFileError } from "../../errors.ts";

/** An error for bytes that are not what the format says. */
export function damaged(file: string, offset: number, expected: string, found: string): ModelFileError {
  return new ModelFileError({
    op: "loadModel",
    message: `${file} is damaged or cut short: at byte ${offset} ${expected} was expected, but ${found} was found`,
  });
}

/** An error for a part of the format that is not read. */
export function unsupported(file: string, what: string): ModelFileError {
  return new ModelFileError({
    op: "loadModel",
    message: `${file} uses ${what}, which is not read`,
    hint: "rewrite it with h5repack or h5py's defaults",
  });
}

/**
 * What may be done for one file: what takes a step of work, such as a message or a link, takes some bytes of a file too,
 * so that a file that asks for more says something twice, and would go on for long.
 */
export class Budget {
  private steps: number;
  private text: number;
  private readonly file: string;

  constructor(file: string, bytes: number) {
    this.file = file;
    this.steps = 1000 + Math.ceil(bytes / 4);
    this.text = 2 ** 20 + 4 * bytes;
  }
  /** Takes note of steps. @throws {ModelFileError} when there were too many. */
  spend(steps: number, at: number): void {
    this.steps -= steps;
    if (!(this.steps >= 0)) throw damaged(this.file, at, "no more objects than fit", "a link to another");
  }
  /** Takes note of bytes of names, texts and numbers in attributes. @throws {ModelFileError} when there were too many. */
  spendText(bytes: number, at: number): void {
    this.text -= bytes;
    if (!(this.text >= 0)) throw damaged(this.file, at, "names and attributes that fit the file", "more");
  }
}

/** Reads little-endian numbers from a part of a file; what lies outside is an error, never `undefined`. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly file: string;
  at: number;
  readonly end: number;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, file: string, at: number = 0, end: number = bytes.length) {
    if (!(at >= 0 && at <= bytes.length && end >= at && end <= bytes.length)) {
      throw damaged(file, Math.min(at, bytes.length), `a part that ends at byte ${end}`, `${bytes.length} bytes`);
    }
    this.bytes = bytes;
    this.file = file;
    this.at = at;
    this.end = end;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A cursor of its own at another place of the same file. */
  from(at: number, length: number = this.bytes.length - at): Cursor {
    return new Cursor(this.bytes, this.file, at, at + length);
  }

  get left(): number {
    return this.end - this.at;
  }

  private advance(count: number): number {
    const at = this.at;
    if (count > this.left) throw damaged(this.file, at, `${count} bytes`, `${this.left}`);
    this.at += count;
    return at;
  }

  skip(count: number): void {
    this.advance(count);
  }
  u8(): number {
    return this.view.getUint8(this.advance(1));
  }
  u16(): number {
    return this.view.getUint16(this.advance(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.advance(4), true);
  }
  /** A number of 64 bits; those that a double cannot hold exactly become large ones that no file can have. */
  u64(): number {
    const at = this.advance(8);
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 2 ** 32;
  }
  /** A number of 1, 2, 4 or 8 bytes. */
  uint(size: number): number {
    if (size === 8) return this.u64();
    return size === 4 ? this.u32() : size === 2 ? this.u16() : this.u8();
  }
  take(count: number): Uint8Array {
    const at = this.advance(count);
    return this.bytes.subarray(at, at + count);
  }
  signature(expected: string): void {
    const at = this.at;
    const found = String.fromCharCode(...this.take(expected.length));
    if (found !== expected) throw damaged(this.file, at, JSON.stringify(expected), JSON.stringify(found));
  }
  /** Text up to a zero byte, which is passed over. */
  zeroTerminated(): string {
    const start = this.at;
    let end = start;
    while (end < this.end && this.bytes[end] !== 0) end++;
    this.advance(end - start + 1);
    return decodeText(this.bytes.subarray(start, end));
  }
}

/** Text of bytes, up to the first zero. */
export function decodeText(bytes: Uint8Array): string {
  const zero = bytes.indexOf(0);
  return new TextDecoder().decode(zero === -1 ? bytes : bytes.subarray(0, zero));
}
