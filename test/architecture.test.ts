/** What the structure promises: which way dependencies run, and what files look like. */
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const IGNORED = ["node_modules", "dist", "out", "coverage", ".git"];

/** Paths from the root, with forward slashes, of the files a clone would have. */
function filesOf(pattern: string): string[] {
  return globSync(pattern, { cwd: root, exclude: (name) => IGNORED.includes(basename(name)) })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => statSync(join(root, name)).isFile());
}

const read = (name: string): string => readFileSync(join(root, name), "utf8");
const packages = ["autograd", "nn", "datasets"] as const;
const sourcesOf = (name: string): string[] => filesOf(`packages/${name}/src/**/*.ts`);
const isTest = (name: string): boolean => name.endsWith(".test.ts") || name.includes("/testing/");

/** Modules that a file imports or exports from, those it only takes types from left out on request. */
function importsOf(name: string, options: { readonly types: boolean }): string[] {
  // Comments contain examples with imports, which are no imports of the file.
  const text = read(name)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
  const statements = text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[\w*{][^;"'`]*?\s+from\s+)?"([^"]+)"/gm);
  const dynamic = text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g);
  return [
    ...[...statements].filter(([, type]) => options.types || type === undefined).map(([, , specifier]) => specifier!),
    ...[...dynamic].map(([, specifier]) => specifier!),
  ];
}

describe("dependencies run one way", () => {
  const allowed: Readonly<Record<(typeof packages)[number], readonly string[]>> = {
    autograd: [],
    nn: ["@gradiente/autograd"],
    datasets: [],
  };

  test.each(packages)("%s knows no more of the other packages than it may", (name) => {
    const manifest = JSON.parse(read(`packages/${name}/package.json`)) as { dependencies?: Record<string, string> };
    const declared = Object.keys(manifest.dependencies ?? {}).filter((d) => d.startsWith("@gradiente/"));
    expect(declared).toEqual(allowed[name]);
    const wrong = sourcesOf(name)
      .filter((file) => !isTest(file))
      .flatMap((file) => importsOf(file, { types: true }).map((specifier) => ({ file, specifier })))
      .filter(({ specifier }) => specifier.startsWith("@gradiente/"))
      .filter(({ specifier }) => !allowed[name].some((d) => specifier === d || specifier.startsWith(`${d}/`)));
    expect(wrong).toEqual([]);
  });

  test.each(packages)("%s reaches into no other package by path", (name) => {
    const inside = `packages/${name}/`;
    const outside = sourcesOf(name)
      .filter((file) => !isTest(file))
      .flatMap((file) =>
        importsOf(file, { types: true })
          .filter((specifier) => specifier.startsWith("."))
          .map((specifier) => ({ file, target: join(dirname(file), specifier).replaceAll("\\", "/") })),
      )
      .filter(({ target }) => !target.startsWith(inside));
    expect(outside).toEqual([]);
  });

  test("autograd needs nothing at run time", () => {
    const manifest = JSON.parse(read("packages/autograd/package.json")) as Record<string, unknown>;
    expect(manifest.dependencies ?? {}).toEqual({});
    const foreign = sourcesOf("autograd")
      .filter((file) => !isTest(file))
      .flatMap((file) => importsOf(file, { types: false }).map((specifier) => ({ file, specifier })))
      .filter(({ specifier }) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
      // Arbitraries for tests are an entry point of their own, for those who have fast-check.
      .filter(({ file, specifier }) => !(specifier === "fast-check" && file.includes("/gradcheck/")))
      // So is a library for compressed archives of arrays, loaded when the first one is read.
      .filter(({ file, specifier }) => !(specifier === "fflate" && file.endsWith("/files/zip.ts")));
    expect(foreign).toEqual([]);
  });

  test.each(packages)("there is no circle of imports in %s", (name) => {
    const files = sourcesOf(name).filter((file) => !isTest(file));
    const graph = new Map(
      files.map((file) => [
        file,
        importsOf(file, { types: false })
          .filter((specifier) => specifier.startsWith("."))
          .map((specifier) => join(dirname(file), specifier).replaceAll("\\", "/")),
      ]),
    );
    // A pattern that has stopped finding imports would find no circles either.
    expect([...graph.values()].flat().length).toBeGreaterThanOrEqual(files.length - 1);
    expect(circlesOf(graph)).toEqual([]);
  });
});

/** Groups of files that import each other, directly or through others (Tarjan's algorithm). */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    low.set(file, order.get(file)!);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue;
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file)!, low.get(next)!));
    }
    if (low.get(file) !== order.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1 || graph.get(file)?.includes(file)) circles.push(circle.sort());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles;
}

describe("files", () => {
  const code = filesOf("{packages,examples,benchmarks,test,scripts}/**/*.{ts,js,mjs}");

  test("have names in kebab-case that say what is in them", () => {
    const vague = /(^|[-/.])(utils?|common|helpers?|misc|stuff|temp|old|new|v\d+)([-/.]|$)/;
    const wrong = code.filter((name) => !/^[a-z0-9/.-]+$/.test(name) || vague.test(name));
    expect(wrong).toEqual([]);
  });

  test("have no default exports, configurations excepted", () => {
    const wrong = code.filter(
      (name) => !/\.config\.ts$/.test(name) && /^export (default\b|\{[^}]*\bas default\b)/m.test(read(name)),
    );
    expect(wrong).toEqual([]);
  });

  test("ask for the modules of Node.js at run time, so that bundlers for browsers see none", () => {
    const sources = code.filter(
      (name) => /packages\/[^/]+\/src\//.test(name) && !isTest(name) && !/\/testing\//.test(name),
    );
    // What the threads run is text, which no bundler reads.
    const wrong = sources.filter((name) => !name.endsWith("wasm/threads.ts"));
    const imports = /^import (?!type\b).* from "node:|(?<!typeof )\bimport\("node:[a-z/]+"\)(?!\.)/m;
    expect(wrong.filter((name) => imports.test(read(name)))).toEqual([]);
  });

  test("run no text as code", () => {
    const wrong = code.filter((name) => /packages\/[^/]+\/src/.test(name)).filter((name) => !isTest(name));
    expect(wrong.filter((name) => /\bnew Function\(|(?<![.\w])eval\(/.test(read(name)))).toEqual([]);
  });

  test("name no path of anybody's machine", () => {
    const texts = filesOf("**/*.{ts,js,mjs,json,md,yaml,svg}");
    texts.push(...filesOf("{LICENSE,.gitignore,.ci/*}"));
    expect(texts.length).toBeGreaterThan(100);
    const home = /(?<![\w.])\/(home|Users|root|work|mnt)\/\w/;
    const neighbour = new RegExp(`\\.\\./${"shared"}\\b`);
    const wrong = texts
      .filter((name) => name !== "pnpm-lock.yaml")
      .filter((name) => home.test(read(name)) || (neighbour.test(read(name)) && name !== ".ci/run"));
    expect(wrong.map((name) => relative(".", name))).toEqual([]);
  });
});

describe("packages", () => {
  test.each(packages)("%s resolves to its source here, and to what is built when packed", (name) => {
    const manifest = JSON.parse(read(`packages/${name}/package.json`)) as {
      exports: Record<string, string>;
      publishConfig: { exports: Record<string, string | { types: string; default: string }> };
      engines: { node: string };
      files: string[];
      scripts?: Record<string, string>;
    };
    expect(Object.keys(manifest.publishConfig.exports)).toEqual(Object.keys(manifest.exports));
    for (const [entry, source] of Object.entries(manifest.exports)) {
      if (entry === "./package.json") continue;
      expect(source).toMatch(/^\.\/src\/.*\.ts$/);
      const built = source.replace("./src/", "./dist/").replace(/\.ts$/, "");
      expect(manifest.publishConfig.exports[entry]).toMatchObject({ types: `${built}.d.ts`, default: `${built}.js` });
    }
    expect(manifest.engines.node).toBe(">=22");
    expect(manifest.files).toContain("dist");
    // Nothing runs on the machine of someone who installs the package.
    expect(Object.keys(manifest.scripts ?? {}).filter((s) => /install|prepare/.test(s))).toEqual([]);
  });
});

describe("the pages", () => {
  const pages = ["*.md", "docs/*.md", "packages/*/*.md", "examples/*.md"].flatMap(filesOf);

  test("lead to files that are there", () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)|^\[[^\]]+\]: ([^#\s]+)/gm)]
        .map(([, inline, below]) => (inline ?? below)!)
        .filter((target) => !/^https?:/.test(target) && !existsSync(join(root, dirname(page), target)))
        .map((target) => `${page}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test("of packages lead to nothing outside, which is not there where packages are installed", () => {
    for (const page of filesOf("packages/*/README.md")) {
      const { files } = JSON.parse(read(join(dirname(page), "package.json"))) as { readonly files: readonly string[] };
      const outside = [...read(page).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)/gm)]
        .map(([, inline, below]) => (inline ?? below)!)
        .filter((target) => !/^(https?:|#)/.test(target) && !files.includes(target.split(/[/#]/)[0]!));
      expect(outside, page).toEqual([]);
    }
  });

  test("name every file of the WebAssembly backend", () => {
    // `-pack.ts` stands for a file that ends so, `winograd-*.ts` for several.
    const named = [...read("docs/kernels.md").matchAll(/`([\w*-]+\.ts)`/g)].map(
      ([, name]) => new RegExp(`^${name!.startsWith("-") ? ".*" : ""}${name!.replace("*", ".*")}$`),
    );
    const files = filesOf("packages/autograd/src/backend/wasm/*.ts").filter((name) => !isTest(name));
    const missing = files.map((name) => basename(name)).filter((name) => !named.some((pattern) => pattern.test(name)));
    expect(missing).toEqual(["index.ts"]);
  });
});
