import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, tensor } from "@gradiente/autograd";
import { afterAll, describe, expect, it } from "vitest";
import {
  Adam,
  type BatchLike,
  choice,
  DataError,
  Dense,
  Dropout,
  EarlyStopping,
  float,
  functional,
  gridSearch,
  hyperband,
  input,
  randomSearch,
  Sequential,
  SGD,
  trainAndValidate,
} from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "gradiente-validation-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const generator = new Generator(7);
const count = 120;
const x = { data: Float32Array.from({ length: 2 * count }, () => 2 * generator.next() - 1), shape: [count, 2] };
const y = Uint8Array.from({ length: count }, (_, i) => Number(x.data[2 * i]! * x.data[2 * i + 1]! > 0));

const space = { units: choice([2, 12]), learningRate: float(1e-3, 1e-1, { log: true, points: 2 }) };
type V = { readonly units: number; readonly learningRate: number };

function build({ units, learningRate }: V, { seed }: { seed?: number } = {}): Sequential {
  const model = new Sequential(
    [new Dense(units, { activation: "tanh" }), new Dropout(0.1), new Dense(2, { activation: "softmax" })],
    seed === undefined ? {} : { seed },
  );
  model.compile({
    loss: "sparse_categorical_crossentropy",
    optimizer: new Adam({ learningRate }),
    metrics: ["accuracy"],
  });
  return model;
}

const rows = (from: number, to: number) =>
  [{ data: x.data.subarray(2 * from, 2 * to), shape: [to - from, 2] }, y.subarray(from, to)] as const;

describe("trainAndValidate", () => {
  it("scores as fit and evaluate do by hand", async () => {
    const objective = trainAndValidate(build, x, y, { validationSplit: 0.25, batchSize: 20 });
    const found = await gridSearch(space, objective, { budget: 4, seed: 2 });
    expect(found).toMatchObject({ direction: "min", scoreName: "val_loss", budgetName: "epochs" });
    const { values, seed, score, logs, curve } = found.best;
    const [[xTrain, yTrain], [xValid, yValid]] = [rows(0, 90), rows(90, 120)];
    const model = build(values, { seed });
    const options = { epochs: 4, batchSize: 20, validationData: [xValid, yValid] as const, verbose: 0 as const };
    const { history } = await model.fit(xTrain, yTrain, options);
    expect(score).toBe((await model.evaluate(xValid, yValid, { batchSize: 20 })).loss);
    expect(logs).toMatchObject({ loss: history.loss.at(-1), val_accuracy: history.val_accuracy!.at(-1) });
    expect(curve).toEqual(history.val_loss);
    expect(found.evaluations.map((e) => e.values)).toHaveLength(4);
  });

  it("trains survivors on, and is resumed, bit for bit", async () => {
    const objective = trainAndValidate(build, x, y, { validationData: rows(90, 120), monitor: "val_accuracy" });
    const whole = await hyperband(space, objective, { maxBudget: 9, seed: 3 });
    expect(whole.direction).toBe("max");
    const long = whole.evaluations.find((e) => e.rung === 2)!;
    // Trained for 1, then 3, then 9 epochs in all: the same as 9 at once.
    const model = build(long.values, { seed: long.seed });
    const { history } = await model.fit(x, y, { epochs: 9, validationData: rows(90, 120), verbose: 0 });
    const curve = whole.evaluations.filter((e) => e.trial === long.trial).flatMap((e) => e.curve);
    expect(curve).toEqual(history.val_accuracy);

    const journal = join(folder, "halving.jsonl");
    const stop = new AbortController();
    const onEvaluation = (_: unknown, { done }: { done: number }): void => void (done === 10 && stop.abort());
    await hyperband(space, objective, { maxBudget: 9, seed: 3, journal, signal: stop.signal, onEvaluation });
    const resumed = await hyperband(space, objective, { maxBudget: 9, journal });
    expect(resumed.evaluations.map((e) => ({ ...e, seconds: 0 }))).toEqual(
      whole.evaluations.map((e) => ({ ...e, seconds: 0 })),
    );
  });

  it("is repeatable where models take no seed", async () => {
    const objective = trainAndValidate((values: V) => build(values), x, y, { validationSplit: 0.5 });
    const [a, b] = [
      await randomSearch(space, objective, { trials: 3, seed: 5 }),
      await randomSearch(space, objective, { trials: 3, seed: 5 }),
    ];
    expect(b.evaluations.map((e) => e.score)).toEqual(a.evaluations.map((e) => e.score));
    expect(new Set(a.evaluations.map((e) => e.score)).size).toBe(3);
  });

  it("cross-validates: each model on what it was not trained on", async () => {
    const objective = trainAndValidate(build, tensor(x), y, { folds: 4, stratified: true });
    const found = await gridSearch(space, objective, { budget: 3, seed: 4 });
    const { folds, score, curve, logs } = found.best;
    expect(folds).toHaveLength(4);
    expect(new Set(folds).size).toBe(4);
    expect(score).toBeCloseTo(folds.reduce((sum, s) => sum + s, 0) / 4, 12);
    expect(curve.at(-1)).toBeCloseTo(score, 6);
    expect(logs.val_accuracy).toBeGreaterThan(0.3);
    const oneHot = {
      data: Float32Array.from({ length: 2 * count }, (_, i) => Number(y[i >> 1] === i % 2)),
      shape: [count, 2],
    };
    const categorical = trainAndValidate(
      (values: V, context) => {
        const model = build(values, context);
        model.compile({ loss: "categorical_crossentropy", optimizer: new Adam({ learningRate: values.learningRate }) });
        return model;
      },
      x,
      oneHot,
      { folds: 4, stratified: true },
    );
    const same = await gridSearch(space, categorical, { budget: 3, seed: 4 });
    expect(same.best.score).toBeCloseTo(score, 5);
  });

  it("takes several inputs, and weights of samples", async () => {
    const objective = trainAndValidate(
      ({ learningRate }: { learningRate: number }, { seed }) => {
        const inputs = [input({ shape: [2] }), input({ shape: [1] })];
        const sum = new Dense(3).apply(inputs[0]!);
        const model = functional({ inputs, outputs: [new Dense(1).apply(sum), new Dense(1).apply(inputs[1]!)], seed });
        model.compile({ loss: ["mse", "mse"], optimizer: new SGD({ learningRate }) });
        return model;
      },
      [x, { data: Float32Array.from(y), shape: [count, 1] }],
      [
        { data: Float32Array.from(y), shape: [count, 1] },
        { data: Float32Array.from(y), shape: [count, 1] },
      ],
      { folds: 3, sampleWeight: Float32Array.from(y, (label) => 1 + label) },
    );
    const found = await gridSearch({ learningRate: choice([0.01, 0.1]) }, objective, { budget: 2, seed: 1 });
    expect(found.trials.map((t) => t.error)).toEqual([null, null]);
    expect(found.best.values.learningRate).toBe(0.1);
  });

  it("shows every trial the same epochs of a data set", async () => {
    const seen: number[] = [];
    let read = 0;
    const batches = (from: number, to: number) => ({
      iterate({ epoch = read++ }: { readonly epoch?: number } = {}): AsyncIterable<BatchLike> {
        seen.push(epoch);
        const [xs, ys] = rows(from, to);
        // Another order in each epoch.
        const at = (epoch * 7) % (to - from);
        const turn = <T extends Uint8Array | Float32Array>(data: T, row: number): T => {
          const turned = data.slice(at * row);
          return new (data.constructor as new (values: number[]) => T)([...turned, ...data.subarray(0, at * row)]);
        };
        const batch = { x: { data: turn(xs.data, 2), shape: xs.shape }, y: turn(ys, 1) };
        return (async function* () {
          yield batch;
        })();
      },
      [Symbol.asyncIterator](): AsyncIterator<BatchLike> {
        return this.iterate()[Symbol.asyncIterator]();
      },
    });
    const folds = [
      { train: batches(0, 60), validation: batches(60, 120) },
      { train: batches(60, 120), validation: batches(0, 60) },
    ];
    const found = await randomSearch(space, trainAndValidate(build, folds), { trials: 3, budget: 2, seed: 1 });
    expect(found.best.folds).toHaveLength(2);
    expect(new Set(seen)).toEqual(new Set([0, 1, 2]));
    const again = await randomSearch(space, trainAndValidate(build, folds), { trials: 3, budget: 2, seed: 1 });
    expect(again.evaluations.map((e) => e.score)).toEqual(found.evaluations.map((e) => e.score));
    const held = { validationData: folds[0]!.validation };
    const single = await randomSearch(space, trainAndValidate(build, folds[0]!.train, held), {
      trials: 3,
      budget: 2,
      seed: 1,
    });
    expect(single.evaluations.map((e) => e.score)).toEqual(found.evaluations.map((e) => e.folds[0]));
  });

  it("scores the weights that early stopping restores", async () => {
    const callbacks = (): EarlyStopping[] => [new EarlyStopping({ patience: 2, restoreBestWeights: true })];
    const objective = trainAndValidate(build, x, y, { validationSplit: 0.25, callbacks });
    const found = await gridSearch({ units: 12, learningRate: 0.3 }, objective, { budget: 40, seed: 1 });
    expect(found.best.curve.length).toBeLessThan(40);
    expect(found.best.score).toBeCloseTo(Math.min(...found.best.curve), 6);
  });

  it("records what goes wrong in a trial, and names what is not logged", async () => {
    const objective = trainAndValidate(build, x, y, { validationSplit: 0.25, monitor: "val_acuracy" });
    const found = await gridSearch(space, objective, { seed: 1 });
    expect(() => found.best).toThrow(/val_acuracy/);
    const diverging = trainAndValidate(
      ({ learningRate }: { learningRate: number }, { seed }) => {
        const model = new Sequential([new Dense(1)], { seed });
        model.compile({ loss: "mse", optimizer: new SGD({ learningRate }) });
        return model;
      },
      x,
      Float32Array.from(y),
      { validationSplit: 0.25 },
    );
    const rates = await gridSearch({ learningRate: choice([0.1, 1e30]) }, diverging, { budget: 5, seed: 1 });
    expect(rates.trials.map((t) => t.error?.name)).toEqual([undefined, "TrainingError"]);
  });

  it("refuses what it cannot validate on", () => {
    expect(() => trainAndValidate(build, x, y, {})).toThrow(DataError);
    expect(() => trainAndValidate(build, x, y, { folds: 3, validationSplit: 0.1 })).toThrow(
      /folds and validationSplit|validationSplit and folds/,
    );
    expect(() => trainAndValidate(build, x, y, { validationSplit: 1 })).toThrow(/empty part/);
    expect(() => trainAndValidate(build, x, y, { folds: 1 })).toThrow(/from 2/);
    expect(() => trainAndValidate(build, x, y.subarray(1), { folds: 2 })).toThrow(/120 samples/);
    expect(() => trainAndValidate(build, [{ x, y }], { folds: 2 })).toThrow(/folds/);
  });
});
