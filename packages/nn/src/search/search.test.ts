import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ArgumentError, manualSeed, rand } from "@gradiente/autograd";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  choice,
  float,
  gridSearch,
  halvingRungs,
  hyperband,
  hyperbandBrackets,
  int,
  JournalError,
  type Objective,
  randomSearch,
  SearchError,
  type SearchOptions,
  type SearchResults,
  successiveHalving,
} from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "gradiente-search-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = (): string => join(folder, `${files++}.jsonl`);

const space = { x: float(-4, 4, { points: 9 }), kind: choice(["a", "b"]) };
type V = { readonly x: number; readonly kind: "a" | "b" };

/** Best at x = 1, kind "a", and the better the longer it is trained, by steps drawn from the global generator. */
function noisy(log: string[] = []): Objective<V> {
  return ({ x, kind }, { trial }) => {
    log.push(`start ${trial}`);
    let distance = 1 + rand([]).item();
    let trained = 0;
    return (budget) => {
      for (; trained < budget; trained++) distance *= 0.9 + 0.1 * rand([]).item();
      log.push(`${trial} to ${budget}`);
      return { score: (x - 1) ** 2 + (kind === "a" ? 0 : 0.5) + 0.1 * distance, logs: { distance } };
    };
  };
}

type Method = (objective: Objective<V>, options: SearchOptions<V>) => Promise<SearchResults<V>>;
const methods: Readonly<Record<string, Method>> = {
  gridSearch: (objective, options) => gridSearch(space, objective, { ...options, budget: 2 }),
  randomSearch: (objective, options) => randomSearch(space, objective, { ...options, trials: 12, budget: 2 }),
  successiveHalving: (objective, options) =>
    successiveHalving(space, objective, { ...options, trials: 9, maxBudget: 9 }),
  hyperband: (objective, options) => hyperband(space, objective, { ...options, maxBudget: 9 }),
};

/** Everything but how long it took. */
function lasting(results: SearchResults<V>): unknown {
  return { ...results, evaluations: results.evaluations.map((e) => ({ ...e, seconds: 0 })), trials: null };
}

describe("schedules", () => {
  it("are those of the published table for Hyperband with R = 81 and η = 3", () => {
    const table = hyperbandBrackets({ maxBudget: 81, eta: 3 }).map(({ rungs }) =>
      rungs.map((r) => [r.trials, r.budget]),
    );
    expect(table).toEqual([
      [
        [81, 1],
        [27, 3],
        [9, 9],
        [3, 27],
        [1, 81],
      ],
      [
        [34, 3],
        [11, 9],
        [3, 27],
        [1, 81],
      ],
      [
        [15, 9],
        [5, 27],
        [1, 81],
      ],
      [
        [8, 27],
        [2, 81],
      ],
      [[5, 81]],
    ]);
  });

  it("obey Hyperband's formulas, in whole numbers, for powers of η", () => {
    for (const eta of [2, 3, 4, 5]) {
      for (let most = 0; eta ** most <= 1100; most++) {
        const brackets = hyperbandBrackets({ maxBudget: eta ** most, eta });
        expect(brackets.map(({ s }) => s)).toEqual(Array.from({ length: most + 1 }, (_, i) => most - i));
        for (const { s, rungs } of brackets) {
          // n = ⌈(s_max + 1) ηˢ / (s + 1)⌉ without rounding errors.
          const n = Number((BigInt(most + 1) * BigInt(eta) ** BigInt(s) + BigInt(s)) / BigInt(s + 1));
          expect(rungs).toHaveLength(s + 1);
          rungs.forEach(({ trials, budget }, i) => {
            expect(trials).toBe(Number(BigInt(n) / BigInt(eta) ** BigInt(i)));
            expect(budget).toBe(eta ** (most - s + i));
          });
        }
      }
    }
  });

  it("of successive halving spend no more than was allowed, and leave the best", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 5000 }),
        fc.integer({ min: 2, max: 5 }),
        (n, more, eta) => {
          const rungs = halvingRungs({ trials: n, totalBudget: 10 * n + more, eta });
          let before = 0;
          let spent = 0;
          for (const { trials, budget } of rungs) {
            spent += trials * (budget - before);
            before = budget;
          }
          expect(spent).toBeLessThanOrEqual(10 * n + more);
          expect(rungs).toHaveLength(Math.max(1, Math.ceil(Math.log(n) / Math.log(eta) - 1e-9)));
          rungs.slice(1).forEach((r, i) => void expect(r.trials).toBe(Math.ceil(rungs[i]!.trials / eta)));
          expect(Math.ceil(rungs.at(-1)!.trials / eta)).toBe(1);
        },
      ),
    );
    expect(halvingRungs({ trials: 8, totalBudget: 72 })).toEqual([
      { trials: 8, budget: 3 },
      { trials: 4, budget: 9 },
      { trials: 2, budget: 21 },
    ]);
    expect(halvingRungs({ trials: 20, minBudget: 2, maxBudget: 20 })).toEqual([
      { trials: 20, budget: 2 },
      { trials: 6, budget: 6 },
      { trials: 2, budget: 18 },
    ]);
    expect(() => halvingRungs({ trials: 8, totalBudget: 20 })).toThrow(/must be at least 24/);
    expect(() => halvingRungs({ trials: 8, maxBudget: 0 })).toThrow(/maxBudget is 0/);
    expect(() => hyperbandBrackets({ maxBudget: 9, eta: 1 })).toThrow(/eta is 1/);
  });
});

describe("searches", () => {
  it.each(Object.entries(methods))("%s finds what is best, and counts what it spends", async (_, search) => {
    const log: string[] = [];
    const found = await search(noisy(log), { seed: 6 });
    // None of the values it tried lies closer to the best there are.
    const distance = ({ x, kind }: V): number => (x - 1) ** 2 + (kind === "a" ? 0 : 0.5);
    const nearest = Math.min(...found.trials.map((t) => distance(t.values)));
    expect(distance(found.best.values)).toBeLessThan(nearest + 0.25);
    expect(nearest).toBeLessThan(0.6);
    const scores = found.trials.map((t) => t.score!);
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    expect(found.best.score).toBe(scores[0]);
    expect(log.filter((line) => line.startsWith("start"))).toHaveLength(found.trials.length);
    expect(log.filter((line) => !line.startsWith("start"))).toHaveLength(found.evaluations.length);
    expect(found.totalBudget).toBe(found.trials.reduce((sum, t) => sum + t.budget, 0));
  });

  it("a grid tries everything once, in order", async () => {
    const found = await gridSearch(
      { a: choice([1, 2]), b: int(1, 3) },
      ({ a, b }) =>
        () =>
          a * b,
      { direction: "max" },
    );
    expect(found.evaluations.map(({ values: { a, b } }) => [a, b])).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 1],
      [2, 2],
      [2, 3],
    ]);
    expect(found.best).toMatchObject({ values: { a: 2, b: 3 }, score: 6, trial: 5 });
  });

  it("random trials are all different, end where a space ends, and the first are the same however many follow", async () => {
    const small = await randomSearch({ a: int(1, 4), b: choice(["u", "v"]) }, () => () => 0, { trials: 100, seed: 1 });
    expect(new Set(small.evaluations.map((e) => JSON.stringify(e.values))).size).toBe(8);
    expect(small.evaluations).toHaveLength(8);
    const [few, many] = [
      await randomSearch(space, noisy(), { trials: 5, seed: 9 }),
      await randomSearch(space, noisy(), { trials: 11, seed: 9 }),
    ];
    const scores = (r: SearchResults<V>): (number | null)[] => r.evaluations.map((e) => e.score);
    expect(scores(many).slice(0, 5)).toEqual(scores(few));
    expect(scores(await randomSearch(space, noisy(), { trials: 5, seed: 10 }))).not.toEqual(scores(few));
  });

  it("Hyperband makes the evaluations its brackets say, and lets the best of each rung go on", async () => {
    const log: string[] = [];
    const found = await hyperband(space, noisy(log), { maxBudget: 27, seed: 5 });
    const brackets = hyperbandBrackets({ maxBudget: 27 });
    let spent = 0;
    for (const [b, { rungs }] of brackets.entries()) {
      for (const [i, { trials, budget }] of rungs.entries()) {
        const here = found.evaluations.filter((e) => e.bracket === b && e.rung === i);
        expect(here).toHaveLength(trials);
        expect(new Set(here.map((e) => e.budget))).toEqual(new Set([budget]));
        spent += trials * (budget - (rungs[i - 1]?.budget ?? 0));
        const next = found.evaluations.filter((e) => e.bracket === b && e.rung === i + 1);
        const best = [...here].sort((x, y) => x.score! - y.score!).slice(0, next.length);
        expect(next.map((e) => e.trial)).toEqual(best.map((e) => e.trial));
      }
    }
    expect(found.totalBudget).toBe(spent);
    // Survivors were trained on: each was started once, and its budgets only grew.
    expect(log.filter((line) => line.startsWith("start"))).toHaveLength(found.trials.length);
    expect(spent).toBe(found.trials.reduce((sum, t) => sum + t.budget, 0));
  });

  it("successive halving spends no more than it may in all", async () => {
    const found = await successiveHalving(space, noisy(), { trials: 8, totalBudget: 100, seed: 4 });
    expect(found.evaluations.map((e) => e.budget)).toEqual([...Array(8).fill(4), ...Array(4).fill(12), 28, 28]);
    expect(found.totalBudget).toBe(8 * 4 + 4 * 8 + 2 * 16);
  });

  it("take their random numbers from their seed, and leave the global generator as it was", async () => {
    manualSeed(4);
    const expected = [rand([]).item(), rand([]).item()];
    manualSeed(4);
    const first = rand([]).item();
    const a = await hyperband(space, noisy(), { maxBudget: 9, seed: 1 });
    expect([first, rand([]).item()]).toEqual(expected);
    const b = await hyperband(space, noisy(), { maxBudget: 9, seed: 1 });
    expect(lasting(b)).toEqual(lasting(a));
    // The score of a trial is the same when it is the only one.
    const { trial, values, score } = (await randomSearch(space, noisy(), { trials: 9, seed: 8 })).evaluations[7]!;
    const only: Objective<V> = (v, context) => (context.trial === trial ? noisy()(v, context) : () => 0);
    const alone = await randomSearch(space, only, { trials: 9, seed: 8 });
    expect(alone.evaluations[7]).toMatchObject({ values, score });
  });

  it("go on after trials that fail, and put them last", async () => {
    const objective: Objective<V> = ({ x, kind }) => {
      if (x === -4) throw new RangeError("cannot be built");
      return () => {
        if (x === -3) throw new ArgumentError({ op: "train", message: "went wrong" });
        return kind === "b" && x === 4 ? Number.NaN : x;
      };
    };
    const found = await gridSearch(space, objective, { seed: 1 });
    expect(found.best.values).toEqual({ x: -2, kind: "a" });
    const failed = found.trials.slice(-5);
    expect(failed.map((t) => t.error?.name)).toEqual([
      "RangeError",
      "RangeError",
      "ArgumentError",
      "ArgumentError",
      "SearchError",
    ]);
    expect(found.table({ rows: 30 })).toMatch(/failed[\s\S]*trial 0: cannot be built/);
    const none = await gridSearch(space, () => () => Promise.reject(new Error("no such thing")), {});
    expect(() => none.best).toThrow(SearchError);
    expect(() => none.best).toThrow(/all 18 trials failed: no such thing/);
    // In successive halving a failed trial does not go on, even where places are free.
    const most = await successiveHalving(space, () => (budget) => (budget > 1 ? Number.NaN : 1), {
      trials: 9,
      maxBudget: 9,
      seed: 2,
    });
    expect(most.evaluations.map((e) => e.rung)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    expect(most.best).toMatchObject({ rung: 0, score: 1 });
  });

  it("end when a signal says so, with what is finished", async () => {
    const stop = new AbortController();
    let running = 0;
    const objective: Objective<V> = () => async (_, signal) => {
      if (++running === 4) {
        queueMicrotask(() => stop.abort());
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      }
      return running;
    };
    const found = await gridSearch(space, objective, { signal: stop.signal });
    expect(found).toMatchObject({ interrupted: true });
    expect(found.evaluations).toHaveLength(3);
    const none = await gridSearch(space, objective, { signal: AbortSignal.abort() });
    expect(() => none.best).toThrow(/no trial was finished/);
  });

  it("tell how far they are", async () => {
    const seen: string[] = [];
    await hyperband(space, noisy(), {
      maxBudget: 3,
      seed: 1,
      onEvaluation: ({ trial, budget }, { done, total, best }) =>
        void seen.push(`${done}/${total}: ${trial} to ${budget}, best ${best?.trial}`),
    });
    expect(seen).toHaveLength(6);
    expect(seen.at(-1)).toMatch(/^6\/6: 4 to 3, best \d$/);
  });

  it("print a table, the best first", async () => {
    const conditional = {
      rate: choice([0.001, 0.5]),
      optimizer: choice([{ name: "sgd", momentum: 0.9 }, { name: "adam" }]),
    };
    const found = await gridSearch(
      conditional,
      ({ rate, optimizer }) =>
        () =>
          rate + optimizer.name.length / 3,
      {},
    );
    expect(found.table({ rows: 3 })).toBe(
      [
        "   trial  budget  score   rate  optimizer.name  optimizer.momentum",
        "1      0       1  1.001  0.001             sgd                 0.9",
        "2      1       1  1.334  0.001            adam                    ",
        "3      2       1    1.5    0.5             sgd                 0.9",
        "and 1 more",
      ].join("\n"),
    );
    expect(found.toJSON()).toMatchObject({ best: 0, totalBudget: 4, scoreName: "score" });
  });

  it("refuse options that make no sense", async () => {
    expect(() => randomSearch(space, noisy(), { trials: 0 })).toThrow(/trials is 0/);
    expect(() => gridSearch(space, noisy(), { budget: 0.5 })).toThrow(/budget is 0.5/);
    expect(() => hyperband(space, noisy(), { maxBudget: 0 })).toThrow(/maxBudget is 0/);
    await expect(gridSearch(space, noisy(), { seed: 0.5 })).rejects.toThrow(/seed is 0.5/);
    const direction = "up" as unknown as "max";
    await expect(gridSearch(space, noisy(), { direction })).rejects.toThrow(/"up", expected "min" or "max"/);
  });
});

describe("the picture", () => {
  const parts = (svg: string, tag: string): number => svg.split(`<${tag} `).length - 1;

  it("has a panel for the best so far and for each value, and a point for every trial that has it", async () => {
    const mixed = {
      rate: float(1e-4, 1, { log: true }),
      units: int(1, 500),
      "<kind>": choice([{ name: "a & b", momentum: choice([0, 0.9]) }, { name: "c" }]),
    };
    const found = await randomSearch(
      mixed,
      ({ rate, units }) =>
        () =>
          units > 400 ? Number.NaN : rate < 2e-4 ? 1e9 : rate,
      { trials: 60, seed: 2 },
    );
    const svg = found.toSVG();
    const good = found.trials.filter((t) => t.score !== null);
    const conditional = good.filter((t) => t.values["<kind>"].name === "a & b");
    expect(good.length).toBeLessThan(60);
    expect(parts(svg, "circle")).toBe(3 * good.length + conditional.length);
    for (const title of ["best so far", "rate", "units", "&lt;kind&gt;.name", "&lt;kind&gt;.momentum"]) {
      expect(svg).toContain(`font-weight="bold">${title}</text>`);
    }
    expect(svg).toContain("rate (logarithmic)");
    expect(svg).toContain(`${60 - good.length} of them failed`);
    // Every opened group is closed, nothing lies outside its panel, and no number is missing.
    expect(svg.split("<g ").length).toBe(svg.split("</g>").length);
    for (const [, cx, cy] of svg.matchAll(/cx="([^"]*)" cy="([^"]*)"/g)) {
      expect(Number(cx) >= 0 && Number(cx) <= 242 && Number(cy) >= 0 && Number(cy) <= 168).toBe(true);
    }
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(found.toSVG()).toBe(svg);
  });

  it("is there for a single trial, and for none that succeeded", async () => {
    const one = await gridSearch({ a: 1 }, () => () => 5);
    expect(one.toSVG()).not.toMatch(/NaN|undefined|Infinity/);
    const none = await gridSearch({ a: 1 }, () => () => Number.NaN);
    expect(none.toSVG()).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe("journals", () => {
  it.each(Object.entries(methods))("%s, ended after any evaluation, gives the same in the end", async (_, search) => {
    const whole = await search(noisy(), { seed: 6 });
    for (const at of [0, 1, 5, whole.evaluations.length - 1]) {
      const journal = newPath();
      const stop = new AbortController();
      const onEvaluation = (_e: unknown, { done }: { done: number }): void => void (done > at && stop.abort());
      const begun = await search(noisy(), { seed: 6, journal, signal: stop.signal, onEvaluation });
      expect(begun.interrupted).toBe(true);
      expect(begun.evaluations).toHaveLength(at + 1);
      const log: string[] = [];
      // The seed comes from the journal.
      const resumed = await search(noisy(log), { journal });
      expect(lasting(resumed)).toEqual(lasting(whole));
      // What was done is not done again, except to bring survivors back to where they stood.
      const made = log.filter((line) => !line.startsWith("start")).length;
      const survivors = new Set(resumed.evaluations.slice(at + 1).map((e) => e.trial));
      const again = begun.evaluations.filter((e) => survivors.has(e.trial)).length;
      expect(made).toBe(whole.evaluations.length - (at + 1) + again);
      const nothing: string[] = [];
      expect(lasting(await search(noisy(nothing), { journal }))).toEqual(lasting(whole));
      expect(nothing).toEqual([]);
    }
  });

  it("survive the death of the process", async () => {
    const journal = newPath();
    const script = join(folder, "search.ts");
    const index = join(import.meta.dirname, "..", "index.ts");
    writeFileSync(
      script,
      `import { float, hyperband } from ${JSON.stringify(index)};
      let runs = 0;
      await hyperband({ x: float(-4, 4) }, ({ x }: { x: number }) => (budget: number) => {
        if (++runs === 12) process.kill(process.pid, "SIGKILL");
        return x * x + 1 / budget;
      }, { maxBudget: 9, seed: 2, journal: ${JSON.stringify(journal)} });`,
    );
    const { signal } = spawnSync(process.execPath, [script]);
    expect(signal).toBe("SIGKILL");
    expect(readFileSync(journal, "utf8").split("\n")).toHaveLength(1 + 11 + 1);
    const objective =
      ({ x }: { x: number }) =>
      (budget: number) =>
        x * x + 1 / budget;
    const again = await hyperband({ x: float(-4, 4) }, objective, { maxBudget: 9, journal });
    const whole = await hyperband({ x: float(-4, 4) }, objective, { maxBudget: 9, seed: 2 });
    const plain = (r: typeof whole): unknown => r.evaluations.map((e) => ({ ...e, seconds: 0 }));
    expect(plain(again)).toEqual(plain(whole));
  });

  it("cut off anywhere give the same in the end", async () => {
    const journal = newPath();
    const search = methods.successiveHalving!;
    const whole = await search(noisy(), { seed: 6, journal });
    const bytes = readFileSync(journal);
    const header = bytes.indexOf(10) + 1;
    for (let i = 0; i < 12; i++) {
      const cut = newPath();
      writeFileSync(cut, bytes.subarray(0, header + Math.floor(((bytes.length - header) * i) / 12)));
      expect(lasting(await search(noisy(), { seed: 6, journal: cut }))).toEqual(lasting(whole));
      const log: string[] = [];
      expect(lasting(await search(noisy(log), { seed: 6, journal: cut }))).toEqual(lasting(whole));
      expect(log).toEqual([]);
    }
    // After a loss of power the last line may be as long as it should be, but empty.
    const empty = newPath();
    writeFileSync(empty, Buffer.concat([bytes.subarray(0, bytes.length - 40), Buffer.alloc(39), Buffer.from("\n")]));
    expect(lasting(await search(noisy(), { seed: 6, journal: empty }))).toEqual(lasting(whole));
  });

  it("let a random search have more trials", async () => {
    const journal = newPath();
    await randomSearch(space, noisy(), { trials: 4, seed: 3, journal });
    const log: string[] = [];
    const more = await randomSearch(space, noisy(log), { trials: 7, journal });
    expect(log.filter((line) => line.startsWith("start"))).toEqual(["start 4", "start 5", "start 6"]);
    expect(lasting(more)).toEqual(lasting(await randomSearch(space, noisy(), { trials: 7, seed: 3 })));
  });

  it("keep numbers that JSON does not have", async () => {
    const journal = newPath();
    const objective = (): (() => { score: number; logs: Record<string, number>; curve: number[] }) => () => ({
      score: 1,
      logs: { loss: Number.POSITIVE_INFINITY, other: Number.NaN },
      curve: [Number.NaN, 1],
    });
    const first = await gridSearch({ a: 1 }, objective, { journal });
    const second = await gridSearch({ a: 1 }, objective, { journal });
    expect(second.evaluations).toEqual(first.evaluations);
    expect(second.evaluations[0]!.logs.loss).toBe(Number.POSITIVE_INFINITY);
  });

  it("refuse another search, and files that are none", async () => {
    const journal = newPath();
    const refused = async (search: () => Promise<unknown>, field: string): Promise<void> => {
      const before = existsSync(journal) ? readFileSync(journal) : null;
      const error = await search().then(
        () => null,
        (e: unknown) => e,
      );
      expect(error).toBeInstanceOf(JournalError);
      expect((error as JournalError).field).toBe(field);
      if (before !== null) expect(readFileSync(journal)).toEqual(before);
    };
    await randomSearch(space, noisy(), { trials: 3, seed: 1, journal });
    await refused(() => randomSearch(space, noisy(), { trials: 3, seed: 2, journal }), "seed");
    await refused(() => randomSearch({ ...space, x: float(-4, 5) }, noisy(), { trials: 3, seed: 1, journal }), "space");
    await refused(() => randomSearch(space, noisy(), { trials: 3, budget: 2, seed: 1, journal }), "settings");
    await refused(() => gridSearch(space, noisy(), { seed: 1, journal }), "method");
    await refused(() => randomSearch(space, noisy(), { trials: 3, direction: "max", journal }), "direction");
    const other = Object.assign(noisy(), { settings: { monitor: "val_accuracy" } });
    await refused(() => randomSearch(space, other, { trials: 3, journal }), "objective");

    appendFileSync(journal, '{"trial":3}\n');
    appendFileSync(journal, "{}\n");
    await refused(() => randomSearch(space, noisy(), { trials: 3, journal }), "line 5");
    truncateSync(journal, 20);
    await refused(() => randomSearch(space, noisy(), { trials: 3, journal }), "line 1");
    writeFileSync(journal, "something else entirely\n");
    await refused(() => randomSearch(space, noisy(), { trials: 3, journal }), "line 1");
    await expect(gridSearch(space, noisy(), { journal: folder })).rejects.toThrow(JournalError);
    await expect(gridSearch(space, noisy(), { journal: join(folder, "no", "such") })).rejects.toThrow(
      /could not be written/,
    );
  });

  it("refuse values that the seed does not give", async () => {
    const journal = newPath();
    await randomSearch(space, noisy(), { trials: 2, seed: 1, journal });
    writeFileSync(journal, readFileSync(journal, "utf8").replace(/"kind":"(a|b)"(?=[^\n]*\n$)/, '"kind":"c"'));
    await expect(randomSearch(space, noisy(), { trials: 2, journal })).rejects.toThrow(/values of trial 1/);
  });
});
