import { parseArgs } from "node:util";
import { formatReport, gradcheck, gradgradcheck, type Tensor } from "@gradiente/autograd";
import fc from "fast-check";
import { cases } from "../packages/autograd/src/gradcheck/cases/index.ts";
import { Sampler } from "../packages/autograd/src/gradcheck/sampler.ts";

const help = `Checks the derivatives of every operation against central differences, at random points.

  --runs N    cases per operation and order (default 100)
  --seed S    seed of the cases (default: from the clock)
  --op NAME   only this operation; may be given several times
  --path P    replay one counterexample, as printed by a failure
  --help      this text`;

/** What the command line says; says what is wrong with it and ends the program where it cannot be read. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`);
    process.exit(2);
  }
}

const { values } = parsed(() =>
  parseArgs({
    options: {
      runs: { type: "string", default: "100" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      op: { type: "string", multiple: true, default: [] },
      path: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }),
);
const numRuns = Number(values.runs);
const seed = Number(values.seed);
const unknown = values.op.filter((name) => !Object.hasOwn(cases, name));
const wrong = [
  ...unknown.map((name) => `There is no operation "${name}". There are: ${Object.keys(cases).join(", ")}.`),
  ...(Number.isInteger(numRuns) && numRuns > 0 ? [] : [`--runs is ${values.runs}, not a positive integer.`]),
  ...(Number.isInteger(seed) && values.seed !== "" ? [] : [`--seed is ${values.seed}, not an integer.`]),
  ...(/^-?\d+(:-?\d+)*$/.test(values.path ?? "0")
    ? []
    : [`--path is ${values.path}, not numbers with colons between.`]),
];
if (values.help || wrong.length > 0) {
  if (wrong.length > 0) console.error(`${wrong.join("\n")}\n`);
  console.log(help);
  process.exit(values.help ? 0 : 2);
}
const names = values.op.length > 0 ? values.op : Object.keys(cases);
const width = Math.max(...names.map((name) => name.length), 9);
let failures = 0;
let total = 0;

/** How many cases were checked, and what the one that fails says. */
interface Outcome {
  readonly runs: number;
  readonly error: unknown;
}

type CheckDrawn = (draw: (low: number, high: number) => number) => void;

/** Checks cases at random, and shrinks one that fails. */
function searched(checkDrawn: CheckDrawn): Outcome {
  const property = fc.property(fc.gen(), (gen) => checkDrawn((min, max) => gen(fc.integer, { min, max })));
  const result = fc.check(property, { numRuns, seed });
  return { runs: result.numRuns, error: result.failed ? (result.errorInstance ?? "it failed") : null };
}

/**
 * Checks the one case that is made of the numbers in `path`. fast-check cannot find its own way back to what it has
 * shrunk, as what `fc.gen` gives is known only when the case has been run.
 */
function replayed(checkDrawn: CheckDrawn, path: string): Outcome {
  const numbers = path.split(":").map(Number);
  let at = 0;
  try {
    checkDrawn((low, high) => Math.min(Math.max(numbers[at++] ?? low, low), high));
    return { runs: 1, error: null };
  } catch (error) {
    return { runs: 1, error };
  }
}

console.log(`${"operation".padEnd(width)}  order    cases  derivatives  worst error / tolerance`);
for (const name of names) {
  for (const [order, check] of [["first", gradcheck] as const, ["second", gradgradcheck] as const]) {
    let compared = 0;
    let worst = 0;
    let counterexample: { readonly inputs: readonly Tensor[]; readonly draws: readonly number[] } | undefined;
    const checkDrawn = (draw: (low: number, high: number) => number): void => {
      const draws: number[] = [];
      const integer = (low: number, high: number): number => {
        const drawn = draw(low, high);
        draws.push(drawn);
        return drawn;
      };
      const { f, inputs } = cases[name]!(new Sampler({ integer }));
      const report = check(f, inputs, { throws: false });
      // The last one that fails is what fast-check has shrunk to.
      if (!report.passed) counterexample = { inputs, draws };
      if (!report.passed) throw new Error(formatReport(report));
      compared += report.compared;
      worst = Math.max(worst, report.worst);
    };
    const result = values.path === undefined ? searched(checkDrawn) : replayed(checkDrawn, values.path);
    total += compared;
    const columns = [name.padEnd(width), order.padEnd(7), String(result.runs).padStart(6)];
    columns.push(String(compared).padStart(11), worst.toExponential(2).padStart(12));
    console.log(`${columns.join("  ")}${result.error === null ? "" : "  FAILED"}`);
    if (result.error !== null) {
      failures++;
      const message = result.error instanceof Error ? result.error.message : String(result.error);
      const { inputs = [], draws = null } = counterexample ?? {};
      const shown = inputs.map((x, i) => `  input ${i}: ${x.dtype}[${x.shape}] ${JSON.stringify(x.toArray())}`);
      // Where no case could be made, only the search can be repeated.
      const again = draws === null ? `--runs ${numRuns} --seed ${seed}` : `--path "${draws.join(":")}"`;
      console.log(`\n${message}\n${shown.join("\n")}\n\nreplay: pnpm gradcheck --op ${name} ${again}\n`);
    }
  }
}
const counted = `${names.length} ${names.length === 1 ? "operation" : "operations"}`;
console.log(`\n${counted}, ${total} derivatives compared, ${failures} failures (seed ${seed})`);
process.exit(failures > 0 ? 1 : 0);
