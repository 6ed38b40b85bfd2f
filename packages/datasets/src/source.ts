import { ArgumentError, DataError, requireKnownOptions, requireOneOf, SourceError } from "./errors.ts";
import { fileError } from "./files.ts";
import { node, requireNode } from "./platform.ts";
import type { Address, BlobLike, ResponseLike, Signal } from "./platform-types.ts";

/**
 * Bytes from anywhere, as a stream of chunks, unpacked when they are gzip. Nothing here holds more than a chunk or two.
 */

declare global {
  /** Known to every program that handles one; named here for those that have no types of their platform. */
  interface ReadableStream<R> {}
}

/**
 * Where bytes come from: a path, an address (`http:`, `https:`, `file:`, `blob:`, `data:`), bytes, a Blob or File, a
 * Response, a Web stream, a Node stream or any async iterable of bytes. Streams can be read once; a function that
 * returns any of these is asked anew each time.
 */
export type Source =
  | string
  | Address
  | Uint8Array
  | ArrayBuffer
  | BlobLike
  | ResponseLike
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>
  | (() => Source | Promise<Source>);

export interface SourceOptions {
  /** Unpack gzip: "auto" (default) looks at the first two bytes. */
  readonly gzip?: "auto" | "always" | "never";
  /** What to call the source in errors; default: its path or address. */
  readonly name?: string;
  readonly signal?: Signal;
  /** Bytes read at once; default 256 KiB. */
  readonly chunkSize?: number;
  /** Called after each chunk with the (packed) bytes read so far and in all, where that is known. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
}

export const SOURCE_OPTIONS: readonly (keyof SourceOptions)[] = ["gzip", "name", "signal", "chunkSize", "onProgress"];

/** One reading of a source. */
export interface ByteStream {
  readonly name: string;
  /** Bytes as they lie in the source, packed or not; `undefined` when only the end tells. */
  readonly sourceSize: number | undefined;
  readonly packed: boolean;
  /** The next bytes, or `undefined` at the end. */
  next(): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

interface Raw {
  readonly name: string;
  readonly size: number | undefined;
  readonly chunks: AsyncGenerator<Uint8Array>;
}

const DEFAULT_CHUNK = 256 * 1024;

/** True for strings that are addresses rather than paths; a drive letter is no scheme. */
function isAddress(text: string): boolean {
  return /^(https?|file|blob|data):/i.test(text);
}

/** Set once the bytes are known to be consumed before more are asked for: then one buffer serves for all. */
interface Reuse {
  on: boolean;
}

async function* fileChunks(path: string, chunkSize: number, reuse: Reuse): AsyncGenerator<Uint8Array> {
  const { fs } = requireNode("Reading a path");
  const handle = await fs.open(path, "r").catch((cause: unknown) => {
    throw fileError("the file cannot be opened", path, cause);
  });
  let buffer = new Uint8Array(chunkSize);
  try {
    for (let first = true; ; first = false) {
      // Unless it is agreed otherwise the last one is still in the hands of the consumer.
      if (!first && !reuse.on) buffer = new Uint8Array(chunkSize);
      const { bytesRead } = await handle.read(buffer, 0, chunkSize, null).catch((cause: unknown) => {
        throw fileError("the file cannot be read", path, cause);
      });
      if (bytesRead === 0) return;
      yield bytesRead === chunkSize ? buffer : buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function* webChunks(stream: ReadableStream<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        ended = true;
        return;
      }
      yield toBytes(value, name);
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => {}); // a stream that failed has nothing left to give up
    reader.releaseLock();
  }
}

const encoder = new TextEncoder();

function toBytes(chunk: unknown, name: string): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return encoder.encode(chunk);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new SourceError("a chunk of the stream is not bytes", {
    file: name,
    expected: "Uint8Array chunks",
    found: chunk === null ? "null" : typeof chunk,
  });
}

async function* iterableChunks(stream: AsyncIterable<unknown>, name: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) yield toBytes(chunk, name);
}

async function* sliceChunks(bytes: Uint8Array, chunkSize: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize);
}

async function* blobChunks(blob: Blob, chunkSize: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += chunkSize) {
    yield new Uint8Array(await blob.slice(at, at + chunkSize).arrayBuffer());
  }
}

async function openAddress(address: string, name: string, signal: AbortSignal | undefined): Promise<Raw> {
  const response = await fetch(address, signal ? { signal } : {}).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new SourceError("the address cannot be reached", {
      file: name,
      found: reasonOf(cause),
      hint: "Check the address and the network connection.",
      cause,
    });
  });
  return openResponse(response, name);
}

function openResponse(response: Response, name: string): Raw {
  if (!response.ok || !response.body) {
    throw new SourceError("the server did not send the file", {
      file: name,
      expected: "status 200 with a body",
      found: response.ok ? "no body" : `status ${response.status} ${response.statusText}`.trim(),
    });
  }
  // With a content encoding the length is that of the packed bytes, and fetch hands out unpacked ones.
  const encoded = response.headers.get("content-encoding");
  const length = response.headers.get("content-length");
  const size = length !== null && encoded === null && /^\d+$/.test(length) ? Number(length) : undefined;
  return { name, size, chunks: webChunks(response.body, name) };
}

/** The innermost reason of a failed fetch, which hides it behind "fetch failed". */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.cause instanceof Error) return reasonOf(cause.cause);
  const { code } = cause as { code?: unknown };
  const text = cause.message === "" ? cause.name : cause.message;
  return typeof code === "string" && !text.includes(code) ? `${code} ${text}` : text;
}

async function openRaw(source: Source, options: SourceOptions, reuse: Reuse): Promise<Raw> {
  const chunkSize = options.chunkSize ?? DEFAULT_CHUNK;
  if (!Number.isSafeInteger(chunkSize) || chunkSize < 1) {
    throw new ArgumentError("not a size", {
      field: "chunkSize",
      expected: "an integer of at least 1",
      found: String(chunkSize),
    });
  }
  const named = (fallback: string): string => options.name ?? fallback;
  if (typeof source === "function") return openRaw(await source(), options, reuse);
  if (typeof source === "string" || source instanceof URL) {
    const text = String(source);
    if (source instanceof URL ? source.protocol !== "file:" : isAddress(text) && !/^file:/i.test(text)) {
      return openAddress(text, named(text.startsWith("data:") ? "data: address" : text), options.signal);
    }
    const path = pathOf(source)!;
    const { fs } = requireNode("Reading a path");
    const stat = await fs.stat(path).catch((cause: unknown) => {
      throw fileError("the file cannot be opened", path, cause);
    });
    // Pipes and devices have no size; folders fail when opened, with a message of their own.
    return {
      name: named(path),
      size: stat.isFile() ? stat.size : undefined,
      chunks: fileChunks(path, chunkSize, reuse),
    };
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    const bytes = toBytes(source, "bytes");
    return { name: named("bytes"), size: bytes.length, chunks: sliceChunks(bytes, chunkSize) };
  }
  if (typeof Blob !== "undefined" && source instanceof Blob) {
    const name = "name" in source && typeof source.name === "string" ? source.name : "blob";
    return { name: named(name), size: source.size, chunks: blobChunks(source, chunkSize) };
  }
  if (typeof Response !== "undefined" && source instanceof Response) {
    return openResponse(source, named(source.url || "response"));
  }
  if (typeof source === "object" && source !== null) {
    if ("getReader" in source)
      return { name: named("stream"), size: undefined, chunks: webChunks(source, named("stream")) };
    if (Symbol.asyncIterator in source) {
      return { name: named("stream"), size: undefined, chunks: iterableChunks(source, named("stream")) };
    }
  }
  throw new ArgumentError("not a source of bytes", {
    field: "source",
    expected: "a path, address, bytes, Blob, Response, stream, or a function that returns one",
    found: source === null ? "null" : typeof source,
  });
}

/** The path a source names, or `undefined` when it is no local file. */
export function pathOf(source: Source): string | undefined {
  if (source instanceof URL || (typeof source === "string" && /^file:/i.test(source))) {
    const url = new URL(source);
    return url.protocol === "file:" ? requireNode("Reading a file: address").url.fileURLToPath(url) : undefined;
  }
  return typeof source === "string" && !isAddress(source) ? source : undefined;
}

/** True for what can be read a second time. */
export function isReopenable(source: Source): boolean {
  if (typeof source === "string" || typeof source === "function") return true;
  if (source instanceof URL || source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return true;
  return typeof Blob !== "undefined" && source instanceof Blob;
}

/** Lets the first bytes be looked at and then read all the same. */
async function peek(raw: Raw): Promise<{ head: Uint8Array; chunks: AsyncGenerator<Uint8Array> }> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < 2) {
    const { done, value } = await raw.chunks.next();
    if (done) break;
    if (head.length === 0) head = value;
    else {
      const joined = new Uint8Array(head.length + value.length);
      joined.set(head);
      joined.set(value, head.length);
      head = joined;
    }
  }
  async function* again(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      yield* raw.chunks;
    } finally {
      await raw.chunks.return(undefined);
    }
  }
  return { head, chunks: again() };
}

async function* reporting(
  chunks: AsyncGenerator<Uint8Array>,
  size: number | undefined,
  options: SourceOptions,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted();
    done += chunk.length;
    options.onProgress?.(done, size);
    yield chunk;
  }
}

function gzipError(name: string, offset: number, cause: unknown): DataError {
  if (cause instanceof DataError) return cause;
  const { code } = cause as { code?: string };
  const truncated = code === "Z_BUF_ERROR";
  return new SourceError(truncated ? "the gzip file ends too early" : "the gzip file is damaged", {
    file: name,
    offset,
    field: "gzip",
    expected: truncated ? "more packed data" : "valid packed data with a matching checksum",
    found: truncated ? "the end of the file" : reasonOf(cause),
    hint: "The byte is counted in the unpacked data. Fetch the file again; it may be an interrupted download.",
    cause,
  });
}

async function* gunzipWithNode(
  chunks: AsyncGenerator<Uint8Array>,
  name: string,
  chunkSize: number,
): AsyncGenerator<Uint8Array> {
  const { stream, zlib } = requireNode("zlib");
  let fed = 0;
  let nonZeroAt = -1;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      // zlib stops at the end of the last member and drops the rest; only padding with zeros may be dropped.
      for (let i = chunk.length - 1; i >= 0; i--) {
        if (chunk[i] !== 0) {
          nonZeroAt = fed + i;
          break;
        }
      }
      fed += chunk.length;
      yield chunk;
    }
  }
  const input = stream.Readable.from(counted(), { objectMode: false, highWaterMark: chunkSize });
  const outputSize = Math.max(64, chunkSize);
  // Room for a few chunks: zlib goes on in its own thread while one is being used.
  const settings = { chunkSize: outputSize, highWaterMark: 4 * outputSize };
  const gunzip = zlib.createGunzip(settings);
  let offset = 0;
  stream.pipeline(input, gunzip, () => {}); // failures surface in the loop below
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      offset += chunk.length;
      yield chunk;
    }
  } catch (cause) {
    throw gzipError(name, offset, cause);
  } finally {
    gunzip.destroy();
    input.destroy();
    await chunks.return(undefined);
  }
  if (nonZeroAt >= gunzip.bytesWritten) {
    throw new SourceError("there is something after the end of the gzip data", {
      file: name,
      offset,
      field: "gzip",
      expected: `the end after ${gunzip.bytesWritten} packed bytes`,
      found: `${fed - gunzip.bytesWritten} more`,
      hint: "The file was joined with something else, or written over a longer one.",
    });
  }
}

async function* gunzipWithWeb(chunks: AsyncGenerator<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  let offset = 0;
  let sourceFailure: unknown;
  const input = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value as Uint8Array<ArrayBuffer>);
      } catch (error) {
        sourceFailure = error;
        controller.error(error);
      }
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
  const unpacked = input.pipeThrough(new DecompressionStream("gzip")) as ReadableStream<Uint8Array>;
  try {
    for await (const chunk of webChunks(unpacked, name)) {
      offset += chunk.length;
      yield chunk;
    }
  } catch (cause) {
    throw sourceFailure ?? gzipError(name, offset, cause);
  } finally {
    await chunks.return(undefined);
  }
}

/**
 * Opens a source for one reading.
 *
 * @throws ArgumentError for a source or option that cannot be meant.
 * @throws SourceError when the source cannot be read (and, from `next`, when it cannot be unpacked).
 */
export async function openSource(source: Source, options: SourceOptions = {}): Promise<ByteStream> {
  requireKnownOptions("openSource", options, SOURCE_OPTIONS);
  return open(source, options, false);
}

/** As {@link openSource}, for readers that are done with a chunk when they ask for the next: it may be overwritten. */
export function openTransient(source: Source, options: SourceOptions = {}): Promise<ByteStream> {
  return open(source, options, true);
}

async function open(source: Source, options: SourceOptions, transient: boolean): Promise<ByteStream> {
  const { gzip = "auto" } = options;
  requireOneOf("gzip", gzip, ["auto", "always", "never"]);
  options.signal?.throwIfAborted();
  const reuse: Reuse = { on: false };
  const raw = await openRaw(source, options, reuse);
  const { head, chunks } = await peek({ ...raw, chunks: reporting(raw.chunks, raw.size, options) });
  const packed = gzip === "always" || (gzip === "auto" && head[0] === 0x1f && head[1] === 0x8b);
  // zlib works on a chunk while the next is read.
  reuse.on = transient && !packed;
  let unpacked = chunks;
  if (packed) {
    const chunkSize = options.chunkSize ?? DEFAULT_CHUNK;
    unpacked = node ? gunzipWithNode(chunks, raw.name, chunkSize) : gunzipWithWeb(chunks, raw.name);
  }
  return {
    name: raw.name,
    sourceSize: raw.size,
    packed,
    async next() {
      const { done, value } = await unpacked.next();
      return done ? undefined : value;
    },
    async close() {
      await unpacked.return(undefined);
      await chunks.return(undefined); // a generator that was never started has not closed what it wraps
      await raw.chunks.return(undefined);
    },
  };
}

/** All (unpacked) bytes of a source; grows with what really arrives. */
export async function readAll(source: Source, options: SourceOptions = {}): Promise<Uint8Array> {
  requireKnownOptions("readAll", options, SOURCE_OPTIONS);
  const stream = await openSource(source, options);
  try {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (let chunk = await stream.next(); chunk; chunk = await stream.next()) {
      chunks.push(chunk);
      length += chunk.length;
    }
    const bytes = new Uint8Array(length);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  } finally {
    await stream.close();
  }
}
