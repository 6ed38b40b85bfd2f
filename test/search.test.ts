/** Searches for hyperparameters on data sets: divided, shuffled and batched by @gradiente/datasets. */
import { moons } from "@gradiente/datasets";
import { Adam, choice, Dense, float, hyperband, randomSearch, Sequential, trainAndValidate } from "@gradiente/nn";
import { describe, expect, test } from "vitest";

const space = { units: choice([4, 16]), learningRate: float(1e-3, 1e-1, { log: true }) };

function build(values: { units: number; learningRate: number }, { seed }: { seed: number }): Sequential {
  const model = new Sequential(
    [new Dense(values.units, { activation: "relu" }), new Dense(1, { activation: "sigmoid" })],
    { seed },
  );
  model.compile({
    loss: "binary_crossentropy",
    optimizer: new Adam({ learningRate: values.learningRate }),
    metrics: ["accuracy"],
  });
  return model;
}

/** Five divisions, each shuffled anew in every epoch. */
const folds = () =>
  moons(200, { noise: 0.2, seed: 3 })
    .folds(5, { seed: 1 })
    .map(({ train, validation }) => ({
      train: train.shuffle(200, { seed: 8 }).batch(16),
      validation: validation.batch(40),
    }));

describe("searches on data sets", () => {
  test("cross-validate, and give a trial the same score whatever was tried before it", async () => {
    const objective = trainAndValidate(build, folds(), { monitor: "val_accuracy" });
    const many = await randomSearch(space, objective, { trials: 4, budget: 3, seed: 2 });
    expect(many.trials.map((t) => t.error)).toEqual([null, null, null, null]);
    expect(many.best.folds).toHaveLength(5);
    expect(many.best.score).toBeGreaterThan(0.75);
    // The data sets have been gone through many times by now, and are used again.
    const again = await randomSearch(space, objective, { trials: 4, budget: 3, seed: 2 });
    expect(again.evaluations.map((e) => e.folds)).toEqual(many.evaluations.map((e) => e.folds));
    const fresh = trainAndValidate(build, folds(), { monitor: "val_accuracy" });
    const few = await randomSearch(space, fresh, { trials: 2, budget: 3, seed: 2 });
    expect(few.evaluations.map((e) => e.folds)).toEqual(many.evaluations.slice(0, 2).map((e) => e.folds));
  });

  test("train survivors on with the epochs that follow", async () => {
    const [first] = folds();
    const objective = trainAndValidate(build, first!.train, { validationData: first!.validation });
    const found = await hyperband(space, objective, { maxBudget: 4, eta: 2, seed: 5 });
    const { trial, values, seed } = found.evaluations.find((e) => e.rung === 2)!;
    const curve = found.evaluations.filter((e) => e.trial === trial).flatMap((e) => e.curve);
    const [same] = folds();
    const model = build(values, { seed });
    const { history } = await model.fit(same!.train, { epochs: 4, validationData: same!.validation, verbose: 0 });
    expect(curve).toEqual(history.val_loss);
  });
});
