import { type Chunked, type Filter, readChunks, readFilters } from "./chunks.ts";
import { Budget, Cursor, damaged, decodeText, unsupported } from "./cursor.ts";
import { readDense } from "./dense.ts";
import { decodeNumbers, type ElementType, type FileNumbers, readSpace, readType } from "./types.ts";

/** The value of an attribute: a text, texts or numbers. Null for one without elements. */
export type AttributeValue = string | readonly string[] | FileNumbers | null;

/** An array in a file, read when asked for. */
export interface FileDataset {
  readonly shape: readonly number[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  /** The numbers. Memory is taken here; look at the shape first. @throws {ModelFileError} for other elements. */
  read(): FileNumbers;
}

/** A group of arrays and groups, by name. */
export interface FileGroup {
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  readonly groups: ReadonlyMap<string, FileGroup>;
  readonly datasets: ReadonlyMap<string, FileDataset>;
}

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const deepest = 64;

/** Whether bytes begin as an HDF5 file does. */
export function isHdf5(bytes: Uint8Array): boolean {
  return signature.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads the groups, attributes and arrays of an HDF5 file.
 *
 * What is read: superblocks 0 to 3, object headers of both versions, groups as symbol tables, as links and as dense
 * links, attributes in headers and dense ones, numbers and texts, arrays that are compact, contiguous or chunked (with
 * a version 1 tree), deflated, shuffled or with checksums. Not read: links out of the group (soft, external), data in
 * other files, other types. The work is bounded by the length of the file, whatever it says: places are checked, no
 * part is visited twice on one path, and all that is visited together, messages, links and texts, has a limit.
 * @param file - What errors call the file.
 * @throws {ModelFileError} when it is damaged, or uses what is not read.
 */
export function readHdf5(bytes: Uint8Array, file: string): FileGroup {
  if (!isHdf5(bytes)) {
    throw damaged(file, 0, "the HDF5 signature", `${bytes.length === 0 ? "nothing" : "something else"}`);
  }
  return new Reader(bytes, file).root();
}

/** Sets the times of modification in a file to the beginning of 1970. */
export function clearTimes(bytes: Uint8Array, file: string): void {
  const reader = new Reader(bytes, file);
  reader.root();
  for (const at of reader.times) bytes.fill(0, at, at + 4);
}

interface Message {
  readonly type: number;
  readonly body: Cursor;
}

class Reader {
  private readonly bytes: Uint8Array;
  private readonly file: string;
  private readonly budget: Budget;
  private readonly heaps = new Map<number, ReadonlyMap<number, Uint8Array>>();
  /** Where times of modification lie. */
  readonly times: number[] = [];

  constructor(bytes: Uint8Array, file: string) {
    this.bytes = bytes;
    this.file = file;
    this.budget = new Budget(file, bytes.length);
  }

  private at(address: number, length?: number): Cursor {
    if (!(address < this.bytes.length)) {
      throw damaged(this.file, this.bytes.length, `data at byte ${address}`, `${this.bytes.length} bytes`);
    }
    const end = length === undefined ? this.bytes.length : address + length;
    return new Cursor(this.bytes, this.file, address, end);
  }

  root(): FileGroup {
    const c = this.at(8);
    const version = c.u8();
    if (version > 3) throw unsupported(this.file, `an HDF5 superblock of version ${version}`);
    if (version < 2) c.skip(4);
    const [offsets, lengths] = [c.u8(), c.u8()];
    if (offsets !== 8 || lengths !== 8) throw unsupported(this.file, `addresses of ${offsets} and ${lengths} bytes`);
    c.skip(version === 0 ? 9 : version === 1 ? 13 : 1);
    const base = c.u64();
    c.skip(8);
    const end = c.u64();
    if (base !== 0) throw unsupported(this.file, "a base address that is not 0");
    if (end > this.bytes.length) throw damaged(this.file, this.bytes.length, `a file of ${end} bytes`, "its end");
    if (version < 2) c.skip(16);
    return this.group(this.messages(c.u64()), [], 0);
  }

  /** All messages of an object's header. */
  private messages(address: number): readonly Message[] {
    this.budget.spend(1, address);
    const c = this.at(address);
    const messages: Message[] = [];
    const parts: Cursor[] = [];
    const seen = new Set<number>([address]);
    const first = c.u8();
    let ordered = false;
    if (first === 1) {
      c.skip(7);
      const size = c.u32();
      parts.push(this.at(address + 16, size));
    } else {
      this.at(address).signature("OHDR");
      c.skip(3);
      const version = c.u8();
      if (version !== 2) throw unsupported(this.file, `object headers of version ${version}`);
      const flags = c.u8();
      c.skip((flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0));
      ordered = (flags & 4) !== 0;
      const size = c.uint(1 << (flags & 3));
      parts.push(this.at(c.at, size));
    }
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      const head = first === 1 ? 8 : ordered ? 6 : 4;
      while (part.left >= head) {
        this.budget.spend(1, part.at);
        const type = first === 1 ? part.u16() : part.u8();
        const size = part.u16();
        const flags = part.u8();
        part.skip(head - (first === 1 ? 5 : 4));
        const body = part.from(part.at, Math.min(size, part.left));
        part.skip(size);
        if (type === 0x10) {
          const [next, length] = [body.u64(), body.u64()];
          if (seen.has(next)) throw damaged(this.file, next, "another part of a header", "the same one again");
          seen.add(next);
          const more = this.at(next, length);
          if (first !== 1) more.signature("OCHK");
          parts.push(first === 1 ? more : more.from(more.at, Math.max(0, length - 8)));
        } else if ((flags & 2) !== 0 && [1, 3, 5, 8, 11, 12].includes(type)) {
          throw unsupported(this.file, "shared header messages");
        } else {
          if (type === 0x12) this.times.push(body.at + 4);
          messages.push({ type, body });
        }
      }
    }
    return messages;
  }

  private group(messages: readonly Message[], above: readonly number[], depth: number): FileGroup {
    if (depth > deepest) throw unsupported(this.file, `groups nested more than ${deepest} deep`);
    const groups = new Map<string, FileGroup>();
    const datasets = new Map<string, FileDataset>();
    for (const [name, address] of this.links(messages)) {
      if (above.includes(address)) throw damaged(this.file, address, "a tree of groups", "a group within itself");
      const inner = this.messages(address);
      if (inner.some((m) => m.type === 8)) datasets.set(name, this.dataset(inner));
      else groups.set(name, this.group(inner, [...above, address], depth + 1));
    }
    return { attributes: this.attributes(messages), groups, datasets };
  }

  /** Names and addresses of what a group contains. */
  private links(messages: readonly Message[]): Map<string, number> {
    const links = new Map<string, number>();
    const link = (body: Cursor): void => {
      if (body.u8() !== 1) throw unsupported(this.file, "links of another version");
      const flags = body.u8();
      const type = flags & 8 ? body.u8() : 0;
      if (flags & 4) body.skip(8);
      if (flags & 16) body.skip(1);
      const length = body.uint(1 << (flags & 3));
      this.budget.spendText(length, body.at);
      const name = decodeText(body.take(length));
      if (type !== 0) throw unsupported(this.file, `a soft or external link ("${name}")`);
      links.set(name, body.u64());
    };
    for (const { type, body } of messages) {
      if (type === 0x11) this.symbols(body.u64(), body.u64(), links);
      else if (type === 6) link(body);
      else if (type === 2) {
        body.skip(1);
        const flags = body.u8();
        if (flags & 1) body.skip(8);
        for (const entry of readDense(this.at(0), body.u64(), body.u64(), this.budget)) link(entry);
      }
    }
    return links;
  }

  /** Entries of a symbol table: leaves of a tree, with names in a heap. */
  private symbols(tree: number, heap: number, links: Map<string, number>): void {
    const h = this.at(heap);
    h.signature("HEAP");
    h.skip(4);
    const size = h.u64();
    h.skip(8);
    const names = h.u64();
    const text = this.at(names, size);
    const seen = new Set<number>();
    const open = [tree];
    for (let address = open.pop(); address !== undefined; address = open.pop()) {
      if (seen.has(address)) throw damaged(this.file, address, "a tree", "a node within itself");
      seen.add(address);
      const node = this.at(address);
      const leaf = node.from(address, 4).u8() === 0x53;
      node.signature(leaf ? "SNOD" : "TREE");
      if (leaf) {
        node.skip(2);
        const count = node.u16();
        for (let i = 0; i < count; i++) {
          this.budget.spend(1, node.at);
          const name = text.from(names + node.u64()).zeroTerminated();
          this.budget.spendText(name.length, node.at);
          const target = node.u64();
          const kind = node.u32();
          node.skip(20);
          if (kind === 2) throw unsupported(this.file, `a soft link ("${name}")`);
          links.set(name, target);
        }
      } else {
        if (node.u8() !== 0) throw damaged(this.file, address, "a tree of links", "one of another kind");
        node.skip(1);
        const count = node.u16();
        node.skip(16);
        this.budget.spend(count, address);
        for (let i = 0; i < count; i++) {
          node.skip(8);
          open.push(node.u64());
        }
      }
    }
  }

  private attributes(messages: readonly Message[]): ReadonlyMap<string, AttributeValue> {
    const found = new Map<string, AttributeValue>();
    const add = (body: Cursor): void => {
      const version = body.u8();
      if (version < 1 || version > 3) throw unsupported(this.file, `attributes of version ${version}`);
      const flags = body.u8();
      if (version > 1 && flags !== 0) throw unsupported(this.file, "attributes of shared types");
      const sizes = [body.u16(), body.u16(), body.u16()] as const;
      if (version === 3) body.skip(1);
      const part = (size: number): Cursor => {
        const own = body.from(body.at, size);
        body.skip(version === 1 ? Math.min(body.left, Math.ceil(size / 8) * 8) : size);
        return own;
      };
      this.budget.spendText(sizes[0], body.at);
      const name = decodeText(part(sizes[0]).take(sizes[0]));
      const type = readType(part(sizes[1]));
      const shape = readSpace(part(sizes[2]));
      found.set(name, shape === null ? null : this.attribute(body, type, shape));
    };
    for (const { type, body } of messages) {
      if (type === 12) add(body);
      else if (type === 21) {
        body.skip(1);
        if (body.u8() & 1) body.skip(2);
        for (const entry of readDense(this.at(0), body.u64(), body.u64(), this.budget)) add(entry);
      }
    }
    return found;
  }

  private attribute(body: Cursor, type: ElementType, shape: readonly number[]): AttributeValue {
    const count = shape.reduce((a, b) => a * b, 1);
    this.budget.spendText(count * type.size, body.at);
    const bytes = body.take(count * type.size);
    const numbers = decodeNumbers(bytes, type, count);
    if (numbers !== null) return numbers;
    const elements = new Cursor(bytes, this.file);
    const texts = Array.from({ length: count }, () =>
      type.kind === "text" ? decodeText(elements.take(type.size)) : this.text(elements),
    );
    return shape.length === 0 ? texts[0]! : texts;
  }

  /** A text of variable length, which lies in a heap of the file. */
  private text(reference: Cursor): string {
    const length = reference.u32();
    const [address, index] = [reference.u64(), reference.u32()];
    if (length === 0) return "";
    const object = this.heap(address).get(index);
    if (object === undefined || object.length < length) {
      throw damaged(this.file, address, `a text of ${length} bytes`, `${object?.length ?? "none"}`);
    }
    this.budget.spendText(length, address);
    return decodeText(object.subarray(0, length));
  }

  private heap(address: number): ReadonlyMap<number, Uint8Array> {
    const known = this.heaps.get(address);
    if (known !== undefined) return known;
    const start = this.at(address);
    start.signature("GCOL");
    start.skip(4);
    const size = start.u64();
    const c = this.at(address, size);
    c.skip(16);
    const objects = new Map<number, Uint8Array>();
    while (c.left >= 16) {
      this.budget.spend(1, c.at);
      const index = c.u16();
      c.skip(6);
      const length = c.u64();
      if (index === 0) break;
      objects.set(index, c.take(length));
      c.skip(Math.min(c.left, (8 - (length % 8)) % 8));
    }
    this.heaps.set(address, objects);
    return objects;
  }

  private dataset(messages: readonly Message[]): FileDataset {
    const body = (type: number): Cursor | undefined => messages.find((m) => m.type === type)?.body;
    const [space, type, layout] = [body(1), body(3), body(8)];
    if (space === undefined || type === undefined || layout === undefined || body(7) !== undefined) {
      throw unsupported(this.file, "arrays whose numbers lie in other files");
    }
    const shape = readSpace(space) ?? [0];
    const element = readType(type);
    const count = shape.reduce((a, b) => a * b, 1);
    const attributes = this.attributes(messages);
    const filters = body(11);
    const bytes = this.layout(layout, shape, element, filters === undefined ? [] : readFilters(filters));
    const { file } = this;
    return {
      shape,
      attributes,
      read() {
        const numbers = decodeNumbers(bytes(count * element.size), element, count);
        if (numbers === null) throw unsupported(file, "arrays of texts");
        return numbers;
      },
    };
  }

  /** How to get the bytes of an array; its place is checked now, its bytes are taken later. */
  private layout(
    c: Cursor,
    shape: readonly number[],
    type: ElementType,
    filters: readonly Filter[],
  ): (size: number) => Uint8Array {
    const version = c.u8();
    if (version !== 3 && version !== 4) throw unsupported(this.file, `array layouts of version ${version}`);
    const kind = c.u8();
    const size = shape.reduce((a, b) => a * b, type.size);
    const checked = (bytes: Uint8Array): (() => Uint8Array) => {
      if (bytes.length < size) throw damaged(this.file, c.at, `an array of ${size} bytes`, `${bytes.length}`);
      return () => bytes;
    };
    if (kind === 0) return checked(c.take(c.u16()));
    if (kind === 1) {
      const [address, length] = [c.u64(), c.u64()];
      // An array that nothing was written to has no place; it is zeros, and not larger than the file.
      if (address >= 2 ** 64 - 2048) return size <= this.bytes.length ? () => new Uint8Array(size) : checked(c.take(0));
      return size === 0 ? () => new Uint8Array(0) : checked(this.at(address, length).take(length));
    }
    if (kind !== 2 || version !== 3) throw unsupported(this.file, "chunks with an index of another version");
    const rank = c.u8();
    const address = c.u64();
    const lengths = Array.from({ length: rank }, () => c.u32());
    if (rank !== shape.length + 1 || lengths.at(-1) !== type.size || lengths.includes(0)) {
      throw damaged(this.file, c.at, `chunks of ${shape.length} axes`, `${rank - 1}`);
    }
    const chunked: Chunked = { address, shape, lengths: lengths.slice(0, -1), elementSize: type.size, filters };
    return () => readChunks(this.at(0), chunked);
  }
}
