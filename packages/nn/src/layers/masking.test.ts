import { ones, type Tensor, tensor } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import {
  Add,
  Bidirectional,
  type CallContext,
  type CellResult,
  Concatenate,
  Dense,
  deserializeLayer,
  Embedding,
  Flatten,
  functional,
  GRU,
  GRUCell,
  input,
  Layer,
  LSTM,
  Masking,
  maskOf,
  RecurrentCell,
  RNN,
  Sequential,
  StackedRNNCells,
  withMask,
} from "../index.ts";

const words = tensor([
  [3, 1, 0, 0],
  [2, 4, 1, 0],
]);
const kept = [
  [true, true, false, false],
  [true, true, true, false],
];

/** The first sample without its two last steps. */
const short = (x: Tensor): Tensor => tensor((x.toArray() as number[][]).map((row) => row.slice(0, 2)).slice(0, 1));

describe("masks", () => {
  it("travel from the embedding through layers that support them, and end at others", () => {
    const x = new Embedding(5, 3, { maskZero: true }).apply(words);
    expect(maskOf(x)?.toArray()).toEqual(kept);
    const dense = new Dense(3, { activation: "relu" }).apply(x);
    expect(maskOf(dense)?.toArray()).toEqual(kept);
    expect(maskOf(new Flatten().apply(dense))).toBeNull();
    expect(maskOf(new Add().apply([x, dense]))?.toArray()).toEqual(kept);
    expect(maskOf(new Add().apply([x, ones([2, 4, 3])]))).toBeNull();
    expect(maskOf(new Concatenate().apply([x, ones([2, 4, 3])]))?.toArray()).toEqual(
      kept.map((r) => r.map(() => true)),
    );
    expect(maskOf(new Concatenate({ axis: 1 }).apply([x, x]))?.toArray()).toEqual(kept.map((r) => [...r, ...r]));
  });

  it("make recurrent layers pass over steps, as if those were not there", () => {
    const embedding = new Embedding(5, 3, { maskZero: true });
    for (const layer of [new LSTM(4), new GRU(4), new RNN([new GRUCell(3), new GRUCell(4)])]) {
      const whole = layer.apply(embedding.apply(words)).toArray() as number[][];
      const part = layer.apply(embedding.apply(short(words))).toArray() as number[][];
      expect(whole[0]).toEqual(part[0]);
    }
  });

  it("can be given, and replace those that inputs carry", () => {
    const layer = new LSTM(4, { returnSequences: true });
    const x = new Masking().apply(
      tensor([
        [
          [1, 2],
          [0, 0],
          [3, 4],
        ],
      ]),
    );
    const all = layer.apply(x, { mask: null }).toArray();
    expect(all).not.toEqual(layer.apply(x).toArray());
    const given = layer.apply(x, { mask: tensor([[true, false, true]]) });
    expect(given.toArray()).toEqual(layer.apply(x).toArray());
    expect(maskOf(given)?.toArray()).toEqual([[true, false, true]]);
    expect(maskOf(withMask(x, null))).toBeNull();
    expect(() => layer.apply(x, { mask: tensor([[true, false]]) })).toThrow(/mask does not fit.*\n?.*3/);
  });

  it("leave masked steps out of losses and metrics, in functional and sequential models", async () => {
    const x = tensor([
      [[1], [0], [2]],
      [[3], [4], [0]],
    ]);
    const y = tensor([
      [[0], [100], [0]],
      [[0], [0], [100]],
    ]);
    const layers = () => [new Masking(), new Dense(1, { kernelInitializer: "ones" })];
    const start = input({ shape: [3, 1] });
    const [masking, dense] = layers();
    const models = [
      new Sequential(layers(), { inputShape: [3, 1] }),
      functional({ inputs: start, outputs: dense!.apply(masking!.apply(start)) }),
    ];
    for (const model of models) {
      model.compile({ loss: "mse", optimizer: "sgd", metrics: ["mae"] });
      const logs = await model.evaluate(x, y);
      expect(logs.loss).toBeCloseTo((1 + 4 + 9 + 16) / 4, 5);
      expect(logs.mae).toBeCloseTo((1 + 2 + 3 + 4) / 4, 5);
    }
  });

  it("reach layers of one's own that support them", () => {
    class Kept extends Layer {
      override readonly supportsMasking = true;
      call(x: Tensor): Tensor {
        return maskOf(x)!.cast("float32").unsqueeze(-1).mul(x);
      }
    }
    const x = withMask(ones([1, 2, 1]), tensor([[true, false]]));
    const y = new Kept().apply(x);
    expect(y.toArray()).toEqual([[[1], [0]]]);
    expect(maskOf(y)?.toArray()).toEqual([[true, false]]);
  });
});

const steps = tensor([
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  [
    [0, 1],
    [1, 0],
    [2, 2],
  ],
]);

describe("recurrent layers", () => {
  it("give their states, and begin where they are told to", () => {
    const layer = new LSTM(3, { returnState: true });
    const [output, h, c] = layer.applyAll(steps) as [Tensor, Tensor, Tensor];
    expect(output.toArray()).toEqual(h.toArray());
    const firsts = tensor((steps.toArray() as number[][][]).map((s) => s.slice(0, 1)));
    const rests = tensor((steps.toArray() as number[][][]).map((s) => s.slice(1)));
    const [, h1, c1] = layer.applyAll(firsts);
    const [, h2, c2] = layer.applyAll(rests, { initialState: [h1!, c1!] });
    expect(h2!.toArray()).toEqual(h.toArray());
    expect(c2!.toArray()).toEqual(c.toArray());
    expect(() => layer.apply(rests, { initialState: [h1!] })).toThrow(/initialState has 1 tensors/);
  });

  it("keep their states from batch to batch when stateful, until these are reset", () => {
    const layer = new GRU(3, { stateful: true });
    const first = layer.apply(steps).toArray();
    expect(layer.apply(steps).toArray()).not.toEqual(first);
    expect(() => layer.apply(steps.slice([{ stop: 1 }]))).toThrow(/resetState/);
    layer.resetState();
    expect(layer.apply(steps).toArray()).toEqual(first);
  });

  it("make encoders and decoders, which come back from their configuration", () => {
    const [x, y] = [input({ shape: [3, 2] }), input({ shape: [2, 2] })];
    const [, h, c] = new LSTM(4, { returnState: true }).applyAll(x);
    const decoded = new LSTM(4, { returnSequences: true, name: "decoder" }).apply(y, { initialState: [h!, c!] });
    const model = functional({ inputs: [x, y], outputs: new Dense(1).apply(decoded), seed: 1 });
    const again = deserializeLayer({ class_name: "Functional", config: model.getConfig() });
    again.setWeights(model.getWeights());
    const inputs = [steps, ones([2, 2, 2])];
    expect(again.apply(inputs).toArray()).toEqual(model.apply(inputs).toArray());
    expect(model.apply(inputs).toArray()).not.toEqual(model.apply([steps.mul(2), inputs[1]!]).toArray());
  });

  it("drop the same inputs at every step, and nothing outside training", () => {
    const layer = new LSTM(3, { dropout: 0.5, recurrentDropout: 0.5, returnSequences: true, seed: 3 });
    const plain = layer.apply(steps).toArray();
    const dropped = layer.apply(steps, { training: true }).toArray();
    expect(dropped).not.toEqual(plain);
    expect(layer.apply(steps).toArray()).toEqual(plain);
    const stacked = new RNN(new StackedRNNCells([new GRUCell(3, { dropout: 0.4 }), new GRUCell(2)]));
    expect(stacked.apply(steps, { training: true }).shape).toEqual([2, 2]);
  });

  it("run cells of one's own", () => {
    class Sum extends RecurrentCell {
      readonly stateSize = [2];
      override step(x: Tensor, [total]: readonly Tensor[], _context: CallContext): CellResult {
        const output = total!.add(x);
        return { output, states: [output] };
      }
    }
    expect(new RNN(new Sum(), { goBackwards: true, returnSequences: true }).apply(steps).toArray()).toEqual([
      [
        [5, 6],
        [8, 10],
        [9, 12],
      ],
      [
        [2, 2],
        [3, 2],
        [3, 3],
      ],
    ]);
    expect(() => new Bidirectional(new RNN(new Sum()))).toThrow(/backwardLayer/);
    const both = new Bidirectional(new RNN(new Sum()), { backwardLayer: new RNN(new Sum(), { goBackwards: true }) });
    expect(both.apply(steps).toArray()).toEqual([
      [9, 12, 9, 12],
      [3, 3, 3, 3],
    ]);
  });
});
