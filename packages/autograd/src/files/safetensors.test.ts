import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { parameter, TensorFileError, type TensorFileProblem, tensor } from "../index.ts";
import { encodeTensors, loadTensors, openSafetensors, saveTensors } from "./index.ts";
import { anyTensor, bytesOf, sameTensors, vectors } from "./testing/tensors.ts";

const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file with this header, and as many bytes after it. */
function fileWith(header: string | Uint8Array, dataLength: number): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const one = (dtype: string, shape: string, offsets: string): string =>
  `{"x":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}}`;

test("a save removes what a killed process has left of the same file, and nothing else", async () => {
  const at = join(folder, "leftovers");
  mkdirSync(at);
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const kept = [`a.safetensors.${process.pid}-k3x.tmp`, `b.safetensors.${dead}-k3x.tmp`, "a.safetensors.old.tmp"];
  for (const name of [`a.safetensors.${dead}-k3x.tmp`, ...kept]) writeFileSync(join(at, name), "part");
  await saveTensors(join(at, "a.safetensors"), { x: tensor([1]) });
  expect(readdirSync(at).sort()).toEqual(["a.safetensors", ...kept].sort());
});

const data = process.env.GRADIENTE_DATA;
describe.skipIf(data === undefined)("the format's own vectors", () => {
  const at = join(data ?? "", "safetensors", "spec-vectors");
  const list = join(at, "expected.json");
  const expected = existsSync(list) ? (JSON.parse(readFileSync(list, "utf8")) as Record<string, string>) : {};
  const problems: Readonly<Record<string, TensorFileProblem>> = {
    HeaderTooSmall: "truncated",
    HeaderTooLarge: "header size",
    InvalidHeaderLength: "truncated",
    InvalidHeader: "text",
    InvalidHeaderDeserialization: "header",
    TensorInvalidInfo: "size",
    ValidationOverflow: "overflow",
    MetadataIncompleteBuffer: "length",
  };
  test("are there", () => expect(Object.keys(expected).length).toBeGreaterThan(10));
  test.each(Object.entries(expected))("%s: %s", async (file, outcome) => {
    const reading = loadTensors(join(at, file));
    if (outcome === "ok") await expect(reading).resolves.toBeDefined();
    else await expect(reading).rejects.toMatchObject({ problem: problems[outcome] });
  });
});

describe("reading", () => {
  test("what Python wrote, of every element type", async () => {
    const file = await openSafetensors(bytesOf(vectors.safetensors));
    expect(file.metadata).toEqual({ format: "pt", note: '"quoted": {é}' });
    const read = async (name: string) => {
      const x = await file.tensor(name);
      return [x.dtype, x.toArray()];
    };
    expect(file.names).toHaveLength(14);
    expect(await read("bf16")).toEqual(["float32", [1.5, -2.25, Number.POSITIVE_INFINITY]]);
    expect(await read("f16")).toEqual(["float32", [1.5, -2.25, 2 ** -24]]);
    expect(await read("f32")).toEqual(["float32", [[Math.fround(0.1), Math.fround(0.2)]]]);
    expect(await read("f64")).toEqual(["float64", [0.1]]);
    expect(await read("i8")).toEqual(["int32", [-1, 2]]);
    expect(await read("i16")).toEqual(["int32", [-300]]);
    expect(await read("i32")).toEqual(["int32", [-70_000]]);
    expect(await read("i64")).toEqual(["int32", [-5, 2 ** 31 - 1]]);
    expect(await read("u8")).toEqual(["uint8", [255]]);
    expect(await read("bool")).toEqual(["bool", [true, false]]);
    expect(await read("scalar")).toEqual(["float32", 3]);
    expect((await file.tensor("empty")).shape).toEqual([0, 4]);
    await expect(file.tensor("wide")).rejects.toMatchObject({ problem: "value" });
    expect((await file.tensor("wide", { wideIntegers: "float64" })).item()).toBe(2 ** 40 + 1);
    await expect(file.tensor("f8")).rejects.toMatchObject({ problem: "element type" });
    expect(file.info("f8")).toEqual({ dtype: "F8_E4M3", shape: [1], byteLength: 1 });
    await expect(file.tensor("scalars")).rejects.toThrow(/did you mean "scalar"/);
  });

  test("unsigned and complex elements", async () => {
    const unsigned = fileWith(one('"U64"', "[1]", "[0,8]"), 8).fill(0xff, -8);
    await expect(loadTensors(unsigned)).rejects.toMatchObject({ problem: "value" });
    expect((await loadTensors(unsigned, { wideIntegers: "float64" })).x!.item()).toBe(2 ** 64);
    const complex = fileWith(one('"C64"', "[2]", "[0,16]"), 16);
    expect((await loadTensors(complex)).x!.shape).toEqual([2, 2]);
  });

  test("from Blobs and buffers", async () => {
    const bytes = await encodeTensors({ x: [1, 2] }, "safetensors");
    expect((await loadTensors(new Blob([bytes]))).x!.toArray()).toEqual([1, 2]);
    expect((await loadTensors(bytes.buffer)).x!.toArray()).toEqual([1, 2]);
  });

  test("single tensors, of a file larger than what is read", async () => {
    const path = join(folder, "large.safetensors");
    const megabytes = 3000;
    const size = megabytes * 2 ** 20;
    const header = `{"big":{"dtype":"U8","shape":[${size}],"data_offsets":[0,${size}]},"end":{"dtype":"F32","shape":[1],"data_offsets":[${size},${size + 4}]}}`;
    const handle = await open(path, "w");
    const head = fileWith(header.padEnd(Math.ceil(header.length / 8) * 8), 0);
    await handle.write(head);
    // The elements between are a hole in the file.
    await handle.write(new Uint8Array(Float32Array.of(7).buffer), 0, 4, head.length + size);
    await handle.close();
    const before = process.memoryUsage().arrayBuffers;
    const file = await openSafetensors(path);
    expect(file.names).toEqual(["big", "end"]);
    expect((await file.tensor("end")).item()).toBe(7);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 2 ** 20);
    truncateSync(path, head.length + size);
    await expect(file.tensor("end")).rejects.toThrow(/shorter/);
    await file.close();
  });

  const wrong: readonly (readonly [string, Uint8Array, TensorFileProblem])[] = [
    [
      "a name twice",
      fileWith(`{"x":${one('"U8"', "[0]", "[0,0]").slice(5, -1)},${one('"U8"', "[0]", "[0,0]").slice(1)}`, 0),
      "header",
    ],
    ["a field twice", fileWith('{"x":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0), "header"],
    ["a gap", fileWith(one('"U8"', "[1]", "[1,2]"), 2), "offsets"],
    [
      "an overlap",
      fileWith(
        '{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
        3,
      ),
      "offsets",
    ],
    ["an element type that does not exist", fileWith(one('"F33"', "[1]", "[0,1]"), 1), "header"],
    ["an element type named as a property of objects", fileWith(one('"constructor"', "[1]", "[0,1]"), 1), "header"],
    ["a negative length", fileWith(one('"U8"', "[-1]", "[0,1]"), 1), "header"],
    ["a fraction", fileWith(one('"U8"', "[1.0]", "[0,1]"), 1), "header"],
    ["offsets in reverse", fileWith(one('"U8"', "[0]", "[1,0]"), 1), "size"],
    ["metadata that are no strings", fileWith('{"__metadata__":{"a":1}}', 0), "header"],
    ["metadata nested", fileWith('{"__metadata__":{"a":{"b":"c"}}}', 0), "header"],
    ["a list", fileWith("[]", 0), "header"],
    ["a byte-order mark", fileWith("\uFEFF{}", 0), "header"],
    ["a header nested deeply", fileWith(`{"x":${"[".repeat(500_000)}${"]".repeat(500_000)}}`, 0), "header"],
    ["elements that no whole bytes hold", fileWith(one('"F4"', "[3]", "[0,1]"), 1), "size"],
    ["a bomb", fileWith(one('"F64"', "[4503599627370496]", "[0,8]"), 8), "overflow"],
    [
      "a field that is not known",
      fileWith('{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"strides":[1]}}', 0),
      "header",
    ],
  ];
  test.each(wrong)("%s is refused", async (_, bytes, problem) => {
    const error = await loadTensors(bytes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TensorFileError);
    expect((error as TensorFileError).problem).toBe(problem);
  });

  test("names the file and the place", async () => {
    const path = join(folder, "short.safetensors");
    await saveTensors(path, { x: [1, 2, 3] });
    truncateSync(path, statSync(path).size - 1);
    await expect(loadTensors(path)).rejects.toMatchObject({ file: path, problem: "length" });
  });
});

describe("writing", () => {
  test("gives the very bytes that the format's own library writes", async () => {
    const read = await openSafetensors(bytesOf(vectors.smallSafetensors));
    const tensors = await loadTensors(bytesOf(vectors.smallSafetensors));
    const { metadata } = read;
    expect(await encodeTensors(tensors, "safetensors", { metadata })).toEqual(bytesOf(vectors.smallSafetensors));
  });

  test("and reading gives what was saved, whatever dtype, shape and name", async () => {
    const name = fc.string({ unit: "grapheme" }).filter((s) => s !== "__metadata__");
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, anyTensor), fc.dictionary(name, name), async (xs, metadata) => {
        const bytes = await encodeTensors(xs, "safetensors", { metadata });
        sameTensors(await loadTensors(bytes), xs);
        expect({ ...(await openSafetensors(bytes)).metadata }).toEqual({ ...metadata });
        expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test("writes parameters as they were when it began", async () => {
    const w = parameter([1, 2]);
    const path = join(folder, "parameter.safetensors");
    const saving = saveTensors(path, { a: [0], w });
    w.assign(tensor([3, 4]));
    await saving;
    expect((await loadTensors(path)).w!.toArray()).toEqual([1, 2]);
  });

  test("takes texts of many megabytes", async () => {
    const metadata = { note: '"\\{[:-'.repeat(1_000_000) };
    const bytes = await encodeTensors({ x: [1] }, "safetensors", { metadata });
    expect((await openSafetensors(bytes)).metadata.note === metadata.note).toBe(true);
  });

  test("refuses what cannot be written", async () => {
    const x = tensor([1]);
    await expect(encodeTensors({ __metadata__: x }, "safetensors")).rejects.toThrow(/__metadata__/);
    await expect(encodeTensors({ "\ud800": x }, "safetensors")).rejects.toThrow(/Unicode/);
    const metadata = { epoch: 3 } as unknown as Record<string, string>;
    await expect(encodeTensors({ x }, "safetensors", { metadata })).rejects.toThrow(/must be strings/);
    await expect(encodeTensors({ x }, "safetensors", { compress: true })).rejects.toThrow(/not compressed/);
  });
});
