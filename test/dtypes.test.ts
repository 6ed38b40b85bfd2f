import * as g from "@gradiente/autograd";
import { expect, test } from "vitest";
import { cases } from "../packages/autograd/src/gradcheck/cases/index.ts";
import { Sampler } from "../packages/autograd/src/gradcheck/sampler.ts";

// The dtype of every operation's results and gradients, over the cases of the gradient check.

/** Whose cases also use float64 tensors that are no inputs: limits, a mask; and what converts by itself. */
const mixed = ["cast", "clamp", "scaledDotProductAttention"];

/** Operations of integers that stay integers; others make floats of them. */
const integer = new Set(
  (
    "abs add ceil clamp floor floorDivide frac maximum minimum mul nanToNum neg pow relu relu6 remainder round sign " +
    "square sub trunc where sum prod max min amax amin nanSum diff cumsum cumprod cummax cummin sort topK " +
    "matmul contract dot inner outer kron cross einsum tensorDot conv1d conv2d conv3d convTranspose1d convTranspose2d " +
    "convTranspose3d depthwiseConv2d maxPool adaptiveMaxPool unfold fold pad clone contiguous broadcastTo sumTo " +
    "reshape flatten ravel permute transpose swapAxes moveAxis unsqueeze squeeze expand tile repeat concatenate " +
    "stack split chunk unstack flip roll rot90 slice select at setAt addAt gather scatter scatterAdd take " +
    "takeAlongAxis indexSelect indexAdd embedding maskedFill maskedSelect diag diagonal tril triu trace meshgrid"
  ).split(" "),
);

/** Whose options decide. */
const either = ["interpolate", "scatterReduce"];

const random = new g.Generator(20);
const draw = (name: string): ReturnType<(typeof cases)[string]> =>
  cases[name]!(new Sampler({ integer: (low, high) => low + Math.floor(random.next() * (high - low + 1)) }));
const list = (value: g.Tensor | readonly g.Tensor[]): readonly g.Tensor[] => [value].flat() as g.Tensor[];

const names = Object.keys(cases).filter((name) => !mixed.includes(name));

test.each(names)("%s of float32 is float32, and so are its gradients", (name) => {
  for (let round = 0; round < 3; round++) {
    const { f, inputs } = draw(name);
    const xs = inputs.map((x) => (x.dtype === "float64" ? g.tensor(x, { dtype: "float32", requiresGrad: true }) : x));
    const ys = list(f(...xs));
    expect(ys.map((y) => y.dtype)).not.toContain("float64");
    const roots = ys.filter((y) => y.requiresGrad);
    const leaves = xs.filter((x) => x.requiresGrad);
    if (roots.length === 0) continue;
    const found = g.gradients(roots, leaves, { cotangents: roots.map((y) => g.onesLike(y)) });
    expect(found.map((d) => d.dtype)).toEqual(leaves.map(() => "float32"));
    expect(found.map((d) => d.shape)).toEqual(leaves.map((x) => x.shape));
  }
});

test.each(names.filter((name) => name !== "crossEntropy"))("%s of int32 is int32 or float32", (name) => {
  const { f, inputs } = draw(name);
  const xs = inputs.map((x) => (x.dtype === "float64" ? g.add(g.round(x), 1).cast("int32") : x));
  let ys: readonly g.Tensor[];
  try {
    ys = list(f(...xs));
  } catch (error) {
    // Integers near a case may make a singular matrix.
    expect(error).toBeInstanceOf(g.NumericalError);
    return;
  }
  const expected = integer.has(name) ? "int32" : "float32";
  if (!either.includes(name)) expect(ys.map((y) => y.dtype)).toEqual(ys.map(() => expected));
});

test.each(["wasm", "reference"] as const)(
  "the least and largest integers are finite, and stay integers on %s",
  (backend) => {
    g.setBackend(backend);
    const ends = g.tensor([-(2 ** 31), -1, 0, 2 ** 31 - 1], { dtype: "int32" });
    expect(g.isFinite(ends).toArray()).toEqual([true, true, true, true]);
    expect(g.isInf(ends).toArray()).toEqual([false, false, false, false]);
    expect(g.isNan(ends).toArray()).toEqual([false, false, false, false]);
    expect(g.nanToNum(ends).toArray()).toEqual(ends.toArray());
    const places = g.tensor([1, 1, 0, 0], { dtype: "int32" });
    for (const includeSelf of [true, false]) {
      const found = g.scatterReduce(g.tensor([5, 6, 7], { dtype: "int32" }), places, ends, {
        reduce: "amin",
        includeSelf,
      });
      expect(found.dtype).toBe("int32");
      expect(found.toArray()).toEqual([0, -(2 ** 31), 7]);
    }
  },
);
