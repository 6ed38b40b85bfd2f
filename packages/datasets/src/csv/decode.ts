import { CsvError } from "../errors.ts";

/** From bytes in any of the encodings spreadsheets write to text. */

export type CsvEncoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";
export const CSV_ENCODINGS: readonly ("auto" | CsvEncoding)[] = [
  "auto",
  "utf-8",
  "utf-16le",
  "utf-16be",
  "windows-1252",
];

/** By the byte-order mark, or by the zeros that UTF-16 puts between ASCII characters. */
export function detectEncoding(head: Uint8Array): CsvEncoding {
  const [a, b, c, d] = head;
  if (a === 0xff && b === 0xfe) return "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  if (a !== 0 && b === 0 && c !== 0 && d === 0) return "utf-16le";
  if (a === 0 && b !== 0 && c === 0 && d !== 0) return "utf-16be";
  return "utf-8";
}

/** Turns chunks into text without a byte-order mark; cuts within a character do no harm. */
export class Decoder {
  readonly #decoder: InstanceType<typeof TextDecoder>;
  readonly #encoding: CsvEncoding;
  readonly #file: string;
  #offset = 0;

  constructor(encoding: CsvEncoding, file: string) {
    // The decoder drops the byte-order mark and refuses what is not valid.
    this.#decoder = new TextDecoder(encoding, { fatal: true });
    this.#encoding = encoding;
    this.#file = file;
  }

  push(bytes: Uint8Array): string {
    return this.#decode(bytes, true);
  }

  end(): string {
    return this.#decode(new Uint8Array(0), false);
  }

  #decode(bytes: Uint8Array, stream: boolean): string {
    const before = this.#offset;
    this.#offset += bytes.length;
    try {
      return this.#decoder.decode(bytes, { stream });
    } catch (cause) {
      throw new CsvError(`the text is not valid ${this.#encoding}`, {
        file: this.#file,
        offset: before,
        expected: `${this.#encoding} from this byte on`,
        hint:
          this.#encoding === "utf-8"
            ? 'Files of older Windows programs need { encoding: "windows-1252" }.'
            : "The file is damaged, or has another encoding.",
        cause,
      });
    }
  }
}
