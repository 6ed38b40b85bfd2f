import { type Attempt, DataUnavailableError, SourceError } from "./errors.ts";
import { withLock } from "./lock.ts";
import { requireNode } from "./platform.ts";
import type { Signal } from "./platform-types.ts";
import { reasonOf } from "./source.ts";

/** A file on the net, and how to know that it arrived whole. */
export interface RemoteFile {
  /** File name in the cache. */
  readonly name: string;
  /** Addresses in the order they are tried. */
  readonly urls: readonly string[];
  readonly sha256?: string;
  readonly md5?: string;
  /** Size in bytes. */
  readonly bytes?: number;
}

/** What a download tells about itself after each piece. */
export interface DownloadProgress {
  readonly file: string;
  readonly url: string;
  /** Bytes that have arrived, in this and in earlier, interrupted downloads. */
  readonly done: number;
  readonly total: number | undefined;
}

export interface DownloadOptions {
  readonly signal?: Signal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Milliseconds without a single byte after which a connection is given up; default 30,000. */
  readonly stallTimeout?: number | undefined;
}

/** What is kept beside an unfinished download to go on with it. */
interface PartialState {
  readonly url: string;
  readonly validator: string | undefined;
}

const TRIES_PER_ADDRESS = 3;

async function sizeOnDisk(path: string): Promise<number | undefined> {
  const { fs } = requireNode("A cache");
  return fs.stat(path).then(
    (stat) => stat.size,
    () => undefined,
  );
}

async function readState(path: string): Promise<PartialState | undefined> {
  const { fs } = requireNode("A cache");
  try {
    return JSON.parse(await fs.readFile(path, "utf8")) as PartialState;
  } catch {
    return undefined; // no state, or one cut off: the download starts afresh
  }
}

/** A server's name for this very version of a file; weak ones do not promise the same bytes. */
function validatorOf(response: Response): string | undefined {
  const etag = response.headers.get("etag");
  if (etag && !etag.startsWith("W/")) return etag;
  return response.headers.get("last-modified") ?? undefined;
}

/** The byte a 206 response goes on from, and the size of the whole. */
function contentRange(response: Response): { start: number; total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (!match) return undefined;
  return { start: Number(match[1]), total: match[2] === "*" ? undefined : Number(match[2]) };
}

interface Target {
  readonly file: RemoteFile;
  readonly partial: string;
  readonly state: string;
}

/** One request, going on from what is there when the server can. */
async function transfer(target: Target, url: string, options: DownloadOptions): Promise<void> {
  const { fs } = requireNode("A cache");
  const kept = await readState(target.state);
  let offset = (await sizeOnDisk(target.partial)) ?? 0;
  if (kept?.url !== url || kept.validator === undefined) offset = 0;
  const stalled = new AbortController();
  const stallTimeout = options.stallTimeout ?? 30_000;
  const stall = (): void => stalled.abort(new SourceError("the server stopped sending", { file: url }));
  let timer = setTimeout(stall, stallTimeout);
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal;
  try {
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (offset > 0) {
      headers.range = `bytes=${offset}-`;
      headers["if-range"] = kept!.validator!;
    }
    const response = await fetch(url, { headers, signal });
    if (response.status === 416) {
      await response.body?.cancel();
      await fs.rm(target.partial, { force: true });
      throw new SourceError("the server has no more of the file than was already there", { file: url });
    }
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw new SourceError("the server did not send the file", {
        file: url,
        expected: "status 200",
        found: `status ${response.status} ${response.statusText}`.trim(),
      });
    }
    const range = response.status === 206 ? contentRange(response) : undefined;
    if (response.status === 206 && range?.start !== offset) {
      await response.body.cancel();
      await fs.rm(target.partial, { force: true });
      throw new SourceError("the server went on from another place than it was asked to", { file: url });
    }
    if (response.status !== 206) offset = 0;
    const length = response.headers.get("content-length");
    const total = range?.total ?? (length === null ? target.file.bytes : offset + Number(length));
    await fs.writeFile(target.state, JSON.stringify({ url, validator: validatorOf(response) }));
    const handle = await fs.open(target.partial, offset === 0 ? "w" : "r+");
    try {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        timer = setTimeout(stall, stallTimeout);
        for (let done = 0; done < chunk.length; ) {
          const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, offset);
          done += bytesWritten;
          offset += bytesWritten;
        }
        options.onProgress?.({ file: target.file.name, url, done: offset, total });
      }
      if (total !== undefined && offset !== total) {
        throw new SourceError("the connection ended early", {
          file: url,
          expected: `${total} bytes`,
          found: String(offset),
        });
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw stalled.signal.aborted && !options.signal?.aborted ? stalled.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Compares a file on disk with its checksums, reading it in pieces. */
export async function verifyFile(path: string, file: RemoteFile): Promise<void> {
  const { crypto, fs } = requireNode("A cache");
  const size = await sizeOnDisk(path);
  const complain = (field: string, expected: string, found: string): never => {
    throw new SourceError("this is not the file that was expected", {
      file: path,
      field,
      expected,
      found,
      hint: "The download was damaged or the file was changed on its server.",
    });
  };
  if (file.bytes !== undefined && size !== file.bytes) complain("size", `${file.bytes} bytes`, String(size));
  for (const algorithm of ["sha256", "md5"] as const) {
    const expected = file[algorithm];
    if (expected === undefined) continue;
    const hash = crypto.createHash(algorithm);
    const handle = await fs.open(path, "r");
    try {
      for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
        hash.update(chunk as Uint8Array);
      }
    } finally {
      await handle.close();
    }
    const found = hash.digest("hex");
    if (found !== expected) complain(algorithm, expected, found);
    return; // the stronger of the two is enough
  }
}

/** Downloads a file, or finds that another process has. Returns its path and the address it came from, if any. */
export async function downloadFile(
  file: RemoteFile,
  directory: string,
  options: DownloadOptions = {},
): Promise<{ path: string; url: string | undefined }> {
  const { fs, path: paths } = requireNode("A cache");
  const path = paths.join(directory, file.name);
  if ((await sizeOnDisk(path)) !== undefined) return { path, url: undefined };
  return withLock(`${path}.lock`, options.signal, async () => {
    if ((await sizeOnDisk(path)) !== undefined) return { path, url: undefined };
    const target: Target = { file, partial: `${path}.partial`, state: `${path}.partial.json` };
    const tried: Attempt[] = [];
    for (const url of file.urls) {
      for (let attempt = 1; attempt <= TRIES_PER_ADDRESS; attempt++) {
        const before = (await sizeOnDisk(target.partial)) ?? 0;
        try {
          await transfer(target, url, options);
        } catch (error) {
          options.signal?.throwIfAborted();
          const after = (await sizeOnDisk(target.partial)) ?? 0;
          // Trying again only makes sense where something moved; a refusal stays a refusal.
          if (after !== before && attempt < TRIES_PER_ADDRESS) continue;
          tried.push({ place: url, reason: reasonOf(error) });
          break;
        }
        try {
          await verifyFile(target.partial, file);
        } catch (error) {
          await fs.rm(target.partial, { force: true });
          // What was put together from two downloads is tried once more in one piece.
          if (before > 0 && attempt < TRIES_PER_ADDRESS) continue;
          tried.push({ place: url, reason: (error as Error).message });
          break;
        }
        await fs.rename(target.partial, path);
        await fs.rm(target.state, { force: true });
        return { path, url };
      }
    }
    throw new DataUnavailableError(
      file.name,
      tried,
      `Check the network connection, or fetch the file by hand and put it into ${directory}.`,
    );
  });
}

/** A progress bar on standard error, where that is a terminal: give it as `onProgress`. */
export function progressBar(): (progress: DownloadProgress) => void {
  let last = 0;
  return ({ file, done, total }) => {
    const out = globalThis.process?.stderr;
    if (!out?.isTTY) return;
    const finished = total !== undefined && done >= total;
    const now = Date.now();
    if (now - last < 100 && !finished) return;
    last = now;
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    const width = 30;
    const filled = total === undefined || total === 0 ? 0 : Math.round((width * done) / total);
    const bar = total === undefined ? "" : ` [${"=".repeat(filled)}${" ".repeat(Math.max(0, width - filled))}]`;
    out.write(
      `\r${file}${bar} ${megabytes(done)}${total === undefined ? "" : ` of ${megabytes(total)}`}${finished ? "\n" : ""}`,
    );
  };
}
