import { describe, expect, it } from "vitest";
import { AUC, Dense, encodeModel, functional, InputLayer, input, loadModel, MeanIoU, Sequential } from "../index.ts";
import { readZip, writeZip } from "./zip.ts";

// Files that are well-formed, but whose few kilobytes ask for hours of work or all of the memory there is.

type Described = { class_name: string; config: Record<string, unknown>; [key: string]: unknown };
interface Whole {
  readonly config: { layers: Described[] };
  readonly compile_config: { metrics: Described[] };
}

/** The file of a model whose description is changed. */
async function changed(model: Parameters<typeof encodeModel>[0], change: (whole: Whole) => void): Promise<Uint8Array> {
  const files = readZip(await encodeModel(model), "it");
  const whole = JSON.parse(new TextDecoder().decode(files.get("config.json")!())) as Whole;
  change(whole);
  return writeZip({
    "metadata.json": new TextEncoder().encode("{}"),
    "config.json": new TextEncoder().encode(JSON.stringify(whole)),
    "model.weights.h5": files.get("model.weights.h5")!(),
  });
}

const plain = (): Sequential => new Sequential([new InputLayer({ shape: [4] })], { seed: 1 });

describe("files of a great many layers", () => {
  const many = 20_000;

  it("take time by their number: with one name for all", async () => {
    const bytes = await changed(new Sequential([new Dense(1, { inputShape: [4] })]), ({ config }) => {
      config.layers.splice(1, 0, ...Array.from({ length: many }, () => ({ class_name: "Identity", config: {} })));
    });
    const model = await loadModel(bytes);
    expect(model.layers.at(-2)!.name).toBe(`identity_${many - 1}`);
  });

  it("take time by their number: listed the wrong way round", async () => {
    const x = input({ shape: [4], name: "given" });
    const model = functional({ inputs: x, outputs: new Dense(1, { name: "last" }).apply(x) });
    const from = (name: string) => ({ class_name: "__keras_tensor__", config: { keras_history: [name, 0, 0] } });
    const called = (name: string) => [{ args: [from(name)], kwargs: {} }];
    const bytes = await changed(model, ({ config }) => {
      const [given, last] = config.layers as [Described, Described];
      const chain = Array.from({ length: 1500 }, (_, i) => ({
        class_name: "Identity",
        name: `i${i}`,
        config: { name: `i${i}` },
        inbound_nodes: called(i === 0 ? "given" : `i${i - 1}`),
      }));
      // All of these wait for the end of the chain.
      const ends = Array.from({ length: many }, (_, i) => ({
        class_name: "Identity",
        name: `e${i}`,
        config: { name: `e${i}` },
        inbound_nodes: called("i1499"),
      }));
      last.inbound_nodes = called(`e${many - 1}`);
      config.layers = [last, ...ends, ...chain.reverse(), given];
    });
    expect((await loadModel(bytes)).countParams()).toBe(5);
    const without = await changed(model, ({ config }) => {
      config.layers[1]!.inbound_nodes = called("nothing");
    });
    await expect(loadModel(without)).rejects.toThrow(/the inputs of the layer "last" are not in the file/);
  });
});

describe("metrics that count a great deal", () => {
  const make = () => {
    const model = plain();
    model.add(new Dense(2));
    const metrics = [new AUC({ numThresholds: 7 }), new MeanIoU({ numClasses: 2 })];
    model.compile({ loss: "mse", optimizer: "sgd", metrics });
    return model;
  };

  it.each([
    ["thresholds", 0, "num_thresholds", 1e9],
    ["thresholds without end", 0, "num_thresholds", 1e300],
    ["pairs of classes", 1, "num_classes", 1e5],
  ] as const)("are refused before memory is taken: %s", async (_, index, option, value) => {
    const bytes = await changed(make(), ({ compile_config: { metrics } }) => {
      metrics[index]!.config[option] = value;
    });
    await expect(loadModel(bytes)).rejects.toThrow(/more thresholds and pairs of classes than can be counted/);
    expect((await loadModel(bytes, { compile: false })).countParams()).toBe(10);
  });

  it("are refused together", async () => {
    const bytes = await changed(make(), ({ compile_config: { metrics } }) => {
      metrics[0]!.config.num_thresholds = 100_000;
      metrics.push(...Array.from({ length: 20 }, () => metrics[0]!));
    });
    await expect(loadModel(bytes)).rejects.toThrow(/than can be counted/);
  });

  it("are read in the numbers that people use", async () => {
    const bytes = await changed(make(), ({ compile_config: { metrics } }) => {
      metrics[0]!.config.num_thresholds = 10_000;
      metrics[1]!.config.num_classes = 1000;
    });
    expect((await loadModel(bytes)).compiled).not.toBe(null);
  });
});

describe("archives", () => {
  it("with two files of one name are refused: programs do not agree on which is meant", async () => {
    const files = readZip(await encodeModel(new Sequential([new Dense(1, { inputShape: [2] })])), "it");
    const contents = Object.fromEntries([...files].map(([name, read]) => [name, read()]));
    const bytes = writeZip({ ...contents, "config.jsox": new TextEncoder().encode("{}") });
    expect((await loadModel(bytes)).countParams()).toBe(3);
    // The name's last letter, in its header and in the directory.
    for (let at = 0; at < bytes.length; at++) {
      if (new TextDecoder("latin1").decode(bytes.subarray(at, at + 11)) === "config.jsox") bytes[at + 10] = 0x6e;
    }
    await expect(loadModel(bytes)).rejects.toThrow(/"config.json" is in the file twice/);
  });
});
