import type { DownloadOptions, RemoteFile } from "../download.ts";
import { type Attempt, DataUnavailableError, SourceError } from "../errors.ts";
import { reasonOf } from "../source.ts";

/** Downloads in a browser, kept in its Cache API (which pages served over https and from localhost have). */

/** The parts of the Cache API that are used; Node's types do not have it. */
interface WebCache {
  match(key: string): Promise<Response | undefined>;
  put(key: string, response: Response): Promise<void>;
}
interface WebPlatform {
  readonly caches?: { open(name: string): Promise<WebCache> };
  readonly navigator?: { readonly locks?: { request<T>(name: string, work: () => Promise<T>): Promise<T> } };
}

const CACHE_NAME = "gradiente-1";

async function fetchWhole(file: RemoteFile, url: string, options: DownloadOptions): Promise<Blob> {
  const stalled = new AbortController();
  const stall = (): void => stalled.abort(new SourceError("the server stopped sending", { file: url }));
  const timeout = options.stallTimeout ?? 30_000;
  let timer = setTimeout(stall, timeout);
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal;
  try {
    const response = await fetch(url, { signal });
    if (!response.ok || !response.body) {
      throw new SourceError("the server did not send the file", {
        file: url,
        expected: "status 200",
        found: `status ${response.status}`,
      });
    }
    const reader = response.body.getReader();
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let done = 0;
    for (;;) {
      const next = await reader.read();
      if (next.done) break;
      clearTimeout(timer);
      timer = setTimeout(stall, timeout);
      chunks.push(next.value as Uint8Array<ArrayBuffer>);
      done += next.value.length;
      options.onProgress?.({ file: file.name, url, done, total: file.bytes });
    }
    return new Blob(chunks);
  } finally {
    clearTimeout(timer);
  }
}

/** Browsers offer no MD5; files that have no other checksum are checked by their format alone. */
async function verify(blob: Blob, file: RemoteFile, url: string): Promise<void> {
  const complain = (field: string, expected: string, found: string): never => {
    throw new SourceError("this is not the file that was expected", { file: url, field, expected, found });
  };
  if (file.bytes !== undefined && blob.size !== file.bytes) complain("size", `${file.bytes} bytes`, String(blob.size));
  const subtle = globalThis.crypto?.subtle;
  if (file.sha256 === undefined || !subtle) return;
  const digest = new Uint8Array(await subtle.digest("SHA-256", await blob.arrayBuffer()));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== file.sha256) complain("sha256", file.sha256, found);
}

/** A file from the browser's cache, or from the first address that sends it whole. */
export async function fetchCached(
  file: RemoteFile,
  folder: string,
  download: boolean,
  options: DownloadOptions,
): Promise<{ blob: Blob; url: string | undefined }> {
  const platform = globalThis as unknown as WebPlatform;
  const cache = await platform.caches?.open(CACHE_NAME);
  const key = `/gradiente-cache/${folder}/${file.name}`;
  const work = async (): Promise<{ blob: Blob; url: string | undefined }> => {
    const kept = await cache?.match(key);
    if (kept) return { blob: await kept.blob(), url: undefined };
    const tried: Attempt[] = [{ place: "the browser's cache", reason: cache ? "has no such file" : "there is none" }];
    if (!download) tried.push({ place: "download", reason: "switched off by { download: false }" });
    for (const url of download ? file.urls : []) {
      try {
        const blob = await fetchWhole(file, url, options);
        await verify(blob, file, url);
        await cache?.put(key, new Response(blob));
        return { blob, url };
      } catch (error) {
        options.signal?.throwIfAborted();
        tried.push({ place: url, reason: reasonOf(error) });
      }
    }
    throw new DataUnavailableError(
      file.name,
      tried,
      "Serve the files from your own address and give it as { mirrors: [address] }; many servers refuse other pages.",
    );
  };
  const { locks } = platform.navigator ?? {};
  return locks ? locks.request(key, work) : work();
}
