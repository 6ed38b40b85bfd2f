/**
 * WebAssembly kernels: matrix products beside the processor's 128-bit multiply-add peak, elementwise kernels,
 * reductions and softmax beside a copy of memory, and, on one thread, beside PyTorch where a Python has it (PYTHON=…,
 * or python3). The yardsticks are measured in the same run.
 *
 * node benchmarks/kernels.bench.ts [--json FILE] [--threads N]
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import benny from "benny";
import type { Kernel, View } from "../packages/autograd/src/backend/backend.ts";
import {
  f32x4,
  i32,
  increase,
  int,
  ModuleBuilder,
  whileLoop,
} from "../packages/autograd/src/backend/wasm/assembler.ts";
import { createWasmBackend } from "../packages/autograd/src/backend/wasm/index.ts";
import { webAssembly } from "../packages/autograd/src/backend/wasm/platform.ts";
import type { DType } from "../packages/autograd/src/dtype.ts";
import * as s from "../packages/autograd/src/scalar/expression.ts";
import { optionsOf } from "./command-line.ts";
import { python, pythonNamed, skip } from "./peers/run.ts";

const options = optionsOf(["json", "threads"]);
const threads = Number(options.threads ?? 1);
const made = createWasmBackend({ threads });
if (made === null) throw new Error("this engine has no WebAssembly SIMD");
const backend = made;

interface Case {
  readonly name: string;
  readonly run: () => void;
  /** Operations (or bytes, or elements) of one run, in thousands of millions. */
  readonly amount: number;
  readonly unit: string;
  /** What its rate is compared with. */
  readonly yardstick?: string;
  /** The yardstick's rate counts for this many times as much, as where vectors hold twice the elements. */
  readonly factor?: number;
  /** Elements of the input, where they say more than bytes. */
  readonly elements?: number;
  /** The same in PyTorch. */
  readonly torch?: string;
}

function tensor(shape: readonly number[], dtype: DType = "float32", transposed = false): View {
  const size = shape.reduce((a, b) => a * b, 1);
  const storage = backend.allocate(dtype, size);
  for (let i = 0; i < size; i++) storage.array[i] = ((i * 7919) % 1000) / 100 - 5;
  const strides = shape.length < 2 ? [1] : transposed ? [1, shape[0]!] : [shape[1]!, 1];
  return { shape, strides: shape.length === 0 ? [] : strides, offset: 0, dtype, size, storage };
}

/** 12 independent chains of multiply-adds, which is what it takes to keep the units busy. */
function peak(): Case {
  const module = new ModuleBuilder(false);
  module.function("peak", ["i32"], ["f32"], (scope, n) => {
    const sums = Array.from({ length: 12 }, () => scope.local("v128"));
    const x = scope.local("v128");
    const madd = backend.relaxedSimd
      ? f32x4.relaxedMadd
      : (a: typeof x, b: typeof x, c: typeof x) => f32x4.add(f32x4.mul(a, b), c);
    return [
      x.set(f32x4.const(0.5)),
      whileLoop(i32.gt(n, int(0)), ...sums.map((sum) => sum.set(madd(x, x, sum) as typeof x)), increase(n, -1)),
      f32x4.extract(
        sums.reduce((a, b) => f32x4.add(a, b) as typeof x),
        0,
      ),
    ];
  });
  const memory = new webAssembly.Memory({ initial: 1, maximum: 1, shared: false });
  const { exports } = new webAssembly.Instance(new webAssembly.Module(module.build()), { env: { memory } });
  const run = exports.peak as (n: number) => number;
  return { name: "peak", run: () => run(1e5), amount: (12 * 8 * 1e5) / 1e9, unit: "GFLOP/s" };
}

function product(
  m: number,
  k: number,
  n: number,
  dtype: "float32" | "float64",
  transposedA = false,
  transposedB = false,
): Case {
  const [a, b, c] = [tensor([m, k], dtype, transposedA), tensor([k, n], dtype, transposedB), tensor([m, n], dtype)];
  const kernel: Kernel = { kind: "contract", batch: 0, m: 1, k: 1, n: 1 };
  const mark = (transposed: boolean): string => (transposed ? "ᵀ" : "");
  return {
    name: `${dtype} ${m}×${k}${mark(transposedA)} · ${k}×${n}${mark(transposedB)}`,
    run: () => backend.run(kernel, [a, b], [c]),
    amount: (2 * m * k * n) / 1e9,
    unit: "GFLOP/s",
    yardstick: "peak",
    factor: dtype === "float64" ? 0.5 : 1,
  };
}

const groups: Kernel = { kind: "contract", batch: 0, m: 3, k: 3, n: 1 };

/**
 * A convolution as it reaches the backend: a contraction over the windows of padded images, or of those with the
 * cotangent, for the kernel's gradient. Operations are counted as the plain sum has them.
 */
function convolution(n: number, side: number, size: number, channels: number, out: number, ofKernel = false): Case {
  const padded = side + size - 1;
  const images = tensor([n * padded * padded * channels]);
  const [row, image] = [padded * channels, padded * padded * channels];
  const [positions, steps] = [
    [n, side, side],
    [image, row, channels],
  ];
  const [taps, tapSteps] = [
    [size, size, channels],
    [row, channels, 1],
  ];
  const windows: View = {
    ...images,
    shape: ofKernel ? [...taps, ...positions] : [...positions, ...taps],
    strides: ofKernel ? [...tapSteps, ...steps] : [...steps, ...tapSteps],
    size: n * side * side * size * size * channels,
  };
  const shaped = (shape: readonly number[]): View => {
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    return { ...tensor([shape.reduce((a, b) => a * b, 1)]), shape, strides };
  };
  const [kernel, output] = [shaped([...taps, out]), shaped([...positions, out])];
  const [right, result] = ofKernel ? [output, kernel] : [kernel, output];
  return {
    name: `${size}×${size}, ${channels} to ${out}, ${n}×${side}×${side}${ofKernel ? ", kernel's" : ""}`,
    run: () => backend.run(groups, [windows, right], [result]),
    amount: (2 * windows.size * out) / 1e9,
    unit: "GFLOP/s",
    yardstick: "peak",
  };
}

/** A product whose every factor is used once: memory is its limit. */
function vectorProduct(m: number, k: number, n: number, transposedA = false, transposedB = false): Case {
  const { name, run } = product(m, k, n, "float32", transposedA, transposedB);
  return { name, run, amount: (4 * (m * k + k * n + m * n)) / 1e9, unit: "GB/s", yardstick: "copy" };
}

const million = 2 ** 20;
const [x, y, out, row, sum] = [tensor([million]), tensor([million]), tensor([million]), tensor([1024]), tensor([])];
const square = tensor([1024, 1024]);

function elementwise(name: string, expression: s.Expr, inputs: readonly View[], torch?: string): Case {
  const kernel: Kernel = { kind: "elementwise", expressions: [expression], compute: "float32" };
  return {
    name,
    run: () => backend.run(kernel, inputs, [out]),
    amount: (4 * (inputs.length + 1) * million) / 1e9,
    unit: "GB/s",
    yardstick: "copy",
    elements: million,
    ...(torch === undefined ? {} : { torch }),
  };
}

function other(name: string, kernel: Kernel, input: View | null, output: View | readonly View[], torch: string): Case {
  const [inputs, outputs] = [input === null ? [] : [input], [output].flat()];
  const size = (input ?? outputs[0]!).size;
  return {
    name,
    run: () => backend.run(kernel, inputs, outputs, [1, 2, 3, 4]),
    amount: (4 * [...inputs, ...outputs].reduce((total, v) => total + v.size, 0)) / 1e9,
    unit: "GB/s",
    yardstick: "copy",
    elements: size,
    torch,
  };
}

const [a0, a1] = [s.argument(0), s.argument(1)];
const cases: Case[] = [
  peak(),
  ...[32, 64, 128, 256, 512, 1024].map((n) => product(n, n, n, "float32")),
  product(256, 256, 256, "float32", true, true),
  product(32, 784, 300, "float32"),
  product(784, 32, 300, "float32", true, false),
  product(32, 300, 784, "float32", false, true),
  product(256, 256, 256, "float64"),
  product(512, 512, 512, "float64"),
  convolution(32, 28, 3, 32, 64),
  convolution(32, 28, 3, 64, 32),
  convolution(32, 28, 3, 32, 64, true),
  convolution(32, 28, 3, 1, 32),
  convolution(32, 14, 5, 16, 32),
  convolution(32, 14, 1, 64, 64),
  { name: "copy", run: () => out.storage.array.set(x.storage.array), amount: (8 * million) / 1e9, unit: "GB/s" },
  vectorProduct(1024, 1024, 1),
  vectorProduct(1, 1024, 1024),
  vectorProduct(1024, 1024, 1, true),
  vectorProduct(1, 1024, 1024, false, true),
  elementwise("add", s.add(a0, a1), [x, y], "torch.add(x, y, out=out)"),
  elementwise("relu", s.max(a0, 0), [x], "torch.clamp_min(x, 0, out=out)"),
  elementwise("exp", s.exp(a0), [x], "torch.exp(x, out=out)"),
  elementwise("log", s.log(s.abs(a0)), [x], "torch.log(positive, out=out)"),
  elementwise("tanh", s.tanh(a0), [x], "torch.tanh(x, out=out)"),
  elementwise("sigmoid", s.sigmoid(a0), [x], "torch.sigmoid(x, out=out)"),
  elementwise("sin", s.sin(a0), [x], "torch.sin(x, out=out)"),
  elementwise("erf", s.erf(a0), [x], "torch.erf(x, out=out)"),
  elementwise("pow", s.pow(s.abs(a0), a1), [x, y], "torch.pow(positive, y, out=out)"),
  elementwise("atan2", s.atan2(a0, a1), [x, y], "torch.atan2(x, y, out=out)"),
  elementwise("lgamma", s.lgamma(a0), [x], "torch.lgamma(x, out=out)"),
  elementwise("add a row", s.add(a0, a1), [square, row], "torch.add(square, row)"),
  other("sum", { kind: "reduce", reduction: "sum" }, x, sum, "torch.sum(x)"),
  other("sum over rows", { kind: "reduce", reduction: "sum" }, { ...square, strides: [1, 1024] }, row, "square.sum(0)"),
  other("argmax", { kind: "reduce", reduction: "argmax" }, square, tensor([1024], "int32"), "square.argmax(1)"),
  other("softmax", { kind: "softmax", log: false }, square, tensor([1024, 1024]), "torch.softmax(square, 1)"),
  other("cumulative sum", { kind: "scan", reduction: "sum" }, square, tensor([1024, 1024]), "square.cumsum(1)"),
  other(
    "sort",
    { kind: "sort", descending: false },
    x,
    [out, tensor([million], "int32")],
    "torch.sort(x, stable=True)",
  ),
  other("normal", { kind: "random", distribution: "normal" }, null, out, "out.normal_()"),
];

/** The fastest of some runs of each on one thread, in seconds. */
const peer = `
import json, sys, time, torch
torch.set_num_threads(1)
x = (torch.arange(${million}) * 7919 % 1000).float() / 100 - 5
y, out, positive, square, row = x.clone(), torch.empty_like(x), x.abs(), x.reshape(1024, 1024), x[:1024].clone()
for statement in json.loads(sys.argv[1]):
    code, best = compile(statement, "case", "eval"), 1e9
    for _ in range(60):
        start = time.perf_counter()
        eval(code)
        best = min(best, time.perf_counter() - start)
        if best > 0.02 and _ > 5: break
    print(best)
`;
const compared = cases.filter((c) => c.torch !== undefined);
const found = spawnSync(python, ["-c", peer, JSON.stringify(compared.map((c) => c.torch))], {
  encoding: "utf8",
});
if (found.status !== 0) skip(`PyTorch ${pythonNamed}`, found);
const torchSeconds = new Map(
  found.status === 0
    ? found.stdout
        .trim()
        .split("\n")
        .map((line, i) => [compared[i]!.name, Number(line)])
    : [],
);

/** Enough calls for the optimising compiler to have finished, as engines run the first in a faster-made tier. */
for (const { run } of cases) for (let i = 0; i < 20; i++) run();
await new Promise((resolve) => setTimeout(resolve, 500));

/** The fastest call of each, in seconds: others shared the machine with whatever else it was doing. */
const fastest = new Map<string, number>(cases.map(({ name }) => [name, Number.POSITIVE_INFINITY]));
const timed =
  ({ name, run }: Case): (() => void) =>
  () => {
    const start = performance.now();
    run();
    fastest.set(name, Math.min(fastest.get(name)!, (performance.now() - start) / 1000));
  };
await benny.suite(
  `kernels, ${threads} ${threads === 1 ? "thread" : "threads"}`,
  ...cases.map((c) => benny.add(c.name, timed(c), { minSamples: 20, maxTime: 1 })),
);
const rates = new Map<string, number>();
const results = cases.map(({ name, amount, unit, yardstick, factor = 1, elements }) => {
  const seconds = fastest.get(name)!;
  const rate = amount / seconds;
  rates.set(name, rate);
  const ratio = yardstick === undefined ? undefined : rate / (rates.get(yardstick)! * factor);
  const torch = torchSeconds.get(name);
  const percent = ratio === undefined ? "" : `${(100 * ratio).toFixed(0).padStart(5)} % of ${yardstick}`;
  const speed = elements === undefined ? "" : `${(elements / seconds / 1e9).toFixed(2).padStart(8)} G elements/s`;
  const beside = torch === undefined ? "" : `${(torch / seconds).toFixed(2).padStart(7)} of PyTorch's speed`;
  console.log(`${name.padEnd(34)} ${rate.toFixed(1).padStart(8)} ${unit.padEnd(8)}${percent}${speed}${beside}`);
  return {
    name,
    rate,
    unit,
    ...(ratio === undefined ? {} : { yardstick, ratio }),
    ...(elements === undefined ? {} : { elementsPerSecond: elements / seconds }),
    ...(torch === undefined ? {} : { ofPyTorch: torch / seconds }),
  };
});
const file = options.json;
if (file !== undefined) writeFileSync(file, `${JSON.stringify({ threads, results }, null, 2)}\n`);
