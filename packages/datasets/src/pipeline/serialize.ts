import { PipelineError } from "../errors.ts";
import { isTypedArray, type TypedArray } from "../nd-array.ts";

/**
 * Elements as bytes: a JSON text in which arrays, dates and numbers JSON lacks are replaced by marks, then the arrays'
 * own bytes, each aligned to eight.
 */

const ARRAYS = {
  Float64Array,
  Float32Array,
  Int32Array,
  Uint32Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
} as const;

interface Marked {
  readonly $: "array" | "date" | "number" | "undefined";
  readonly v?: string | number;
  /** Offset and length of an array. */
  readonly o?: number;
  readonly n?: number;
}

const aligned = (length: number): number => Math.ceil(length / 8) * 8;

export function encodeElement(element: unknown): Uint8Array {
  const arrays: TypedArray[] = [];
  let offset = 0;
  const mark = (value: unknown): unknown => {
    if (isTypedArray(value)) {
      const marked: Marked = { $: "array", v: value.constructor.name, o: offset, n: value.length };
      arrays.push(value);
      offset += aligned(value.byteLength);
      return marked;
    }
    if (value instanceof Date) return { $: "date", v: value.getTime() } satisfies Marked;
    if (value === undefined) return { $: "undefined" } satisfies Marked;
    if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
      return { $: "number", v: Object.is(value, -0) ? "-0" : String(value) } satisfies Marked;
    }
    if (typeof value === "object" && value !== null) {
      if (Array.isArray(value)) return value.map(mark);
      const prototype: unknown = Object.getPrototypeOf(value);
      if ((prototype === Object.prototype || prototype === null) && !("$" in value)) {
        return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mark(inner)]));
      }
      refuse(value.constructor?.name ?? "an object with the name $");
    }
    if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol") refuse(typeof value);
    return value;
  };
  const json = new TextEncoder().encode(JSON.stringify(mark(element)));
  const start = aligned(4 + json.length);
  const bytes = new Uint8Array(start + offset);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  let at = start;
  for (const array of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += aligned(array.byteLength);
  }
  return bytes;
}

function refuse(found: string): never {
  throw new PipelineError("cache", "an element cannot be written to a file", {
    expected: "arrays, numbers, texts, booleans, dates, null, objects and tuples of them",
    found,
    hint: "Keep it in memory with .cache(), or map it to something simpler first.",
  });
}

/** The reverse of {@link encodeElement}, for bytes whose checksum was right. */
export function decodeElement(bytes: Uint8Array<ArrayBuffer>): unknown {
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const start = aligned(4 + length);
  const unmark = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(unmark);
    const { $: kind, v, o = 0, n = 0 } = value as Marked;
    if (kind === "array") return new ARRAYS[v as keyof typeof ARRAYS](bytes.buffer, start + o, n);
    if (kind === "date") return new Date(v as number);
    if (kind === "number") return Number(v);
    if (kind === "undefined") return undefined;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unmark(inner)]));
  };
  return unmark(JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))));
}
