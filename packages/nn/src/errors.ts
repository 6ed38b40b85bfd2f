import { ArgumentError, FileError, GradienteError, ShapeError } from "@gradiente/autograd";

/** Input that a layer cannot take: names the layer, the shape it expects and the one it was given. */
export class LayerInputError extends ShapeError {
  readonly layer: string;
  readonly expected: string;
  readonly given: string;

  constructor(layer: string, expected: string, given: readonly (number | null)[]) {
    super({
      op: layer,
      message: `the layer "${layer}" expects input of shape ${expected}, but was given ${showShape(given)}`,
    });
    this.layer = layer;
    this.expected = expected;
    this.given = showShape(given);
  }
}

/** A model or layer used before it was built or compiled. */
export class NotReadyError extends GradienteError {}

/** Training or validation data that cannot be used: labels out of range, counts that differ, NaN. */
export class DataError extends GradienteError {}

/** Weights by name that do not fit a model: nothing was changed. */
export class StateDictError extends DataError {
  /** Weights of the model that were not given. */
  readonly missing: readonly string[];
  /** Names that the model does not have. */
  readonly unexpected: readonly string[];
  readonly mismatched: readonly {
    readonly name: string;
    readonly expected: readonly number[];
    readonly given: readonly number[];
  }[];

  constructor(
    layer: string,
    { missing = [], unexpected = [], mismatched = [] }: Partial<Omit<StateDictError, keyof DataError>>,
  ) {
    const parts = [
      ...(missing.length > 0 ? [`missing: ${missing.join(", ")}`] : []),
      ...(unexpected.length > 0 ? [`unexpected: ${unexpected.join(", ")}`] : []),
      ...mismatched.map((m) => `"${m.name}" has shape ${showShape(m.expected)}, but was given ${showShape(m.given)}`),
    ];
    super({
      op: "loadStateDict",
      message: `the weights do not fit "${layer}": ${parts.join("; ")}`,
      ...(mismatched.length > 0 ? {} : { hint: "with { strict: false } what fits is loaded" }),
    });
    this.missing = missing;
    this.unexpected = unexpected;
    this.mismatched = mismatched;
  }
}

/** Training that went wrong: a loss that is not a number. */
export class TrainingError extends GradienteError {}

/** A model file that cannot be read or written. */
export class ModelFileError extends FileError {}

/** A search for hyperparameters that has nothing to show. */
export class SearchError extends GradienteError {}

/** A search's journal that cannot be read, or belongs to another search. */
export class JournalError extends FileError {
  readonly path: string;
  /** What does not fit: "seed", "space", … or the number of a line. */
  readonly field: string;
  readonly expected: string;
  readonly found: string;

  constructor(facts: { path: string; field: string; expected: string; found: string; hint?: string }) {
    const { path, field, expected, found, hint } = facts;
    super({
      op: "journal",
      message: `"${path}" does not fit at ${field}: expected ${expected}, found ${found}`,
      ...(hint === undefined ? {} : { hint }),
    });
    this.path = path;
    this.field = field;
    this.expected = expected;
    this.found = found;
  }
}

/** Why a checkpoint cannot be used: it cannot be read, its contents are not what was written, or it is of another run. */
export type CheckpointFault = "unreadable" | "damaged" | "mismatch";

/** A checkpoint that training cannot go on from. */
export class CheckpointError extends FileError {
  readonly reason: CheckpointFault;

  constructor(facts: {
    readonly op: string;
    readonly message: string;
    readonly hint?: string;
    readonly reason: CheckpointFault;
  }) {
    super(facts);
    this.reason = facts.reason;
  }
}

/** A layer that has no counterpart in the format a model is exported to. */
export class OnnxExportError extends GradienteError {
  readonly layer: string;
  readonly className: string;

  constructor(layer: string, className: string, message: string, hint?: string) {
    super({
      op: "exportOnnx",
      message: `the layer "${layer}" (${className}) cannot be exported: ${message}`,
      ...(hint === undefined ? {} : { hint }),
    });
    this.layer = layer;
    this.className = className;
  }
}

/** `(None, 784)`, as Keras writes shapes. */
export function showShape(shape: readonly (number | null)[]): string {
  const lengths = shape.map((n) => (n === null ? "None" : String(n)));
  return lengths.length === 1 ? `(${lengths[0]},)` : `(${lengths.join(", ")})`;
}

/** An error for a name that is not known, naming the nearest that is. */
export function unknownName(op: string, kind: string, given: unknown, known: readonly string[]): ArgumentError {
  const name = String(given);
  const ranked = known.map((k) => ({ k, distance: edits(k.toLowerCase(), name.toLowerCase()) }));
  ranked.sort((a, b) => a.distance - b.distance);
  const nearest = ranked[0];
  const near = nearest !== undefined && nearest.distance <= Math.max(2, Math.floor(name.length / 3));
  return new ArgumentError({
    op,
    message: `there is no ${kind} named ${JSON.stringify(given)}; known are ${known.join(", ")}`,
    ...(near ? { hint: `did you mean ${JSON.stringify(nearest.k)}?` } : {}),
  });
}

/** Number of insertions, deletions and substitutions between two words. */
function edits(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substituted, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
