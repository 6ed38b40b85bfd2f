import { DataError } from "../errors.ts";
import { type ByteStream, openTransient, type Source, type SourceOptions } from "../source.ts";
import { Decoder, detectEncoding } from "./decode.ts";
import type { CsvOptions } from "./options.ts";
import { type Dialect, detectDelimiter, type RawRecord, Tokenizer } from "./tokenize.ts";

/**
 * Taken apart at once. Records of small pieces are used up before the collector moves them to where it seldom looks: with
 * pieces of 32 KiB a pass over 600 MB had 204 MB resident, with these 151, at the same speed.
 */
const PIECE_BYTES = 8 * 1024;

/** Tokens of one reading, with the first of them kept back so that they can be looked at. */
export class RecordStream {
  readonly stream: ByteStream;
  readonly #options: CsvOptions;
  #decoder: Decoder | undefined;
  #tokenizer: Tokenizer | undefined;
  #ready: RawRecord[] = [];
  #at = 0;
  #ended = false;
  #rest: Uint8Array = new Uint8Array(0);
  #sourceEnded = false;
  #failure: DataError | undefined;

  constructor(stream: ByteStream, options: CsvOptions) {
    this.stream = stream;
    this.#options = options;
  }

  /** Looks at the beginning to tell encoding and delimiter. */
  async #start(): Promise<void> {
    let head: Uint8Array = new Uint8Array(0);
    let ended = false;
    // The same bytes are looked at however they arrive, or the answer would depend on where chunks are cut.
    while (head.length < 65_536 && !ended) {
      const chunk = await this.stream.next();
      if (!chunk) ended = true;
      else if (head.length === 0)
        head = chunk.slice(); // the next chunk may lie in the same buffer
      else {
        const joined = new Uint8Array(head.length + chunk.length);
        joined.set(head);
        joined.set(chunk, head.length);
        head = joined;
      }
    }
    const { encoding = "auto", quote = '"', comment, delimiter } = this.#options;
    const chosen = encoding === "auto" ? detectEncoding(head) : encoding;
    const sample = new TextDecoder(chosen).decode(head.subarray(0, 65_536));
    const mark = quote ?? "";
    const dialect: Dialect = {
      delimiter: delimiter === undefined ? detectDelimiter(sample, mark, comment) : delimiter,
      quote: mark,
      escape: this.#options.escape ?? mark,
      comment,
      newline: this.#options.newline,
      relaxQuotes: this.#options.relaxQuotes ?? false,
      maxRecordBytes: this.#options.maxRecordBytes ?? 4 * 1024 * 1024,
    };
    this.#decoder = new Decoder(chosen, this.stream.name);
    this.#tokenizer = new Tokenizer(dialect, this.stream.name);
    this.#rest = head;
    this.#sourceEnded = ended;
  }

  async #feed(bytes: Uint8Array): Promise<void> {
    let text: string;
    try {
      text = this.#decoder!.push(bytes);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#ready = await this.#tokenizer!.push(text);
    this.#at = 0;
    if (this.#tokenizer!.failure) this.#fail(this.#tokenizer!.failure);
  }

  async #finish(): Promise<void> {
    const before = this.#ready.slice(this.#at);
    this.#ended = true;
    if (this.#failure) return;
    try {
      const rest = await this.#tokenizer!.push(this.#decoder!.end());
      const last = await this.#tokenizer!.end();
      this.#ready = [...before, ...rest, ...last];
      this.#at = 0;
      if (this.#tokenizer!.failure) this.#fail(this.#tokenizer!.failure);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Kept until the records before it have been handed out. */
  #fail(error: unknown): void {
    if (!(error instanceof DataError)) throw error;
    this.#failure = error;
    this.#ended = true;
  }

  /** The next record if it is at hand. */
  take(): RawRecord | undefined {
    return this.#at < this.#ready.length ? this.#ready[this.#at++] : undefined;
  }

  async next(): Promise<RawRecord | undefined> {
    if (!this.#tokenizer) await this.#start();
    for (;;) {
      const record = this.take();
      if (record) return record;
      if (this.#failure) throw this.#failure;
      if (this.#ended) return undefined;
      if (this.#rest.length === 0 && !this.#sourceEnded) {
        const chunk = await this.stream.next();
        if (chunk) this.#rest = chunk;
        else this.#sourceEnded = true;
      }
      const piece = this.#rest.subarray(0, PIECE_BYTES);
      this.#rest = this.#rest.subarray(PIECE_BYTES);
      if (piece.length > 0) await this.#feed(piece);
      else if (this.#sourceEnded) await this.#finish();
    }
  }

  /** Puts records back in front. */
  unread(records: readonly RawRecord[]): void {
    this.#ready = [...records, ...this.#ready.slice(this.#at)];
    this.#at = 0;
  }

  async close(): Promise<void> {
    this.#tokenizer?.destroy();
    await this.stream.close();
  }
}

/** Opens a source for one reading of its records. */
export async function openRecords(source: Source, options: CsvOptions): Promise<RecordStream> {
  const { gzip, name, signal, chunkSize = 64 * 1024, onProgress } = options;
  const reading: SourceOptions = {
    ...(gzip !== undefined && { gzip }),
    ...(name !== undefined && { name }),
    ...(signal !== undefined && { signal }),
    chunkSize,
    ...(onProgress !== undefined && { onProgress }),
  };
  return new RecordStream(await openTransient(source, reading), options);
}
