/**
 * Reading data: IDX beside reading and unpacking the same file alone, CSV beside csv-parse, papaparse and the tokeniser
 * alone. Files are made in a temporary folder; with GRADIENTE_DATA set, the real Fashion-MNIST is read.
 *
 * node benchmarks/datasets.bench.ts [--json FILE]
 */
import { createReadStream, existsSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { createGunzip } from "node:zlib";
import { readCsv, readIdx, syntheticFashion, writeIdx } from "@gradiente/datasets";
import benny from "benny";
import { optionsOf } from "./command-line.ts";

const { json: path } = optionsOf(["json"]);

const fromDatasets = createRequire(new URL("../packages/datasets/package.json", import.meta.url));
const { parse } = fromDatasets("csv-parse") as { parse(options: object): Duplex };
const Papa = fromDatasets("papaparse") as {
  NODE_STREAM_INPUT: number;
  parse(input: number, options: object): Duplex;
};

const folder = await mkdtemp(join(tmpdir(), "gradiente-bench-"));

async function imagesFile(): Promise<string> {
  const real = join(process.env.GRADIENTE_DATA ?? "", "fashion-mnist", "train-images-idx3-ubyte.gz");
  if (process.env.GRADIENTE_DATA && existsSync(real)) return real;
  await syntheticFashion({ train: 60_000, test: 10, directory: folder });
  return join(folder, "train-images-idx3-ubyte.gz");
}

async function drain(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

const CHUNK = 256 * 1024;
const raw = (path: string): Promise<number> => {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  return drain(path.endsWith(".gz") ? file.pipe(createGunzip({ chunkSize: CHUNK })) : file);
};

async function count(elements: AsyncIterable<unknown>): Promise<number> {
  let n = 0;
  for await (const _ of elements) n++;
  return n;
}

function tokens(path: string, parser: Duplex): Promise<number> {
  return new Promise((resolve, reject) => {
    let n = 0;
    parser.on("data", () => n++);
    parser.on("end", () => resolve(n));
    parser.on("error", reject);
    createReadStream(path, { highWaterMark: CHUNK }).pipe(parser);
  });
}

/** The tokeniser as the reader uses it: records taken as they are found, nothing made of them. */
function tokeniserAlone(path: string): Promise<number> {
  let n = 0;
  const parser = parse({
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    skip_empty_lines: true,
    on_record: () => {
      n++;
      return null;
    },
  });
  return new Promise((resolve, reject) => {
    parser.on("error", reject);
    parser.on("end", () => resolve(n));
    parser.resume();
    createReadStream(path, { highWaterMark: CHUNK }).pipe(parser);
  });
}

interface Measured {
  readonly name: string;
  readonly seconds: number;
  readonly megabytesPerSecond: number;
}

async function suite(
  title: string,
  bytes: number,
  cases: readonly [string, () => Promise<unknown>][],
): Promise<Measured[]> {
  const summary = await benny.suite(title, ...cases.map(([name, run]) => benny.add(name, run, { minSamples: 5 })));
  return summary.results.map(({ name, ops, details }) => ({
    name,
    // benny rounds operations per second, and slow cases to next to nothing.
    seconds: details.median || 1 / ops,
    megabytesPerSecond: bytes / 1e6 / (details.median || 1 / ops),
  }));
}

const report: Record<string, unknown> = {};
try {
  const packed = await imagesFile();
  const images = await readIdx(packed, { elementType: "uint8" });
  const plain = join(folder, "images.idx");
  await writeIdx(plain, images);
  const unpacked = (await stat(plain)).size;
  for (const [kind, path] of [
    ["gzip", packed],
    ["plain", plain],
  ] as const) {
    const idx = await readIdx(path);
    const results = await suite(`IDX, ${kind}, ${(unpacked / 1e6).toFixed(0)} MB unpacked`, unpacked, [
      ["read and unpack alone", () => raw(path)],
      ["row by row", () => count(idx)],
      ["batches of 32", () => count(idx.batch(32))],
      ["whole array", () => idx.toArrays()],
    ]);
    const alone = results[0]!.seconds;
    const shares = Object.fromEntries(results.slice(1).map(({ name, seconds }) => [name, alone / seconds]));
    for (const { name, megabytesPerSecond } of results) {
      const share =
        shares[name] === undefined ? "" : `, ${(100 * shares[name]).toFixed(0)} % of reading and unpacking alone`;
      console.log(`  ${name}: ${megabytesPerSecond.toFixed(0)} MB/s${share}`);
    }
    report[`idx ${kind}`] = { results, shares };
  }

  const csv = join(folder, "table.csv");
  const lines = ["id,a,b,where,flag,c"];
  for (let i = 0; i < 200_000; i++) {
    lines.push(
      `${i},${(i / 7).toFixed(9)},${(i * 0.31).toFixed(6)},"place ${i % 9}, ""north""",${i % 2 === 0},${-i}.5e-3`,
    );
  }
  await writeFile(csv, `${lines.join("\n")}\n`);
  const { size } = await stat(csv);
  const table = await readCsv(csv);
  const texts = await readCsv(csv, { types: Object.fromEntries(table.columns.map(({ name }) => [name, "text"])) });
  const results = await suite(`CSV, ${(size / 1e6).toFixed(0)} MB, ${lines.length - 1} records`, size, [
    ["readCsv, typed records", () => count(table)],
    ["readCsv, text only", () => count(texts)],
    ["csv-parse, as a stream of objects", () => tokens(csv, parse({ columns: true }))],
    ["papaparse, as a stream of objects", () => tokens(csv, Papa.parse(Papa.NODE_STREAM_INPUT, { header: true }))],
    ["the tokeniser alone", () => tokeniserAlone(csv)],
  ]);
  const [typed, , ...others] = results;
  const ratios = Object.fromEntries(others.map(({ name, seconds }) => [name, seconds / typed!.seconds]));
  for (const { name, megabytesPerSecond } of results) {
    const ratio = ratios[name] === undefined ? "" : `; typed records at ${ratios[name].toFixed(2)} of its speed`;
    console.log(`  ${name}: ${megabytesPerSecond.toFixed(1)} MB/s${ratio}`);
  }
  report.csv = { results, ratios };
} finally {
  await rm(folder, { recursive: true });
}

if (path !== undefined) {
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
}
