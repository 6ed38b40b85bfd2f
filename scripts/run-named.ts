/**
 * Runs one program of a folder by its name, or lists them: `pnpm bench`, `pnpm example`.
 *
 * node scripts/run-named.ts FOLDER SUFFIX [NAME [ARGUMENTS…]]
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder = "examples", suffix = ".ts", name, ...args] = process.argv.slice(2);
const root = join(import.meta.dirname, "..");
const names = readdirSync(join(root, folder))
  .filter((file) => file.endsWith(suffix) && !file.endsWith(".test.ts"))
  .map((file) => file.slice(0, -suffix.length))
  .sort();
const fileOf = (program: string): string => join(root, folder, `${program}${suffix}`);

/** The comment a program begins with. */
function comment(program: string): string {
  const text = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(fileOf(program), "utf8"))?.[1] ?? "";
  return text.replace(/^ *\*? ?/gm, "").trim();
}

/** Its first sentence. */
function purpose(program: string): string {
  return (
    comment(program)
      .replace(/\s+/g, " ")
      .split(/(?<=\.)\s/)[0] ?? ""
  );
}

if (name === undefined) {
  for (const program of names) console.log(`${program.padEnd(26)} ${purpose(program)}`);
} else if (!names.includes(name)) {
  console.error(`There is no "${name}" in ${folder}. There are: ${names.join(", ")}.`);
  process.exitCode = 2;
} else if (args.includes("--help") && !readFileSync(fileOf(name), "utf8").includes("/parts/")) {
  // Examples explain their own options.
  console.log(comment(name));
} else {
  const { status, signal } = spawnSync(process.execPath, [fileOf(name), ...args], { stdio: "inherit" });
  process.exitCode = status ?? (signal === "SIGINT" ? 130 : 1);
}
