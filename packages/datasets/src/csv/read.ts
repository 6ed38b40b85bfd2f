import { Dataset } from "../dataset.ts";
import { ArgumentError, CsvError, DataError, requireKnownOptions } from "../errors.ts";
import { type Cursor, END, type End, type MaybePromise, type Plan, skipByNext } from "../pipeline/cursor.ts";
import { isReopenable, type Source } from "../source.ts";
import {
  ENCODE_OPTIONS,
  type EncodedRecord,
  type EncodeOptions,
  fitEncoder,
  ORIGIN,
  type TableEncoder,
  type TableRecord,
} from "../table/encoder.ts";
import { type CsvCell, type CsvColumn, inferType, parseCell, TYPE_EXPECTED } from "./cells.ts";
import { CSV_OPTIONS, type CsvOptions, checkOptions, MISSING } from "./options.ts";
import { openRecords, type RecordStream } from "./records.ts";
import { lineOf, type RawRecord } from "./tokenize.ts";

interface Layout {
  readonly columns: readonly CsvColumn[];
  /** Which cell of a record each column is. */
  readonly cells: readonly number[];
  readonly width: number;
}

/** Names from the header, or made up; the header record is taken from the stream. */
async function readNames(records: RecordStream, options: CsvOptions): Promise<string[]> {
  const { header = true } = options;
  const file = records.stream.name;
  const first = await records.next();
  if (!first) {
    if (typeof header === "object") return [...header];
    throw new CsvError("the file has no records", { file, line: 1, expected: header ? "a header" : "a record" });
  }
  if (header !== true) {
    records.unread([first]);
    return header === false ? first.cells.map((_, i) => `c${i + 1}`) : [...header];
  }
  const names = first.cells.map((name) => name.trim());
  for (const [i, name] of names.entries()) {
    const same = names.indexOf(name);
    if (name !== "" && same === i) continue;
    throw new CsvError(name === "" ? "a column has no name" : "two columns have the same name", {
      file,
      line: lineOf(first, i),
      column: i + 1,
      columnName: name,
      expected: "a name of its own for each column",
      hint: 'Give the names yourself: { header: ["a", "b", …] } with the header line removed, or { header: false }.',
    });
  }
  return names;
}

async function readLayout(records: RecordStream, options: CsvOptions, missing: ReadonlySet<string>): Promise<Layout> {
  const names = await readNames(records, options);
  for (const [option, list] of [
    ["columns", options.columns ?? []],
    ["types", Object.keys(options.types ?? {})],
  ] as const) {
    for (const name of list) {
      if (names.includes(name)) continue;
      throw new ArgumentError("the file has no such column", {
        file: records.stream.name,
        field: option,
        expected: `one of ${names.join(", ")}`,
        found: name,
      });
    }
  }
  const sample: RawRecord[] = [];
  try {
    for (let i = 0; i < (options.sampleRows ?? 1000); i++) {
      const record = await records.next();
      if (!record) break;
      sample.push(record);
    }
  } catch (error) {
    if (!(error instanceof DataError)) throw error; // reported by the pass that gets there
  }
  records.unread(sample);
  const chosen = options.columns ?? names;
  const cells = chosen.map((name) => names.indexOf(name));
  const columns = chosen.map((name, i): CsvColumn => {
    // Names come from the file: "constructor" is no type that anybody has declared.
    const { types = {} } = options;
    const declared = Object.hasOwn(types, name) ? types[name] : undefined;
    if (declared !== undefined) return { name, type: declared, inferred: false };
    const texts = sample.flatMap(({ cells: found }) => {
      const text = found[cells[i]!];
      return text === undefined || missing.has(text.trim()) ? [] : [text];
    });
    return { name, type: inferType(texts, options.decimal ?? "."), inferred: true };
  });
  return { columns, cells, width: names.length };
}

/** Puts a cell into a record; an assignment to "__proto__" would change what the record inherits. */
function put(record: CsvRecord, name: string, value: CsvCell): void {
  if (name !== "__proto__") record[name] = value;
  else Object.defineProperty(record, name, { value, writable: true, enumerable: true, configurable: true });
}

class CsvCursor implements Cursor<CsvRecord> {
  readonly #records: RecordStream;
  readonly #layout: Layout;
  readonly #options: CsvOptions;
  readonly #missing: ReadonlySet<string>;

  constructor(records: RecordStream, layout: Layout, options: CsvOptions, missing: ReadonlySet<string>) {
    this.#records = records;
    this.#layout = layout;
    this.#options = options;
    this.#missing = missing;
  }

  next(): MaybePromise<CsvRecord | End> {
    for (;;) {
      const record = this.#records.take();
      if (!record) return this.#wait();
      const typed = this.#type(record);
      if (typed) return typed;
    }
  }

  async #wait(): Promise<CsvRecord | End> {
    for (;;) {
      const record = await this.#records.next();
      if (!record) return END;
      const typed = this.#type(record);
      if (typed) return typed;
    }
  }

  /** The record with its cells read, or `undefined` when it is to be dropped. */
  #type(record: RawRecord): CsvRecord | undefined {
    const { columns, cells, width } = this.#layout;
    const { ragged = "error", decimal = "." } = this.#options;
    if (record.cells.length !== width) {
      if (ragged === "drop") return undefined;
      if (ragged === "error") throw this.#raggedError(record, width);
    }
    const typed: CsvRecord = {};
    for (let i = 0; i < columns.length; i++) {
      const { name, type } = columns[i]!;
      const text = record.cells[cells[i]!];
      if (text === undefined || this.#missing.has(text) || this.#missing.has(text.trim())) {
        put(typed, name, null);
        continue;
      }
      // A column inferred to be of integers may well go on with fractions.
      const value = parseCell(text, columns[i]!.inferred && type === "integer" ? "number" : type, decimal);
      if (value === undefined) throw this.#cellError(record, i, text);
      put(typed, name, value);
    }
    Object.defineProperty(typed, ORIGIN, { value: { file: this.#records.stream.name, line: record.line } });
    return typed;
  }

  #raggedError(record: RawRecord, width: number): CsvError {
    return new CsvError("a record has another number of cells than there are columns", {
      file: this.#records.stream.name,
      line: record.line,
      column: Math.min(record.cells.length, width) + 1,
      expected: `${width} cells`,
      found: String(record.cells.length),
      hint: 'Use { ragged: "fill" } or { ragged: "drop" } if such records are to be expected.',
    });
  }

  #cellError(record: RawRecord, i: number, text: string): CsvError {
    const { name, type, inferred } = this.#layout.columns[i]!;
    const cell = this.#layout.cells[i]!;
    return new CsvError("a cell is not what its column says", {
      file: this.#records.stream.name,
      line: lineOf(record, cell),
      column: cell + 1,
      columnName: name,
      expected: TYPE_EXPECTED[type],
      found: JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text),
      hint: inferred
        ? `The type was told from the first records; declare another with { types: { ${JSON.stringify(name)}: "text" } }, or add the text to missingValues.`
        : "Correct the cell, declare another type, or add the text to missingValues.",
    });
  }

  skip(count: number): MaybePromise<void> {
    return skipByNext(this, count);
  }

  async close(): Promise<void> {
    await this.#records.close();
  }
}

/** A record of a CSV file: cells by column name, `null` where they are missing. */
export type CsvRecord = TableRecord & { [column: string]: CsvCell };

/** The records of a CSV file, read as they are asked for. */
export class CsvDataset extends Dataset<CsvRecord> {
  /** Path, address or kind of the source. */
  readonly file: string;
  readonly columns: readonly CsvColumn[];

  /** For use by {@link readCsv}. */
  constructor(plan: Plan<CsvRecord>, file: string, columns: readonly CsvColumn[]) {
    super(plan);
    this.file = file;
    this.columns = columns;
  }
}

/** Numbers to train with, made from the records of a CSV file by an encoder that was fitted on them. */
export class CsvSamples extends Dataset<EncodedRecord> {
  readonly records: CsvDataset;
  /** How records became numbers; store it with the model (`toJSON`) and use it for new data (`encode`). */
  readonly encoder: TableEncoder;

  /** For use by {@link readCsv}. */
  constructor(plan: Plan<EncodedRecord>, records: CsvDataset, encoder: TableEncoder) {
    super(plan);
    this.records = records;
    this.encoder = encoder;
  }
}

/**
 * Opens a CSV file: quoted line breaks, doubled quotes, CRLF, LF or CR, byte-order marks, UTF-8, UTF-16 and
 * Windows-1252, plain or gzip. Names come from the header, types from a sample unless they are declared.
 *
 * Without `target` the elements are records by column name. With `target` they are numbers `{ x, y }`: `x` of shape
 * [features], `y` of shape [] (or [targets] for several); see {@link fitEncoder} for `missing`, `categories`,
 * `standardize`. That encoder is fitted in one pass over the whole file; to fit it on a training part only, read without
 * `target`, split, and call {@link fitEncoder} yourself.
 *
 * @example
 * const housing = await readCsv("housing.csv", { target: "median_house_value", missing: "median" });
 * for await (const { x, y } of housing.batch(32)) console.log(x.shape, y.shape); // [32, 13] [32]
 *
 * @throws SourceError when the file cannot be read.
 * @throws CsvError with file, line and column for a cell or record that does not fit.
 * @throws ArgumentError for options that cannot be meant and columns there are not.
 */
export async function readCsv(
  source: Source,
  options: CsvOptions & EncodeOptions & { readonly target: string | readonly string[] },
): Promise<CsvSamples>;
export async function readCsv(source: Source, options?: CsvOptions): Promise<CsvDataset>;
export async function readCsv(
  source: Source,
  options: CsvOptions & EncodeOptions = {},
): Promise<CsvDataset | CsvSamples> {
  requireKnownOptions("readCsv", options, [...CSV_OPTIONS, ...ENCODE_OPTIONS]);
  checkOptions(options);
  const { target, missing, categories, standardize, dtype, ...csvOptions } = options;
  if (target === undefined) {
    for (const [field, value] of Object.entries({ missing, categories, standardize, dtype })) {
      if (value === undefined) continue;
      throw new ArgumentError("this option needs a target", {
        field,
        hint: "Give { target }, or use fitEncoder on the records.",
      });
    }
  }
  const dataset = await openCsv(source, csvOptions);
  if (target === undefined) return dataset;
  const encoder = await fitEncoder(dataset, {
    target,
    columns: dataset.columns,
    ...(missing !== undefined && { missing }),
    ...(categories !== undefined && { categories }),
    ...(standardize !== undefined && { standardize }),
    ...(dtype !== undefined && { dtype }),
  });
  return new CsvSamples(encoder.plan(dataset), dataset, encoder);
}

async function openCsv(source: Source, options: CsvOptions): Promise<CsvDataset> {
  const missing = new Set(options.missingValues ?? MISSING);
  const first = await openRecords(source, options);
  const file = first.stream.name;
  let layout: Layout;
  try {
    layout = await readLayout(first, options, missing);
  } catch (error) {
    await first.close().catch(() => {}); // the first failure is the one to report
    throw error;
  }
  const reopenable = isReopenable(source);
  if (reopenable) await first.close();
  let kept: RecordStream | undefined = reopenable ? undefined : first;
  const open = async (): Promise<RecordStream> => {
    if (reopenable) {
      const records = await openRecords(source, options);
      try {
        const names = await readNames(records, options);
        if (names.length === layout.width) return records;
        throw new CsvError("the file has changed since it was opened", {
          file,
          line: 1,
          expected: `${layout.width} columns`,
          found: String(names.length),
        });
      } catch (error) {
        await records.close().catch(() => {});
        throw error;
      }
    }
    if (!kept) {
      throw new DataError("this stream has been read already and cannot be read again", {
        file,
        hint: "Give a function that opens a new stream for each pass, or keep the records with .cache().",
      });
    }
    const records = kept;
    kept = undefined;
    return records;
  };
  const plan: Plan<CsvRecord> = {
    size: undefined,
    signature: `csv(${layout.columns.map(({ name, type }) => `${name}:${type}`).join(",")})`,
    open: async () => new CsvCursor(await open(), layout, options, missing),
  };
  return new CsvDataset(plan, file, layout.columns);
}
