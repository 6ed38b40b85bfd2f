import { describe, expect, it } from "vitest";
import { readCsv } from "../csv/read.ts";
import { ArgumentError, CsvError, DataError } from "../errors.ts";
import { Random } from "../random.ts";
import { fitEncoder, TableEncoder } from "./encoder.ts";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const TABLE = text(
  "size,color,when,ok,price\n1,red,1970-01-02,true,10\n2,blue,1970-01-03,false,20\n,red,1970-01-01,true,30\n6,,1970-01-01,true,40\n",
);
const read = (options: object = {}) => readCsv(TABLE, { types: { color: "category" }, name: "shop.csv", ...options });

describe("fitEncoder", () => {
  it("puts in place of missing values what each policy says", async () => {
    const cases = [
      ["mean", 3],
      ["median", 2],
      ["mostFrequent", 1],
      [{ constant: -1 }, -1],
    ] as const;
    for (const [policy, value] of cases) {
      const csv = await read();
      const encoder = await fitEncoder(csv, {
        columns: csv.columns,
        target: "price",
        missing: { size: policy, color: { constant: "none" } },
      });
      const { x, y } = await encoder.encode(csv).toArrays();
      expect(encoder.featureNames).toEqual(["size", "color=blue", "color=red", "color=none", "when", "ok"]);
      expect([...x.data]).toEqual([1, 0, 1, 0, 1, 1, 2, 1, 0, 0, 2, 0, value, 0, 1, 0, 0, 1, 6, 0, 0, 1, 0, 1]);
      expect([...y.data]).toEqual([10, 20, 30, 40]);
    }
    const dropped = await readCsv(TABLE, {
      types: { color: "category" },
      target: "price",
      missing: "drop",
      categories: "ordinal",
    });
    expect([...(await dropped.toArrays()).x.data]).toEqual([1, 1, 1, 1, 2, 0, 2, 0]);
  });

  it("learns from the training part only, and says what it has not seen there", async () => {
    const csv = await read({ missingValues: [], types: { color: "category", size: "category" } });
    const encoder = await fitEncoder(csv.take(2), { columns: csv.columns, target: "price" });
    const error = await encoder
      .encode(csv)
      .toList()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CsvError);
    expect(error).toMatchObject({
      file: "shop.csv",
      line: 4,
      columnName: "size",
      found: '""',
      expected: 'one of "1", "2"',
    });
  });

  it("names the line of a missing value", async () => {
    const csv = await read({ target: "price" });
    await expect(csv.toList()).rejects.toMatchObject({ file: "shop.csv", line: 4, columnName: "size" });
  });

  it("numbers a target of classes, standardises, and is the same after being stored", async () => {
    const csv = await read();
    const fitted = await fitEncoder(csv, {
      columns: csv.columns,
      target: "color",
      missing: { size: "mean", color: "drop" },
      standardize: ["price"],
      dtype: "float32",
    });
    const encoder = TableEncoder.fromJSON(JSON.parse(JSON.stringify(fitted)));
    expect(encoder.targetCategories).toEqual(["blue", "red"]);
    const { x, y } = await encoder.encode(csv).toArrays();
    expect(y).toEqual({ data: Int32Array.of(1, 0, 1), shape: [3] });
    expect(x.data).toBeInstanceOf(Float32Array);
    const prices = [10, 20, 30].map((price) => Math.fround((price - 25) / Math.sqrt(125)));
    expect([3, 7, 11].map((i) => x.data[i])).toEqual(prices);
    expect(() => TableEncoder.fromJSON({} as never)).toThrow(DataError);
  });

  it("refuses columns there are not, text as a feature, and policies that make no sense", async () => {
    const csv = await read();
    const fit = (options: object) => fitEncoder(csv, { columns: csv.columns, target: "price", ...options } as never);
    await expect(fit({ target: "cost" })).rejects.toThrow(/size, color, when, ok, price.*found cost/s);
    await expect(fit({ missing: { colour: "drop" } })).rejects.toThrow(/colour/);
    await expect(fit({ missing: "average" })).rejects.toThrow(/"mean", "median"/);
    await expect(fit({ missing: { color: "mean" } })).rejects.toThrow(/text has no mean/);
    await expect(fit({ missing: { size: { constant: "x" } } })).rejects.toBeInstanceOf(ArgumentError);
    const texts = await read({ types: { color: "text" } });
    await expect(fitEncoder(texts, { columns: texts.columns, target: "price" })).rejects.toThrow(/free text/);
    await expect(read({ missing: "drop" })).rejects.toThrow(/needs a target/);
  });
});

describe("a thousand corruptions of a CSV file", () => {
  it("give typed errors or records that the text really has", { timeout: 120_000 }, async () => {
    const random = new Random(99);
    const lines = Array.from(
      { length: 40 },
      (_, i) => `${i},"name ""${i}"", of\n two",${(i * 1.5).toFixed(2)},${i % 2 === 0}`,
    );
    const bytes = text(`id,name,value,flag\r\n${lines.join("\r\n")}\r\n`);
    const types = { id: "integer", name: "text", value: "number", flag: "boolean" } as const;
    let refused = 0;
    for (let i = 0; i < 1000; i++) {
      const at = random.int(bytes.length);
      const noise = Uint8Array.from({ length: 1 + random.int(20) }, () => random.int(256));
      const kind = random.int(4);
      const flipped = bytes.slice();
      flipped[at] = flipped[at]! ^ (1 << random.int(8));
      const damaged =
        kind === 0
          ? flipped
          : kind === 1
            ? bytes.slice(0, at)
            : Buffer.concat([
                bytes.subarray(0, at),
                kind === 2 ? noise : bytes.subarray(random.int(bytes.length)).subarray(0, 30),
                bytes.subarray(at),
              ]);
      const result = await readCsv(damaged, { types, delimiter: "," })
        .then((csv) => csv.toList())
        .catch((error: unknown) => error);
      if (result instanceof DataError) {
        refused++;
        continue;
      }
      expect(Array.isArray(result), `corruption ${i}: ${result}`).toBe(true);
      // CSV has no checksum, but every cell must still be of its column's type, and every record whole.
      for (const record of result as Record<string, unknown>[]) {
        expect(Object.keys(record)).toEqual(["id", "name", "value", "flag"]);
        expect(record.id === null || Number.isSafeInteger(record.id)).toBe(true);
        expect(record.value === null || Number.isFinite(record.value)).toBe(true);
        expect(record.flag === null || typeof record.flag === "boolean").toBe(true);
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});
