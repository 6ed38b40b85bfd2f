import { existsSync } from "node:fs";
import { join } from "node:path";

/** For tests only: a folder under `GRADIENTE_DATA`, or `undefined`, said aloud, so that its tests are seen to be skipped. */
export function realData(folder: string): string | undefined {
  const data = process.env.GRADIENTE_DATA;
  const path = data === undefined ? undefined : join(data, folder);
  if (path !== undefined && existsSync(path)) return path;
  console.info(`Skipped: tests on ${folder}, which GRADIENTE_DATA does not have (${data ?? "not set"}).`);
  return undefined;
}
