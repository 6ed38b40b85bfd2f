import type { View } from "../backend/backend.ts";
import { Tensor } from "../tensor.ts";
import type { Trace } from "../trace.ts";

let depth = 0;

/** Runs `body` one level deeper. */
export function atNextLevel<T>(body: (level: number) => T): T {
  depth++;
  try {
    return body(depth);
  } finally {
    depth--;
  }
}

/** A handle that stands for something else. It shows the layout it is given, whose storage nobody reads through it. */
export function handle({ storage, shape, strides, offset, dtype }: View, trace: Trace): Tensor {
  return new Tensor({ storage, shape, strides, offset, dtype }, trace);
}

export const asList = <T extends object>(value: T | readonly T[]): readonly T[] =>
  Array.isArray(value) ? (value as readonly T[]) : [value as T];
