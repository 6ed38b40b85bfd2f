import { Dataset } from "../dataset.ts";
import { ArgumentError, DataError, IdxError, requireInteger, requireKnownOptions, requireOneOf } from "../errors.ts";
import { fileError } from "../files.ts";
import { type NdArray, sizeOf } from "../nd-array.ts";
import { type Cursor, END, type End, type MaybePromise, type Plan } from "../pipeline/cursor.ts";
import { requireNode } from "../platform.ts";
import {
  type ByteStream,
  isReopenable,
  openTransient,
  pathOf,
  SOURCE_OPTIONS,
  type Source,
  type SourceOptions,
} from "../source.ts";
import {
  checkMagic,
  checkPackedSize,
  checkSize,
  decodeElements,
  IDX_ELEMENT_TYPES,
  type IdxArray,
  type IdxArrays,
  type IdxElementType,
  type IdxHeader,
  parseHeader,
} from "./format.ts";

export interface ReadIdxOptions<E extends IdxElementType = IdxElementType> extends SourceOptions {
  /** Refuse files of any other element type; also gives the arrays their exact type. */
  readonly elementType?: E;
}

/** Hands out the bytes of a stream in pieces of a wanted size. */
class ByteQueue {
  readonly stream: ByteStream;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Bytes handed out so far. */
  offset = 0;

  constructor(stream: ByteStream) {
    this.stream = stream;
  }

  /** Bytes that can be had without waiting. */
  get ready(): number {
    return this.#chunk.length - this.#at;
  }

  async refill(): Promise<boolean> {
    while (this.ready === 0) {
      const chunk = await this.stream.next();
      if (!chunk) return false;
      this.#chunk = chunk;
      this.#at = 0;
    }
    return true;
  }

  /** Copies up to `target.length - from` ready bytes; returns how many. */
  take(target: Uint8Array, from: number): number {
    const count = Math.min(this.ready, target.length - from);
    target.set(this.#chunk.subarray(this.#at, this.#at + count), from);
    this.#at += count;
    this.offset += count;
    return count;
  }

  drop(count: number): number {
    const dropped = Math.min(this.ready, count);
    this.#at += dropped;
    this.offset += dropped;
    return dropped;
  }

  /** Fills `target`, or as much of it as there is; returns how much. */
  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length && (this.ready > 0 || (await this.refill()))) filled += this.take(target, filled);
    return filled;
  }
}

interface Opened {
  readonly queue: ByteQueue;
  readonly header: IdxHeader;
}

async function openIdx(source: Source, options: SourceOptions): Promise<Opened> {
  const stream = await openTransient(source, options);
  try {
    const queue = new ByteQueue(stream);
    const magic = new Uint8Array(4);
    const got = await queue.fill(magic);
    const rank = checkMagic(magic.subarray(0, got), stream.name);
    const bytes = new Uint8Array(4 + 4 * rank);
    bytes.set(magic);
    const sizes = await queue.fill(bytes.subarray(4));
    if (sizes < 4 * rank) {
      throw new IdxError("the file ends within its header", {
        file: stream.name,
        offset: 4 + sizes,
        field: `size of axis ${Math.floor(sizes / 4)}`,
        expected: `${4 + 4 * rank} bytes of header for rank ${rank}`,
        found: String(4 + sizes),
      });
    }
    const header = parseHeader(bytes, stream.name);
    if (stream.sourceSize !== undefined) {
      if (stream.packed) checkPackedSize(header, stream.sourceSize, stream.name);
      else checkSize(header, stream.sourceSize, stream.name);
    }
    return { queue, header };
  } catch (error) {
    await stream.close().catch(() => {}); // the first failure is the one to report
    throw error;
  }
}

function tooShort(file: string, header: IdxHeader, offset: number): IdxError {
  return new IdxError("the data ends too early", {
    file,
    offset,
    field: "data",
    expected: `${header.headerBytes + header.dataBytes} bytes for ${header.elementType} [${header.shape.join(", ")}]`,
    found: `${offset}`,
    hint: "The file is truncated, or its header is damaged.",
  });
}

/** Reads on to the end, which makes gzip check its checksum, and refuses bytes after the data. */
async function checkEnd({ queue, header }: Opened): Promise<void> {
  if (!(await queue.refill())) return;
  throw new IdxError("there are bytes after the end of the data", {
    file: queue.stream.name,
    offset: header.headerBytes + header.dataBytes,
    field: "data",
    expected: `the end after ${header.elementType} [${header.shape.join(", ")}]`,
    found: "more",
    hint: "The file was joined with something else, or its header is damaged.",
  });
}

/**
 * Rows are handed out as views of blocks of about this size. Larger blocks would be a little faster, but a row that is
 * kept (in a shuffle's buffer, say) keeps its whole block.
 */
const BLOCK_BYTES = 4096;

class IdxCursor implements Cursor<NdArray> {
  readonly #opened: Opened;
  readonly #rowShape: readonly number[];
  readonly #rowSize: number;
  readonly #rowBytes: number;
  readonly #rowsPerBlock: number;
  #block: IdxArray | undefined;
  #inBlock = 0;
  #blockRows = 0;
  #rowsLeft: number;

  constructor(opened: Opened) {
    this.#opened = opened;
    const { shape, bytesPerElement } = opened.header;
    this.#rowShape = shape.slice(1);
    this.#rowSize = sizeOf(this.#rowShape);
    this.#rowBytes = this.#rowSize * bytesPerElement;
    this.#rowsPerBlock = Math.max(1, Math.floor(BLOCK_BYTES / Math.max(1, this.#rowBytes)));
    this.#rowsLeft = shape[0] ?? 1;
  }

  next(): MaybePromise<NdArray | End> {
    if (this.#inBlock < this.#blockRows) return this.#row();
    if (this.#rowsLeft === 0) return checkEnd(this.#opened).then(() => END);
    const rows = Math.min(this.#rowsPerBlock, this.#rowsLeft);
    const bytes = new Uint8Array(rows * this.#rowBytes);
    if (this.#opened.queue.ready < bytes.length) return this.#wait(bytes, rows);
    this.#opened.queue.take(bytes, 0);
    return this.#startBlock(bytes, rows);
  }

  async #wait(bytes: Uint8Array<ArrayBuffer>, rows: number): Promise<NdArray | End> {
    const { queue, header } = this.#opened;
    if ((await queue.fill(bytes)) < bytes.length) throw tooShort(queue.stream.name, header, queue.offset);
    return this.#startBlock(bytes, rows);
  }

  #startBlock(bytes: Uint8Array<ArrayBuffer>, rows: number): NdArray {
    this.#block = decodeElements(bytes, this.#opened.header);
    this.#blockRows = rows;
    this.#inBlock = 0;
    this.#rowsLeft -= rows;
    return this.#row();
  }

  #row(): NdArray {
    const start = this.#inBlock++ * this.#rowSize;
    return { data: this.#block!.subarray(start, start + this.#rowSize), shape: this.#rowShape.slice() };
  }

  skip(count: number): MaybePromise<void> {
    const fromBlock = Math.min(count, this.#blockRows - this.#inBlock);
    this.#inBlock += fromBlock;
    const rows = Math.min(count - fromBlock, this.#rowsLeft);
    this.#rowsLeft -= rows;
    if (rows > 0) return this.#drop(rows * this.#rowBytes);
  }

  async #drop(bytes: number): Promise<void> {
    const { queue, header } = this.#opened;
    for (let left = bytes; left > 0; left -= queue.drop(left)) {
      if (queue.ready === 0 && !(await queue.refill())) throw tooShort(queue.stream.name, header, queue.offset);
    }
  }

  async close(): Promise<void> {
    await this.#opened.queue.stream.close();
  }
}

/** Memory given to data of unverified length at first; it grows as data really arrives. */
const FIRST_ALLOCATION = 64 * 1024 * 1024;

async function readWhole(opened: Opened): Promise<NdArray> {
  const { queue, header } = opened;
  const { name, packed, sourceSize } = queue.stream;
  const trusted = !packed && sourceSize !== undefined;
  try {
    let bytes = allocate(trusted ? header.dataBytes : Math.min(header.dataBytes, FIRST_ALLOCATION), header, name);
    let filled = await queue.fill(bytes);
    while (filled === bytes.length && filled < header.dataBytes) {
      if (!(await queue.refill())) break;
      const larger = allocate(Math.min(header.dataBytes, bytes.length * 2), header, name);
      larger.set(bytes);
      bytes = larger;
      filled += await queue.fill(bytes.subarray(filled));
    }
    if (filled < header.dataBytes) throw tooShort(name, header, queue.offset);
    await checkEnd(opened);
    return { data: decodeElements(bytes, header), shape: header.shape.slice() };
  } finally {
    await queue.stream.close();
  }
}

function allocate(bytes: number, header: IdxHeader, file: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new IdxError("the data does not fit into one array", {
      file,
      offset: header.headerBytes,
      field: "data",
      expected: "less",
      found: `${header.dataBytes} bytes`,
      hint: "Go through it row by row instead: for await (const row of file).",
      cause,
    });
  }
}

/**
 * An IDX file, row by row along its first axis. Reading holds a few chunks at most, however large the file; plain files,
 * bytes and Blobs can also be read at any row.
 */
export class IdxDataset<A extends IdxArray = IdxArray> extends Dataset<NdArray<A>> {
  /** Path, address or kind of the source. */
  readonly file: string;
  readonly elementType: IdxElementType;
  readonly #header: IdxHeader;
  readonly #source: Source;
  readonly #packed: boolean;

  /** For use by {@link readIdx}. */
  constructor(plan: Plan<NdArray<A>>, file: string, header: IdxHeader, source: Source, packed: boolean) {
    super(plan);
    this.file = file;
    this.elementType = header.elementType;
    this.#header = header;
    this.#source = source;
    this.#packed = packed;
  }

  /** The sizes of all axes, the first included. */
  get shape(): number[] {
    return this.#header.shape.slice();
  }

  /**
   * Row `index`, read from its place in the file.
   *
   * @throws ArgumentError when the row does not exist or the source is packed or a stream.
   */
  async at(index: number): Promise<NdArray<A>> {
    const { data, shape } = await this.slice(index, index + 1);
    return { data, shape: shape.slice(1) };
  }

  /** Rows `start` up to, not including, `end`. */
  async slice(start: number, end: number): Promise<NdArray<A>> {
    const header = this.#header;
    const rows = header.shape[0] ?? 1;
    requireInteger("start", start, 0);
    requireInteger("end", end, start);
    if (end > rows) {
      throw new ArgumentError("there is no such row", {
        file: this.file,
        field: "index",
        expected: `0 to ${rows - 1}`,
        found: String(end - 1),
      });
    }
    const rowShape = header.shape.slice(1);
    const rowBytes = sizeOf(rowShape) * header.bytesPerElement;
    const from = header.headerBytes + start * rowBytes;
    const bytes = await this.#bytes(from, (end - start) * rowBytes);
    return { data: decodeElements(bytes, header) as A, shape: [end - start, ...rowShape] };
  }

  async #bytes(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const source = this.#source;
    const path = pathOf(source);
    if (!this.#packed && path !== undefined) return readPart(path, offset, length, this.#header);
    if (!this.#packed && (source instanceof ArrayBuffer || ArrayBuffer.isView(source))) {
      const bytes =
        source instanceof ArrayBuffer
          ? new Uint8Array(source)
          : new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
      return new Uint8Array(bytes.subarray(offset, offset + length));
    }
    if (!this.#packed && typeof Blob !== "undefined" && source instanceof Blob) {
      return new Uint8Array(await source.slice(offset, offset + length).arrayBuffer());
    }
    throw new ArgumentError("rows can be had by number only from a plain file, bytes or a Blob", {
      file: this.file,
      field: "source",
      found: this.#packed ? "a gzip file" : "a stream or address",
      hint: "Unpack the file, or load everything with toArrays().",
    });
  }
}

async function readPart(
  path: string,
  offset: number,
  length: number,
  header: IdxHeader,
): Promise<Uint8Array<ArrayBuffer>> {
  const { fs } = requireNode("Reading a path");
  const bytes = new Uint8Array(length);
  const handle = await fs.open(path, "r").catch((cause: unknown) => {
    throw fileError("the file cannot be opened", path, cause);
  });
  try {
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) throw tooShort(path, header, offset + filled);
      filled += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return bytes;
}

/** Opens the file for every pass, and makes sure it is still the one whose header was read. */
function idxPlan(source: Source, options: SourceOptions, first: Opened): Plan<NdArray> {
  const { header } = first;
  const reopenable = isReopenable(source);
  let kept: Opened | undefined = reopenable ? undefined : first;
  const open = async (): Promise<Opened> => {
    if (!reopenable) {
      if (!kept) {
        throw new DataError("this stream has been read already and cannot be read again", {
          file: first.queue.stream.name,
          hint: "Give a function that opens a new stream for each pass, or keep the rows with .cache().",
        });
      }
      const opened = kept;
      kept = undefined;
      return opened;
    }
    const opened = await openIdx(source, options);
    const now = `${opened.header.elementType} [${opened.header.shape.join(", ")}]`;
    const then = `${header.elementType} [${header.shape.join(", ")}]`;
    if (now !== then) {
      await opened.queue.stream.close();
      throw new IdxError("the file has changed since it was opened", {
        file: opened.queue.stream.name,
        offset: 0,
        field: "header",
        expected: then,
        found: now,
      });
    }
    return opened;
  };
  return {
    size: header.shape[0] ?? 1,
    signature: `idx(${header.elementType},${header.shape.join("x")})`,
    open: async () => new IdxCursor(await open()),
    whole: async () => readWhole(await open()),
  };
}

/**
 * Opens an IDX file (any of the six element types, any rank, plain or gzip) and reads its header. Rows are then read as
 * they are asked for; `await file.toArrays()` reads everything at once.
 *
 * @example
 * const images = await readIdx("train-images-idx3-ubyte.gz");
 * console.log(images.shape, images.elementType); // [60000, 28, 28] uint8
 * for await (const { data } of images.take(3)) console.log(data.length); // 784
 *
 * @throws SourceError when the file cannot be opened or unpacked.
 * @throws IdxError when the header is damaged, or does not fit the size of the file; later, from a pass, when the data
 * ends too early or goes on too long.
 * @throws ArgumentError for options that cannot be meant.
 */
export async function readIdx<E extends IdxElementType = IdxElementType>(
  source: Source,
  options: ReadIdxOptions<E> = {},
): Promise<IdxDataset<IdxArrays[E]>> {
  requireKnownOptions("readIdx", options, [...SOURCE_OPTIONS, "elementType"]);
  const { elementType, ...sourceOptions } = options;
  if (elementType !== undefined) requireOneOf("elementType", elementType, IDX_ELEMENT_TYPES);
  const first = await openIdx(source, sourceOptions);
  const { stream } = first.queue;
  if (isReopenable(source)) await stream.close();
  if (elementType !== undefined && first.header.elementType !== elementType) {
    await stream.close();
    throw new IdxError("another element type than the one asked for", {
      file: stream.name,
      offset: 2,
      field: "element type",
      expected: elementType,
      found: first.header.elementType,
    });
  }
  const plan = idxPlan(source, sourceOptions, first) as Plan<NdArray<IdxArrays[E]>>;
  return new IdxDataset(plan, stream.name, first.header, source, stream.packed);
}
