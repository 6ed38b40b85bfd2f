/** An LSTM that forecasts a day of hourly demand from the two days before it, beside simpler forecasts. */
import { Random } from "@gradiente/datasets";
import { Adam, Dense, Flatten, type Layer, LSTM, Sequential } from "@gradiente/nn";
import { byEpoch, drawCharts, type Point } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

const [past, ahead] = [48, 24];
const week = 168;

/**
 * Demand for electricity as it might be, hour by hour, in gigawatts: mornings and evenings, quieter weekends, seasons,
 * and weather, which comes and goes in days and matters more while people are awake.
 */
function makeDemand(hours: number, seed: number): Float64Array {
  const random = new Random(seed);
  let weather = 0;
  return Float64Array.from({ length: hours }, (_, t) => {
    const hour = t % 24;
    const weekend = t % week >= 5 * 24;
    const bump = (at: number, width: number): number => Math.exp(-((hour - at) ** 2) / (2 * width ** 2));
    const awake = bump(8, 2) * (weekend ? 0.3 : 1) + 1.2 * bump(19, 3) + 0.6 * bump(13, 3);
    const season = Math.cos((2 * Math.PI * t) / (24 * 365));
    weather = 0.98 * weather + 0.2 * random.normal();
    return 30 + 4 * season + 8 * awake * (1 + 0.25 * weather) + 1.5 * weather + 0.4 * random.normal();
  });
}

await topic("sequence-forecasting", async ({ quick, seed }) => {
  const days = quick ? 60 : 2 * 365;
  const demand = makeDemand(24 * days, seed);
  // The first 70 % of the time to learn from, 15 % to validate on, the rest to test: never the future for the past.
  const cuts = [0, 0.7, 0.85, 1].map((share) => Math.floor(share * days) * 24);
  const learned = demand.subarray(0, cuts[1]);
  const mean = learned.reduce((a, b) => a + b, 0) / learned.length;
  const deviation = Math.sqrt(learned.reduce((sum, v) => sum + (v - mean) ** 2, 0) / learned.length);

  /** Windows of a part: demand and calendar of the past, and the day that followed; a step between their beginnings. */
  const windowsOf = (part: number, step: number) => {
    const starts: number[] = [];
    for (let t = Math.max(cuts[part]!, week); t + past + ahead <= cuts[part + 1]!; t += step) starts.push(t);
    const x = new Float32Array(starts.length * past * 4);
    const y = new Float32Array(starts.length * ahead);
    for (const [n, start] of starts.entries()) {
      for (let k = 0; k < past; k++) {
        const t = start + k;
        // Whether the day that is to be forecast is a weekend is known in advance.
        const weekend = (t + past) % week >= 5 * 24 ? 1 : 0;
        const angle = (2 * Math.PI * (t % 24)) / 24;
        x.set([(demand[t]! - mean) / deviation, Math.sin(angle), Math.cos(angle), weekend], (n * past + k) * 4);
      }
      for (let k = 0; k < ahead; k++) y[n * ahead + k] = (demand[start + past + k]! - mean) / deviation;
    }
    const shape = [starts.length, past, 4];
    return { starts, x: { data: x, shape }, y: { data: y, shape: [starts.length, ahead] } };
  };
  const [train, validation, test] = [windowsOf(0, 3), windowsOf(1, 6), windowsOf(2, 24)];
  console.log(`Windows: ${train.starts.length} to train with, ${validation.starts.length}, ${test.starts.length}.`);

  /** Mean absolute error in gigawatts of forecasts for the test days. */
  const errorOf = (forecast: (start: number, n: number, k: number) => number): number => {
    let sum = 0;
    for (const [n, start] of test.starts.entries()) {
      for (let k = 0; k < ahead; k++) sum += Math.abs(forecast(start, n, k) - demand[start + past + k]!);
    }
    return sum / (test.starts.length * ahead);
  };
  const rows: (string | number)[][] = [
    ["forecast", "weights", "mean absolute error (GW)"],
    ["the last hour, 24 times", "0", errorOf((start) => demand[start + past - 1]!)],
    ["the day before", "0", errorOf((start, _, k) => demand[start + past - 24 + k]!)],
    ["the same day a week before", "0", errorOf((start, _, k) => demand[start + past - week + k]!)],
  ];

  const models: readonly (readonly [string, readonly Layer[]])[] = [
    ["linear in the two days", [new Flatten({ inputShape: [past, 4] }), new Dense(ahead)]],
    ["LSTM with 32 cells", [new LSTM(32, { inputShape: [past, 4] }), new Dense(ahead)]],
  ];
  const learning = [];
  const forecasts = [];
  for (const [name, layers] of models) {
    const model = new Sequential([...layers], { seed });
    model.compile({ loss: "mse", optimizer: new Adam({ learningRate: 0.005, clipnorm: 1 }) });
    const { history } = await model.fit(train.x, train.y, {
      epochs: quick ? 2 : 15,
      batchSize: 64,
      validationData: [validation.x, validation.y],
      validationBatchSize: 256,
      verbose: 0,
    });
    const values = (await model.predict(test.x)).data;
    const forecast = (_: number, n: number, k: number): number => values[n * ahead + k]! * deviation + mean;
    rows.push([name, String(model.countParams()), errorOf(forecast)]);
    learning.push(byEpoch(name, history.val_loss!));
    forecasts.push({ name, forecast });
  }
  printTable(rows);

  const shown = Math.min(7, test.starts.length);
  const first = test.starts[0]! + past;
  const hours = Array.from({ length: 24 * shown }, (_, i) => i);
  const at = (value: (i: number) => number): Point[] => hours.map((i): Point => [i, value(i)]);
  return drawCharts(
    "Hourly demand, forecast a day at a time from the two days before",
    [
      {
        title: `${shown} days after the training and validation days`,
        xLabel: "hour",
        yLabel: "demand (GW)",
        series: [
          { name: "demand", colour: "#111111", points: at((i) => demand[first + i]!) },
          ...forecasts.map(({ name, forecast }) => ({
            name,
            points: at((i) => forecast(0, Math.floor(i / 24), i % 24)),
            colour: name.startsWith("LSTM") ? "#1f6feb" : "#d9730d",
          })),
        ],
      },
      {
        title: "learning",
        xLabel: "epoch",
        yLabel: "validation error (variances)",
        series: learning.map((s) => ({ ...s, colour: s.name.startsWith("LSTM") ? "#1f6feb" : "#d9730d" })),
      },
    ],
    { inRow: 1, width: 960 },
  );
});
