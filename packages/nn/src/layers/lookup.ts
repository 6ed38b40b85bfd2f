import { ArgumentError, asTensor, type Tensor, type TensorLike, tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { DataError, NotReadyError, unknownName } from "../errors.ts";
import { type BatchShape, Layer, type LayerOptions, layerOptionNames } from "../module.ts";
import { checkOptionNames, checkOptionsOf } from "../option-checks.ts";
import { encodeCategories, encodedShape, type OutputMode, outputModes } from "./encoding.ts";

/** Strings in nested arrays: samples along the outermost. */
export type NestedStrings = string | readonly NestedStrings[];

/** Options of {@link StringLookup} and {@link IntegerLookup}. */
export interface LookupOptions<T> extends LayerOptions {
  /** How many words there may be, special ones included. Default: no limit. */
  readonly maxTokens?: number | null;
  /** How many numbers stand for unknown words. Default: 1. With 0 they are errors. */
  readonly numOovIndices?: number;
  /** A word that is left out: number 0. Default: none. */
  readonly maskToken?: T | null;
  /** What unknown words become where numbers are turned back into words. */
  readonly oovToken?: T;
  /** The words, with or without the special ones before them. Default: those that `adapt` finds. */
  readonly vocabulary?: readonly T[] | null;
  /** From numbers to words, instead of from words to numbers. Default: false. */
  readonly invert?: boolean;
  /** Default: "int". */
  readonly outputMode?: OutputMode;
  /** Give vectors of length `maxTokens`, even if there are fewer words. Default: false. */
  readonly padToMaxTokens?: boolean;
}

const lookupNames: readonly string[] = [
  ...layerOptionNames,
  ...["maxTokens", "numOovIndices", "maskToken", "oovToken", "vocabulary"],
  ...["invert", "outputMode", "padToMaxTokens"],
];

/** A vocabulary: special words first, then the others by frequency. */
abstract class Lookup<T extends string | number> extends Layer {
  readonly options: LookupOptions<T>;
  readonly outputMode: OutputMode;
  readonly invert: boolean;
  protected readonly oovCount: number;
  private readonly special: readonly T[];
  private words: readonly T[] | null = null;
  private numbers: ReadonlyMap<T, number> = new Map();

  constructor(options: LookupOptions<T>, oovToken: T) {
    super(options);
    const { maxTokens = null, numOovIndices = 1, maskToken = null, outputMode = "int", invert = false } = options;
    this.options = options;
    this.outputMode = outputMode;
    this.invert = invert;
    this.oovCount = numOovIndices;
    if (!outputModes.includes(outputMode)) throw unknownName(this.className, "outputMode", outputMode, outputModes);
    const problem =
      !Number.isInteger(numOovIndices) || numOovIndices < 0
        ? `numOovIndices is ${numOovIndices}`
        : maxTokens !== null && maxTokens <= numOovIndices + Number(maskToken !== null)
          ? `maxTokens is ${maxTokens}, which leaves no room for words beside the special ones`
          : invert && outputMode !== "int"
            ? `numbers cannot be turned into words with the output mode "${outputMode}"`
            : options.padToMaxTokens && maxTokens === null
              ? "padToMaxTokens needs maxTokens"
              : null;
    if (problem !== null) throw new ArgumentError({ op: this.className, message: problem });
    this.special = [...(maskToken === null ? [] : [maskToken]), ...new Array<T>(numOovIndices).fill(oovToken)];
    if (options.vocabulary) this.setVocabulary(options.vocabulary);
  }

  /** Fixes the words, in order. @throws {ArgumentError} when there are too many, or one occurs twice. */
  setVocabulary(words: readonly T[]): void {
    const led = this.special.every((w, i) => words[i] === w) && this.special.length > 0;
    const own = led ? words.slice(this.special.length) : words;
    const all = [...this.special, ...own];
    const { maxTokens = null } = this.options;
    if (maxTokens !== null && all.length > maxTokens) {
      throw new ArgumentError({
        op: this.className,
        message: `there are ${all.length} words with the special ones, more than maxTokens, ${maxTokens}`,
      });
    }
    const numbers = new Map(own.map((w, i) => [w, i + this.special.length]));
    if (numbers.size < own.length || own.some((w) => this.special.includes(w))) {
      const twice = own.find((w, i) => own.indexOf(w) !== i || this.special.includes(w));
      throw new ArgumentError({
        op: this.className,
        message: `${JSON.stringify(twice)} occurs twice in the vocabulary`,
      });
    }
    const { maskToken = null } = this.options;
    if (maskToken !== null) numbers.set(maskToken, 0);
    this.words = all;
    this.numbers = numbers;
  }

  /** The words, special ones first. @throws {NotReadyError} before they are known. */
  getVocabulary(options: { readonly includeSpecialTokens?: boolean } = {}): readonly T[] {
    checkOptionNames("getVocabulary", options, ["includeSpecialTokens"]);
    if (this.words === null) {
      throw new NotReadyError({
        op: this.name,
        message: "no words are known",
        hint: "give a vocabulary, or call adapt(data) first",
      });
    }
    return (options.includeSpecialTokens ?? true) ? this.words : this.words.slice(this.special.length);
  }

  /** How many words there are, special ones included. */
  vocabularySize(): number {
    return this.getVocabulary().length;
  }

  /** Takes the words from data: the most frequent first, equally frequent ones in descending order, as Keras does. */
  protected learn(words: Iterable<T>): void {
    const counts = new Map<T, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    const { maskToken = null, maxTokens = null } = this.options;
    for (const word of [...this.special, maskToken]) if (word !== null) counts.delete(word);
    const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? 1 : -1)).map(([word]) => word);
    this.setVocabulary(maxTokens === null ? sorted : sorted.slice(0, maxTokens - this.special.length));
  }

  /** The number of a word. */
  protected numberOf(word: T): number {
    const known = this.numbers.get(word);
    if (known !== undefined) return known;
    if (this.oovCount === 0) {
      throw new DataError({
        op: this.name,
        message: `${JSON.stringify(word)} is not in the vocabulary`,
        hint: "with numOovIndices: 1 unknown words have a number of their own",
      });
    }
    const first = Number((this.options.maskToken ?? null) !== null);
    return first + this.unknownNumber(word);
  }

  /** Which of the numbers for unknown words stands for this one. */
  protected abstract unknownNumber(word: T): number;

  /** The word of a number; numbers that stand for none are unknown words. */
  protected wordOf(number: number, oovToken: T): T {
    return this.getVocabulary()[number] ?? oovToken;
  }

  protected encode(words: ArrayLike<T>, shape: readonly number[]): Tensor {
    this.getVocabulary();
    const numbers = Int32Array.from(words as ArrayLike<T> & number[], (word) => this.numberOf(word as T));
    return encodeCategories(tensor({ data: numbers, shape }), this.outputMode, this.depth(), this.dtype);
  }

  private depth(): number {
    return this.options.padToMaxTokens ? this.options.maxTokens! : this.vocabularySize();
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    return this.outputMode === "int" ? shape : encodedShape(shape, this.outputMode, this.depth());
  }

  override getConfig(): Config {
    const { options: o } = this;
    return {
      ...super.getConfig(),
      max_tokens: o.maxTokens ?? null,
      num_oov_indices: this.oovCount,
      mask_token: o.maskToken ?? null,
      vocabulary: this.words === null ? null : this.getVocabulary({ includeSpecialTokens: false }),
      invert: this.invert,
      output_mode: this.outputMode,
      pad_to_max_tokens: o.padToMaxTokens ?? false,
      idf_weights: null,
      sparse: false,
    };
  }
}

/**
 * Words as numbers, or with `invert` numbers as words. Strings are no tensors, so this layer stands before a model, not
 * within: `encodeStrings` takes nested arrays of strings and gives a tensor, `decodeStrings` the other way.
 *
 * Number 0 is the mask token, where there is one; then come numbers for unknown words (one), then the words.
 *
 * @example
 * ```ts
 * const layer = new StringLookup();
 * layer.adapt(["red", "blue", "red"]);
 * layer.getVocabulary(); // ["[UNK]", "red", "blue"]
 * layer.encodeStrings([["blue", "green"]]); // [[2, 0]]
 * layer.decodeStrings([[1, 0]]); // [["red", "[UNK]"]]
 * ```
 */
export class StringLookup extends Lookup<string> {
  static override readonly className = "StringLookup";
  /** @internal */
  static readonly optionNames: readonly string[] = lookupNames;
  private readonly oovToken: string;
  constructor(options: LookupOptions<string> = {}) {
    checkOptionsOf(StringLookup, new.target, options);
    const { oovToken = "[UNK]" } = options;
    super(options, oovToken);
    if (this.oovCount > 1) {
      throw new ArgumentError({
        op: "StringLookup",
        message: `numOovIndices is ${this.oovCount}: several numbers for unknown words need Keras' hash, which is not here`,
        hint: "give 0 or 1",
      });
    }
    this.oovToken = oovToken;
  }
  /** Takes the words from data. */
  adapt(data: NestedStrings): void {
    this.learn(flattened(data));
  }
  /** Words as numbers, or as vectors by the output mode. @throws {DataError} where lengths of arrays differ. */
  encodeStrings(words: NestedStrings): Tensor {
    return this.encode(flattened(words), shapeOf(words));
  }
  /** Numbers as words, in nested arrays. */
  decodeStrings(numbers: TensorLike): NestedStrings {
    const x = asTensor(numbers);
    const words = Array.from(x.data, (n) => this.wordOf(n, this.oovToken));
    return nested(words, x.shape);
  }
  call(): Tensor {
    throw new DataError({
      op: this.name,
      message: "strings are no tensors, so a StringLookup is not applied within a model",
      hint: "call encodeStrings(words) beforehand, and give the model its result",
    });
  }
  protected unknownNumber(): number {
    return 0;
  }
  override getConfig(): Config {
    return { ...super.getConfig(), oov_token: this.oovToken, encoding: "utf-8" };
  }
}

/**
 * Whole numbers of any size as numbers from 0 on, or with `invert` back.
 *
 * @example
 * ```ts
 * const layer = new IntegerLookup({ vocabulary: [12, 36, 1138] });
 * layer.apply(tensor([[36, 7]])); // [[2, 0]]
 * ```
 */
export class IntegerLookup extends Lookup<number> {
  static override readonly className = "IntegerLookup";
  /** @internal */
  static readonly optionNames: readonly string[] = lookupNames;
  private readonly oovToken: number;
  constructor(options: LookupOptions<number> = {}) {
    checkOptionsOf(IntegerLookup, new.target, options);
    const { oovToken = -1 } = options;
    super(options, oovToken);
    this.oovToken = oovToken;
  }
  /** Takes the words from data. */
  adapt(data: TensorLike): void {
    this.learn(asTensor(data).data);
  }
  call(x: Tensor): Tensor {
    if (!this.invert) return this.encode(x.data, x.shape);
    const words = Int32Array.from(x.data, (n) => this.wordOf(n, this.oovToken));
    return tensor({ data: words, shape: x.shape });
  }
  /** The remainder, which is never negative. */
  protected unknownNumber(word: number): number {
    return ((word % this.oovCount) + this.oovCount) % this.oovCount;
  }
  override getConfig(): Config {
    return { ...super.getConfig(), oov_token: this.oovToken, vocabulary_dtype: "int64" };
  }
}

function flattened(words: NestedStrings): string[] {
  return typeof words === "string" ? [words] : words.flatMap(flattened);
}

function shapeOf(words: NestedStrings): number[] {
  if (typeof words === "string") return [];
  const inner = words.map(shapeOf);
  if (inner.some((s) => s.join() !== inner[0]!.join())) {
    throw new DataError({ op: "StringLookup", message: "nested arrays of strings differ in length" });
  }
  return [words.length, ...(inner[0] ?? [])];
}

function nested(words: readonly string[], shape: readonly number[]): NestedStrings {
  if (shape.length === 0) return words[0]!;
  const row = words.length / (shape[0] || 1);
  return Array.from({ length: shape[0]! }, (_, i) => nested(words.slice(i * row, (i + 1) * row), shape.slice(1)));
}
