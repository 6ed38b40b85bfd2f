import { FileError, GradienteError } from "../errors.ts";
import { nodeModule } from "./node.ts";

/**
 * Writes a file so that it appears at once and whole: into a temporary one in the same folder, which is flushed to the
 * disk and then takes its place.
 * @param write - Writes to the path it is given, or the bytes themselves.
 * @throws {FileError} when that fails; what was there before is left as it was.
 */
export async function writeAtomically(
  path: string,
  write: Uint8Array | ((temporary: string) => Promise<void>),
): Promise<void> {
  const { open, rename, rm, writeFile } = nodeModule("node:fs/promises");
  const temporary = `${path}.${globalThis.process.pid}-${Math.random().toString(36).slice(2, 10)}.tmp`;
  try {
    await (await open(temporary, "wx")).close();
    await (write instanceof Uint8Array ? writeFile(temporary, write) : write(temporary));
    const handle = await open(temporary, "r+");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof GradienteError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileError({ op: "save", message: `"${path}" could not be written: ${reason}` });
  }
}
