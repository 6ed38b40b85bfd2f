import { GradienteError } from "@gradiente/autograd";
import { beforeAll, describe, expect, it } from "vitest";
import {
  Add,
  BatchNormalization,
  Dense,
  encodeModel,
  functional,
  input,
  LSTM,
  loadModel,
  type Model,
  type ModelFormat,
  Nadam,
} from "../index.ts";
import { readZip, writeZip } from "./zip.ts";

// Damaged files: each is refused with a typed error, or is another valid file. A crash, a hang or memory without bounds
// fails. GRADIENTE_MUTATIONS=10000 tries so many of each format instead of a few hundred.

const count = Number(globalThis.process?.env.GRADIENTE_MUTATIONS ?? 300);
const formats: readonly ModelFormat[] = ["h5", "keras", "weights.h5"];
/** What is damaged: files as they are, or what lies in an archive, with checksums that fit. */
const kinds = [...formats, "keras, within its archive"] as const;

/** Numbers between 0 and 1 by a seed (Mulberry32, public domain). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A file with up to eight changes: bytes, bits, runs, pieces moved; mostly near the beginning; some cut short. */
function mutated(source: Uint8Array, seed: number): Uint8Array {
  const next = random(seed);
  const below = (n: number) => Math.floor(next() * n);
  const bytes = new Uint8Array(source);
  const nearStart = next() < 0.6;
  for (let n = 1 + below(8); n > 0; n--) {
    const at = Math.floor((nearStart ? next() ** 3 : next()) * bytes.length);
    const old = bytes[at]!;
    const put = (value: number): void => {
      bytes[at] = value;
    };
    const changes = [
      () => put(below(256)),
      () => put(old ^ (1 << below(8))),
      () => put(old + 1),
      // A digit of a number in text becomes another.
      () => put((old & 0xf0) === 0x30 ? 0x30 + below(10) : old),
      () => void bytes.fill(255, at, at + 1 + below(8)),
      () => void bytes.fill(0, at, at + 1 + below(8)),
      () => void bytes.copyWithin(at, below(bytes.length), below(bytes.length)),
    ];
    changes[below(changes.length)]!();
  }
  return next() < 0.1 ? bytes.slice(0, below(bytes.length)) : bytes;
}

/** An archive whose files are damaged, but not its directory. */
function mutatedWithin(archive: Uint8Array, seed: number): Uint8Array {
  const chosen = seed % 2 === 0 ? "config.json" : "model.weights.h5";
  const entries = [...readZip(archive, "the archive")].map(([name, read]): [string, Uint8Array] => {
    const content = read();
    return [name, name === chosen ? mutated(content, seed) : content];
  });
  return writeZip(Object.fromEntries(entries));
}

async function made(): Promise<Model> {
  const x = input({ shape: [3, 2] });
  const h = new BatchNormalization().apply(new LSTM(3).apply(x));
  const model = functional({ inputs: x, outputs: new Add().apply([h, new Dense(3).apply(h)]), seed: 2 });
  model.compile({ loss: "mse", optimizer: new Nadam(), metrics: ["mae"] });
  model.trainOnBatch(
    { data: new Float32Array(12).fill(0.3), shape: [2, 3, 2] },
    { data: new Float32Array(6), shape: [2, 3] },
  );
  return model;
}

describe("damaged files", () => {
  let model: Model;
  const files = new Map<ModelFormat, Uint8Array>();
  beforeAll(async () => {
    model = await made();
    for (const format of formats) files.set(format, await encodeModel(model, format));
  });

  it.each(kinds)(
    "in the format %s are refused, or are others",
    async (kind) => {
      const format = formats.find((f) => f === kind) ?? "keras";
      const damage = format === kind ? mutated : mutatedWithin;
      const outcomes = { refused: 0, read: 0 };
      const numbers = model.countParams();
      for (let seed = 1; seed <= count; seed++) {
        const bytes = damage(files.get(format)!, seed);
        try {
          if (format === "weights.h5") await model.loadWeights(bytes);
          else {
            const again = await loadModel(bytes, { onWarning: () => {} });
            // No more weights than the file has numbers.
            expect(again.countParams()).toBeLessThanOrEqual(bytes.length);
          }
          outcomes.read++;
        } catch (error) {
          if (!(error instanceof GradienteError)) throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
          outcomes.refused++;
        }
      }
      expect(model.countParams()).toBe(numbers);
      expect(outcomes.refused).toBeGreaterThan(count / 10);
      expect(outcomes.refused + outcomes.read).toBe(count);
    },
    60_000 + 60 * count,
  );
});
