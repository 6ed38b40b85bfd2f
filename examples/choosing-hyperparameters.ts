/** Choosing hyperparameters: Hyperband and random search on California housing, each with the same number of epochs. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  Adam,
  choice,
  Dense,
  float,
  hyperband,
  int,
  type Objective,
  randomSearch,
  type SearchResults,
  Sequential,
  SGD,
  trainAndValidate,
  type Values,
} from "@gradiente/nn";
import { COLOURS, drawCharts, type Point, type Series } from "./parts/charts.ts";
import { loadHousing } from "./parts/housing.ts";
import { writeWhole } from "./parts/output.ts";
import { printTable, topic } from "./parts/topic.ts";

const space = {
  layers: int(1, 3),
  units: int(8, 128, { log: true }),
  activation: choice(["relu", "tanh"]),
  // What can be chosen of an optimizer depends on which it is.
  optimizer: choice([
    { name: "sgd", learningRate: float(1e-4, 1e-1, { log: true }), momentum: choice([0, 0.9]) },
    { name: "adam", learningRate: float(1e-4, 1e-1, { log: true }) },
  ]),
};
type Chosen = Values<typeof space>;

function build({ layers, units, activation, optimizer }: Chosen, { seed }: { readonly seed: number }): Sequential {
  const hidden = Array.from({ length: layers }, () => new Dense(units, { activation }));
  const model = new Sequential([...hidden, new Dense(1)], { seed });
  const { learningRate } = optimizer;
  model.compile({
    loss: "mean_squared_error",
    optimizer:
      optimizer.name === "sgd" ? new SGD({ learningRate, momentum: optimizer.momentum }) : new Adam({ learningRate }),
  });
  return model;
}

await topic("choosing-hyperparameters", async ({ quick, seed, out }) => {
  const { train, validation, test } = await loadHousing(seed);
  const objective: Objective<Chosen> = trainAndValidate(build, train.x, train.y, {
    validationData: [validation.x, validation.y],
    validationBatchSize: 512,
    batchSize: quick ? 256 : 32,
  });
  const maxBudget = quick ? 3 : 27;
  await mkdir(resolve(out), { recursive: true });
  const journal = join(resolve(out), `choosing-hyperparameters-${quick ? "quick-" : ""}${seed}.jsonl`);
  console.log(`Journal: ${journal} (run this again, and the search goes on where it ended)`);
  const byBrackets = await hyperband(space, objective, {
    maxBudget,
    seed,
    journal,
    onEvaluation: ({ trial, budget, score }, { done, total, best }) => {
      if (done % 10 !== 0) return;
      const now = `trial ${trial} after ${budget} epochs: ${score?.toFixed(4) ?? "failed"}`;
      console.log(`${done}/${total}  ${now}, the best so far: ${best?.score?.toFixed(4) ?? "none"}`);
    },
  });
  const trials = Math.floor(byBrackets.totalBudget / maxBudget);
  const atRandom = await randomSearch(space, objective, { trials, budget: maxBudget, seed: seed + 1 });

  const rows: (string | number)[][] = [["search", "trials", "epochs in all", "best val_loss", "its test loss"]];
  for (const results of [byBrackets, atRandom]) {
    const { best, method, totalBudget } = results;
    console.log(`${method}:\n${results.table({ rows: 5 })}`);
    // The best values once more, now that they are chosen: the test districts have had no say in that.
    const model = build(best.values, best);
    await model.fit(train.x, train.y, { epochs: best.budget, batchSize: quick ? 256 : 32, verbose: 0 });
    const { loss } = await model.evaluate(test.x, test.y);
    rows.push([method, String(results.trials.length), String(totalBudget), best.score, loss]);
  }
  printTable(rows);

  const overview = join(resolve(out), "choosing-hyperparameters-trials.svg");
  await writeWhole(overview, byBrackets.toSVG());
  console.log(`Every trial of hyperband by each of its values: ${overview}`);

  /** The best score there was after so many epochs of training, all trials together. */
  const bestSoFar = ({ method, evaluations }: SearchResults<Chosen>, colour: string): Series => {
    let spent = 0;
    let best = Number.POSITIVE_INFINITY;
    const points = evaluations.flatMap((e): Point[] => {
      spent += e.spent;
      const before = best;
      best = Math.min(best, e.score ?? best);
      if (best === before) return [];
      return before === Number.POSITIVE_INFINITY
        ? [[spent, best]]
        : [
            [spent, before],
            [spent, best],
          ];
    });
    return { name: method, colour, points: [...points, [spent, best]] };
  };
  const first = byBrackets.evaluations.filter((e) => e.bracket === 0);
  const curves = [...new Set(first.map((e) => e.trial))].map((trial, i): Series => {
    const own = first.filter((e) => e.trial === trial);
    const points = own.flatMap((e) => e.curve.map((value, k): Point => [e.budget - e.spent + k + 1, value]));
    const won = own.at(-1)!.budget === maxBudget;
    return {
      name: won ? "goes on to the end" : `trial ${trial}`,
      points,
      unlisted: !won,
      colour: won ? COLOURS[4]! : COLOURS[i % 4]!,
    };
  });
  const scored = [...byBrackets.trials, ...atRandom.trials].filter((e) => e.score !== null && e.score < 0.8);
  const byRate = (name: string): Point[] =>
    scored.filter((e) => e.values.optimizer.name === name).map((e) => [e.values.optimizer.learningRate, e.score!]);
  const lossLabel = "validation error";
  return drawCharts("Choosing hyperparameters for California housing", [
    {
      title: "the best so far",
      xLabel: "epochs of training, all trials together",
      xRange: [0, byBrackets.totalBudget],
      yLabel: lossLabel,
      series: [bestSoFar(byBrackets, COLOURS[0]!), bestSoFar(atRandom, COLOURS[1]!)],
      yRange: [0.25, 0.6],
    },
    {
      title: "Hyperband's first bracket, below 0.6",
      xLabel: "epoch of a trial",
      yLabel: lossLabel,
      series: curves,
      yRange: [0.25, 0.6],
    },
    {
      title: `the ${scored.length} trials below 0.8`,
      xLabel: "learning rate",
      yLabel: lossLabel,
      xLogarithmic: true,
      yRange: [0.25, 0.8],
      series: [
        { name: "sgd", kind: "points", points: byRate("sgd") },
        { name: "adam", kind: "points", points: byRate("adam") },
      ],
    },
  ]);
});
