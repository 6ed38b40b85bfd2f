/**
 * Memory nobody has to manage: the WebAssembly heap as a cache over the garbage-collected heap.
 *
 * Kernels only reach WebAssembly's linear memory, which no garbage collector frees. Finalizers would tell which
 * tensors are dead, but they run only when the event loop turns, and a synchronous training loop never lets it. So
 * death is not detected at all. When the heap is full, the storages that have not been used for longest are
 * *evicted*: copied to an ordinary typed array and forgotten by the heap. If the tensor is dead, the garbage
 * collector takes copy and all; if it is alive, the next kernel that uses it brings it back. A live tensor is never
 * lost, a dead one costs at most one copy, and what the engine knows to be dead ({@link Heap.free}) costs nothing.
 *
 * "Full" begins at a soft limit that fits a processor's outer cache and doubles only when much of what was evicted
 * has to come back, which means that the program's working set is larger. A program that merely makes garbage
 * stays in a few cache-warm megabytes. The number of storages has a soft limit of the same kind, so that small ones,
 * of which the objects in JavaScript weigh more than the elements, die as young.
 *
 * Which storages are in use is told by stamps: a kernel stamps its operands with the clock of its launch. What bears
 * the current clock is not evicted; what was stamped since it was last looked at gets a second chance.
 */
import { arrayOf, type DType, itemSize, type TypedArray } from "../../dtype.ts";
import { MemoryError } from "../../errors.ts";
import type { Storage } from "../backend.ts";
import { Allocator, unit } from "./allocator.ts";
import { type WasmMemory, webAssembly } from "./platform.ts";

/** Up to so many elements a plain array costs less than a typed one. */
const fewElements = 16;
const pageSize = 65536;
const initialPages = 64;
const initialSoftLimit = 2 ** 26;
const initialSoftCount = 1024;
/** Addresses below this are not handed out: the first are the runtime's own (threads.ts), and 0 means evicted. */
export const reservedBytes = 16384;

export interface MemoryStatistics {
  /** Bytes of storages in the WebAssembly heap. */
  readonly live: number;
  /** Bytes the heap holds for reuse. */
  readonly cached: number;
  /** Bytes evicted to the garbage-collected heap since the start. */
  readonly evicted: number;
}

export class WasmStorage implements Storage {
  readonly dtype: DType;
  readonly length: number;
  version = 0;
  holders = -1;
  readonly heap: Heap;
  /** Byte address, or 0 while not in the heap. */
  pointer = 0;
  /** Size in the heap, in units. */
  readonly units: number;
  /** The elements while evicted; afterwards, until the next change, a copy that makes eviction free. */
  copy: TypedArray | readonly number[] | number | null = null;
  /** Clock of the last launch that used it. */
  stamp = 0;
  /** Its stamp when eviction last considered it. */
  considered = 0;
  pinned = false;
  wasEvicted = false;
  older: WasmStorage | null = null;
  newer: WasmStorage | null = null;
  #view: TypedArray | null = null;

  constructor(heap: Heap, dtype: DType, length: number) {
    this.heap = heap;
    this.dtype = dtype;
    this.length = length;
    this.units = Allocator.units(length * itemSize(dtype));
  }

  get array(): TypedArray {
    if (this.pointer === 0) {
      if (this.copy === null) throw freed();
      if (typeof this.copy === "number") this.copy = [this.copy];
      if (!ArrayBuffer.isView(this.copy)) this.copy = arrayOf(this.dtype, this.copy);
      return this.copy;
    }
    // Whoever asked may write.
    this.copy = null;
    if (this.#view === null || this.#view.buffer !== this.heap.buffer) this.#view = this.window();
    return this.#view;
  }

  /** The bytes in the heap as an array. */
  window(): TypedArray {
    const { heap, pointer, length, dtype } = this;
    if (dtype === "float32") return new Float32Array(heap.buffer, pointer, length);
    if (dtype === "float64") return new Float64Array(heap.buffer, pointer, length);
    if (dtype === "int32") return new Int32Array(heap.buffer, pointer, length);
    return new Uint8Array(heap.buffer, pointer, length);
  }

  forgetWindow(): void {
    this.#view = null;
  }
}

const freed = (): MemoryError =>
  new MemoryError({ op: "read", message: "the tensor's memory has been given up", hint: "use it before discard()" });

export interface HeapOptions {
  /** Hard limit of the heap in bytes. */
  readonly limit: number;
  readonly shared: boolean;
  /** Bytes at which eviction begins; grows as needed up to the hard limit. */
  readonly softLimit?: number | undefined;
  /** Storages at which eviction begins; grows as needed. */
  readonly softCount?: number | undefined;
}

export class Heap {
  readonly memory: WasmMemory;
  buffer!: ArrayBuffer;
  f32!: Float32Array;
  f64!: Float64Array;
  i32!: Int32Array;
  u8!: Uint8Array;
  /** Counts launches. */
  clock = 1;
  readonly #allocator: Allocator = new Allocator();
  readonly #maximumPages: number;
  #softLimit: number;
  #softCount: number;
  /** Bytes of storages in the heap. */
  #live = 0;
  /** Storages in the heap that may be evicted. */
  #count = 0;
  #evicted = 0;
  /** Of what was evicted lately, the bytes and the storages that came back. */
  #returned = 0;
  #returnedCount = 0;
  #oldest: WasmStorage | null = null;
  #newest: WasmStorage | null = null;
  #scratch = 0;
  #scratchBytes = 0;

  constructor({ limit, shared, softLimit = initialSoftLimit, softCount = initialSoftCount }: HeapOptions) {
    const maximum = Math.max(2, Math.min(65536, Math.floor(limit / pageSize)));
    this.#maximumPages = maximum;
    this.#softLimit = Math.min(softLimit, maximum * pageSize);
    this.#softCount = softCount;
    this.memory = new webAssembly.Memory({ initial: Math.min(initialPages, maximum), maximum, shared });
    this.#refresh();
    this.#allocator.grow(this.buffer.byteLength);
    this.#allocator.take(reservedBytes / unit);
  }

  allocate(dtype: DType, length: number): WasmStorage {
    const storage = new WasmStorage(this, dtype, length);
    this.#place(storage);
    return storage;
  }

  adopt(dtype: DType, array: TypedArray): WasmStorage {
    const storage = new WasmStorage(this, dtype, array.length);
    storage.copy = array.length === 1 ? array[0]! : array;
    return storage;
  }

  /** Gives up storage that nobody will use again. */
  free(storage: WasmStorage): void {
    storage.copy = null;
    if (storage.pointer !== 0) this.#remove(storage);
  }

  /** Keeps a storage in the heap until it is unpinned. */
  pin(storage: WasmStorage): void {
    if (storage.pinned) return;
    this.bring(storage);
    this.#unlink(storage);
    storage.pinned = true;
  }

  unpin(storage: WasmStorage): void {
    if (!storage.pinned) return;
    storage.pinned = false;
    this.#link(storage);
  }

  /** Makes sure a storage is in the heap. The caller has stamped all operands of its launch. */
  bring(storage: WasmStorage): void {
    if (storage.pointer !== 0) return;
    const { copy } = storage;
    if (copy === null) throw freed();
    this.#place(storage);
    const { dtype, pointer } = storage;
    if (typeof copy === "number") this.write(dtype, pointer, copy);
    // A window costs more than a few elements.
    else if (copy.length > fewElements) storage.window().set(copy);
    else for (let i = 0, size = itemSize(dtype); i < copy.length; i++) this.write(dtype, pointer + i * size, copy[i]!);
    // What is adopted comes for the first time and says nothing about the working set.
    if (!storage.wasEvicted) return;
    this.#returned += storage.units * unit;
    this.#returnedCount++;
    if (this.#returned > this.#softLimit / 4) {
      this.#softLimit = Math.min(2 * this.#softLimit, this.#maximumPages * pageSize);
      this.#returned = 0;
    }
    if (this.#returnedCount > this.#softCount / 4) {
      this.#softCount *= 2;
      this.#returnedCount = 0;
    }
  }

  /** Most bytes it can have. */
  get limit(): number {
    return this.#maximumPages * pageSize;
  }

  /** Memory for the time of one launch, its contents undefined. Never evicts what the launch has stamped. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      if (this.#scratch !== 0) this.#allocator.give(this.#scratch / unit, Allocator.units(this.#scratchBytes));
      this.#scratch = 0;
      this.#scratchBytes = 0;
      this.#scratch = this.#take(Allocator.units(bytes)) * unit;
      this.#scratchBytes = Allocator.units(bytes) * unit;
    }
    return this.#scratch;
  }

  statistics(): MemoryStatistics {
    return { live: this.#live, cached: this.buffer.byteLength - this.#live, evicted: this.#evicted };
  }

  /** Writes the element at a byte address. */
  write(dtype: DType, address: number, x: number): void {
    if (dtype === "float32") this.f32[address >>> 2] = x;
    else if (dtype === "float64") this.f64[address >>> 3] = x;
    else if (dtype === "int32") this.i32[address >>> 2] = x;
    else this.u8[address] = x;
  }

  /** Reads the element at a byte address. */
  read(dtype: DType, address: number): number {
    if (dtype === "float32") return this.f32[address >>> 2]!;
    if (dtype === "float64") return this.f64[address >>> 3]!;
    if (dtype === "int32") return this.i32[address >>> 2]!;
    return this.u8[address]!;
  }

  #place(storage: WasmStorage): void {
    const { units } = storage;
    const bytes = units * unit;
    // Nothing is moved out for what can never fit.
    if (bytes > this.#maximumPages * pageSize) throw this.#tooLarge(units);
    if (this.#live + bytes > this.#softLimit || this.#count >= this.#softCount) {
      this.#evict(this.#softLimit - bytes, this.#softCount - 1);
    }
    storage.pointer = this.#take(units) * unit;
    storage.considered = this.clock;
    this.#live += bytes;
    this.#link(storage);
  }

  #take(units: number): number {
    const start = this.#allocator.take(units);
    return start >= 0 ? start : this.#makeRoom(units);
  }

  #makeRoom(units: number): number {
    const allocator = this.#allocator;
    allocator.consolidate();
    let start = allocator.take(units);
    if (start < 0 && this.#grow(units)) start = allocator.take(units);
    // What is needed may be there but in pieces, so more and more is evicted.
    for (let bytes = 2 * units * unit; start < 0 && this.#oldest !== null; bytes *= 2) {
      const before = this.#live;
      this.#evict(before - bytes, this.#count);
      if (this.#live === before) break;
      allocator.consolidate();
      start = allocator.take(units);
    }
    if (start < 0) throw this.#tooLarge(units);
    return start;
  }

  #tooLarge(units: number): MemoryError {
    return new MemoryError({
      op: "allocate",
      message: `${units * unit} bytes do not fit: ${this.#live} of ${this.#maximumPages * pageSize} are in use`,
      hint: "work on smaller batches, or give the backend a higher limit",
    });
  }

  #grow(units: number): boolean {
    const pages = this.buffer.byteLength / pageSize;
    const needed = Math.ceil((units * unit) / pageSize) + 1;
    const wanted = Math.min(this.#maximumPages - pages, Math.max(needed, pages));
    if (wanted <= 0) return false;
    try {
      this.memory.grow(wanted);
    } catch {
      return false;
    }
    this.#refresh();
    this.#allocator.grow(this.buffer.byteLength);
    return true;
  }

  #refresh(): void {
    this.buffer = this.memory.buffer as ArrayBuffer;
    this.f32 = new Float32Array(this.buffer);
    this.f64 = new Float64Array(this.buffer);
    this.i32 = new Int32Array(this.buffer);
    this.u8 = new Uint8Array(this.buffer);
  }

  /** Evicts, least recently used first, until so many bytes and storages are left or all the rest is in use. */
  #evict(bytes: number, count: number): void {
    let storage = this.#oldest;
    while (storage !== null && (this.#live > bytes || this.#count > count)) {
      const { newer }: WasmStorage = storage;
      if (storage.stamp < this.clock) {
        if (storage.stamp > storage.considered) {
          storage.considered = storage.stamp;
          this.#unlink(storage);
          this.#link(storage);
          // Of one storage alone there is no newer; it has had its chance.
          storage = newer ?? this.#newest;
          continue;
        }
        storage.wasEvicted = true;
        if (storage.copy === null) {
          storage.copy = this.#copyOf(storage);
          this.#evicted += storage.units * unit;
          this.#returned = Math.max(0, this.#returned - storage.units * 8);
          this.#returnedCount = Math.max(0, this.#returnedCount - 1 / 8);
        }
        this.#remove(storage);
      }
      storage = newer;
    }
  }

  #copyOf(storage: WasmStorage): TypedArray | number[] | number {
    const { dtype, length, pointer } = storage;
    if (length === 1) return this.read(dtype, pointer);
    try {
      if (length > fewElements) return arrayOf(dtype, storage.window());
      const copy = new Array<number>(length);
      for (let i = 0, size = itemSize(dtype); i < length; i++) copy[i] = this.read(dtype, pointer + i * size);
      return copy;
    } catch {
      throw new MemoryError({
        op: "allocate",
        message: `no memory to move ${storage.units * unit} bytes out of the WebAssembly heap`,
      });
    }
  }

  #remove(storage: WasmStorage): void {
    const { units } = storage;
    if (storage.pinned) storage.pinned = false;
    else this.#unlink(storage);
    this.#allocator.give(storage.pointer / unit, units);
    storage.pointer = 0;
    storage.forgetWindow();
    this.#live -= units * unit;
  }

  #link(storage: WasmStorage): void {
    this.#count++;
    storage.older = this.#newest;
    storage.newer = null;
    if (this.#newest === null) this.#oldest = storage;
    else this.#newest.newer = storage;
    this.#newest = storage;
  }

  #unlink(storage: WasmStorage): void {
    const { older, newer } = storage;
    this.#count--;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    storage.older = null;
    storage.newer = null;
  }
}
