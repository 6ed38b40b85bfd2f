import { ArgumentError, AxisError, checkInteger, inOperation, ShapeError, shown } from "../errors.ts";
import { listOf, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { mul } from "./arithmetic.ts";
import { diagonal } from "./diagonal.ts";
import { contract } from "./matmul.ts";
import { sum } from "./reduction.ts";
import { permute, reshape } from "./reshape.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

/** A tensor with a letter for each axis. Axes of length 1 that broadcast are dropped when they meet. */
interface Term {
  readonly labels: readonly string[];
  readonly value: Tensor;
}

/** Letters that stand for the axes under an ellipsis, counted from the last. */
const hidden = (count: number): string[] => Array.from({ length: count }, (_, i) => `…${count - 1 - i}`);

function parse(equation: string, operands: readonly Tensor[]): { inputs: string[][]; output: string[] } {
  const fail = (message: string): never => {
    throw new ArgumentError({ op: "einsum", message: `${message} in "${equation}"`, operands });
  };
  const [left, right, ...rest] = equation.replaceAll(/\s/g, "").split("->");
  const parts = left!.split(",");
  if (rest.length > 0) fail("there are several arrows");
  if (parts.length !== operands.length) fail(`there are ${parts.length} terms for ${operands.length} operands`);
  let widest = 0;
  const labels = (text: string, rank: number | null): string[] => {
    const [before, after, ...more] = text.split("...");
    if (more.length > 0) fail("there are several ellipses in a term");
    if (!/^[A-Za-z]*$/.test(before! + (after ?? ""))) fail("there are characters that are no letters");
    if (after === undefined) {
      if (rank !== null && before!.length !== rank) fail(`"${text}" does not name ${rank} axes`);
      return [...before!];
    }
    const count = rank === null ? widest : rank - before!.length - after.length;
    if (count < 0) fail(`"${text}" names more than ${rank} axes`);
    if (rank !== null) widest = Math.max(widest, count);
    return [...before!, ...hidden(count), ...after];
  };
  const inputs = parts.map((text, i) => labels(text, operands[i]!.rank));
  if (right !== undefined) {
    const output = labels(right, null);
    if (new Set(output).size !== output.length) fail("a letter of the result occurs twice");
    if (output.some((l) => !l.startsWith("…") && !inputs.flat().includes(l)))
      fail("the result has a letter of its own");
    return { inputs, output };
  }
  const all = inputs.flat().filter((l) => !l.startsWith("…"));
  const once = [...new Set(all)].filter((l) => all.indexOf(l) === all.lastIndexOf(l)).sort();
  return { inputs, output: [...hidden(widest), ...once] };
}

/** Repeated letters become diagonals. */
function withoutRepeats({ labels, value }: Term): Term {
  const again = labels.findIndex((l, i) => labels.indexOf(l) !== i);
  if (again < 0) return { labels, value };
  const first = labels.indexOf(labels[again]!);
  const rest = labels.filter((_, i) => i !== first && i !== again);
  if (value.shape[first] !== value.shape[again]) {
    throw new ShapeError({ op: "einsum", message: `axes named ${labels[again]} differ in length`, operands: [value] });
  }
  const taken = diagonal(value, { axes: [first, again] });
  return withoutRepeats({ labels: [...rest, labels[again]!], value: taken });
}

/** Sums over letters that nobody else needs. */
function summedOut({ labels, value }: Term, needed: ReadonlySet<string>): Term {
  const axis = labels.flatMap((l, i) => (needed.has(l) ? [] : [i]));
  if (axis.length === 0) return { labels, value };
  return { labels: labels.filter((l) => needed.has(l)), value: sum(value, { axis }) };
}

/** Drops axes of length 1 that the other term has longer, so that they broadcast. */
function dropOnes(term: Term, other: Term): Term {
  const isSpare = (l: string, i: number): boolean => {
    const there = other.labels.indexOf(l);
    return there >= 0 && term.value.shape[i] === 1 && other.value.shape[there] !== 1;
  };
  const keep = term.labels.map((l, i) => !isSpare(l, i));
  if (keep.every(Boolean)) return term;
  return {
    labels: term.labels.filter((_, i) => keep[i]),
    value: reshape(
      term.value,
      term.value.shape.filter((_, i) => keep[i]),
    ),
  };
}

function arranged({ labels, value }: Term, order: readonly string[]): Tensor {
  return permute(
    value,
    order.map((l) => labels.indexOf(l)),
  );
}

/** Multiplies two terms, summing over the letters that nobody else needs. */
function pair(x: Term, y: Term, needed: ReadonlySet<string>): Term {
  const [a, b] = [dropOnes(x, y), dropOnes(y, x)];
  const shared = a.labels.filter((l) => b.labels.includes(l));
  for (const l of shared) {
    if (a.value.shape[a.labels.indexOf(l)] !== b.value.shape[b.labels.indexOf(l)]) {
      throw new ShapeError({ op: "einsum", message: `axes named ${l} differ in length`, operands: [a.value, b.value] });
    }
  }
  const batch = shared.filter((l) => needed.has(l));
  const inner = shared.filter((l) => !needed.has(l));
  const left = a.labels.filter((l) => !shared.includes(l));
  const right = b.labels.filter((l) => !shared.includes(l));
  const value = contract(arranged(a, [...batch, ...left, ...inner]), arranged(b, [...batch, ...inner, ...right]), {
    batch: batch.length,
    m: left.length,
    k: inner.length,
    n: right.length,
  });
  return { labels: [...batch, ...left, ...right], value };
}

/**
 * Einstein's summation: axes are named by letters; letters missing in the result are summed over. With several
 * operands the pair with the smallest product is contracted first.
 *
 * @param equation such as `"ij,jk->ik"`; without an arrow the result has the letters that occur once, in alphabetical
 *   order. An ellipsis stands for axes that broadcast. A letter twice in a term takes the diagonal.
 * @throws {ArgumentError} when the equation does not fit the operands.
 * @throws {ShapeError} when axes of one letter differ in length.
 *
 * @example
 * ```ts
 * einsum("ij,jk->ik", [[1, 2], [3, 4]], [[1, 0], [0, 1]]); // [[1, 2], [3, 4]]
 * einsum("ii", [[1, 2], [3, 4]]); // 5
 * ```
 */
export function einsum(equation: string, ...operands: readonly TensorLike[]): Tensor {
  const tensors = operands.map((x) => asTensor(x));
  if (typeof equation !== "string") {
    throw new ArgumentError({ op: "einsum", message: `the equation is ${shown(equation)}`, operands: tensors });
  }
  const { inputs, output } = parse(equation, tensors);
  const neededBy = (others: readonly Term[]): Set<string> => new Set([...output, ...others.flatMap((t) => t.labels)]);
  let terms = inputs.map((labels, i) => withoutRepeats({ labels, value: tensors[i]! }));
  terms = terms.map((t, i) => summedOut(t, neededBy(terms.filter((_, j) => j !== i))));
  while (terms.length > 1) {
    let best: { cost: number; i: number; j: number; result: ReadonlySet<string> } | null = null;
    for (let i = 0; i < terms.length; i++) {
      for (let j = i + 1; j < terms.length; j++) {
        const needed = neededBy(terms.filter((_, k) => k !== i && k !== j));
        const lengths = new Map<string, number>();
        for (const { labels, value } of [terms[i]!, terms[j]!]) {
          for (const [k, l] of labels.entries()) lengths.set(l, Math.max(lengths.get(l) ?? 1, value.shape[k]!));
        }
        let cost = 1;
        for (const [l, n] of lengths) if (needed.has(l)) cost *= n;
        if (best === null || cost < best.cost) best = { cost, i, j, result: needed };
      }
    }
    const { i, j, result } = best!;
    const product = pair(terms[i]!, terms[j]!, result);
    terms = [...terms.filter((_, k) => k !== i && k !== j), summedOut(product, result)];
  }
  const last = terms[0]!;
  const missing = output.filter((l) => !last.labels.includes(l));
  if (missing.length > 0)
    throw new ArgumentError({ op: "einsum", message: `${missing.join("")} is nowhere`, operands: tensors });
  return arranged(last, output);
}

/**
 * The sum of products over given axes of both tensors.
 *
 * @param axes how many: the last of a with the first of b; or the axes of each. Default: 2.
 *
 * @example
 * ```ts
 * tensorDot([[1, 2], [3, 4]], [[1, 2], [3, 4]], 2); // 30
 * ```
 */
export function tensorDot(
  a: TensorLike,
  b: TensorLike,
  axes: number | readonly [readonly number[], readonly number[]] = 2,
): Tensor {
  const [x, y] = [asTensor(a), asTensor(b)];
  const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
  if (typeof axes === "number" && checkInteger("tensorDot", "the number of axes", axes, 0) > Math.min(x.rank, y.rank)) {
    throw new ShapeError({ op: "tensorDot", message: `there are no ${axes} axes in both`, operands: [x, y] });
  }
  const [left, right, ...more] =
    typeof axes === "number" ? [range(x.rank - axes, axes), range(0, axes)] : listOf("tensorDot", "axes", axes);
  if (left === undefined || right === undefined || more.length > 0) {
    throw new ArgumentError({ op: "tensorDot", message: "axes are not two lists", hint: "[[axes of a], [axes of b]]" });
  }
  const at = (name: string, list: readonly number[], of: Tensor): number[] => {
    const found = listOf("tensorDot", name, list).map((axis) => normalizeAxis("tensorDot", axis, of));
    if (new Set(found).size === found.length) return found;
    throw new AxisError({ op: "tensorDot", message: `${name} [${list.join(", ")}] name one twice`, operands: [of] });
  };
  const [p, q] = [at("axes of a", left, x), at("axes of b", right, y)];
  if (p.length !== q.length || p.some((i, k) => x.shape[i] !== y.shape[q[k]!])) {
    throw new ShapeError({
      op: "tensorDot",
      message: `axes [${left.join(", ")}] and [${right.join(", ")}] do not have equal lengths`,
      operands: [x, y],
    });
  }
  const restX = range(0, x.rank).filter((i) => !p.includes(i));
  const restY = range(0, y.rank).filter((i) => !q.includes(i));
  return contract(permute(x, [...restX, ...p]), permute(y, [...q, ...restY]), {
    batch: 0,
    m: restX.length,
    k: p.length,
    n: restY.length,
  });
}

/**
 * The product of every element of one vector with every element of another, as a matrix; tensors are flattened.
 *
 * @example
 * ```ts
 * outer([1, 2], [3, 4]); // [[3, 4], [6, 8]]
 * ```
 */
export function outer(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [asTensor(a), asTensor(b)];
  return mul(reshape(x, [x.size, 1]), reshape(y, [1, y.size]));
}

/**
 * The sum of products over the last axes of both.
 *
 * @example
 * ```ts
 * inner([1, 2], [3, 4]); // 11
 * ```
 */
export function inner(a: TensorLike, b: TensorLike): Tensor {
  return inOperation("inner", () => {
    const [x, y] = [asTensor(a), asTensor(b)];
    return x.rank === 0 || y.rank === 0 ? mul(x, y) : tensorDot(x, y, [[-1], [-1]]);
  });
}

/**
 * NumPy's dot: over the last axis of a and the second to last (or only) of b.
 *
 * @example
 * ```ts
 * dot([1, 2], [3, 4]); // 11
 * ```
 */
export function dot(a: TensorLike, b: TensorLike): Tensor {
  return inOperation("dot", () => {
    const [x, y] = [asTensor(a), asTensor(b)];
    return x.rank === 0 || y.rank === 0 ? mul(x, y) : tensorDot(x, y, [[-1], [y.rank === 1 ? 0 : -2]]);
  });
}

/**
 * Kronecker's product: b, once for each element of a and multiplied by it.
 *
 * @example
 * ```ts
 * kron([1, 10], [1, 2]); // [1, 2, 10, 20]
 * ```
 */
export function kron(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [asTensor(a), asTensor(b)];
  const rank = Math.max(x.rank, y.rank);
  const padded = (t: Tensor): number[] => [...Array<number>(rank - t.rank).fill(1), ...t.shape];
  const [s, t] = [padded(x), padded(y)];
  const product = mul(
    reshape(
      x,
      s.flatMap((n) => [n, 1]),
    ),
    reshape(
      y,
      t.flatMap((n) => [1, n]),
    ),
  );
  return reshape(
    product,
    s.map((n, i) => n * t[i]!),
  );
}
