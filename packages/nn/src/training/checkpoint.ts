import { type DType, type Tensor, TensorFileError, type TypedArray } from "@gradiente/autograd";
import { encodeTensors, openSafetensors, writeAtomically } from "@gradiente/autograd/files";
import { CheckpointError } from "../errors.ts";
import { nodeModule } from "../node.ts";
import { decodeState, encodeState, type State } from "../state.ts";

/** The contents of a checkpoint's metadata. */
const format = "gradiente-checkpoint";
const version = "1";

/** What a file holds of one array. */
interface StoredArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/**
 * Writes a state to a safetensors file: its arrays as tensors, all else as JSON in the metadata, with a checksum
 * (SHA-256) of both. The file appears at once and whole.
 * @throws {FileError} when it cannot be written.
 */
export async function writeCheckpoint(path: string, state: State): Promise<void> {
  const { json, tensors } = encodeState(state);
  const sha256 = await checksum(json, tensors);
  const metadata = { format, version, state: json, sha256 };
  await writeAtomically(path, await encodeTensors(Object.fromEntries(tensors), "safetensors", { metadata }));
}

/**
 * Reads what {@link writeCheckpoint} wrote.
 * @throws {CheckpointError} when there is no such file, or it is damaged.
 */
export async function readCheckpoint(path: string): Promise<State> {
  const fail = (reason: "unreadable" | "damaged", message: string): CheckpointError =>
    new CheckpointError({ op: "loadCheckpoint", message: `"${path}" ${message}`, reason });
  const { metadata, tensors } = await load(path).catch((error: unknown) => {
    if (error instanceof TensorFileError) throw fail("damaged", `is damaged: ${error.message}`);
    throw fail("unreadable", `cannot be read: ${(error as Error).message}`);
  });
  if (metadata.format !== format) throw fail("damaged", "is not a checkpoint of a training run");
  if (metadata.version !== version) {
    throw fail("damaged", `is a checkpoint of version ${metadata.version}, of which only ${version} is known`);
  }
  const json = metadata.state ?? "";
  if ((await checksum(json, tensors)) !== metadata.sha256) {
    throw fail("damaged", "is damaged: its contents do not have the checksum it states");
  }
  return decodeState(json, tensors);
}

async function load(path: string): Promise<{
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, Tensor>();
    for (const name of file.names) tensors.set(name, await file.tensor(name));
    return { metadata: file.metadata, tensors };
  } finally {
    await file.close();
  }
}

/** SHA-256 of the text and of every array with its name, dtype and shape, in the order of names. */
async function checksum(json: string, tensors: ReadonlyMap<string, StoredArray>): Promise<string> {
  const { createHash } = nodeModule("node:crypto");
  const hash = createHash("sha256");
  hash.update(json);
  for (const name of [...tensors.keys()].sort()) {
    const { data, shape, dtype } = tensors.get(name)!;
    hash.update(`\n${name} ${dtype}[${shape.join()}]\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
