import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire, stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeIdx } from "./idx/write.ts";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
if (!executablePath) console.info("Skipped: tests in a browser, because there is no Chromium on this machine.");

const pack = (data: Uint8Array, shape: number[]): Uint8Array => gzipSync(encodeIdx({ data, shape }));
const FILES: Record<string, Uint8Array | string> = {
  "/data/train-images-idx3-ubyte.gz": pack(
    Uint8Array.from({ length: 48 }, (_, i) => i),
    [12, 2, 2],
  ),
  "/data/train-labels-idx1-ubyte.gz": pack(
    Uint8Array.from({ length: 12 }, (_, i) => i % 3),
    [12],
  ),
  "/data/t10k-images-idx3-ubyte.gz": pack(new Uint8Array(8), [2, 2, 2]),
  "/data/t10k-labels-idx1-ubyte.gz": pack(Uint8Array.of(2, 0), [2]),
  "/data/table.csv.gz": gzipSync('a,b,c\n1,"two, ""x""\n",true\n2,ʤ,false\n'),
};

/** The sources as they are, with their types taken out: what the package is in a browser without a bundler. */
async function serve(path: string): Promise<{ type: string; body: Uint8Array | string } | undefined> {
  if (path === "/") {
    const imports = { "#csv-parse": "/csv-parse.js" };
    return { type: "text/html", body: `<script type="importmap">${JSON.stringify({ imports })}</script>` };
  }
  if (path === "/csv-parse.js") {
    const file = createRequire(import.meta.url).resolve("csv-parse/browser/esm");
    return { type: "text/javascript", body: await readFile(file, "utf8") };
  }
  if (path.startsWith("/src/") && path.endsWith(".ts")) {
    const source = await readFile(fileURLToPath(new URL(`.${path.slice(4)}`, import.meta.url)), "utf8");
    return { type: "text/javascript", body: stripTypeScriptTypes(source) };
  }
  const file = FILES[path];
  return file === undefined ? undefined : { type: "application/octet-stream", body: file };
}

describe.skipIf(!executablePath)("in a browser", () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  let requests: string[] = [];
  const failures: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(request.url!);
      serve(request.url!).then(
        (found) => {
          if (found) response.writeHead(200, { "content-type": found.type }).end(found.body);
          else response.writeHead(404).end();
        },
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await chromium.launch({
      executablePath: executablePath!,
      headless: true,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
    page = await browser.newPage();
    page.on("pageerror", (error) => failures.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });
  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  });

  /** Runs the body of an async function in the page, with the package as `d`. */
  const run = (body: string): Promise<unknown> =>
    page.evaluate(`import("/src/index.ts").then(async (d) => { ${body} })`);

  it("reads IDX by fetch and from Blobs, unpacking with DecompressionStream", async () => {
    expect(
      await run(`
        const images = await d.readIdx("/data/train-images-idx3-ubyte.gz".replace(/^/, location.origin));
        const blob = await (await fetch("/data/train-images-idx3-ubyte.gz")).blob();
        const { data } = await (await d.readIdx(blob)).toArrays();
        const batch = (await images.shuffle(12, { seed: 7 }).batch(5).prefetch(2).toList())[2];
        return [images.shape, Array.from(data), batch.shape];`),
    ).toEqual([[12, 2, 2], Array.from({ length: 48 }, (_, i) => i), [2, 2, 2]]);
  });

  it("reads CSV", async () => {
    expect(
      await run(`
        const csv = await d.readCsv(location.origin + "/data/table.csv.gz");
        return [csv.columns.map(({ type }) => type), await csv.toList()];`),
    ).toEqual([
      ["integer", "text", "boolean"],
      [
        { a: 1, b: 'two, "x"\n', c: true },
        { a: 2, b: "ʤ", c: false },
      ],
    ]);
  });

  it("gives typed errors, also for damaged gzip files and paths", async () => {
    expect(
      await run(`
        const bytes = new Uint8Array(await (await fetch("/data/train-images-idx3-ubyte.gz")).arrayBuffer());
        const kind = (promise) => promise.then(() => "none", (error) => error.name + ": " + error.message.slice(0, 60));
        const damaged = bytes.slice();
        damaged[40] ^= 4;
        return [
          await kind(d.readIdx(bytes.slice(0, 30)).then((idx) => idx.toArrays())),
          await kind(d.readIdx(damaged).then((idx) => idx.toArrays())),
          await kind(d.readIdx("some/path.gz")),
          await kind(d.readCsv(new TextEncoder().encode('a,b\\n1,"x"y'))
            .then((csv) => csv.toList())),
          await kind(d.readIdx(location.origin + "/absent")),
        ];`),
    ).toEqual([
      expect.stringMatching(/^SourceError/),
      expect.stringMatching(/^(Source|Idx)Error/),
      expect.stringMatching(/^SourceError.*file system/),
      expect.stringMatching(/^CsvError/),
      expect.stringMatching(/^SourceError/),
    ]);
  });

  it("downloads an image set once, and takes it from the browser's cache afterwards", async () => {
    const load = `const set = await d.idxImageSet({
        folder: "tiny", classNames: ["a", "b", "c"], mirrors: [location.origin + "/data/"] });
      const { x, y } = await set.train.toArrays();
      return [set.source.kind, x.shape, Array.from(y.data).slice(0, 4)];`;
    expect(await run(load)).toEqual(["download", [12, 2, 2], [0, 1, 2, 0]]);
    requests = [];
    expect(await run(load)).toEqual(["cache", [12, 2, 2], [0, 1, 2, 0]]);
    expect(requests.filter((url) => url.startsWith("/data/"))).toEqual([]);
    expect(await run(`return d.mnist({ download: false }).catch((error) => error.name);`)).toBe("DataUnavailableError");
  });

  it("gives the same random numbers as Node", async () => {
    const { moons, Dataset } = await import("./index.ts");
    const order = await Dataset.fromIterable([0, 1, 2, 3, 4, 5, 6, 7]).shuffle(8, { seed: 7 }).toList();
    const points = Array.from((await moons(20, { seed: 3 }).toArrays()).x.data);
    expect(
      await run(`
        const order = await d.Dataset.fromIterable([0, 1, 2, 3, 4, 5, 6, 7]).shuffle(8, { seed: 7 }).toList();
        return [order, Array.from((await d.moons(20, { seed: 3 }).toArrays()).x.data)];`),
    ).toEqual([order, points]);
    expect(failures).toEqual([]);
  });
});
