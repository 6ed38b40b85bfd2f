import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const benchmarks = readdirSync(join(root, "benchmarks")).filter((file) => file.endsWith(".bench.ts"));

// Measuring takes minutes; a misspelt option must not be found out after them.
test.each(benchmarks)("%s refuses options that it does not have, and lists those it has", (file) => {
  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, "benchmarks", file), ...args], {
      encoding: "utf8",
    });
    return { status, stderr };
  };
  const known = /There are: --json FILE(, --threads N)?\./;
  for (const wrong of [["--jsn", "out.json"], ["--json"], ["quick"]]) {
    const { status, stderr } = run(...wrong);
    expect(status, stderr).toBe(2);
    expect(stderr).toMatch(known);
    expect(stderr).toContain(wrong[0]);
  }
});
