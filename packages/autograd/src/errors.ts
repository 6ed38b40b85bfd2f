import type { DType } from "./dtype.ts";

/** What an error says of one operand. */
export interface Operand {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** The facts of an error, from which its sentence is made. */
export interface ErrorFacts {
  /** Name of the public function that was called. */
  readonly op: string;
  /** What is wrong, as a clause without capital or full stop. */
  readonly message: string;
  /** The tensors it was called with. */
  readonly operands?: readonly Operand[];
  /** What to do about it, as a clause. */
  readonly hint?: string;
}

/** Base class of every error this package throws on purpose. */
export class GradienteError extends Error {
  readonly op: string;
  /** What is wrong, without the names around it. */
  readonly what: string;
  readonly operands: readonly Operand[];
  readonly hint: string | undefined;

  constructor(facts: ErrorFacts) {
    super(sentence(facts));
    this.name = new.target.name;
    this.op = facts.op;
    this.what = facts.message;
    this.operands = (facts.operands ?? []).map(({ shape, dtype }) => ({ shape: [...shape], dtype }));
    this.hint = facts.hint;
  }
}

/** Shapes that do not fit each other or the operation. */
export class ShapeError extends GradienteError {}

/** A file that cannot be read or written, or is not what it claims to be. */
export class FileError extends GradienteError {}

/** What is wrong with a file of tensors. */
export type TensorFileProblem =
  /** It ends before what it announces. */
  | "truncated"
  /** A header larger than any file may have. */
  | "header size"
  /** Text that is not in the encoding it has to be in. */
  | "text"
  /** A header that does not say what it has to, or says it twice. */
  | "header"
  /** Elements with gaps between them, or that share bytes. */
  | "offsets"
  /** A shape that does not fit the bytes. */
  | "size"
  /** A shape of more elements than can be counted. */
  | "overflow"
  /** More or fewer bytes than the header accounts for. */
  | "length"
  /** Elements of a kind that no tensor here can hold. */
  | "element type"
  /** A value that its tensor's dtype cannot hold. */
  | "value"
  /** Bytes that differ from their checksum, or cannot be decompressed. */
  | "checksum"
  /** A file of another kind. */
  | "format";

/** A file of tensors that is damaged or cannot be represented. */
export class TensorFileError extends FileError {
  readonly problem: TensorFileProblem;
  /** The path; null for bytes in memory. */
  readonly file: string | null;
  /** Where in the file, in bytes; null where no one place is to blame. */
  readonly offset: number | null;

  constructor(
    facts: ErrorFacts & {
      readonly problem: TensorFileProblem;
      readonly file: string | null;
      readonly offset?: number | undefined;
    },
  ) {
    const { problem, file, offset, message, ...rest } = facts;
    const place = offset === undefined ? "" : ` (at byte ${offset})`;
    super({ ...rest, message: `${file === null ? "the bytes" : JSON.stringify(file)}: ${message}${place}` });
    this.problem = problem;
    this.file = file;
    this.offset = offset ?? null;
  }
}

/** An axis that the operand does not have, or that is named twice. */
export class AxisError extends GradienteError {}

/** A dtype the operation does not accept. */
export class DTypeError extends GradienteError {}

/** An index outside its axis. */
export class BoundsError extends GradienteError {}

/** An option or argument value that is not among the valid ones. */
export class ArgumentError extends GradienteError {}

/** A gradient that was asked for where none can be had. */
export class GradientError extends GradienteError {}

/** Storage that could not be obtained. */
export class MemoryError extends GradienteError {}

/** A mathematical failure, such as factorising a matrix that is not positive definite. */
export class NumericalError extends GradienteError {}

/** `float32[2, 3]`, as errors and `toString` print it. */
export function describe({ shape, dtype }: Operand): string {
  return `${dtype}[${shape.join(", ")}]`;
}

function sentence({ op, message, operands, hint }: ErrorFacts): string {
  const given = operands?.length ? ` (got ${operands.map(describe).join(", ")})` : "";
  return `${op}: ${message}${given}.${hint ? ` Hint: ${hint}${hint.endsWith("?") ? "" : "."}` : ""}`;
}

/** An {@link ArgumentError} that lists the valid values and, for a near miss, names the nearest. */
export function unknownOption(op: string, option: string, value: unknown, valid: readonly string[]): ArgumentError {
  const given = typeof value === "string" ? value : "";
  const near = valid
    .map((v) => ({ v, edits: editsBetween(v.toLowerCase(), given.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)[0];
  const nearest = given !== "" && near !== undefined && near.edits <= 2 ? near.v : undefined;
  return new ArgumentError({
    op,
    message: `${option} is ${shown(value)}, expected one of ${valid.map((v) => JSON.stringify(v)).join(", ")}`,
    ...(nearest === undefined ? {} : { hint: `did you mean ${JSON.stringify(nearest)}?` }),
  });
}

/**
 * Refuses options that an operation does not have: in plain JavaScript a misspelt one would be ignored without a word.
 * @returns the options.
 */
export function checkOptions<T extends object>(op: string, options: T, names: readonly (keyof T & string)[]): T {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ArgumentError({
      op,
      message: `the options are ${Array.isArray(options) ? "a list" : shown(options)}, not an object`,
      hint: `write them as { ${names.join(", ")} }`,
    });
  }
  for (const name in options) {
    if (!names.includes(name as keyof T & string)) throw unknownOption(op, "the name of an option", name, names);
  }
  return options;
}

/** The first elements of a list that a message prints. */
const mostShown = 8;

/** A value as a message prints it, whatever it is: not everything can be made a string. */
export function shown(value: unknown, depth = 0): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function";
    case "object":
      break;
    default:
      return String(value);
  }
  if (value === null) return "null";
  if (Array.isArray(value)) {
    if (depth > 2) return "[…]";
    const rest = value.length > mostShown ? ["…"] : [];
    return `[${[...value.slice(0, mostShown).map((part) => shown(part, depth + 1)), ...rest].join(", ")}]`;
  }
  const { shape, dtype, constructor } = value as Partial<Operand>;
  if (Array.isArray(shape) && typeof dtype === "string") return `a tensor ${describe({ shape, dtype })}`;
  const name = typeof constructor === "function" ? constructor.name : "";
  return name === "" || name === "Object" ? "an object" : `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

/**
 * Refuses what is no integer, or one below `least`.
 * @returns the value.
 */
export function checkInteger(
  op: string,
  name: string,
  value: number,
  least: number = Number.NEGATIVE_INFINITY,
): number {
  if (Number.isInteger(value) && value >= least) return value;
  const hint = least === Number.NEGATIVE_INFINITY ? "it is an integer" : `it is an integer, ${least} or more`;
  throw new ArgumentError({ op, message: `${name} is ${shown(value)}`, hint });
}

/**
 * Refuses what is no number, or one that does not fit.
 * @param hint says which numbers do.
 * @returns the value.
 */
export function checkNumber(
  op: string,
  name: string,
  value: number,
  fits: (value: number) => boolean,
  hint: string,
): number {
  if (typeof value === "number" && fits(value)) return value;
  throw new ArgumentError({ op, message: `${name} is ${shown(value)}`, hint });
}

/**
 * Refuses what cannot be called.
 * @returns the function.
 */
export function checkFunction<F>(op: string, f: F): F {
  if (typeof f === "function") return f;
  throw new ArgumentError({ op, message: `it was given ${shown(f)} for a function` });
}

/**
 * Runs what an operation is made of, whose errors then name the operation that was called.
 */
export function inOperation<T>(op: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof GradienteError) || error.op === op) throw error;
    const { what: message, operands, hint } = error;
    const kind = error.constructor as new (facts: ErrorFacts) => GradienteError;
    throw new kind({ op, message, operands, ...(hint === undefined ? {} : { hint }) });
  }
}

/** How many insertions, deletions and substitutions two words are apart (V. Levenshtein). */
function editsBetween(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
