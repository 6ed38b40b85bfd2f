/**
 * Exchanges models with Keras in both directions: `pnpm interop`.
 *
 * PYTHON=python3 KERAS_BACKEND=torch node scripts/interop.ts [NAME …]
 *
 * Models with every layer, loss and optimizer are trained and saved here in every format. Python opens them: h5py checks
 * the layout and every number, Keras (where that Python has it) predicts, trains one step further and saves. What it saved
 * is read back here; predictions, weights and the step are compared. It says what ran and what was skipped.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, rand, type Tensor } from "@gradiente/autograd";
import { loadModel, type Model } from "@gradiente/nn";
import { type Exchanged, models } from "./interop/models.ts";

interface Listed {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Result {
  readonly ok: boolean;
  readonly error?: string;
  readonly skipped?: string;
  readonly loss?: number;
  readonly logs?: readonly string[];
  readonly weights?: readonly Listed[];
  readonly outputs?: readonly Listed[];
}
interface Report {
  readonly python: string;
  readonly h5py: string | null;
  readonly keras: string | null;
  readonly backend?: string;
  readonly cases: Record<string, Record<string, Result>>;
}
interface Case {
  readonly given: Exchanged;
  readonly inputs: readonly Tensor[];
  readonly targets: readonly Tensor[];
}

const python = process.env.PYTHON ?? "python3";
const samples = 4;
/** Of rates and weights after a step in float32, relative to the largest. */
const closeStep = 2e-4;

const only = process.argv.slice(2);
const chosen = only.length === 0 ? models : models.filter(({ name }) => only.some((n) => name.includes(n)));
const folder = mkdtempSync(join(tmpdir(), "gradiente-interop-"));
const failures: string[] = [];
const fail = (name: string, what: string): void => void failures.push(`${name}: ${what}`);

const arrayOf = (t: Tensor) => ({ shape: t.shape, data: Array.from(t.data), dtype: t.dtype });
const lone = (list: readonly Tensor[]) => (list.length === 1 ? list[0]! : list);
const listOf = (value: Tensor | readonly Tensor[]): readonly Tensor[] =>
  Array.isArray(value) ? value : [value as Tensor];

function distance(found: Tensor, expected: Listed): number {
  if (found.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY;
  const scale = expected.data.reduce((m, v) => Math.max(m, Math.abs(v)), 1);
  return Math.max(0, ...Array.from(found.data, (v, i) => Math.abs(v - expected.data[i]!))) / scale;
}

/** The largest distance of any output. */
function apart(found: readonly Tensor[], expected: readonly Listed[]): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(...found.map((y, i) => distance(y, expected[i]!)));
}

function caseOf(given: Exchanged, model: Model): Case {
  const generator = new Generator(5);
  const draw = (shape: readonly (number | null)[]): Tensor =>
    rand([samples, ...shape.slice(1).map((n) => n ?? 3)], { generator });
  const inputs = model.inputShapes!.map((shape) => {
    const x = draw(shape);
    return given.classes === undefined ? x : x.mul(given.classes).floor();
  });
  const targets = listOf(
    model.call === undefined ? [] : model.callAll(inputs, { training: false, generator, losses: [] }),
  ).map((y) => {
    const t = draw(y.shape);
    const n = y.shape.at(-1)!;
    if (given.targets === "binary") return t.greater(0.5).cast("float32");
    if (given.targets === "classes") return draw([null, 1]).mul(n).floor();
    if (given.targets !== "one-hot") return t.cast(model.dtype);
    const largest = t.max({ axis: -1, keepDims: true });
    return t.greaterEqual(largest).cast("float32");
  });
  return { given, inputs, targets };
}

const cases = new Map<string, Case>();
const manifest: Record<string, object> = {};
for (const given of chosen) {
  const { name } = given;
  const model = given.make();
  const own = caseOf(given, model);
  model.compile(given.compile ?? { loss: "mse", optimizer: "adam" });
  // Two steps, so that the optimizer has something to go on from.
  for (let i = 0; i < 2; i++) model.trainOnBatch(lone(own.inputs), lone(own.targets));
  for (const ending of ["keras", "h5", "weights.h5"]) await model.save(join(folder, `${name}.${ending}`));
  const outputs = await model.predictAll(lone(own.inputs));
  manifest[name] = {
    inputs: own.inputs.map(arrayOf),
    targets: own.targets.map(arrayOf),
    outputs: outputs.map(arrayOf),
    layers: model.layers.map((l) => l.name),
    notInH5: given.notInH5 ?? null,
    notOnJax: given.notOnJax ?? null,
    legacy: model.layers.flatMap((layer) => {
      const trained = layer.trainableWeights;
      return [...trained, ...layer.weights.filter((w) => !trained.includes(w))].map((w) => arrayOf(w.value));
    }),
    arrays: model.weights.map((w) => arrayOf(w.value)),
  };
  cases.set(name, own);
}

writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
console.log(`${chosen.length} models written in 3 formats; opening them with ${python}`);
const run = spawnSync(python, [join(import.meta.dirname, "interop", "open.py"), folder], {
  stdio: ["ignore", "inherit", "pipe"],
  encoding: "utf8",
});
if (run.error !== undefined || !existsSync(join(folder, "report.json"))) {
  console.error(run.error?.message ?? run.stderr.slice(-2000));
  console.error(`Nothing was checked: set PYTHON to a Python with h5py.`);
  process.exit(2);
}
const report = JSON.parse(readFileSync(join(folder, "report.json"), "utf8")) as Report;
const counts: Record<string, number> = {};
const skipped: string[] = [];
for (const [name, results] of Object.entries(report.cases)) {
  for (const [label, result] of Object.entries(results)) {
    if (result.skipped !== undefined) skipped.push(`${name}, ${label}: ${result.skipped}`);
    else if (result.ok) counts[label] = (counts[label] ?? 0) + 1;
    else fail(name, `${label}: ${result.error}`);
  }
}
if (report.keras !== null) {
  for (const [name, own] of cases) for (const ending of ["keras", "h5"]) await readBack(name, own, ending);
}

/** Compares a further step taken by Keras with the same step taken here, and reads what Keras saved after it. */
async function readBack(name: string, { given, inputs, targets }: Case, ending: string): Promise<void> {
  const result = report.cases[name]?.[`keras .${ending}`];
  if (result?.ok !== true) return;
  const label = `back from Keras .${ending}`;
  try {
    const here = await loadModel(join(folder, `${name}.${ending}`));
    const logs = here.trainOnBatch(lone(inputs), lone(targets));
    const there = await loadModel(join(folder, "keras", `${name}.${ending}`), {
      onWarning: (message) => fail(name, `${label}: ${message}`),
    });
    const far = apart(await there.predictAll(lone(inputs)), result.outputs!);
    if (!(far <= 1e-5)) fail(name, `${label}: predictions are ${far.toExponential(1)} apart`);
    if (result.loss !== undefined && !given.random) {
      const loss = Math.abs(logs.loss - result.loss) / Math.max(1, Math.abs(result.loss));
      if (!(loss <= closeStep))
        fail(name, `${label}: the losses of a step are ${logs.loss} here and ${result.loss} there`);
      const steps = apart(await here.predictAll(lone(inputs)), result.outputs!);
      if (!(steps <= closeStep)) {
        fail(name, `${label}: after one more step predictions are ${steps.toExponential(1)} apart`);
      }
      const [mine, theirs] = [here.compiled!.optimizer, there.compiled!.optimizer];
      if (mine.steps !== theirs.steps) fail(name, `${label}: ${theirs.steps} steps, not ${mine.steps}`);
      const [a, b] = [mine.arrays(here.trainableWeights), theirs.arrays(there.trainableWeights)];
      a.forEach(({ name: kind, weight, value }, i) => {
        const far = distance(b[i]!.value, { shape: value.shape, data: Array.from(value.data) });
        if (!(far <= closeStep)) fail(name, `${label}: ${kind} of ${weight.name} is ${far.toExponential(1)} apart`);
      });
    }
    const names = Object.keys(logs).sort().join();
    if (result.logs !== undefined && names !== result.logs.join())
      fail(name, `${label}: logs are ${names} here and ${result.logs.join()} there`);
    if (ending === "keras") await there.loadWeights(join(folder, "keras", `${name}.weights.h5`));
    counts[label] = (counts[label] ?? 0) + 1;
  } catch (error) {
    fail(name, `${label}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const keras =
  report.keras === null ? "no Keras, so that its part was skipped" : `Keras ${report.keras} on ${report.backend}`;
console.log(`Python ${report.python} with h5py ${report.h5py ?? "missing: nothing was checked"}, ${keras}`);
for (const [label, count] of Object.entries(counts))
  console.log(`  ${label.padEnd(24)} ${count} of ${cases.size} models`);
for (const line of skipped) console.log(`  skipped ${line}`);
for (const failure of failures) console.log(`FAILED ${failure}`);
if (failures.length === 0) rmSync(folder, { recursive: true, force: true });
else console.log(`${failures.length} failures; the files are in ${folder}`);
process.exitCode = failures.length === 0 ? 0 : 1;
