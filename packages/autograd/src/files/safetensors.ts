import type { DType } from "../dtype.ts";
import { ArgumentError, unknownOption } from "../errors.ts";
import { fromArray } from "../ops/tensor-like.ts";
import type { Tensor } from "../tensor.ts";
import { decode, type ElementType, encode, type LoadTensorsOptions } from "./elements.ts";
import { type ByteSource, damaged, elementsOf, type FileLike, openSource } from "./source.ts";

/** The largest header that the format's reference implementation takes. */
const maximalHeader = 100_000_000;

/** The format's element types in bits; `null` for those that no dtype here can hold. */
const elementTypes: Readonly<Record<string, { readonly bits: number; readonly type: ElementType | null }>> = {
  BOOL: { bits: 8, type: { kind: "bool", bytes: 1 } },
  F4: { bits: 4, type: null },
  F6_E2M3: { bits: 6, type: null },
  F6_E3M2: { bits: 6, type: null },
  U8: { bits: 8, type: { kind: "uint", bytes: 1 } },
  I8: { bits: 8, type: { kind: "int", bytes: 1 } },
  F8_E5M2: { bits: 8, type: null },
  F8_E4M3: { bits: 8, type: null },
  F8_E8M0: { bits: 8, type: null },
  F8_E4M3FNUZ: { bits: 8, type: null },
  F8_E5M2FNUZ: { bits: 8, type: null },
  I16: { bits: 16, type: { kind: "int", bytes: 2 } },
  U16: { bits: 16, type: { kind: "uint", bytes: 2 } },
  F16: { bits: 16, type: { kind: "float", bytes: 2 } },
  BF16: { bits: 16, type: { kind: "bfloat", bytes: 2 } },
  I32: { bits: 32, type: { kind: "int", bytes: 4 } },
  U32: { bits: 32, type: { kind: "uint", bytes: 4 } },
  F32: { bits: 32, type: { kind: "float", bytes: 4 } },
  C64: { bits: 64, type: { kind: "complex", bytes: 8 } },
  F64: { bits: 64, type: { kind: "float", bytes: 8 } },
  I64: { bits: 64, type: { kind: "int", bytes: 8 } },
  U64: { bits: 64, type: { kind: "uint", bytes: 8 } },
};

/** What dtypes are called in files, the widest first: in this order files keep every element aligned. */
const written: readonly (readonly [DType, string])[] = [
  ["float64", "F64"],
  ["float32", "F32"],
  ["int32", "I32"],
  ["uint8", "U8"],
  ["bool", "BOOL"],
];

/** What a file says of one of its tensors. */
export interface SafetensorsInfo {
  /** The element type in the format's words, such as "F32" or "BF16". */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

interface Entry extends SafetensorsInfo {
  readonly name: string;
  /** Position of the first byte in the file. */
  readonly start: number;
}

/** An open safetensors file, of which single tensors can be read. Made by {@link openSafetensors}. */
export class SafetensorsFile {
  /** Free text that the file carries along. */
  readonly metadata: Readonly<Record<string, string>>;
  private readonly entries: ReadonlyMap<string, Entry>;
  private readonly source: ByteSource;

  /** @internal */
  constructor(source: ByteSource, entries: readonly Entry[], metadata: Readonly<Record<string, string>>) {
    this.source = source;
    this.entries = new Map(entries.map((e) => [e.name, e]));
    this.metadata = metadata;
  }

  /** The tensors' names, in the order of their elements in the file. */
  get names(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** Element type, shape and size of a tensor, without reading it. @throws {ArgumentError} when there is none. */
  info(name: string): SafetensorsInfo {
    const { dtype, shape, byteLength } = this.entry(name);
    return { dtype, shape, byteLength };
  }

  /**
   * Reads one tensor, and no other byte of the file.
   *
   * `F16` and `BF16` become float32, integers of up to 32 bits int32 (`U8` uint8); for wider ones see the options.
   * `C64` becomes float32 with a last axis of length 2: real and imaginary parts.
   * @throws {ArgumentError} when there is none of this name.
   * @throws {TensorFileError} for elements that no dtype here can hold.
   */
  async tensor(name: string, options: LoadTensorsOptions = {}): Promise<Tensor> {
    const { dtype: stored, shape, start, byteLength } = this.entry(name);
    const { type } = elementTypes[stored]!;
    if (type === null) throw damaged(this.source, "element type", `"${name}" is ${stored}, which no dtype here holds`);
    const bytes = await this.source.read(start, start + byteLength);
    const { data, dtype } = decode(this.source, JSON.stringify(name), bytes, type, options);
    return fromArray(data, type.kind === "complex" ? [...shape, 2] : shape, dtype);
  }

  /** Closes the file. Tensors that have been read stay. */
  close(): Promise<void> {
    return this.source.close();
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw unknownOption("safetensors", "name", name, this.names);
    return entry;
  }
}

/**
 * Opens a safetensors file and reads its header only, so that tensors of a file larger than the memory can be read one
 * by one. The format is described at https://github.com/huggingface/safetensors.
 *
 * @throws {FileError} when the file cannot be read.
 * @throws {TensorFileError} when its header is damaged, or does not account for every byte of the file exactly once.
 *
 * @example
 * ```ts
 * await saveTensors("weights.safetensors", { kernel: [[1, 2], [3, 4]] });
 * const file = await openSafetensors("weights.safetensors");
 * file.info("kernel").dtype; // "F32"
 * await file.tensor("kernel"); // [[1, 2], [3, 4]]
 * await file.close();
 * ```
 */
export async function openSafetensors(file: FileLike): Promise<SafetensorsFile> {
  const source = await openSource("openSafetensors", file);
  try {
    return await readHeader(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Reads the header of an open file. */
export async function readHeader(source: ByteSource): Promise<SafetensorsFile> {
  if (source.size < 8) throw damaged(source, "truncated", `${source.size} bytes are not even the header's length`);
  const length = Number(new DataView((await source.read(0, 8)).buffer).getBigUint64(0, true));
  if (length > maximalHeader) {
    const claim = `the header claims ${length} bytes; ${maximalHeader} are the most`;
    throw damaged(source, "header size", claim, { offset: 0, hint: "it may not be a safetensors file" });
  }
  const start = 8 + length;
  if (start > source.size) {
    const claim = `the header claims ${length} bytes, but only ${source.size - 8} follow`;
    throw damaged(source, "truncated", claim, { offset: 0 });
  }
  const header = parseHeader(source, await source.read(8, start));
  const { __metadata__: given, ...described } = header;
  const metadata = given === undefined ? Object.create(null) : metadataOf(source, given);
  const entries = Object.entries(described)
    .map(([name, info]) => entryOf(source, name, info))
    .sort((a, b) => a.start - b.start || a.byteLength - b.byteLength);
  let end = 0;
  for (const { name, start: from, byteLength } of entries) {
    if (from !== end) {
      const what =
        from > end ? `${from - end} bytes before "${name}" belong to no tensor` : `"${name}" overlaps another`;
      throw damaged(source, "offsets", what, { offset: start + Math.min(from, end) });
    }
    end += byteLength;
  }
  if (start + end !== source.size) {
    throw damaged(source, "length", `the tensors end at byte ${start + end}, but the file has ${source.size} bytes`);
  }
  return new SafetensorsFile(
    source,
    entries.map((e) => ({ ...e, start: start + e.start })),
    metadata,
  );
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseHeader(source: ByteSource, bytes: Uint8Array): Fields {
  const refuse = (problem: "text" | "header", message: string) => damaged(source, problem, message, { offset: 8 });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse("text", "the header is not UTF-8");
  }
  const names = namesWritten(bytes);
  if (names === null)
    throw refuse("header", "the header is nested too deep, or has a number that is not a natural one");
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw refuse("header", `the header is not JSON: ${(error as Error).message}`);
  }
  if (!isFields(header)) throw refuse("header", "the header is not a JSON object");
  // JSON.parse keeps the last of two equal names: then fewer are kept than were written.
  let kept = 0;
  for (const value of Object.values(header)) kept += 1 + (isFields(value) ? Object.keys(value).length : 0);
  if (kept !== names) throw refuse("header", "the header has a name twice, or an object where none belongs");
  return header;
}

const code = (character: string): number => character.charCodeAt(0);
const [quote, backslash, colon] = [code('"'), code("\\"), code(":")];
const [opening, closing] = [new Set([..."[{"].map(code)), new Set([..."]}"].map(code))];
/** Signs, points and exponents; letters of constants, which have no place in a header either. */
const unnatural = new Set([..."-.eE"].map(code));

/** The number of names in JSON text; null when it is nested deeper, or has other numbers, than headers have. */
function namesWritten(bytes: Uint8Array): number | null {
  let depth = 0;
  let names = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (inString) {
      if (byte === backslash) i++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === colon) names++;
    else if (opening.has(byte) ? ++depth > 3 : unnatural.has(byte)) return null;
    else if (closing.has(byte)) depth--;
  }
  return names;
}

function metadataOf(source: ByteSource, given: unknown): Readonly<Record<string, string>> {
  if (!isFields(given) || !Object.values(given).every((v) => typeof v === "string")) {
    throw damaged(source, "header", "__metadata__ is not an object of strings", { offset: 8 });
  }
  return Object.assign(Object.create(null), given);
}

function entryOf(source: ByteSource, name: string, info: unknown): Entry {
  const refuse = (what: string) => damaged(source, "header", `"${name}" ${what}`, { offset: 8 });
  if (!isFields(info)) throw refuse("is not described by an object");
  const { dtype, shape, data_offsets: offsets, ...rest } = info;
  if (Object.keys(rest).length > 0) throw refuse(`has fields that are not known: ${Object.keys(rest).join(", ")}`);
  if (typeof dtype !== "string" || !Object.hasOwn(elementTypes, dtype)) {
    throw refuse(`has the dtype ${JSON.stringify(dtype)}; known are ${Object.keys(elementTypes).join(", ")}`);
  }
  if (!Array.isArray(shape) || !shape.every((n) => typeof n === "number")) throw refuse("has no shape");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw refuse("has no data_offsets");
  }
  const [from, to] = offsets as [number, number];
  const bits = elementsOf(source, shape, `"${name}"`) * elementTypes[dtype]!.bits;
  if (!Number.isSafeInteger(bits)) throw damaged(source, "overflow", `"${name}" is larger than can be counted`);
  if (to < from || (to - from) * 8 !== bits) {
    const expected = `${dtype} of shape [${shape.join(", ")}] takes ${bits / 8} bytes`;
    throw damaged(source, "size", `"${name}" has the offsets ${from} and ${to}, but ${expected}`, { offset: 8 });
  }
  return { name, dtype, shape: shape as number[], byteLength: to - from, start: from };
}

/** The bytes of a safetensors file, piece by piece: the same for the same tensors, in whatever order they are given. */
export function* encodeSafetensors(
  tensors: readonly (readonly [string, Tensor])[],
  metadata: Readonly<Record<string, string>> = {},
): Generator<Uint8Array<ArrayBuffer>> {
  const rank = (x: Tensor): number => written.findIndex(([dtype]) => dtype === x.dtype);
  const inOrder = <T>(a: readonly [string, T], b: readonly [string, T]): number => (a[0] < b[0] ? -1 : 1);
  const ordered = [...tensors].sort((a, b) => rank(a[1]) - rank(b[1]) || inOrder(a, b));
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) {
    for (const [key, value] of Object.entries(metadata)) {
      checkText(key);
      if (typeof value !== "string") {
        throw new ArgumentError({
          op: "saveTensors",
          message: `metadata must be strings, but "${key}" is ${typeof value}`,
        });
      }
      checkText(value);
    }
    header.__metadata__ = Object.fromEntries(Object.entries(metadata).sort(inOrder));
  }
  let end = 0;
  for (const [name, x] of ordered) {
    checkText(name);
    if (name === "__metadata__") {
      throw new ArgumentError({ op: "saveTensors", message: "no tensor can be named __metadata__" });
    }
    const bytes = x.size * (elementTypes[written[rank(x)]![1]]!.bits / 8);
    header[name] = { dtype: written[rank(x)]![1], shape: x.shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  if (length > maximalHeader) {
    throw new ArgumentError({
      op: "saveTensors",
      message: `the names take ${length} bytes; ${maximalHeader} are the most`,
    });
  }
  // Spaces bring the elements to a multiple of 8.
  const head = new Uint8Array(8 + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(text, 8);
  yield head;
  for (const [, x] of ordered) yield encode(x);
}

function checkText(text: string): void {
  if (text.isWellFormed()) return;
  throw new ArgumentError({ op: "saveTensors", message: `${JSON.stringify(text)} is not valid Unicode` });
}
