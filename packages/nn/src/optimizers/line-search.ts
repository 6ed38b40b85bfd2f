/** A point on the line that a search goes along. */
export interface LinePoint {
  /** How far along the direction. */
  readonly step: number;
  readonly loss: number;
  /** The derivative of the loss along the direction. */
  readonly slope: number;
}

/** What a step must achieve, and when a search gives up. */
export interface LineSearchLimits {
  /** The fraction of the decrease that the slope at the start promises. */
  readonly sufficientDecrease: number;
  /** What the slope must fall to, as a fraction of the slope at the start. */
  readonly curvature: number;
  readonly maxEvaluations: number;
  /** Steps that are closer to each other than this are the same. */
  readonly tolerance: number;
}

/**
 * A step that satisfies the strong Wolfe conditions: algorithms 3.5 and 3.6 of J. Nocedal and S. J. Wright, Numerical
 * Optimization, second edition (2006), with the minimum of a cubic as the next trial.
 *
 * @param at evaluates the line at a step.
 * @param start the point at step 0, with a negative slope.
 * @param first the first trial.
 * @returns the step found; where the search gave up, the lowest one that decreases the loss enough, or `start`.
 */
export function strongWolfe<P extends LinePoint>(
  at: (step: number) => P,
  start: P,
  first: number,
  { sufficientDecrease, curvature, maxEvaluations, tolerance }: LineSearchLimits,
): P {
  let evaluations = 0;
  const evaluate = (step: number): P => {
    evaluations++;
    return at(step);
  };
  // A loss that is not a number is higher than any other.
  const isHigh = (p: P): boolean => !(p.loss <= start.loss + sufficientDecrease * p.step * start.slope);
  const isFlat = (p: P): boolean => Math.abs(p.slope) <= -curvature * start.slope;

  const zoom = (from: P, to: P): P => {
    let [low, high] = [from, to];
    while (evaluations < maxEvaluations && Math.abs(high.step - low.step) > tolerance) {
      const point = evaluate(between(low, high));
      if (isHigh(point) || point.loss >= low.loss) high = point;
      else {
        if (isFlat(point)) return point;
        if (point.slope * (high.step - low.step) >= 0) high = low;
        low = point;
      }
    }
    return low;
  };

  let previous = start;
  let current = evaluate(first);
  for (;;) {
    if (isHigh(current) || (previous !== start && current.loss >= previous.loss)) return zoom(previous, current);
    if (isFlat(current)) return current;
    if (current.slope >= 0) return zoom(current, previous);
    if (evaluations >= maxEvaluations) return current;
    const beyond = evaluate(extrapolated(previous, current));
    [previous, current] = [current, beyond];
  }
}

/** The minimum of the cubic with the losses and slopes of two points; NaN when it has none. */
function cubicMinimum(a: LinePoint, b: LinePoint): number {
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.step - b.step);
  const d2 = Math.sign(b.step - a.step) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  return b.step - ((b.step - a.step) * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
}

/** The minimum of the cubic, but a tenth of the interval away from its ends; else the middle. */
function between(low: LinePoint, high: LinePoint): number {
  const [left, right] = [Math.min(low.step, high.step), Math.max(low.step, high.step)];
  const margin = 0.1 * (right - left);
  const minimum = cubicMinimum(low, high);
  if (Number.isNaN(minimum)) return (left + right) / 2;
  return Math.min(Math.max(minimum, left + margin), right - margin);
}

/** The minimum of the cubic beyond the second point, but no more than ten times as far. */
function extrapolated(previous: LinePoint, current: LinePoint): number {
  const least = current.step + 0.01 * (current.step - previous.step);
  const minimum = cubicMinimum(previous, current);
  return Number.isNaN(minimum) || minimum < least ? current.step * 2 : Math.min(minimum, current.step * 10);
}
