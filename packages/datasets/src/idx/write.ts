import { Dataset } from "../dataset.ts";
import { ArgumentError, PipelineError, requireKnownOptions, requireOneOf } from "../errors.ts";
import { writeAtomically } from "../files.ts";
import { isNdArray, type NdArray, sameShape } from "../nd-array.ts";
import { requireNode } from "../platform.ts";
import {
  checkArray,
  elementTypeOf,
  encodeElements,
  encodeHeader,
  IDX_ELEMENT_TYPES,
  type IdxElementType,
} from "./format.ts";

/** An array as the bytes of a plain IDX file. */
export function encodeIdx(array: NdArray): Uint8Array<ArrayBuffer> {
  checkArray(array);
  const header = encodeHeader(elementTypeOf(array.data), array.shape);
  const elements = encodeElements(array.data);
  const bytes = new Uint8Array(header.length + elements.length);
  bytes.set(header);
  bytes.set(elements, header.length);
  return bytes;
}

export interface WriteIdxOptions {
  /** Pack with gzip; default: when the path ends in ".gz". */
  readonly gzip?: boolean;
  /** Effort of packing, 1 (fast) to 9 (small); default 6. */
  readonly level?: number;
  /** Element type for data sets of plain numbers; default "float64". Arrays keep their own. */
  readonly elementType?: IdxElementType;
}

const ARRAY_OF: { readonly [E in IdxElementType]: (value: number) => NdArray } = {
  uint8: (value) => ({ data: Uint8Array.of(value), shape: [] }),
  int8: (value) => ({ data: Int8Array.of(value), shape: [] }),
  int16: (value) => ({ data: Int16Array.of(value), shape: [] }),
  int32: (value) => ({ data: Int32Array.of(value), shape: [] }),
  float32: (value) => ({ data: Float32Array.of(value), shape: [] }),
  float64: (value) => ({ data: Float64Array.of(value), shape: [] }),
};

/** Whole bytes of a file, in pieces: the header first, then the rows of a data set in batches. */
async function* idxBytes(rows: Dataset<NdArray | number>, elementType: IdxElementType): AsyncGenerator<Uint8Array> {
  const { size } = rows;
  if (size === undefined || size === Number.POSITIVE_INFINITY) {
    throw new ArgumentError("the number of rows must be known, because it stands at the beginning of the file", {
      field: "array",
      expected: "a data set of known size",
      found: `size ${size}`,
      hint: "Use .take(n) or toArrays(), or say the size in fromIterable(…, { size }).",
    });
  }
  let first: NdArray | undefined;
  let count = 0;
  for await (const element of rows) {
    const row = isNdArray(element) ? element : ARRAY_OF[elementType](element);
    checkArray(row);
    if (!first) {
      first = row;
      yield encodeHeader(elementTypeOf(row.data), [size, ...row.shape]);
    } else if (row.data.constructor !== first.data.constructor || !sameShape(row.shape, first.shape)) {
      throw new PipelineError("writeIdx", "a row does not fit the first", {
        index: count,
        expected: `${elementTypeOf(first.data)} [${first.shape.join(", ")}]`,
        found: `${elementTypeOf(row.data)} [${row.shape.join(", ")}]`,
      });
    }
    count++;
    yield encodeElements(row.data);
  }
  if (!first) yield encodeHeader(elementType, [0]);
  if (count !== size) {
    throw new PipelineError("writeIdx", "the data set has another size than it says", {
      expected: `${size} rows`,
      found: String(count),
    });
  }
}

async function* arrayBytes(array: NdArray): AsyncGenerator<Uint8Array> {
  checkArray(array);
  yield encodeHeader(elementTypeOf(array.data), array.shape);
  // In pieces, so that turning the bytes around needs no second copy of everything.
  const step = 1 << 18;
  for (let at = 0; at < array.data.length; at += step) yield encodeElements(array.data.subarray(at, at + step));
}

/** Small pieces joined to larger ones: each costs a system call or a turn of the packer. */
async function* joined(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const least = 256 * 1024;
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    if (length < least) continue;
    yield join(waiting, length);
    waiting = [];
    length = 0;
  }
  if (length > 0) yield join(waiting, length);
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/**
 * Writes an IDX file, plain or gzip. The file is whole or not there: it is written beside its place and then renamed.
 *
 * @example
 * await writeIdx("labels-idx1-ubyte.gz", { data: Uint8Array.of(3, 1, 4), shape: [3] });
 * @throws ArgumentError for arrays IDX has no element type for, or data sets of unknown size.
 * @throws SourceError when the file cannot be written.
 */
export async function writeIdx(
  path: string,
  array: NdArray | Dataset<NdArray | number> | Dataset<NdArray>,
  options: WriteIdxOptions = {},
): Promise<void> {
  requireKnownOptions("writeIdx", options, ["gzip", "level", "elementType"]);
  const { gzip = path.endsWith(".gz"), level = 6, elementType = "float64" } = options;
  requireOneOf("elementType", elementType, IDX_ELEMENT_TYPES);
  if (!Number.isInteger(level) || level < 1 || level > 9) {
    throw new ArgumentError("not a level of packing", { field: "level", expected: "1 to 9", found: String(level) });
  }
  const pieces =
    array instanceof Dataset ? idxBytes(array as Dataset<NdArray | number>, elementType) : arrayBytes(array);
  const bytes = joined(pieces);
  const { stream, zlib } = requireNode("Writing a file");
  await writeAtomically(path, async (writer) => {
    let chunks: AsyncIterable<Uint8Array> = bytes;
    if (gzip) {
      const packer = zlib.createGzip({ level, chunkSize: 256 * 1024 });
      stream.pipeline(stream.Readable.from(bytes), packer, () => {}); // failures surface in the loop below
      chunks = packer;
    }
    for await (const chunk of chunks) await writer.write(chunk);
  });
}
