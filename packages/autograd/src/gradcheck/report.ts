import { ArgumentError, GradientError, shown } from "../errors.ts";

/** Which way the analytic derivative was computed. */
export type Mode = "reverse" | "forward";

/** One derivative that differs from its numerical value. */
export interface Mismatch {
  readonly mode: Mode;
  /** Which argument, and which of its elements, was changed; null for a projection on a random direction. */
  readonly input: number;
  readonly inputIndex: readonly number[] | null;
  /** Which result, and which of its elements, was looked at; null for a projection. */
  readonly output: number;
  readonly outputIndex: readonly number[] | null;
  readonly analytic: number;
  readonly numerical: number;
  /** The one-sided differences disagree: the function has a kink (or a jump) here, and no derivative to compare with. */
  readonly kink: boolean;
}

/** What {@link gradcheck} found. */
export interface GradcheckReport {
  readonly passed: boolean;
  /** How many derivatives were compared. */
  readonly compared: number;
  /** The largest |analytic - numerical| / (atol + rtol · |numerical|): at most 1 when the check passes. */
  readonly worst: number;
  readonly mismatches: readonly Mismatch[];
  /** What else is wrong: results that change from one call to the next, or have another shape. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** What the numbers of inputs and outputs mean where they are not the function's own: of second derivatives. */
  readonly legend: string;
}

/** A failed gradient check. */
export class GradcheckError extends GradientError {
  readonly report: GradcheckReport;

  constructor(op: string, report: GradcheckReport) {
    super({ op, message: formatReport(report) });
    this.report = report;
  }
}

/** How many mismatches are printed. */
const most = 8;

/**
 * The report in words: every problem, and the first few mismatches.
 * @throws {ArgumentError} for what is no report.
 */
export function formatReport(report: GradcheckReport): string {
  const { passed, compared, worst, mismatches, problems, legend } = report ?? {};
  if (!Array.isArray(mismatches) || !Array.isArray(problems) || typeof worst !== "number") {
    throw new ArgumentError({
      op: "formatReport",
      message: `the report is ${shown(report)}`,
      hint: "give what gradcheck or gradgradcheck returned",
    });
  }
  if (passed) return `${compared} derivatives agree, the worst error is ${worst.toPrecision(3)} of the tolerance`;
  const lines = [...problems];
  if (mismatches.length > 0) lines.push(`${mismatches.length} of ${compared} derivatives differ`);
  for (const m of mismatches.slice(0, most)) {
    const place = (name: string, n: number, index: readonly number[] | null): string =>
      index === null ? `${name} ${n}, random projection` : `${name} ${n} at [${index.join(", ")}]`;
    const kink = m.kink
      ? " (the function has a kink here: choose another point)"
      : Number.isFinite(m.numerical)
        ? ""
        : " (the function is not finite here: choose another point)";
    lines.push(
      `  ${m.mode}: ${place("output", m.output, m.outputIndex)} by ${place("input", m.input, m.inputIndex)}: ` +
        `analytic ${m.analytic}, numerical ${m.numerical}${kink}`,
    );
  }
  if (mismatches.length > most) lines.push(`  and ${mismatches.length - most} more`);
  if (mismatches.length > 0 && legend !== "") lines.push(`  ${legend}`);
  return lines.join("\n");
}
