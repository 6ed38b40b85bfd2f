/**
 * The training step of the course's network: 784-300-100-10, float32, batches of 32 and 128, SGD and Adam.
 * The yardsticks are the same step in TensorFlow.js and jax-js, on WebAssembly, and in PyTorch and Keras where a Python
 * with them is found (PYTHON=…, or python3; Keras runs on KERAS_BACKEND=…, or torch), all measured in the same run.
 *
 * node benchmarks/step.bench.ts [--json FILE]
 */
import { writeFileSync } from "node:fs";
import { getBackend, getThreads, manualSeed, tensor } from "@gradiente/autograd";
import { Adam, Dense, Sequential, SGD } from "@gradiente/nn";
import benny from "benny";
import { optionsOf } from "./command-line.ts";
import { python, runJaxJs, runPython, runTensorFlowJs, type Times } from "./peers/run.ts";

const { json: file } = optionsOf(["json"]);

const batches = [32, 128] as const;
const optimizers = { SGD: () => new SGD({ learningRate: 0.01 }), Adam: () => new Adam({ learningRate: 0.001 }) };
const nameOf = (optimizer: string, batch: number): string => `${optimizer}, batch ${batch}`;

interface Case {
  readonly name: string;
  readonly step: () => void;
}

function training(optimizer: keyof typeof optimizers, batch: number): Case {
  manualSeed(1);
  const model = new Sequential([
    new Dense(300, { activation: "relu", inputShape: [784] }),
    new Dense(100, { activation: "relu" }),
    new Dense(10, { activation: "softmax" }),
  ]);
  model.compile({ optimizer: optimizers[optimizer](), loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] });
  const x = tensor({
    data: Float32Array.from({ length: batch * 784 }, (_, i) => ((i * 7919) % 256) / 255),
    shape: [batch, 784],
  });
  const y = tensor({ data: Int32Array.from({ length: batch }, (_, i) => i % 10), shape: [batch] }, { dtype: "int32" });
  return { name: nameOf(optimizer, batch), step: () => model.trainOnBatch(x, y) };
}

/** Prints, for every library it can import, the milliseconds of each case as a line of JSON. */
const peers = `
import json, os, statistics, time
os.environ.setdefault("KERAS_BACKEND", "torch")
def measure(step):
    for _ in range(50): step()
    samples = []
    end = time.perf_counter() + 2
    while time.perf_counter() < end:
        start = time.perf_counter()
        step()
        samples.append(time.perf_counter() - start)
    return 1000 * statistics.median(samples)
def pytorch(name, batch):
    import torch
    from torch import nn
    model = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))
    make = torch.optim.SGD if name == "SGD" else torch.optim.Adam
    optimizer = make(model.parameters(), lr=0.01 if name == "SGD" else 0.001)
    loss = nn.CrossEntropyLoss()
    x, y = torch.rand(batch, 784), torch.arange(batch) % 10
    def step():
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    return measure(step)
def keras(name, batch):
    import keras, numpy
    layers = [keras.Input((784,)), keras.layers.Dense(300, "relu"), keras.layers.Dense(100, "relu")]
    model = keras.Sequential(layers + [keras.layers.Dense(10, "softmax")])
    model.compile(name.lower(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = numpy.random.rand(batch, 784).astype("float32"), numpy.arange(batch) % 10
    return measure(lambda: model.train_on_batch(x, y))
for library, run in [("PyTorch", pytorch), (f"Keras ({os.environ['KERAS_BACKEND']})", keras)]:
    for name in ["SGD", "Adam"]:
        for batch in [32, 128]:
            try:
                print(json.dumps([library, f"{name}, batch {batch}", run(name, batch)]), flush=True)
            except ImportError: pass
`;

const cases = batches.flatMap((batch) =>
  (Object.keys(optimizers) as (keyof typeof optimizers)[]).map((optimizer) => training(optimizer, batch)),
);
// Enough calls for the optimising compiler to have finished.
for (const { step } of cases) for (let i = 0; i < 100; i++) step();
await new Promise((resolve) => setTimeout(resolve, 500));

const title = `training step, ${getBackend()}, ${getThreads()} ${getThreads() === 1 ? "thread" : "threads"}`;
const summary = await benny.suite(
  title,
  ...cases.map(({ name, step }) => benny.add(name, step, { minSamples: 20, maxTime: 2 })),
);

const inPython = runPython("PyTorch and Keras", peers);
const yardsticks: Times = new Map([...(await runTensorFlowJs()), ...runJaxJs(), ...inPython]);
for (const library of ["PyTorch", "Keras"]) {
  const isThere = [...inPython.keys()].some((name) => name.startsWith(library));
  if (inPython.size > 0 && !isThere) console.log(`skipped: ${library}: ${python} cannot import it`);
}

const results = cases.map(({ name }) => {
  const { median, min } = summary.results.find((r) => r.name === name)!.details;
  const ms = 1000 * median;
  const ratios = Object.fromEntries(
    [...yardsticks].flatMap(([library, times]) => (times.has(name) ? [[library, ms / times.get(name)!]] : [])),
  );
  const beside = Object.entries(ratios).map(([library, ratio]) => `, ${ratio.toFixed(2)} of ${library}'s time`);
  console.log(`${name.padEnd(18)} ${ms.toFixed(3)} ms (fastest ${(1000 * min).toFixed(3)})${beside.join("")}`);
  return { name, ms, fastest: 1000 * min, ratios };
});
if (file !== undefined) writeFileSync(file, `${JSON.stringify({ title, results }, null, 2)}\n`);
