import { isFloat } from "../dtype.ts";
import { ArgumentError, NumericalError } from "../errors.ts";
import { observedBy } from "../tape.ts";
import type { Tensor } from "../tensor.ts";

/** The first line of a stack outside this package. */
function userLine(): string {
  const here = import.meta.url.replace(/(debug\/)?[^/]*$/, "");
  const lines = (new Error().stack ?? "").split("\n").slice(1);
  const outside = lines.find((line) => !line.includes(here.replace("file://", "")) || line.includes(".test."));
  return outside?.trim().replace(/^at /, "") ?? "an unknown place";
}

function isBad(x: Tensor): boolean {
  return x.trace === null && isFloat(x.dtype) && x.data.some((value: number) => !Number.isFinite(value));
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
  const result = observedBy(
    {
      run: (op, inputs, forward) => {
        const outputs = forward();
        if (outputs.some(isBad) && !inputs.some(isBad)) {
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
      pulledBack: (node, cotangent) => {
        if (!isBad(cotangent)) return;
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
