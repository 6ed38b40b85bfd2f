import { eye, Generator, matmul, solve, tensor, transpose } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import { Dense, ridge, Sequential, SGD } from "../index.ts";

const random = new Generator(11);
const [count, features] = [40, 3];
const x = tensor({
  data: Float64Array.from({ length: count * features }, () => 2 * random.next() - 1),
  shape: [count, features],
});
const truth = tensor([[2], [-1], [0.5]], { dtype: "float64" });
const y = matmul(x, truth).add(
  tensor({ data: Float64Array.from({ length: count }, () => random.next() - 0.5), shape: [count, 1] }),
);

describe("ridge", () => {
  it.each([0, 1, 10])("with λ = %d is learned to the closed form (XᵀX + λI)⁻¹Xᵀy", async (lambda) => {
    const kernelRegularizer = ridge(lambda, { samples: count });
    const model = new Sequential(
      [new Dense(1, { useBias: false, kernelRegularizer, inputShape: [features], dtype: "float64" })],
      { seed: 1, dtype: "float64" },
    );
    model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0.5 }) });
    const { history } = await model.fit(x, y, { epochs: 300, batchSize: count, verbose: 0 });
    const best = solve(
      matmul(transpose(x), x).add(eye(features, features, { dtype: "float64" }).mul(lambda)),
      matmul(transpose(x), y),
    );
    const [weights] = model.getWeights();
    const distance = weights!.sub(best).abs().max().item();
    expect(distance).toBeLessThan(1e-9);
    // The loss that is printed has the penalty in it.
    const error = matmul(x, best).sub(y).square().mean().item();
    expect(history.loss.at(-1)).toBeCloseTo(error + (lambda / count) * best.square().sum().item(), 9);
  });

  it("refuses what divides by nothing", () => {
    expect(() => ridge(1, { samples: 0 })).toThrow(/samples 0/);
    expect(() => ridge(-1, { samples: 5 })).toThrow(/lambda is -1/);
  });
});
