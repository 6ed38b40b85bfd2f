import { itemSize } from "../dtype.ts";
import { observedBy } from "../tape.ts";

/** What one kind of operation has cost. */
export interface ProfileEntry {
  readonly op: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Bytes of the results, views included. */
  readonly bytes: number;
}

/** What {@link profile} measured. */
export interface Profile<T> {
  readonly result: T;
  /** Most expensive first. */
  readonly entries: readonly ProfileEntry[];
  /** The calls in the order in which they ended, in the format of Chrome's trace viewer: write it as JSON. */
  readonly traceEvents: readonly { name: string; ph: "X"; ts: number; dur: number; pid: 1; tid: 1 }[];
}

/**
 * Runs `body` and measures its operations, those of backward passes included.
 *
 * @example
 * ```ts
 * profile(() => tensor([1, 2]).exp().sum()).entries.length; // 3
 * ```
 */
export function profile<T>(body: () => T): Profile<T> {
  const entries = new Map<string, { calls: number; milliseconds: number; bytes: number }>();
  const traceEvents: { name: string; ph: "X"; ts: number; dur: number; pid: 1; tid: 1 }[] = [];
  const result = observedBy(
    {
      run: ({ name }, _, forward) => {
        const start = performance.now();
        const outputs = forward();
        const milliseconds = performance.now() - start;
        const entry = entries.get(name) ?? { calls: 0, milliseconds: 0, bytes: 0 };
        entry.calls++;
        entry.milliseconds += milliseconds;
        for (const y of outputs) entry.bytes += y.size * itemSize(y.dtype);
        entries.set(name, entry);
        traceEvents.push({ name, ph: "X", ts: start * 1000, dur: milliseconds * 1000, pid: 1, tid: 1 });
        return outputs;
      },
    },
    body,
  );
  const sorted = [...entries].map(([op, entry]) => ({ op, ...entry })).sort((a, b) => b.milliseconds - a.milliseconds);
  return { result, entries: sorted, traceEvents };
}
