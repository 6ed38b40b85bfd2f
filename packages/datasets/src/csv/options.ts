import { ArgumentError, requireInteger, requireOneOf } from "../errors.ts";
import { SOURCE_OPTIONS, type SourceOptions } from "../source.ts";
import { CSV_TYPES, type CsvType } from "./cells.ts";
import { CSV_ENCODINGS, type CsvEncoding } from "./decode.ts";

export interface CsvOptions extends SourceOptions {
  /** Default "auto": of comma, semicolon, tab and bar the one that divides the first lines evenly. */
  readonly delimiter?: string;
  /** Default `"`; `null` where nothing is quoted. */
  readonly quote?: string | null;
  /** What makes a quote part of a quoted cell; default: the quote itself, doubled. */
  readonly escape?: string;
  /** Quotes in the middle of an unquoted cell are text; default false: an error. */
  readonly relaxQuotes?: boolean;
  /** Lines that begin with this are left out; default: there are no comments. */
  readonly comment?: string;
  /** What ends a record; default: any of CRLF, LF and CR. */
  readonly newline?: string;
  /** Names from the first record (default), none (`false`: c1, c2, …), or the names themselves. */
  readonly header?: boolean | readonly string[];
  /** Default "auto": by byte-order mark, else UTF-8. */
  readonly encoding?: "auto" | CsvEncoding;
  /** Decimal mark; with "," a "." between groups of three digits is left out. Default ".". */
  readonly decimal?: "." | ",";
  /** Only these columns, in this order. */
  readonly columns?: readonly string[];
  /** Types of columns by name; the others are inferred. */
  readonly types?: Readonly<Record<string, CsvType>>;
  /** Texts that stand for a missing value; default "", NA, N/A, #N/A, NaN, nan, null, NULL. */
  readonly missingValues?: readonly string[];
  /** Records with more or fewer cells than columns: an "error" (default), "drop", or "fill" with missing (and cut). */
  readonly ragged?: "error" | "drop" | "fill";
  /** How many records types are inferred from; default 1000. */
  readonly sampleRows?: number;
  /** Longest record, in bytes; default 4 MiB. */
  readonly maxRecordBytes?: number;
}

export const CSV_OPTIONS: readonly string[] = [
  ...SOURCE_OPTIONS,
  "delimiter",
  "quote",
  "escape",
  "relaxQuotes",
  "comment",
  "newline",
  "header",
  "encoding",
  "decimal",
  "columns",
  "types",
  "missingValues",
  "ragged",
  "sampleRows",
  "maxRecordBytes",
];

/** What stands for a missing value unless other texts are given. */
export const MISSING: readonly string[] = ["", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL"];

/** Refuses values of options that cannot be meant. */
export function checkOptions(options: CsvOptions): void {
  const { encoding, ragged, decimal, types, sampleRows, maxRecordBytes } = options;
  if (encoding !== undefined) requireOneOf("encoding", encoding, CSV_ENCODINGS);
  if (ragged !== undefined) requireOneOf("ragged", ragged, ["error", "drop", "fill"]);
  if (decimal !== undefined) requireOneOf("decimal", decimal, [".", ","]);
  for (const [name, type] of Object.entries(types ?? {})) requireOneOf(`types.${name}`, type, CSV_TYPES);
  if (sampleRows !== undefined) requireInteger("sampleRows", sampleRows, 0);
  if (maxRecordBytes !== undefined) requireInteger("maxRecordBytes", maxRecordBytes, 1);
  for (const field of ["delimiter", "quote", "escape", "comment", "newline"] as const) {
    const value = options[field];
    if (value === undefined || value === null || (typeof value === "string" && value.length > 0)) continue;
    throw new ArgumentError("not usable", {
      field,
      expected: "a text that is not empty",
      found: JSON.stringify(value),
    });
  }
}
