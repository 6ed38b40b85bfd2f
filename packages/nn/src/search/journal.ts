import { writeAtomically } from "@gradiente/autograd/files";
import type { Config, Json } from "../config.ts";
import { JournalError } from "../errors.ts";
import { nodeModule } from "../node.ts";
import { type Evaluation, stringify } from "./evaluation.ts";

/** What a line of a journal says; values are there to be compared, not to be used. */
export type Entry = Evaluation<Json>;

const FORMAT = "gradiente-search-1";

/**
 * A file with one line of JSON for the search and one for each evaluation. Lines are only ever added, each flushed to the
 * disk before the search goes on. A last line that was cut short is dropped.
 */
export class Journal {
  /** What the file said when it was opened. */
  readonly entries: readonly Entry[];
  private readonly file: import("node:fs/promises").FileHandle;

  private constructor(entries: readonly Entry[], file: import("node:fs/promises").FileHandle) {
    this.entries = entries;
    this.file = file;
  }

  /**
   * The seed that a journal was begun with; null where there is no journal.
   * @throws {JournalError} for a file that is none.
   */
  static async seedOf(path: string): Promise<number | null> {
    const found = await readJournal(path);
    return found === null ? null : (found.header.seed as number);
  }

  /**
   * Opens a journal, or begins it.
   * @param header what tells one search from another.
   * @throws {JournalError} for a file that is no journal, is damaged, or was begun by a search with another header.
   * @throws {FileError} when it cannot be written.
   */
  static async open(path: string, header: Config): Promise<Journal> {
    const { open } = nodeModule("node:fs/promises");
    const found = await readJournal(path);
    if (found === null) {
      await writeAtomically(path, new TextEncoder().encode(`${stringify({ format: FORMAT, ...header })}\n`));
      return new Journal([], await open(path, "a"));
    }
    for (const [field, value] of Object.entries(header)) {
      const [expected, there] = [stringify(value), stringify(found.header[field] ?? null)];
      if (expected === there) continue;
      throw new JournalError({
        path,
        field,
        expected,
        found: there,
        hint: "a search goes on only with the same space, seed, options and objective; give another one another file",
      });
    }
    const file = await open(path, "r+");
    await file.truncate(found.length);
    await file.close();
    return new Journal(found.entries, await open(path, "a"));
  }

  /** Adds a line, and returns when it is on the disk. */
  async add(entry: Entry): Promise<void> {
    await this.file.appendFile(`${stringify(entry)}\n`);
    await this.file.sync();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

interface Found {
  readonly header: Config;
  readonly entries: readonly Entry[];
  /** Bytes up to the end of the last whole line. */
  readonly length: number;
}

async function readJournal(path: string): Promise<Found | null> {
  const { readFile } = nodeModule("node:fs/promises");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    const reason = error instanceof Error ? error.message : String(error);
    throw new JournalError({ path, field: "line 1", expected: "a file that can be read", found: reason });
  }
  const lines = text.split("\n");
  lines.pop(); // what follows the last line's end: nothing, or a line that was cut short
  const parsed = lines.map(parse);
  // After a loss of power the last line may have its length, but not its content.
  if (parsed.length > 1 && parsed.at(-1) === null) {
    parsed.pop();
    lines.pop();
  }
  const [header, ...rest] = parsed;
  if (!isRecord(header) || header.format !== FORMAT || typeof header.seed !== "number") {
    const found = lines[0] === undefined ? "an unfinished line" : lines[0].slice(0, 60);
    throw new JournalError({ path, field: "line 1", expected: `the header of a journal (${FORMAT})`, found });
  }
  const entries = rest.map((value, i) => {
    const entry = entryOf(value);
    if (entry !== null) return entry;
    const found = (lines[i + 1] ?? "").slice(0, 60);
    throw new JournalError({ path, field: `line ${i + 2}`, expected: "an evaluation", found });
  });
  return { header, entries, length: new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")).length };
}

function parse(line: string): Json {
  try {
    return JSON.parse(line) as Json;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Config {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Numbers, NaN and infinities among them. */
const numbers = (value: readonly unknown[]): number[] => value.map(Number);

/** An evaluation as a line gives it; null for something else. */
function entryOf(value: Json | undefined): Entry | null {
  if (!isRecord(value)) return null;
  const { trial, seed, values, bracket, rung, budget, spent, score, logs, folds, curve, seconds, error } = value;
  const counts = isCount(trial) && isCount(seed) && isCount(bracket) && isCount(rung) && isCount(budget);
  if (!counts || !isCount(spent) || typeof seconds !== "number" || values === undefined) return null;
  if (!isRecord(logs) || !Array.isArray(folds) || !Array.isArray(curve)) return null;
  const failed = isRecord(error) && typeof error.name === "string" && typeof error.message === "string";
  if (failed ? score !== null : typeof score !== "number" || error !== null) return null;
  return {
    trial,
    seed,
    values,
    bracket,
    rung,
    budget,
    spent,
    score: failed ? null : (score as number),
    logs: Object.fromEntries(Object.entries(logs).map(([name, x]) => [name, Number(x)])),
    folds: numbers(folds),
    curve: numbers(curve),
    seconds,
    error: failed ? { name: error.name as string, message: error.message as string } : null,
  };
}
