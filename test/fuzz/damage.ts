/** Ways to damage files, the same for the same seed. */

/** Numbers drawn from a seed (Mulberry32, public domain). */
export class Draws {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }
  /** From 0 up to, not including, 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  /** A whole number from 0 up to, not including, `n`. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const text = new TextEncoder();

/** Names that mean something elsewhere: in prototypes, paths, formats. */
export const hostileNames: readonly string[] = [
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__metadata__", "then", "length"],
  ...["../../etc/passwd", "/etc/passwd", "..\\x", "C:\\x", "", ".", "..", "a/b", "\0", "\ud800", "𝛿", "$array"],
];

/** Numbers that lengths, places and counts are seldom meant to be. */
const hostileNumbers: readonly number[] = [
  ...[0, 1, 2, 3, 7, 8, 255, 256, 32_767, 32_768, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32],
  ...[2 ** 40, 2 ** 53 - 1, 2 ** 53, 2 ** 63 - 1024, 2 ** 63, 2 ** 64 - 2048],
];

type Damage = (bytes: Uint8Array<ArrayBuffer>, other: Uint8Array, draws: Draws) => Uint8Array<ArrayBuffer>;

/** A place in a file, most often near one of its ends, where headers and directories are. */
function placeIn(bytes: Uint8Array, draws: Draws): number {
  const near = Math.min(bytes.length, 160);
  return draws.one([
    () => draws.below(near),
    () => bytes.length - 1 - draws.below(near),
    () => Math.floor(draws.next() ** 3 * bytes.length),
    () => draws.below(bytes.length),
  ])();
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/** Writes a number of 1 to 8 bytes, the least significant first, or last. */
function putNumber(bytes: Uint8Array, at: number, width: number, value: number, big: boolean): void {
  const raw = BigInt.asUintN(64, BigInt(Math.trunc(value)));
  for (let i = 0; i < width && at + i < bytes.length; i++) {
    bytes[at + i] = Number((raw >> BigInt(8 * (big ? width - 1 - i : i))) & 255n);
  }
}

/** Every kind of damage that needs to know nothing of the format, by name. */
const kinds: Readonly<Record<string, Damage>> = {
  bit(bytes, _, draws) {
    bytes[placeIn(bytes, draws)]! ^= 1 << draws.below(8);
    return bytes;
  },
  byte(bytes, _, draws) {
    bytes[placeIn(bytes, draws)] = draws.below(256);
    return bytes;
  },
  run(bytes, _, draws) {
    const at = placeIn(bytes, draws);
    return bytes.fill(draws.one([0, 255, 127, 0x20]), at, at + 1 + draws.below(16));
  },
  cut: (bytes, _, draws) => bytes.slice(0, placeIn(bytes, draws)),
  left(bytes, _, draws) {
    const at = placeIn(bytes, draws);
    return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + draws.below(40)));
  },
  insert(bytes, _, draws) {
    const at = placeIn(bytes, draws);
    const noise = Uint8Array.from({ length: 1 + draws.below(40) }, () => draws.below(256));
    return joined(bytes.subarray(0, at), noise, bytes.subarray(at));
  },
  repeat(bytes, _, draws) {
    const at = placeIn(bytes, draws);
    return joined(bytes.subarray(0, at + 1 + draws.below(80)), bytes.subarray(at));
  },
  move(bytes, _, draws) {
    const from = draws.below(bytes.length);
    return bytes.copyWithin(placeIn(bytes, draws), from, from + 1 + draws.below(bytes.length));
  },
  splice(bytes, other, draws) {
    const at = placeIn(bytes, draws);
    return joined(bytes.subarray(0, at), other.subarray(draws.one([at, placeIn(other, draws)])));
  },
  number(bytes, _, draws) {
    const width = draws.one([1, 2, 4, 8]);
    const at = draws.one([1, width]) * Math.floor(placeIn(bytes, draws) / width);
    const { length } = bytes;
    const value = draws.one([...hostileNumbers, length, length - 1, length + 1, draws.below(length)]);
    putNumber(bytes, Math.min(at, length - 1), width, value, draws.next() < 0.1);
    return bytes;
  },
  /** What looks like the address of something becomes the address of something else: circles, links to wrong kinds. */
  address(bytes, _, draws) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const places: number[] = [];
    for (let at = 0; at + 8 <= bytes.length; at += 4) {
      const low = view.getUint32(at, true);
      if (low >= 48 && low < bytes.length && view.getUint32(at + 4, true) === 0) places.push(at);
    }
    if (places.length < 2) return bytes;
    const [to, from] = [draws.one(places), draws.one(places)];
    return bytes.copyWithin(to, from, from + 8);
  },
  /** A number in text becomes another one. */
  digits(bytes, _, draws) {
    const found = [...String.fromCharCode(...bytes.subarray(0, 20_000)).matchAll(/\d+(?:\.\d+)?/g)];
    if (found.length === 0) return bytes;
    const { 0: old, index } = draws.one(found);
    const others = [
      ...hostileNumbers.map(String),
      "-1",
      "-0",
      "1e999",
      "-1e999",
      "1e-999",
      "0.5",
      "NaN",
      "9".repeat(30),
    ];
    const chosen = draws.next() < 0.5 ? String(draws.below(10 ** old.length)) : draws.one(others);
    return joined(bytes.subarray(0, index), text.encode(chosen), bytes.subarray(index + old.length));
  },
  /** A name becomes another one, of the same length half of the time. */
  name(bytes, _, draws) {
    const found = [...String.fromCharCode(...bytes.subarray(0, 20_000)).matchAll(/[A-Za-z_][\w./:-]{2,}/g)];
    if (found.length === 0) return bytes;
    const { 0: old, index } = draws.one(found);
    const chosen = draws.one([...hostileNames, draws.one(found)[0]]);
    const same = chosen.slice(0, old.length).padEnd(old.length, draws.one(["\0", "_", " "]));
    const written = text.encode(draws.next() < 0.5 ? same : chosen);
    return joined(bytes.subarray(0, index), written, bytes.subarray(index + old.length));
  },
};

/** A file with one to four kinds of damage. `other` is what pieces are taken of. */
export function damaged(file: Uint8Array, other: Uint8Array, draws: Draws): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer> = Uint8Array.from(file);
  const names = Object.keys(kinds);
  for (let n = draws.one([1, 1, 1, 2, 3, 4]); n > 0 && bytes.length > 0; n--) {
    bytes = kinds[draws.one(names)]!(bytes, other, draws);
  }
  return bytes;
}

/** Text of JSON with a few of its values, names or parts changed; still JSON, most often. */
export function damagedJson(json: string, draws: Draws): string {
  interface Place {
    readonly within: Record<string, unknown> | unknown[];
    readonly key: string;
    readonly depth: number;
  }
  const root: { value: unknown } = { value: JSON.parse(json) };
  const places: Place[] = [];
  const visit = (within: Place["within"], depth: number): void => {
    for (const [key, value] of Object.entries(within)) {
      places.push({ within, key, depth });
      if (typeof value === "object" && value !== null) visit(value as Place["within"], depth + 1);
    }
  };
  visit(root, 0);
  const get = ({ within, key }: Place): unknown => (within as Record<string, unknown>)[key];
  const put = ({ within, key }: Place, value: unknown): void => {
    Object.defineProperty(within, key, { value, enumerable: true, configurable: true, writable: true });
  };
  for (let n = draws.one([1, 1, 2, 3]); n > 0; n--) {
    const place = draws.one(places.length > 1 ? places.slice(1) : places);
    const other = draws.one(places);
    const old = get(place);
    const scalar = [null, true, false, -1, 0.5, 1e308, -0, "", [], {}, ...hostileNumbers, ...hostileNames];
    draws.one([
      () => put(place, draws.one(scalar)),
      () =>
        put(
          place,
          typeof old === "number" ? draws.one([...hostileNumbers, -old, old + 1, old / 2]) : draws.one(scalar),
        ),
      // A copy, so that nothing contains itself.
      () => put(place, structuredClone(get(other))),
      () => put(place, [old]),
      () => put(place, { class_name: draws.one(hostileNames), config: old }),
      () => put({ ...place, key: Array.isArray(place.within) ? place.key : draws.one(hostileNames) }, old),
      () =>
        void (Array.isArray(place.within) ? place.within.splice(Number(place.key), 1) : delete place.within[place.key]),
      () => void (Array.isArray(place.within) && place.within.push(structuredClone(old))),
      () =>
        put(
          place,
          Array.from({ length: draws.one([3, 300]) }, () => 0).reduce((inner: unknown) => [inner], old),
        ),
    ])();
  }
  const changed = JSON.stringify(root.value) ?? "null";
  // The same name twice, and numbers that are infinite.
  const twist = draws.below(12);
  if (twist === 0) return changed.replace(/("[^"]+":)/, "$1null,$1");
  if (twist === 1) return changed.replace(/:\d+/, ":1e999");
  return changed;
}
