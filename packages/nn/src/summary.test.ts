import { zeros } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import {
  BatchNormalization,
  Concatenate,
  Conv2D,
  Dense,
  Flatten,
  functional,
  GRU,
  input,
  Sequential,
} from "./index.ts";

/* Tables that Keras 3.15 printed for the same models. */

const quiet = { style: "boxes", print: () => {} } as const;

function plain(): Sequential {
  return new Sequential([
    new Flatten({ inputShape: [28, 28] }),
    new Dense(300, { activation: "relu" }),
    new BatchNormalization(),
    new Dense(10, { name: "dense_1" }),
  ]);
}

describe("the table of Keras 3", () => {
  it("lists layers, shapes and parameters", () => {
    expect(plain().summary(quiet)).toBe(`Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ flatten (Flatten)               │ (None, 784)            │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 300)            │       235,500 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ batch_normalization             │ (None, 300)            │         1,200 │
│ (BatchNormalization)            │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 10)             │         3,010 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 239,710 (936.37 KB)
 Trainable params: 239,110 (934.02 KB)
 Non-trainable params: 600 (2.34 KB)`);
  });

  it("counts what the optimizer keeps, and says which layers are trainable", async () => {
    const model = plain();
    model.compile({ optimizer: "adam", loss: "mse" });
    await model.fit(zeros([2, 28, 28]), zeros([2, 10]), { verbose: 0 });
    expect(model.summary(quiet)).toContain(` Total params: 717,932 (2.74 MB)
 Trainable params: 239,110 (934.02 KB)
 Non-trainable params: 600 (2.34 KB)
 Optimizer params: 478,222 (1.82 MB)`);
    model.layers[1]!.trainable = false;
    const frozen = model
      .summary({ ...quiet, showTrainable: true })
      .split("\n")
      .slice(0, -4)
      .join("\n");
    expect(frozen).toBe(`Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━┓
┃ Layer (type)                ┃ Output Shape          ┃    Param # ┃ Trai… ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━┩
│ flatten (Flatten)           │ (None, 784)           │          0 │   -   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│ dense (Dense)               │ (None, 300)           │    235,500 │   N   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│ batch_normalization         │ (None, 300)           │      1,200 │   Y   │
│ (BatchNormalization)        │                       │            │       │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│ dense_1 (Dense)             │ (None, 10)            │      3,010 │   Y   │
└─────────────────────────────┴───────────────────────┴────────────┴───────┘`);
  });

  it("shows what layers are connected to, where they are no chain", () => {
    const [wide, deep] = [input({ shape: [5], name: "wide" }), input({ shape: [6], name: "deep" })];
    const first = new Dense(30, { activation: "relu", name: "hidden_one_with_a_long_name" }).apply(deep);
    const hidden = new Dense(30, { name: "dense_2" }).apply(first);
    const main = new Dense(1, { name: "main" }).apply(new Concatenate().apply([wide, hidden]));
    const aux = new Dense(1, { name: "aux" }).apply(hidden);
    const model = functional({ inputs: [wide, deep], outputs: [main, aux], name: "wide_deep" });
    expect(model.summary(quiet)).toBe(`Model: "wide_deep"
┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
│ deep (InputLayer)   │ (None, 6)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ hidden_one_with_a_… │ (None, 30)        │        210 │ deep[0][0]        │
│ (Dense)             │                   │            │                   │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ wide (InputLayer)   │ (None, 5)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ dense_2 (Dense)     │ (None, 30)        │        930 │ hidden_one_with_… │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ concatenate         │ (None, 35)        │          0 │ wide[0][0],       │
│ (Concatenate)       │                   │            │ dense_2[0][0]     │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ main (Dense)        │ (None, 1)         │         36 │ concatenate[0][0] │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ aux (Dense)         │ (None, 1)         │         31 │ dense_2[0][0]     │
└─────────────────────┴───────────────────┴────────────┴───────────────────┘
 Total params: 1,207 (4.71 KB)
 Trainable params: 1,207 (4.71 KB)
 Non-trainable params: 0 (0.00 B)`);
  });

  it("lists the layers of nested models on request", () => {
    const x = input({ shape: [28, 28, 1], name: "input_layer_1" });
    const flat = new Flatten({ name: "flatten_1" }).apply(new Conv2D(8, 3).apply(x));
    const inner = new Sequential(
      [new Dense(10, { name: "dense_3", inputShape: [5408] }), new Dense(5, { name: "dense_4" })],
      { name: "inner" },
    );
    const model = functional({ inputs: x, outputs: inner.apply(flat), name: "outer" });
    expect(model.summary(quiet)).toBe(`Model: "outer"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ input_layer_1 (InputLayer)      │ (None, 28, 28, 1)      │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d (Conv2D)                 │ (None, 26, 26, 8)      │            80 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ flatten_1 (Flatten)             │ (None, 5408)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ inner (Sequential)              │ (None, 5)              │        54,145 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 54,225 (211.82 KB)
 Trainable params: 54,225 (211.82 KB)
 Non-trainable params: 0 (0.00 B)`);
    expect(model.summary({ ...quiet, expandNested: true })).toBe(`Model: "outer"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ input_layer_1 (InputLayer)      │ (None, 28, 28, 1)      │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d (Conv2D)                 │ (None, 26, 26, 8)      │            80 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ flatten_1 (Flatten)             │ (None, 5408)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ inner (Sequential)              │ (None, 5)              │        54,145 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│    └ dense_3 (Dense)            │ (None, 10)             │        54,090 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│    └ dense_4 (Dense)            │ (None, 5)              │            55 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 54,225 (211.82 KB)
 Trainable params: 54,225 (211.82 KB)
 Non-trainable params: 0 (0.00 B)`);
  });

  it("states all shapes of layers with several outputs", () => {
    const x = input({ shape: [4, 3], name: "input_layer_4" });
    const outputs = new GRU(5, { returnState: true }).applyAll(x);
    const model = functional({ inputs: x, outputs, name: "functional_3" });
    expect(model.summary(quiet)).toBe(`Model: "functional_3"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ input_layer_4 (InputLayer)      │ (None, 4, 3)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ gru (GRU)                       │ [(None, 5), (None, 5)] │           150 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 150 (600.00 B)
 Trainable params: 150 (600.00 B)
 Non-trainable params: 0 (0.00 B)`);
  });
});
