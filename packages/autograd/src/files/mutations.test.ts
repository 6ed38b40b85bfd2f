import { describe, expect, test } from "vitest";
import { FileError, type Tensor, tensor } from "../index.ts";
import { encodeTensors, loadTensors } from "./index.ts";
import { bytesOf, vectors } from "./testing/tensors.ts";

/** Reproducible numbers below `n` (xorshift32). */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

/** A file with a few bits, bytes or pieces changed, most often in the first `head` bytes or the last. */
function mutated(original: Uint8Array, head: number, next: (n: number) => number): Uint8Array {
  let bytes = Uint8Array.from(original);
  for (let changes = 1 + next(3); changes > 0 && bytes.length > 0; changes--) {
    const places = [
      next(Math.min(head, bytes.length)),
      bytes.length - 1 - next(Math.min(120, bytes.length)),
      next(bytes.length),
    ];
    const at = places[next(3)]!;
    const length = Math.min(1 + next(8), bytes.length - at);
    const kind = next(7);
    if (kind === 0) bytes[at]! ^= 1 << next(8);
    else if (kind === 1) bytes[at] = next(256);
    else if (kind === 2) bytes = bytes.slice(0, at);
    else if (kind === 3) bytes = Uint8Array.of(...bytes.slice(0, at), ...bytes.slice(at + length));
    else if (kind === 4) bytes = Uint8Array.of(...bytes.slice(0, at + length), ...bytes.slice(at));
    else if (kind === 5) bytes.fill([0, 0xff, 0x7f, 0x30 + next(10)][next(4)]!, at, at + length);
    else bytes.copyWithin(at, next(bytes.length), next(bytes.length));
  }
  return bytes;
}

const xs: Readonly<Record<string, Tensor>> = {
  kernel: tensor([
    [1, -2.5, 3],
    [0.1, 0, 7],
  ]), // prettier-ignore
  steps: tensor([3], { dtype: "int32" }),
  mask: tensor([true, false, true]),
};

interface Subject {
  readonly name: string;
  readonly file: () => Promise<Uint8Array>;
  readonly head: number;
  /** Whether checksums let no change of the elements pass. */
  readonly checked?: true;
}

const subjects: readonly Subject[] = [
  { name: "safetensors", file: () => encodeTensors(xs, "safetensors", { metadata: { a: "b" } }), head: 300 },
  { name: "safetensors of Python", file: async () => bytesOf(vectors.smallSafetensors), head: 256 },
  { name: "npy", file: () => encodeTensors({ kernel: xs.kernel! }, "npy"), head: 128 },
  { name: "npz", file: () => encodeTensors(xs, "npz"), head: 60, checked: true },
  { name: "compressed npz", file: () => encodeTensors(xs, "npz", { compress: true }), head: 200, checked: true },
];

const runs = 10_000;

describe("damaged files give typed errors or valid tensors", () => {
  test.each(subjects.map((s) => [s.name, s] as const))("%s", async (_, { file, head, checked }) => {
    const original = await file();
    const elements = (x: Tensor): string => `${x.dtype}[${x.shape}] ${x.data}`;
    const known = new Set(
      Object.values(await loadTensors(original, { wideIntegers: "float64" }).catch(() => ({}))).map(elements),
    );
    const next = numbers(20_260_101 + original.length);
    const outcomes = { error: 0, read: 0 };
    for (let i = 0; i < runs; i++) {
      const bytes = mutated(original, head, next);
      let tensors: Record<string, Tensor>;
      try {
        tensors = await loadTensors(bytes, { wideIntegers: "float64" });
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        outcomes.error++;
        continue;
      }
      outcomes.read++;
      for (const x of Object.values(tensors)) {
        expect(x.data.length).toBe(x.shape.reduce((a, b) => a * b, 1));
        // No element is stored in less than a bit, but for what is compressed.
        expect(x.size).toBeLessThanOrEqual(bytes.length * (checked ? 1032 : 8));
        if (checked) expect(known).toContain(elements(x));
      }
    }
    expect(outcomes.error).toBeGreaterThan(runs / 4);
  });
});
