import { manualSeed, parameter, type Tensor, tensor } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import {
  Adafactor,
  Adam,
  AdamW,
  Dense,
  ExponentialDecay,
  LBFGS,
  MaxNorm,
  type Optimizer,
  Sequential,
  SGD,
  type Weight,
} from "../index.ts";

const weight = (name: string, values: number[] | number[][]): Weight => ({
  name,
  value: parameter(values),
  trainable: true,
  regularizer: null,
  constraint: null,
});

/** The weights after each of seven steps on given gradients, and at the end of training. */
function steps(optimizer: Optimizer): number[][] {
  const weights = [
    weight("kernel", [
      [0.5, -0.3],
      [0.2, 0.8],
    ]),
    weight("bias", [0.1, -0.2]),
  ];
  const values = () => weights.flatMap((w) => [...w.value.data]);
  const after: number[][] = [];
  const scale = optimizer.options.lossScaleFactor ?? 1;
  for (let k = 0; k < 7; k++) {
    const gradients = [
      tensor([
        [Math.sin(k + 1), Math.cos(2 * k)],
        [0.5 * k, -1],
      ]),
      tensor([0.3 * k - 0.5, 2]),
    ];
    optimizer.apply(
      gradients.map((g) => g.mul(scale)),
      weights,
    );
    after.push(values());
  }
  optimizer.finalize(weights);
  return [...after, values()];
}

const excluding = (optimizer: Optimizer): Optimizer => {
  optimizer.excludeFromWeightDecay({ names: ["bias"] });
  return optimizer;
};

describe("options of optimizers", () => {
  // Keras 3.15.1: the weights after steps 3, 6 and 7, and what finalize_variable_values leaves.
  it.each<[string, () => Optimizer, number[][]]>([
    [
      "clipnorm",
      () => new SGD({ learningRate: 0.1, clipnorm: 0.7 }),
      [
        [0.4154577, -0.2938682, 0.1319194, 0.933951, 0.1204471, -0.4074752],
        [0.4742198, -0.2998213, -0.03547223, 1.019506, 0.05228951, -0.6047959],
        [0.4604433, -0.3175163, -0.09837998, 1.040475, 0.01414032, -0.663487],
        [0.4604433, -0.3175163, -0.09837998, 1.040475, 0.01414032, -0.663487],
      ],
    ],
    [
      "clipvalue",
      () => new SGD({ learningRate: 0.1, clipvalue: 0.4 }),
      [
        [0.405888, -0.26, 0.12, 0.92, 0.15, -0.32],
        [0.5138295, -0.24545, 0, 1.04, 0.03, -0.44],
        [0.4738295, -0.28545, -0.04, 1.08, -0.01, -0.48],
        [0.4738295, -0.28545, -0.04, 1.08, -0.01, -0.48],
      ],
    ],
    [
      "globalClipnorm",
      () => new SGD({ learningRate: 0.1, momentum: 0.9, globalClipnorm: 0.9 }),
      [
        [0.3551992, -0.3409384, 0.1304911, 0.9960628, 0.1563261, -0.5921257],
        [0.3342563, -0.368955, -0.2861001, 1.388236, 0.1024577, -1.376471],
        [0.3265937, -0.3805906, -0.5199583, 1.539728, 0.03788886, -1.679455],
        [0.3265937, -0.3805906, -0.5199583, 1.539728, 0.03788886, -1.679455],
      ],
    ],
    [
      "useEma",
      () => new SGD({ learningRate: 0.1, useEma: true, emaMomentum: 0.8, emaOverwriteFrequency: 3 }),
      [
        [0.3802958, -0.3719459, 0.162, 0.956, 0.1552, -0.512],
        [0.4573373, -0.3967828, -0.03319998, 1.0608, 0.09048001, -0.7216001],
        [0.3916387, -0.4811682, -0.3332, 1.1608, -0.03951999, -0.9216],
        [0.4441976, -0.4136598, -0.09319997, 1.0808, 0.06448001, -0.7616],
      ],
    ],
    [
      "gradientAccumulationSteps",
      () => new Adam({ learningRate: 0.1, gradientAccumulationSteps: 3 }),
      [
        [0.4000012, -0.2000143, 0.1000013, 0.899999, 0.1999978, -0.2999992],
        [0.4079177, -0.1122079, 0.01156468, 0.9999978, 0.1468447, -0.3999981],
        [0.4079177, -0.1122079, 0.01156468, 0.9999978, 0.1468447, -0.3999981],
        [0.4079177, -0.1122079, 0.01156468, 0.9999978, 0.1468447, -0.3999981],
      ],
    ],
    [
      "gradientAccumulationSteps with a schedule",
      () =>
        new SGD({
          learningRate: new ExponentialDecay({ initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.5 }),
          gradientAccumulationSteps: 2,
          clipnorm: 0.5,
        }),
      [
        [0.4776292, -0.3074603, 0.1936112, 0.8255554, 0.1060946, -0.2348261],
        [0.4830691, -0.3074325, 0.1724252, 0.83977, 0.1004447, -0.2605019],
        [0.4830691, -0.3074325, 0.1724252, 0.83977, 0.1004447, -0.2605019],
        [0.4830691, -0.3074325, 0.1724252, 0.83977, 0.1004447, -0.2605019],
      ],
    ],
    [
      "gradientAccumulationSteps with useEma",
      () =>
        new SGD({
          learningRate: 0.1,
          gradientAccumulationSteps: 2,
          useEma: true,
          emaMomentum: 0.5,
          emaOverwriteFrequency: 2,
        }),
      [
        [0.4124616, -0.3291927, 0.175, 0.9, 0.135, -0.4],
        [0.4897706, -0.2876272, -0.1125, 1.05, 0.0375, -0.7],
        [0.4742914, -0.2999344, -0.05625001, 1.025, 0.05875, -0.65],
        [0.4742914, -0.2999344, -0.05625001, 1.025, 0.05875, -0.65],
      ],
    ],
    [
      "weightDecay",
      () => new AdamW({ learningRate: 0.1, weightDecay: 0.2 }),
      [
        [0.1922992, -0.3999627, 0.03245749, 1.046991, 0.3348333, -0.4822761],
        [0.1794733, -0.4112976, -0.2340747, 1.279457, 0.2216594, -0.7479519],
        [0.1717476, -0.4165195, -0.324092, 1.353867, 0.1444512, -0.832992],
        [0.1717476, -0.4165195, -0.324092, 1.353867, 0.1444512, -0.832992],
      ],
    ],
    [
      "excludeFromWeightDecay",
      () => excluding(new AdamW({ learningRate: 0.1, weightDecay: 0.2 })),
      [
        [0.1922992, -0.3999627, 0.03245749, 1.046991, 0.3464712, -0.4999976],
        [0.1794733, -0.4112976, -0.2340747, 1.279457, 0.2523648, -0.799995],
        [0.1717476, -0.4165195, -0.324092, 1.353867, 0.1795897, -0.8999941],
        [0.1717476, -0.4165195, -0.324092, 1.353867, 0.1795897, -0.8999941],
      ],
    ],
    [
      "Adafactor without relativeStep", // where Keras limits the rate all the same
      () => new Adafactor({ learningRate: 0.9, relativeStep: false }),
      [
        [-0.9150505, 0.08341503, -1.025141, 2.621218, 0.2637487, -0.8207877],
        [0.9455072, 0.8373938, -4.487496, 4.812836, -0.9779566, -1.677568],
        [0.1980041, -0.82585, -6.009424, 5.691666, -1.59877, -2.069043],
        [0.1980041, -0.82585, -6.009424, 5.691666, -1.59877, -2.069043],
      ],
    ],
  ])("%s is Keras'", (_, make, expected) => {
    const found = steps(make());
    [2, 5, 6, 7].forEach((k, row) => {
      found[k]!.forEach((value, i) => void expect(Math.abs(value - expected[row]![i]!)).toBeLessThan(1e-5));
    });
  });

  it("lossScaleFactor changes nothing but what gradients are computed with", async () => {
    const scaled = steps(new Adam({ learningRate: 0.1, lossScaleFactor: 8 }));
    steps(new Adam({ learningRate: 0.1 })).forEach((row, k) => {
      row.forEach((value, i) => void expect(scaled[k]![i]).toBeCloseTo(value, 6));
    });
    const runs = [1, 256].map(async (lossScaleFactor) => {
      const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
      model.compile({ loss: "mse", optimizer: new SGD({ lossScaleFactor }) });
      const { history } = await model.fit([[1], [2]], [1, 3], { epochs: 3, verbose: 0 });
      return [history, model.getWeights().map((w) => [...w.data])];
    });
    expect(await runs[1]).toEqual(await runs[0]); // a power of two rounds nothing
  });

  it("that contradict each other or are out of range are refused", () => {
    expect(() => new SGD({ clipnorm: 1, clipvalue: 1 })).toThrow(/only one of .* not clipnorm and clipvalue/);
    expect(() => new SGD({ clipnorm: -1 })).toThrow(/clipnorm is -1/);
    expect(() => new Adam({ emaMomentum: 1.5 })).toThrow(/emaMomentum is 1.5/);
    expect(() => new Adam({ gradientAccumulationSteps: 1 })).toThrow(/gradientAccumulationSteps is 1/);
    expect(() => new Adam({ emaOverwriteFrequency: 0.5 })).toThrow(/emaOverwriteFrequency is 0.5/);
    expect(() => new LBFGS({ historySize: 0 })).toThrow(/historySize is 0/);
  });
});

describe("LBFGS", () => {
  const rosenbrock = (x: Tensor): Tensor => {
    const [head, tail] = [x.slice([{ stop: -1 }]), x.slice([{ start: 1 }])];
    const first = tail.sub(head.square()).square().mul(100);
    return first.add(head.neg().add(1).square()).sum();
  };

  it.each([2, 10, 50])("finds the bottom of Rosenbrock's valley in %i dimensions", (n) => {
    const x = parameter(
      Array.from({ length: n }, (_, i) => (i % 2 === 0 ? -1.2 : 1)),
      { dtype: "float64" },
    );
    const { reason, loss, evaluations } = new LBFGS().minimize(() => rosenbrock(x), [x]);
    expect(["gradient", "change"]).toContain(reason);
    expect(loss).toBeLessThan(1e-15);
    for (const value of x.data) expect(value).toBeCloseTo(1, 6);
    expect(evaluations).toBeLessThan(n === 2 ? 60 : 400);
  });

  it("solves a quadratic of several parameters in about as many steps as it has dimensions", () => {
    const [a, b] = [parameter([3, -2], { dtype: "float64" }), parameter(5, { dtype: "float64" })];
    const f = () => a.mul([1, 30]).mul(a).sum().add(b.sub(1).square().mul(7)).add(a.sum().mul(b));
    const { reason, iterations } = new LBFGS().minimize(f, [a, b]);
    expect(reason).toBe("gradient");
    expect(iterations).toBeLessThan(16);
    // The gradient is zero where 2a₁ + b = 0, 60a₂ + b = 0, 14(b − 1) + a₁ + a₂ = 0.
    const bottom = 14 / (14 - 1 / 2 - 1 / 60);
    expect(b.item()).toBeCloseTo(bottom, 8);
    expect(a.data[0]).toBeCloseTo(-bottom / 2, 8);
    expect(a.data[1]).toBeCloseTo(-bottom / 60, 8);
  });

  it("survives regions where the function is infinite, and says when it starts in one", () => {
    const x = parameter([0.001], { dtype: "float64" });
    const { reason } = new LBFGS().minimize(() => x.sub(x.log()).sum(), [x]);
    expect(["gradient", "change"]).toContain(reason);
    expect(x.item()).toBeCloseTo(1, 7);
    const outside = parameter([-1], { dtype: "float64" });
    expect(new LBFGS().minimize(() => outside.log().sum(), [outside]).reason).toBe("not finite");
  });

  it("fits a logistic regression with a ridge to scipy's optimum", async () => {
    // scipy 1.17, L-BFGS-B on the same data and loss: mean cross-entropy + 0.01·Σw².
    manualSeed(1);
    const rows = Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(2 * i), Math.sin(0.7 * i + 1)]);
    const labels = rows.map(([a, b, c], i) => Number(a! - 0.5 * b! + 0.3 * c! + 0.4 * Math.sin(5 * i) > 0));
    const model = new Sequential([
      new Dense(1, {
        activation: "sigmoid",
        inputShape: [3],
        kernelRegularizer: { class_name: "L2", config: { l2: 0.01 } },
      }),
    ]);
    model.compile({ loss: "binary_crossentropy", optimizer: new LBFGS({ maxIterations: 100 }) });
    const { history } = await model.fit(rows, labels, { epochs: 2, batchSize: 40, verbose: 0 });
    const [kernel, bias] = model.getWeights();
    const expected = [3.07994345, -0.40091731, 0.33066767, -0.19845471];
    [...kernel!.data, ...bias!.data].forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 3));
    expect(history.loss[1]).toBeCloseTo(0.2799859266, 6);
  });

  it("goes on from its state as if it had not stopped", () => {
    const run = (cut: number | null): number[] => {
      const w = weight("x", [-1.2, 1, -0.5, 0.3]);
      const at = () => {
        const x = parameter(w.value.data);
        const loss = rosenbrock(x);
        loss.backward();
        return { loss: loss.item(), gradients: [x.grad!] };
      };
      let optimizer = new LBFGS({ maxIterations: 3 });
      for (let k = 0; k < 5; k++) {
        if (k === cut) {
          const next = new LBFGS({ maxIterations: 3 });
          next.restoreState([w.value], optimizer.state([w.value]));
          optimizer = next;
        }
        optimizer.step(at(), [w], at);
      }
      return [...w.value.data];
    };
    expect(run(2)).toEqual(run(null));
  });

  it("refuses weights with constraints, and single gradients", async () => {
    const model = new Sequential([new Dense(1, { inputShape: [1], kernelConstraint: new MaxNorm() })]);
    model.compile({ loss: "mse", optimizer: "lbfgs" });
    await expect(model.fit([[1]], [1], { verbose: 0 })).rejects.toThrow(/"kernel" has a constraint/);
    expect(() => new LBFGS().apply([tensor([1])], [weight("w", [1])])).toThrow(/call fit or minimize/);
  });
});
