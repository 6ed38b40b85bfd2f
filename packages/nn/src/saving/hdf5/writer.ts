import type { TypedArray } from "@gradiente/autograd";
import type { Group } from "h5wasm";
import { clearTimes } from "./reader.ts";

/** An array to write. */
export interface ArrayToWrite {
  readonly data: TypedArray | BigInt64Array;
  readonly shape: readonly number[];
}

/** A group to write: its attributes and what it contains, by name. */
export interface GroupToWrite {
  readonly attributes: Record<string, string | readonly string[]>;
  readonly children: Map<string, GroupToWrite | ArrayToWrite>;
}

export function emptyGroup(attributes: GroupToWrite["attributes"] = {}): GroupToWrite {
  return { attributes, children: new Map() };
}

/** Puts an array at a path within a group, creating the groups on the way. */
export function putArray(group: GroupToWrite, path: readonly string[], array: ArrayToWrite): void {
  groupAt(group, path.slice(0, -1)).children.set(path.at(-1)!, array);
}

/** The group at a path within a group, created where it does not exist. */
export function groupAt(group: GroupToWrite, path: readonly string[]): GroupToWrite {
  let at = group;
  for (const part of path) {
    const known = at.children.get(part);
    const next = known !== undefined && "children" in known ? known : emptyGroup();
    if (next !== known) at.children.set(part, next);
    at = next;
  }
  return at;
}

/** Names in one attribute; an object's header holds at most 64 KiB, so that more go into numbered ones, as in Keras. */
const mostNames = 4000;
let written = 0;

/**
 * The bytes of an HDF5 file, by the HDF5 library, which is loaded when the first file is written. It works on a file in
 * memory, in the oldest layout of the format, which everything reads. The same contents give the same bytes.
 */
export async function writeHdf5(root: GroupToWrite): Promise<Uint8Array> {
  const h5 = await import("h5wasm");
  await h5.ready;
  const { FS } = h5;
  if (FS === null) throw new TypeError("h5wasm has no file system");
  const name = `gradiente-${written++}.h5`;
  const file = new h5.File(name, "w", { libver: ["earliest", "latest"] });
  try {
    try {
      fill(file, root);
    } finally {
      file.close();
    }
    const bytes = FS.readFile(name);
    clearTimes(bytes, name);
    return bytes;
  } finally {
    FS.unlink(name);
  }
}

function fill(group: Group, { attributes, children }: GroupToWrite): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "string") group.create_attribute(name, value);
    else if (value.length === 0) group.create_attribute(name, new Float64Array(0), [0]);
    else if (value.length <= mostNames) group.create_attribute(name, [...value], [value.length]);
    else {
      for (let i = 0; i * mostNames < value.length; i++) {
        const part = value.slice(i * mostNames, (i + 1) * mostNames);
        group.create_attribute(`${name}${i}`, part, [part.length]);
      }
    }
  }
  for (const [name, child] of children) {
    if ("children" in child) fill(group.create_group(name), child);
    else group.create_dataset({ name, data: child.data, shape: [...child.shape] });
  }
}
