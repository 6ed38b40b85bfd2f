import { ArgumentError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import type { LoadTensorsOptions } from "./elements.ts";
import { encodeNpy, readNpy } from "./npy.ts";
import { type ByteSource, damaged, memorySource } from "./source.ts";
import { encodeZip, readDirectory, readEntry } from "./zip.ts";

/** The arrays of a NumPy archive, by name. */
export async function readNpz(source: ByteSource, options: LoadTensorsOptions): Promise<[string, Tensor][]> {
  const entries = await readDirectory(source);
  const foreign = entries.find(({ name }) => !name.endsWith(".npy"));
  if (foreign !== undefined) {
    const hint = foreign.name.endsWith(".pkl") ? "save PyTorch's weights as .safetensors" : undefined;
    const more = hint === undefined ? {} : { hint };
    throw damaged(source, "format", `"${foreign.name}" in the archive is not a NumPy array`, more);
  }
  const tensors: [string, Tensor][] = [];
  for (const entry of entries) {
    const bytes = await readEntry(source, entry);
    const inner = memorySource(bytes, `${source.file ?? "archive"}/${entry.name}`);
    tensors.push([entry.name.slice(0, -".npy".length), await readNpy(inner, options)]);
  }
  return tensors;
}

/** The bytes of a NumPy archive, piece by piece, the names in order. */
export function encodeNpz(
  tensors: readonly (readonly [string, Tensor])[],
  compress: boolean,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const [name] of tensors) {
    // Names become paths when somebody unpacks the archive.
    if (!name.isWellFormed() || /^\/|[\0\\]|(^|\/)\.\.?(\/|$)/.test(name) || name.length > 30_000) {
      throw new ArgumentError({ op: "saveTensors", message: `${JSON.stringify(name)} cannot be a name in an archive` });
    }
  }
  const ordered = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  return encodeZip(
    ordered.map(([name, x]) => [`${name}.npy`, () => encodeNpy(x)]),
    { compress },
  );
}
