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

/** Two observers as one: the outer one watches the inner one at work. */
function nested(outer: Observer, inner: Observer): Observer {
  return {
    run: (op, inputs, forward) => outer.run(op, inputs, () => inner.run(op, inputs, forward)),
    recorded: (node) => {
      inner.recorded?.(node);
      outer.recorded?.(node);
    },
    pullBack: (node, rule) => {
      const watched = inner.pullBack === undefined ? rule : () => inner.pullBack!(node, rule);
      return outer.pullBack === undefined ? watched() : outer.pullBack(node, watched);
    },
  };
}

/** Runs `body` watched by `by`, besides whoever watches already. */
export function observedBy<T>(by: Observer, body: () => T): T {
  return watched(observer === null ? by : nested(observer, by), body);
}

/** Runs `body`, which is itself part of watching, unwatched. */
export function unobserved<T>(body: () => T): T {
  return watched(null, body);
}

function watched<T>(by: Observer | null, body: () => T): T {
  const before = observer;
  observer = by;
  try {
    return body();
  } finally {
    observer = before;
  }
}
