import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, type Tensor, tensor } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import {
  Add,
  type BatchShape,
  type CallContext,
  Concatenate,
  Dense,
  functional,
  input,
  Lambda,
  Layer,
  loadModel,
  Model,
  Sequential,
} from "./index.ts";

const left = tensor([
  [1, 2],
  [3, 4],
  [5, 6],
]);
const right = tensor([[1], [0], [1]]);

function wideAndDeep() {
  const [a, b] = [input({ shape: [2], name: "wide" }), input({ shape: [1], name: "deep" })];
  const shared = new Dense(2, { activation: "relu", name: "shared" });
  const deep = shared.apply(shared.apply(a));
  const joined = new Concatenate().apply([deep, b]);
  const outputs = [new Dense(1, { name: "main" }).apply(joined), new Dense(1, { name: "side" }).apply(deep)];
  return functional({ inputs: [a, b], outputs, seed: 3 });
}

describe("functional models", () => {
  it("share layers, take several inputs and give several outputs", async () => {
    const model = wideAndDeep();
    expect(model.countParams()).toBe(6 + 4 + 3);
    expect(model.outputShapes).toEqual([
      [null, 1],
      [null, 1],
    ]);
    model.compile({ loss: { main: "mse", side: "mae" }, optimizer: "sgd", lossWeights: [1, 0.5] });
    const history = await model.fit([left, right], [right, right], { epochs: 2, verbose: 0 });
    expect(Object.keys(history.history)).toEqual(["loss", "main_loss", "side_loss"]);
    const outputs = await model.predictAll([left, right]);
    expect(outputs.map((o) => o.shape)).toEqual([
      [3, 1],
      [3, 1],
    ]);
  });

  it("come back from a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gradiente-nn-"));
    const model = wideAndDeep();
    await model.save(join(folder, "model.h5"));
    const again = await loadModel(join(folder, "model.h5"));
    const values = async (m: Model) => (await m.predictAll([left, right])).map((o) => o.toArray());
    expect(await values(again)).toEqual(await values(model));
    rmSync(folder, { recursive: true });
  });

  it("hold other models, and refuse inputs that are missing", () => {
    const x = input({ shape: [2] });
    const inner = new Sequential([new Dense(2, { inputShape: [2] })], { name: "inner" });
    const model = functional({ inputs: x, outputs: new Add().apply([inner.apply(x), x]) });
    expect(model.layers.map((l) => l.name)).toEqual(["input_layer", "inner", "add"]);
    expect(model.countParams()).toBe(6);
    const other = input({ shape: [2], name: "other" });
    expect(() => functional({ inputs: x, outputs: new Add().apply([x, other]) })).toThrow(
      /depends on the input "other"/,
    );
  });
});

it("a model by itself is refused, with what to write", () => {
  const x = input({ shape: [2] });
  const Plain = Model as unknown as new (options: object) => Model;
  expect(() => new Plain({ inputs: x, outputs: new Dense(1).apply(x) })).toThrow(/functional\(\{ inputs, outputs \}\)/);
});

it("weights of one's own layers may begin with what a name stands for", () => {
  const layerWith = (initializer: object): Layer =>
    new (class Own extends Layer {
      protected override build(shape: BatchShape, generator: Generator): void {
        this.addWeight({ name: "gain", shape: [shape.at(-1)!, 50], ...initializer }, generator);
      }
      override call(x: Tensor): Tensor {
        return x;
      }
    })();
  const weightsOf = (initializer: object): Tensor => {
    const layer = layerWith(initializer);
    layer.ensureBuilt([null, 2], new Generator(1));
    return layer.getWeights()[0]!;
  };
  expect(weightsOf({ initializer: "ones" }).data.every((x) => x === 1)).toBe(true);
  const uniform = weightsOf({});
  expect(uniform.abs().max().item()).toBeLessThanOrEqual(Math.sqrt(6 / 52));
  expect(new Set(uniform.data).size).toBeGreaterThan(90);
  expect(() => weightsOf({ initializer: "onse" })).toThrow(/^own: there is no initializer named "onse".*ones/s);
});

describe("models of one's own", () => {
  class Residual extends Model {
    private readonly hidden = this.track(new Dense(2, { activation: "tanh" }));
    private readonly twice = this.track(new Lambda((x) => x.mul(2)));
    call(x: Tensor, context: CallContext): Tensor {
      return this.twice.run(this.hidden.run(x, context).add(x), context);
    }
  }

  it("are built, trained and repeatable like any other", async () => {
    const run = async () => {
      const model = new Residual({ seed: 8 });
      model.compile({ loss: "mse", optimizer: "adam" });
      const history = await model.fit(left, left, { epochs: 3, verbose: 0 });
      return [history.history.loss, model.getWeights().map((w) => w.toArray())];
    };
    expect(await run()).toEqual(await run());
    const model = new Residual({ seed: 8 });
    model.ensureBuilt([null, 2]);
    expect(model.summary({ print: () => {} })).toContain("Total params: 6");
  });

  it("freeze layers", async () => {
    const model = new Sequential([new Dense(2, { inputShape: [2] }), new Dense(1)], { seed: 1 });
    model.layers[0]!.trainable = false;
    model.compile({ loss: "mse", optimizer: "sgd" });
    const before = model.layers[0]!.getWeights()[0]!.toArray();
    await model.fit(left, right, { epochs: 1, verbose: 0 });
    expect(model.layers[0]!.getWeights()[0]!.toArray()).toEqual(before);
    expect(model.summary({ print: () => {} })).toContain("Trainable params: 3\nNon-trainable params: 6");
  });

  it("have steps of training of their own", async () => {
    class Penalised extends Model {
      private readonly dense = this.track(new Dense(1, { kernelInitializer: "ones" }));
      steps = 0;
      call(x: Tensor, context: CallContext): Tensor {
        return this.dense.run(x, context);
      }
      override trainStep(...args: Parameters<Model["trainStep"]>): number {
        this.steps++;
        return super.trainStep(...args);
      }
    }
    const model = new Penalised({ seed: 1 });
    model.compile({ loss: "mse", optimizer: "sgd" });
    await model.fit(left, right, { epochs: 2, batchSize: 2, verbose: 0 });
    expect(model.steps).toBe(4);
  });

  it("take several inputs and give several outputs", async () => {
    class Both extends Model {
      private readonly dense = this.track(new Dense(2, { name: "shared" }));
      call(x: Tensor, context: CallContext): Tensor {
        return this.dense.run(x, context);
      }
      protected override callMany(inputs: readonly Tensor[], context: CallContext): readonly Tensor[] {
        const [a, b] = inputs.map((x) => this.dense.run(x, context)) as [Tensor, Tensor];
        return [a.add(b), a.sub(b)];
      }
    }
    const model = new Both({ seed: 2 });
    const [sum, difference] = model.applyAll([left, left]);
    expect(difference!.toArray()).toEqual(left.mul(0).toArray());
    expect(sum!.shape).toEqual([3, 2]);
    expect(model.outputShapes).toEqual([
      [null, 2],
      [null, 2],
    ]);
    expect(model.getLayer("shared")).toBe(model.getLayer(0));
    expect(() => model.getLayer("shard")).toThrow(/did you mean "shared"/);
  });
});
