import { ArgumentError, FileError, TensorFileError, type TensorFileProblem } from "../errors.ts";
import { nodeModule } from "./node.ts";

/** What is used of a `Blob`: named here, so that programs without the browser's types can be compiled. */
export interface BlobLike {
  readonly size: number;
  slice(start?: number, end?: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** What a file can be read from: a path, bytes in memory, or a `Blob` (such as the `File` of a browser's input). */
export type FileLike = string | Uint8Array | ArrayBuffer | BlobLike;

/** Bytes that can be read in ranges, so that a large file need not be in memory. */
export interface ByteSource {
  /** The path; null for bytes in memory. */
  readonly file: string | null;
  readonly size: number;
  /** The bytes from `start` up to, not including, `end`, in a new array that the caller owns. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** @throws {FileError} when there is no such file, or it is not an ordinary one. */
export async function openSource(op: string, given: FileLike): Promise<ByteSource> {
  if (typeof given === "string") return openPath(op, given);
  if (given instanceof Uint8Array) return memorySource(given);
  if (given instanceof ArrayBuffer) return memorySource(new Uint8Array(given));
  if (given instanceof Blob) {
    const read = async (start: number, end: number) => new Uint8Array(await given.slice(start, end).arrayBuffer());
    return { file: null, size: given.size, read, close: async () => {} };
  }
  throw new ArgumentError({ op, message: "what to read is neither a path nor bytes" });
}

/** Bytes that are in memory. */
export function memorySource(bytes: Uint8Array, file: string | null = null): ByteSource {
  return {
    file,
    size: bytes.length,
    read: async (start, end) => new Uint8Array(bytes.subarray(start, end)),
    close: async () => {},
  };
}

async function openPath(op: string, path: string): Promise<ByteSource> {
  const { open } = nodeModule("node:fs/promises");
  const unreadable = (error: unknown): FileError => {
    const reason = error instanceof Error ? error.message : String(error);
    return new FileError({ op, message: `"${path}" cannot be read: ${reason}` });
  };
  const handle = await open(path, "r").catch((error: unknown) => {
    throw unreadable(error);
  });
  const status = await handle.stat();
  if (!status.isFile()) {
    await handle.close();
    throw new FileError({ op, message: `"${path}" is not a file` });
  }
  return {
    file: path,
    size: status.size,
    async read(start, end) {
      const bytes = new Uint8Array(end - start);
      for (let at = 0; at < bytes.length; ) {
        // The operating system reads at most 2 GiB at once.
        const length = Math.min(bytes.length - at, 2 ** 30);
        const { bytesRead } = await handle.read(bytes, at, length, start + at).catch((error: unknown) => {
          throw unreadable(error);
        });
        if (bytesRead === 0) throw unreadable("it has become shorter while it was being read");
        at += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

/** The error for a source that is not what it claims to be. */
export function damaged(
  source: ByteSource,
  problem: TensorFileProblem,
  message: string,
  more: { readonly offset?: number; readonly hint?: string } = {},
): TensorFileError {
  return new TensorFileError({ op: "loadTensors", problem, file: source.file, message, ...more });
}

/** Tensors of more axes than NumPy allows are taken for damage. */
export const maximalRank = 64;

/**
 * The number of elements of a shape that a file states.
 * @throws {TensorFileError} when it cannot be counted, or the shape is none.
 */
export function elementsOf(source: ByteSource, shape: readonly number[], of: string): number {
  if (shape.length > maximalRank) {
    throw damaged(source, "header", `${of} has ${shape.length} axes; ${maximalRank} are the most`);
  }
  let count = 1;
  for (const n of shape) {
    if (!Number.isInteger(n) || n < 0) throw damaged(source, "header", `the shape of ${of} contains ${n}`);
    count *= n;
    if (!Number.isSafeInteger(n) || !Number.isSafeInteger(count)) {
      throw damaged(source, "overflow", `${of} has a shape of more elements than can be counted`);
    }
  }
  return count;
}
