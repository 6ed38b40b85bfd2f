/**
 * Typed errors. Each carries its data in fields first, so that a program can act on it, and then says it in a sentence.
 */

/** The fields every error of this package may carry; those that do not apply are `undefined`. */
export interface DataErrorFields {
  /** The file, address or a description of the stream the data came from. */
  readonly file?: string | undefined;
  /** Byte offset in the (unpacked) data, from 0. */
  readonly offset?: number | undefined;
  /** Which field of the format, option of the call or column of the table. */
  readonly field?: string | undefined;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

function sentence(what: string, fields: DataErrorFields): string {
  const where: string[] = [];
  if (fields.file !== undefined) where.push(fields.file);
  if (fields.offset !== undefined) where.push(`byte ${fields.offset}`);
  if (fields.field !== undefined) where.push(fields.field);
  let text = where.length > 0 ? `${where.join(", ")}: ${what}` : what;
  if (fields.expected !== undefined) text += `; expected ${fields.expected}`;
  if (fields.found !== undefined) text += `${fields.expected === undefined ? ";" : ","} found ${fields.found}`;
  // What ends with a list has its end already.
  if (!text.endsWith("\n")) text += ".";
  if (fields.hint !== undefined) text += text.endsWith("\n") ? fields.hint : ` ${fields.hint}`;
  return text;
}

/** The base of every error this package throws on purpose. */
export class DataError extends Error implements DataErrorFields {
  readonly file: string | undefined;
  readonly offset: number | undefined;
  readonly field: string | undefined;
  readonly expected: string | undefined;
  readonly found: string | undefined;
  readonly hint: string | undefined;

  constructor(what: string, fields: DataErrorFields = {}) {
    super(sentence(what, fields), fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = "DataError";
    this.file = fields.file;
    this.offset = fields.offset;
    this.field = fields.field;
    this.expected = fields.expected;
    this.found = fields.found;
    this.hint = fields.hint;
  }
}

/** An argument or option that cannot be meant: `field` names it, `expected` lists what is valid. */
export class ArgumentError extends DataError {
  override readonly name: string = "ArgumentError";
}

/** An IDX file that breaks its format: bad magic number, absurd sizes, too few or too many bytes. */
export class IdxError extends DataError {
  override readonly name: string = "IdxError";
}

/** Bytes that cannot be had or unpacked: missing file, unreadable stream, broken gzip, wrong checksum. */
export class SourceError extends DataError {
  override readonly name: string = "SourceError";
}

/** A CSV file that breaks its format, or a cell that is not what its column says. */
export class CsvError extends DataError {
  override readonly name: string = "CsvError";
  /** Line of the file, from 1; cells with line breaks count as the lines they cover. */
  readonly line: number | undefined;
  /** Number of the column, from 1. */
  readonly column: number | undefined;
  readonly columnName: string | undefined;

  constructor(
    what: string,
    fields: DataErrorFields & {
      readonly line?: number | undefined;
      readonly column?: number | undefined;
      readonly columnName?: string | undefined;
    },
  ) {
    const { line, column, columnName } = fields;
    const where: string[] = [];
    if (line !== undefined) where.push(`line ${line}`);
    if (column !== undefined) where.push(`column ${column}`);
    const named = columnName === undefined ? "" : ` (${columnName})`;
    const field = where.length > 0 || named !== "" ? `${where.join(", ")}${named}`.trim() : undefined;
    super(what, { ...fields, field: fields.field ?? field });
    this.line = line;
    this.column = column;
    this.columnName = columnName;
  }
}

/** One place that was looked at for a data set, and why it did not serve. */
export interface Attempt {
  readonly place: string;
  readonly reason: string;
}

/** A data set that was found nowhere and could not be downloaded; `tried` lists every place with its reason. */
export class DataUnavailableError extends DataError {
  override readonly name: string = "DataUnavailableError";
  readonly dataset: string;
  readonly tried: readonly Attempt[];

  constructor(dataset: string, tried: readonly Attempt[], hint: string) {
    const list = tried.map(({ place, reason }) => `\n  - ${place}: ${reason}`).join("");
    super(`${dataset} could not be had. Tried, in this order:${list}\n`, { hint });
    this.dataset = dataset;
    this.tried = tried;
  }
}

/** A pipeline whose elements do not fit an operation: `operation` names it, `index` the element. */
export class PipelineError extends DataError {
  override readonly name: string = "PipelineError";
  readonly operation: string;
  readonly index: number | undefined;

  constructor(operation: string, what: string, fields: DataErrorFields & { readonly index?: number | undefined } = {}) {
    super(`${operation}: ${what}`, fields);
    this.operation = operation;
    this.index = fields.index;
  }
}

/** Throws an {@link ArgumentError} unless `value` is an integer of at least `least`. */
export function requireInteger(field: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ArgumentError("not a valid count", {
      field,
      expected: `an integer of at least ${least}`,
      found: String(value),
    });
  }
}

/** Throws an {@link ArgumentError} that lists the valid names unless `value` is one of them. */
export function requireOneOf<T extends string>(field: string, value: unknown, valid: readonly T[]): asserts value is T {
  if (!valid.includes(value as T)) {
    throw new ArgumentError("unknown value", {
      field,
      expected: `one of ${valid.map((name) => JSON.stringify(name)).join(", ")}`,
      found: JSON.stringify(value) ?? String(value),
    });
  }
}

/** Throws an {@link ArgumentError} that lists the valid option names when `options` has any other. */
export function requireKnownOptions(call: string, options: object, valid: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!valid.includes(key)) {
      throw new ArgumentError(`${call} has no such option`, {
        field: key,
        expected: `one of ${valid.join(", ")}`,
      });
    }
  }
}
