/** Training runs that are killed and started again end bit for bit like those that were not. */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, manualSeed } from "@gradiente/autograd";
import { Dataset } from "@gradiente/datasets";
import { BackupAndRestore, CheckpointError, Dense, Dropout, LambdaCallback, Sequential } from "@gradiente/nn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "gradiente-checkpoints-"));
afterAll(() => rmSync(folder, { recursive: true }));
const source = (name: string): string => JSON.stringify(join(import.meta.dirname, `../packages/${name}/src/index.ts`));

/**
 * A script that trains, says when a batch is done, and writes what it ended with. Told so, it kills itself at the n-th
 * call of a function that files are written with.
 */
const script = join(folder, "train.ts");
writeFileSync(
  script,
  `import fs from "node:fs/promises";
import { writeFileSync, writeSync } from "node:fs";
import { manualSeed, randn } from ${source("autograd")};
import { Dataset } from ${source("datasets")};
import * as nn from ${source("nn")};
const [, , directory, kind, saveFreq, within, nth] = process.argv;
const kill = () => process.kill(process.pid, "SIGKILL");
if (within !== undefined) {
  const [name, when] = within.split(" ");
  const own = fs[name];
  let calls = 0;
  fs[name] = async (path, ...others) => {
    if (!String(path).includes(directory + "/backup/") || ++calls < Number(nth)) return own(path, ...others);
    if (when === "half") writeFileSync(path, others[0].subarray(0, others[0].length / 2));
    else if (when === "after") await own(path, ...others);
    kill();
    await new Promise(() => {});
  };
}
manualSeed(5);
const x = randn([60, 4]);
const y = x.sum({ axis: 1 }).greater(0).cast("float32");
const model = new nn.Sequential([
  new nn.Dense(8, { activation: "relu", inputShape: [4] }),
  new nn.BatchNormalization(),
  new nn.Dropout(0.3),
  new nn.GaussianNoise(0.1),
  new nn.Dense(1, { activation: "sigmoid" }),
]);
const rate = new nn.ExponentialDecay({ initialLearningRate: 0.05, decaySteps: 10, decayRate: 0.9 });
const arrays = kind === "arrays";
model.compile({
  loss: "binary_crossentropy",
  optimizer: arrays
    ? new nn.Adam({ learningRate: rate, useEma: true, emaOverwriteFrequency: 7, gradientAccumulationSteps: 2 })
    : new nn.Adam({ learningRate: 0.05, amsgrad: true }),
  metrics: ["accuracy", new nn.AUC()],
});
const stop = new nn.EarlyStopping({ patience: arrays ? 3 : 9, restoreBestWeights: true, minDelta: 0.002 });
const plateau = new nn.ReduceLROnPlateau({ patience: 1, minDelta: 0.05, cooldown: 1, factor: 0.5 });
const best = new nn.ModelCheckpoint(directory + "/best-{epoch}.ckpt", { keepLast: 2 });
const backup = new nn.BackupAndRestore(directory + "/backup", {
  saveFreq: saveFreq === "epoch" ? saveFreq : Number(saveFreq),
  onDamaged: () => writeFileSync(directory + "/damaged", ""),
});
const common = {
  epochs: 14,
  verbose: 0,
  callbacks: [
    backup,
    stop,
    new nn.CSVLogger(directory + "/log.csv"),
    ...(arrays ? [] : [plateau, best]),
    new nn.LambdaCallback({ onBatchEnd: () => void writeSync(1, ".") }),
  ],
};
const rows = { x: { data: x.data, shape: x.shape }, y: { data: y.data, shape: [60] } };
const { history, epoch } = arrays
  ? await model.fit(x, y, { ...common, batchSize: 8, validationSplit: 0.2 })
  : await model.fit(Dataset.fromArrays(rows).shuffle(60, { seed: 4 }).batch(8), {
      ...common,
      stepsPerEpoch: 7,
      validationData: Dataset.fromArrays(rows).take(20).batch(8),
    });
const weights = model.getWeights().map((w) => Buffer.from(new Uint8Array(w.data.buffer)).toString("hex"));
const { bestEpoch, stoppedEpoch } = stop;
writeFileSync(directory + "/end.json", JSON.stringify({ history, epoch, weights, bestEpoch, stoppedEpoch, best: best.best }));
`,
);

/**
 * Runs the script.
 * @param kill - Kills it some milliseconds after so many batches. By default it is not killed from outside.
 * @param more - Arguments with which it kills itself.
 * @returns whether it came to its end.
 */
function train(
  directory: string,
  kind: string,
  saveFreq: string,
  kill: { readonly batches: number; readonly delay: number } | null = null,
  more: readonly string[] = [],
): Promise<boolean> {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, "compiled") }; // a start takes a third of the time
  const args = [script, directory, kind, saveFreq, ...more];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let [done, told] = [0, ""];
  child.stderr.on("data", (text: Buffer) => {
    told += text;
  });
  child.stdout.on("data", (dots: Buffer) => {
    if (kill !== null && done < kill.batches && done + dots.length >= kill.batches) {
      setTimeout(() => child.kill("SIGKILL"), kill.delay);
    }
    done += dots.length;
  });
  return new Promise((resolve, reject) => {
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL" || code === 0) resolve(code === 0);
      else reject(new Error(`the script ended with ${code}: ${told}`));
    });
  });
}

const fresh = (name: string): string => {
  const directory = join(folder, name);
  mkdirSync(directory);
  return directory;
};
/** What a run left behind: the names of files, and the contents of those that say how it ended. */
function ending(directory: string): Record<string, string | null> {
  const names = readdirSync(directory).filter((name) => name !== "damaged");
  const content = (name: string) => (name.endsWith(".ckpt") ? null : readFileSync(join(directory, name), "utf8"));
  return Object.fromEntries(names.sort().map((name) => [name, content(name)]));
}
const inBackup = (directory: string): string[] => {
  const path = join(directory, "backup");
  return existsSync(path) ? readdirSync(path).sort() : [];
};

describe("a run killed by SIGKILL", () => {
  const wholes = new Map<string, Record<string, string | null>>();
  beforeAll(async () => {
    for (const kind of ["arrays", "data set"]) {
      const directory = fresh(`whole ${kind}`);
      expect(await train(directory, kind, "3")).toBe(true);
      wholes.set(kind, ending(directory));
    }
  });

  it("leaves no checkpoints when it was not killed", () => {
    expect(Object.keys(wholes.get("arrays")!)).toEqual(["end.json", "log.csv"]);
    const names = Object.keys(wholes.get("data set")!);
    expect(names.slice(-2)).toEqual(["end.json", "log.csv"]);
    expect(names.slice(0, -2).every((name) => /^best-\d+\.ckpt$/.test(name))).toBe(true);
    // Something has happened that must not be lost: an early end, lower rates, a best epoch.
    const end = JSON.parse(wholes.get("arrays")!["end.json"]!) as { stoppedEpoch: number };
    expect(end.stoppedEpoch).toBeGreaterThan(0);
    const other = JSON.parse(wholes.get("data set")!["end.json"]!) as { history: { learning_rate: number[] } };
    expect(new Set(other.history.learning_rate).size).toBeGreaterThan(2);
  });

  it.each([
    ["arrays", ["3", "epoch"], 1],
    ["arrays", ["1", "5"], 2],
    ["data set", ["3", "1"], 3],
    ["data set", ["2", "epoch"], 4],
  ] as const)(
    "ends as one that was not, whatever the moments: %s, every %s",
    { timeout: 60_000 },
    async (kind, freqs, seed) => {
      // Killed five times; where a run comes to its end all the same, the next one begins.
      const random = new Generator(seed);
      let directory = "";
      for (let kills = 0, run = 0; kills < 5 || directory !== ""; ) {
        const saveFreq = freqs[run % freqs.length]!;
        directory ||= fresh(`run-${seed}-${run}`);
        const kill = { batches: 1 + Math.floor(random.next() * 8), delay: random.next() * 5 };
        const ended = await train(directory, kind, saveFreq, kills < 5 ? kill : null);
        if (ended) {
          expect(ending(directory)).toEqual(wholes.get(kind));
          directory = "";
          run++;
        } else if (++kills % 2 === 0) {
          // What a disk may do to the newest checkpoint, when there is one before it.
          const checkpoints = inBackup(directory).filter((name) => name.endsWith(".ckpt"));
          if (checkpoints.length > 1) truncateSync(join(directory, "backup", checkpoints.at(-1)!), 500);
        }
      }
    },
  );

  it.each([
    ["before the file is there", "open", 3, 1],
    ["when half of it is written", "writeFile half", 3, 2],
    ["when it is written, before it has its name", "rename", 3, 2],
    ["when it has its name", "rename after", 3, 3],
    ["before the oldest is removed", "rm", 2, 3],
    ["when the very first is half written", "writeFile half", 1, 0],
  ])("ends as one that was not, killed while a checkpoint is written: %s", async (name, within, nth, count) => {
    const directory = fresh(name);
    expect(await train(directory, "arrays", "2", null, [within, String(nth)])).toBe(false);
    const left = inBackup(directory);
    expect(left.some((file) => file.endsWith(".tmp"))).toBe(/half|rename$/.test(within));
    expect(left.filter((file) => file.endsWith(".ckpt"))).toHaveLength(count);
    expect(await train(directory, "arrays", "2")).toBe(true);
    expect(ending(directory)).toEqual(wholes.get("arrays"));
    expect(existsSync(join(directory, "damaged"))).toBe(false);
  });
});

describe("a run over a data set", () => {
  const count = 40;
  const arrays = {
    x: { data: Float32Array.from({ length: count * 2 }, (_, i) => Math.sin(i)), shape: [count, 2] },
    y: Float32Array.from({ length: count }, (_, i) => Math.cos(i)),
  };

  /** Trains; a backup folder lets it go on, and a number of batches has it stopped after so many. */
  async function trainOn(options: {
    backup?: string;
    stopAfter?: number;
    stepsPerEpoch?: number;
  }): Promise<{ weights: number[][]; history: object; finished: boolean }> {
    manualSeed(3);
    const data = Dataset.fromArrays(arrays).shuffle(count, { seed: 4 }).batch(4);
    const model = new Sequential([new Dense(3, { activation: "tanh" }), new Dropout(0.2), new Dense(1)]);
    model.compile({ loss: "mse", optimizer: "adam", metrics: ["mae"] });
    const abort = new AbortController();
    let batches = 0;
    const { history } = await model.fit(data, {
      epochs: 4,
      verbose: 0,
      validationData: Dataset.fromArrays(arrays).take(10).shuffle(10, { seed: 1 }).batch(4),
      signal: abort.signal,
      ...(options.stepsPerEpoch === undefined ? {} : { stepsPerEpoch: options.stepsPerEpoch }),
      callbacks: [
        ...(options.backup === undefined ? [] : [new BackupAndRestore(options.backup, { saveFreq: 2 })]),
        new LambdaCallback({
          onBatchEnd: () => {
            if (++batches === options.stopAfter) abort.abort();
          },
        }),
      ],
    });
    return { weights: model.getWeights().map((w) => [...w.data]), history, finished: !abort.signal.aborted };
  }

  it.each([
    ["whole passes", undefined],
    ["epochs shorter than a pass", 7],
  ])("goes on from its place in %s when it was stopped", async (name, stepsPerEpoch) => {
    const whole = await trainOn(stepsPerEpoch === undefined ? {} : { stepsPerEpoch });
    const backup = join(folder, `stopped-${name}`);
    const limited = stepsPerEpoch === undefined ? { backup } : { backup, stepsPerEpoch };
    for (const stopAfter of [3, 7, 10]) expect((await trainOn({ ...limited, stopAfter })).finished).toBe(false);
    expect(await trainOn(limited)).toEqual(whole);
  });

  it("refuses to go on with other data", async () => {
    const backup = join(folder, "other-data");
    await trainOn({ backup, stopAfter: 3 });
    const model = new Sequential([new Dense(3, { activation: "tanh" }), new Dropout(0.2), new Dense(1)]);
    model.compile({ loss: "mse", optimizer: "adam", metrics: ["mae"] });
    const run = model.fit([[1, 2]], [1], { epochs: 4, verbose: 0, callbacks: [new BackupAndRestore(backup)] });
    await expect(run).rejects.toThrow(CheckpointError);
    await expect(run).rejects.toMatchObject({ reason: "mismatch" });
  });
});
