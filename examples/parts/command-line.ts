/** The options of the examples: read, checked, and explained. */
import { parseArgs } from "node:util";

/** What is wrong with a command line, in words for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface TrainingOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly backend: string | undefined;
  readonly data: string | undefined;
  readonly out: string;
  /** A short form, which shows that everything runs. */
  readonly quick: boolean;
}

interface Option {
  readonly name: string;
  readonly value: string;
  readonly explanation: string;
}

const OPTIONS: readonly Option[] = [
  { name: "epochs", value: "N", explanation: "passes over the training images (30)" },
  { name: "batch-size", value: "N", explanation: "images per step (32)" },
  { name: "learning-rate", value: "X", explanation: "of stochastic gradient descent (0.01)" },
  { name: "seed", value: "N", explanation: "fixes weights and order: the same seed, the same bits (42)" },
  { name: "backend", value: "NAME", explanation: "what computes (the library's own choice)" },
  { name: "data", value: "DIR", explanation: "folder with the four IDX files, or with a folder fashion-mnist of them" },
  { name: "out", value: "DIR", explanation: "where model, curves and pictures are written (out)" },
];

export const HELP: string = [
  "Trains the course's network, 784-300-100-10, on Fashion-MNIST.",
  "",
  "  pnpm start [options]",
  "",
  ...OPTIONS.map(({ name, value, explanation }) => `  --${`${name} ${value}`.padEnd(18)} ${explanation}`),
  `  --${"quick".padEnd(18)} one epoch with 600 images, to see that everything runs`,
  `  --${"help".padEnd(18)} this text`,
  "",
  "The images are looked for in --data, in GRADIENTE_DATA, in the user's cache folder, and are then downloaded.",
  "Where none of these has them, ten garments are drawn instead. Ctrl-C stops after the current batch and saves.",
].join("\n");

/**
 * The values that a command line gives to options, by name; null when help was asked for.
 * @param flags options without a value.
 * @throws {UsageError} for options there are not, and values that are missing.
 */
function readValues(
  args: readonly string[],
  options: readonly string[],
  flags: readonly string[],
): Map<string, string> | null {
  const names = [...options, ...flags, "help"];
  const list = names.map((name) => `--${name}`).join(", ");
  const { tokens } = parseArgs({
    args: args.filter((arg, index) => index > 0 || arg !== "--"), // some package managers hand the separator on
    options: Object.fromEntries(
      names.map((name) => [name, { type: options.includes(name) ? "string" : "boolean" }] as const),
    ),
    strict: false,
    tokens: true,
  });
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "positional") throw new UsageError(`Unexpected "${token.value}". Valid options: ${list}.`);
    if (token.kind !== "option") continue;
    if (!names.includes(token.name)) throw new UsageError(`Unknown option ${token.rawName}. Valid options: ${list}.`);
    if (token.name === "help") return null;
    if (flags.includes(token.name)) {
      values.set(token.name, "");
      continue;
    }
    // A name that follows an option is the next option, not its value, unless it is a negative number.
    if (token.value === undefined || /^--?[a-z]/i.test(token.value) || token.value === "") {
      throw new UsageError(`${token.rawName} needs a value.`);
    }
    values.set(token.name, token.value);
  }
  return values;
}

function readNumber(
  values: ReadonlyMap<string, string>,
  name: string,
  otherwise: number,
  isValid: (x: number) => boolean,
  valid: string,
): number {
  const text = values.get(name);
  if (text === undefined) return otherwise;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!isValid(value)) throw new UsageError(`--${name} is "${text}"; valid is ${valid}.`);
  return value;
}

const readSeed = (values: ReadonlyMap<string, string>): number =>
  readNumber(values, "seed", 42, (x) => Number.isSafeInteger(x) && x >= 0, "a whole number from 0");

/**
 * Reads the command line of the main job.
 * @returns null when help was asked for.
 * @throws {UsageError} for options there are not, and for values outside what is valid.
 */
export function readOptions(args: readonly string[]): TrainingOptions | null {
  const names = OPTIONS.map(({ name }) => name);
  const values = readValues(args, names, ["quick"]);
  if (values === null) return null;
  const count = (name: string, otherwise: number): number =>
    readNumber(values, name, otherwise, (x) => Number.isSafeInteger(x) && x >= 1, "a whole number from 1");
  return {
    epochs: count("epochs", values.has("quick") ? 1 : 30),
    batchSize: count("batch-size", 32),
    learningRate: readNumber(values, "learning-rate", 0.01, (x) => Number.isFinite(x) && x > 0, "a number above 0"),
    seed: readSeed(values),
    backend: values.get("backend"),
    data: values.get("data"),
    out: values.get("out") ?? "out",
    quick: values.has("quick"),
  };
}

export interface TopicOptions {
  /** A short form, which shows that everything runs. */
  readonly quick: boolean;
  readonly seed: number;
  readonly out: string;
}

/** Reads the command line of an example on one topic; see {@link readOptions}. */
export function readTopicOptions(args: readonly string[]): TopicOptions | null {
  const values = readValues(args, ["seed", "out"], ["quick"]);
  return values && { quick: values.has("quick"), seed: readSeed(values), out: values.get("out") ?? "out" };
}
