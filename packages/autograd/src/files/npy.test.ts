import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import { type DType, type NestedArray, type Tensor, TensorFileError, tensor } from "../index.ts";
import { encodeTensors, loadTensors, saveTensors } from "./index.ts";
import { LiteralError, parseLiteral } from "./python-literal.ts";
import { anyTensor, bytesOf, sameTensors, vectors } from "./testing/tensors.ts";

const folder = mkdtempSync(join(tmpdir(), "npy-"));
afterAll(() => rmSync(folder, { recursive: true }));

const problemOf = async (bytes: Uint8Array): Promise<string> => {
  const error = await loadTensors(bytes).then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(TensorFileError);
  return (error as TensorFileError).problem;
};

describe("NumPy files that NumPy wrote", () => {
  test.each(vectors.npy.map((v) => [v.name, v] as const))("%s", async (_, v) => {
    const x = (await loadTensors(bytesOf(v.bytes))).tensor!;
    expect([x.dtype, x.shape, [...x.data]]).toEqual([v.dtype, v.shape, v.elements]);
  });

  test.each(vectors.refusedNpy.map((v) => [v.name, v] as const))("%s are refused", async (_, v) => {
    expect(await problemOf(bytesOf(v.bytes))).toBe(v.problem);
  });

  test("archives, stored and compressed", async () => {
    const stored = await loadTensors(bytesOf(vectors.npz));
    expect(Object.keys(stored)).toEqual(["a", "b"]);
    expect([stored.a!.toArray(), stored.b!.toArray()]).toEqual([[0, 1, 2], 7]);
    const { zeros, ramp } = await loadTensors(bytesOf(vectors.compressedNpz));
    expect([zeros!.shape, zeros!.sum().item()]).toEqual([[50, 40], 0]);
    expect([...ramp!.data]).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  test("integers of 64 bits as float64, where asked for", async () => {
    const wide = vectors.refusedNpy.find((v) => v.name === "an integer outside int32")!;
    const x = (await loadTensors(bytesOf(wide.bytes), { wideIntegers: "float64" })).tensor!;
    expect([x.dtype, x.data[0]]).toEqual(["float64", 2 ** 40]);
    const misspelt = { wideIntegers: "float32" as "float64" };
    await expect(loadTensors(bytesOf(wide.bytes), misspelt)).rejects.toThrow(/expected one of "int32", "float64"/);
  });

  test.skipIf(!("getFloat16" in DataView.prototype))(
    "every half float, as the engine's own DataView reads it",
    async () => {
      const head = "{'descr': '<f2', 'fortran_order': False, 'shape': (65536,)}";
      const bytes = new Uint8Array(10 + head.length + 2 * 65_536);
      bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, head.length, 0]);
      bytes.set(new TextEncoder().encode(head), 10);
      const view = new DataView(bytes.buffer, 10 + head.length);
      for (let i = 0; i < 65_536; i++) view.setUint16(2 * i, i, true);
      const expected = Float32Array.from({ length: 65_536 }, (_, i) =>
        (view as DataView & { getFloat16(at: number, little: boolean): number }).getFloat16(2 * i, true),
      );
      expect((await loadTensors(bytes)).tensor!.data).toEqual(expected);
    },
  );
});

const data = process.env.GRADIENTE_DATA;
describe.skipIf(data === undefined || !existsSync(join(data, "npy")))("NumPy files of other projects", () => {
  const at = join(data ?? "", "npy");
  const files = existsSync(at) ? readdirSync(at).filter((f) => f.endsWith(".npy")) : [];
  test.each(files)("%s", async (file) => {
    if (file === "numpy_py3-objarr.npy") {
      await expect(loadTensors(join(at, file))).rejects.toMatchObject({ problem: "element type" });
      return;
    }
    const records = JSON.parse(readFileSync(join(at, "records.json"), "utf8")) as Record<string, NestedArray[]>;
    const x = (await loadTensors(join(at, file))).tensor!;
    // The records hold the last five numbers; of complex ones, the parts one by one.
    const last = x.flatten().toArray() as NestedArray[];
    expect(last.slice(-5)).toEqual(records[`./data/${file.slice(0, -".npy".length)}`]);
  });
});

describe("NumPy files written here", () => {
  test("come back the same, whatever dtype, shape and strides", async () => {
    await fc.assert(
      fc.asyncProperty(anyTensor, async (x) => {
        sameTensors(await loadTensors(await encodeTensors({ tensor: x }, "npy")), { tensor: x });
      }),
      { numRuns: 200 },
    );
  });

  test("come back the same from archives, stored and compressed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.stringMatching(/^[\w .:-]{0,12}[a-zé]$/), anyTensor),
        fc.boolean(),
        async (xs, compress) => {
          sameTensors(await loadTensors(await encodeTensors(xs, "npz", { compress })), xs);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("have the bytes that NumPy writes", async () => {
    const x = tensor([[1, 2, 3]], { dtype: "int32" });
    const text = String.fromCharCode(...(await encodeTensors({ x }, "npy")));
    expect(text.slice(0, 128)).toBe(
      `\x93NUMPY\x01\x00v\x00${"{'descr': '<i4', 'fortran_order': False, 'shape': (1, 3), }".padEnd(117)}\n`,
    );
    expect(text.length).toBe(128 + 12);
  });

  test("are the same bytes for the same tensors", async () => {
    const [a, b] = [tensor([1, 2]), tensor([[true]])];
    const first = await encodeTensors({ a, b }, "npz");
    expect(await encodeTensors({ b, a }, "npz")).toEqual(first);
  });

  test("are saved by the method, and read by path", async () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: "float64" },
    ).transpose(); // prettier-ignore
    for (const file of ["x.npy", "x.npz", "x.safetensors"]) {
      await x.save(join(folder, file));
      sameTensors(await loadTensors(join(folder, file)), { tensor: x });
    }
    expect(readdirSync(folder).sort()).toEqual(["x.npy", "x.npz", "x.safetensors"]);
  });

  test("are refused where they could not be read again", async () => {
    const x = tensor([1]);
    const path = join(folder, "y");
    await expect(saveTensors(`${path}.bin`, { x })).rejects.toThrow(/must end in \.safetensors, \.npy, \.npz/);
    await expect(saveTensors(`${path}.npy`, { x, y: x })).rejects.toThrow(/hold one tensor, but 2/);
    await expect(saveTensors(`${path}.npz`, { "../x": x })).rejects.toThrow(/cannot be a name/);
    await expect(saveTensors(`${path}.npz`, { "/x": x })).rejects.toThrow(/cannot be a name/);
    await expect(saveTensors(`${path}.npz`, { x }, { metadata: {} })).rejects.toThrow(/no metadata/);
    await expect(saveTensors(join(folder, "none", "x.npy"), { x })).rejects.toThrow(/could not be written/);
    await expect(loadTensors(join(folder, "none.npy"))).rejects.toThrow(/cannot be read/);
    await expect(loadTensors(folder)).rejects.toThrow(/not a file/);
  });
});

describe("archives", () => {
  test("that are none of arrays are refused", async () => {
    const bytes = await encodeTensors({ x: tensor([1]) }, "npz");
    const text = String.fromCharCode(...bytes).replaceAll("x.npy", "x.pkl");
    const renamed = Uint8Array.from(text, (c) => c.charCodeAt(0));
    await expect(loadTensors(renamed)).rejects.toMatchObject({ problem: "format", hint: /PyTorch/ });
  });

  test("that are compressed say what they need, where it is not installed", async () => {
    vi.resetModules();
    vi.doMock("fflate", () => {
      throw new Error("Cannot find package 'fflate'");
    });
    const fresh = await import("./index.ts");
    await expect(fresh.loadTensors(bytesOf(vectors.compressedNpz))).rejects.toThrow(/npm install fflate/);
    await expect(fresh.encodeTensors({ x: [1] }, "npz", { compress: true })).rejects.toThrow(/without compression/);
    expect(Object.keys(await fresh.loadTensors(bytesOf(vectors.npz)))).toEqual(["a", "b"]);
    vi.doUnmock("fflate");
  });

  test("with one wrong bit in the elements are refused", async () => {
    const bytes = await encodeTensors({ x: tensor([1, 2, 3]) }, "npz");
    bytes[35 + 128 + 5]! ^= 4;
    await expect(loadTensors(bytes)).rejects.toMatchObject({ problem: "checksum" });
  });

  test("that claim more than deflate can hold are refused before memory is taken", async () => {
    const bytes = bytesOf(vectors.compressedNpz);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i + 46 < bytes.length; i++) {
      if (view.getUint32(i, true) === 0x02014b50) view.setUint32(i + 24, 0xf0000000, true);
    }
    await expect(loadTensors(bytes)).rejects.toMatchObject({ problem: "size" });
  });

  test("names mean nothing but themselves", async () => {
    const xs = JSON.parse('{"__proto__":[1],"constructor":[2]}') as Record<string, number[]>;
    for (const format of ["npz", "safetensors"] as const) {
      const read = await loadTensors(await encodeTensors(xs, format));
      expect(Object.keys(read).sort()).toEqual(["__proto__", "constructor"]);
      expect(Object.getPrototypeOf(read)).toBeNull();
    }
  });
});

describe("Python literals", () => {
  test("are read", () => {
    expect(parseLiteral("{'a': (1, 2L), \"b\": [True, None,], 'c': (3), 'd': ()}")).toEqual(
      new Map<string, unknown>([
        ["a", [1, 2]],
        ["b", [true, null]],
        ["c", 3],
        ["d", []],
      ]),
    );
  });
  test.each(["", "(", "[1", "{'a'}", "{'a': 1, 'a': 2}", "f()", "1 2", "'a\\x00'", "-1", "'a", "(,)"])(
    "%s is refused",
    (t) => {
      expect(() => parseLiteral(t)).toThrow(LiteralError);
    },
  );
});

test("dtypes come back as what they were", async () => {
  const dtypes: DType[] = ["bool", "uint8", "int32", "float32", "float64"];
  const xs: Record<string, Tensor> = Object.fromEntries(dtypes.map((dtype) => [dtype, tensor([0, 1], { dtype })]));
  for (const format of ["npz", "safetensors"] as const) {
    const read = await loadTensors(await encodeTensors(xs, format));
    expect(dtypes.map((d) => read[d]!.dtype)).toEqual(dtypes);
  }
});
