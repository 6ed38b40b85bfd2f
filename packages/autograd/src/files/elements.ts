import type { DType, TypedArray } from "../dtype.ts";
import { unknownOption } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { type ByteSource, damaged } from "./source.ts";

/** How files store one element. Complex numbers are two floats: the real part, then the imaginary one. */
export interface ElementType {
  readonly kind: "bool" | "int" | "uint" | "float" | "bfloat" | "complex";
  /** Bytes of one element. */
  readonly bytes: number;
}

/** Options for reading tensors. */
export interface LoadTensorsOptions {
  /**
   * What becomes of integers of 64 bits and of unsigned ones of 32: "int32" (default), where a value that does not fit
   * is an error, or "float64", which holds them exactly up to 2⁵³ and to the nearest value beyond.
   */
  readonly wideIntegers?: "int32" | "float64";
}

const littleHost = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Elements as a tensor holds them. */
export interface Decoded {
  readonly data: TypedArray;
  readonly dtype: DType;
}

/**
 * The elements that bytes stand for: half floats and bfloat16 as float32, small integers as int32. The bytes may be
 * changed, or become the result.
 */
export function decode(
  source: ByteSource,
  of: string,
  bytes: Uint8Array<ArrayBuffer>,
  type: ElementType,
  options: LoadTensorsOptions & { readonly bigEndian?: boolean } = {},
): Decoded {
  const part = type.kind === "complex" ? type.bytes / 2 : type.bytes;
  if (part > 1 && (options.bigEndian ?? false) === littleHost) reverseEach(bytes, part);
  const { buffer } = bytes;
  switch (`${type.kind}${part}`) {
    case "bool1":
      for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 1) bytes[i] = 1;
      return { data: bytes, dtype: "bool" };
    case "uint1":
      return { data: bytes, dtype: "uint8" };
    case "int1":
      return { data: new Int32Array(new Int8Array(buffer)), dtype: "int32" };
    case "int2":
      return { data: new Int32Array(new Int16Array(buffer)), dtype: "int32" };
    case "uint2":
      return { data: new Int32Array(new Uint16Array(buffer)), dtype: "int32" };
    case "int4":
      return { data: new Int32Array(buffer), dtype: "int32" };
    case "uint4": {
      const words = new Uint32Array(buffer);
      return narrowed(source, of, words.length, (i) => words[i]!, options);
    }
    case "int8":
    case "uint8": {
      const words = new Int32Array(buffer);
      const [low, high] = littleHost ? [0, 1] : [1, 0];
      const signed = type.kind === "int";
      const at = (i: number): number => {
        const top = words[2 * i + high]!;
        return (signed ? top : top >>> 0) * 2 ** 32 + (words[2 * i + low]! >>> 0);
      };
      return narrowed(source, of, words.length / 2, at, options);
    }
    case "float2":
      return { data: fromHalf(new Uint16Array(buffer)), dtype: "float32" };
    case "bfloat2":
      return {
        data: new Float32Array(Uint32Array.from(new Uint16Array(buffer), (b) => b << 16).buffer),
        dtype: "float32",
      };
    case "float4":
    case "complex4":
      return { data: new Float32Array(buffer), dtype: "float32" };
    case "float8":
    case "complex8":
      return { data: new Float64Array(buffer), dtype: "float64" };
    default:
      throw damaged(source, "element type", `${of} has elements of ${type.bytes} bytes, which no dtype here can hold`);
  }
}

function narrowed(
  source: ByteSource,
  of: string,
  count: number,
  at: (i: number) => number,
  { wideIntegers = "int32" }: LoadTensorsOptions,
): Decoded {
  if (wideIntegers === "float64") {
    const data = new Float64Array(count);
    for (let i = 0; i < count; i++) data[i] = at(i);
    return { data, dtype: "float64" };
  }
  if (wideIntegers !== "int32") throw unknownOption("loadTensors", "wideIntegers", wideIntegers, ["int32", "float64"]);
  const data = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const value = at(i);
    if (value !== (value | 0)) {
      throw damaged(source, "value", `element ${i} of ${of} is ${value}, which int32 cannot hold`, {
        hint: 'with { wideIntegers: "float64" } such integers are read as float64',
      });
    }
    data[i] = value;
  }
  return { data, dtype: "int32" };
}

let halves: Float32Array | null = null;

/** IEEE 754 binary16, by a table of all 65,536 values. */
function fromHalf(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 2 ** 16 }, (_, b) => {
    const exponent = (b >> 10) & 31;
    const fraction = b & 1023;
    const size =
      exponent === 31
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : exponent === 0
          ? fraction * 2 ** -24
          : (1024 + fraction) * 2 ** (exponent - 25);
    return b < 2 ** 15 ? size : -size;
  });
  const data = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) data[i] = halves[bits[i]!]!;
  return data;
}

/** A tensor's elements in row-major order, little-endian. */
export function encode(x: Tensor): Uint8Array<ArrayBuffer> {
  const { data } = x;
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  if (!littleHost && data.BYTES_PER_ELEMENT > 1) reverseEach(bytes, data.BYTES_PER_ELEMENT);
  return bytes;
}

function reverseEach(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) {
    for (let i = start, j = start + size - 1; i < j; i++, j--) {
      const kept = bytes[i]!;
      bytes[i] = bytes[j]!;
      bytes[j] = kept;
    }
  }
}
