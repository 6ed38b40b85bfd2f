import type { TypedArray } from "@gradiente/autograd";
import { type Cursor, unsupported } from "./cursor.ts";

/** What elements of an array in a file are. */
export type ElementType =
  | { readonly kind: "int"; readonly size: number; readonly signed: boolean; readonly big: boolean }
  | { readonly kind: "float"; readonly size: number; readonly big: boolean }
  | { readonly kind: "text"; readonly size: number }
  | { readonly kind: "text reference"; readonly size: number };

/** Numbers as files contain them. */
export type FileNumbers = TypedArray | BigInt64Array;

/** Reads a datatype message: numbers of IEEE 754 or two's complement, and text of fixed or variable length. */
export function readType(c: Cursor): ElementType {
  const first = c.u8();
  const bits = c.u8() | (c.u8() << 8) | (c.u8() << 16);
  const size = c.u32();
  const type = first & 15;
  const big = (bits & 1) === 1;
  if (type === 0 && [1, 2, 4, 8].includes(size)) {
    c.skip(4);
    return { kind: "int", size, signed: (bits & 8) !== 0, big };
  }
  if (type === 1 && [2, 4, 8].includes(size)) {
    c.skip(12);
    return { kind: "float", size, big };
  }
  if (type === 3 && size > 0) return { kind: "text", size };
  if (type === 9 && (bits & 15) === 1 && size === 16) return { kind: "text reference", size };
  if (type === 8) {
    // An enumeration is numbers of its base type; h5py writes booleans as one.
    const base = readType(c);
    if (base.kind === "int" && base.size === size) return base;
  }
  throw unsupported(c.file, `data of HDF5's class ${type} with ${size} bytes`);
}

/** Lengths of a dataspace message; null for one without elements. */
export function readSpace(c: Cursor): readonly number[] | null {
  const version = c.u8();
  const rank = c.u8();
  const flags = c.u8();
  if (version !== 1 && version !== 2) throw unsupported(c.file, `dataspaces of version ${version}`);
  const type = c.u8();
  if (version === 1) c.skip(4);
  if (rank > 32) throw unsupported(c.file, `arrays of ${rank} axes`);
  if (version === 2 && type === 2) return null;
  if ((flags & ~3) !== 0) throw unsupported(c.file, "dataspaces with permutations");
  return Array.from({ length: rank }, () => c.u64());
}

/** Numbers from their bytes, in a typed array of their own. */
export function decodeNumbers(bytes: Uint8Array, type: ElementType, count: number): FileNumbers | null {
  if (type.kind !== "int" && type.kind !== "float") return null;
  const data = new Uint8Array(count * type.size);
  data.set(bytes.subarray(0, data.length));
  if (type.big) for (let i = 0; i < data.length; i += type.size) data.subarray(i, i + type.size).reverse();
  const { buffer } = data;
  if (type.kind === "float") {
    if (type.size === 8) return new Float64Array(buffer);
    return type.size === 4 ? new Float32Array(buffer) : Float32Array.from(new Uint16Array(buffer), fromHalf);
  }
  if (type.size === 8) return new BigInt64Array(buffer);
  if (type.size === 4) return type.signed ? new Int32Array(buffer) : Float64Array.from(new Uint32Array(buffer));
  if (type.size === 2) return Int32Array.from(type.signed ? new Int16Array(buffer) : new Uint16Array(buffer));
  return type.signed ? Int32Array.from(new Int8Array(buffer)) : data;
}

/** The value of a number of 16 bits, 5 of them the exponent. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
