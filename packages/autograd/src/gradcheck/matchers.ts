import type { Tensor } from "../tensor.ts";
import { type CheckedFunction, type GradcheckOptions, gradcheck, gradgradcheck } from "./gradcheck.ts";
import { formatReport, type GradcheckReport } from "./report.ts";

/** What a matcher tells vitest or jest. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

function result(report: GradcheckReport): MatcherResult {
  return { pass: report.passed, message: () => formatReport(report) };
}

/**
 * Matchers for vitest and jest: `expect.extend(gradcheckMatchers)`, then
 * `expect((x) => x.exp()).toPassGradcheck([x])`.
 */
export const gradcheckMatchers: {
  readonly toPassGradcheck: (
    f: CheckedFunction,
    inputs: readonly Tensor[],
    options?: GradcheckOptions,
  ) => MatcherResult;
  readonly toPassGradgradcheck: (
    f: CheckedFunction,
    inputs: readonly Tensor[],
    options?: GradcheckOptions,
  ) => MatcherResult;
} = {
  toPassGradcheck: (f, inputs, options) => result(gradcheck(f, inputs, { ...options, throws: false })),
  toPassGradgradcheck: (f, inputs, options) => result(gradgradcheck(f, inputs, { ...options, throws: false })),
};
