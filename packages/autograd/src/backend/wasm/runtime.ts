/**
 * What kernels are compiled and run with: the heap, the choice of instructions, and the threads.
 */
import type { KernelRunner, View } from "../backend.ts";
import { ModuleBuilder } from "./assembler.ts";
import { type Heap, reservedBytes, type WasmStorage } from "./memory.ts";
import { webAssembly } from "./platform.ts";
import { Pool } from "./threads.ts";

/** A compiled function. Arguments are addresses and counts, results of no use. */
export type Entry = (...args: number[]) => void;

/** A function that can be run in parts: its first arguments are the numbers of the part and of the thread. */
export interface PartedEntry {
  readonly entry: Entry;
  /** The module, for workers to compile. */
  readonly bytes: Uint8Array;
  readonly name: string;
  /** What workers know it by; 0 until the first use. */
  id: number;
  /** Where the module lies in memory, once it has an id. */
  address: number;
}

/** Functions a module may import. Workers have none, so modules with imports run on the calling thread. */
export type Imports = Readonly<Record<string, (...args: number[]) => number>>;

/** Less work than this is done sooner than handed over. */
const worthSharing = 200_000;

/** Float64 slots in which launches pass numbers to kernels. */
const scalarSlots = reservedBytes - 1024;

export class Runtime {
  readonly heap: Heap;
  readonly shared: boolean;
  /** Whether kernels may use instructions that round differently between processors. */
  readonly relaxed: boolean;
  pool: Pool | null = null;
  readonly #constants: Map<string, number> = new Map();
  #constantsEnd = 512;
  #nextId = 1;

  constructor(heap: Heap, shared: boolean, relaxed: boolean) {
    this.heap = heap;
    this.shared = shared;
    this.relaxed = relaxed;
  }

  /**
   * Address of a constant in memory. Engines build vector constants anew wherever they are used, from several
   * instructions; a load that fills all lanes is one.
   * @returns 0 when there is no room left.
   */
  constant(x: number, isDouble: boolean): number {
    const key = `${Object.is(x, -0) ? "-0" : x}${isDouble}`;
    let address = this.#constants.get(key);
    if (address === undefined) {
      if (this.#constantsEnd + 8 > scalarSlots) return 0;
      address = this.#constantsEnd;
      this.#constantsEnd += 8;
      if (isDouble) this.heap.f64[address >> 3] = x;
      else this.heap.f32[address >> 2] = x;
      this.#constants.set(key, address);
    }
    return address;
  }

  /** Address of float64 numbers that are made when they are first asked for. */
  table(name: string, make: () => readonly number[]): number {
    let address = this.#constants.get(name);
    if (address === undefined) {
      const numbers = make();
      const storage = this.heap.allocate("float64", numbers.length);
      this.heap.pin(storage);
      address = storage.pointer;
      this.heap.f64.set(numbers, address >> 3);
      this.#constants.set(name, address);
    }
    return address;
  }

  module(): ModuleBuilder {
    return new ModuleBuilder(this.shared);
  }

  /** Compiles the module and gives its exports, which must be called with numbers only. */
  link(module: ModuleBuilder, imports: Imports = {}): (name: string) => PartedEntry {
    const bytes = module.build();
    const instance = new webAssembly.Instance(new webAssembly.Module(bytes), {
      env: { ...imports, memory: this.heap.memory },
    });
    // Workers know neither the imported functions nor which of several exports is meant.
    const local = module.importNames.length > 0 || module.exportCount > 1;
    return (name) => ({ entry: instance.exports[name] as Entry, bytes, name, id: local ? -1 : 0, address: 0 });
  }

  /** Threads that kernels run on, the calling one included. */
  get threads(): number {
    return this.pool === null || this.pool.broken ? 1 : this.pool.size;
  }

  set threads(count: number) {
    const size = this.shared ? count : 1;
    // Where a worker was lost, one may still be running: no second pool is made on the same memory.
    if (size === this.threads || this.pool?.broken) return;
    this.pool?.stop();
    if (this.pool?.broken) return;
    this.#nextId = this.pool?.nextId ?? this.#nextId;
    this.pool = size > 1 ? new Pool(this.heap, size, this.#nextId) : null;
  }

  /** Runs all parts of a function, on several threads where that is possible and the work (in operations) is enough. */
  parallel(parted: PartedEntry, parts: number, args: readonly number[], work: number): void {
    if (parts > 1 && work >= worthSharing && this.pool !== null && !this.pool.broken && parted.id >= 0) {
      this.pool.run(parted, parts, args);
      return;
    }
    for (let part = 0; part < parts; part++) parted.entry(part, 0, ...args);
  }

  /** Puts numbers where kernels find them, and gives their address. */
  passScalars(scalars: readonly number[]): number {
    const { f64 } = this.heap;
    for (let i = 0; i < scalars.length; i++) f64[(scalarSlots >> 3) + i] = scalars[i]!;
    return scalarSlots;
  }
}

/** Byte address of a view's first element. */
export function addressOf(view: View, itemSize: number): number {
  return (view.storage as WasmStorage).pointer + view.offset * itemSize;
}

/** A runner that says whether it could do it; what it declines is left to the reference. */
export type Attempt<R extends KernelRunner<never>> = (...args: Parameters<R>) => boolean;
