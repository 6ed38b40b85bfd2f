import type { FloatDType } from "../dtype.ts";
import { checkFunction, checkOptions, unknownOption } from "../errors.ts";
import { eye, reshape, transpose } from "../ops/index.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import { checkDifferentiable, differentiated } from "./grad.ts";
import { jvp } from "./jvp.ts";
import { vjp } from "./vjp.ts";
import { vmap } from "./vmap.ts";

/** Options of {@link jacobian}. */
export interface JacobianOptions {
  /** Column by column, row by row, or whichever is fewer. Default: `"auto"`. */
  readonly mode?: "auto" | "forward" | "reverse";
}

/** The directions along each element of a tensor of the given shape, as a batch. */
function basis(x: Tensor): Tensor {
  return reshape(eye(x.size, x.size, { dtype: x.dtype as FloatDType }), [x.size, ...x.shape]);
}

/**
 * A function that gives all partial derivatives of `f`. All rows (or columns) are computed at once, as one batch.
 *
 * @param f a function of one floating-point tensor.
 * @returns a function of the point; its result has the shape of `f`'s result followed by that of the point.
 *
 * @example
 * ```ts
 * jacobian((x) => x.square())(tensor([1, 2])); // [[2, 0], [0, 4]]
 * ```
 */
export function jacobian(f: (x: Tensor) => Tensor, options: JacobianOptions = {}): (x: Tensor) => Tensor {
  return jacobianFor("jacobian", checkFunction("jacobian", f), options);
}

function jacobianFor(op: string, f: (x: Tensor) => Tensor, options: JacobianOptions): (x: Tensor) => Tensor {
  const { mode = "auto" } = checkOptions("jacobian", options, ["mode"]);
  if (!["auto", "forward", "reverse"].includes(mode)) {
    throw unknownOption("jacobian", "mode", mode, ["auto", "forward", "reverse"]);
  }
  const checked = (x: Tensor): Tensor => tensorIn(op, "the function's result", f(x));
  return (x) => {
    checkDifferentiable(op, "the argument", x);
    if (mode !== "forward") {
      const [y, pullBack] = vjp(checked, x);
      if (mode === "reverse" || y.size <= x.size) {
        const rows = vmap((cotangent: Tensor) => pullBack(cotangent)[0]!)(basis(y));
        return reshape(rows, [...y.shape, ...x.shape]);
      }
    }
    const columns = vmap((tangent: Tensor) => jvp(checked, [x], [tangent])[1])(basis(x));
    const shape = columns.shape.slice(1);
    const size = shape.reduce((a, b) => a * b, 1);
    return reshape(transpose(reshape(columns, [x.size, size])), [...shape, ...x.shape]);
  };
}

/**
 * A function that gives all second partial derivatives of `f`, forward over reverse.
 *
 * @param f has a result of size 1.
 * @returns a function of the point; its result has the point's shape twice.
 *
 * @example
 * ```ts
 * hessian((x) => x.pow(3).sum())(tensor([1, 2])); // [[6, 0], [0, 12]]
 * ```
 */
export function hessian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  const both = differentiated("hessian", f, 0);
  return jacobianFor("hessian", (x) => both(x)[1] as Tensor, { mode: "forward" });
}
