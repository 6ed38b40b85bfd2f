/**
 * Reads damaged files of every format: `pnpm fuzz-files`.
 *
 * node scripts/fuzz-files.ts [--runs 10000] [--seed 1] [FORMAT …]
 *
 * Every file must be refused with a typed error or be another valid file, in little time and memory. Each format has a
 * process of its own, so that a crash or a hang is seen for what it is; the file that it was at is told by its seed.
 */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { fuzz } from "../test/fuzz/run.ts";
import { subjects } from "../test/fuzz/subjects.ts";

const { values, positionals } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    within: { type: "string" },
  },
  allowPositionals: true,
});
const [runs, seed] = [Number(values.runs), Number(values.seed)];
/** The longest that one file may take, in milliseconds; the machine may be busy with other things. */
const patience = 20_000;

if (values.within === undefined) await all();
else await one(values.within);

/** Reads files of one format, and says where it is. */
async function one(name: string): Promise<void> {
  const subject = subjects.find((s) => s.name === name)!;
  // Sent before the file is read: reading may never end.
  const send = (message: Message) =>
    new Promise<void>((resolve) => void process.send!(message, undefined, undefined, () => resolve()));
  const outcome = await fuzz(subject, { runs, seed, before: (at) => send({ at }) });
  await send({ outcome, memory: process.resourceUsage().maxRSS / 1024 });
  process.disconnect();
}

async function all(): Promise<void> {
  const chosen = subjects.filter(({ name }) => positionals.length === 0 || positionals.some((p) => name.startsWith(p)));
  console.log(`${runs} damaged files of each format, seeds ${seed} to ${seed + runs - 1}`);
  for (const { name } of chosen) if (!(await inProcess(name))) process.exitCode = 1;
}

interface Message {
  readonly at?: number;
  readonly outcome?: Awaited<ReturnType<typeof fuzz>>;
  readonly memory?: number;
}

function inProcess(name: string): Promise<boolean> {
  const args = [
    "--max-old-space-size=1024",
    import.meta.filename,
    "--within",
    name,
    "--runs",
    `${runs}`,
    "--seed",
    `${seed}`,
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  let at = -1;
  let result: Message = {};
  let timer: NodeJS.Timeout | undefined;
  child.on("message", (message: Message) => {
    clearTimeout(timer);
    if (message.outcome !== undefined) result = message;
    at = message.at ?? at;
    timer = setTimeout(() => child.kill("SIGKILL"), at === -1 ? 10 * patience : patience);
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const { outcome, memory = 0 } = result;
      if (outcome === undefined) {
        console.log(`${name.padEnd(20)} FAILED: ended with ${signal ?? code} at seed ${at}`);
        return resolve(false);
      }
      const { refused, same, other, faults, slowest } = outcome;
      const counts = `${refused} refused, ${same} the same, ${other} other files, ${faults.length} faults`;
      const most = `slowest ${slowest.time.toFixed(0)} ms (seed ${slowest.seed}), ${memory.toFixed(0)} MiB`;
      console.log(`${name.padEnd(20)} ${counts}; ${most}`);
      for (const { seed: own, what } of faults.slice(0, 5)) console.log(`  seed ${own}: ${what}`);
      resolve(faults.length === 0);
    });
  });
}
