import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { full, type Tensor, tensor } from "@gradiente/autograd";
import { zipSync } from "fflate";
import * as h5wasm from "h5wasm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  Adam,
  Dense,
  encodeModel,
  Functional,
  functional,
  Initializer,
  input,
  Lambda,
  Layer,
  loadModel,
  Metric,
  type Model,
  ModelFileError,
  Nadam,
  registerSerializable,
  Sequential,
} from "../index.ts";
import { readHdf5 } from "./hdf5/reader.ts";
import { emptyGroup, type GroupToWrite, groupAt, putArray, writeHdf5 } from "./hdf5/writer.ts";
import { readZip, writeZip } from "./zip.ts";

const x = tensor([
  [0.5, -1],
  [2, 3],
]);

function small(): Sequential {
  const model = new Sequential([new Dense(3, { inputShape: [2], activation: "tanh" }), new Dense(1)], { seed: 1 });
  model.compile({ loss: "mse", optimizer: new Adam(), metrics: ["mae"] });
  model.trainOnBatch(x, [[1], [0]]);
  return model;
}

/** A layer of one's own. */
class Scale extends Layer {
  static override readonly className: string = "Scale";
  readonly factor: number;
  constructor({ factor = 1, ...options }: { readonly factor?: number; readonly name?: string } = {}) {
    super(options);
    this.factor = factor;
  }
  call(t: Tensor): Tensor {
    return t.mul(this.factor);
  }
  override getConfig() {
    return { ...super.getConfig(), factor: this.factor };
  }
}

class Halves extends Initializer {
  readonly className = "Halves";
  protected draw(shape: readonly number[]): Tensor {
    return full(shape, 0.5);
  }
}

class Largest extends Metric {
  readonly className = "Largest";
  private most = 0;
  constructor({ name = "largest" }: { readonly name?: string } = {}) {
    super(name);
  }
  update(_: Tensor, p: Tensor): void {
    this.most = Math.max(this.most, ...p.data);
  }
  result(): number {
    return this.most;
  }
  reset(): void {
    this.most = 0;
  }
}

describe("bytes of files", () => {
  it.each(["keras", "h5", "weights.h5"] as const)("are the same for the same model: %s", async (format) => {
    const model = small();
    const first = await encodeModel(model, format);
    vi.useFakeTimers({ now: new Date(2031, 4, 5), toFake: ["Date"] });
    try {
      expect(await encodeModel(model, format)).toEqual(first);
    } finally {
      vi.useRealTimers();
    }
  });

  it("hold nothing to train with where that is not wanted", async () => {
    for (const format of ["keras", "h5"] as const) {
      const model = await loadModel(await encodeModel(small(), format, { includeOptimizer: false }));
      expect(model.compiled).toBe(null);
      expect((await loadModel(await encodeModel(small(), format), { compile: false })).compiled).toBe(null);
    }
  });
});

describe("paths", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "gradiente-nn-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("say the format when saving; contents say it when loading", async () => {
    const model = small();
    for (const name of ["a.keras", "a.h5", "a.weights.h5"]) {
      const path = join(folder, name);
      await model.save(path);
      const other = new Sequential([new Dense(3, { inputShape: [2], activation: "tanh" }), new Dense(1)], { seed: 9 });
      await other.loadWeights(path);
      expect(other.getWeights().map((w) => w.toArray())).toEqual(model.getWeights().map((w) => w.toArray()));
    }
    // An archive by its name, HDF5 by what it is.
    writeFileSync(join(folder, "b.keras"), readFileSync(join(folder, "a.h5")));
    expect((await loadModel(join(folder, "b.keras"))).countParams()).toBe(13);
    await expect(loadModel(join(folder, "a.weights.h5"))).rejects.toThrow(
      /holds weights, not a whole model.*loadWeights/,
    );
    await expect(model.saveWeights(join(folder, "a.h5"))).rejects.toThrow(/does not end in \.weights\.h5/);
    await expect(model.save(join(folder, "a.onnx2"))).rejects.toThrow(/must end in/);
  });

  it("of other models are refused, and nothing is changed", async () => {
    const path = join(folder, "c.weights.h5");
    await small().saveWeights(path);
    const other = new Sequential([new Dense(3, { inputShape: [2] }), new Dense(2)], { seed: 9 });
    const before = other.getWeights().map((w) => w.toArray());
    await expect(other.loadWeights(path)).rejects.toThrow(
      /shape \(3, 1\) for the weight "kernel" of the layer "dense_1"/,
    );
    expect(other.getWeights().map((w) => w.toArray())).toEqual(before);
    const longer = new Sequential([new Dense(3, { inputShape: [2] }), new Dense(1), new Dense(1)]);
    await expect(longer.loadWeights(path)).rejects.toThrow(/0 arrays for the layer "dense_2"/);
  });
});

describe("classes of one's own", () => {
  const square = (t: Tensor): Tensor => t.mul(t);
  const model = (): Model => {
    const own = new Sequential(
      [
        new Dense(2, { inputShape: [2], activation: square, kernelInitializer: new Halves() }),
        new Scale({ factor: 3 }),
        new Dense(1),
      ],
      { seed: 3 },
    );
    own.compile({ loss: squaredError, optimizer: "sgd", metrics: [new Largest()] });
    return own;
  };
  function squaredError(t: Tensor, p: Tensor): Tensor {
    return t.sub(p).square().mean({ axis: -1 });
  }
  const customObjects = { Scale, Halves, Largest, square, squaredError };

  it.each(["keras", "h5"] as const)("come back as customObjects: %s", async (format) => {
    const own = model();
    const again = await loadModel(await encodeModel(own, format), { customObjects });
    expect((await again.predict(x)).data).toEqual((await own.predict(x)).data);
    expect((again.layers[1] as Scale).factor).toBe(3);
    expect(again.trainOnBatch(x, [[1], [0]])).toEqual(own.trainOnBatch(x, [[1], [0]]));
  });

  it("are named when they are not known, with how to register them", async () => {
    const bytes = await encodeModel(model());
    const { Scale: _, ...others } = customObjects;
    await expect(loadModel(bytes, { customObjects: others })).rejects.toThrow(
      /"Scale" is not known.*customObjects: \{ "Scale": … \}.*registerSerializable/s,
    );
    const { square: __, ...without } = customObjects;
    await expect(loadModel(bytes, { customObjects: without })).rejects.toThrow(/no activation named "square"/);
  });

  it("are found by the names they are registered by", async () => {
    class Shift extends Scale {
      static override readonly className = "Shift";
      static fromConfig(config: { readonly factor?: unknown }): Shift {
        return new Shift({ factor: Number(config.factor) + 1 });
      }
    }
    registerSerializable(Shift, { package: "tests" });
    const own = new Sequential([new Dense(2, { inputShape: [2] }), new Shift({ factor: 4 })]);
    const bytes = await encodeModel(own);
    expect(new TextDecoder().decode(readZip(bytes, "it").get("config.json")!())).toContain('"tests>Shift"');
    expect(((await loadModel(bytes)).layers[1] as Shift).factor).toBe(5);
  });

  it("that are code are neither written nor read", async () => {
    const own = new Sequential([new Dense(2, { inputShape: [2] }), new Lambda((t) => t.mul(2))]);
    await expect(encodeModel(own)).rejects.toThrow(/Lambda, whose function cannot be written/);
    expect((await encodeModel(own, "weights.h5")).length).toBeGreaterThan(0);
    const config = { class_name: "Sequential", config: { name: "s", layers: [{ class_name: "Lambda", config: {} }] } };
    await expect(loadModel(await withConfig(config))).rejects.toThrow(/Python code.*never executed/s);
    const inner = { class_name: "Dense", config: { units: 1, activation: { class_name: "__lambda__", config: {} } } };
    const hidden = { class_name: "Sequential", config: { name: "s", layers: [inner] } };
    await expect(loadModel(await withConfig(hidden))).rejects.toThrow(/never executed/);
  });
});

/** A `.keras` file of a description and (by default no) weights. */
async function withConfig(config: object | string, weights?: Uint8Array): Promise<Uint8Array> {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  return writeZip({
    "metadata.json": new TextEncoder().encode("{}"),
    "config.json": new TextEncoder().encode(text),
    "model.weights.h5": weights ?? (await writeHdf5(emptyGroup())),
  });
}

describe("hostile files", () => {
  const dense = (config: object) => ({
    class_name: "Sequential",
    config: { name: "s", layers: [{ class_name: "Dense", config: { batch_input_shape: [null, 4], ...config } }] },
  });

  it("get no more memory than their size", async () => {
    await expect(loadModel(await withConfig(dense({ units: 1e9 })))).rejects.toThrow(
      /more than the numbers in its file/,
    );
    // A small file that claims a large one within.
    const bomb = zipSync({ "config.json": new Uint8Array(30_000_000) }, { level: 9 });
    await expect(loadModel(bomb)).rejects.toThrow(/claims 30000000 bytes, but only/);
    // An array that claims more than its file has, or more than can be.
    const root = emptyGroup();
    putArray(root, ["layers", "dense", "vars", "0"], { data: new Float32Array(8), shape: [4, 2] });
    const weights = await writeHdf5(root);
    const lengths = Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0);
    const at = Buffer.from(weights).indexOf(lengths);
    expect(at).toBeGreaterThan(0);
    weights.fill(255, at + 2, at + 7);
    await expect(loadModel(await withConfig(dense({ units: 2, use_bias: false }), weights))).rejects.toThrow(
      ModelFileError,
    );
  });

  it("are not followed for ever", async () => {
    // Steps that an optimizer is said to have made are not made again.
    const optimizer = new Nadam({ beta1: 1 });
    optimizer.restore(2 ** 52);
    expect(optimizer.numbers[0]![1]).toBeGreaterThan(0);
    await expect(loadModel(await withConfig("[".repeat(100_000)))).rejects.toThrow(/nested more than 256 deep/);
    await expect(loadModel(await withConfig("[1]"))).rejects.toThrow(/is not an object/);
    // A group that contains itself.
    const { FS } = h5wasm;
    await h5wasm.ready;
    const file = new h5wasm.File("circle.h5", "w", { libver: ["earliest", "latest"] });
    file.create_group("a").create_group("b");
    file.create_hard_link("/a", "/a/b/a");
    file.close();
    const bytes = FS!.readFile("circle.h5");
    await expect(small().loadWeights(bytes)).rejects.toThrow(/a group within itself/);
  });

  it("name nothing outside: prototypes, other files, links", async () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    for (const name of names) {
      const layer = { class_name: name, config: {} };
      await expect(
        loadModel(await withConfig({ class_name: "Sequential", config: { layers: [layer] } })),
      ).rejects.toThrow(ModelFileError);
      await expect(loadModel(await withConfig(dense({ units: 1, activation: name })))).rejects.toThrow(/no activation/);
    }
    const polluting = '{"class_name":"Sequential","config":{"name":"s","layers":[],"__proto__":{"polluted":1}}}';
    await loadModel(await withConfig(polluting));
    expect(({} as { polluted?: number }).polluted).toBe(undefined);
    await h5wasm.ready;
    const file = new h5wasm.File("links.h5", "w", { libver: ["earliest", "latest"] });
    file.create_external_link("/etc/passwd", "/", "layers");
    file.close();
    await expect(small().loadWeights(h5wasm.FS!.readFile("links.h5"))).rejects.toThrow(
      /soft or external link|soft link/,
    );
  });

  it("that claim to be trained in ways there are not are refused with a way out", async () => {
    const bytes = readZip(await encodeModel(small()), "it");
    const config = new TextDecoder().decode(bytes.get("config.json")!());
    const other = config.replace('"loss":"mse"', '"loss":"quantum"');
    const file = await withConfig(other, bytes.get("model.weights.h5")!());
    await expect(loadModel(file)).rejects.toThrow(/quantum/);
    expect((await loadModel(file, { compile: false })).countParams()).toBe(13);
    // An optimizer's state that does not fit is told of.
    const without = emptyGroup();
    const vars = groupAt(without, ["optimizer", "vars"]);
    putArray(vars, ["0"], { data: BigInt64Array.of(7n), shape: [] });
    putArray(vars, ["1"], { data: new Float32Array(5), shape: [5] });
    const told: string[] = [];
    for (const [i, w] of small().weights.entries()) {
      putArray(without, ["layers", i < 2 ? "dense" : "dense_1", "vars", String(i % 2)], w.value);
    }
    await loadModel(await withConfig(config, await writeHdf5(without)), { onWarning: (m) => void told.push(m) });
    expect(told).toEqual([expect.stringMatching(/does not fit the model/)]);
  });
});

describe("layouts of older versions", () => {
  const model = (): Functional => {
    const given = input({ shape: [2], name: "given" });
    const inner = new Sequential([new Dense(2, { inputShape: [3] })], { name: "inner" });
    const outputs = new Dense(1).apply(inner.apply(new Dense(3).apply(given)));
    return functional({ inputs: given, outputs, seed: 5 });
  };
  /** Arrays 0, 1 … by the paths of their layers. */
  const written = (paths: readonly (readonly string[])[], own: Model): GroupToWrite => {
    const root = emptyGroup();
    paths.forEach((path, layer) => {
      for (const i of [0, 1]) putArray(root, [...path, "vars", String(i)], own.weights[2 * layer + i]!.value);
    });
    return root;
  };
  const names = "_layer_checkpoint_dependencies";
  it.each([
    [
      "2.15 and later",
      [
        ["layers", "dense"],
        ["layers", "sequential", "layers", "dense"],
        ["layers", "dense_1"],
      ],
    ],
    // Layers with weights are listed twice there, so that numbers are skipped.
    [
      "2.12 to 2.14",
      [
        [names, "dense"],
        [names, "sequential", names, "dense"],
        [names, "dense_2"],
      ],
    ],
    ["Windows", [["layers\\dense"], ["layers\\sequential\\layers\\dense"], ["layers\\dense_1"]]],
  ] as const)("of %s", async (_, paths) => {
    const own = model();
    const other = model();
    for (const w of other.weights) w.value.write(new Float32Array(w.value.size));
    await other.loadWeights(await writeHdf5(written(paths, own)));
    expect(other.getWeights().map((w) => w.toArray())).toEqual(own.getWeights().map((w) => w.toArray()));
  });

  it("of weights in groups by names, as save_weights of Keras 2 wrote them", async () => {
    const own = small();
    const root = emptyGroup({ layer_names: ["a", "b"], backend: "tensorflow", keras_version: "2.4.3" });
    own.layers.forEach((layer, i) => {
      const group = emptyGroup({ weight_names: ["d/kernel:0", "d/bias:0"] });
      for (const [k, name] of ["kernel:0", "bias:0"].entries()) putArray(group, ["d", name], layer.weights[k]!.value);
      root.children.set(["a", "b"][i]!, group);
    });
    const other = new Sequential([new Dense(3, { inputShape: [2] }), new Dense(1)], { seed: 9 });
    await other.loadWeights(await writeHdf5(root));
    expect(other.getWeights().map((w) => w.toArray())).toEqual(own.getWeights().map((w) => w.toArray()));
  });
});

describe("HDF5", () => {
  it.each([
    ["the oldest layout", ["earliest", "latest"]],
    ["object headers of version 2, with dense links and attributes", "v108"],
  ] as const)("is read as the HDF5 library wrote it: %s", async (_, libver) => {
    await h5wasm.ready;
    const file = new h5wasm.File("written.h5", "w", { libver: typeof libver === "string" ? libver : [...libver] });
    const values = Float32Array.from({ length: 7 * 5 }, (_, i) => Math.sin(i));
    for (let i = 0; i < 60; i++) {
      file.create_group(`group${i}`).create_attribute("name", `number ${i} — ü`);
      file.create_attribute(`text${i}`, "x".repeat(i));
    }
    file.create_attribute("names", ["a", "bcd", ""], [3], "S3");
    file.create_attribute("long", "y".repeat(100_000));
    const data = file.create_group("data");
    data.create_dataset({ name: "plain", data: values, shape: [7, 5] });
    if (libver !== "v108") {
      data.create_dataset({ name: "deflated", data: values, shape: [7, 5], chunks: [3, 2], compression: 9 });
    }
    data.create_dataset({ name: "int64", data: BigInt64Array.of(-5n, 7n) });
    data.create_dataset({ name: "float64", data: Float64Array.of(Math.PI), shape: [] });
    data.create_dataset({ name: "int8", data: Int8Array.of(-1, 3) });
    file.close();
    const root = readHdf5(h5wasm.FS!.readFile("written.h5"), "it");
    expect(root.groups.size).toBe(61);
    for (let i = 0; i < 60; i++) {
      expect(root.groups.get(`group${i}`)!.attributes.get("name")).toBe(`number ${i} — ü`);
      expect(root.attributes.get(`text${i}`)).toBe("x".repeat(i));
    }
    expect(root.attributes.get("names")).toEqual(["a", "bcd", ""]);
    expect(root.attributes.get("long")).toBe("y".repeat(100_000));
    const { datasets } = root.groups.get("data")!;
    for (const name of libver === "v108" ? ["plain"] : ["plain", "deflated"]) {
      expect(datasets.get(name)!.shape).toEqual([7, 5]);
      expect(datasets.get(name)!.read()).toEqual(values);
    }
    expect(datasets.get("int64")!.read()).toEqual(BigInt64Array.of(-5n, 7n));
    expect(datasets.get("float64")!.read()).toEqual(Float64Array.of(Math.PI));
    expect(datasets.get("int8")!.read()).toEqual(Int32Array.of(-1, 3));
  });
});
