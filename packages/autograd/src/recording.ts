import { checkFunction, GradientError } from "./errors.ts";

let recording = true;

/** Whether operations are being recorded: false inside {@link noGrad}. */
export function isRecording(): boolean {
  return recording;
}

/** Runs `body` with recording turned on or off. */
export function withRecording<T>(on: boolean, body: () => T): T {
  const before = recording;
  recording = on;
  try {
    return body();
  } finally {
    recording = before;
  }
}

/**
 * Runs `body` without recording: its results carry no gradient.
 * @throws {ArgumentError} when it is no function.
 * @throws {GradientError} when it is asynchronous.
 *
 * @example
 * ```ts
 * const w = tensor([1, 2], { requiresGrad: true });
 * noGrad(() => w.mul(2)).requiresGrad; // false
 * ```
 */
export function noGrad<T>(body: () => T): T {
  const result = withRecording(false, checkFunction("noGrad", body));
  if (result instanceof Promise) {
    throw new GradientError({
      op: "noGrad",
      message: "the function is asynchronous",
      hint: "recording is turned off only until it first awaits; call noGrad around its synchronous parts",
    });
  }
  return result;
}
