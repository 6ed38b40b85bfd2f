import type { Op } from "./op.ts";
import type { Node } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** Watches operations being carried out: for profiles, and for finding the first value that is not finite. */
export interface Observer {
  /** Carries out `forward`. */
  readonly run: (op: Op<never>, inputs: readonly Tensor[], forward: () => readonly Tensor[]) => readonly Tensor[];
  readonly recorded?: (node: Node) => void;
  /** Carries out `rule`, which gives the cotangent of one input of a node. */
  readonly pullBack?: (node: Node, rule: () => Tensor | null) => Tensor | null;
}

let observer: Observer | null = null;

/** Who watches, if anyone. */
export function currentObserver(): Observer | null {
  return observer;
}

/** Runs `body` watched by `by`. */
export function observedBy<T>(by: Observer, body: () => T): T {
  const before = observer;
  observer = by;
  try {
    return body();
  } finally {
    observer = before;
  }
}
