/** Every example runs in its short form and leaves its picture. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const folder = join(import.meta.dirname, "..", "examples");
// The main job leaves several pictures, and has tests of its own.
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts") && file !== "fashion-mnist.ts")
  .map((file) => file.slice(0, -".ts".length));
const run = promisify(execFile);
/** Examples whose data are not embedded: tests download nothing. */
const needsHousing: readonly string[] = ["california-housing", "choosing-hyperparameters", "wide-and-deep"];
const hasHousing = existsSync(join(process.env.GRADIENTE_DATA ?? "", "california-housing"));

let out = "";
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), "gradiente-examples-"));
});
afterAll(() => rm(out, { recursive: true, force: true }));

/** Runs an example to its end. @returns what it printed. */
async function runExample(name: string, ...options: string[]): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, [join(folder, `${name}.ts`), "--out", out, ...options]);
  expect(stderr).toBe("");
  const picture = join(out, `${name}.svg`);
  expect(stdout).toContain(`Picture: ${picture}`);
  expect(await readFile(picture, "utf8")).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  return stdout;
}

describe("examples", () => {
  for (const name of names) {
    test.skipIf(needsHousing.includes(name) && !hasHousing)(name, async () => {
      await runExample(name, "--quick");
    });
  }

  test.skipIf(!hasHousing)("8-30-1 learns California housing as well as it does in Keras", async () => {
    const stdout = await runExample("california-housing");
    expect(stdout).toContain("divided as the file beside them says");
    const error = Number(/Test: mean squared error ([\d.]+)/.exec(stdout)?.[1]);
    // Keras: 0.421.
    expect(error).toBeGreaterThan(0.4);
    expect(error).toBeLessThan(0.44);
  });

  test("fashion-mnist", async () => {
    const { stdout, stderr } = await run(process.execPath, [join(folder, "fashion-mnist.ts"), "--quick", "--out", out]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/Images: \d{3,4} to train with/);
    expect(stdout).toContain(`Predictions: ${join(out, "predictions.svg")}`);
  });

  test("refuse unknown options", async () => {
    const started = run(process.execPath, [join(folder, "activations.ts"), "--fast"]);
    await expect(started).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("Valid options: --seed") });
  });
});
