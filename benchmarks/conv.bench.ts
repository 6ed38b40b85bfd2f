/**
 * Convolution and pooling, forward and backward, and the training step of a small convolutional network. The yardstick
 * is PyTorch on as many threads, where a Python with it is found (PYTHON=…, or python3), measured in the same run; of
 * both the fastest of many calls counts, as others share the machine.
 *
 * node benchmarks/conv.bench.ts [--json FILE] [--threads N]
 */
import { writeFileSync } from "node:fs";
import {
  avgPool,
  conv2d,
  depthwiseConv2d,
  getThreads,
  manualSeed,
  maxPool,
  noGrad,
  randn,
  setThreads,
  type Tensor,
  tensor,
} from "@gradiente/autograd";
import { Conv2D, Dense, Flatten, MaxPooling2D, Sequential, SGD } from "@gradiente/nn";
import benny from "benny";
import { optionsOf } from "./command-line.ts";
import { runPython } from "./peers/run.ts";

const options = optionsOf(["json", "threads"]);
setThreads(Number(options.threads ?? 1));
manualSeed(1);

interface Case {
  readonly name: string;
  readonly run: () => void;
}

/** A function of an image and a kernel (or of an image alone), forward, and forward and backward. */
function both(
  name: string,
  f: (x: Tensor, w: Tensor) => Tensor,
  image: readonly number[],
  kernel: readonly number[],
): Case[] {
  const [x, w] = [image, kernel].map((shape) => {
    const t = randn(shape).detach();
    t.requiresGrad = true;
    return t;
  }) as [Tensor, Tensor];
  const cotangent = randn(noGrad(() => f(x, w)).shape);
  return [
    { name: `${name}, forward`, run: () => noGrad(() => f(x, w)) },
    {
      name: `${name}, both ways`,
      run: () => {
        x.grad = null;
        w.grad = null;
        f(x, w).backward(cotangent);
      },
    },
  ];
}

function training(): Case {
  const model = new Sequential([
    new Conv2D(32, 3, { activation: "relu", inputShape: [28, 28, 1] }),
    new MaxPooling2D(),
    new Conv2D(64, 3, { activation: "relu" }),
    new MaxPooling2D(),
    new Flatten(),
    new Dense(10, { activation: "softmax" }),
  ]);
  model.compile({ optimizer: new SGD({ learningRate: 0.01 }), loss: "sparse_categorical_crossentropy" });
  const x = randn([32, 28, 28, 1]);
  const y = tensor({ data: Int32Array.from({ length: 32 }, (_, i) => i % 10), shape: [32] }, { dtype: "int32" });
  return { name: "training step", run: () => void model.trainOnBatch(x, y) };
}

const same = { padding: "same" } as const;
const images = [32, 28, 28, 32];
const cases: Case[] = [
  ...both("3×3, 32 to 64", (x, w) => conv2d(x, w, same), images, [3, 3, 32, 64]),
  ...both("3×3, 1 to 32", (x, w) => conv2d(x, w, same), [32, 28, 28, 1], [3, 3, 1, 32]),
  ...both("5×5, 16 to 32", (x, w) => conv2d(x, w, same), [32, 14, 14, 16], [5, 5, 16, 32]),
  ...both("3×3, channel by channel", (x, w) => depthwiseConv2d(x, w, same), images, [3, 3, 32, 1]),
  ...both("largest of 2×2", (x) => maxPool(x, { size: 2 }), images, []),
  ...both("mean of 2×2", (x) => avgPool(x, { size: 2 }), images, []),
  training(),
];

/** Prints the milliseconds of each case as a line of JSON. */
const python = `
import json, time
import torch
from torch import nn
torch.set_num_threads(${getThreads()})
def measure(name, run):
    for _ in range(5): run()
    fastest = float("inf")
    end = time.perf_counter() + 1
    while time.perf_counter() < end:
        start = time.perf_counter()
        run()
        fastest = min(fastest, time.perf_counter() - start)
    print(json.dumps(["PyTorch", name, 1000 * fastest]), flush=True)
def both(name, layer, shape):
    x = torch.randn(shape, requires_grad=True)
    cotangent = torch.randn_like(layer(x))
    def forward():
        with torch.no_grad(): layer(x)
    def backward():
        x.grad = None
        layer.zero_grad()
        layer(x).backward(cotangent)
    measure(name + ", forward", forward)
    measure(name + ", both ways", backward)
images = (32, 32, 28, 28)
both("3×3, 32 to 64", nn.Conv2d(32, 64, 3, padding=1, bias=False), images)
both("3×3, 1 to 32", nn.Conv2d(1, 32, 3, padding=1, bias=False), (32, 1, 28, 28))
both("5×5, 16 to 32", nn.Conv2d(16, 32, 5, padding=2, bias=False), (32, 16, 14, 14))
both("3×3, channel by channel", nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False), images)
both("largest of 2×2", nn.MaxPool2d(2), images)
both("mean of 2×2", nn.AvgPool2d(2), images)
layers = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(1600, 10))
optimizer, loss = torch.optim.SGD(model.parameters(), lr=0.01), nn.CrossEntropyLoss()
x, y = torch.randn(32, 1, 28, 28), torch.arange(32) % 10
def step():
    optimizer.zero_grad()
    loss(model(x), y).backward()
    optimizer.step()
measure("training step", step)
`;

/** Enough calls for the optimising compiler to have finished. */
for (const { run } of cases) for (let i = 0; i < 20; i++) run();
await new Promise((resolve) => setTimeout(resolve, 500));

/** Milliseconds of the fastest call of each case. */
const fastest = new Map<string, number>();
function timed({ name, run }: Case): void {
  const start = performance.now();
  run();
  fastest.set(name, Math.min(fastest.get(name) ?? Number.POSITIVE_INFINITY, performance.now() - start));
}

const title = `convolution, ${getThreads()} ${getThreads() === 1 ? "thread" : "threads"}`;
await benny.suite(title, ...cases.map((one) => benny.add(one.name, () => timed(one), { minSamples: 20, maxTime: 1 })));
const yardstick = runPython("PyTorch", python).get("PyTorch");
const results = cases.map(({ name }) => {
  const ms = fastest.get(name)!;
  const theirs = yardstick?.get(name);
  const beside = theirs === undefined ? "" : `, ${(ms / theirs).toFixed(2)} of PyTorch's time`;
  console.log(`${name.padEnd(36)} ${ms.toFixed(2).padStart(7)} ms${beside}`);
  return { name, ms, ...(theirs === undefined ? {} : { ratio: ms / theirs }) };
});
const file = options.json;
if (file !== undefined) writeFileSync(file, `${JSON.stringify({ title, results }, null, 2)}\n`);
