import { PipelineError, SourceError } from "../errors.ts";
import { writeAtomically } from "../files.ts";
import { withLock } from "../lock.ts";
import { requireNode } from "../platform.ts";
import { type ByteStream, openSource } from "../source.ts";
import { type Cursor, END, type End, type Epoch, type MaybePromise, type Plan, skipByNext, Through } from "./cursor.ts";
import { indexedPlan } from "./origins.ts";
import { decodeElement, encodeElement } from "./serialize.ts";

/** Keeps what a first whole pass gave, in memory or in a file. */

/** What is kept is the first epoch, whichever pass comes first: a resumed run must see the same. */
const FIRST_EPOCH: Epoch = [0];

class RecordingCursor<T> extends Through<T, T> {
  readonly #elements: T[] = [];
  readonly #whole: (elements: T[]) => void;
  #skipped = false;

  constructor(upstream: Cursor<T>, whole: (elements: T[]) => void) {
    super(upstream);
    this.#whole = whole;
  }

  next(): MaybePromise<T | End> {
    const element = this.upstream.next();
    return element instanceof Promise ? element.then((value) => this.#keep(value)) : this.#keep(element);
  }

  #keep(element: T | End): T | End {
    if (element !== END) this.#elements.push(element as T);
    else if (!this.#skipped) this.#whole(this.#elements);
    return element;
  }

  // A pass that began further on has not seen everything.
  override skip(count: number): MaybePromise<void> {
    if (count > 0) this.#skipped = true;
    return this.upstream.skip(count);
  }
}

export function memoryCachePlan<T>(upstream: Plan<T>): Plan<T> {
  if (upstream.size === Number.POSITIVE_INFINITY) refuseEndless();
  let kept: Plan<T> | undefined;
  const whole = (elements: T[]): void => {
    kept ??= indexedPlan("", elements.length, (index) => elements[index]!);
  };
  return {
    get size() {
      return kept?.size ?? upstream.size;
    },
    signature: `${upstream.signature} > cache`,
    open: async (epoch) => kept?.open(epoch) ?? new RecordingCursor(await upstream.open(FIRST_EPOCH), whole),
  };
}

function refuseEndless(): never {
  throw new PipelineError("cache", "a data set without end cannot be kept", { hint: "Use .take(n) first." });
}

const MAGIC = "gradiente-cache-1\n";
const END_MARK = 0xffffffff;

function u32(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return bytes;
}

async function build<T>(path: string, upstream: Plan<T>): Promise<void> {
  const { zlib } = requireNode("A cache file");
  await writeAtomically(path, async (writer) => {
    const signature = new TextEncoder().encode(upstream.signature);
    await writer.write(new TextEncoder().encode(MAGIC));
    await writer.write(u32(signature.length));
    await writer.write(signature);
    const cursor = await upstream.open(FIRST_EPOCH);
    let count = 0;
    try {
      for (let element = await cursor.next(); element !== END; element = await cursor.next()) {
        const bytes = encodeElement(element);
        await writer.write(u32(bytes.length, zlib.crc32(bytes)));
        await writer.write(bytes);
        count++;
      }
    } finally {
      await cursor.close();
    }
    await writer.write(u32(END_MARK, count));
  });
}

class FileCursor<T> implements Cursor<T> {
  readonly #stream: ByteStream;
  readonly #path: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #count = 0;
  #ended = false;

  constructor(stream: ByteStream, path: string) {
    this.#stream = stream;
    this.#path = path;
  }

  #damaged(what: string): SourceError {
    return new SourceError(what, {
      file: this.#path,
      offset: this.#offset,
      hint: "Delete the file; it will be made again.",
    });
  }

  async read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#chunk.length === 0) {
        const next = await this.#stream.next();
        if (!next) throw this.#damaged("the cache file ends too early");
        this.#chunk = next;
      }
      const piece = this.#chunk.subarray(0, missing);
      this.#chunk = this.#chunk.subarray(piece.length);
      this.#offset += piece.length;
      missing -= piece.length;
      pieces.push(piece);
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  async start(signature: string): Promise<void> {
    const magic = new TextDecoder().decode(await this.read(MAGIC.length));
    if (magic !== MAGIC) throw this.#damaged("this is no cache file");
    const length = new DataView((await this.read(4)).buffer).getUint32(0, true);
    // The size of the file bounds what is believed of a length.
    if (length > (this.#stream.sourceSize ?? 0)) throw this.#damaged("the cache file is damaged");
    const found = new TextDecoder().decode(await this.read(length));
    if (found === signature) return;
    throw new SourceError("the cache file was made by another pipeline", {
      file: this.#path,
      expected: signature,
      found,
      hint: "Delete the file, or give each pipeline a file of its own.",
    });
  }

  async next(): Promise<T | End> {
    if (this.#ended) return END;
    const { zlib } = requireNode("A cache file");
    const head = new DataView((await this.read(8)).buffer);
    const length = head.getUint32(0, true);
    const check = head.getUint32(4, true);
    if (length === END_MARK) {
      if (check !== this.#count) throw this.#damaged("the cache file has lost elements");
      this.#ended = true;
      return END;
    }
    if (length > (this.#stream.sourceSize ?? 0)) throw this.#damaged("the cache file is damaged");
    const bytes = await this.read(length);
    if (zlib.crc32(bytes) !== check) throw this.#damaged("an element's checksum is wrong");
    this.#count++;
    return decodeElement(bytes) as T;
  }

  skip(count: number): MaybePromise<void> {
    return skipByNext(this, count);
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#stream.close();
  }
}

export function fileCachePlan<T>(upstream: Plan<T>, path: string): Plan<T> {
  if (upstream.size === Number.POSITIVE_INFINITY) refuseEndless();
  const exists = (): Promise<boolean> =>
    requireNode("A cache file")
      .fs.stat(path)
      .then(
        () => true,
        () => false,
      );
  return {
    size: upstream.size,
    signature: `${upstream.signature} > cache(file)`,
    open: async () => {
      if (!(await exists())) {
        await withLock(`${path}.lock`, undefined, async () => {
          if (!(await exists())) await build(path, upstream);
        });
      }
      const cursor = new FileCursor<T>(await openSource(path, { gzip: "never" }), path);
      try {
        await cursor.start(upstream.signature);
      } catch (error) {
        await cursor.close();
        throw error;
      }
      return cursor;
    },
  };
}
