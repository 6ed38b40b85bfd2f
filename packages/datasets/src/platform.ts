import type * as NodeCrypto from "node:crypto";
import type * as NodeFs from "node:fs/promises";
import type * as NodeOs from "node:os";
import type * as NodePath from "node:path";
import type * as NodeStream from "node:stream";
import type * as NodeUrl from "node:url";
import type * as NodeZlib from "node:zlib";
import { SourceError } from "./errors.ts";

/**
 * What Node, Deno and Bun offer beyond the web's own interfaces. Asking for built-in modules at run time keeps them out
 * of module graphs: a browser or a bundler never sees a `node:` import.
 */
export interface NodeModules {
  readonly crypto: typeof NodeCrypto;
  readonly fs: typeof NodeFs;
  readonly os: typeof NodeOs;
  readonly path: typeof NodePath;
  readonly stream: Pick<typeof NodeStream, "Readable" | "pipeline">;
  readonly url: typeof NodeUrl;
  readonly zlib: typeof NodeZlib;
}

function load(): NodeModules | undefined {
  const get = globalThis.process?.getBuiltinModule;
  if (typeof get !== "function") return undefined;
  return {
    crypto: get("node:crypto"),
    fs: get("node:fs/promises"),
    os: get("node:os"),
    path: get("node:path"),
    stream: get("node:stream"),
    url: get("node:url"),
    zlib: get("node:zlib"),
  };
}

/** The built-in modules, or `undefined` in a browser. */
export const node: NodeModules | undefined = load();

/** The built-in modules; throws a {@link SourceError} where there are none. */
export function requireNode(what: string): NodeModules {
  if (node) return node;
  throw new SourceError(`${what} needs a file system, which a browser does not have`, {
    hint: "Give an address, a Blob or bytes instead of a path.",
  });
}

/** An environment variable that is set to something, or `undefined`. */
export function environment(name: string): string | undefined {
  const value = globalThis.process?.env?.[name];
  return value === undefined || value === "" ? undefined : value;
}
