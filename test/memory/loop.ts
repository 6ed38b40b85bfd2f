/**
 * One of the loops whose memory has to stay bounded, by its name in the arguments; prints what it used, as JSON.
 * Nobody frees anything here.
 *
 * node --expose-gc test/memory/loop.ts LOOP STEPS
 */
import { memory, randn, type Tensor, tensor } from "@gradiente/autograd";
import { Dense, Sequential } from "@gradiente/nn";

const [name, count] = [process.argv[2], Number(process.argv[3])];
const megabyte = 2 ** 20;

const x = randn([8, 16]);
const y = randn([8, 4]);
const w = tensor(randn([16, 4]), { requiresGrad: true });
const model = new Sequential([new Dense(16, { activation: "relu", inputShape: [16] }), new Dense(4)]);
model.compile({ optimizer: "sgd", loss: "mean_squared_error" });
const kept: Tensor[] = [];

const loops: Readonly<Record<string, (step: number) => void | Promise<void>>> = {
  training: () => {
    model.trainOnBatch(x, y);
  },
  "gradients by hand": () => {
    w.grad = null;
    x.matmul(w).sub(y).square().mean().backward();
  },
  "inference that is recorded": () => {
    x.matmul(w).tanh().sum().item();
  },
  awaiting: async () => {
    w.grad = null;
    x.matmul(w).sub(y).square().mean().backward();
    await null;
  },
  "keeping every tenth": (step) => {
    const z = x.matmul(w.detach()).tanh();
    if (step % 10 === 0) kept.push(z);
  },
};

const loop = loops[name ?? ""];
if (loop === undefined) throw new Error(`there is no loop ${JSON.stringify(name)}: ${Object.keys(loops).join(", ")}`);

/** What is left after collecting garbage. */
const inUse = (): number => {
  globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / megabyte;
};
let early = 0;
for (let step = 0; step < count; step++) {
  if (step === Math.floor(count / 4)) early = inUse();
  const pending = loop(step);
  if (pending !== undefined) await pending;
}
const late = inUse();
const resident = process.memoryUsage.rss() / megabyte;
// Nothing kept has been overwritten: each holds what the same computation gives now.
const expected = kept.length === 0 ? null : x.matmul(w.detach()).tanh().data;
const intact = kept.every((z) => z.data.every((value, i) => value === expected![i]));
const { live, cached } = memory();
console.log(JSON.stringify({ early, late, resident, heap: (live + cached) / megabyte, kept: kept.length, intact }));
