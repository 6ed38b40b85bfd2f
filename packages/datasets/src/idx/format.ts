import { ArgumentError, IdxError } from "../errors.ts";
import type { NdArray, TypedArray } from "../nd-array.ts";

/**
 * The IDX format of the MNIST family: two zero bytes, a byte for the element type, a byte for the rank, then the sizes
 * of the axes as big-endian 32-bit numbers and the elements, big-endian, in row-major order.
 */

/** The typed arrays IDX has element types for. */
export type IdxArray = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** Which typed array holds elements of which type. */
export interface IdxArrays {
  readonly uint8: Uint8Array;
  readonly int8: Int8Array;
  readonly int16: Int16Array;
  readonly int32: Int32Array;
  readonly float32: Float32Array;
  readonly float64: Float64Array;
}

export type IdxElementType = keyof IdxArrays;

interface ElementType {
  readonly name: IdxElementType;
  readonly code: number;
  readonly bytes: number;
  readonly array: new (buffer: ArrayBuffer) => IdxArray;
}

const ELEMENT_TYPES: readonly ElementType[] = [
  { name: "uint8", code: 0x08, bytes: 1, array: Uint8Array },
  { name: "int8", code: 0x09, bytes: 1, array: Int8Array },
  { name: "int16", code: 0x0b, bytes: 2, array: Int16Array },
  { name: "int32", code: 0x0c, bytes: 4, array: Int32Array },
  { name: "float32", code: 0x0d, bytes: 4, array: Float32Array },
  { name: "float64", code: 0x0e, bytes: 8, array: Float64Array },
];

export const IDX_ELEMENT_TYPES: readonly IdxElementType[] = ELEMENT_TYPES.map(({ name }) => name);

export interface IdxHeader {
  readonly elementType: IdxElementType;
  readonly shape: readonly number[];
  readonly bytesPerElement: number;
  readonly headerBytes: number;
  readonly dataBytes: number;
}

const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, "0")}`;

/** The rank, from the first four bytes; refuses what is no IDX file. */
export function checkMagic(bytes: Uint8Array, file: string): number {
  const shown = `[${Array.from(bytes.subarray(0, 4), hex).join(", ")}]`;
  if (bytes.length < 4) {
    throw new IdxError("the file ends within its magic number", {
      file,
      offset: bytes.length,
      field: "magic number",
      expected: "4 bytes",
      found: `${bytes.length}`,
    });
  }
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    const swapped = bytes[2] === 0 && bytes[3] === 0 && ELEMENT_TYPES.some(({ code }) => code === bytes[1]);
    throw new IdxError("not an IDX file", {
      file,
      offset: 0,
      field: "magic number",
      expected: "two zero bytes, an element type and a rank",
      found: shown,
      hint: swapped
        ? "The file is written little-endian; IDX is big-endian. Write it again with the bytes in the right order."
        : bytes[0] === 0x3c
          ? "It begins like a web page: the download probably gave an error page."
          : "Check that this is the right file.",
    });
  }
  if (!ELEMENT_TYPES.some(({ code }) => code === bytes[2])) {
    throw new IdxError("unknown element type", {
      file,
      offset: 2,
      field: "element type",
      expected: ELEMENT_TYPES.map(({ code, name }) => `${hex(code)} (${name})`).join(", "),
      found: hex(bytes[2]!),
    });
  }
  return bytes[3]!;
}

/** The whole header, from exactly `4 + 4 * rank` bytes. */
export function parseHeader(bytes: Uint8Array, file: string): IdxHeader {
  const rank = checkMagic(bytes, file);
  const type = ELEMENT_TYPES.find(({ code }) => code === bytes[2])!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape: number[] = [];
  let dataBytes = type.bytes;
  for (let axis = 0; axis < rank; axis++) {
    const size = view.getUint32(4 + 4 * axis);
    shape.push(size);
    dataBytes *= size;
    // A zero further on does not make an absurd size harmless: nothing writes such files.
    if (dataBytes > Number.MAX_SAFE_INTEGER) {
      throw new IdxError("the sizes multiply to more than any file can hold", {
        file,
        offset: 4 + 4 * axis,
        field: `size of axis ${axis}`,
        expected: `at most 2^53 bytes in all`,
        found: `sizes ${shape.join(" × ")} of ${type.bytes}-byte elements`,
        hint: "The header is damaged, or the file is written little-endian.",
      });
    }
  }
  return {
    elementType: type.name,
    shape,
    bytesPerElement: type.bytes,
    headerBytes: 4 + 4 * rank,
    dataBytes,
  };
}

/** Refuses a file whose size is known and does not fit its header, before anything is allocated. */
export function checkSize(header: IdxHeader, fileBytes: number, file: string): void {
  const expected = header.headerBytes + header.dataBytes;
  if (fileBytes === expected) return;
  const short = fileBytes < expected;
  const swapped = header.shape.map((size) => new DataView(Uint32Array.of(size).buffer).getUint32(0));
  const littleEndian =
    header.headerBytes + swapped.reduce((product, size) => product * size, header.bytesPerElement) === fileBytes;
  throw new IdxError(short ? "the file is too short" : "there are bytes after the end of the data", {
    file,
    offset: short ? fileBytes : expected,
    field: "data",
    expected: `${expected} bytes for ${header.elementType} [${header.shape.join(", ")}]`,
    found: String(fileBytes),
    hint: littleEndian
      ? "The sizes are written little-endian; IDX is big-endian."
      : short
        ? "The file is truncated, or its header is damaged."
        : "The file was joined with something else, or its header is damaged.",
  });
}

/** gzip cannot pack better than this, so a header that claims more is refused before anything is allocated. */
const DEFLATE_LIMIT = 1032;

export function checkPackedSize(header: IdxHeader, packedBytes: number, file: string): void {
  const expected = header.headerBytes + header.dataBytes;
  if (expected <= packedBytes * DEFLATE_LIMIT) return;
  throw new IdxError("the header claims more than the packed file can hold", {
    file,
    offset: 4,
    field: "sizes",
    expected: `at most ${packedBytes * DEFLATE_LIMIT} bytes from ${packedBytes} packed ones`,
    found: `${expected} bytes for ${header.elementType} [${header.shape.join(", ")}]`,
    hint: "The header is damaged.",
  });
}

const hostIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function swap(bytes: Uint8Array, width: number): void {
  if (!hostIsLittleEndian || width === 1) return;
  for (let at = 0; at + width <= bytes.length; at += width) {
    for (let low = at, high = at + width - 1; low < high; low++, high--) {
      const kept = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = kept;
    }
  }
}

/** The elements in `bytes`, which this takes over: it must begin its buffer and is put into the machine's byte order. */
export function decodeElements(bytes: Uint8Array<ArrayBuffer>, header: IdxHeader): IdxArray {
  swap(bytes, header.bytesPerElement);
  const { array } = ELEMENT_TYPES.find(({ name }) => name === header.elementType)!;
  return new array(bytes.buffer);
}

export function elementTypeOf(data: TypedArray): IdxElementType {
  const type = ELEMENT_TYPES.find(({ array }) => data instanceof array);
  if (type) return type.name;
  throw new ArgumentError("IDX has no such element type", {
    field: "data",
    expected: ELEMENT_TYPES.map(({ array }) => array.name).join(", "),
    found: data.constructor.name,
    hint: "Convert the array first.",
  });
}

export function encodeHeader(elementType: IdxElementType, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  if (shape.length > 255 || shape.some((size) => !Number.isInteger(size) || size < 0 || size > 0xffffffff)) {
    throw new ArgumentError("not a shape IDX can hold", {
      field: "shape",
      expected: "at most 255 sizes from 0 to 4294967295",
      found: `[${shape.join(", ")}]`,
    });
  }
  const bytes = new Uint8Array(4 + 4 * shape.length);
  bytes[2] = ELEMENT_TYPES.find(({ name }) => name === elementType)!.code;
  bytes[3] = shape.length;
  const view = new DataView(bytes.buffer);
  for (const [axis, size] of shape.entries()) view.setUint32(4 + 4 * axis, size);
  return bytes;
}

/** The elements in IDX's byte order; a copy unless they are single bytes. */
export function encodeElements(data: TypedArray): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data.BYTES_PER_ELEMENT === 1) return bytes;
  const copy = bytes.slice();
  swap(copy, data.BYTES_PER_ELEMENT);
  return copy;
}

/** An NdArray whose data does not have as many elements as its shape says is refused. */
export function checkArray(array: NdArray): void {
  const size = array.shape.reduce((product, dimension) => product * dimension, 1);
  if (size === array.data.length) return;
  throw new ArgumentError("the data does not fill the shape", {
    field: "shape",
    expected: `${size} elements for [${array.shape.join(", ")}]`,
    found: String(array.data.length),
  });
}
