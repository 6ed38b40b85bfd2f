import {
  type DownloadOptions,
  type DownloadProgress,
  downloadFile,
  progressBar,
  type RemoteFile,
} from "../download.ts";
import { ArgumentError, type Attempt, DataUnavailableError, SourceError } from "../errors.ts";
import { environment, node, requireNode } from "../platform.ts";
import type { Signal } from "../platform-types.ts";
import type { Source } from "../source.ts";
import { fetchCached } from "./browser-cache.ts";

/** Where the files of a data set were found. */
export interface DataOrigin {
  readonly kind: "directory" | "GRADIENTE_DATA" | "cache" | "download" | "synthetic";
  /** The folder, or for a download the address of its first file. */
  readonly location: string;
}

/** A file that was found: what to read, and what to call it. */
export interface LocatedFile {
  readonly source: Source;
  readonly name: string;
}

export interface Located {
  readonly files: readonly LocatedFile[];
  readonly origin: DataOrigin;
}

/** Options that every data set of the catalogue has. */
export interface LocateOptions {
  /** A folder to look in before all others. */
  readonly directory?: string | undefined;
  /** The cache folder; default: `gradiente` in the user's cache folder. */
  readonly cache?: string | undefined;
  /** Whether to download what is found nowhere; default true. */
  readonly download?: boolean | undefined;
  /** Addresses of folders that hold the files, tried before the official ones. */
  readonly mirrors?: readonly string[] | undefined;
  /** Told about the progress of downloads; default: a bar, when standard error is a terminal. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: Signal | undefined;
  /** Milliseconds without a single byte after which a connection is given up; default 30,000. */
  readonly stallTimeout?: number | undefined;
}

export const LOCATE_OPTIONS: readonly (keyof LocateOptions)[] = [
  "directory",
  "cache",
  "download",
  "mirrors",
  "onProgress",
  "signal",
  "stallTimeout",
];

/** A data set's files: in which folder they lie, and where they are to be had. */
export interface FileSet {
  /** How the data set is called in messages. */
  readonly title: string;
  /** Name of its folder under `GRADIENTE_DATA` and in the cache. */
  readonly folder: string;
  readonly files: readonly CatalogFile[];
  /** Addresses of folders the files are downloaded from. */
  readonly baseUrls: readonly string[];
}

export interface CatalogFile {
  readonly name: string;
  /** Other names the file may have in a folder, such as that of the unpacked file. */
  readonly alternatives?: readonly string[];
  /** Its own addresses, where they are not a folder's with the name appended. */
  readonly urls?: readonly string[];
  readonly sha256?: string;
  readonly md5?: string;
  readonly bytes?: number;
}

/** The user's cache folder for this library. */
export function defaultCache(): string {
  const { os, path } = requireNode("A cache folder");
  const home = os.homedir();
  if (process.platform === "win32") {
    return path.join(environment("LOCALAPPDATA") ?? path.join(home, "AppData", "Local"), "gradiente", "Cache");
  }
  if (process.platform === "darwin") return path.join(home, "Library", "Caches", "gradiente");
  return path.join(environment("XDG_CACHE_HOME") ?? path.join(home, ".cache"), "gradiente");
}

async function findIn(folder: string, set: FileSet): Promise<{ paths: string[] } | { reason: string }> {
  const { fs, path } = requireNode("A folder");
  const paths: string[] = [];
  const missing: string[] = [];
  for (const file of set.files) {
    let found: string | undefined;
    for (const name of [file.name, ...(file.alternatives ?? [])]) {
      const candidate = path.join(folder, name);
      const isFile = await fs.stat(candidate).then(
        (stat) => stat.isFile(),
        () => false,
      );
      if (isFile) {
        found = candidate;
        break;
      }
    }
    if (found) paths.push(found);
    else missing.push(file.name);
  }
  if (missing.length === 0) return { paths };
  const exists = await fs.stat(folder).then(
    () => true,
    () => false,
  );
  return { reason: exists ? `has no ${missing.join(", ")}` : "there is no such folder" };
}

const withSlash = (base: string): string => (base.endsWith("/") ? base : `${base}/`);

/** The file as it is to be downloaded, from the mirrors given and then from the official addresses. */
export function remoteFile(file: CatalogFile, set: FileSet, mirrors: readonly string[]): RemoteFile {
  const { alternatives: _, urls = [], ...rest } = file;
  const inFolder = (base: string): string => `${withSlash(base)}${file.name}`;
  return { ...rest, urls: [...mirrors.map(inFolder), ...urls, ...set.baseUrls.map(inFolder)] };
}

/**
 * Finds a data set's files: in the folder given, under `GRADIENTE_DATA`, in the cache, on the net.
 *
 * @throws DataUnavailableError that lists every place and what was wrong with it.
 */
export function locate(set: FileSet, options: LocateOptions): Promise<Located> {
  return node ? locateOnDisk(set, options) : locateInBrowser(set, options);
}

/** Browsers have a cache and the net. */
async function locateInBrowser(set: FileSet, options: LocateOptions): Promise<Located> {
  const { onProgress, signal, stallTimeout, download = true, mirrors = [] } = options;
  const files: LocatedFile[] = [];
  let from: string | undefined;
  for (const file of set.files) {
    const remote = remoteFile(file, set, mirrors);
    const { blob, url } = await fetchCached(remote, set.folder, download, { onProgress, signal, stallTimeout });
    files.push({ source: blob, name: file.name });
    from ??= url;
  }
  const origin: DataOrigin =
    from === undefined ? { kind: "cache", location: "the browser's cache" } : { kind: "download", location: from };
  return { files, origin };
}

async function locateOnDisk(set: FileSet, options: LocateOptions): Promise<Located> {
  const asFiles = (paths: readonly string[]): LocatedFile[] => paths.map((path) => ({ source: path, name: path }));
  const { path } = requireNode("A data set's folder");
  if (options.directory !== undefined && typeof options.directory !== "string") {
    throw new ArgumentError("not a folder", {
      field: "directory",
      expected: "a path",
      found: typeof options.directory,
    });
  }
  const tried: Attempt[] = [];
  const cache = path.join(options.cache ?? defaultCache(), set.folder);
  const data = environment("GRADIENTE_DATA");
  const places: [DataOrigin["kind"], string][] = [];
  if (options.directory !== undefined) {
    places.push(["directory", options.directory], ["directory", path.join(options.directory, set.folder)]);
  }
  if (data !== undefined) places.push(["GRADIENTE_DATA", path.join(data, set.folder)]);
  else tried.push({ place: "GRADIENTE_DATA", reason: "is not set" });
  places.push(["cache", cache]);
  if (options.directory === undefined) tried.unshift({ place: "directory", reason: "none was given" });
  for (const [kind, folder] of places) {
    const result = await findIn(folder, set);
    if ("paths" in result) return { files: asFiles(result.paths), origin: { kind, location: folder } };
    tried.push({
      place: kind === "GRADIENTE_DATA" ? `GRADIENTE_DATA, ${folder}` : `${kind}, ${folder}`,
      reason: result.reason,
    });
  }
  const hint =
    `Connect to the network and try again, or put ${set.files.map(({ name }) => name).join(", ")} into a folder ` +
    `and give it as { directory }, or set GRADIENTE_DATA to a folder that holds them in "${set.folder}".`;
  if (options.download === false) {
    tried.push({ place: "download", reason: "switched off by { download: false }" });
    throw new DataUnavailableError(set.title, tried, hint);
  }
  const downloading: DownloadOptions = {
    signal: options.signal,
    onProgress: options.onProgress ?? progressBar(),
    stallTimeout: options.stallTimeout,
  };
  const paths: string[] = [];
  let from: string | undefined;
  for (const file of set.files) {
    try {
      const result = await downloadFile(remoteFile(file, set, options.mirrors ?? []), cache, downloading);
      paths.push(result.path);
      from ??= result.url;
    } catch (error) {
      if (error instanceof DataUnavailableError) {
        throw new DataUnavailableError(set.title, [...tried, ...error.tried], hint);
      }
      // A cache that cannot be written to is one more way of not getting the files.
      if (!(error instanceof SourceError)) throw error;
      tried.push({ place: `download into ${cache}`, reason: error.message });
      throw new DataUnavailableError(set.title, tried, hint);
    }
  }
  const origin: DataOrigin =
    from === undefined ? { kind: "cache", location: cache } : { kind: "download", location: from };
  return { files: asFiles(paths), origin };
}
