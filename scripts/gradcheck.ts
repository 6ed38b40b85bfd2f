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
const unknown = values.op.filter((name) => !(name in cases));
if (values.help || unknown.length > 0 || !Number.isInteger(numRuns) || !Number.isInteger(seed)) {
  if (unknown.length > 0) console.error(`There is no operation ${unknown.join(", ")} among the cases.\n`);
  console.log(help);
  process.exit(values.help ? 0 : 2);
}
const names = values.op.length > 0 ? values.op : Object.keys(cases);
const width = Math.max(...names.map((name) => name.length), 9);
let failures = 0;
let total = 0;

console.log(`${"operation".padEnd(width)}  order    cases  derivatives  worst error / tolerance`);
for (const name of names) {
  for (const [order, check] of [["first", gradcheck] as const, ["second", gradgradcheck] as const]) {
    let compared = 0;
    let worst = 0;
    let counterexample: readonly Tensor[] = [];
    const property = fc.property(fc.gen(), (gen) => {
      const source = { integer: (low: number, high: number) => gen(fc.integer, { min: low, max: high }) };
      const { f, inputs } = cases[name]!(new Sampler(source));
      // The last one that fails is what fast-check has shrunk to.
      const report = check(f, inputs, { throws: false });
      if (!report.passed) counterexample = inputs;
      if (!report.passed) throw new Error(formatReport(report));
      compared += report.compared;
      worst = Math.max(worst, report.worst);
    });
    const path = values.path === undefined ? {} : { path: values.path };
    const result = fc.check(property, { numRuns, seed, ...path });
    total += compared;
    const columns = [name.padEnd(width), order.padEnd(7), String(result.numRuns).padStart(6)];
    columns.push(String(compared).padStart(11), worst.toExponential(2).padStart(12));
    console.log(`${columns.join("  ")}${result.failed ? "  FAILED" : ""}`);
    if (result.failed) {
      failures++;
      const message = result.errorInstance instanceof Error ? result.errorInstance.message : "";
      const shown = counterexample.map((x, i) => `  input ${i}: ${x.dtype}[${x.shape}] ${JSON.stringify(x.toArray())}`);
      console.log(
        `\n${message}\n${shown.join("\n")}\n\nreplay: pnpm gradcheck --op ${name} --seed ${seed} --path "${result.counterexamplePath}"\n`,
      );
    }
  }
}
console.log(`\n${names.length} operations, ${total} derivatives compared, ${failures} failures (seed ${seed})`);
process.exit(failures > 0 ? 1 : 0);
