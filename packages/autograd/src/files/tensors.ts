import { ArgumentError } from "../errors.ts";
import { tensor } from "../ops/create.ts";
import { asTensor, type TensorLike } from "../ops/tensor-like.ts";
import { Parameter, type Tensor } from "../tensor.ts";
import type { LoadTensorsOptions } from "./elements.ts";
import { nodeModule } from "./node.ts";
import { type ByteSource, type FileLike, openSource } from "./source.ts";

/** Kinds of files of tensors. */
export type TensorFormat = "safetensors" | "npy" | "npz";

const formats: readonly TensorFormat[] = ["safetensors", "npy", "npz"];

/** Options of {@link saveTensors}. */
export interface SaveTensorsOptions {
  /** Text that the file carries along; safetensors only. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Compress the archive (.npz only); takes the package fflate. Default: false. */
  readonly compress?: boolean;
}

/** The name that the only tensor of a file has where the format knows no names. */
const onlyName = "tensor";

/**
 * Saves named tensors in the format that the path's ending names: `.safetensors`, `.npz` (NumPy's archive), or `.npy`
 * for a single one. The file appears at once and whole, and its bytes depend on nothing but names and elements.
 *
 * @throws {ArgumentError} for another ending, metadata outside safetensors, or names that the format cannot hold.
 * @throws {FileError} when the file cannot be written; what was there before is left as it was.
 *
 * @example
 * ```ts
 * await saveTensors("weights.npz", { kernel: [[1, 2]], bias: [0.5] });
 * (await loadTensors("weights.npz")).bias; // [0.5]
 * ```
 */
export async function saveTensors(
  path: string,
  tensors: Readonly<Record<string, TensorLike>>,
  options: SaveTensorsOptions = {},
): Promise<void> {
  const format = formatOfPath(path);
  if (format === null) {
    throw new ArgumentError({
      op: "saveTensors",
      message: `the format of "${path}" is not known`,
      hint: `the path must end in ${formats.map((f) => `.${f}`).join(", ")}`,
    });
  }
  const pieces = await encoded(still(tensors), format, options);
  const { writeAtomically } = await import("./atomic.ts");
  await writeAtomically(path, async (temporary) => {
    const { writeFile } = nodeModule("node:fs/promises");
    await writeFile(temporary, pieces);
  });
}

/**
 * The bytes that {@link saveTensors} would write, for where there are no files.
 *
 * @example
 * ```ts
 * const bytes = await encodeTensors({ tensor: [1, 2, 3] }, "npy");
 * (await loadTensors(bytes)).tensor; // [1, 2, 3]
 * ```
 */
export async function encodeTensors(
  tensors: Readonly<Record<string, TensorLike>>,
  format: TensorFormat,
  options: SaveTensorsOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  for await (const piece of await encoded(still(tensors), format, options)) pieces.push(piece);
  const { joined } = await import("./zip.ts");
  return joined(pieces);
}

type Named = readonly (readonly [string, Tensor])[];

/** What can change in place is copied, because elements are written later, one tensor after the other. */
function still(given: Readonly<Record<string, TensorLike>>): Named {
  return Object.entries(given).map(([name, x]) => [name, x instanceof Parameter ? tensor(x) : asTensor(x)]);
}

async function encoded(
  tensors: Named,
  format: TensorFormat,
  { metadata, compress = false }: SaveTensorsOptions,
): Promise<Iterable<Uint8Array> | AsyncIterable<Uint8Array>> {
  const refuse = (message: string, hint: string) => new ArgumentError({ op: "saveTensors", message, hint });
  if (metadata !== undefined && format !== "safetensors") {
    throw refuse(`.${format} files have no metadata`, "save to .safetensors");
  }
  if (compress && format !== "npz") throw refuse(`.${format} files are not compressed`, "save to .npz");
  if (format === "safetensors") {
    const { encodeSafetensors } = await import("./safetensors.ts");
    return encodeSafetensors(tensors, metadata);
  }
  if (format === "npz") {
    const { encodeNpz } = await import("./npz.ts");
    return encodeNpz(tensors, compress);
  }
  const [only, ...others] = tensors;
  if (only === undefined || others.length > 0) {
    throw refuse(`.npy files hold one tensor, but ${tensors.length} were given`, "save to .npz or .safetensors");
  }
  const { encodeNpy } = await import("./npy.ts");
  return encodeNpy(only[1]);
}

/** Saves one tensor; see {@link saveTensors}. */
export function saveTensor(x: Tensor, path: string, options: SaveTensorsOptions = {}): Promise<void> {
  return saveTensors(path, { [onlyName]: x }, options);
}

/**
 * Reads every tensor of a safetensors, `.npy` or `.npz` file, told apart by their first bytes. The tensor of an `.npy`
 * file is named `tensor`. For single tensors of large files see `openSafetensors` in `@gradiente/autograd/files`.
 *
 * Half floats become float32 and small integers int32; complex numbers become floats with a last axis of length 2.
 *
 * @param file a path, bytes, or a `Blob`.
 * @throws {FileError} when there is no such file.
 * @throws {TensorFileError} when it is damaged, or has elements that no dtype here can hold; nothing in a file is ever
 *   executed, and no memory is taken for sizes that it cannot have.
 */
export async function loadTensors(file: FileLike, options: LoadTensorsOptions = {}): Promise<Record<string, Tensor>> {
  const source = await openSource("loadTensors", file);
  try {
    // Names come from the file: without a prototype none of them means anything else.
    const tensors: Record<string, Tensor> = Object.create(null);
    for (const [name, x] of await readAll(source, options)) tensors[name] = x;
    return tensors;
  } finally {
    await source.close();
  }
}

async function readAll(source: ByteSource, options: LoadTensorsOptions): Promise<[string, Tensor][]> {
  const start = await source.read(0, Math.min(6, source.size));
  const has = (...magic: readonly number[]): boolean => magic.every((byte, i) => start[i] === byte);
  const zip = has(0x50, 0x4b, 3, 4) || has(0x50, 0x4b, 5, 6);
  const format = has(0x93, 0x4e) ? "npy" : zip ? "npz" : formatOfPath(source.file ?? "");
  if (format === "npy") {
    const { readNpy } = await import("./npy.ts");
    return [[onlyName, await readNpy(source, options)]];
  }
  if (format === "npz") {
    const { readNpz } = await import("./npz.ts");
    return readNpz(source, options);
  }
  const { readHeader } = await import("./safetensors.ts");
  const opened = await readHeader(source);
  const tensors: [string, Tensor][] = [];
  for (const name of opened.names) tensors.push([name, await opened.tensor(name, options)]);
  return tensors;
}

function formatOfPath(path: string): TensorFormat | null {
  return formats.find((format) => path.endsWith(`.${format}`)) ?? null;
}
