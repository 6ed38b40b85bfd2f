/**
 * What an operation costs beside its arithmetic: a chain of 1,000 additions and multiplications of tiny tensors, run
 * forward, recorded and differentiated. The yardstick is the same chain in PyTorch, where a Python with it is found
 * (PYTHON=…, or python3).
 *
 * node benchmarks/overhead.bench.ts [--json FILE]
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { getBackend, noGrad, type Tensor, tensor } from "@gradiente/autograd";
import benny from "benny";
import { optionsOf } from "./command-line.ts";
import { python, pythonNamed, skip } from "./peers/run.ts";

const { json: file } = optionsOf(["json"]);

const length = 1000;
const start = tensor([0.5, -0.25, 1, 2], { requiresGrad: true });
const [factor, term] = [tensor([0.99, 1.01, 1, 0.98]), tensor([0.01, 0, -0.01, 0.02])];

function chain(): Tensor {
  let x: Tensor = start;
  for (let i = 0; i < length; i += 2) x = x.mul(factor).add(term);
  return x;
}
const cases = [
  { name: "forward alone", run: () => noGrad(chain) },
  { name: "forward and record", run: chain },
  {
    name: "forward, record and backward",
    run: () => {
      start.grad = null;
      chain().sum().backward();
    },
  },
] as const;

const peer = `
import statistics, time, torch
torch.set_num_threads(1)
x0 = torch.tensor([0.5, -0.25, 1, 2], requires_grad=True)
factor, term = torch.tensor([0.99, 1.01, 1, 0.98]), torch.tensor([0.01, 0, -0.01, 0.02])
def chain():
    x = x0
    for _ in range(${length / 2}): x = x * factor + term
    return x
def alone():
    with torch.no_grad(): chain()
def whole():
    x0.grad = None
    chain().sum().backward()
for run in [alone, chain, whole]:
    samples = []
    for _ in range(200):
        start = time.perf_counter()
        run()
        samples.append(time.perf_counter() - start)
    print(1e9 * statistics.median(samples) / ${length})
`;

for (const { run } of cases) for (let i = 0; i < 200; i++) run();
await new Promise((resolve) => setTimeout(resolve, 500));

const summary = await benny.suite(
  `overhead, ${getBackend()}`,
  ...cases.map(({ name, run }) => benny.add(name, () => void run(), { minSamples: 50, maxTime: 2 })),
);
const found = spawnSync(python, ["-c", peer], { encoding: "utf8" });
const yardstick = found.status === 0 ? found.stdout.trim().split("\n").map(Number) : null;
if (yardstick === null) skip(`PyTorch ${pythonNamed}`, found);

const results = cases.map(({ name }, i) => {
  const ns = (1e9 * summary.results.find((r) => r.name === name)!.details.median) / length;
  const ratio = yardstick === null ? undefined : ns / yardstick[i]!;
  const beside = ratio === undefined ? "" : `, ${ratio.toFixed(2)} of PyTorch's time, ${yardstick![i]!.toFixed(0)}`;
  console.log(`${name.padEnd(30)} ${ns.toFixed(0).padStart(6)} ns per op${beside}`);
  return { name, nsPerOp: ns, ...(ratio === undefined ? {} : { ratio }) };
});
if (file !== undefined) writeFileSync(file, `${JSON.stringify({ length, results }, null, 2)}\n`);
