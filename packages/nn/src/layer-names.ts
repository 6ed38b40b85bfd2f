import { DataError } from "./errors.ts";

/** The names of a model's layers, of which no two are equal. Each is looked at once, however many there are. */
export class LayerNames {
  private readonly taken: Set<string>;
  /** The number from which on names are tried, by what they begin with. */
  private readonly next = new Map<string, number>();

  constructor(taken: Iterable<string> = []) {
    this.taken = new Set(taken);
  }

  /** `dense`, or `dense_1` and so on where that is taken. */
  free(base: string): string {
    if (!this.taken.has(base)) return base;
    let n = this.next.get(base) ?? 1;
    while (this.taken.has(`${base}_${n}`)) n++;
    this.next.set(base, n);
    return `${base}_${n}`;
  }

  /** @throws {DataError} for a name that another layer has. */
  take(name: string): void {
    if (this.taken.has(name)) throw new DataError({ op: "model", message: `two layers are named "${name}"` });
    this.taken.add(name);
  }
}
