import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { realData } from "../../testing/real-data.ts";
import { downloadFile } from "../download.ts";
import { DataUnavailableError, IdxError, SourceError } from "../errors.ts";
import { encodeIdx } from "../idx/write.ts";
import { californiaHousing } from "./california-housing.ts";
import { FASHION_CLASS_NAMES, fashionMnist } from "./fashion-mnist.ts";
import { iris } from "./iris.ts";
import { idxImageSet, mnist } from "./mnist.ts";
import { syntheticFashion } from "./synthetic-fashion.ts";

const folder = await mkdtemp(join(tmpdir(), "gradiente-catalog-"));
afterAll(() => rm(folder, { recursive: true }));
let fresh = 0;
const freshFolder = (): string => join(folder, `cache-${fresh++}`);

const CLASSES = ["a", "b", "c"];
const pack = (data: Uint8Array, shape: number[]): Uint8Array => gzipSync(encodeIdx({ data, shape }));
const FILES: Record<string, Uint8Array> = {
  "train-images-idx3-ubyte.gz": pack(
    Uint8Array.from({ length: 48 }, (_, i) => i),
    [12, 2, 2],
  ),
  "train-labels-idx1-ubyte.gz": pack(
    Uint8Array.from({ length: 12 }, (_, i) => i % 3),
    [12],
  ),
  "t10k-images-idx3-ubyte.gz": pack(new Uint8Array(8), [2, 2, 2]),
  "t10k-labels-idx1-ubyte.gz": pack(Uint8Array.of(2, 0), [2]),
};
const big = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 5);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A server whose behaviour each test sets. */
let server: Server;
let base = "";
let requests: IncomingMessage[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  vi.unstubAllEnvs();
});

function serveFiles(request: IncomingMessage, response: ServerResponse): void {
  const bytes = FILES[request.url!.slice(1)];
  if (bytes) response.writeHead(200, { "content-length": bytes.length }).end(bytes);
  else response.writeHead(404).end();
}

/** Sends `big` with ranges and an ETag, cutting off each connection after `most` bytes, or leaving it open there. */
function serveBig(most: number, then: "break" | "wait" = "break") {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const valid = request.headers["if-range"] === '"v1"';
    const start = range && valid ? Number(range[1]) : 0;
    const headers = { etag: '"v1"', "content-length": big.length - start };
    if (start > 0)
      response.writeHead(206, { ...headers, "content-range": `bytes ${start}-${big.length - 1}/${big.length}` });
    else response.writeHead(200, headers);
    const part = big.subarray(start, start + most);
    if (start + part.length === big.length) response.end(part);
    else response.write(part, () => then === "break" && setTimeout(() => response.destroy(), 20));
  };
}

const remote = { name: "big.bin", sha256: sha256(big), bytes: big.length };

describe("downloadFile", () => {
  it("goes on where the connection broke, and reports its progress", async () => {
    answer = serveBig(140_000);
    const seen: number[] = [];
    const { path } = await downloadFile({ ...remote, urls: [`${base}big`] }, freshFolder(), {
      onProgress: ({ done, total }) => {
        seen.push(done);
        expect(total).toBe(big.length);
      },
    });
    expect(new Uint8Array(await readFile(path))).toEqual(big);
    // What was on its way when the connection broke may be lost.
    const starts = requests.map(({ headers: { range } }) => (range ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : 0));
    expect(starts.length).toBeGreaterThanOrEqual(3);
    starts.forEach((start, i) => {
      expect(start).toBeLessThanOrEqual(i * 140_000);
      if (i > 0) expect(start).toBeGreaterThan(starts[i - 1]!);
    });
    expect(seen.at(-1)).toBe(big.length);
  });

  it("goes on in another process, after one that was killed", async () => {
    const cache = freshFolder();
    answer = serveBig(100_000, "wait");
    const abort = new AbortController();
    const first = downloadFile({ ...remote, urls: [`${base}big`] }, cache, {
      signal: abort.signal,
      onProgress: ({ done }) => done >= 100_000 && abort.abort(),
    });
    await expect(first).rejects.toThrow(/abort/i);
    expect(await readdir(cache)).toEqual(["big.bin.partial", "big.bin.partial.json"]);
    await writeFile(
      join(cache, "big.bin.lock"),
      JSON.stringify({ pid: 999_999_999, host: (await import("node:os")).hostname() }),
    );
    answer = serveBig(big.length);
    requests = [];
    const { path } = await downloadFile({ ...remote, urls: [`${base}big`] }, cache);
    expect(requests[0]!.headers.range).toBe("bytes=100000-");
    expect(sha256(await readFile(path))).toBe(remote.sha256);
    expect(await readdir(cache)).toEqual(["big.bin"]);
  });

  it("starts afresh when the file has changed in the meantime", async () => {
    const cache = freshFolder();
    await mkdir(cache);
    await writeFile(join(cache, "big.bin.partial"), "of another version");
    await writeFile(join(cache, "big.bin.partial.json"), JSON.stringify({ url: `${base}big`, validator: '"v0"' }));
    answer = serveBig(big.length);
    const { path } = await downloadFile({ ...remote, urls: [`${base}big`] }, cache);
    expect(sha256(await readFile(path))).toBe(remote.sha256);
  });

  it("turns to the next mirror for errors, damage and silence, and tells of each", async () => {
    answer = (request, response) => {
      if (request.url === "/gone") response.writeHead(404).end();
      else if (request.url === "/damaged") response.end(Uint8Array.from(big, (byte, i) => (i === 5 ? byte ^ 1 : byte)));
      else if (request.url === "/silent") response.writeHead(200, { "content-length": big.length }).flushHeaders();
      else serveBig(big.length)(request, response);
    };
    const urls = ["gone", "damaged", "silent"].map((name) => base + name);
    const cache = freshFolder();
    const error = await downloadFile({ ...remote, urls }, cache, { stallTimeout: 1500 }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DataUnavailableError);
    const { tried } = error as DataUnavailableError;
    expect(tried.map(({ place }) => place)).toEqual(urls);
    expect(tried.map(({ reason }) => reason).join("\n")).toMatch(/404.*\n.*sha256.*\n.*stopped sending/s);
    const { url } = await downloadFile({ ...remote, urls: [...urls, `${base}good`] }, cache, { stallTimeout: 1500 });
    expect(url).toBe(`${base}good`);
    expect((await readdir(cache)).filter((name) => !name.startsWith("big.bin"))).toEqual([]);
  });

  it("is done once by processes that want the same file at the same time", async () => {
    answer = serveBig(big.length);
    const cache = freshFolder();
    const script = `
      const { downloadFile } = await import(${JSON.stringify(new URL("../download.ts", import.meta.url).href)});
      const { path } = await downloadFile(${JSON.stringify({ ...remote, urls: [`${base}big`] })}, ${JSON.stringify(cache)});
      console.log(path);`;
    const run = (): Promise<number | null> =>
      new Promise((resolve) => {
        spawn(process.execPath, ["--input-type=module", "-e", script]).on("exit", resolve);
      });
    expect(await Promise.all([run(), run(), run(), run()])).toEqual([0, 0, 0, 0]);
    expect(requests).toHaveLength(1);
    expect(await readdir(cache)).toEqual(["big.bin"]);
  });

  it("takes over a lock that nobody holds any more", async () => {
    const cache = freshFolder();
    await mkdir(cache);
    const lock = join(cache, "big.bin.lock");
    await writeFile(lock, "of an unknown process");
    await utimes(lock, new Date(0), new Date(0));
    answer = serveBig(big.length);
    await downloadFile({ ...remote, urls: [`${base}big`] }, cache);
    expect(await readdir(cache)).toEqual(["big.bin"]);
  });
});

describe("image sets", () => {
  const load = (options: object = {}) =>
    idxImageSet({ folder: "tiny", classNames: CLASSES, cache: freshFolder(), ...options });

  it("are looked for in the folder given, GRADIENTE_DATA, the cache and on the net, in this order", async () => {
    answer = serveFiles;
    const data = freshFolder();
    for (const place of [join(data, "tiny"), join(data, "direct")]) {
      await mkdir(place, { recursive: true });
      for (const [name, bytes] of Object.entries(FILES)) await writeFile(join(place, name), bytes);
    }
    vi.stubEnv("GRADIENTE_DATA", "");
    const cache = freshFolder();
    expect((await load({ cache, mirrors: [base] })).source).toEqual({
      kind: "download",
      location: `${base}train-images-idx3-ubyte.gz`,
    });
    expect((await load({ cache })).source).toEqual({ kind: "cache", location: join(cache, "tiny") });
    vi.stubEnv("GRADIENTE_DATA", data);
    expect((await load({ cache })).source).toEqual({ kind: "GRADIENTE_DATA", location: join(data, "tiny") });
    expect((await load({ directory: join(data, "direct") })).source.kind).toBe("directory");
    expect((await load({ directory: data })).source).toEqual({ kind: "directory", location: join(data, "tiny") });
    expect((await load({ directory: join(data, "absent") })).source.kind).toBe("GRADIENTE_DATA");
  });

  it("hand out samples and whole arrays, from memory or from the files", async () => {
    answer = serveFiles;
    for (const stream of [false, true]) {
      const { train, test, classNames } = await load({ mirrors: [base], stream });
      expect(classNames).toEqual(CLASSES);
      expect([train.size, test.size]).toEqual([12, 2]);
      const { x, y } = await train.toArrays();
      expect([x.shape, y.shape]).toEqual([[12, 2, 2], [12]]);
      const batches = await train.shuffle(12, { seed: 7 }).batch(5).prefetch(2).toList();
      expect(batches.map((batch) => [batch.x.shape, batch.y.shape])).toEqual([
        [[5, 2, 2], [5]],
        [[5, 2, 2], [5]],
        [[2, 2, 2], [2]],
      ]);
      for (const batch of batches)
        for (const [i, label] of batch.y.data.entries()) expect((batch.x.data[4 * i]! / 4) % 3).toBe(label);
    }
  });

  it("name every place that was tried, and what to do, when there is no network", async () => {
    vi.stubEnv("GRADIENTE_DATA", "");
    answer = (_, response) => response.destroy();
    const cache = freshFolder();
    const error = await load({ cache, directory: "/nowhere", mirrors: [base] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataUnavailableError);
    const { message, tried } = error as DataUnavailableError;
    expect(tried.map(({ place }) => place)).toEqual([
      "GRADIENTE_DATA",
      "directory, /nowhere",
      "directory, /nowhere/tiny",
      `cache, ${join(cache, "tiny")}`,
      `${base}train-images-idx3-ubyte.gz`,
    ]);
    expect(message).toMatch(/tiny could not be had.*GRADIENTE_DATA: is not set.*\n[A-Z].*\{ directory \}/s);
    await expect(load({ cache, download: false })).rejects.toThrow(/switched off/);
    await writeFile(`${cache}-file`, "");
    const unwritable = load({ cache: `${cache}-file`, mirrors: [base] });
    await expect(unwritable).rejects.toBeInstanceOf(DataUnavailableError);
    await expect(unwritable).rejects.toThrow(/cannot be made/);
    await expect(fashionMnist({ cache, download: false })).rejects.toBeInstanceOf(DataUnavailableError);
    await expect(mnist({ cache, downlod: false } as never)).rejects.toThrow(/downlod.*download/s);
  });

  it("refuse files that do not belong together, with the file and what was expected", async () => {
    const write = async (changes: Record<string, Uint8Array>): Promise<string> => {
      const directory = freshFolder();
      await mkdir(directory);
      for (const [name, bytes] of Object.entries({ ...FILES, ...changes }))
        await writeFile(join(directory, name), bytes);
      return directory;
    };
    const cases: [Record<string, Uint8Array>, RegExp][] = [
      [
        { "train-labels-idx1-ubyte.gz": pack(new Uint8Array(11), [11]) },
        /train-labels.*not as many labels.*expected 12.*found 11/s,
      ],
      [
        { "t10k-labels-idx1-ubyte.gz": pack(Uint8Array.of(0, 3), [2]) },
        /t10k-labels.*byte 9.*no class.*expected 0 to 2, found 3/s,
      ],
      [{ "train-images-idx3-ubyte.gz": pack(new Uint8Array(48), [48]) }, /another rank/],
      [
        { "train-images-idx3-ubyte.gz": gzipSync(encodeIdx({ data: new Int16Array(48), shape: [12, 2, 2] })) },
        /expected uint8, found int16/,
      ],
      [{ "train-images-idx3-ubyte.gz": FILES["train-images-idx3-ubyte.gz"]!.subarray(0, 30) }, /ends too early/],
    ];
    for (const [changes, message] of cases) {
      const error = await load({ directory: await write(changes) }).catch((reason: unknown) => reason);
      expect(error).toSatisfy((reason) => reason instanceof IdxError || reason instanceof SourceError);
      expect((error as Error).message).toMatch(message);
    }
  });
});

describe("syntheticFashion", () => {
  it("writes real files and reads them back, the same for the same seed everywhere", async () => {
    const directory = freshFolder();
    const { train, test, classNames, source } = await syntheticFashion({ train: 300, test: 50, seed: 3, directory });
    expect(classNames).toBe(FASHION_CLASS_NAMES);
    expect(source).toEqual({ kind: "synthetic", location: directory });
    const { x, y } = await train.toArrays();
    expect(x.shape).toEqual([300, 28, 28]);
    expect(new Set(y.data).size).toBe(10);
    expect((await fashionMnist({ directory })).test.size).toBe(test.size);
    // Pinned: whatever machine draws them, these are the pixels.
    expect(sha256(x.data)).toMatchInlineSnapshot(`"441a2013e8c58faba85ff72e5a63cd861f424951d4236bf9518a1e255c94ff67"`);
    for (let i = 0; i < 300; i++)
      expect(Math.max(...x.data.subarray(i * 784, (i + 1) * 784)), `image ${i}`).toBeGreaterThan(40);
  });

  it("is clearly harder for a linear classifier than for a small network", { timeout: 120_000 }, async () => {
    const { train, test } = await syntheticFashion({ train: 6000, test: 1500, seed: 1, directory: freshFolder() });
    const [learn, check] = [await train.toArrays(), await test.toArrays()];
    const scale = (pixels: Uint8Array): Float32Array => Float32Array.from(pixels, (pixel) => pixel / 255);
    const sets = { x: scale(learn.x.data), y: learn.y.data, testX: scale(check.x.data), testY: check.y.data };
    const linear = accuracy(sets, [], 8, 0.002);
    const network = accuracy(sets, [64], 8, 0.005);
    console.info(
      `Synthetic garments, 6000 images: linear ${linear.toFixed(3)}, network 784-64-10 ${network.toFixed(3)}`,
    );
    expect(linear).toBeGreaterThan(0.5);
    expect(network).toBeGreaterThan(linear + 0.04);
  });
});

/** Test accuracy of a plain network of rectified units, trained image by image; written out here to depend on nothing. */
function accuracy(
  sets: { x: Float32Array; y: Uint8Array; testX: Float32Array; testY: Uint8Array },
  hidden: number[],
  epochs: number,
  rate: number,
): number {
  const sizes = [784, ...hidden, 10];
  let seed = 1;
  const uniform = (): number => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const layers = sizes.slice(1).map((out, l) => {
    const reach = Math.sqrt(6 / (out + sizes[l]!));
    return {
      w: Float32Array.from({ length: out * sizes[l]! }, () => (2 * uniform() - 1) * reach),
      b: new Float32Array(out),
    };
  });
  const forward = (x: Float32Array): Float32Array[] => {
    const values = [x];
    for (const [l, { w, b }] of layers.entries()) {
      const input = values[l]!;
      const output = b.slice();
      for (let j = 0; j < output.length; j++) {
        let sum = output[j]!;
        for (let k = 0; k < input.length; k++) sum += w[j * input.length + k]! * input[k]!;
        output[j] = l < layers.length - 1 ? Math.max(0, sum) : sum;
      }
      values.push(output);
    }
    return values;
  };
  for (let step = 0; step < epochs * sets.y.length; step++) {
    const i = Math.floor(uniform() * sets.y.length);
    const values = forward(sets.x.subarray(i * 784, (i + 1) * 784));
    const scores = values.at(-1)!;
    const top = Math.max(...scores);
    let delta = scores.map((score) => Math.exp(score - top));
    const total = delta.reduce((sum, value) => sum + value, 0);
    delta = delta.map((value, j) => value / total - (j === sets.y[i] ? 1 : 0));
    for (let l = layers.length - 1; l >= 0; l--) {
      const { w, b } = layers[l]!;
      const input = values[l]!;
      const back = new Float32Array(input.length);
      for (let j = 0; j < delta.length; j++) {
        const change = rate * delta[j]!;
        b[j] = b[j]! - change;
        for (let k = 0; k < input.length; k++) {
          back[k] = back[k]! + w[j * input.length + k]! * delta[j]!;
          w[j * input.length + k] = w[j * input.length + k]! - change * input[k]!;
        }
      }
      delta = back.map((value, k) => (input[k]! > 0 ? value : 0));
    }
  }
  let right = 0;
  for (const [i, label] of sets.testY.entries()) {
    const scores = forward(sets.testX.subarray(i * 784, (i + 1) * 784)).at(-1)!;
    if (scores.indexOf(Math.max(...scores)) === label) right++;
  }
  return right / sets.testY.length;
}

const ROWS = ["-122.23,37.88,41,880,129,322,126,8.3252,452600", "-122.22,37.86,21,7099,1106,2401,1138,8.3014,358500"];

/** A tar archive with one file, as the original is packed. */
function tar(name: string, content: string): Uint8Array {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, "0"), 124);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return gzipSync(Buffer.concat([header, body, Buffer.alloc(1024)]));
}

describe("californiaHousing and iris", () => {
  it("reads the original archive into scikit-learn's columns", async () => {
    const directory = freshFolder();
    await mkdir(directory);
    await writeFile(
      join(directory, "cal_housing.tgz"),
      tar("CaliforniaHousing/cal_housing.data", `${ROWS.join("\n")}\n`),
    );
    const { data, featureNames, targetName } = await californiaHousing({ directory });
    expect([...featureNames, targetName]).toEqual(
      "MedInc,HouseAge,AveRooms,AveBedrms,Population,AveOccup,Latitude,Longitude,MedHouseVal".split(","),
    );
    const { x, y } = await data.toArrays();
    expect([...x.data.subarray(0, 8), y.data[0]]).toEqual([
      8.3252, 41, 6.984126984126984, 1.0238095238095237, 322, 2.5555555555555554, 37.88, -122.23, 4.526,
    ]);
  });

  const real = realData("california-housing");
  it.skipIf(real === undefined)(
    "reads the California file to the exact values, and standardises it as scikit-learn",
    async () => {
      const { data, source } = await californiaHousing({ directory: real! });
      expect(source.kind).toBe("directory");
      const { x, y } = await data.toArrays();
      const lines = (await readFile(join(real!, "california_housing_sklearn.csv"), "utf8")).trim().split("\n").slice(1);
      expect(lines).toHaveLength(20_640);
      for (const [i, line] of lines.entries()) {
        const numbers = line.split(",").map(Number);
        for (let k = 0; k < 8; k++) if (x.data[8 * i + k] !== numbers[k]) throw new Error(`row ${i}, feature ${k}`);
        if (y.data[i] !== numbers[8]) throw new Error(`row ${i}, target`);
      }
      const { train, test } = JSON.parse(await readFile(join(real!, "geron_split_indices.json"), "utf8"));
      const scaler = JSON.parse(await readFile(join(real!, "geron_scaler.json"), "utf8"));
      const { readCsv } = await import("../csv/read.ts");
      const { fitEncoder, TableEncoder } = await import("../table/encoder.ts");
      const { Dataset } = await import("../dataset.ts");
      const csv = await readCsv(join(real!, "california_housing_sklearn.csv"));
      const records = await csv.toList();
      const pick = (rows: number[]) => Dataset.fromIterable(rows.map((row) => records[row]!));
      const encoder = await fitEncoder(pick(train), { columns: csv.columns, target: "MedHouseVal", standardize: true });
      const stored = JSON.parse(JSON.stringify(encoder));
      for (const [k, column] of stored.features.entries()) {
        expect(column.mean).toBeCloseTo(scaler.mean[k], 9);
        expect(column.deviation / scaler.std_population[k]).toBeCloseTo(1, 12);
      }
      const samples = TableEncoder.fromJSON(stored).encode(pick(test.slice(0, 3)));
      for (const [i, { x: row, y: target }] of (await samples.toList()).entries()) {
        for (let k = 0; k < 8; k++) expect(row.data[k]).toBeCloseTo(scaler.first3_test_rows_scaled[i][k], 9);
        expect(target).toEqual({ data: Float64Array.of(scaler.first3_test_targets[i]), shape: [] });
      }
    },
  );

  it("reads measurements with class names", async () => {
    const directory = freshFolder();
    await mkdir(directory);
    await writeFile(
      join(directory, "iris.data"),
      "5.1,3.5,1.4,0.2,Iris-setosa\n7.0,3.2,4.7,1.4,Iris-versicolor\n6.3,3.3,6.0,2.5,Iris-virginica\n\n",
    );
    const { data, classNames, featureNames } = await iris({ directory });
    expect(classNames).toEqual(["Iris-setosa", "Iris-versicolor", "Iris-virginica"]);
    expect(featureNames).toHaveLength(4);
    const { x, y } = await data.toArrays();
    expect(x.shape).toEqual([3, 4]);
    expect(y).toEqual({ data: Int32Array.of(0, 1, 2), shape: [3] });
  });
});
