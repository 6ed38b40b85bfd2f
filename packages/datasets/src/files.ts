import { SourceError } from "./errors.ts";
import { requireNode } from "./platform.ts";

/** Writes pieces of a file in order; offered by {@link writeAtomically}. */
export interface FileWriter {
  write(bytes: Uint8Array): Promise<void>;
  /** Overwrites bytes that were written before. */
  patch(bytes: Uint8Array, offset: number): Promise<void>;
}

/** A failed system call as one of our errors, with the path and the system's own words. */
export function fileError(what: string, path: string, cause: unknown): SourceError {
  const { code, message } = cause as { code?: string; message?: string };
  const hint =
    code === "ENOENT"
      ? "There is no such file; check the path."
      : code === "EACCES" || code === "EPERM"
        ? "The file may not be accessed; check its permissions."
        : code === "EISDIR"
          ? "This is a folder; give the path of a file in it."
          : undefined;
  return new SourceError(what, { file: path, found: code ?? message, hint, cause });
}

let written = 0;

/**
 * Writes a file that is either whole or not there: into a temporary file beside it, flushed to the disk, then renamed.
 * When `produce` throws, the temporary file is removed and an older file of that name is left as it was.
 *
 * @throws SourceError when the file cannot be written.
 */
export async function writeAtomically(path: string, produce: (writer: FileWriter) => Promise<void>): Promise<void> {
  const { fs, path: paths } = requireNode("Writing a file");
  const temporary = `${path}.${process.pid}-${Date.now().toString(36)}-${written++}.tmp`;
  try {
    await fs.mkdir(paths.dirname(path), { recursive: true });
    const handle = await fs.open(temporary, "wx");
    try {
      let position = 0;
      await produce({
        async write(bytes) {
          for (let done = 0; done < bytes.length; ) {
            const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position);
            done += bytesWritten;
            position += bytesWritten;
          }
        },
        async patch(bytes, offset) {
          await handle.write(bytes, 0, bytes.length, offset);
        },
      });
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to report
    if (typeof (error as { code?: unknown }).code === "string" && "syscall" in (error as object)) {
      throw fileError("the file cannot be written", path, error);
    }
    throw error;
  }
}
