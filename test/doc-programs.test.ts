/** The TypeScript on the pages: type-checked as a stranger's compiler would, and run where that is quick. */
import { execFile } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

interface Page {
  /** What the text takes for granted, such as data and a model. */
  readonly given?: string;
  /** Numbers to put for others, so that running takes a moment. */
  readonly shorter?: readonly (readonly [string, string])[];
  /** What must be printed; null for programs that are not run. */
  readonly prints: RegExp | null;
  /** A folder of `GRADIENTE_DATA` that it reads. */
  readonly data?: string;
}

const images = `
import { randint, randn } from "@gradiente/autograd";
const samples = (count: number) => [randn([count, 28, 28]), randint(0, 10, [count])] as const;
const [xTrain, yTrain] = samples(40);
const [xValid, yValid] = samples(10);
const [xTest, yTest] = samples(10);
`;
const classifier = `
import { Dense, Flatten, Sequential } from "@gradiente/nn";
const small = (seed?: number) => {
  const layers = [new Flatten({ inputShape: [28, 28] }), new Dense(10, { activation: "softmax" })];
  const made = new Sequential(layers, seed === undefined ? {} : { seed });
  made.compile({ loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] });
  return made;
};
`;

const pages: Readonly<Record<string, Page>> = {
  // Its program is the main job, which has tests of its own.
  "README.md": { prints: null },
  "packages/autograd/README.md": {
    given: `
import fc from "fast-check";
import { expect } from "vitest";
const f = (x: g.Tensor) => x.tanh();
`,
    // Matchers need vitest around them, which is below.
    prints: null,
  },
  "packages/datasets/README.md": { prints: /^$/, data: "fashion-mnist" },
  "packages/nn/README.md": {
    given: `${images}${classifier}
import { BackupAndRestore } from "@gradiente/nn";
const build = (_values: { layers: number; units: number; optimizer: object }, { seed }: { seed: number }) => small(seed);
`,
    shorter: [
      ["epochs: 30", "epochs: 2, verbose: 0"],
      ["epochs: 100", "epochs: 2, verbose: 0"],
      ["saveFreq: 500", "saveFreq: 1"],
      ["maxBudget: 27", "maxBudget: 3"],
      ["folds: 5", "folds: 2"],
    ],
    prints: /Total params: 266,610[\s\S]*val_accuracy/,
  },
  "docs/data.md": {
    given: `
import { writeFile as write } from "node:fs/promises";
const rows = Array.from({ length: 50 }, (_, i) => \`\${i % 7},\${i % 5 === 0 ? "" : i},\${i * 2}\`);
await write("housing.csv", ["rooms,age,median_house_value", ...rows].join("\\n"));
`,
    prints: /\[ 2, 2 \]/,
  },
  "docs/files.md": {
    given: `${images}${classifier}
import { type Tensor } from "@gradiente/autograd";
import { Layer, loadModel, registerSerializable } from "@gradiente/nn";
const model = small();
const other = small();
class Scale extends Layer {
  override call(x: Tensor) {
    return x.mul(2);
  }
}
const swish10 = (x: Tensor) => x.mul(x.mul(10).sigmoid());
const mine = new Sequential([new Scale({ inputShape: [2] }), new Dense(1, { activation: swish10 })]);
await mine.save("mine.keras");
`,
    shorter: [["again.fit(xTrain, yTrain)", "again.fit(xTrain, yTrain, { verbose: 0 })"]],
    prints: /^$/,
  },
  "docs/onnx.md": {
    given: `${classifier}
import { exportOnnx } from "@gradiente/nn";
const model = small();
`,
    prints: /^$/,
  },
  "docs/own-parts.md": {
    given: `
import { randn } from "@gradiente/autograd";
const x = randn([32, 2]);
const y = x.square().sum({ axis: 1, keepDims: true });
`,
    shorter: [["epochs: 5", "epochs: 5, verbose: 0"]],
    prints: /^\[[\s\S]*\n80 [\d.]+\n\[ 32, 2 \]$/,
  },
  "docs/tensor-files.md": {
    given: `
import { ones } from "@gradiente/autograd";
import { Dense, Sequential } from "@gradiente/nn";
const [model, other, encoder] = [0, 1, 2].map(() => new Sequential([new Dense(2, { inputShape: [3] })]));
await saveTensors("model.safetensors", { "embedding.weight": ones([4, 2]) });
`,
    shorter: [
      [
        'encoder.loadStateDict(await loadTensors("weights.safetensors"), { prefix: "encoder." });',
        `const named = Object.entries(encoder!.stateDict()).map(([name, x]) => [\`encoder.\${name}\`, x]);
await saveTensors("whole.safetensors", Object.fromEntries(named));
encoder!.loadStateDict(await loadTensors("whole.safetensors"), { prefix: "encoder." });`,
      ],
      ["model.save", "model!.save"],
      ["other.load", "other!.load"],
    ],
    prints: /'embedding\.weight'/,
  },
  "docs/training.md": {
    given: `${images}${classifier}
import { parameter } from "@gradiente/autograd";
const model = small();
const weights = parameter([1, 2]);
const loss = (w: typeof weights) => w.sub(3).square().sum();
const x = xTrain.toArray() as number[][][];
const y = Array.from({ length: x.length }, () => Array.from({ length: 10 }, () => 0.1));
`,
    shorter: [
      ["epochs: 100", "epochs: 2, verbose: 0"],
      ["epochs: 5", "epochs: 1, verbose: 0"],
    ],
    prints: /^$/,
  },
};
/** Pages of which the code is no program of a user: a test of its own has the first, records of operations the second. */
const others = ["docs/autodidax.md", "CONTRIBUTING.md"];

const root = join(import.meta.dirname, "..");
const blocksOf = (text: string): string[] =>
  [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!.replace(/^export .*\n/gm, ""));

/** The blocks of a page as one program, each within the scope of those before it. */
async function programOf(name: string): Promise<string> {
  const { given = "", shorter = [] } = pages[name]!;
  let body = "";
  let depth = 0;
  const top: string[] = [];
  for (const block of [given, ...blocksOf(await readFile(join(root, name), "utf8"))]) {
    if (block.startsWith("declare ")) {
      top.push(block);
      continue;
    }
    const imports = block.match(/^import .*\n/gm) ?? [];
    top.push(...imports.map((line) => line.replace(/ *\/\/.*/, "")));
    body += `{\n${block.replace(/^import .*\n/gm, "")}`;
    depth++;
  }
  for (const [from, to] of shorter) {
    if (!body.includes(from)) throw new Error(`${name} no longer has ${JSON.stringify(from)}`);
    body = body.replaceAll(from, to);
  }
  return `${merged(top)}\n${body}${"}\n".repeat(depth)}export {};\n`;
}

/** Each name imported once. */
function merged(statements: readonly string[]): string {
  const names = new Map<string, Set<string>>();
  const rest = new Set<string>();
  for (const statement of statements) {
    const [, list, from] = /^import \{ (.*) \} from "(.*)";/.exec(statement) ?? [];
    if (list === undefined) rest.add(statement);
    else names.set(from!, new Set([...(names.get(from!) ?? []), ...list.split(", ")]));
  }
  return [...rest, ...[...names].map(([from, list]) => `import { ${[...list].join(", ")} } from "${from}";\n`)].join(
    "",
  );
}

const run = promisify(execFile);
const fileOf = (name: string): string => `${name.replace(/\W/g, "-")}.ts`;
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pages-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  for (const name of Object.keys(pages)) await writeFile(join(folder, fileOf(name)), await programOf(name));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("every page with code is known", () => {
  const found = globSync(["*.md", "docs/*.md", "packages/*/*.md", "examples/*.md"], { cwd: root });
  return Promise.all(
    found.map(async (name) => blocksOf(await readFile(join(root, name), "utf8")).length > 0 && name),
  ).then((names) => expect(names.filter(Boolean).sort()).toEqual([...Object.keys(pages), ...others].sort()));
});

test("what the pages say compiles", async () => {
  const compilerOptions = { noEmit: true, isolatedDeclarations: false, noUnusedLocals: false, types: ["node"] };
  const files = Object.keys(pages).map(fileOf);
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.base.json"), compilerOptions, files }),
  );
  const require = createRequire(import.meta.url);
  const compiler = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
  const outcome = await run(process.execPath, [compiler, "-p", folder, "--pretty", "false"], { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  );
  expect(outcome.stdout).toBe("");
});

test("the program on packages/autograd/README.md runs", async () => {
  const printed = vi.spyOn(console, "log").mockImplementation(() => undefined);
  await import(join(folder, fileOf("packages/autograd/README.md")));
  expect(printed.mock.lastCall?.[0]).toBeCloseTo(3.1047, 4);
  printed.mockRestore();
});

const runnable = Object.entries(pages).filter(([, { prints }]) => prints !== null);
for (const [name, { prints, data }] of runnable) {
  const isMissing = data !== undefined && !existsSync(join(process.env.GRADIENTE_DATA ?? "", data));
  test.skipIf(isMissing)(`the program on ${name} runs${isMissing ? " (its data are not there)" : ""}`, async () => {
    const { stdout, stderr } = await run(process.execPath, [join(folder, fileOf(name))], { cwd: folder });
    expect(stderr).toBe("");
    expect(stdout.trim()).toMatch(prints!);
  });
}
