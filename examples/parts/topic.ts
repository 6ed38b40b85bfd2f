/** What the examples on one topic have in common: options, a seed, a picture at the end. */

import { join, resolve } from "node:path";
import { GradienteError, manualSeed } from "@gradiente/autograd";
import { DataError } from "@gradiente/datasets";
import { readTopicOptions, type TopicOptions, UsageError } from "./command-line.ts";
import { writeWhole } from "./output.ts";

/**
 * Runs an example.
 * @param name of the picture's file, without `.svg`.
 * @param body prints its results and gives the picture.
 */
export async function topic(name: string, body: (options: TopicOptions) => Promise<string> | string): Promise<void> {
  try {
    const options = readTopicOptions(process.argv.slice(2));
    if (options === null) {
      console.log(`pnpm example ${name} [--seed N (42)] [--out DIR (out)] [--quick: a short form]`);
      return;
    }
    manualSeed(options.seed);
    const picture = join(resolve(options.out), `${name}.svg`);
    await writeWhole(picture, await body(options));
    console.log(`Picture: ${picture}`);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof DataError || error instanceof GradienteError)) throw error;
    console.error(error.message);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/** A table of words and numbers in columns. */
export function printTable(rows: readonly (readonly (string | number)[])[]): void {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === "number" ? cell.toPrecision(4) : cell)));
  const widths = (texts[0] ?? []).map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
  for (const row of texts) {
    console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "));
  }
}
