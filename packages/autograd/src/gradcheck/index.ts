export { type CheckedFunction, type GradcheckOptions, gradcheck, gradgradcheck } from "./gradcheck.ts";
export { gradcheckMatchers, type MatcherResult } from "./matchers.ts";
export { formatReport, GradcheckError, type GradcheckReport, type Mismatch, type Mode } from "./report.ts";
