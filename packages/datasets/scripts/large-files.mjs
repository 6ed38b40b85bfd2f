/**
 * Makes an IDX and a CSV file of several gigabytes in a temporary folder, streams each in a process of its own, and
 * reports the most memory that process had resident. It reads with the package as it is published, so build it first:
 * pnpm build && node packages/datasets/scripts/large-files.mjs [gigabytes, 4]
 *
 * (Node's own removal of types, when sources are run as they are, takes another 20 MB.)
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readCsv, readIdx } from "../dist/index.js";

const LIMIT_MB = 200;

async function writeRepeated(path, head, block, bytes) {
  const file = await open(path, "w");
  await file.write(head);
  for (let written = 0; written < bytes; written += block.length) await file.write(block);
  await file.close();
}

async function makeIdx(path, bytes) {
  const rowsPerBlock = 10_000;
  const blocks = Math.ceil(bytes / (rowsPerBlock * 784));
  const head = new Uint8Array(16);
  const view = new DataView(head.buffer);
  head.set([0, 0, 8, 3]);
  for (const [axis, size] of [rowsPerBlock * blocks, 28, 28].entries()) view.setUint32(4 + 4 * axis, size);
  const block = Uint8Array.from({ length: rowsPerBlock * 784 }, (_, i) => i % 251);
  await writeRepeated(path, head, block, blocks * block.length);
}

async function makeCsv(path, bytes) {
  const lines = [];
  for (let i = 0; i < 50_000; i++) {
    lines.push(
      `${i},${(i / 7).toFixed(9)},${(i * 0.31).toFixed(6)},"place ${i % 9}, ""north""",${i % 2 === 0},${-i}.5e-3\n`,
    );
  }
  const text = new TextEncoder();
  await writeRepeated(path, text.encode("id,a,b,where,flag,c\n"), text.encode(lines.join("")), bytes);
}

async function stream(path) {
  const started = performance.now();
  let rows = 0;
  let sum = 0;
  if (path.endsWith(".csv")) {
    const csv = await readCsv(path, { types: { where: "category" } });
    for await (const { a } of csv) {
      rows++;
      sum += a;
    }
  } else {
    const idx = await readIdx(path, { elementType: "uint8" });
    for await (const { data, shape } of idx.batch(32).prefetch(2)) {
      rows += shape[0];
      sum += data[0];
    }
  }
  const seconds = (performance.now() - started) / 1000;
  const { size } = await stat(path);
  const resident = process.resourceUsage().maxRSS / 1024;
  const speed = size / 1e6 / seconds;
  console.log(
    `${path.endsWith(".csv") ? "CSV" : "IDX"}: ${(size / 2 ** 30).toFixed(2)} GiB, ${rows} rows (sum ${sum.toFixed(1)}), ` +
      `${seconds.toFixed(1)} s, ${speed.toFixed(0)} MB/s, at most ${resident.toFixed(0)} MB resident`,
  );
  if (resident > LIMIT_MB) throw new Error(`more than ${LIMIT_MB} MB resident`);
}

const [argument = "4", task] = process.argv.slice(2);
if (task === "stream") await stream(argument);
else {
  const bytes = Number(argument) * 2 ** 30;
  if (!(bytes > 0)) throw new Error(`expected a number of gigabytes, found ${argument}`);
  const folder = await mkdtemp(join(tmpdir(), "gradiente-large-"));
  let failed = false;
  try {
    for (const [name, make] of [
      ["large.idx", makeIdx],
      ["large.csv", makeCsv],
    ]) {
      const path = join(folder, name);
      await make(path, bytes);
      const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), path, "stream"], {
        stdio: "inherit",
      });
      failed ||= status !== 0;
      await rm(path);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  process.exitCode = failed ? 1 : 0;
}
