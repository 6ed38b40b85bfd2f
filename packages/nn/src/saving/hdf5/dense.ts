import { type Budget, type Cursor, damaged, unsupported } from "./cursor.ts";

/** Number of bytes that hold numbers up to `n`. */
const bytesFor = (n: number): number => Math.max(1, Math.ceil(Math.log2(n + 1) / 8));

/**
 * Links or attributes that were too many for an object's header: objects in a fractal heap, found by an index, which
 * is a B-tree of version 2. Both addresses are undefined (all ones) where there are none.
 */
export function readDense(file: Cursor, heapAddress: number, indexAddress: number, budget: Budget): Cursor[] {
  if (heapAddress >= file.bytes.length || indexAddress >= file.bytes.length) {
    const none = heapAddress >= 2 ** 64 - 2048;
    if (none) return [];
    throw damaged(file.file, file.bytes.length, "a heap of links or attributes", "the end");
  }
  const heap = readHeap(file, heapAddress);
  return recordsOf(file, indexAddress, budget).map((record) => heap(record));
}

/** Gives the object of an identifier. */
function readHeap(file: Cursor, address: number): (id: Cursor) => Cursor {
  const c = file.from(address);
  c.signature("FRHP");
  c.skip(1);
  c.skip(2);
  if (c.u16() !== 0) throw unsupported(file.file, "compressed heaps of links or attributes");
  c.skip(1);
  const mostManaged = c.u32();
  c.skip(8 * 12);
  const width = c.u16();
  const [smallest, largest] = [c.u64(), c.u64()];
  const offsetBytes = Math.ceil(c.u16() / 8);
  c.skip(2);
  const root = c.u64();
  const rows = c.u16();
  const lengthBytes = bytesFor(Math.min(largest, mostManaged));
  const fits = smallest >= 1 && largest >= smallest && width >= 1;
  if (!fits || offsetBytes < 1 || offsetBytes > 8) {
    throw damaged(file.file, address, "blocks that fit the file", `${smallest} to ${largest} bytes`);
  }
  const number = (from: Cursor, size: number): number => {
    let value = 0;
    for (let i = 0; i < size; i++) value += from.u8() * 256 ** i;
    return value;
  };
  const directRows = Math.floor(Math.log2(largest / smallest)) + 2;
  /** The direct block that covers an offset, and the offset it begins with. */
  const blockAt = (offset: number): readonly [number, number] => {
    if (rows === 0) return [root, 0];
    const block = file.from(root);
    block.signature("FHIB");
    // Blocks of the first two rows have the same size, those of each further one twice that of the one before.
    const across = width * smallest;
    const row = offset < across ? 0 : Math.floor(Math.log2(offset / across)) + 1;
    if (row >= rows) throw damaged(file.file, root, `a block with the offset ${offset}`, "none");
    if (row >= directRows) throw unsupported(file.file, "heaps of links or attributes this large");
    const size = row < 2 ? smallest : smallest * 2 ** (row - 1);
    const first = row === 0 ? 0 : across * 2 ** (row - 1);
    const index = Math.floor((offset - first) / size);
    block.skip(1 + 8 + offsetBytes + 8 * (row * width + index));
    return [block.u64(), first + index * size];
  };
  return (id) => {
    if ((id.u8() & 0x30) !== 0) throw unsupported(file.file, "links or attributes outside their heap");
    const offset = number(id, offsetBytes);
    const length = number(id, lengthBytes);
    const [block, start] = blockAt(offset);
    file.from(block).signature("FHDB");
    return file.from(block + offset - start, length);
  };
}

/** The identifiers that an index contains. */
function recordsOf(file: Cursor, address: number, budget: Budget): Cursor[] {
  const c = file.from(address);
  c.signature("BTHD");
  c.skip(1);
  const type = c.u8();
  if (type !== 5 && type !== 8) throw damaged(file.file, address, "an index by names", `one of type ${type}`);
  const nodeSize = c.u32();
  const size = c.u16();
  const depth = c.u16();
  c.skip(2);
  const root = c.u64();
  const count = c.u16();
  if (count === 0) return [];
  if (depth > 1 || size < 11) throw unsupported(file.file, "groups of this many links or attributes");
  const identifiers = (from: Cursor, many: number): Cursor[] => {
    budget.spend(many, from.at);
    return Array.from({ length: many }, () => {
      const at = from.at + (type === 5 ? 4 : 0);
      from.skip(size);
      return from.from(at, type === 5 ? 7 : 8);
    });
  };
  const leaf = (at: number, many: number): Cursor[] => {
    const node = file.from(at);
    node.signature("BTLF");
    node.skip(2);
    return identifiers(node, many);
  };
  if (depth === 0) return leaf(root, count);
  const node = file.from(root);
  node.signature("BTIN");
  node.skip(2);
  const found = identifiers(node, count);
  const countBytes = bytesFor(Math.floor((nodeSize - 10) / size));
  for (let i = 0; i <= count; i++) {
    const child = node.u64();
    found.push(...leaf(child, node.uint(countBytes === 1 ? 1 : 2)));
  }
  return found;
}
