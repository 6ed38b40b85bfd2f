/** Checkpoints, IDX and CSV files that are damaged. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { encodeIdx, readCsv, readIdx } from "@gradiente/datasets";
import * as nn from "@gradiente/nn";
import { damaged, damagedJson } from "./damage.ts";
import { header, withHeader } from "./header.ts";
import { digest, hash, type Subject } from "./subject.ts";

const weightsOf = (model: nn.Model): string => digest(model.stateDict());

let folder: string | null = null;
const temporary = (): string => {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), "gradiente-fuzz-"));
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
};

const xs = Array.from({ length: 12 }, (_, i) => [Math.sin(i), Math.cos(i)]);
const ys = xs.map(([a]) => a!);

/** A run that writes checkpoints, or goes on from one. @returns what it ended with. */
async function run(path: string, resumeFrom: string | null): Promise<string> {
  const model = new nn.Sequential([new nn.Dense(3, { inputShape: [2] }), new nn.Dropout(0.2), new nn.Dense(1)], {
    seed: 1,
  });
  model.compile({ loss: "mse", optimizer: "adam", metrics: ["mae"] });
  const { history } = await model.fit(xs, ys, {
    epochs: 2,
    batchSize: 4,
    verbose: 0,
    callbacks: [
      new nn.ReduceLROnPlateau({ monitor: "loss", patience: 1 }),
      new nn.EarlyStopping({ monitor: "loss", restoreBestWeights: true }),
      ...(resumeFrom === null ? [new nn.ModelCheckpoint(path, { saveFreq: 2 })] : []),
      ...(resumeFrom === null ? [] : [new nn.ModelCheckpoint(path, { saveFreq: 1000 })]),
    ],
    ...(resumeFrom === null ? {} : { resumeFrom }),
  });
  return hash([JSON.stringify(history), weightsOf(model)]);
}

const checkpoints = async (): Promise<readonly Uint8Array[]> => {
  const directory = join(temporary(), "run");
  await run(join(directory, "{epoch}-{batch}.ckpt"), null);
  return readdirSync(directory)
    .sort()
    .map((name) => readFileSync(join(directory, name)));
};

const encoded = (): readonly Uint8Array[] => [
  encodeIdx({ data: Uint8Array.from({ length: 60 }, (_, i) => i), shape: [6, 5, 2] }),
  encodeIdx({ data: Float64Array.from({ length: 12 }, Math.sin), shape: [12] }),
];
const readIdxBytes = async (bytes: Uint8Array): Promise<string> => {
  const { data, shape } = await (await readIdx(bytes)).toArrays();
  return hash([`${data.constructor.name}[${shape}]`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
};
const tables = (): readonly Uint8Array[] =>
  ['a,b,__proto__\n1,"x ""y"" z",2020-01-01\n-2.5,é,\n3,"new\nline",x\n', "\ufeffid;value\r\n1;2,5\r\n2;3,5\r\n"].map(
    (t) => new TextEncoder().encode(t),
  );

async function recordsOf(bytes: Uint8Array): Promise<unknown[]> {
  const records: unknown[] = [];
  // As lists of entries, so that no name of a column means anything.
  for await (const record of await readCsv(bytes)) records.push(Object.entries(record));
  return records;
}

export const dataFiles: readonly Subject[] = [
  {
    name: "checkpoint",
    originals: checkpoints,
    damage(file, other, draws) {
      if (draws.next() < 0.7) return damaged(file, other, draws);
      const [json, body] = header(file);
      return withHeader(damagedJson(json, draws), body);
    },
    async read(bytes) {
      const path = join(temporary(), "damaged.ckpt");
      writeFileSync(path, bytes);
      return run(join(temporary(), "unused.ckpt"), path);
    },
    checked: true,
  },
  { name: "idx", originals: async () => encoded(), read: readIdxBytes },
  { name: "idx, gzip", originals: async () => encoded().map((b) => gzipSync(b)), read: readIdxBytes, checked: true },
  {
    name: "csv",
    originals: async () => tables(),
    read: async (bytes) => hash([JSON.stringify(await recordsOf(bytes))]),
  },
];
