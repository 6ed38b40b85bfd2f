/** Damaged files of every format are refused with typed errors, or are other valid files. */
import { describe, expect, it } from "vitest";
import { fuzz } from "./fuzz/run.ts";
import { subjects } from "./fuzz/subjects.ts";

// `pnpm fuzz-files` reads ten thousand of each.
const runs = 300;

describe("damaged files", () => {
  it.each(subjects.map((subject) => [subject.name, subject] as const))(
    "%s",
    { timeout: 120_000 },
    async (_, subject) => {
      const { refused, same, other, faults } = await fuzz(subject, { runs, seed: 1_000_000 });
      expect(faults).toEqual([]);
      expect(refused + same + other).toBe(runs);
      // Neither all whole nor all beyond recognition: the damage is of a kind that tells something.
      expect(refused).toBeGreaterThan(runs / 4);
      expect(same + other).toBeGreaterThan(0);
    },
  );
});
