import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator } from "@gradiente/autograd";
import { afterAll, describe, expect, it } from "vitest";
import {
  Callback,
  CSVLogger,
  Dense,
  EarlyStopping,
  type EarlyStoppingOptions,
  ExponentialDecay,
  LambdaCallback,
  LearningRateScheduler,
  type Logs,
  ProgressBar,
  ReduceLROnPlateau,
  Sequential,
  SGD,
  TerminateOnNaN,
} from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "gradiente-nn-callbacks-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Trains one weight, which is the epoch's number, while `val_loss` takes given values. */
async function follow(values: readonly number[], callback: Callback, name = "val_loss") {
  const model = new Sequential([new Dense(1, { useBias: false, inputShape: [1] })]);
  model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0.1 }) });
  const rates: number[] = [];
  class Script extends LambdaCallback {
    private epoch = 0;
    override epochLogs() {
      model.setWeights([[[this.epoch]]].map((w) => Float32Array.from(w.flat())));
      return { [name]: values[this.epoch++]! };
    }
  }
  const record = new LambdaCallback({ onEpochEnd: () => void rates.push(model.optimizer.learningRate) });
  const options = { epochs: values.length, verbose: 0, callbacks: [new Script({}), callback, record] } as const;
  const { history } = await model.fit([[0]], [0], options);
  return { epochs: history.loss.length, weight: model.getWeights()[0]!.item(), rates, history };
}

describe("EarlyStopping", () => {
  const falling = [5, 4, 4.5, 3.9, 4, 4, 4, 3, 2];
  const accuracies = [0.5, 0.6, 0.55, 0.7, 0.7, 0.69, 0.7, 0.71];
  // Keras 3.15.1: the epoch it stopped at, the best one, and the one whose weights were restored.
  it.each<[readonly number[], EarlyStoppingOptions, number | null, number, number | null]>([
    [falling, { patience: 2 }, 5, 3, null],
    [falling, { patience: 3, restoreBestWeights: true }, 6, 3, 3],
    [falling, { patience: 2, minDelta: 0.2, restoreBestWeights: true }, 3, 1, 1],
    [falling, { patience: 2, baseline: 3.5, restoreBestWeights: true }, 2, 1, 1],
    [falling, { patience: 1, startFromEpoch: 4, restoreBestWeights: true }, 5, 4, 4],
    [accuracies, { monitor: "val_loss", mode: "max", patience: 3 }, 6, 3, null],
    [[1, 2, 3, 4, 5], { patience: 0 }, 1, 0, null],
    [[1, 2, 3, 4, 5], { patience: 0, restoreBestWeights: true }, 1, 0, 0],
    [[5, 4, 3, 2, 1, 0.5], { patience: 1, restoreBestWeights: true }, null, 5, 5],
    [[5, 4, 4.5, 4.1], { patience: 9, restoreBestWeights: true }, null, 1, 1],
  ])("of %j with %j is Keras'", async (values, options, stopped, best, restored) => {
    const stop = new EarlyStopping(options);
    const { epochs, weight } = await follow(values, stop);
    expect([stop.stoppedEpoch, stop.bestEpoch]).toEqual([stopped, best]);
    expect(epochs).toBe(stopped === null ? values.length : stopped + 1);
    expect(weight).toBe(restored ?? epochs - 1);
  });

  it("knows which direction is better from the metric, and asks where it does not", async () => {
    const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
    const stop = new EarlyStopping({ monitor: "auc", patience: 1 });
    model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0 }), metrics: ["auc", (t, p) => t.sub(p)] });
    await model.fit([[1], [2]], [0, 1], { epochs: 4, verbose: 0, callbacks: [stop] });
    expect(stop.stoppedEpoch).toBe(1);
    const unknown = new EarlyStopping({ monitor: "metric" });
    const run = model.fit([[1]], [1], { verbose: 0, callbacks: [unknown] });
    await expect(run).rejects.toThrow(/not known whether more or less of "metric" is better.*mode: "max"/);
  });

  it("waits for epochs with validation, and refuses names that are never logged", async () => {
    const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
    model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0 }) });
    const data = { validationData: [[[1]], [1]], verbose: 0, epochs: 9 } as const;
    const stop = new EarlyStopping({ patience: 1 });
    await model.fit([[1]], [1], { ...data, validationFreq: [2, 5, 6], callbacks: [stop] });
    expect(stop.stoppedEpoch).toBe(4);
    const misspelt = new EarlyStopping({ monitor: "val_los" });
    const run = model.fit([[1]], [1], { ...data, validationFreq: 2, callbacks: [misspelt] });
    await expect(run).rejects.toThrow(/no logged value named "val_los".*did you mean "val_loss"/);
    const without = model.fit([[1]], [1], { verbose: 0, callbacks: [new EarlyStopping()] });
    await expect(without).rejects.toThrow(/no logged value named "val_loss"/);
  });
});

describe("learning rates", () => {
  const plateaus = [5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4];
  const slow = [5, 4.95, 4.9, 4.85, 4.8, 4.75];
  // Keras 3.15.1: the rate after each epoch.
  it.each([
    [
      plateaus,
      { patience: 1, factor: 0.5 },
      [0.1, 0.05, 0.025, 0.0125, 0.0125, 0.00625, 0.003125, 0.0015625, 0.00078125, 0.000390625, 0.000195313],
    ],
    [
      plateaus,
      { patience: 2, factor: 0.5, cooldown: 2 },
      [0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125, 0.0125],
    ],
    [
      plateaus,
      { patience: 1, factor: 0.5, minLr: 0.03 },
      [0.1, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03],
    ],
    [slow, { patience: 2, minDelta: 0.2 }, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]],
    [slow, { patience: 2 }, [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]],
  ])("on %j with ReduceLROnPlateau(%j) are Keras'", async (values, options, expected) => {
    const { rates, history } = await follow(values, new ReduceLROnPlateau(options));
    rates.forEach((rate, i) => void expect(rate).toBeCloseTo(expected[i]!, 8));
    // What is logged is the rate that the epoch was trained with.
    expect(history.learning_rate).toEqual([0.1, ...rates.slice(0, -1)]);
  });

  it("follow a function of the epoch and the rate before", async () => {
    const given: number[] = [];
    const schedule = new LearningRateScheduler((epoch, rate) => {
      given.push(epoch);
      return rate / 2;
    });
    const { history } = await follow([1, 1, 1], schedule);
    expect(history.learning_rate).toEqual([0.05, 0.025, 0.0125]);
    expect(given).toEqual([0, 1, 2]);
    const wrong = new LearningRateScheduler(() => "0.1" as unknown as number);
    await expect(follow([1], wrong)).rejects.toThrow(/gave "0.1" for epoch 0/);
    expect(() => new ReduceLROnPlateau({ factor: 1 })).toThrow(/factor is 1/);
  });

  it("are not set where they follow a schedule", async () => {
    const learningRate = new ExponentialDecay({ initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.5 });
    const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
    model.compile({ loss: "mse", optimizer: new SGD({ learningRate }) });
    for (const callback of [
      new LearningRateScheduler((_, rate) => rate / 2),
      new ReduceLROnPlateau({ monitor: "loss" }),
    ]) {
      const refused = model.fit([[0], [1]], [1, 3], { callbacks: [callback], verbose: 0 });
      await expect(refused).rejects.toThrow(new RegExp(`^${callback.constructor.name}: .* schedule, ExponentialDecay`));
      expect(model.optimizer.schedule).toBe(learningRate);
    }
  });
});

describe("CSVLogger", () => {
  /** What it writes for given logs. */
  async function written(logs: readonly Logs[], logger: CSVLogger, path: string): Promise<string> {
    const [params, model] = [{ ...logger.params, validationFreq: 2 }, new Sequential()];
    logger.attach(model, params, null);
    await logger.onTrainBegin();
    for (const [epoch, each] of logs.entries()) await logger.onEpochEnd(epoch, each);
    return readFileSync(path, "utf8");
  }
  const two = [
    { loss: 1.5, accuracy: 0.25 },
    { loss: 1, accuracy: 0.5, val_loss: 2.5, val_accuracy: 0.1 },
  ];

  it("writes Keras' table, and goes on in it when told to", async () => {
    const path = join(folder, "new", "log.csv");
    const first = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.25,1.5,NA,NA\n1,0.5,1,0.1,2.5\n";
    expect(await written(two, new CSVLogger(path), path)).toBe(first);
    expect(await written([two[1]!], new CSVLogger(path, { append: true }), path)).toBe(`${first}0,0.5,1,0.1,2.5\n`);
    expect(await written([two[1]!], new CSVLogger(path, { separator: ";" }), path)).toBe(
      "epoch;accuracy;loss;val_accuracy;val_loss\n0;0.5;1;0.1;2.5\n",
    );
  });

  it("drops the rows of epochs that a resumed run trains again", async () => {
    const path = join(folder, "resumed.csv");
    const logger = new CSVLogger(path);
    await written([two[1]!], logger, path);
    const state = logger.state();
    await logger.onEpochEnd(1, two[1]!);
    const again = new CSVLogger(path);
    again.attach(new Sequential(), again.params, null);
    await again.onTrainBegin();
    await again.restoreState(state);
    await again.onEpochEnd(1, { ...two[1]!, loss: 7 });
    expect(readFileSync(path, "utf8")).toBe(
      "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1,0.1,2.5\n1,0.5,7,0.1,2.5\n",
    );
  });
});

describe("callbacks", () => {
  const x = Array.from({ length: 8 }, (_, i) => [i / 8]);
  const y = x.map(([v]) => 2 * v!);
  const regression = (): Sequential => {
    const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
    model.compile({ loss: "mse", optimizer: "sgd" });
    return model;
  };

  it("are called in Keras' order", async () => {
    const events: string[] = [];
    const note = (event: string) => (n: number | Logs | null | undefined) =>
      void events.push(typeof n === "number" ? `${event} ${n}` : event);
    const all = new LambdaCallback({
      onTrainBegin: () => note("train")(null),
      onTrainEnd: note("trained"),
      onEpochBegin: note("epoch"),
      onEpochEnd: note("epoch done"),
      onBatchBegin: note("batch"),
      onBatchEnd: note("batch done"),
      onTestBegin: () => note("test")(null),
      onTestEnd: note("tested"),
      onTestBatchBegin: note("test batch"),
      onTestBatchEnd: note("test batch done"),
      onPredictBegin: () => note("predict")(null),
      onPredictEnd: () => note("predicted")(null),
      onPredictBatchBegin: note("predict batch"),
      onPredictBatchEnd: note("predict batch done"),
    });
    const model = regression();
    await model.fit(x, y, { batchSize: 4, validationSplit: 0.25, verbose: 0, callbacks: [all] });
    const fit =
      "train,epoch 0,batch 0,batch done 0,batch 1,batch done 1,test,test batch 0,test batch done 0,tested,epoch done 0,trained";
    expect(events.join()).toBe(fit);
    events.length = 0;
    await model.evaluate(x, y, { batchSize: 8, callbacks: [all] });
    await model.predict(x, { batchSize: 2, steps: 1, callbacks: [all] });
    expect(events.join()).toBe(
      "test,test batch 0,test batch done 0,tested,predict,predict batch 0,predict batch done 0,predicted",
    );
  });

  it("may be asynchronous: training waits for them", async () => {
    const order: string[] = [];
    const slow = new LambdaCallback({
      onBatchEnd: async (batch) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        order.push(`slow ${batch}`);
      },
    });
    const quick = new LambdaCallback({ onBatchBegin: (batch) => void order.push(`begin ${batch}`) });
    await regression().fit(x, y, { batchSize: 4, verbose: 0, callbacks: [slow, quick] });
    expect(order).toEqual(["begin 0", "slow 0", "begin 1", "slow 1"]);
  });

  it("end training quietly when the loss is not a number", async () => {
    const model = regression();
    model.optimizer.learningRate = 1e25;
    const { history } = await model.fit(x, y, { epochs: 50, verbose: 0, callbacks: [new TerminateOnNaN()] });
    expect(history.loss.length).toBeLessThan(20);
    expect(history.loss.at(-1)).not.toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it("that draw random numbers do not change those of training", async () => {
    const run = async (callbacks: Callback[]) => {
      const model = regression();
      await model.fit(x, y, { epochs: 2, batchSize: 2, verbose: 0, callbacks });
      return [...model.getWeights()[0]!.data];
    };
    const draw = new Generator(3);
    expect(await run([new LambdaCallback({ onBatchEnd: () => void draw.next() })])).toEqual(await run([]));
  });

  it("print a bar that moves only on a terminal", async () => {
    const texts = [true, false].map(async (isTTY) => {
      let [text, clock] = ["", 0];
      const output = { isTTY, write: (part: string) => (text += part) };
      const bar = new ProgressBar({ output, now: () => (clock += 60) });
      await regression().fit(x, y, { batchSize: 1, verbose: 1, callbacks: [bar] });
      return text;
    });
    expect((await texts[0])!.split("\r").length).toBe(8);
    expect(await texts[1]).toMatch(/^Epoch 1\/1\n8\/8 \[={30}\] - \d+s \d+\ws\/step - loss: \d\.\d{4}\n$/);
  });
});

describe("batches of training", () => {
  it("are told by either of Keras' names, of classes and of functions", async () => {
    const told: string[] = [];
    class Own extends Callback {
      override onTrainBatchBegin(batch: number): void {
        told.push(`own begin ${batch}`);
      }
      override onTrainBatchEnd(batch: number, logs: Logs): void {
        told.push(`own end ${batch} ${Object.keys(logs)}`);
      }
    }
    const made = new LambdaCallback({
      onTrainBatchBegin: (batch) => void told.push(`made begin ${batch}`),
      onTrainBatchEnd: (batch) => void told.push(`made end ${batch}`),
    });
    const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
    model.compile({ loss: "mse", optimizer: "sgd" });
    await model.fit([[1], [2]], [1, 2], { batchSize: 2, verbose: 0, callbacks: [new Own(), made] });
    expect(told).toEqual(["own begin 0", "made begin 0", "own end 0 loss", "made end 0"]);
  });

  it("are not told to functions of events that there are not", () => {
    expect(() => new LambdaCallback({ onEpochEnds: () => {} } as never)).toThrow(/did you mean "onEpochEnd"/);
  });
});
