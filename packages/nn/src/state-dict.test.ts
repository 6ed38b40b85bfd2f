import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTensors, ones, type Tensor, tensor } from "@gradiente/autograd";
import { saveTensors } from "@gradiente/autograd/files";
import { afterAll, describe, expect, it } from "vitest";
import {
  BatchNormalization,
  Bidirectional,
  Dense,
  functional,
  input,
  LSTM,
  MultiHeadAttention,
  Sequential,
  StateDictError,
} from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "state-"));
afterAll(() => rmSync(folder, { recursive: true }));

function network(seed: number): Sequential {
  const inner = new Sequential([new Dense(3, { name: "deep", inputShape: [2] })], { name: "encoder" });
  return new Sequential([inner, new BatchNormalization(), new Dense(1)], { inputShape: [2], seed });
}

const plain = (dict: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(dict).map(([name, x]) => [name, x.toArray()]));

describe("stateDict", () => {
  it("names every weight by the path to it", () => {
    const model = network(1);
    expect(Object.keys(model.stateDict({ prefix: "net." }))).toEqual([
      "net.encoder.deep.kernel",
      "net.encoder.deep.bias",
      "net.batch_normalization.gamma",
      "net.batch_normalization.beta",
      "net.batch_normalization.moving_mean",
      "net.batch_normalization.moving_variance",
      "net.dense.kernel",
      "net.dense.bias",
    ]);
    const wrapped = new Sequential([new Bidirectional(new LSTM(2), { inputShape: [3, 2] })]);
    expect(Object.keys(wrapped.stateDict())).toHaveLength(6);
    expect(Object.keys(wrapped.stateDict())[3]).toBe("bidirectional.backward_lstm.lstm_cell.kernel");
    const attention = new MultiHeadAttention({ numHeads: 1, keyDim: 2 });
    attention.apply(ones([1, 2, 2]));
    expect(Object.keys(attention.stateDict())[0]).toBe("query.kernel");
  });

  it("has a shared layer's weights once", () => {
    const shared = new Dense(2, { name: "shared" });
    const x = input({ shape: [2] });
    const model = functional({ inputs: x, outputs: shared.apply(shared.apply(x)) });
    expect(Object.keys(model.stateDict())).toEqual(["shared.kernel", "shared.bias"]);
  });

  it("gives copies", () => {
    const model = network(1);
    const before = plain(model.stateDict());
    const dict = model.stateDict();
    model.setWeights(model.getWeights().map((w) => w.add(1)));
    expect(plain(dict)).toEqual(before);
    expect(dict["dense.bias"]!.requiresGrad).toBe(false);
  });

  it("is refused before there are weights", () => {
    expect(() => new Sequential([new Dense(1)]).stateDict()).toThrow(/is not built/);
  });
});

describe("loadStateDict", () => {
  it("makes models equal, with a prefix too", () => {
    const [a, b] = [network(1), network(2)];
    expect(b.loadStateDict({ ...a.stateDict({ prefix: "x." }), other: tensor(1) }, { prefix: "x." })).toEqual({
      missing: [],
      unexpected: [],
    });
    expect(plain(b.stateDict())).toEqual(plain(a.stateDict()));
  });

  it("lists all that does not fit, and changes nothing", () => {
    const model = network(1);
    const before = plain(model.stateDict());
    const { "dense.bias": _, ...dict } = network(2).stateDict();
    const given = { ...dict, "dense.extra": tensor([1]), "dense.kernel": ones([1, 3]) };
    let error: unknown;
    try {
      model.loadStateDict(given);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(StateDictError);
    expect(error).toMatchObject({
      missing: ["dense.bias"],
      unexpected: ["dense.extra"],
      mismatched: [{ name: "dense.kernel", expected: [3, 1], given: [1, 3] }],
    });
    expect(() => model.loadStateDict(given, { strict: false })).toThrow(/"dense.kernel" has shape \(3, 1\)/);
    expect(plain(model.stateDict())).toEqual(before);
  });

  it("takes what fits when it is not strict", () => {
    const [a, b] = [network(1), network(2)];
    const kept = plain(b.stateDict())["dense.bias"];
    const { "dense.bias": _, ...dict } = a.stateDict();
    expect(b.loadStateDict({ ...dict, extra: tensor(1) }, { strict: false })).toEqual({
      missing: ["dense.bias"],
      unexpected: ["extra"],
    });
    expect(plain(b.stateDict())).toEqual({ ...plain(a.stateDict()), "dense.bias": kept });
  });

  it("converts other dtypes", () => {
    const layer = new Dense(1, { inputShape: [1] });
    layer.apply(ones([1, 1]));
    layer.loadStateDict({ kernel: tensor([[2]], { dtype: "int32" }), bias: tensor([0.5], { dtype: "float64" }) });
    expect(layer.apply(tensor([[3]])).toArray()).toEqual([[6.5]]);
  });
});

describe("safetensors files of models", () => {
  it("hold the weights by name", async () => {
    const [a, b] = [network(1), network(2)];
    const path = join(folder, "a.safetensors");
    await a.save(path);
    expect(plain(await loadTensors(path))).toEqual(plain(a.stateDict()));
    expect(await b.loadWeights(path)).toEqual({ missing: [], unexpected: [] });
    const x = tensor([[1, -2]]);
    expect((await b.predict(x)).data).toEqual((await a.predict(x)).data);
  });

  it("of another model are refused", async () => {
    const path = join(folder, "b.safetensors");
    await saveTensors(path, { weight: [1] });
    await expect(network(1).loadWeights(path)).rejects.toThrow(StateDictError);
    await expect(network(1).loadWeights("x.bin")).rejects.toThrow(/cannot be read/);
  });
});
