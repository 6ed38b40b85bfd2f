import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { realData } from "../../testing/real-data.ts";
import { CsvError } from "../errors.ts";
import type { CsvOptions } from "./options.ts";
import { type CsvRecord, readCsv } from "./read.ts";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const ALL_TEXT = (names: readonly string[]): Record<string, "text"> =>
  Object.fromEntries(names.map((name) => [name, "text"]));

async function readText(bytes: Uint8Array, names: readonly string[], options: CsvOptions = {}): Promise<CsvRecord[]> {
  const csv = await readCsv(bytes, { types: ALL_TEXT(names), missingValues: [], ...options });
  return (await csv.toList()).map((record) => ({ ...Object.fromEntries(Object.entries(record)) }));
}

async function failure(promise: Promise<unknown>): Promise<CsvError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CsvError);
  return error as CsvError;
}

/** Cuts bytes at the places given. */
async function* cut(bytes: Uint8Array, places: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const place of [...places].sort((a, b) => a - b)) {
    yield bytes.subarray(from, place);
    from = place;
  }
  yield bytes.subarray(from);
}

const spectrum = realData("csv/csv-spectrum");

describe.skipIf(spectrum === undefined)("the acid tests of csv-spectrum", () => {
  const files = spectrum && existsSync(spectrum) ? readdirSync(join(spectrum, "csvs")) : [];
  it.each(files)("%s", async (file) => {
    let bytes: Uint8Array = readFileSync(join(spectrum!, "csvs", file));
    const expected = JSON.parse(readFileSync(join(spectrum!, "json", file.replace(".csv", ".json")), "utf8")) as Record<
      string,
      string
    >[];
    // The copy's line ends were changed by version control; its expectation still has the original's.
    if (file.includes("crlf")) bytes = text(new TextDecoder().decode(bytes).replace(/\r?\n/g, "\r\n"));
    const names = Object.keys(expected[0]!);
    expect(await readText(bytes, names)).toEqual(expected);
    for (let place = 1; place < bytes.length; place++) {
      const csv = await readCsv(() => cut(bytes, [place]), { types: ALL_TEXT(names), missingValues: [] });
      expect(await csv.toList(), `cut at ${place}`).toEqual(await readText(bytes, names));
    }
  });
});

const fixtures = realData("csv/csv-parser/test/fixtures");

describe.skipIf(fixtures === undefined)("the fixtures of csv-parser", () => {
  const read = (file: string, options: CsvOptions = {}): Promise<CsvRecord[]> =>
    readCsv(join(fixtures!, file), { missingValues: [], ...options }).then((csv) => csv.toList());
  const plain = (records: CsvRecord[]): unknown[] => records.map((record) => Object.values(record));

  it("reads UTF-8, UTF-16 of both kinds, Windows-1252 and lone carriage returns", async () => {
    for (const file of ["bench/utf8.csv", "bench/utf16.csv", "bench/utf16-big.csv"]) {
      expect(plain(await read(file, { types: ALL_TEXT(["a", "b", "c"]) })), file).toEqual([
        ["1", "2", "3"],
        ["4", "5", "ʤ"],
      ]);
    }
    const latin = await read("bench/latin.csv", { encoding: "windows-1252", types: ALL_TEXT(["c"]) });
    expect(plain(latin)[1]).toEqual([4, 5, "©"]);
    expect(plain(await read("bench/mac-newlines.csv", { types: ALL_TEXT(["a"]) }))[1]).toEqual([
      "Once upon\ra time",
      5,
      6,
    ]);
  });

  it("refuses bytes that are no UTF-8, with the way out", async () => {
    const error = await failure(read("bench/latin.csv"));
    expect(error.message).toMatch(/latin\.csv.*not valid utf-8.*windows-1252/s);
  });

  it("reads other quotes, escapes, comments and line ends where they are given", async () => {
    expect(plain(await read("option-quote.csv", { quote: "'" }))).toEqual([
      [1, "some value", 2],
      [3, "4", 5],
    ]);
    const escaped = await read("option-escape.csv", { escape: "\\" });
    expect(escaped.map((record) => record.b)).toEqual(['some "escaped" value', '""', "6"]);
    const both = await read("option-quote-escape.csv", { quote: "'", escape: "\\" });
    expect(both[0]!.b).toBe("some 'escaped' value");
    expect((await read("option-quote-many.csv", { quote: "'" }))[1]!.b).toBe("''");
    expect(plain(await read("comment.csv", { comment: "#" }))).toEqual([[1, 2, 3]]);
    expect(plain(await read("option-comment.csv", { comment: "~" }))).toEqual([[1, 2, 3]]);
    expect(plain(await read("option-newline.csv", { newline: "X" })).at(-1)).toEqual(["7", 8, 9]);
    expect(plain(await read("backtick.csv", { delimiter: "`" }))[0]).toEqual([1, expect.stringContaining("Bulbasaur")]);
  });

  it("keeps delimiters, quotes and line breaks in quotes", async () => {
    expect((await read("geojson.csv", { ragged: "error" }))[0]!.geojson).toBe(
      '{"type": "Point", "coordinates": [102.0, 0.5]}',
    );
    expect((await read("quotes+newlines.csv"))[0]!.b).toBe('ha \n"ha" \nha');
    expect((await read("comma-in-quote.csv", { types: { zip: "text" } }))[0]).toMatchObject({
      city: "Anytown, WW",
      zip: "08123",
    });
  });

  it("treats records of another length by policy", async () => {
    const error = await failure(read("strict-false-less-columns.csv"));
    expect(error).toMatchObject({ line: 3, expected: "3 cells", found: "2" });
    expect(plain(await read("strict-false-less-columns.csv", { ragged: "fill" }))[1]).toEqual([4, 5, null]);
    expect(plain(await read("strict-false-more-columns.csv", { ragged: "fill" }))[1]).toEqual([4, 5, 6]);
    expect(await read("strict.csv", { ragged: "drop" })).toHaveLength(2);
    expect(plain(await read("headers.csv", { header: ["x", "y", "z"] }))).toHaveLength(3);
    expect(Object.keys((await read("headers.csv", { header: false }))[0]!)).toEqual(["c1", "c2", "c3"]);
  });
});

const housing = realData("california-housing");

describe.skipIf(housing === undefined)("the housing files", () => {
  it("reads housing.csv with its 207 missing values and its text column", async () => {
    const csv = await readCsv(join(housing!, "housing.csv"));
    expect(csv.columns.map(({ type }) => type)).toEqual([...new Array(9).fill("number"), "category"]);
    const records = await csv.toList();
    expect(records).toHaveLength(20_640);
    expect(records.filter((record) => record.total_bedrooms === null)).toHaveLength(207);
    expect(new Set(records.map((record) => record.ocean_proximity))).toEqual(
      new Set(["NEAR BAY", "<1H OCEAN", "INLAND", "NEAR OCEAN", "ISLAND"]),
    );
  });

  it("names the line of a missing value, and puts the median in its place when told to", async () => {
    const path = join(housing!, "housing.csv");
    const csv = await readCsv(path, { target: "median_house_value" });
    const error = await failure(csv.toList());
    expect(error).toMatchObject({ file: path, line: 292, columnName: "total_bedrooms" });
    const filled = await readCsv(path, { target: "median_house_value", missing: "median" });
    expect(filled.encoder.featureNames.slice(8)).toEqual([
      "ocean_proximity=<1H OCEAN",
      "ocean_proximity=INLAND",
      "ocean_proximity=ISLAND",
      "ocean_proximity=NEAR BAY",
      "ocean_proximity=NEAR OCEAN",
    ]);
    const { x, y } = await filled.toArrays();
    expect(x.shape).toEqual([20_640, 13]);
    expect(y.shape).toEqual([20_640]);
    expect(x.data[290 * 13 + 4]).toBe(435); // pandas: housing.total_bedrooms.median()
    expect(x.data.every(Number.isFinite)).toBe(true);
    expect(
      await readCsv(path, { target: "median_house_value", missing: "drop" }).then((all) => all.toList()),
    ).toHaveLength(20_433);
  });
});

describe("readCsv", () => {
  it("infers types from a sample and reads cells by them", async () => {
    const csv = await readCsv(
      text(
        "n,i,b,d,c,t,id\n1.5,2,true,2024-02-29,a,x1,12345678901234567890\n-2e3,3,false,2024-03-01T12:00:00+02:00,a,x2,2\n",
      ),
    );
    expect(csv.columns.map(({ type }) => type)).toEqual([
      "number",
      "integer",
      "boolean",
      "date",
      "category",
      "text",
      "text",
    ]);
    const [first, second] = await csv.toList();
    expect(first).toMatchObject({ n: 1.5, i: 2, b: true, d: new Date("2024-02-29T00:00:00Z"), c: "a", t: "x1" });
    expect(second).toMatchObject({ n: -2000, d: new Date("2024-03-01T10:00:00Z"), id: "2" });
  });

  it("names file, line, column, value and expected type of a bad cell, past quoted line breaks", async () => {
    const bytes = text('name,"the\r\nvalue"\r\n"two\r\nlines",1\r\n\r\n"a\r\nb","oops"\r\n');
    const csv = await readCsv(bytes, { name: "prices.csv", types: { "the\r\nvalue": "number", name: "text" } });
    const error = await failure(csv.toList());
    expect(error).toMatchObject({
      file: "prices.csv",
      line: 7,
      column: 2,
      columnName: "the\r\nvalue",
      expected: "a number",
      found: '"oops"',
    });
  });

  it("reads semicolons and decimal commas", async () => {
    const csv = await readCsv(text("a;b\n1.234,5;x\n-0,25;y\n"), { decimal: "," });
    expect((await csv.toList()).map((record) => record.a)).toEqual([1234.5, -0.25]);
  });

  it.each([",", ";", "\t", "|"])("finds the delimiter %j", async (delimiter) => {
    const csv = await readCsv(text(`a${delimiter}"b,;c"\n1${delimiter}2\n`));
    expect(csv.columns.map(({ name }) => name)).toEqual(["a", "b,;c"]);
  });

  it("reads gzip, chosen columns in the order asked for, and blank lines as nothing", async () => {
    const csv = await readCsv(gzipSync("a,b,c\n\n1,2,3\n\n\n4,5,6\n\n"), { columns: ["c", "a"] });
    expect((await csv.toList()).map((record) => Object.entries(record))).toEqual([
      [
        ["c", 3],
        ["a", 1],
      ],
      [
        ["c", 6],
        ["a", 4],
      ],
    ]);
  });

  it.each([
    ['a,b\n1,"x"y\n', /text after a closing quote/, 2],
    ['a,b\n1,x"y\n', /does not begin with one/, 2],
    ['a,b\n1,2\n3,"open\n4,5\n', /never closed/, undefined],
    ["a,a\n1,2\n", /same name/, 1],
    ["", /no records/, 1],
  ])("refuses %j", async (content, message, line) => {
    const error = await failure(readCsv(text(content)).then((csv) => csv.toList()));
    expect(error.message).toMatch(message);
    if (line !== undefined) expect(error.line).toBe(line);
  });

  it("refuses a record that never ends before it fills the memory", async () => {
    const csv = await readCsv(text(`a,b\n1,"${"x".repeat(2000)}\n`), { maxRecordBytes: 1000 });
    expect((await failure(csv.toList())).message).toMatch(/too long/);
  });

  it("refuses options it does not know and lists those it does", async () => {
    await expect(readCsv(text("a\n1\n"), { delimeter: ";" } as never)).rejects.toThrow(/delimeter.*delimiter/s);
    await expect(readCsv(text("a\n1\n"), { ragged: "skip" } as never)).rejects.toThrow(/"error", "drop", "fill"/);
    await expect(readCsv(text("a\n1\n"), { columns: ["b"] })).rejects.toThrow(/no such column.*one of a.*found b/s);
  });

  it("gives the same records wherever chunks are cut", async () => {
    const cell = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: fc.constantFrom('"', ",", "\n", "\r", "é", "𝛿", " ") }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.boolean(),
        async (rows, newline, places, mark) => {
          const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`;
          const content = `${mark ? "\ufeff" : ""}a,b${newline}${rows.map(([a, b]) => `${quoted(a)},${quoted(b)}`).join(newline)}`;
          const bytes = text(content);
          const names = ["a", "b"];
          const options: CsvOptions = { delimiter: ",", types: ALL_TEXT(names), missingValues: [] };
          const csv = await readCsv(
            () =>
              cut(
                bytes,
                places.map((place) => place % (bytes.length + 1)),
              ),
            options,
          );
          const wellFormed = (value: string): string => new TextDecoder().decode(text(value));
          expect((await csv.toList()).map((record) => [record.a, record.b])).toEqual(
            rows.map(([a, b]) => [wellFormed(a), wellFormed(b)]),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it("finds an error at the same place wherever chunks are cut", async () => {
    const bytes = text('a,b\n1,2\n"é\n",4\n5,six\n');
    for (let place = 0; place <= bytes.length; place++) {
      const csv = await readCsv(() => cut(bytes, [place]), { types: { a: "text", b: "number" } });
      expect(await failure(csv.toList()), `cut at ${place}`).toMatchObject({ line: 5, column: 2 });
    }
  });
});

describe("columns named like inherited properties", () => {
  const names = ["__proto__", "constructor", "toString", "a"];
  const bytes = text(`${names.join(",")}\n2020-01-01,x,1,2\n2021-01-01,y,,3\n2022-01-01,x,4,5\n`);

  it("are columns like all others", async () => {
    const csv = await readCsv(bytes, { types: { a: "number" } });
    expect(csv.columns.map((c) => [c.name, c.type])).toEqual([
      ["__proto__", "date"],
      ["constructor", "text"],
      ["toString", "integer"],
      ["a", "number"],
    ]);
    for (const record of await csv.toList()) {
      expect(Object.keys(record)).toEqual(names);
      expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    }
  });

  it("are encoded by their own options only", async () => {
    const types: CsvOptions["types"] = Object.fromEntries([
      ["a", "number"],
      ["constructor", "category"],
    ]);
    const samples = await readCsv(bytes, {
      types,
      target: "a",
      standardize: false,
      missing: Object.fromEntries([["toString", "mean"]]),
      categories: Object.fromEntries([["constructor", "ordinal"]]),
    });
    expect((await samples.toList()).map(({ x }) => [...x.data])).toEqual([
      [18_262, 0, 1],
      [18_628, 1, 2.5],
      [18_993, 0, 4],
    ]);
  });
});
