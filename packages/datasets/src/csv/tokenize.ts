import { type Parser, parse, type CsvError as TokenError } from "#csv-parse";
import { CsvError } from "../errors.ts";
import { node } from "../platform.ts";

/** Records from bytes, by csv-parse; this file knows that library and no other does. */

export interface Dialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  readonly comment: string | undefined;
  /** What ends a record; `undefined` for any of CRLF, LF and CR. */
  readonly newline: string | undefined;
  /** Quotes within unquoted cells are text instead of an error. */
  readonly relaxQuotes: boolean;
  readonly maxRecordBytes: number;
}

export interface RawRecord {
  readonly cells: readonly string[];
  /** Line on which the record begins, from 1. */
  readonly line: number;
}

const EXPECTED: Readonly<Record<string, { what: string; expected: string; hint: string }>> = {
  CSV_QUOTE_NOT_CLOSED: {
    what: "a quoted cell is never closed",
    expected: "a closing quote",
    hint: "The file is truncated, or a quote is missing; the line is where the file ends.",
  },
  CSV_INVALID_CLOSING_QUOTE: {
    what: "there is text after a closing quote",
    expected: "a delimiter or the end of the line",
    hint: "Quotes within quoted cells are written twice; see the options quote, escape and delimiter.",
  },
  INVALID_OPENING_QUOTE: {
    what: "there is a quote in a cell that does not begin with one",
    expected: "the whole cell in quotes",
    hint: "Use { relaxQuotes: true } if quotes are ordinary text here, or { quote: null } if nothing is quoted.",
  },
  CSV_MAX_RECORD_SIZE: {
    what: "a record is too long",
    expected: "less than maxRecordBytes",
    hint: "A quote that is never closed swallows the rest of a file; raise maxRecordBytes if records are really that long.",
  },
};

function lineBreaks(cell: string): number {
  let count = 0;
  for (let i = 0; i < cell.length; i++) {
    const code = cell.charCodeAt(i);
    if (code === 10 || (code === 13 && cell.charCodeAt(i + 1) !== 10)) count++;
  }
  return count;
}

/** The line on which cell `column` of a record begins. */
export function lineOf(record: RawRecord, column: number): number {
  let { line } = record;
  for (let i = 0; i < column; i++) line += lineBreaks(record.cells[i] ?? "");
  return line;
}

const encoder = new TextEncoder();

/** Takes pieces of text, cut between characters, and gives back the records they complete. */
export class Tokenizer {
  readonly #parser: Parser;
  readonly #file: string;
  #records: RawRecord[] = [];
  #lastLine = 0;
  #doubleCounted = 0;
  #failed: Error | undefined;

  constructor(dialect: Dialect, file: string) {
    this.#file = file;
    this.#parser = parse({
      delimiter: dialect.delimiter,
      quote: dialect.quote === "" ? null : dialect.quote,
      escape: dialect.escape === "" ? null : dialect.escape,
      comment: dialect.comment ?? null,
      comment_no_infix: true,
      record_delimiter: dialect.newline ?? ["\r\n", "\n", "\r"],
      relax_column_count: true,
      relax_quotes: dialect.relaxQuotes,
      skip_empty_lines: true,
      max_record_size: dialect.maxRecordBytes,
      on_record: (cells: string[], { lines }) => {
        this.#add(cells, lines);
        return null;
      },
    });
    this.#parser.on("error", (error: Error) => {
      this.#failed ??= error;
    });
    this.#parser.resume(); // nothing comes out this way, but the end does
  }

  #add(cells: string[], lastLine: number): void {
    let breaks = 0;
    if (lastLine - this.#lastLine > 1) {
      for (const cell of cells) {
        breaks += lineBreaks(cell);
        // The library counts CR and LF within quotes as two lines.
        this.#doubleCounted += cell.split("\r\n").length - 1;
      }
    }
    this.#lastLine = lastLine;
    this.#records.push({ cells, line: lastLine - this.#doubleCounted - breaks });
  }

  /** The records that `text` completes. An error is thrown by the call after the one that gave the records before it. */
  async push(text: string): Promise<RawRecord[]> {
    if (this.#failed) throw this.#translate(this.#failed);
    if (text.length > 0) {
      // In a browser the library brings a Buffer of its own, which takes no other bytes.
      const chunk = node ? encoder.encode(text) : text;
      await new Promise<void>((resolve) => {
        this.#parser.write(chunk, (error) => {
          if (error) this.#failed ??= error;
          resolve();
        });
      });
    }
    return this.#take();
  }

  async end(): Promise<RawRecord[]> {
    if (this.#failed) throw this.#translate(this.#failed);
    await new Promise<void>((resolve) => {
      this.#parser.once("end", resolve);
      this.#parser.once("error", () => resolve());
      this.#parser.end();
    });
    return this.#take();
  }

  /** What went wrong, once the records before it have been taken. */
  get failure(): CsvError | undefined {
    return this.#failed && this.#translate(this.#failed);
  }

  #take(): RawRecord[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }

  #translate(error: Error): CsvError {
    const { code, lines, column } = error as TokenError & { lines?: number; column?: number | string };
    const known = EXPECTED[code ?? ""];
    return new CsvError(known?.what ?? "the file cannot be taken apart", {
      file: this.#file,
      line: typeof lines === "number" ? lines - this.#doubleCounted : undefined,
      column: typeof column === "number" ? column + 1 : undefined,
      expected: known?.expected,
      found: known ? undefined : error.message,
      hint: known?.hint,
      cause: error,
    });
  }

  destroy(): void {
    // The streams csv-parse brings for browsers are older than this method.
    this.#parser.destroy?.();
  }
}

const CANDIDATES = [",", ";", "\t", "|"] as const;

/** The candidate that divides the first lines into the most columns of the same number. */
export function detectDelimiter(text: string, quote: string, comment: string | undefined): string {
  let best = ",";
  let bestScore = 0;
  for (const candidate of CANDIDATES) {
    const counts = countPerLine(text, candidate, quote, comment);
    if (counts.length === 0) continue;
    const first = counts[0]!;
    const agreeing = counts.filter((count) => count === first).length / counts.length;
    const score = first === 0 ? 0 : agreeing * 1000 + first;
    if (score > bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

function countPerLine(text: string, delimiter: string, quote: string, comment: string | undefined): number[] {
  const counts: number[] = [];
  let count = 0;
  let quoted = false;
  let start = 0;
  for (let i = 0; i <= text.length && counts.length < 20; i++) {
    const char = text[i];
    if (char !== undefined && char === quote) quoted = !quoted;
    else if (!quoted && char === delimiter) count++;
    else if ((!quoted && (char === "\n" || char === "\r")) || (char === undefined && !quoted)) {
      const line = text.slice(start, i);
      // The last line of a sample may be cut anywhere.
      const cut = char === undefined && counts.length > 0;
      if (line !== "" && !cut && !(comment !== undefined && line.startsWith(comment))) counts.push(count);
      count = 0;
      start = i + 1;
    }
  }
  return counts;
}
