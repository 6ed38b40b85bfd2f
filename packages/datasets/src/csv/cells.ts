/** Typed cells: what a column may be, how its text is read, and how a type is told from a sample. */

export type CsvType = "number" | "integer" | "boolean" | "date" | "category" | "text";
export const CSV_TYPES: readonly CsvType[] = ["number", "integer", "boolean", "date", "category", "text"];

/** A column as it is read. */
export interface CsvColumn {
  readonly name: string;
  readonly type: CsvType;
  /** Whether the type was told from the sample rather than declared. */
  readonly inferred: boolean;
}

/** A cell: a number, true or false, a moment, text (also for categories), or `null` where it is missing. */
export type CsvCell = number | boolean | Date | string | null;

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const GROUPED = /^[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*)(?:,\d*)?(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[+-]?\d+$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/;

/** The number a text stands for, or `undefined`: no hexadecimal, no empty text, nothing that overflows. */
export function parseNumber(text: string, decimal: "." | ","): number | undefined {
  let trimmed = text.trim();
  if (decimal === ",") {
    if (!GROUPED.test(trimmed) || !/\d/.test(trimmed)) return undefined;
    trimmed = trimmed.replaceAll(".", "").replace(",", ".");
  }
  if (!NUMBER.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}

/** A moment from ISO 8601; without a zone it is UTC, so that a file means the same everywhere. */
export function parseDate(text: string): Date | undefined {
  const match = DATE.exec(text.trim());
  if (!match) return undefined;
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = "Z"] = match;
  const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  const time = new Date(
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}${offset}`,
  );
  if (Number.isNaN(time.getTime())) return undefined;
  // JavaScript turns the 31st of February into the 3rd of March.
  return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
    ? time
    : undefined;
}

const TRUE: readonly string[] = ["true", "t", "yes", "y", "1"];
const FALSE: readonly string[] = ["false", "f", "no", "n", "0"];

export function parseBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  return TRUE.includes(word) ? true : FALSE.includes(word) ? false : undefined;
}

/** Reads a cell that is not missing; `undefined` when it is not of the type. */
export function parseCell(text: string, type: CsvType, decimal: "." | ","): CsvCell | undefined {
  switch (type) {
    case "number":
      return parseNumber(text, decimal);
    case "integer": {
      const value = parseNumber(text, decimal);
      return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
    }
    case "boolean":
      return parseBoolean(text);
    case "date":
      return parseDate(text);
    case "category":
    case "text":
      return text;
  }
}

/** What a type looks like, for messages. */
export const TYPE_EXPECTED: Readonly<Record<CsvType, string>> = {
  number: "a number",
  integer: "an integer",
  boolean: "true or false",
  date: "a date such as 2024-05-31 or 2024-05-31T12:00:00Z",
  category: "text",
  text: "text",
};

/** Columns with no more distinct values than this, each seen twice on average, are categories rather than text. */
const MAX_CATEGORIES = 64;

/** The narrowest type that all cells of a sample have. Whole numbers are integers only when all are written so. */
export function inferType(cells: readonly string[], decimal: "." | ","): CsvType {
  if (cells.length === 0) return "text";
  const all = (test: (text: string) => boolean): boolean => cells.every(test);
  // Long digit strings are identifiers: as numbers they would lose digits.
  const exact = (text: string): boolean => Number.isSafeInteger(Number(text));
  if (all((text) => INTEGER.test(text.trim()))) return all((text) => exact(text)) ? "integer" : "text";
  if (all((text) => parseNumber(text, decimal) !== undefined)) return "number";
  if (all((text) => /^(true|false)$/i.test(text.trim()))) return "boolean";
  if (all((text) => parseDate(text) !== undefined)) return "date";
  const distinct = new Set(cells).size;
  return distinct <= MAX_CATEGORIES && distinct * 2 <= cells.length ? "category" : "text";
}
