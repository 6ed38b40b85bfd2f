/** Every example runs in its short form and leaves its picture. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const folder = join(import.meta.dirname, "..", "examples");
// The main job has tests of its own.
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts") && file !== "fashion-mnist.ts")
  .map((file) => file.slice(0, -".ts".length));
const run = promisify(execFile);
const hasHousing = existsSync(join(process.env.GRADIENTE_DATA ?? "", "california-housing"));

let out = "";
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), "gradiente-examples-"));
});
afterAll(() => rm(out, { recursive: true, force: true }));

describe("examples", () => {
  test.each(names)("%s", async (name) => {
    // Its data are not embedded, and tests download nothing.
    if (name === "california-housing" && !hasHousing) return;
    const { stdout, stderr } = await run(process.execPath, [join(folder, `${name}.ts`), "--quick", "--out", out]);
    expect(stderr).toBe("");
    const picture = join(out, `${name}.svg`);
    expect(stdout).toContain(`Picture: ${picture}`);
    expect(await readFile(picture, "utf8")).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  });

  test("refuse unknown options", async () => {
    const started = run(process.execPath, [join(folder, "activations.ts"), "--fast"]);
    await expect(started).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("Valid options: --seed") });
  });
});
