import type { DType } from "../dtype.ts";
import { fromArray } from "../ops/tensor-like.ts";
import { Tensor } from "../tensor.ts";
import { decode, type ElementType, encode, type LoadTensorsOptions } from "./elements.ts";
import { LiteralError, parseLiteral } from "./python-literal.ts";
import { type ByteSource, damaged, elementsOf } from "./source.ts";

/** The first bytes of every NumPy file. */
export const npyMagic: readonly number[] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Longer headers are refused; NumPy itself refuses those of more than 10,000 bytes unless told otherwise. */
const maximalHeader = 2 ** 20;

const kinds: Readonly<Record<string, ElementType["kind"]>> = {
  b: "bool",
  i: "int",
  u: "uint",
  f: "float",
  c: "complex",
};

const widths: Readonly<Record<string, readonly number[]>> = {
  b: [1],
  i: [1, 2, 4, 8],
  u: [1, 2, 4, 8],
  f: [2, 4, 8],
  c: [8, 16],
};

/** What kinds of elements that cannot be read are called. */
const refused: Readonly<Record<string, string>> = {
  O: "Python objects, which are pickled: reading them would run code",
  U: "strings",
  S: "byte strings",
  a: "byte strings",
  V: "raw bytes",
  M: "dates",
  m: "spans of time",
  g: "long doubles, whose layout depends on the machine",
  f: "floats of a width that no dtype here holds",
  c: "complex numbers of a width that no dtype here holds",
};

/**
 * Reads an array in NumPy's format, versions 1.0 to 3.0: numbers and booleans of any width and byte order, in C or
 * Fortran order. Complex numbers become floats with a last axis of length 2: real and imaginary parts.
 * @throws {TensorFileError} for anything else, pickled objects above all.
 */
export async function readNpy(source: ByteSource, options: LoadTensorsOptions = {}): Promise<Tensor> {
  const start = await source.read(0, Math.min(12, source.size));
  if (npyMagic.some((byte, i) => start[i] !== byte)) {
    throw damaged(source, start.length < 6 ? "truncated" : "format", "it is not a NumPy file", { offset: 0 });
  }
  const major = start[6];
  const lengthBytes = major === 1 ? 2 : 4;
  if (start.length < 8 + lengthBytes) throw damaged(source, "truncated", "it ends within the header");
  if (![1, 2, 3].includes(major!) || start[7] !== 0) {
    throw damaged(source, "format", `its version is ${major}.${start[7]}; 1.0, 2.0 and 3.0 are known`, { offset: 6 });
  }
  const view = new DataView(start.buffer);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > maximalHeader) {
    const claim = `the header claims ${length} bytes; ${maximalHeader} are the most`;
    throw damaged(source, "header size", claim, { offset: 8 });
  }
  const begin = 8 + lengthBytes + length;
  if (begin > source.size) throw damaged(source, "truncated", `the header claims ${length} bytes`, { offset: 8 });
  const { descr, fortran, shape } = headerOf(source, await source.read(8 + lengthBytes, begin), major === 3);
  const { type, bigEndian } = elementTypeOf(source, descr);
  const count = elementsOf(source, shape, "the array");
  const byteLength = count * type.bytes;
  const rest = source.size - begin;
  if (byteLength !== rest) {
    const takes = `${JSON.stringify(descr)} of shape [${shape.join(", ")}] takes ${byteLength} bytes, but ${rest} follow`;
    throw damaged(source, byteLength > rest ? "truncated" : "length", takes, { offset: begin });
  }
  const decoded = decode(source, "the array", await source.read(begin, source.size), type, { ...options, bigEndian });
  const parts = type.kind === "complex" ? 2 : 1;
  const result = fromArray(decoded.data, parts === 2 ? [...shape, 2] : shape, decoded.dtype);
  if (!fortran || shape.length < 2) return result;
  // The first axis is the one whose neighbours lie side by side.
  let step = parts;
  const strides = shape.map((n) => {
    const own = step;
    step *= n;
    return own;
  });
  return new Tensor({ storage: result.storage, shape: result.shape, strides: parts === 2 ? [...strides, 1] : strides });
}

interface Header {
  readonly descr: unknown;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

function headerOf(source: ByteSource, bytes: Uint8Array, utf8: boolean): Header {
  const refuse = (message: string) => damaged(source, "header", message, { offset: 8 });
  let header: unknown;
  try {
    header = parseLiteral(new TextDecoder(utf8 ? "utf-8" : "latin1", { fatal: utf8 }).decode(bytes));
  } catch (error) {
    if (error instanceof LiteralError) throw refuse(`the header is not a Python literal: ${error.message}`);
    throw damaged(source, "text", "the header is not UTF-8", { offset: 8 });
  }
  if (!(header instanceof Map) || [...header.keys()].sort().join() !== "descr,fortran_order,shape") {
    throw refuse("the header does not have descr, fortran_order and shape, and nothing else");
  }
  const fortran = header.get("fortran_order");
  const shape = header.get("shape");
  if (typeof fortran !== "boolean") throw refuse("fortran_order is neither True nor False");
  if (!Array.isArray(shape) || !shape.every((n) => typeof n === "number"))
    throw refuse("shape is not a tuple of numbers");
  return { descr: header.get("descr"), fortran, shape };
}

function elementTypeOf(source: ByteSource, descr: unknown): { type: ElementType; bigEndian: boolean } {
  if (typeof descr !== "string") {
    const what = Array.isArray(descr) ? "records of several fields" : "of no kind that is known";
    throw damaged(source, "element type", `its elements are ${what}`, { hint: "save one array per field" });
  }
  const match = /^([<>|=]?)([a-zA-Z?])(\d{0,9})/.exec(descr);
  const [whole, order, letter, digits] = match ?? [];
  const bytes = Number(digits);
  if (letter === undefined || !widths[letter]?.includes(bytes) || whole !== descr) {
    const what =
      (letter !== undefined && refused[letter]) || `of the type ${JSON.stringify(descr)}, which is not known`;
    throw damaged(source, "element type", `its elements are ${what}`);
  }
  return { type: { kind: kinds[letter]!, bytes }, bigEndian: order === ">" };
}

const descriptions: Readonly<Record<DType, string>> = {
  float64: "<f8",
  float32: "<f4",
  int32: "<i4",
  uint8: "|u1",
  bool: "|b1",
};

/** The bytes of a NumPy file, in two pieces. */
export function encodeNpy(x: Tensor): Uint8Array<ArrayBuffer>[] {
  const shape = x.shape.length === 1 ? `${x.shape[0]},` : x.shape.join(", ");
  const text = `{'descr': '${descriptions[x.dtype]}', 'fortran_order': False, 'shape': (${shape}), }`;
  const major = text.length > 60_000 ? 2 : 1;
  const prefix = major === 1 ? 10 : 12;
  // Spaces and a line's end bring the elements to a multiple of 64, as NumPy does.
  const length = Math.ceil((prefix + text.length + 1) / 64) * 64 - prefix;
  const head = new Uint8Array(prefix + length).fill(0x20);
  head.set([...npyMagic, major, 0]);
  const view = new DataView(head.buffer);
  if (major === 1) view.setUint16(8, length, true);
  else view.setUint32(8, length, true);
  head.set(new TextEncoder().encode(text), prefix);
  head[head.length - 1] = 0x0a;
  return [head, encode(x)];
}
