import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as g from "@gradiente/autograd";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adapters } from "./opinfo/adapters.ts";
import { Incomparable, type Values } from "./opinfo/arguments.ts";
import { lessExact, meaningfulPart, skipped } from "./opinfo/skipped.ts";

// Compares operations with cases computed by PyTorch, from the folder named by GRADIENTE_ORACLE.

interface Encoded {
  readonly tensor: {
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly data: readonly (number | boolean | { readonly f: string })[];
    readonly requiresGrad: boolean;
  };
}

interface Case {
  readonly op: string;
  readonly variant: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly unknown[];
  readonly cotangents: readonly (Encoded | null)[];
  readonly grads: readonly (Encoded | null)[] | null;
}

const special: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};

const isEncoded = (value: unknown): value is Encoded =>
  typeof value === "object" && value !== null && "tensor" in value;

function decode(value: unknown, leaves: g.Tensor[]): unknown {
  if (isEncoded(value)) {
    const { dtype, shape, data, requiresGrad } = value.tensor;
    if (dtype.startsWith("complex")) throw new Incomparable("complex numbers");
    const numbers = data.map((v) => (typeof v === "object" ? special[v.f]! : Number(v)));
    const own: g.DType = dtype.startsWith("float") ? "float64" : dtype === "bool" ? "bool" : "int32";
    const x = g.tensor({ data: Float64Array.from(numbers), shape }, { dtype: own, requiresGrad });
    if (requiresGrad) leaves.push(x);
    return x;
  }
  if (Array.isArray(value)) return value.map((v) => decode(v, leaves));
  if (typeof value === "object" && value !== null) {
    if ("f" in value) return special[(value as { f: string }).f];
    if ("slice" in value) return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, decode(v, leaves)]));
  }
  return value;
}

/** The first element that differs, in words; null where all agree. */
function difference(found: g.Tensor, expected: g.Tensor, tolerance = 1e-9): string | null {
  if (found.shape.join() !== expected.shape.join()) return `shape [${found.shape}], expected [${expected.shape}]`;
  const [a, b] = [found.data, expected.data];
  for (let i = 0; i < a.length; i++) {
    const near =
      Object.is(a[i], b[i]) || Math.abs(a[i]! - b[i]!) <= tolerance * (0.1 + Math.abs(b[i]!)) || a[i] === b[i];
    if (!near) return `element ${i} is ${a[i]}, expected ${b[i]}`;
  }
  return null;
}

/** What differs in one case, or null. */
function run({ op, variant, args, kwargs, outputs, cotangents, grads }: Case): string | null {
  const name = variant === "" ? op : `${op}:${variant}`;
  const adapter = adapters[name] ?? adapters[op]!;
  const leaves: g.Tensor[] = [];
  const inputs = decode(args, leaves) as Values;
  const options = decode(kwargs, leaves) as Record<string, never>;
  const expected = outputs.map((y) => (isEncoded(y) ? (decode(y, []) as g.Tensor) : null));
  const results = [adapter(inputs, options, expected)].flat();
  if (results.length === 0) return "nothing was computed";
  for (const [i, y] of results.entries()) {
    const plain = outputs[i];
    const wanted = typeof plain === "number" || typeof plain === "boolean" ? g.tensor(Number(plain)) : expected[i];
    const wrong = wanted
      ? difference(y, wanted, lessExact[op]?.tolerance ?? (typeof plain === "number" ? 1e-6 : 1e-9))
      : null;
    if (wrong !== null) return `output ${i}: ${wrong}`;
  }
  if (grads === null || leaves.length === 0) return null;
  const roots = results.flatMap((y, i) => (y.node !== null && cotangents[i] ? [i] : []));
  const found =
    roots.length === 0
      ? leaves.map((x) => g.zerosLike(x))
      : g.gradients(
          roots.map((i) => results[i]!),
          leaves,
          { cotangents: roots.map((i) => decode(cotangents[i], []) as g.Tensor) },
        );
  for (const [i, gradient] of found.entries()) {
    const encoded = grads[i];
    if (!encoded) continue;
    const part = (x: g.Tensor): g.Tensor => (meaningfulPart[name] ?? meaningfulPart[op])?.(x, i, options) ?? x;
    const wrong = difference(part(gradient), part(decode(encoded, []) as g.Tensor), lessExact[op]?.tolerance);
    if (wrong !== null) return `gradient ${i}: ${wrong}`;
  }
  return null;
}

const folder = process.env.GRADIENTE_ORACLE ?? "";
const file = join(folder, "pytorch", "opinfo.json.gz");

const title = "PyTorch's operator database on the %s backend (set GRADIENTE_ORACLE to run)";
const isMissing = folder === "" || !existsSync(file);

describe.skipIf(isMissing).each(["wasm", "reference"] as const)(title, (backend) => {
  beforeAll(() => g.setBackend(backend));
  const parsed = isMissing ? [] : JSON.parse(gunzipSync(readFileSync(file)).toString());
  const cases: readonly Case[] = Array.isArray(parsed) ? parsed : parsed.cases;
  const nameOf = ({ op, variant }: Case): string => (variant === "" ? op : `${op}:${variant}`);
  const byOp = Map.groupBy(cases, ({ op }) => op);
  const compared = { operators: 0, cases: 0 };
  const incomparable = new Map<string, string[]>();

  test.each([...byOp.keys()].filter((op) => !(op in skipped)))("%s", (op) => {
    const failures: string[] = [];
    let count = 0;
    for (const c of byOp.get(op)!) {
      if (nameOf(c) in skipped) continue;
      if (!(nameOf(c) in adapters) && !(op in adapters))
        throw new Error(`${nameOf(c)} is neither compared nor skipped`);
      try {
        const wrong = run(c);
        if (wrong !== null) failures.push(`${nameOf(c)}: ${wrong}`);
        count++;
      } catch (error) {
        if (error instanceof Incomparable) {
          incomparable.set(error.message, [...(incomparable.get(error.message) ?? []), nameOf(c)]);
        } else failures.push(`${nameOf(c)}: ${(error as Error).stack?.split("\n").slice(0, 4).join(" ")}`);
      }
    }
    expect(failures).toEqual([]);
    compared.operators += Number(count > 0);
    compared.cases += count;
  });

  afterAll(() => {
    const present = new Set(cases.flatMap((c) => [c.op, nameOf(c)]));
    const left = Object.entries(skipped).filter(([name]) => present.has(name));
    const reasons = Map.groupBy(left, ([, reason]) => reason);
    const list = [...reasons].map(([reason, entries]) => `  ${reason}: ${entries.map(([op]) => op).join(", ")}`);
    const single = [...incomparable.values()].reduce((sum, names) => sum + names.length, 0);
    for (const [reason, names] of incomparable)
      list.push(`  single cases, ${reason}: ${[...new Set(names)].join(", ")}`);
    console.log(
      `PyTorch, ${backend} backend: ${compared.operators} operators, ${compared.cases} cases agree in value and gradient; ` +
        `${left.length} operators and ${single} single cases skipped:\n${list.join("\n")}`,
    );
  });
});
