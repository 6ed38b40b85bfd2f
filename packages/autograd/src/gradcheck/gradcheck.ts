import { gradients } from "../backward.ts";
import { isFloat } from "../dtype.ts";
import { ArgumentError, checkFunction, checkOptions, describe, shown, unknownOption } from "../errors.ts";
import { tensor, zeros } from "../ops/create.ts";
import { fromArray } from "../ops/tensor-like.ts";
import { Generator } from "../random/generator.ts";
import { noGrad, withRecording } from "../recording.ts";
import { listOf, type Shape, sameShape } from "../shape.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import { pushForward } from "../transforms/jvp.ts";
import { GradcheckError, type GradcheckReport, type Mismatch, type Mode } from "./report.ts";

/** A function to check: of tensors, giving one or several. */
export type CheckedFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** Options of {@link gradcheck} and {@link gradgradcheck}. The defaults are PyTorch's. */
export interface GradcheckOptions {
  /** Step of the central differences. Default: 1e-6. */
  readonly eps?: number;
  /** Absolute tolerance. Default: 1e-5. */
  readonly atol?: number;
  /** Tolerance relative to the numerical value. Default: 1e-3. */
  readonly rtol?: number;
  /** Compare one random projection instead of every element: faster, and says less. Default: false. */
  readonly fast?: boolean;
  /** Seed of the random projections and cotangents. Default: 0. */
  readonly seed?: number;
  /** Throw when the check fails; otherwise only the report says so. Default: true. */
  readonly throws?: boolean;
  /** Which derivatives to check. Default: both. */
  readonly modes?: readonly Mode[];
}

const list = (value: Tensor | readonly Tensor[]): readonly Tensor[] =>
  Array.isArray(value) ? (value as readonly Tensor[]) : [value as Tensor];

/** The index of the `flat`-th element. */
function unravel(flat: number, shape: Shape): number[] {
  const index = new Array<number>(shape.length);
  for (let axis = shape.length - 1, rest = flat; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
}

function unit(shape: Shape, at: number): Tensor {
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  if (at < data.length) data[at] = 1;
  return fromArray(data, shape);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** A function at a point, seen through its floating-point arguments and results. */
class Checked {
  readonly points: readonly Tensor[];
  readonly wanted: readonly number[];
  readonly results: readonly Tensor[];
  readonly resultsAt: readonly number[];
  private readonly f: CheckedFunction;

  constructor(f: CheckedFunction, inputs: readonly Tensor[]) {
    this.f = checkFunction("gradcheck", f);
    if (listOf("gradcheck", "inputs", inputs).length === 0) {
      throw new ArgumentError({ op: "gradcheck", message: "inputs is empty", hint: "give the point to check at" });
    }
    for (const x of inputs) tensorIn("gradcheck", "an input", x);
    this.points = inputs.map((x) => (isFloat(x.dtype) ? tensor(x, { dtype: "float64" }) : x));
    this.wanted = this.points.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []));
    this.results = this.evaluate(this.points);
    this.resultsAt = this.results.flatMap((y, i) => (isFloat(y.dtype) ? [i] : []));
  }

  evaluate(inputs: readonly Tensor[]): readonly Tensor[] {
    const results = noGrad(() => list(this.f(...inputs)));
    for (const y of results) tensorIn("gradcheck", "the function's result", y);
    return results;
  }

  /** The results when an argument is moved by `step` along a direction. */
  private moved(input: number, direction: (i: number) => number, step: number): Float64Array[] {
    const data = Float64Array.from(this.points[input]!.data, (value, i) => value + step * direction(i));
    const results = this.evaluate(this.points.with(input, fromArray(data, this.points[input]!.shape)));
    return results.map((y) => Float64Array.from(y.data));
  }

  /** Central differences of every result, and whether the one-sided ones disagree. */
  numerical(input: number, direction: (i: number) => number, eps: number): { slope: Float64Array; kink: boolean[] }[] {
    const ahead = this.moved(input, direction, eps);
    const behind = this.moved(input, direction, -eps);
    return this.results.map((y, k) => {
      const here = y.data;
      const slope = ahead[k]!.map((value, i) => (value - behind[k]![i]!) / (2 * eps));
      const kink = Array.from(here, (value, i) => {
        const [right, left] = [(ahead[k]![i]! - value) / eps, (value - behind[k]![i]!) / eps];
        return Math.abs(right - left) > 1e-3 * (1 + Math.abs(right) + Math.abs(left));
      });
      return { slope, kink };
    });
  }

  /** Records one evaluation; gives the pull-back of each cotangent. */
  reverse(): (output: number, cotangent: Tensor) => readonly Tensor[] {
    return withRecording(true, () => {
      const inputs = this.points.map((x) => (isFloat(x.dtype) ? tensor(x, { requiresGrad: true }) : x));
      const outputs = list(this.f(...inputs));
      const targets = this.wanted.map((i) => inputs[i]!);
      return (output, cotangent) => {
        const y = outputs[output]!;
        if (y.node === null) return targets.map((x) => zeros(x.shape, { dtype: "float64" }));
        return gradients(y, targets, { cotangents: cotangent, retainGraph: true });
      };
    });
  }

  forward(input: number, tangent: Tensor): readonly Tensor[] {
    const tangents = this.points.map((x, i) => (i === input ? tangent : zeros(x.shape, { dtype: x.dtype })));
    return pushForward(this.f, this.points, tangents).tangents;
  }
}

/**
 * Compares the derivatives of `f` with central differences, element by element, in float64.
 *
 * @param f a function of tensors that gives one or several; it is evaluated twice for every element of every input.
 * @param inputs the point. float32 inputs are promoted to float64, with a warning; integer ones are passed on as they are.
 * @returns a report: what was compared, and how far apart the worst values are.
 * @throws {GradcheckError} when derivatives differ, or the function is not deterministic; its message names input,
 *   element, analytic and numerical value, and says where a kink, or a value that is not finite, explains the difference.
 * @throws {ArgumentError} when there are no inputs, or they or the results are no tensors.
 *
 * @example
 * ```ts
 * gradcheck((x) => x.square(), [tensor([1, 2], { dtype: "float64" })]).passed; // true
 * ```
 */
export function gradcheck(
  f: CheckedFunction,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): GradcheckReport {
  return run("gradcheck", f, inputs, options);
}

/**
 * Checks the second derivatives of `f`: {@link gradcheck} of its pull-back, as a function of inputs and cotangents.
 *
 * @param f a function of tensors that gives one or several.
 * @param inputs the point. float32 inputs are promoted to float64; integer ones are passed on as they are.
 * @throws {GradcheckError} when second derivatives differ; the numbers of outputs and inputs in its message are the
 *   pull-back's, as its last line says.
 *
 * @example
 * ```ts
 * gradgradcheck((x) => x.exp().mul(x), [tensor([1, 2], { dtype: "float64" })]).passed; // true
 * ```
 */
export function gradgradcheck(
  f: CheckedFunction,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): GradcheckReport {
  checkOptions("gradgradcheck", options, optionNames);
  const { points, wanted, results, resultsAt } = new Checked(f, inputs);
  const random = new Generator(options.seed ?? 0);
  const cotangents = resultsAt.map((k) => randomTensor(results[k]!.shape, random));
  const pullBack: CheckedFunction = (...values) => {
    return withRecording(true, () => {
      // Every input is given a place on the tape, also where the caller asks for no derivative of it.
      const xs = values.slice(0, points.length).map((x) => (isFloat(x.dtype) && x.node === null ? tensorOnTape(x) : x));
      const ys = list(f(...xs));
      const used = resultsAt.filter((k) => ys[k]!.node !== null);
      if (used.length === 0) return wanted.map((i) => xs[i]!.mul(0));
      return gradients(
        used.map((k) => ys[k]!),
        wanted.map((i) => xs[i]!),
        { cotangents: used.map((k) => values[points.length + resultsAt.indexOf(k)]!), createGraph: true },
      );
    });
  };
  const legend =
    `(output i is the gradient by floating-point input i of the function; inputs from ${points.length} on are ` +
    "cotangents of its results)";
  return run("gradgradcheck", pullBack, [...points, ...cotangents], options, legend);
}

function tensorOnTape(x: Tensor): Tensor {
  const y = x.mul(1);
  y.requiresGrad = true;
  return y;
}

function randomTensor(shape: Shape, random: Generator): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return fromArray(
    Float64Array.from({ length: size }, () => random.next() * 2 - 1),
    shape,
  );
}

const optionNames = ["eps", "atol", "rtol", "fast", "seed", "throws", "modes"] as const;
const allModes: readonly Mode[] = ["reverse", "forward"];

/** Refuses tolerances and modes with which nothing would be checked. */
function checkSettings(op: string, { eps = 1e-6, atol = 1e-5, rtol = 1e-3, modes = allModes }: GradcheckOptions): void {
  if (!(typeof eps === "number" && eps > 0 && eps < Number.POSITIVE_INFINITY)) {
    throw new ArgumentError({ op, message: `eps is ${shown(eps)}`, hint: "give a small positive step" });
  }
  for (const [name, value] of Object.entries({ atol, rtol })) {
    if (typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new ArgumentError({ op, message: `${name} is ${shown(value)}`, hint: "it is 0 or more, and finite" });
  }
  for (const mode of listOf(op, "modes", modes)) {
    if (!allModes.includes(mode)) throw unknownOption(op, "a mode", mode, allModes);
  }
  if (modes.length === 0) throw new ArgumentError({ op, message: "modes are none", hint: allModes.join(", ") });
}

function run(
  op: string,
  f: CheckedFunction,
  inputs: readonly Tensor[],
  options: GradcheckOptions,
  legend = "",
): GradcheckReport {
  checkOptions(op, options, optionNames);
  checkSettings(op, options);
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3, fast = false, seed = 0, throws = true, modes } = options;
  const warnings: string[] = [];
  if (listOf(op, "inputs", inputs).some((x) => x?.dtype === "float32")) {
    warnings.push(`${op}: float32 inputs are promoted to float64, in which differences are precise`);
    console.warn(warnings[0]);
  }
  const checked = new Checked(f, inputs);
  const { points, wanted, results, resultsAt } = checked;
  const problems = determinism(checked);
  // A check that compares nothing must not look like one that found nothing.
  if (wanted.length === 0) problems.push("no input is floating-point, so that there is no derivative to check");
  if (resultsAt.length === 0) problems.push("no result is floating-point, so that there is no derivative to check");
  const mismatches: Mismatch[] = [];
  if (problems.length > 0) {
    const report = { passed: false, compared: 0, worst: 0, mismatches, problems, warnings, legend };
    if (throws) throw new GradcheckError(op, report);
    return report;
  }
  const random = new Generator(seed);
  let compared = 0;
  let worst = 0;
  type Place = Omit<Mismatch, "mode" | "analytic" | "numerical" | "kink">;
  const compare = (mode: Mode, analytic: number, numerical: number, kink: boolean, place: () => Place): void => {
    compared++;
    const error = Math.abs(analytic - numerical) / (atol + rtol * Math.abs(numerical));
    const agrees = Object.is(analytic, numerical) || error <= 1;
    if (!Number.isNaN(error)) worst = Math.max(worst, error);
    if (!agrees) mismatches.push({ mode, ...place(), analytic, numerical, kink });
  };
  const used = modes ?? allModes;
  const pullBack = used.includes("reverse") ? checked.reverse() : null;

  // The analytic derivatives: rows of the Jacobian (reverse), one list of gradients per result.
  const rows = pullBack === null || fast ? [] : resultsAt.map((k) => pulledRows(k, results[k]!, pullBack, problems));
  for (const [w, input] of wanted.entries()) {
    const { shape, size } = points[input]!;
    const directions = fast ? [randomTensor(shape, random).data] : null;
    for (let e = 0; e < (fast ? 1 : Math.max(size, 1)); e++) {
      const direction = directions?.[0] ?? null;
      const at = (i: number): number => (direction === null ? Number(i === e) : direction[i]!);
      const differences = size === 0 ? [] : checked.numerical(input, at, eps);
      const tangent = direction === null ? unit(shape, e) : fromArray(Float64Array.from(direction), shape);
      const pushed = used.includes("forward") ? checked.forward(input, tangent) : null;
      for (const [r, k] of resultsAt.entries()) {
        const y = results[k]!;
        const forwards = pushed === null ? null : checkShape("tangent", pushed[k]!, y, problems);
        if (size === 0) continue;
        const { slope, kink } = differences[k]!;
        if (direction !== null) {
          const cotangent = randomTensor(y.shape, random);
          const numerical = dot(cotangent.data, slope);
          const anyKink = kink.some(Boolean);
          const place = (): Place => ({ input, inputIndex: null, output: k, outputIndex: null });
          if (pullBack !== null) {
            const analytic = dot(direction, pullBack(k, cotangent)[w]!.data);
            compare("reverse", analytic, numerical, anyKink, place);
          }
          if (forwards !== null) {
            const analytic = dot(cotangent.data, forwards);
            compare("forward", analytic, numerical, anyKink, place);
          }
          continue;
        }
        for (let j = 0; j < y.size; j++) {
          const place = (): Place => ({
            input,
            inputIndex: unravel(e, shape),
            output: k,
            outputIndex: unravel(j, y.shape),
          });
          if (pullBack !== null) compare("reverse", rows[r]![j]![w]![e]!, slope[j]!, kink[j]!, place);
          if (forwards !== null) compare("forward", forwards[j]!, slope[j]!, kink[j]!, place);
        }
      }
    }
  }
  const passed = mismatches.length === 0 && problems.length === 0;
  const report: GradcheckReport = { passed, compared, worst, mismatches, problems, warnings, legend };
  if (!passed && throws) throw new GradcheckError(op, report);
  return report;
}

/** The gradients of each element of one result. An empty result is pulled back once, for the shapes. */
function pulledRows(
  k: number,
  y: Tensor,
  pullBack: (output: number, cotangent: Tensor) => readonly Tensor[],
  problems: string[],
): ArrayLike<number>[][] {
  return Array.from({ length: Math.max(1, y.size) }, (_, j) => {
    const cotangent = unit(y.shape, j);
    const row = pullBack(k, cotangent).map((g) => g.data);
    if (j === 0) {
      const again = pullBack(k, cotangent);
      const same = row.every((g, w) => g.every((value, i) => Object.is(value, again[w]!.data[i])));
      if (!same) problems.push(`the backward pass of output ${k} is not deterministic`);
    }
    return row;
  });
}

function determinism(checked: Checked): string[] {
  const again = checked.evaluate(checked.points);
  return checked.results.flatMap((y, k) => {
    const z = again[k]!;
    if (!sameShape(y.shape, z.shape)) return [`output ${k} was ${describe(y)}, then ${describe(z)}`];
    const [a, b] = [y.data, z.data];
    const same = a.every((value, i) => Object.is(value, b[i]));
    return same ? [] : [`output ${k} is not deterministic: two evaluations at the same point differ`];
  });
}

function checkShape(what: string, t: Tensor, y: Tensor, problems: string[]): ArrayLike<number> {
  if (!sameShape(t.shape, y.shape) || t.dtype !== y.dtype) {
    const problem = `the ${what} is ${describe(t)} where the value is ${describe(y)}`;
    if (!problems.includes(problem)) problems.push(problem);
  }
  return t.data;
}
