/**
 * Threads on one shared memory.
 *
 * A job is a compiled function, its arguments and a number of parts. Which parts there are depends on shapes alone
 * and every part computes the same whoever runs it, so results are the same bits for any number of threads. Whoever is
 * free takes the next part, the calling thread included: it never waits for a worker that has not begun, so waking a
 * sleeping worker costs nothing but the help it would have given.
 *
 * All talk goes through a few words at the start of the shared memory. `remaining` counts down the parts nobody has
 * taken; taking one is a compare-and-exchange, and what describes the job is read only afterwards, when the job cannot
 * end before the taker has. Workers look out for work for a fraction of a millisecond after the last, then sleep.
 * Messages would need the event loop, which a synchronous program never enters; hence modules, too, travel as bytes
 * in shared memory.
 */
import type { Heap } from "./memory.ts";
import type { WasmMemory } from "./platform.ts";
import type { PartedEntry } from "./runtime.ts";

/** Positions of the control words in the heap, as int32. The constants follow at byte 512 (runtime.ts). */
const word = {
  remaining: 16,
  done: 17,
  base: 18,
  id: 19,
  bytes: 20,
  length: 21,
  sleeping: 22,
  count: 24,
  args: 25,
} as const;
const maximumArguments = 100;
/** Parts of one round; more are run in several. */
const maximumParts = 1 << 16;

/**
 * The worker's program. It is a constant, not a file, so that it works from sources, from a build and from a bundle
 * alike. Its numbers are those of `word`.
 */
const program = `
const port = globalThis.process?.versions?.node ? (await import("node:worker_threads")).parentPort : globalThis;
const start = ({ memory, thread }) => {
  const words = new Int32Array(memory.buffer, 0, 1024);
  const entries = [];
  let idleSince = performance.now();
  for (let spins = 0; ; spins++) {
    const remaining = Atomics.load(words, 16);
    if (remaining === 0) {
      if (spins > 1000) {
        spins = 0;
        if (performance.now() - idleSince > 0.3) {
          Atomics.add(words, 22, 1);
          Atomics.wait(words, 16, 0);
          Atomics.sub(words, 22, 1);
          idleSince = performance.now();
        }
      }
      continue;
    }
    if (Atomics.compareExchange(words, 16, remaining, remaining - 1) !== remaining) continue;
    const id = words[19];
    if (entries[id] === undefined) {
      const [from, length] = [words[20] >>> 0, words[21]];
      while (memory.buffer.byteLength < from + length);
      const bytes = new Uint8Array(memory.buffer, from, length).slice();
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
      entries[id] = Object.values(exports)[0];
    }
    entries[id](words[18] + remaining - 1, thread, ...words.subarray(25, 25 + words[24]));
    Atomics.add(words, 17, 1);
    idleSince = performance.now();
    spins = 0;
  }
};
if (port === globalThis) port.onmessage = ({ data }) => start(data);
else port.once("message", start);
`;

/** What workers of Node and of browsers have in common. */
interface WorkerLike {
  postMessage(message: { memory: WasmMemory; thread: number }): void;
  terminate(): unknown;
  unref?(): void;
}
type WorkerConstructor = new (url: URL | string, options?: object) => WorkerLike;

function startWorker(): WorkerLike {
  const scope = globalThis as unknown as {
    process?: { getBuiltinModule?(name: string): { Worker: WorkerConstructor } };
    Worker?: WorkerConstructor;
  };
  const url = `data:text/javascript,${encodeURIComponent(program)}`;
  const node = scope.process?.getBuiltinModule?.("node:worker_threads");
  // Flags of the process (loaders, say) are none of the worker's business.
  if (node !== undefined) return new node.Worker(new URL(url), { execArgv: [] });
  return new scope.Worker!(url, { type: "module" });
}

/** As many threads as the machine is said to run at once. */
export function availableThreads(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  return Math.max(1, navigator?.hardwareConcurrency ?? 1);
}

export class Pool {
  /** Threads that run parts, the calling one included. */
  readonly size: number;
  readonly #heap: Heap;
  #workers: WorkerLike[] | null = null;
  #nextId: number;

  constructor(heap: Heap, size: number, nextId: number) {
    this.#heap = heap;
    this.size = size;
    this.#nextId = nextId;
  }

  /** Runs all parts and returns when they are done. */
  run(parted: PartedEntry, parts: number, args: readonly number[]): void {
    if (args.length > maximumArguments) {
      for (let part = 0; part < parts; part++) parted.entry(part, 0, ...args);
      return;
    }
    this.#workers ??= this.#start();
    if (parted.id === 0) this.#publish(parted);
    for (let base = 0; base < parts; base += maximumParts) {
      this.#round(parted, base, Math.min(maximumParts, parts - base), args);
    }
  }

  stop(): void {
    for (const worker of this.#workers ?? []) worker.terminate();
    this.#workers = null;
    Atomics.store(this.#heap.i32, word.sleeping, 0);
  }

  #round(parted: PartedEntry, base: number, parts: number, args: readonly number[]): void {
    const words = this.#heap.i32;
    words[word.base] = base;
    words[word.id] = parted.id;
    words[word.bytes] = parted.address;
    words[word.length] = parted.bytes.length;
    words[word.count] = args.length;
    for (let i = 0; i < args.length; i++) words[word.args + i] = args[i]!;
    Atomics.store(words, word.done, 0);
    Atomics.store(words, word.remaining, parts);
    if (Atomics.load(words, word.sleeping) > 0) Atomics.notify(words, word.remaining);
    let own = 0;
    for (let left = parts; left > 0; left = Atomics.load(words, word.remaining)) {
      if (Atomics.compareExchange(words, word.remaining, left, left - 1) !== left) continue;
      parted.entry(base + left - 1, 0, ...args);
      own++;
    }
    while (Atomics.load(words, word.done) + own < parts) {
      // Every part is taken; the last are about to be done.
    }
  }

  #start(): WorkerLike[] {
    return Array.from({ length: this.size - 1 }, (_, i) => {
      const worker = startWorker();
      worker.postMessage({ memory: this.#heap.memory, thread: i + 1 });
      // Idle workers do not keep the process alive.
      worker.unref?.();
      return worker;
    });
  }

  /** Puts the module where workers find it. It stays: workers come to it when they first need it. */
  #publish(parted: PartedEntry): void {
    const storage = this.#heap.allocate("uint8", parted.bytes.length);
    this.#heap.pin(storage);
    storage.array.set(parted.bytes);
    parted.address = storage.pointer;
    parted.id = this.#nextId++;
  }

  /** Where another pool on the same heap goes on numbering. */
  get nextId(): number {
    return this.#nextId;
  }
}
