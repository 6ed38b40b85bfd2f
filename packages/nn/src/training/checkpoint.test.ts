import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, tensor } from "@gradiente/autograd";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  Adam,
  BackupAndRestore,
  CheckpointError,
  CosineDecay,
  Dense,
  Dropout,
  EarlyStopping,
  GRU,
  LambdaCallback,
  ModelCheckpoint,
  Nadam,
  ReduceLROnPlateau,
  RMSprop,
  Sequential,
} from "../index.ts";
import { decodeState, encodeState, Fields, type State } from "../state.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "gradiente-nn-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true }));

const x = Array.from({ length: 24 }, (_, i) => [Math.sin(i), Math.cos(3 * i)]);
const y = x.map(([a, b]) => a! * b!);

describe("states", () => {
  const numbers = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, -0, Number.POSITIVE_INFINITY));
  const { state } = fc.letrec<{ state: State }>((tie) => ({
    state: fc.oneof(
      { depthSize: "small" },
      numbers,
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.float32Array({ maxLength: 4 }),
      fc.float64Array({ maxLength: 4 }),
      fc.array(tie("state"), { maxLength: 3 }),
      fc.dictionary(
        fc.oneof(
          fc.string().filter((s) => !s.startsWith("$")),
          fc.constant("__proto__"),
        ),
        tie("state"),
        { maxKeys: 3 },
      ),
    ),
  }));
  const plain = (value: unknown): unknown => {
    if (ArrayBuffer.isView(value)) return [value.constructor.name, ...(value as Float64Array)];
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    return Object.entries(value).map(([name, item]) => [name, plain(item)]);
  };

  it("come back bit for bit, whatever they hold", () => {
    fc.assert(
      fc.property(state, (value) => {
        const { json, tensors } = encodeState(value);
        expect(plain(decodeState(json, tensors))).toEqual(plain(value));
      }),
    );
  });

  it("keep apart what lies at paths that read the same", () => {
    const value = { "a/b": tensor([1]), a: { b: tensor([2]), "b~": tensor([3]) }, "a/b~": new Float32Array([4]) };
    const { json, tensors } = encodeState(value);
    expect(JSON.stringify([...tensors.values()].map((t) => t.item()))).toBe("[1,2,3,4]");
    const found = decodeState(json, tensors) as unknown as typeof value;
    expect([found["a/b"].item(), found.a.b.item(), found.a["b~"].item(), found["a/b~"][0]]).toEqual([1, 2, 3, 4]);
  });

  it("keep the dtype and shape of tensors", () => {
    const { json, tensors } = encodeState({ a: [tensor([[true, false]]), tensor([1.5], { dtype: "float64" })] });
    expect([...tensors.keys()]).toEqual(["a/0", "a/1"]);
    const [first, second] = new Fields("it", decodeState(json, tensors)).tensors("a");
    expect([first!.dtype, first!.shape, second!.dtype, second!.item()]).toEqual(["bool", [1, 2], "float64", 1.5]);
  });
});

describe("checkpoint files", () => {
  const path = join(folder, "whole.ckpt");
  const state: State = { list: [1, -0, "two"], nested: { weights: tensor([[1, 2, 3]]), count: 7 } };
  const text = (value: State): string => {
    const { json, tensors } = encodeState(value);
    return JSON.stringify([json, ...[...tensors].map(([name, t]) => [name, t.dtype, t.shape, ...t.data])]);
  };

  it("that are cut off or changed anywhere give a typed error, or what was written", async () => {
    await writeCheckpoint(path, state);
    expect(text(await readCheckpoint(path))).toBe(text(state));
    const bytes = readFileSync(path);
    const random = new Generator(1);
    const spoiled = join(folder, "spoiled.ckpt");
    let refused = 0;
    for (let i = 0; i < 600; i++) {
      const copy = Buffer.from(
        bytes.subarray(0, i % 3 === 0 ? Math.floor(random.next() * bytes.length) : bytes.length),
      );
      for (let k = 0; k < (i % 3) * 2; k++) {
        copy[Math.floor(random.next() * copy.length)] = Math.floor(random.next() * 256);
      }
      writeFileSync(spoiled, copy);
      const found = await readCheckpoint(spoiled).catch((error: unknown) => error);
      if (found instanceof CheckpointError) refused++;
      else expect(text(found as State)).toBe(text(state));
    }
    expect(refused).toBeGreaterThan(590);
  });

  it("that are not there, or of another kind, say so", async () => {
    await expect(readCheckpoint(join(folder, "none.ckpt"))).rejects.toMatchObject({ reason: "unreadable" });
    await expect(readCheckpoint(folder)).rejects.toMatchObject({ reason: "unreadable" });
    writeFileSync(join(folder, "empty.ckpt"), "");
    await expect(readCheckpoint(join(folder, "empty.ckpt"))).rejects.toMatchObject({ reason: "damaged" });
  });
});

type Options = Parameters<Sequential["fit"]>[2];

/** A run, stopped after so many batches when told so. */
async function train(
  options: Options & { readonly stopAfter?: number; readonly optimizer?: () => Adam | Nadam | RMSprop },
): Promise<{ weights: number[][]; history: object }> {
  const { stopAfter, optimizer = () => new Adam(), callbacks = [], ...fit } = options;
  const model = new Sequential(
    [new Dense(5, { activation: "relu", inputShape: [2] }), new Dropout(0.4), new Dense(1)],
    { seed: 9 },
  );
  model.compile({ loss: "mse", optimizer: optimizer(), metrics: ["mae"] });
  const abort = new AbortController();
  let batches = 0;
  const count = new LambdaCallback({ onBatchEnd: () => void (++batches === stopAfter && abort.abort()) });
  const given = {
    epochs: 5,
    batchSize: 5,
    verbose: 0,
    signal: abort.signal,
    validationSplit: 0.25,
    validationBatchSize: 2,
    ...fit,
  } as const;
  const { history } = await model.fit(x, y, { ...given, callbacks: [...callbacks, count] });
  return { weights: model.getWeights().map((w) => [...w.data]), history };
}

describe("BackupAndRestore", () => {
  it.each([
    ["Adam with AMSGrad", () => new Adam({ amsgrad: true, weightDecay: 0.01, useEma: true })],
    [
      "Nadam with a schedule",
      () => new Nadam({ learningRate: new CosineDecay({ initialLearningRate: 0.1, decaySteps: 20 }) }),
    ],
    ["RMSprop with accumulation", () => new RMSprop({ momentum: 0.9, centered: true, gradientAccumulationSteps: 3 })],
  ])("goes on with %s where a run was stopped, even twice", async (name, optimizer) => {
    const whole = await train({ optimizer });
    const directory = join(folder, name);
    for (const stopAfter of [6, 4]) {
      await train({ optimizer, stopAfter, callbacks: [new BackupAndRestore(directory)] });
      expect(readdirSync(directory).length).toBeGreaterThan(0);
    }
    expect(await train({ optimizer, callbacks: [new BackupAndRestore(directory)] })).toEqual(whole);
    expect(() => readdirSync(directory)).toThrow(/ENOENT/);
  });

  it("goes on within a plateau, and with the rate that callbacks have set", async () => {
    const plateau = () => new ReduceLROnPlateau({ patience: 1, minDelta: 1, cooldown: 1, factor: 0.5 });
    const whole = await train({ callbacks: [plateau()] });
    expect(whole.history).toMatchObject({
      learning_rate: [0.001, 0.001, 0.0005, 0.00025, 0.000125].map((r) => expect.closeTo(r, 12)),
    });
    const directory = join(folder, "plateau");
    for (const stopAfter of [9, 2]) {
      await train({ stopAfter, callbacks: [new BackupAndRestore(directory), plateau()] });
    }
    expect(await train({ callbacks: [new BackupAndRestore(directory), plateau()] })).toEqual(whole);
  });

  it("goes on after a validation that was cut short, and after the last epoch", async () => {
    const whole = await train({});
    const directory = join(folder, "validation");
    for (let stop = 1; stop <= 5; stop += 2) {
      const abort = new AbortController();
      let tested = 0;
      const cut = new LambdaCallback({ onTestBatchEnd: () => void (++tested === stop && abort.abort()) });
      await train({ signal: abort.signal, callbacks: [new BackupAndRestore(directory), cut] });
      expect(abort.signal.aborted).toBe(true);
    }
    const keep = () => new BackupAndRestore(directory, { deleteCheckpoint: false });
    for (let again = 0; again < 2; again++) expect(await train({ callbacks: [keep()] })).toEqual(whole);
  });

  it.each<[string, unknown, unknown]>([
    ["arrays", x, y],
    ["batches", [0, 6, 12, 18].map((i) => ({ x: x.slice(i, i + 6), y: y.slice(i, i + 6) })), undefined],
  ])("goes on within a pass over %s that spans epochs", async (name, data, targets) => {
    const directory = join(folder, `spans-${name}`);
    const run = async (stopAfter: number, callbacks: readonly BackupAndRestore[]) => {
      const model = new Sequential([new Dense(3, { activation: "tanh", inputShape: [2] }), new Dense(1)], { seed: 2 });
      model.compile({ loss: "mse", optimizer: new Adam(), metrics: ["mae"] });
      const abort = new AbortController();
      let batches = 0;
      const count = new LambdaCallback({ onBatchEnd: () => void (++batches === stopAfter && abort.abort()) });
      const options = { epochs: 4, stepsPerEpoch: 2, batchSize: 6, verbose: 0, signal: abort.signal } as const;
      const { history } = await model.fit(data as never, targets as never, {
        ...options,
        callbacks: [...callbacks, count],
      });
      return { weights: model.getWeights().map((w) => [...w.data]), history };
    };
    const whole = await run(0, []);
    expect(whole.history.loss).toHaveLength(4);
    for (const stopAfter of [1, 2, 2]) await run(stopAfter, [new BackupAndRestore(directory)]);
    expect(await run(0, [new BackupAndRestore(directory)])).toEqual(whole);
  });

  it("keeps what layers remember between batches, and generators of their own", async () => {
    const series = { data: Float32Array.from({ length: 48 }, (_, i) => Math.sin(i)), shape: [12, 4, 1] };
    const run = async (stopAfter: number, callbacks: readonly BackupAndRestore[]) => {
      const gru = new GRU(3, { stateful: true, dropout: 0.3, recurrentDropout: 0.2, seed: 4, inputShape: [4, 1] });
      const model = new Sequential([gru, new Dense(1)], { seed: 2 });
      model.compile({ loss: "mse", optimizer: new Adam() });
      const abort = new AbortController();
      let batches = 0;
      const count = new LambdaCallback({ onBatchEnd: () => void (++batches === stopAfter && abort.abort()) });
      const options = { epochs: 3, batchSize: 4, shuffle: false, verbose: 0, signal: abort.signal } as const;
      const { history } = await model.fit(series, y.slice(0, 12), { ...options, callbacks: [...callbacks, count] });
      return { weights: model.getWeights().map((w) => [...w.data]), history };
    };
    const whole = await run(0, []);
    const directory = join(folder, "stateful");
    for (const stopAfter of [2, 2]) await run(stopAfter, [new BackupAndRestore(directory)]);
    expect(await run(0, [new BackupAndRestore(directory)])).toEqual(whole);
  });

  it("does not train on what EarlyStopping has ended, and finds its best weights", async () => {
    const stop = () => new EarlyStopping({ monitor: "loss", minDelta: 10, patience: 2, restoreBestWeights: true });
    const whole = await train({ callbacks: [stop()] });
    expect((whole.history as { loss: number[] }).loss).toHaveLength(3);
    const keep = () => new BackupAndRestore(join(folder, "ended"), { deleteCheckpoint: false });
    for (let again = 0; again < 3; again++) expect(await train({ callbacks: [stop(), keep()] })).toEqual(whole);
  });

  it("passes over a damaged checkpoint, says so, and ends the same", async () => {
    const whole = await train({});
    const directory = join(folder, "damaged");
    await train({ stopAfter: 10, callbacks: [new BackupAndRestore(directory, { saveFreq: 2 })] });
    const [older, newest] = readdirSync(directory).sort();
    truncateSync(join(directory, newest!), 1000);
    writeFileSync(join(directory, `${newest}.1-abc.tmp`), "half-written");
    const told: string[] = [];
    const backup = new BackupAndRestore(directory, { onDamaged: (error) => told.push(error.message) });
    const seen: string[][] = [];
    const look = new LambdaCallback({ onTrainBegin: () => void seen.push(readdirSync(directory)) });
    expect(await train({ callbacks: [backup, look] })).toEqual(whole);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(newest);
    expect(backup.resumedFrom).toBe(join(directory, older!));
    expect(seen[0]?.some((name) => name.endsWith(".tmp"))).toBe(true);
    expect(older).toMatch(/^checkpoint-\d{8}\.ckpt$/);
    expect(() => readdirSync(directory)).toThrow(/ENOENT/);
  });

  it("does not count a damaged checkpoint among those that it keeps", async () => {
    const whole = await train({});
    const directory = join(folder, "damaged-again");
    const backup = () => new BackupAndRestore(directory, { saveFreq: 2, onDamaged: () => {} });
    await train({ stopAfter: 10, callbacks: [backup()] });
    // Each time the newest is damaged: there is always another before it.
    for (let again = 0; again < 3; again++) {
      const names = readdirSync(directory).sort();
      expect(names).toHaveLength(2);
      truncateSync(join(directory, names[1]!), 700);
      await train({ stopAfter: 1, callbacks: [backup()] });
      expect(readdirSync(directory)).not.toContain(names[1]);
    }
    expect(await train({ callbacks: [backup()] })).toEqual(whole);
    expect(() => readdirSync(directory)).toThrow(/ENOENT/);
  });

  it("refuses when all are damaged, rather than training anew unasked", async () => {
    const directory = join(folder, "all-damaged");
    mkdirSync(directory);
    for (const n of [1, 2]) writeFileSync(join(directory, `checkpoint-0000000${n}.ckpt`), "nothing");
    const backup = new BackupAndRestore(directory, { onDamaged: () => {} });
    await expect(train({ callbacks: [backup] })).rejects.toMatchObject({
      reason: "damaged",
      message: /every checkpoint/,
    });
  });

  it("refuses another model, optimizer, batch size and other callbacks, before anything is changed", async () => {
    const directory = join(folder, "other");
    await train({ stopAfter: 7, callbacks: [new BackupAndRestore(directory)] });
    const again = () => [new BackupAndRestore(directory)];
    const cases: readonly [() => Promise<unknown>, RegExp][] = [
      [() => train({ callbacks: again(), optimizer: () => new Nadam() }), /optimizer Adam, .* compiled with Nadam/],
      [() => train({ callbacks: again(), optimizer: () => new Adam({ amsgrad: true }) }), /kept other arrays/],
      [
        () => train({ callbacks: again(), batchSize: 6 }),
        /18 samples in batches of 5, and these are 18 in batches of 6/,
      ],
      [
        () => train({ callbacks: [...again(), new ReduceLROnPlateau()] }),
        /the state of 2 callbacks, and the run has 3/,
      ],
      [() => train({ callbacks: again(), shuffle: false }), /ordered differently/],
    ];
    const same = new Sequential([new Dense(5, { inputShape: [2] }), new Dropout(0.4), new Dense(1)]);
    same.compile({ loss: "mse", optimizer: new Nadam(), metrics: ["mae"] });
    const before = same.getWeights().map((w) => [...w.data]);
    const data = {
      batchSize: 5,
      validationSplit: 0.25,
      validationBatchSize: 2,
      callbacks: again(),
      verbose: 0,
    } as const;
    await expect(same.fit(x, y, data)).rejects.toThrow(CheckpointError);
    expect(same.getWeights().map((w) => [...w.data])).toEqual(before);
    for (const [run, text] of cases) {
      const error = await run().catch((e: unknown) => e);
      expect(error).toBeInstanceOf(CheckpointError);
      expect((error as Error).message).toMatch(text);
    }
    const other = new Sequential([new Dense(4, { inputShape: [2] }), new Dropout(0.1), new Dense(1)]);
    other.compile({ loss: "mse", optimizer: "adam", metrics: ["mae"] });
    await expect(other.fit(x, y, { callbacks: again(), verbose: 0 })).rejects.toThrow(
      /"kernel" is float32\[2, 5\], and the model's "kernel" is float32\[2, 4\]/,
    );
  });
});

describe("ModelCheckpoint", () => {
  it("writes checkpoints that fit goes on from", async () => {
    const whole = await train({});
    const path = join(folder, "runs", "{epoch:03d}-{batch}.ckpt");
    await train({ stopAfter: 10, callbacks: [new ModelCheckpoint(path, { saveFreq: 3 })] });
    expect(readdirSync(join(folder, "runs")).sort()).toEqual(["001-3.ckpt", "002-2.ckpt", "003-1.ckpt"]);
    for (const name of ["001-3.ckpt", "003-1.ckpt"]) {
      const resumeFrom = join(folder, "runs", name);
      const unused = new ModelCheckpoint(join(folder, "unused.ckpt"), { saveFreq: 1000 });
      expect(await train({ resumeFrom, callbacks: [unused] })).toEqual(whole);
    }
  });

  it("keeps the last ones and the best", async () => {
    const directory = join(folder, "kept");
    const losses = [3, 1, 5, 4, 6, 2];
    const model = new Sequential([new Dense(1, { inputShape: [2] })], { seed: 1 });
    model.compile({ loss: "mse", optimizer: "sgd" });
    const logged = new (class extends LambdaCallback {
      private epoch = 0;
      override epochLogs() {
        return { val_loss: losses[this.epoch++]! };
      }
    })({});
    const save = new ModelCheckpoint(join(directory, "{epoch}-{valLoss:.1f}.h5"), { keepLast: 2 });
    await model.fit(x, y, { epochs: 6, verbose: 0, callbacks: [logged, save] });
    expect(readdirSync(directory).sort()).toEqual(["2-1.0.h5", "5-6.0.h5", "6-2.0.h5"]);
    expect([save.best, save.bestPath]).toEqual([1, join(directory, "2-1.0.h5")]);
  });

  it("saves only what is better than ever and than the threshold", async () => {
    const directory = join(folder, "best");
    const accuracies = [0.5, 0.7, 0.6, 0.9, 0.8];
    const model = new Sequential([new Dense(1, { inputShape: [2] })], { seed: 1 });
    model.compile({ loss: "mse", optimizer: "sgd", metrics: ["accuracy"] });
    const logged = new (class extends LambdaCallback {
      private epoch = 0;
      override epochLogs() {
        return { val_accuracy: accuracies[this.epoch++]! };
      }
    })({});
    const options = { monitor: "val_accuracy", saveBestOnly: true, initialValueThreshold: 0.65 };
    const save = new ModelCheckpoint(join(directory, "{epoch:02d}-{val_accuracy:.0%}.h5"), options);
    await model.fit(x, y, { epochs: 5, verbose: 0, callbacks: [logged, save] });
    expect(readdirSync(directory).sort()).toEqual(["02-70%.h5", "04-90%.h5"]);
  });

  it("refuses paths and options that mean nothing", async () => {
    expect(() => new ModelCheckpoint("a.h5", { saveFreq: 0 })).toThrow(/saveFreq is 0/);
    expect(() => new ModelCheckpoint("a.h5", { keepLast: 1.5 })).toThrow(/keepLast is 1.5/);
    expect(() => new ModelCheckpoint("a.h5", { saveWeightsOnly: true })).toThrow(/\.weights\.h5/);
    expect(() => new ModelCheckpoint("{epoch:x}.h5")).toThrow(/format of \{epoch:x\}/);
    expect(() => new ModelCheckpoint("a.h5", { mode: "least" as "min" })).toThrow(/mode is "least"/);
    expect(() => new BackupAndRestore("")).toThrow(/path is empty/);
    const misspelt = new ModelCheckpoint(join(folder, "{val_los}.h5"));
    await expect(train({ callbacks: [misspelt] })).rejects.toThrow(/did you mean "val_loss"/);
  });
});
