import { isFloat } from "../dtype.ts";
import { ArgumentError, checkFunction, NumericalError } from "../errors.ts";
import { observedBy, unobserved } from "../observer.ts";
import type { Tensor } from "../tensor.ts";

/** Where we are, from the innermost call outwards, as deep as the engine keeps it. */
function calls(): string[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 200;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = limit;
  return stack.split("\n").slice(1);
}

/** Where this package's code is: `src`, or `dist`, whose files lie side by side. Classic scripts do not know. */
const here: string = (import.meta.url ?? "")
  .replace(/[^/]*$/, "")
  .replace(/src\/debug\/$/, "src/")
  .replace("file://", "");

/** The innermost call outside this package. */
function userLine(): string {
  const outside = calls().find((line) => (!line.includes(here) && !/\(?node:/.test(line)) || line.includes(".test."));
  return outside?.trim().replace(/^at /, "") ?? "an unknown place";
}

function isBad(x: Tensor): boolean {
  if (x.trace !== null || !isFloat(x.dtype)) return false;
  // Reading a view copies it, which is an operation, too.
  return unobserved(() => x.data).some((value: number) => !Number.isFinite(value));
}

/**
 * Runs `body`, looking at every value: stops at the first operation, in the forward or a backward pass, that makes NaN
 * or infinity out of finite numbers. Slow; for finding out where they come from.
 * @throws {NumericalError} naming the operation, and the line that called it in the forward pass.
 * @throws {ArgumentError} when the function is asynchronous: what runs after it first waits would not be seen.
 *
 * @example
 * ```ts
 * detectAnomaly(() => tensor([1, 4]).sqrt()); // [1, 2]
 * ```
 */
export function detectAnomaly<T>(body: () => T): T {
  checkFunction("detectAnomaly", body);
  // What a derivative rule makes is looked at when it has finished.
  let rules = 0;
  const result = observedBy(
    {
      run: (op, inputs, forward) => {
        const outputs = forward();
        if (rules === 0 && outputs.some(isBad) && !inputs.some(isBad)) {
          throw new NumericalError({
            op: op.name,
            message: `it made NaN or infinity out of finite numbers, called at ${userLine()}`,
            operands: inputs,
          });
        }
        return outputs;
      },
      recorded: (node) => {
        node.origin = userLine();
      },
      pullBack: (node, rule) => {
        rules++;
        let cotangent: Tensor | null;
        try {
          cotangent = rule();
        } finally {
          rules--;
        }
        if (cotangent === null || !isBad(cotangent)) return cotangent;
        throw new NumericalError({
          op: node.name,
          message: `its backward pass gave NaN or infinity; it was called at ${node.origin ?? "an unknown place"}`,
          operands: [cotangent],
        });
      },
    },
    body,
  );
  if (result instanceof Promise) {
    throw new ArgumentError({
      op: "detectAnomaly",
      message: "the function is asynchronous",
      hint: "look at its synchronous parts, one by one",
    });
  }
  return result;
}
