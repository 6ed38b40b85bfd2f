/**
 * Builds the JavaScript of the packages: one file per entry point, and what entry points share beside them, so that
 * importing a package does not open a hundred files. TypeScript writes the declarations. With `--sizes`, prints instead
 * what each entry point weighs in a page, everything it leads to included, and exits with 1 when the engine weighs more
 * than its limit.
 *
 * node scripts/bundle.ts [--sizes]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type OutputChunk, rolldown } from "rolldown";

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly publishConfig: { readonly exports: Readonly<Record<string, string | { readonly default: string }>> };
}

/** Kilobytes that the engine may weigh, everything included. */
const limit = 125;

const root = join(import.meta.dirname, "..");
const packages = ["autograd", "datasets", "nn"].map((name) => join(root, "packages", name));
/** What is not part of a package: other packages and the platform. */
const external = (id: string): boolean => !id.startsWith(".") && !id.startsWith("/") && !/^[A-Za-z]:[\\/]/.test(id);

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/** Source files by the paths, without extension, that they are published under in `dist`. */
function entriesOf(folder: string): Record<string, string> {
  const { exports, publishConfig } = manifestOf(folder);
  const entries = Object.entries(publishConfig.exports).flatMap(([name, target]) =>
    typeof target === "string"
      ? []
      : [[target.default.replace(/^\.\/dist\/|\.js$/g, ""), join(folder, exports[name]!)]],
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

async function write(folder: string): Promise<void> {
  const bundle = await rolldown({ input: entriesOf(folder), external, platform: "neutral", logLevel: "silent" });
  await bundle.write({
    dir: join(folder, "dist"),
    format: "es",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
  });
  await bundle.close();
}

/** Kilobytes (1,000 bytes) after minifying and compressing with gzip: loaded at once, and when first needed. */
async function sizeOf(input: string): Promise<{ readonly initial: number; readonly later: number }> {
  const bundle = await rolldown({ input, external, platform: "neutral", logLevel: "silent" });
  const { output } = await bundle.generate({ format: "es", minify: true });
  await bundle.close();
  const chunks = output.filter((o): o is OutputChunk => o.type === "chunk");
  const initial = new Set<string>();
  const visit = (name: string): void => {
    const chunk = chunks.find((c) => c.fileName === name);
    if (chunk === undefined || initial.has(name)) return;
    initial.add(name);
    for (const imported of chunk.imports) visit(imported);
  };
  for (const chunk of chunks) if (chunk.isEntry) visit(chunk.fileName);
  const weigh = (some: readonly OutputChunk[]): number =>
    some.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0) / 1000;
  return {
    initial: weigh(chunks.filter((c) => initial.has(c.fileName))),
    later: weigh(chunks.filter((c) => !initial.has(c.fileName))),
  };
}

if (process.argv.includes("--sizes")) {
  console.log("minified and compressed with gzip, without other packages, in kB".padEnd(66), "at once   later");
  for (const folder of packages) {
    const { name } = manifestOf(folder);
    for (const [entry, source] of Object.entries(entriesOf(folder))) {
      const { initial, later } = await sizeOf(source);
      const label = entry === "index" ? name : `${name}/${entry}`;
      console.log(label.padEnd(66), initial.toFixed(1).padStart(7), later.toFixed(1).padStart(7));
      if (label === "@gradiente/autograd" && initial + later > limit) {
        console.error(`${label} weighs more than ${limit} kB`);
        process.exitCode = 1;
      }
    }
  }
} else {
  for (const folder of packages) await write(folder);
}
