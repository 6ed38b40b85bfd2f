import type * as NodeFs from "node:fs/promises";
import type * as NodePath from "node:path";
import { FileError } from "../errors.ts";

interface Modules {
  readonly "node:fs/promises": typeof NodeFs;
  readonly "node:path": typeof NodePath;
}

/**
 * A module that Node, Deno and Bun have built in. Asking for it at run time keeps it out of module graphs: a bundler for
 * browsers never sees a `node:` import.
 * @throws {FileError} where there is none, as in a browser.
 */
export function nodeModule<Name extends keyof Modules>(name: Name): Modules[Name] {
  const found = globalThis.process?.getBuiltinModule?.(name) as Modules[Name] | undefined;
  if (found !== undefined) return found;
  throw new FileError({
    op: "files",
    message: `there is no module ${name} here, and so no files`,
    hint: "read bytes or a Blob, and write the bytes that encodeTensors gives",
  });
}
