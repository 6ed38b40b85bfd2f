/** The main job as its users run it: a process, its output and its files. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fashionMnist, syntheticFashion, writeIdx } from "@gradiente/datasets";
import { loadModel } from "@gradiente/nn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readOptions, UsageError } from "../examples/parts/command-line.ts";

const root = join(import.meta.dirname, "..");
const script = join(root, "examples", "fashion-mnist.ts");
const realData = process.env.GRADIENTE_DATA;
const hasRealData = realData !== undefined && existsSync(join(realData, "fashion-mnist"));

/** The program in the README, run on what there is with fewer epochs. */
async function runReadme(): Promise<Finished> {
  const text = await readFile(join(root, "README.md"), "utf8");
  const program = /```ts\n([\s\S]*?)```/.exec(text)![1]!;
  // Beside the packages' links, so that their names are found; the file is ignored by git.
  const file = join(root, "out", `readme-${process.pid}.ts`);
  await mkdir(join(root, "out"), { recursive: true });
  await writeFile(file, program.replace("epochs: 30", "epochs: 1"));
  try {
    const small = join(folder, "readme-data", "fashion-mnist");
    await syntheticFashion({ train: 5640, test: 30, directory: small });
    return await start([], { GRADIENTE_DATA: join(folder, "readme-data") }, { program: file, cwd: folder }).end;
  } finally {
    await rm(file, { force: true });
  }
}

// Well below what was measured, and far above chance, which is 0.1.
const ACCURACY_ON_DRAWN = 0.45;
const ACCURACY_ON_REAL = 0.7;

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder = "";
let garments = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gradiente-end-to-end-"));
  garments = join(folder, "garments");
  await syntheticFashion({ train: 1320, test: 300, seed: 5, directory: garments });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function start(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  { program = script, cwd = folder }: { readonly program?: string; readonly cwd?: string } = {},
): { child: ChildProcess; output: { stdout: string }; end: Promise<Finished> } {
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: "1", ...environment },
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const end = new Promise<Finished>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...output }));
  });
  return { child, output, end };
}

const run = (...args: string[]): Promise<Finished> => start(args).end;

const historyIn = async (out: string): Promise<Record<string, number[]>> =>
  JSON.parse(await readFile(join(out, "history.json"), "utf8")) as Record<string, number[]>;

const testAccuracy = (stdout: string): number => Number(/accuracy (\d\.\d+)/.exec(stdout)?.[1]);

describe("pnpm start", () => {
  const small = ["--epochs", "3", "--learning-rate", "0.1", "--seed", "7"];

  test("trains, draws, saves, loads and predicts", { timeout: 120_000 }, async () => {
    const out = join(folder, "first");
    const { code, stdout, stderr } = await run(...small, "--data", garments, "--out", out);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toContain(`from the folder given, ${garments}`);
    expect(stdout).toMatch(/Backend: \w+, threads: \d+\. Seed: 7\./);
    expect(stdout).toContain("Images: 1210 to train with, 110 for validation, 300 to test with.");
    for (const row of [/flatten.+784.+ 0$/, /dense .+300.+235500$/, /dense_1.+100.+30100$/, /dense_2.+10.+1010$/]) {
      expect(stdout).toMatch(new RegExp(row.source, "m"));
    }
    expect(stdout).toMatch(/[Tt]otal params: 266,?610/);
    expect(stdout).toContain("weights [784, 300], biases float32[300] [0, 0, 0, …, 0, 0, 0]");
    expect(stdout).toContain("predictions of the loaded model are identical");

    const history = await historyIn(out);
    expect(Object.keys(history).sort()).toEqual(["accuracy", "loss", "val_accuracy", "val_loss"]);
    for (const values of Object.values(history)) expect(values).toHaveLength(3);
    expect(history.loss![2]!).toBeLessThan(history.loss![0]!);
    expect(testAccuracy(stdout)).toBeGreaterThan(ACCURACY_ON_DRAWN);

    const files = await readdir(out);
    expect(files.sort()).toEqual(["history.json", "learning-curves.svg", "my_model.h5", "predictions.svg"]);
    const curves = await readFile(join(out, "learning-curves.svg"), "utf8");
    for (const name of Object.keys(history)) expect(curves).toContain(`>${name}<`);
    const sheet = await readFile(join(out, "predictions.svg"), "utf8");
    expect(sheet.match(/>is: /g)).toHaveLength(3);
  });

  test("gives the same bits for the same seed, and others for another", { timeout: 120_000 }, async () => {
    const [second, third] = [join(folder, "second"), join(folder, "third")];
    const [again, other] = await Promise.all([
      run(...small, "--data", garments, "--out", second),
      run(...small, "--seed", "8", "--data", garments, "--out", third),
    ]);
    expect([again.code, other.code]).toEqual([0, 0]);
    const first = join(folder, "first");
    expect(await historyIn(second)).toEqual(await historyIn(first));
    expect(await historyIn(third)).not.toEqual(await historyIn(first));
    const weights = async (out: string): Promise<string[]> => {
      const model = await loadModel(join(out, "my_model.h5"));
      return model.getWeights().map((w) => Buffer.from(w.data.buffer).toString("base64"));
    };
    expect(await weights(second)).toEqual(await weights(first));
    for (const name of ["learning-curves.svg", "predictions.svg"]) {
      expect(await readFile(join(second, name), "utf8")).toBe(await readFile(join(first, name), "utf8"));
    }
  });

  test("stops after a batch on Ctrl-C and keeps what it has", { timeout: 120_000 }, async () => {
    const out = join(folder, "interrupted");
    const { child, output, end } = start(["--epochs", "10000", "--data", garments, "--out", out]);
    const begun = setInterval(() => {
      if (/Epoch 2\//.test(output.stdout)) {
        clearInterval(begun);
        child.kill("SIGINT");
      }
    }, 20);
    const { code, stdout, stderr } = await end;
    clearInterval(begun);
    expect(stderr).toContain("Stopping after this batch");
    expect(stdout).toMatch(/Interrupted after \d+ of 10000 epochs/);
    expect(code).toBe(130);
    const model = await loadModel(join(out, "my_model.h5"));
    expect(model.countParams()).toBe(266_610);
    expect((await historyIn(out)).loss!.length).toBeGreaterThanOrEqual(1);
    expect((await readdir(out)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("draws garments where there is no data and no network, and says so", { timeout: 120_000 }, async () => {
    const nowhere = "http://127.0.0.1:9"; // the discard port: connections are refused
    const { child, output, end } = start(["--out", join(folder, "offline"), "--data", join(folder, "nothing")], {
      GRADIENTE_DATA: join(folder, "nothing"),
      XDG_CACHE_HOME: join(folder, "cache"),
      LOCALAPPDATA: join(folder, "cache"),
      HOME: folder,
      NODE_USE_ENV_PROXY: "1",
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere,
      NO_PROXY: "",
    });
    const begun = setInterval(() => {
      if (/Total params/i.test(output.stdout)) child.kill("SIGINT");
    }, 50);
    const { code, stdout } = await end;
    clearInterval(begun);
    expect(stdout).toContain("Fashion-MNIST is not here and could not be downloaded. What was tried:");
    expect(stdout).toContain(join(folder, "nothing"));
    expect(stdout).toContain("trained on drawn garments instead");
    expect(stdout).toContain("Data: drawn garments (not Fashion-MNIST), in");
    expect(stdout).toContain("Images: 55000 to train with, 5000 for validation, 10000 to test with.");
    expect(code).toBe(130);
  });

  test("explains its options", async () => {
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    for (const option of ["epochs", "batch-size", "learning-rate", "seed", "data", "out", "help"]) {
      expect(stdout).toContain(`--${option}`);
    }
  });

  test.each([
    [["--epoch", "3"], "Unknown option --epoch. Valid options: --epochs, --batch-size"],
    [["--epochs", "0"], '--epochs is "0"; valid is a whole number from 1'],
    [["--epochs", "1.5"], '--epochs is "1.5"; valid is a whole number from 1'],
    [["--learning-rate", "fast"], '--learning-rate is "fast"; valid is a number above 0'],
    [["--seed", "-1"], '--seed is "-1"; valid is a whole number from 0'],
    [["--batch-size"], "--batch-size needs a value"],
    [["--epochs", "--seed", "1"], "--epochs needs a value"],
    [["adam"], 'Unexpected "adam". Valid options:'],
  ])("refuses %j and says what is valid", (args, message) => {
    expect(() => readOptions(args)).toThrow(UsageError);
    expect(() => readOptions(args)).toThrow(message);
  });

  test("ends with what is wrong and no stack when refused", async () => {
    const [option, backend] = await Promise.all([
      run("--epochs", "0"),
      run("--backend", "gpu", "--out", join(folder, "refused")),
    ]);
    expect(option).toMatchObject({ code: 2, stderr: expect.stringContaining('--epochs is "0"') });
    expect(backend).toMatchObject({ code: 1, stderr: expect.stringContaining('expected one of "wasm"') });
    for (const { stderr } of [option, backend]) expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("refuses damaged images, and a folder it cannot write to, in words", async () => {
    const damaged = join(folder, "damaged");
    await cp(garments, damaged, { recursive: true });
    const images = join(damaged, "train-images-idx3-ubyte.gz");
    await truncate(images, 5000);
    const [reading, writing, diverging] = await Promise.all([
      run("--data", damaged, "--out", join(folder, "refused")),
      run("--data", garments, "--out", images),
      run("--data", garments, "--out", join(folder, "refused"), "--learning-rate", "1e30"),
    ]);
    expect(reading.stderr).toContain(images);
    expect(writing.stderr).toContain(images);
    expect(diverging.stderr).toMatch(/loss|NaN|finite/i);
    for (const { code, stderr } of [reading, writing, diverging]) {
      expect(code).toBe(1);
      expect(stderr).not.toMatch(/^\s+at /m);
    }
  });

  test.skipIf(!hasRealData)("learns real garments from a tenth of them", { timeout: 180_000 }, async () => {
    const directory = join(folder, "real");
    const { train, test: held } = await fashionMnist();
    for (const [name, part, count] of [
      ["train", train, 6000],
      ["t10k", held, 1000],
    ] as const) {
      const { x, y } = await part.take(count).toArrays();
      await writeIdx(join(directory, `${name}-images-idx3-ubyte.gz`), x);
      await writeIdx(join(directory, `${name}-labels-idx1-ubyte.gz`), y);
    }
    const out = join(folder, "real-out");
    const { code, stdout } = await run(...small, "--epochs", "2", "--data", directory, "--out", out);
    expect(code).toBe(0);
    expect(testAccuracy(stdout)).toBeGreaterThan(ACCURACY_ON_REAL);
  });
});

test("the program in the README runs as it stands there", { timeout: 120_000 }, async () => {
  const { code, stdout, stderr } = await runReadme();
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout).toMatch(/Total params: 266,?610/i);
  expect(stdout).toMatch(/accuracy: 0\.\d+/);
  expect(existsSync(join(folder, "my_model.h5"))).toBe(true);
});
