import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { BackupAndRestore, Dense, LambdaCallback, Sequential, SGD, TensorBoard } from "../../index.ts";
import { crc32c, maskedCrc32c } from "./crc32c.ts";
import { framed, histogramOf } from "./events.ts";

const folder = mkdtempSync(join(tmpdir(), "gradiente-nn-tensorboard-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A decoder of protobuf's wire format, of its own: fields by number, in the order of the bytes. */
function fieldsOf(bytes: Uint8Array): Map<number, (number | bigint | Uint8Array)[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = new Map<number, (number | bigint | Uint8Array)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const decoded = (kind: number, start: number, stop: number) => {
    if (kind === 1) return view.getFloat64(start, true);
    return kind === 5 ? view.getFloat32(start, true) : bytes.subarray(start, stop);
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const kind = key & 7;
    const length = kind === 1 ? 8 : kind === 5 ? 4 : kind === 2 ? Number(varint()) : 0;
    const start = at;
    at += length;
    const value = kind === 0 ? varint() : decoded(kind, start, at);
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  return fields;
}

const text = (value: unknown): string => new TextDecoder().decode(value as Uint8Array);
const inside = (fields: ReturnType<typeof fieldsOf>, field: number) => fieldsOf(fields.get(field)![0] as Uint8Array);
const doublesOf = (bytes: Uint8Array): number[] => [...new Float64Array(Uint8Array.from(bytes).buffer)];

/** The events of the only file in a folder. Lengths and checksums must be right. */
function eventsOf(directory: string) {
  const [name, ...others] = readdirSync(directory);
  expect(others).toEqual([]);
  expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
  const bytes = new Uint8Array(readFileSync(join(directory, name!)));
  const view = new DataView(bytes.buffer);
  const events: { readonly step: number; readonly tag: string | null; readonly value: ReturnType<typeof fieldsOf> }[] =
    [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    expect(view.getUint32(at + 8, true)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(view.getUint32(at + 12 + length, true)).toBe(maskedCrc32c(data));
    at += 16 + length;
    const event = fieldsOf(data);
    expect(Math.abs((event.get(1)![0] as number) - Date.now() / 1000)).toBeLessThan(600);
    const value = event.has(5) ? inside(inside(event, 5), 1) : event;
    const tag = event.has(5) ? text(value.get(1)![0]) : null;
    events.push({ step: Number(event.get(2)?.[0] ?? 0), tag, value });
  }
  return events;
}

const scalars = (directory: string): [string, number, number][] =>
  eventsOf(directory).flatMap(({ tag, step, value }) =>
    tag === null || !value.has(2) ? [] : [[tag, step, value.get(2)![0] as number]],
  );

const x = Array.from({ length: 6 }, (_, i) => [i / 6]);
const y = x.map(([v]) => 3 * v!);

async function train(directory: string, options: { updateFreq?: number; stopAfter?: number; backup?: string } = {}) {
  const model = new Sequential([new Dense(2, { inputShape: [1] }), new Dense(1)], { seed: 1 });
  model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0.05 }), metrics: ["mae"] });
  const stop = new AbortController();
  let batches = 0;
  const { history } = await model.fit(x, y, {
    epochs: 3,
    batchSize: 2,
    validationSplit: 0.34,
    verbose: 0,
    signal: stop.signal,
    callbacks: [
      new TensorBoard({ logDir: directory, histogramFreq: 2, updateFreq: options.updateFreq ?? "epoch" }),
      new LambdaCallback({ onBatchEnd: () => void (++batches === options.stopAfter && stop.abort()) }),
      ...(options.backup === undefined ? [] : [new BackupAndRestore(options.backup, { saveFreq: 1 })]),
    ],
  });
  return { model, history };
}

describe("record files", () => {
  it("have the checksums of RFC 3720 and of TensorFlow's records", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
    // What TensorFlow writes for the record "abc".
    const record = Buffer.from(framed(new TextEncoder().encode("abc"))).toString("hex");
    expect(record).toBe("0300000000000000b099490e6162636e57f121");
  });

  it("have histograms that leave nothing out but what is not finite", () => {
    const { counts, limits, ...rest } = histogramOf([0, 1, 2, 3, Number.NaN, Number.POSITIVE_INFINITY], 3);
    expect([counts, limits]).toEqual([
      [1, 1, 2],
      [1, 2, 3],
    ]);
    expect(rest).toEqual({ min: 0, max: 3, count: 4, sum: 6, sumSquares: 14 });
    expect(histogramOf([2, 2]).counts).toEqual([2]);
    expect(histogramOf([Number.NaN]).count).toBe(0);
  });
});

describe("TensorBoard", () => {
  it("writes Keras' curves of training and validation", async () => {
    const directory = join(folder, "epochs");
    const { history } = await train(directory);
    const close = (n: number) => expect.closeTo(n, 5);
    expect(scalars(join(directory, "train"))).toEqual(
      [0, 1, 2].flatMap((epoch) => [
        ["epoch_loss", epoch, close(history.loss[epoch]!)],
        ["epoch_mae", epoch, close(history.mae![epoch]!)],
        ["epoch_learning_rate", epoch, close(0.05)],
      ]),
    );
    expect(scalars(join(directory, "validation"))).toEqual(
      [0, 1, 2].flatMap((epoch) => [
        ["evaluation_loss_vs_iterations", 2 * (epoch + 1), close(history.val_loss![epoch]!)],
        ["evaluation_mae_vs_iterations", 2 * (epoch + 1), close(history.val_mae![epoch]!)],
        ["epoch_loss", epoch, close(history.val_loss![epoch]!)],
        ["epoch_mae", epoch, close(history.val_mae![epoch]!)],
      ]),
    );
    const [version, model] = eventsOf(join(directory, "train"));
    expect(text(version!.value.get(3)![0])).toBe("brain.Event:2");
    expect(text(inside(inside(model!.value, 9), 1).get(1)![0])).toBe("graph_keras_model");
    expect(JSON.parse(text(inside(model!.value, 8).get(8)![0]))).toMatchObject({ class_name: "Sequential" });
  });

  it("writes histograms of the weights", async () => {
    const directory = join(folder, "histograms");
    const { model } = await train(directory);
    const found = eventsOf(join(directory, "train")).filter(({ value }) => value.has(5));
    expect(found.map(({ tag, step }) => `${step} ${tag}`)).toEqual(
      [0, 2].flatMap((epoch) =>
        ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"].map((w) => `${epoch} ${w}/histogram`),
      ),
    );
    const kernel = model.getWeights()[0]!.data;
    const last = inside(found[4]!.value, 5);
    expect(last.get(1)![0]).toBe(Math.min(...kernel));
    expect(last.get(2)![0]).toBe(Math.max(...kernel));
    expect(last.get(3)![0]).toBe(2);
    const [limits, counts] = [6, 7].map((field) => doublesOf(last.get(field)![0] as Uint8Array));
    expect(limits).toHaveLength(30);
    expect(counts!.reduce((a, b) => a + b)).toBe(2);
  });

  it("writes the curves of batches when told to", async () => {
    const directory = join(folder, "batches");
    await train(directory, { updateFreq: 2 });
    const batches = scalars(join(directory, "train")).filter(([tag]) => tag === "batch_loss");
    expect(batches.map(([, step]) => step)).toEqual([2, 4, 6]);
    expect(() => new TensorBoard({ updateFreq: 0.5 })).toThrow(/updateFreq is 0.5/);
  });

  it("continues its files when a run is resumed", async () => {
    const [directory, backup] = [join(folder, "resumed"), join(folder, "resumed-backup")];
    for (const stopAfter of [3, 1]) await train(directory, { updateFreq: 1, stopAfter, backup });
    await train(directory, { updateFreq: 1, backup });
    await train(join(folder, "uninterrupted"), { updateFreq: 1 });
    for (const part of ["train", "validation"]) {
      expect(scalars(join(directory, part))).toEqual(scalars(join(folder, "uninterrupted", part)));
    }
  });
});
