/**
 * What the engine may free by itself. Nobody disposes of tensors, and nothing tells when the last handle on a storage is
 * gone. But some storages only code of the engine's own has ever seen: those, it counts the holders of, and frees them
 * when there are none. As soon as anyone else may hold a storage, it is left to eviction and garbage collection like any
 * other: {@link share}.
 */
import type { Storage } from "./backend/backend.ts";
import { backend } from "./backend/current.ts";
import type { Tensor } from "./tensor.ts";

/** Where the storages that are being allocated are written down, and how many holders they have to begin with. */
interface Ledger {
  readonly storages: Storage[];
  readonly holders: number;
}

let ledger: Ledger | null = null;

/** Called for every storage that an operation allocates. */
export function note(storage: Storage): void {
  if (ledger === null) return;
  storage.holders = ledger.holders;
  ledger.storages.push(storage);
}

/** Runs `body`, writing down what it allocates; nowhere when that is null. */
export function writingDown<T>(into: Ledger | null, body: () => T): T {
  const before = ledger;
  ledger = into;
  try {
    return body();
  } finally {
    ledger = before;
  }
}

/** Says that others may hold a tensor from now on. */
export function share(x: Tensor): void {
  x.storage.holders = -1;
}

/** Counts one holder more. */
export function hold(x: Tensor): void {
  if (x.storage.holders >= 0) x.storage.holders++;
}

function drop(storage: Storage): void {
  if (storage.holders > 0 && --storage.holders === 0) backend().free(storage);
}

/**
 * Gives up results of {@link gradients} that nobody will use again, views of them included, so that their memory is
 * free for the next at once. Never necessary. Tensors that anyone else may hold are left alone.
 */
export function discard(tensors: readonly (Tensor | null)[]): void {
  for (let i = 0; i < tensors.length; i++) {
    const x = tensors[i]!;
    if (x !== null) drop(x.storage);
  }
}

/** Frees what has been written down and nothing holds. */
export function sweep(storages: Storage[]): void {
  // Popped one by one, the list keeps its memory for the next.
  for (let storage = storages.pop(); storage !== undefined; storage = storages.pop()) {
    if (storage.holders === 0) backend().free(storage);
  }
}

/**
 * Memory of the intermediate results of a computation all of whose code is known to keep none of them: what operations
 * allocate in {@link run} is given up by {@link release}. Code that is not known, and results that are to stay, are
 * handed what they see by {@link Workspace.share}. Never necessary.
 *
 * @example
 * ```ts
 * const workspace = new Workspace();
 * const y = workspace.run(() => ones([3]).add(1).mul(2));
 * y.sum().item(); // 12
 * workspace.release();
 * ```
 */
export class Workspace {
  private readonly storages: Storage[] = [];

  /** Runs `body`, whose results live until {@link release}. */
  run<T>(body: () => T): T {
    return writingDown({ storages: this.storages, holders: 1 }, body);
  }

  /** Lets tensors outlive the workspace. */
  static share(tensors: readonly Tensor[]): void {
    tensors.forEach(share);
  }

  /** Runs code that may keep the tensors it sees and those it makes. */
  static outside<T>(seen: readonly Tensor[], body: () => T): T {
    if (ledger === null) return body();
    seen.forEach(share);
    return writingDown(null, body);
  }

  /** Gives up what was allocated and nothing else holds. */
  release(): void {
    for (const storage of this.storages) drop(storage);
    this.storages.length = 0;
  }
}
