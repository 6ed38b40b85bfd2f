import { FileError, GradienteError } from "../errors.ts";
import { nodeModule } from "./node.ts";

/** Whether a process with this number runs here. */
function runs(pid: number): boolean {
  try {
    return globalThis.process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Removes what processes that were killed while they wrote this file have left beside it. */
async function removeLeftovers(path: string): Promise<void> {
  const { readdir, rm } = nodeModule("node:fs/promises");
  const { basename, dirname, join } = nodeModule("node:path");
  const [folder, name] = [dirname(path), basename(path)];
  for (const other of await readdir(folder)) {
    if (!other.startsWith(`${name}.`)) continue;
    const pid = /^(\d+)-[0-9a-z]+\.tmp$/.exec(other.slice(name.length + 1))?.[1];
    if (pid !== undefined && !runs(Number(pid))) await rm(join(folder, other), { force: true });
  }
}

/**
 * Writes a file so that it appears at once and whole: into a temporary one in the same folder, which is flushed to the
 * disk and then takes its place. What a killed process has left of the same is removed.
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
    // The file is there: what lies beside it is no reason to fail.
    await removeLeftovers(path).catch(() => {});
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof GradienteError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileError({ op: "save", message: `"${path}" could not be written: ${reason}` });
  }
}
