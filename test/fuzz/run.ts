import { Draws, damaged } from "./damage.ts";
import { isTyped, type Subject } from "./subject.ts";

/** What came of damaged files. */
export interface Outcome {
  refused: number;
  /** Read, with the contents of a whole file. */
  same: number;
  /** Read as another valid file. */
  other: number;
  /** What must not be: other errors, and contents that checksums should have told of. By seeds. */
  readonly faults: { readonly seed: number; readonly what: string }[];
  /** The longest time that a file took, in milliseconds, and which. */
  slowest: { readonly seed: number; readonly time: number };
}

/** The damaged file of a seed. */
export async function fileOf(subject: Subject, originals: readonly Uint8Array[], seed: number): Promise<Uint8Array> {
  const draws = new Draws(seed);
  const [file, other] = [draws.one(originals), draws.one(originals)];
  return (await subject.damage?.(file, other, draws)) ?? damaged(file, other, draws);
}

/** Reads as many damaged files as there are seeds from `seed` on. */
export async function fuzz(
  subject: Subject,
  { runs, seed, before = () => {} }: { runs: number; seed: number; before?: (seed: number) => void | Promise<void> },
): Promise<Outcome> {
  const originals = await subject.originals();
  const known = new Set<string>();
  for (const file of originals) known.add(await subject.read(file));
  const outcome: Outcome = { refused: 0, same: 0, other: 0, faults: [], slowest: { seed, time: 0 } };
  for (let own = seed; own < seed + runs; own++) {
    const bytes = await fileOf(subject, originals, own);
    await before(own);
    const start = performance.now();
    try {
      if (known.has(await subject.read(bytes))) outcome.same++;
      else if (subject.checked) outcome.faults.push({ seed: own, what: "other contents, in spite of checksums" });
      else outcome.other++;
    } catch (error) {
      if (isTyped(error)) outcome.refused++;
      else
        outcome.faults.push({
          seed: own,
          what: error instanceof Error ? (error.stack ?? String(error)) : String(error),
        });
    }
    const time = performance.now() - start;
    if (time > outcome.slowest.time) outcome.slowest = { seed: own, time };
  }
  return outcome;
}
