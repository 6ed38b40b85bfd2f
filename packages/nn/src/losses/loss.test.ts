import { tensor } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import { getLoss, MeanSquaredError } from "../index.ts";

const [yTrue, yPred] = [tensor([[1], [2]]), tensor([[2], [4]])];

describe("reductions of losses", () => {
  it("null is none, in options and in files", () => {
    expect(new MeanSquaredError({ reduction: null }).apply(yTrue, yPred).toArray()).toEqual([1, 4]);
    const read = getLoss({ class_name: "MeanSquaredError", config: { name: "mean_squared_error", reduction: null } });
    expect(read.apply(yTrue, yPred).toArray()).toEqual([1, 4]);
  });

  it("a mean by sample weights that are all 0 is 0, and so are its slopes", () => {
    const loss = new MeanSquaredError({ reduction: "mean_with_sample_weight" });
    const p = tensor([[2], [4]], { requiresGrad: true });
    const value = loss.apply(yTrue, p, tensor([0, 0]));
    expect(value.item()).toBe(0);
    value.backward();
    expect(p.grad!.toArray()).toEqual([[0], [0]]);
    expect(loss.apply(yTrue, yPred, tensor([1, 3])).item()).toBe((1 + 3 * 4) / 4);
  });
});
