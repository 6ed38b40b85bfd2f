import { type ComputeDType, type TypedArray } from "../../dtype.ts";
import { type Expr, sortOf, topologicalOrder } from "../../scalar/expression.ts";
import { broadcastStrides } from "../../shape.ts";
import type { ElementwiseKernel, KernelRunner, View } from "../backend.ts";
import { type ScalarFunction, scalarFunction } from "./scalar.ts";
import { isDense, positions } from "./traverse.ts";

/** Elements are computed in blocks: each node of the expression is one loop over the block. */
const blockLength = 1024;

interface Step {
  readonly evaluate: ScalarFunction;
  readonly operands: readonly Float64Array[];
  readonly result: Float64Array;
}

/** A register for every node of the kernel's expressions, and the order in which to fill them. */
interface Program {
  readonly steps: readonly Step[];
  readonly loads: readonly { readonly index: number; readonly register: Float64Array }[];
  readonly parameters: readonly { readonly index: number; readonly register: Float64Array }[];
  readonly results: readonly Float64Array[];
}

const programs = new WeakMap<ElementwiseKernel, Program>();

function programOf(kernel: ElementwiseKernel): Program {
  let program = programs.get(kernel);
  if (program === undefined) {
    program = plan(kernel.expressions, kernel.compute);
    programs.set(kernel, program);
  }
  return program;
}

function plan(expressions: readonly Expr[], compute: ComputeDType): Program {
  const registers = new Map<Expr, Float64Array>();
  const steps: Step[] = [];
  const loads: { index: number; register: Float64Array }[] = [];
  const parameters: { index: number; register: Float64Array }[] = [];
  for (const node of topologicalOrder(expressions)) {
    const register = new Float64Array(blockLength);
    registers.set(node, register);
    if (node.op === "argument") loads.push({ index: node.value, register });
    else if (node.op === "parameter") parameters.push({ index: node.value, register });
    else if (node.op === "constant") register.fill(node.value);
    else {
      const operands = node.operands.map((o) => registers.get(o)!);
      steps.push({ evaluate: scalarFunction(node.op, compute), operands, result: register });
    }
  }
  return { steps, loads, parameters, results: expressions.map((e) => registers.get(e)!) };
}

export const runElementwise: KernelRunner<ElementwiseKernel> = (kernel, inputs, outputs, scalars) => {
  const program = programOf(kernel);
  const { shape, size } = outputs[0]!;
  for (const { index, register } of program.parameters) register.fill(scalars[index]!);
  const sources = program.loads.map(({ index, register }) => {
    const view = inputs[index]!;
    return { register, walk: walker(view, broadcastStrides(view, shape)) };
  });
  const sinks = outputs.map((view) => ({ view, walk: walker(view, view.strides) }));

  function walker(view: View, strides: readonly number[]): (start: number, count: number) => Int32Array | number {
    if (isDense(shape, strides)) return (start) => view.offset + start;
    if (strides.every((s, axis) => s === 0 || shape[axis] === 1)) return () => fixed.fill(view.offset);
    const scratch = new Int32Array(blockLength);
    return (start, count) => positions({ shape, strides, offset: view.offset }, start, count, scratch);
  }

  for (let start = 0; start < size; start += blockLength) {
    const count = Math.min(blockLength, size - start);
    sources.forEach(({ register, walk }, i) => {
      read(inputs[program.loads[i]!.index]!.storage.array, walk(start, count), register, count);
    });
    for (const { evaluate, operands, result } of program.steps) {
      const [x, y, z] = [operands[0]!, operands[1] ?? operands[0]!, operands[2] ?? operands[0]!];
      for (let i = 0; i < count; i++) result[i] = evaluate(x[i]!, y[i]!, z[i]!);
    }
    sinks.forEach(({ view, walk }, k) => {
      const isMask = sortOf(kernel.expressions[k]!) === "mask";
      write(view, walk(start, count), program.results[k]!, count, isMask);
    });
  }
};

/** Positions of a broadcast scalar: always the same one. */
const fixed = new Int32Array(blockLength);

function read(array: TypedArray, at: Int32Array | number, register: Float64Array, count: number): void {
  if (typeof at === "number") for (let i = 0; i < count; i++) register[i] = array[at + i]!;
  else for (let i = 0; i < count; i++) register[i] = array[at[i]!]!;
}

function write(view: View, at: Int32Array | number, values: Float64Array, count: number, isMask: boolean): void {
  const array = view.storage.array;
  // A number stored as a boolean is whether it differs from zero; typed arrays round, wrap and truncate the rest.
  const toBool = view.dtype === "bool" && !isMask;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    array[typeof at === "number" ? at + i : at[i]!] = toBool ? Number(value !== 0) : value;
  }
}
