/**
 * Threads on one shared memory.
 *
 * A job is a compiled function, its arguments and a number of parts. Which parts there are depends on shapes alone
 * and every part computes the same whoever runs it, so results are the same bits for any number of threads. Whoever is
 * free takes the next part, the calling thread included: it never waits for a worker that has not begun, so waking a
 * sleeping worker costs nothing but the help it would have given.
 *
 * All talk goes through a few words at the start of the shared memory. `open` holds the range of the parts nobody has
 * taken; taking one is a compare-and-exchange, and what describes the job is read only afterwards, when the job cannot
 * end before the taker has. The calling thread takes from the front and workers from the back, so that the same elements
 * of successive results mostly stay in the cache of one core. Workers look out for work for a fraction of a millisecond
 * after the last, then sleep.
 * Messages would need the event loop, which a synchronous program never enters; hence modules, too, travel as bytes
 * in shared memory.
 *
 * For the same reason nobody would tell a waiting caller that a worker has died. So each writes down which part it has
 * taken and when it begins to run it. What a lost worker has not begun, the caller does itself; what it has begun may
 * have changed its output already, and is an error. After either the pool is broken and everything runs on one thread.
 */
import { MemoryError } from "../../errors.ts";
import type { Heap } from "./memory.ts";
import type { WasmMemory } from "./platform.ts";
import type { PartedEntry } from "./runtime.ts";

/** Positions of the control words in the heap, as int32. The constants follow at byte 512 (runtime.ts). */
const word = {
  /** First part nobody has taken, plus 2^16 times the one after the last. */
  open: 16,
  done: 17,
  base: 18,
  id: 19,
  bytes: 20,
  length: 21,
  sleeping: 22,
  count: 23,
  /** Changes when the workers of a pool are to leave. */
  generation: 24,
  /** Workers that have arrived and not left. */
  present: 25,
  /** Set by a worker whose part has failed. */
  failed: 26,
  /** By thread: 0, or the part it has taken plus 1, negative once it runs. */
  parts: 32,
  args: 64,
} as const;
const maximumArguments = 64;
const maximumThreads = 32;
/** Parts of one round; more are run in several. */
const maximumParts = (1 << 15) - 1;

/**
 * The worker's program. It is a constant, not a file, so that it works from sources, from a build and from a bundle
 * alike. Its numbers are those of `word`.
 */
const program = `
const port = globalThis.process?.versions?.node ? (await import("node:worker_threads")).parentPort : globalThis;
const start = ({ memory, thread, generation }) => {
  const words = new Int32Array(memory.buffer, 0, 1024);
  const entries = [];
  Atomics.add(words, 25, 1);
  let idleSince = performance.now();
  for (let spins = 0; Atomics.load(words, 24) === generation; spins++) {
    const open = Atomics.load(words, 16);
    const part = (open >> 16) - 1;
    if (part < (open & 0xffff)) {
      if (spins > 1000) {
        spins = 0;
        if (performance.now() - idleSince > 0.3) {
          Atomics.add(words, 22, 1);
          if (Atomics.load(words, 24) === generation) Atomics.wait(words, 16, open);
          Atomics.sub(words, 22, 1);
          idleSince = performance.now();
        }
      }
      continue;
    }
    if (Atomics.compareExchange(words, 16, open, open - 0x10000) !== open) continue;
    const slot = 32 + thread;
    const taken = part + 1;
    Atomics.store(words, slot, taken);
    try {
      const id = words[19];
      if (entries[id] === undefined) {
        const [from, length] = [words[20] >>> 0, words[21]];
        while (memory.buffer.byteLength < from + length);
        const bytes = new Uint8Array(memory.buffer, from, length).slice();
        const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
        entries[id] = Object.values(exports)[0];
      }
      // Unless the caller has lost patience and done it itself.
      if (Atomics.compareExchange(words, slot, taken, -taken) !== taken) break;
      entries[id](words[18] + part, thread, ...words.subarray(64, 64 + words[23]));
    } catch {
      Atomics.store(words, 26, 1);
      break;
    }
    Atomics.store(words, slot, 0);
    Atomics.add(words, 17, 1);
    idleSince = performance.now();
    spins = 0;
  }
  Atomics.sub(words, 25, 1);
  if (port === globalThis) close();
};
if (port === globalThis) port.onmessage = ({ data }) => start(data);
else port.once("message", start);
`;

/** What workers of Node and of browsers have in common. */
interface WorkerLike {
  postMessage(message: { memory: WasmMemory; thread: number; generation: number }): void;
  terminate(): unknown;
  unref?(): void;
  on?(event: "error" | "exit", listener: () => void): unknown;
  onerror?: unknown;
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

/** Milliseconds without progress after which a part that a worker has taken counts as lost. Parts take a few. */
const defaultPatience = 10_000;

export class Pool {
  /** Threads that run parts, the calling one included. */
  readonly size: number;
  /** Whether a worker has been lost, so that nothing is shared out any more. */
  broken = false;
  readonly #heap: Heap;
  readonly #patience: number;
  #workers: WorkerLike[] | null = null;
  #nextId: number;

  constructor(heap: Heap, size: number, nextId: number, patience: number = defaultPatience) {
    this.#heap = heap;
    this.size = Math.min(size, maximumThreads);
    this.#nextId = nextId;
    this.#patience = patience;
  }

  /**
   * Runs all parts and returns when they are done.
   * @throws {MemoryError} when a worker was lost while it ran a part.
   */
  run(parted: PartedEntry, parts: number, args: readonly number[]): void {
    if (args.length > maximumArguments || this.broken) {
      for (let part = 0; part < parts; part++) parted.entry(part, 0, ...args);
      return;
    }
    this.#workers ??= this.#start();
    if (parted.id === 0) this.#publish(parted);
    for (let base = 0; base < parts; base += maximumParts) {
      this.#round(parted, base, Math.min(maximumParts, parts - base), args);
    }
  }

  /** Sends the workers home and waits until they have gone, as the next pool uses the same words. */
  stop(): void {
    if (this.#workers === null) return;
    const words = this.#heap.i32;
    Atomics.add(words, word.generation, 1);
    const end = performance.now() + Math.min(1000, this.#patience);
    while (Atomics.load(words, word.present) > 0 && !this.broken) {
      // Again and again, as one may have been about to fall asleep.
      Atomics.notify(words, word.open);
      if (performance.now() > end) this.broken = true;
    }
    // Those that have not arrived leave when they do; the lost cannot.
    if (this.broken) for (const worker of this.#workers) worker.terminate();
    this.#workers = null;
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
    Atomics.store(words, word.open, parts << 16);
    if (Atomics.load(words, word.sleeping) > 0) Atomics.notify(words, word.open);
    let own = 0;
    for (let open = parts << 16; open >> 16 > (open & 0xffff); open = Atomics.load(words, word.open)) {
      if (Atomics.compareExchange(words, word.open, open, open + 1) !== open) continue;
      parted.entry(base + (open & 0xffff), 0, ...args);
      own++;
    }
    // Every part is taken; the last are about to be done.
    let end = 0;
    let seen = 0;
    for (let spins = 1; ; spins++) {
      const done = Atomics.load(words, word.done);
      if (done + own >= parts) return;
      if (spins % 4096 !== 0) continue;
      const now = performance.now();
      if (end === 0 || done !== seen) [end, seen] = [now + this.#patience, done];
      if (now > end || Atomics.load(words, word.failed) !== 0) {
        this.#rescue(parted, base, parts - own, args);
        return;
      }
    }
  }

  /** Does what lost workers had taken and not begun. `expected` parts were theirs. */
  #rescue(parted: PartedEntry, base: number, expected: number, args: readonly number[]): void {
    const words = this.#heap.i32;
    this.broken = true;
    let rescued = 0;
    for (let thread = 1; thread < this.size; thread++) {
      const slot = word.parts + thread;
      const part = Atomics.load(words, slot);
      if (part <= 0 || Atomics.compareExchange(words, slot, part, 0) !== part) continue;
      parted.entry(base + part - 1, 0, ...args);
      rescued++;
    }
    // Others may be in the middle of theirs.
    const end = performance.now() + Math.min(1000, this.#patience);
    while (Atomics.load(words, word.done) + rescued < expected && performance.now() < end) {
      // They are given a moment.
    }
    const lost = expected - rescued - Atomics.load(words, word.done);
    for (const worker of this.#workers ?? []) worker.terminate();
    Atomics.store(words, word.failed, 0);
    for (let thread = 1; thread < this.size; thread++) Atomics.store(words, word.parts + thread, 0);
    if (lost === 0) return;
    throw new MemoryError({
      op: "threads",
      message: `a worker thread was lost while it ran ${lost === 1 ? "a part" : `${lost} parts`} of a kernel`,
      hint: "the kernel's result is not usable; everything else is, and runs on one thread from now on",
    });
  }

  #start(): WorkerLike[] {
    const lose = (): void => {
      this.broken = true;
    };
    const words = this.#heap.i32;
    const generation = Atomics.load(words, word.generation);
    return Array.from({ length: this.size - 1 }, (_, i) => {
      const worker = startWorker();
      if (worker.on === undefined) worker.onerror = lose;
      else {
        worker.on("error", lose);
        worker.on("exit", () => {
          if (Atomics.load(words, word.generation) === generation) lose();
        });
      }
      worker.postMessage({ memory: this.#heap.memory, thread: i + 1, generation });
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
