import { SourceError } from "./errors.ts";
import { fileError } from "./files.ts";
import { requireNode } from "./platform.ts";
import type { Signal } from "./platform-types.ts";

/** A lock file between processes. Its holder touches it again and again; one that is no longer touched is taken over. */

const TOUCH_EVERY_MS = 2_000;
const STALE_AFTER_MS = 15_000;
const LOOK_EVERY_MS = 100;
const GIVE_UP_AFTER_MS = 30 * 60_000;

function isGone(content: string, host: string): boolean {
  try {
    const owner = JSON.parse(content) as { pid?: unknown; host?: unknown };
    if (owner.host !== host || typeof owner.pid !== "number" || owner.pid === process.pid) return false;
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH";
  }
}

async function isStale(path: string): Promise<boolean> {
  const { fs, os } = requireNode("A lock");
  try {
    const { mtimeMs } = await fs.stat(path);
    if (Date.now() - mtimeMs > STALE_AFTER_MS) return true;
    return isGone(await fs.readFile(path, "utf8"), os.hostname());
  } catch {
    return false; // released in the meantime
  }
}

/** Removes a lock whose holder died; of several processes that notice, one does it. */
async function breakStale(path: string): Promise<void> {
  const { fs } = requireNode("A lock");
  const guard = `${path}.break`;
  try {
    await (await fs.open(guard, "wx")).close();
  } catch {
    if (await isStale(guard)) await fs.rm(guard, { force: true });
    return;
  }
  try {
    if (await isStale(path)) await fs.rm(path, { force: true });
  } finally {
    await fs.rm(guard, { force: true });
  }
}

/**
 * Runs `work` while no other process that asks for the same lock runs its own.
 *
 * @throws SourceError when the lock's folder cannot be written to, or the lock is held for half an hour.
 */
export async function withLock<T>(path: string, signal: Signal | undefined, work: () => Promise<T>): Promise<T> {
  const { fs, os, path: paths } = requireNode("A lock");
  await fs.mkdir(paths.dirname(path), { recursive: true }).catch((cause: unknown) => {
    throw fileError("the folder cannot be made", paths.dirname(path), cause);
  });
  const started = Date.now();
  for (;;) {
    signal?.throwIfAborted();
    try {
      const handle = await fs.open(path, "wx");
      await handle.writeFile(JSON.stringify({ pid: process.pid, host: os.hostname() }));
      await handle.close();
      break;
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST")
        throw fileError("the folder cannot be written to", path, error);
    }
    if (await isStale(path)) await breakStale(path);
    else await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    if (Date.now() - started > GIVE_UP_AFTER_MS) {
      throw new SourceError("another process has held the lock for too long", {
        file: path,
        hint: "If no other process is downloading, delete this file.",
      });
    }
  }
  const touch = setInterval(() => {
    const now = new Date();
    fs.utimes(path, now, now).catch(() => {}); // a missed touch is made up for by the next
  }, TOUCH_EVERY_MS);
  touch.unref?.();
  try {
    return await work();
  } finally {
    clearInterval(touch);
    await fs.rm(path, { force: true });
  }
}
