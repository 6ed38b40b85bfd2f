/** Training runs that are killed and started again end bit for bit like those that were not. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, manualSeed } from "@gradiente/autograd";
import { Dataset } from "@gradiente/datasets";
import { BackupAndRestore, CheckpointError, Dense, Dropout, LambdaCallback, Sequential } from "@gradiente/nn";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "gradiente-checkpoints-"));
afterAll(() => rmSync(folder, { recursive: true }));
const source = (name: string): string => JSON.stringify(join(import.meta.dirname, `../packages/${name}/src/index.ts`));

/** A script that trains, says when a batch is done, and writes what it ended with. */
const script = join(folder, "train.ts");
writeFileSync(
  script,
  `import { writeFileSync, writeSync } from "node:fs";
import { manualSeed, randn } from ${source("autograd")};
import * as nn from ${source("nn")};
const [, , directory, saveFreq] = process.argv;
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
model.compile({
  loss: "binary_crossentropy",
  optimizer: new nn.Adam({ learningRate: rate, useEma: true, emaOverwriteFrequency: 7, gradientAccumulationSteps: 2 }),
  metrics: ["accuracy", new nn.AUC()],
});
const stop = new nn.EarlyStopping({ patience: 3, restoreBestWeights: true, minDelta: 0.002 });
const { history, epoch } = await model.fit(x, y, {
  epochs: 14,
  batchSize: 8,
  validationSplit: 0.2,
  verbose: 0,
  callbacks: [
    new nn.BackupAndRestore(directory + "/backup", { saveFreq: saveFreq === "epoch" ? saveFreq : Number(saveFreq) }),
    stop,
    new nn.CSVLogger(directory + "/log.csv"),
    new nn.LambdaCallback({ onBatchEnd: () => void writeSync(1, ".") }),
  ],
});
const weights = model.getWeights().map((w) => Buffer.from(new Uint8Array(w.data.buffer)).toString("hex"));
writeFileSync(directory + "/end.json", JSON.stringify({ history, epoch, weights, best: stop.bestEpoch, stopped: stop.stoppedEpoch }));
`,
);

/** Runs the script; kills it some time after so many batches. @returns whether it came to its end. */
function train(directory: string, saveFreq: string, batches = Number.POSITIVE_INFINITY, delay = 0): Promise<boolean> {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, "compiled") }; // a start takes a third of the time
  const child = spawn(process.execPath, [script, directory, saveFreq], { env, stdio: ["ignore", "pipe", "inherit"] });
  let done = 0;
  child.stdout.on("data", (dots: Buffer) => {
    if (done < batches && done + dots.length >= batches) setTimeout(() => child.kill("SIGKILL"), delay);
    done += dots.length;
  });
  return new Promise((resolve, reject) => {
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL" || code === 0) resolve(code === 0);
      else reject(new Error(`the script ended with ${code}`));
    });
  });
}

const fresh = (name: string): string => {
  const directory = join(folder, name);
  mkdirSync(directory);
  return directory;
};
const ending = (directory: string): string[] =>
  ["end.json", "log.csv"].map((f) => readFileSync(join(directory, f), "utf8"));

describe("a run killed by SIGKILL", () => {
  it("ends as one that was not, whatever the moments of twenty kills", { timeout: 60_000 }, async () => {
    const whole = fresh("whole");
    expect(await train(whole, "3")).toBe(true);
    const expected = ending(whole);
    expect(readdirSync(whole).sort()).toEqual(["end.json", "log.csv"]); // the checkpoints are gone
    // Two at a time, each killed ten times; where a run comes to its end all the same, the next one begins.
    const follow = async (saveFreqs: readonly string[], seed: number): Promise<void> => {
      const random = new Generator(seed);
      let directory = "";
      for (let kills = 0, run = 0; kills < 10 || directory !== ""; ) {
        const saveFreq = saveFreqs[run % saveFreqs.length]!;
        directory ||= fresh(`run-${seed}-${run}`);
        const [batches, delay] = [1 + Math.floor(random.next() * 8), random.next() * 5];
        const ended = kills < 10 ? await train(directory, saveFreq, batches, delay) : await train(directory, saveFreq);
        if (!ended) kills++;
        else {
          expect(ending(directory)).toEqual(expected);
          directory = "";
          run++;
        }
      }
    };
    await Promise.all([follow(["3", "epoch"], 1), follow(["1", "5"], 2)]);
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
