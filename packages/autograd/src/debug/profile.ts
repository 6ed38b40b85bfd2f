import { itemSize } from "../dtype.ts";
import { ArgumentError, checkFunction, describe } from "../errors.ts";
import { observedBy } from "../observer.ts";

/** What one kind of operation has cost. */
export interface ProfileEntry {
  readonly op: string;
  readonly calls: number;
  /** Including the operations that an operation is made of, which have entries of their own. */
  readonly milliseconds: number;
  /** Bytes of the results, views included. */
  readonly bytes: number;
}

/** One call, in the format of Chrome's trace viewer: `ts` and `dur` are microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly cat: "operation";
  readonly ph: "X";
  readonly ts: number;
  readonly dur: number;
  readonly pid: 1;
  readonly tid: 1;
  readonly args: { readonly inputs: readonly string[]; readonly outputs: readonly string[]; readonly bytes: number };
}

/** What {@link profile} measured. */
export interface Profile<T> {
  readonly result: T;
  /** Most expensive first. */
  readonly entries: readonly ProfileEntry[];
  /** The calls in the order in which they ended. */
  readonly traceEvents: readonly TraceEvent[];
  /**
   * The calls as the text of a file that Chrome (`chrome://tracing`) and Perfetto open.
   */
  readonly chromeTrace: () => string;
}

/**
 * Runs `body` and measures its operations, those of backward passes included.
 * @throws {ArgumentError} when the function is asynchronous: what runs after it first waits would not be seen.
 *
 * @example
 * ```ts
 * const { entries, chromeTrace } = profile(() => tensor([1, 2]).exp().sum());
 * entries.length; // 2
 * JSON.parse(chromeTrace()).traceEvents[0].name; // "exp"
 * ```
 */
export function profile<T>(body: () => T): Profile<T> {
  checkFunction("profile", body);
  const entries = new Map<string, { calls: number; milliseconds: number; bytes: number }>();
  const traceEvents: TraceEvent[] = [];
  const result = observedBy(
    {
      run: ({ name }, inputs, forward) => {
        const start = performance.now();
        const outputs = forward();
        const milliseconds = performance.now() - start;
        const bytes = outputs.reduce((sum, y) => sum + y.size * itemSize(y.dtype), 0);
        const entry = entries.get(name) ?? { calls: 0, milliseconds: 0, bytes: 0 };
        entry.calls++;
        entry.milliseconds += milliseconds;
        entry.bytes += bytes;
        entries.set(name, entry);
        const args = { inputs: inputs.map(describe), outputs: outputs.map(describe), bytes };
        const [ts, dur] = [start * 1000, milliseconds * 1000];
        traceEvents.push({ name, cat: "operation", ph: "X", ts, dur, pid: 1, tid: 1, args });
        return outputs;
      },
    },
    body,
  );
  if (result instanceof Promise) {
    throw new ArgumentError({
      op: "profile",
      message: "the function is asynchronous",
      hint: "profile its synchronous parts",
    });
  }
  const sorted = [...entries].map(([op, entry]) => ({ op, ...entry })).sort((a, b) => b.milliseconds - a.milliseconds);
  const chromeTrace = (): string => JSON.stringify({ displayTimeUnit: "ms", traceEvents });
  return { result, entries: sorted, traceEvents, chromeTrace };
}
