import { CSV_TYPES, type CsvCell, type CsvColumn, type CsvType } from "../csv/cells.ts";
import { Dataset, planOf } from "../dataset.ts";
import { ArgumentError, CsvError, DataError, requireKnownOptions, requireOneOf } from "../errors.ts";
import type { NdArray } from "../nd-array.ts";
import type { Plan } from "../pipeline/cursor.ts";

/**
 * From records of typed cells to numbers: missing values, categories, standardisation. What that needs to know (means,
 * lists of categories) is learnt from the training records alone, and stored with the model.
 */

/** Under this key, which is not enumerable, a record says where it is from, for errors. */
export const ORIGIN: unique symbol = Symbol("origin");

/** Cells by column name; records of CSV files also know where they are from. */
export interface TableRecord {
  readonly [ORIGIN]?: { readonly file: string; readonly line: number };
}

type Cells = { readonly [column: string]: CsvCell };

/**
 * What becomes of a missing value: an "error" (default), the whole record dropped ("drop"), or a value put in its place:
 * the "mean", "median" or "mostFrequent" one of the records fitted on, or a constant.
 */
export type MissingPolicy =
  | "error"
  | "drop"
  | "mean"
  | "median"
  | "mostFrequent"
  | { readonly constant: number | string };

const POLICIES = ["error", "drop", "mean", "median", "mostFrequent"] as const;

export interface EncodeOptions {
  /** The column, or columns, to predict. They are never features. */
  readonly target?: string | readonly string[];
  /** One policy for all columns, or by column name (others: "error"). */
  readonly missing?: MissingPolicy | Readonly<Record<string, MissingPolicy>>;
  /** Categories as one feature each (default) or as one number; for all columns or by column name. */
  readonly categories?: "oneHot" | "ordinal" | Readonly<Record<string, "oneHot" | "ordinal">>;
  /** Shift and scale number features to mean 0 and standard deviation 1: all of them, or those named. Default false. */
  readonly standardize?: boolean | readonly string[];
  /** Of `x` and of number targets; default "float64", which loses nothing. */
  readonly dtype?: "float64" | "float32";
}

export const ENCODE_OPTIONS: readonly (keyof EncodeOptions)[] = [
  "target",
  "missing",
  "categories",
  "standardize",
  "dtype",
];

export interface FitOptions extends EncodeOptions {
  /** The columns of the records, as `readCsv` gives them. */
  readonly columns: readonly CsvColumn[];
}

/** A record as numbers: `x` of shape [features]; `y` of shape [], or [targets] for several; absent without a target. */
export interface EncodedRecord {
  readonly x: NdArray<Float64Array | Float32Array>;
  readonly y: NdArray<Float64Array | Float32Array | Int32Array>;
}

/** How one column becomes numbers: plain JSON. */
export interface EncodedColumn {
  readonly name: string;
  readonly type: CsvType;
  readonly encoding: "number" | "oneHot" | "ordinal";
  /** What stands in for a missing value; "error" and "drop" as in {@link MissingPolicy}. */
  readonly missing: "error" | "drop" | { readonly value: number | string };
  /** In the order of their numbers. */
  readonly categories?: readonly string[];
  readonly mean?: number;
  /** Standard deviation of the records fitted on, divided by their number; 1 for a column that is constant. */
  readonly deviation?: number;
}

export interface EncoderJson {
  readonly format: "gradiente-table-encoder";
  readonly version: 1;
  readonly dtype: "float64" | "float32";
  readonly features: readonly EncodedColumn[];
  readonly targets: readonly EncodedColumn[];
}

const MILLISECONDS_PER_DAY = 86_400_000;

/** A cell as the number it stands for; dates are days since 1970, true is 1. */
function numeric(cell: number | boolean | Date): number {
  return cell instanceof Date ? cell.getTime() / MILLISECONDS_PER_DAY : Number(cell);
}

function where(
  record: TableRecord,
  columnName: string,
): { file: string | undefined; line: number | undefined; columnName: string } {
  return { file: record[ORIGIN]?.file, line: record[ORIGIN]?.line, columnName };
}

/** Turns records into numbers, in a way that was fitted once. */
export class TableEncoder {
  readonly #json: EncoderJson;
  readonly #width: number;
  readonly #targetWidth: number;
  readonly #index: ReadonlyMap<EncodedColumn, ReadonlyMap<string, number>>;

  /** From what `toJSON` gave; throws {@link DataError} when it is something else. */
  constructor(json: EncoderJson) {
    const valid = json?.format === "gradiente-table-encoder" && json.version === 1;
    if (!valid || !Array.isArray(json.features) || !Array.isArray(json.targets)) {
      throw new DataError("this is no stored encoder", {
        field: "format",
        expected: '"gradiente-table-encoder", version 1',
        found: JSON.stringify(json?.format) ?? "undefined",
      });
    }
    this.#json = json;
    const all: EncodedColumn[] = [...json.features, ...json.targets];
    for (const { name, type } of all) requireOneOf(`type of ${name}`, type, CSV_TYPES);
    this.#width = json.features.reduce((width, column) => width + widthOf(column), 0);
    this.#targetWidth = json.targets.reduce((width, column) => width + widthOf(column), 0);
    this.#index = new Map(all.map((column) => [column, new Map(column.categories?.map((name, i) => [name, i]))]));
  }

  static fromJSON(json: EncoderJson): TableEncoder {
    return new TableEncoder(json);
  }

  /** Plain data to store with the model. */
  toJSON(): EncoderJson {
    return this.#json;
  }

  /** A name for each number in `x`; one-hot features are named `column=category`. */
  get featureNames(): string[] {
    return this.#json.features.flatMap(({ name, encoding, categories }) =>
      encoding === "oneHot" ? (categories ?? []).map((category) => `${name}=${category}`) : [name],
    );
  }

  /** Class names of a single target that is a category. */
  get targetCategories(): readonly string[] | undefined {
    return this.#json.targets.length === 1 ? this.#json.targets[0]!.categories : undefined;
  }

  /** True when no column that drops records lacks its value. */
  keeps(record: TableRecord): boolean {
    return [...this.#json.features, ...this.#json.targets].every(
      ({ name, missing }) => missing !== "drop" || ((record as Cells)[name] ?? null) !== null,
    );
  }

  /**
   * One record as numbers.
   *
   * @throws CsvError for a missing value whose policy is "error", and a category that was not there when fitting.
   */
  encodeRecord(record: TableRecord): EncodedRecord {
    const { features, targets, dtype } = this.#json;
    const make = (length: number): Float64Array | Float32Array =>
      dtype === "float64" ? new Float64Array(length) : new Float32Array(length);
    const x = make(this.#width);
    this.#write(record, features, x);
    const [only] = targets;
    const integers = targets.length === 1 && only!.encoding === "ordinal";
    const y = integers ? new Int32Array(1) : make(this.#targetWidth);
    this.#write(record, targets, y);
    const scalar = targets.length === 1 && only!.encoding !== "oneHot";
    return { x: { data: x, shape: [this.#width] }, y: { data: y, shape: scalar ? [] : [this.#targetWidth] } };
  }

  #write(record: TableRecord, columns: readonly EncodedColumn[], into: Float64Array | Float32Array | Int32Array): void {
    let at = 0;
    for (const column of columns) {
      const cell = this.#cell(record, column);
      if (column.encoding === "number") {
        const value = typeof cell === "string" ? Number.NaN : numeric(cell);
        into[at++] = column.mean === undefined ? value : (value - column.mean) / column.deviation!;
        continue;
      }
      const number = this.#index.get(column)!.get(String(cell));
      if (number === undefined) {
        throw new CsvError("a category that was not there when the encoder was fitted", {
          ...where(record, column.name),
          expected: `one of ${column.categories!.map((name) => JSON.stringify(name)).join(", ")}`,
          found: JSON.stringify(cell),
          hint: "Fit on records that hold every category.",
        });
      }
      if (column.encoding === "ordinal") into[at++] = number;
      else {
        into[at + number] = 1;
        at += widthOf(column);
      }
    }
  }

  #cell(record: TableRecord, column: EncodedColumn): number | boolean | Date | string {
    const cell = (record as Cells)[column.name];
    if (cell === undefined) {
      throw new CsvError("a record lacks a column", { ...where(record, column.name), expected: column.name });
    }
    if (cell !== null) return cell;
    if (typeof column.missing === "object") return column.missing.value;
    throw new CsvError("a value is missing", {
      ...where(record, column.name),
      expected: `a ${column.type}`,
      found: "nothing",
      hint: `Choose what to put in its place: { missing: { ${JSON.stringify(column.name)}: "median" } }, or "drop", "mean", "mostFrequent", { constant: … }.`,
    });
  }

  /** All records of a data set as numbers, one after the other. */
  encode(records: Dataset<TableRecord>): Dataset<EncodedRecord> {
    const drops = [...this.#json.features, ...this.#json.targets].some(({ missing }) => missing === "drop");
    const kept = drops ? records.filter((record) => this.keeps(record)) : records;
    return kept.map((record) => this.encodeRecord(record));
  }

  /** For use by `readCsv`. */
  plan(records: Dataset<TableRecord>): Plan<EncodedRecord> {
    return planOf(this.encode(records));
  }
}

function widthOf(column: EncodedColumn): number {
  return column.encoding === "oneHot" ? column.categories!.length : 1;
}

/** What one pass learns about a column. */
class ColumnStatistics {
  readonly column: CsvColumn;
  readonly #keepsValues: boolean;
  readonly #counts = new Map<string | number, number>();
  readonly #countsAll: boolean;
  #values: Float64Array = new Float64Array(0);
  count = 0;
  mean = 0;
  #squares = 0;
  missing = 0;

  constructor(column: CsvColumn, keepsValues: boolean, countsAll: boolean) {
    this.column = column;
    this.#keepsValues = keepsValues;
    this.#countsAll = countsAll;
  }

  add(cell: CsvCell | undefined): void {
    if (cell === null || cell === undefined) {
      this.missing++;
      return;
    }
    if (typeof cell === "string") {
      this.#counts.set(cell, (this.#counts.get(cell) ?? 0) + 1);
      this.count++;
      return;
    }
    const value = numeric(cell);
    if (this.#keepsValues) {
      if (this.count === this.#values.length) {
        const larger = new Float64Array(Math.max(1024, this.#values.length * 2));
        larger.set(this.#values);
        this.#values = larger;
      }
      this.#values[this.count] = value;
    }
    if (this.#countsAll) this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
    // Welford's way: one pass, and no difference of two large sums.
    this.count++;
    const delta = value - this.mean;
    this.mean += delta / this.count;
    this.#squares += delta * (value - this.mean);
  }

  get deviation(): number {
    const deviation = Math.sqrt(this.#squares / this.count);
    return deviation > 0 ? deviation : 1;
  }

  get median(): number {
    const sorted = this.#values.slice(0, this.count).sort();
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  }

  /** The smallest of the values that occur most often. */
  get mostFrequent(): number | string {
    let best: number | string | undefined;
    let most = 0;
    for (const [value, count] of this.#counts) {
      if (count > most || (count === most && best !== undefined && value < best)) {
        best = value;
        most = count;
      }
    }
    return best!;
  }

  /** Sorted, so that their numbers do not depend on the order of the records. */
  get categories(): string[] {
    return [...this.#counts.keys()].map(String).sort();
  }
}

/** What an option says of a column; names of columns may be those of inherited properties. */
function ownOf<T>(byColumn: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(byColumn, name) ? byColumn[name] : undefined;
}

function policyFor(name: string, options: FitOptions): MissingPolicy {
  const { missing = "error" } = options;
  const isOne = typeof missing === "string" || ("constant" in missing && Object.keys(missing).length === 1);
  const policy = isOne
    ? (missing as MissingPolicy)
    : (ownOf(missing as Readonly<Record<string, MissingPolicy>>, name) ?? "error");
  if (typeof policy !== "object") requireOneOf(`missing.${name}`, policy, POLICIES);
  else if (!("constant" in policy)) {
    throw new ArgumentError("unknown value", {
      field: `missing.${name}`,
      expected: `one of ${POLICIES.map((valid) => `"${valid}"`).join(", ")}, or { constant }`,
      found: JSON.stringify(policy),
    });
  }
  return policy;
}

function isText(column: CsvColumn): boolean {
  return column.type === "category" || column.type === "text";
}

/** Refuses columns that are named but not there, and policies that make no sense for their column. */
function checkFit(options: FitOptions, targets: readonly string[]): void {
  const names = options.columns.map(({ name }) => name);
  const named: [string, readonly string[]][] = [["target", targets]];
  for (const field of ["missing", "categories"] as const) {
    const value = options[field];
    if (typeof value === "object" && !("constant" in value)) named.push([field, Object.keys(value)]);
  }
  if (typeof options.standardize === "object") named.push(["standardize", options.standardize]);
  for (const [field, list] of named) {
    for (const name of list) {
      if (names.includes(name)) continue;
      throw new ArgumentError("there is no such column", {
        field,
        expected: `one of ${names.join(", ")}`,
        found: name,
      });
    }
  }
  if (options.dtype !== undefined) requireOneOf("dtype", options.dtype, ["float64", "float32"]);
  for (const column of options.columns) {
    const policy = policyFor(column.name, options);
    if (isText(column) && (policy === "mean" || policy === "median") && typeof options.missing === "object") {
      throw new ArgumentError(`a column of text has no ${policy}`, {
        field: `missing.${column.name}`,
        expected: '"error", "drop", "mostFrequent" or { constant }',
        found: JSON.stringify(policy),
      });
    }
    if (column.type === "text" && !targets.includes(column.name)) {
      throw new ArgumentError("free text cannot be a feature", {
        field: column.name,
        hint: `Leave the column out with { columns: [...] }, or declare it with { types: { ${JSON.stringify(column.name)}: "category" } }.`,
      });
    }
  }
}

/**
 * Learns from training records how to turn records into numbers: what to put in the place of missing values, which
 * categories there are, and the means and standard deviations for standardisation. One pass; memory for a number per
 * record only for columns filled with their median or most frequent value.
 *
 * @example
 * const records = await readCsv("housing.csv");
 * const [train, test] = records.split(0.8, { seed: 1 });
 * const encoder = await fitEncoder(train, {
 *   columns: records.columns, target: "median_house_value", missing: "median", standardize: true,
 * });
 * const samples = encoder.encode(train);
 * const stored = JSON.stringify(encoder); // beside the model
 * const again = TableEncoder.fromJSON(JSON.parse(stored)).encode(test);
 *
 * @throws ArgumentError for columns there are not and options that do not fit them.
 * @throws DataError when there are no records to learn from.
 */
export async function fitEncoder(records: Dataset<TableRecord>, options: FitOptions): Promise<TableEncoder> {
  requireKnownOptions("fitEncoder", options, [...ENCODE_OPTIONS, "columns"]);
  const { target, categories = "oneHot", standardize = false, dtype = "float64" } = options;
  const targets = target === undefined ? [] : typeof target === "string" ? [target] : target;
  checkFit(options, targets);
  const statistics = options.columns.map((column) => {
    const policy = policyFor(column.name, options);
    return new ColumnStatistics(column, policy === "median", policy === "mostFrequent");
  });
  let count = 0;
  for await (const record of records) {
    count++;
    for (const statistic of statistics) statistic.add((record as Cells)[statistic.column.name]);
  }
  if (count === 0) throw new DataError("there are no records to learn from", { field: "records" });
  const encoded = (statistic: ColumnStatistics): EncodedColumn => {
    const { column } = statistic;
    const isTarget = targets.includes(column.name);
    const text = isText(column);
    const wanted = typeof categories === "string" ? categories : (ownOf(categories, column.name) ?? "oneHot");
    requireOneOf(`categories.${column.name}`, wanted, ["oneHot", "ordinal"]);
    const chosen =
      isTarget && (typeof categories === "string" || !Object.hasOwn(categories, column.name)) ? "ordinal" : wanted;
    const scaled =
      !text && !isTarget && (typeof standardize === "boolean" ? standardize : standardize.includes(column.name));
    const missing = standIn(statistic, policyFor(column.name, options), text);
    const list = statistic.categories;
    // A constant that stands for missing categories is a category of its own.
    if (text && typeof missing === "object" && !list.includes(String(missing.value))) list.push(String(missing.value));
    return {
      name: column.name,
      type: column.type,
      encoding: text ? chosen : "number",
      missing,
      ...(text && { categories: list }),
      ...(scaled && { mean: statistic.mean, deviation: statistic.deviation }),
    };
  };
  return new TableEncoder({
    format: "gradiente-table-encoder",
    version: 1,
    dtype,
    features: statistics.filter(({ column }) => !targets.includes(column.name)).map(encoded),
    targets: targets.map((name) => encoded(statistics.find(({ column }) => column.name === name)!)),
  });
}

function standIn(statistic: ColumnStatistics, policy: MissingPolicy, text: boolean): EncodedColumn["missing"] {
  if (policy === "error" || policy === "drop") return policy;
  if (typeof policy === "object") {
    if (text === (typeof policy.constant === "string")) return { value: policy.constant };
    throw new ArgumentError("the constant is not what the column holds", {
      field: `missing.${statistic.column.name}`,
      expected: text ? "a text" : "a number",
      found: JSON.stringify(policy.constant),
    });
  }
  // Given for all columns at once, means and medians are for those that hold numbers.
  if (text && policy !== "mostFrequent") return "error";
  if (statistic.count === 0) {
    throw new DataError("a column has no values to learn from", { field: statistic.column.name });
  }
  return {
    value: policy === "mean" ? statistic.mean : policy === "median" ? statistic.median : statistic.mostFrequent,
  };
}
