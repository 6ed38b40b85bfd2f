/** HDF5 files taken apart and written again by the HDF5 library, with other names, links and pieces. */
import * as h5wasm from "h5wasm";
import { type Draws, damagedJson, hostileNames } from "./damage.ts";

interface Node {
  readonly group: Record<string, Node> | null;
  readonly data?: ArrayLike<number | bigint>;
  readonly shape?: readonly number[];
  readonly attributes: Record<string, string | readonly string[]>;
}

let files = 0;
const listed = (value: unknown): ArrayLike<number | bigint> =>
  typeof value === "number" || typeof value === "bigint" ? [value] : (value as ArrayLike<number>);

/** Opens HDF5 bytes with the HDF5 library. */
async function opened<T>(
  bytes: Uint8Array | null,
  libver: unknown,
  use: (file: h5wasm.File) => T,
): Promise<[T, Uint8Array]> {
  await h5wasm.ready;
  const FS = h5wasm.FS!;
  const name = `fuzz-${files++}.h5`;
  if (bytes !== null) FS.writeFile(name, bytes);
  const file = new h5wasm.File(name, bytes === null ? "w" : "r", { libver: libver as never });
  try {
    let result: T;
    try {
      result = use(file);
    } finally {
      file.close();
    }
    return [result, FS.readFile(name)];
  } finally {
    FS.unlink(name);
  }
}

function treeOf(group: h5wasm.Group): Node {
  const attributes = Object.fromEntries(
    Object.keys(group.attrs).map((key) => [key, group.attrs[key]!.value as string]),
  );
  const children: Record<string, Node> = Object.create(null);
  for (const key of group.keys()) {
    const child = group.get(key);
    if (child instanceof h5wasm.Group) children[key] = treeOf(child);
    else if (child instanceof h5wasm.Dataset) {
      children[key] = { group: null, data: listed(child.value), shape: child.shape ?? [], attributes: {} };
    }
  }
  return { group: children, attributes };
}

/** How a tree is written again: with links of all kinds, pieces, hostile names, or the newer layout. */
interface Rewriting {
  readonly draws: Draws;
  readonly pieces: boolean;
  chance(): boolean;
}

function writeTree(group: h5wasm.Group, node: Node, how: Rewriting, path: string): void {
  const { draws } = how;
  // Two of the same name are not written: the library says at length that it cannot.
  const [known, used] = [new Set<string>(), new Set<string>()];
  for (const [key, value] of Object.entries(node.attributes)) {
    const name = how.chance() ? draws.one(hostileNames.filter((n) => n !== "" && !n.includes("\0"))) : key;
    if (known.has(name)) continue;
    known.add(name);
    let written = value;
    if (typeof value === "string" && value.startsWith("{") && how.chance()) written = damagedJson(value, draws);
    if (typeof value !== "string" && how.chance())
      written = draws.one([[], [...value, ...value], [...value].reverse()]);
    if (typeof written === "string") group.create_attribute(name, written);
    else group.create_attribute(name, [...written], [written.length]);
  }
  for (const [key, child] of Object.entries(node.group ?? {})) {
    const name = how.chance() ? draws.one(["__proto__", "constructor", "...", "vars", "0", "1e3", "dense_9"]) : key;
    if (used.has(name)) continue;
    used.add(name);
    const twist = how.chance() ? draws.below(6) : -1;
    const own = `${path}/${name}`;
    if (twist === 0) group.create_soft_link(draws.one(["/", "..", own, "/nowhere", "/optimizer"]), name);
    else if (twist === 1) group.create_external_link(draws.one(["/etc/passwd", "other.h5"]), "/", name);
    else if (twist === 2) group.create_hard_link(draws.one(["/", path === "" ? "/" : path]), name);
    else if (twist === 3) continue;
    else if (child.group !== null) writeTree(group.create_group(name), child, how, own);
    else {
      const shape = twist === 4 ? [...child.shape!, 1] : twist === 5 ? child.shape!.slice(1) : [...child.shape!];
      const size = shape.reduce((a, b) => a * b, 1);
      const given = Array.from(child.data! as ArrayLike<number>).slice(0, size);
      const big = typeof given[0] === "bigint";
      const data = big ? BigInt64Array.from(given as unknown as bigint[]) : Float32Array.from(given);
      const whole = data.length === size && size > 1 && !big && how.pieces;
      const chunks = whole ? { chunks: shape.map((n) => 1 + draws.below(n)), compression: draws.one([0, 6]) } : {};
      if (data.length === size) group.create_dataset({ name, data, shape, ...chunks } as never);
    }
  }
}

/** The same tree written again by the HDF5 library; names that cannot be written end it early. */
export async function rewritten(file: Uint8Array, draws: Draws, often: number): Promise<Uint8Array> {
  const [tree] = await opened(file, ["earliest", "latest"], treeOf);
  const layout = draws.one<unknown>([["earliest", "latest"], "v108"]);
  const how: Rewriting = { draws, pieces: layout !== "v108" && draws.next() < 0.5, chance: () => draws.next() < often };
  const [, bytes] = await opened(null, layout, (root) => {
    try {
      writeTree(root, tree, how, "");
    } catch {
      // A name that the library refuses: what was written until then is a file too.
    }
  });
  return bytes;
}
