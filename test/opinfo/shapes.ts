import * as g from "@gradiente/autograd";
import { type Adapter, atLeast1, Incomparable, indexed, int, item, overwritten, type T, unary } from "./arguments.ts";

// Shapes, parts and indexing; new tensors.

/** Whether a place is named more than once. */
function repeats(x: T, items: g.Index[]): boolean {
  const picked = g.at(g.arange(x.size).reshape(x.shape), ...items);
  return g.unique(picked).values.size < picked.size;
}

/** The places of elements at strides of one's own. */
function strided(shape: number[], strides: number[], offset: number): T {
  let places = g.full([], offset, { dtype: "int32" });
  for (const [i, n] of shape.entries()) places = places.unsqueeze(-1).add(g.arange(n).mul(strides[i]!));
  return places;
}

export const shapes: Record<string, Adapter> = {
  reshape: ([x, s]) => x.reshape(s),
  reshape_as: ([x, y]) => x.reshape(y.shape),
  view: ([x, s]) => x.reshape(s),
  view_as: ([x, y]) => x.reshape(y.shape),
  flatten: ([x], { start_dim = 0, end_dim = -1 }) => g.flatten(x, start_dim, end_dim),
  unflatten: ([x, dim, s]) => x.reshape(x.shape.toSpliced(dim < 0 ? dim + x.rank : dim, 1, ...s)),
  permute: ([x, axes]) => x.permute(axes),
  transpose: ([x, a, b]) => (x.rank === 0 ? x.clone() : x.swapAxes(a, b)),
  t: ([x]) => x.transpose(),
  T: ([x]) => x.transpose(),
  H: ([x]) => x.transpose(),
  mT: ([x]) => x.swapAxes(-1, -2),
  mH: ([x]) => x.swapAxes(-1, -2),
  movedim: ([x, from, to]) => {
    const [a, b] = [from, to].map((v) => (Array.isArray(v) ? v : [v]).map((i: number) => (i < 0 ? i + x.rank : i)));
    const order = Array<number>(x.rank).fill(-1);
    a!.forEach((v: number, i: number) => {
      order[b![i]!] = v;
    });
    const rest = Array.from({ length: x.rank }, (_, i) => i).filter((i) => !a!.includes(i));
    return x.permute(order.map((v) => (v < 0 ? rest.shift()! : v)));
  },
  squeeze: ([x, axis]) => {
    if (axis === undefined) return x.squeeze();
    if (Array.isArray(axis)) return x.squeeze(axis.filter((a) => x.rank > 0 && x.shape.at(a) === 1));
    return x.rank === 0 || x.shape.at(axis) !== 1 ? x.clone() : x.squeeze(axis);
  },
  unsqueeze: ([x, axis]) => x.unsqueeze(axis),
  tile: ([x, n]) => g.tile(x, n),
  repeat: ([x, n]) => g.tile(x, n),
  repeat_interleave: ([x, n], o: Record<string, unknown>) => {
    const times = n ?? o.repeats;
    const counts = times instanceof g.Tensor ? (times.toArray() as number[]) : times;
    const axis = o.dim as number | undefined;
    return g.repeat(
      x,
      Array.isArray(counts) && counts.length === 1 ? counts[0]! : counts,
      axis === undefined ? {} : { axis },
    );
  },
  cat: ([xs, dim], o) => {
    // PyTorch leaves out empty vectors among tensors of another rank.
    const others = (xs as T[]).filter((x) => x.size > 0 || x.rank !== 1);
    return g.concatenate(others.length > 0 ? others : xs, { axis: dim ?? o.dim ?? 0 });
  },
  stack: ([xs, dim], o) => g.stack(xs, { axis: dim ?? o.dim ?? 0 }),
  hstack: (args) => {
    const xs = args.flat().map(atLeast1);
    return g.concatenate(xs, { axis: xs[0]!.rank === 1 ? 0 : 1 });
  },
  vstack: (args) => g.concatenate(args.flat().map((x: T) => (x.rank < 2 ? x.reshape([1, x.size]) : x))),
  dstack: (args) =>
    g.concatenate(
      args.flat().map((x: T) => (x.rank < 3 ? (x.rank < 2 ? x.reshape([1, x.size, 1]) : x.unsqueeze(2)) : x)),
      { axis: 2 },
    ),
  column_stack: (args) =>
    g.concatenate(
      args.flat().map((x: T) => (x.rank < 2 ? x.reshape([x.size, 1]) : x)),
      { axis: 1 },
    ),
  split: ([x, n, dim = 0]) =>
    Array.isArray(n) ? g.split(x, cuts(n), { axis: dim }) : g.split(x, every(x.shape.at(dim)!, n), { axis: dim }),
  split_with_sizes: ([x, n, dim = 0]) => g.split(x, cuts(n), { axis: dim }),
  chunk: ([x, n, dim = 0]) => g.chunk(x, n, { axis: dim }),
  unbind: ([x, dim = 0]) => g.unstack(x, { axis: dim }),
  narrow: ([x, dim, start, length]) => {
    const from = int(start);
    return g.slice(x, [
      ...Array(dim < 0 ? dim + x.rank : dim).fill(null),
      { start: from, stop: from + length === 0 ? 0 : from < 0 ? from + x.shape.at(dim)! + length : from + length },
    ]);
  },
  select: ([x, dim, i]) => g.select(x, dim, i),
  hsplit: ([x, n]) => g.split(x, n, { axis: x.rank === 1 ? 0 : 1 }),
  vsplit: ([x, n]) => g.split(x, n),
  dsplit: ([x, n]) => g.split(x, n, { axis: 2 }),
  tensor_split: ([x, n, dim = 0]) => {
    const at = n instanceof g.Tensor ? n.toArray() : n;
    if (Array.isArray(at)) return g.split(x, at as number[], { axis: dim });
    const [length, parts] = [x.shape.at(dim)!, at as number];
    const ends = Array.from(
      { length: parts - 1 },
      (_, i) => (i + 1) * Math.floor(length / parts) + Math.min(i + 1, length % parts),
    );
    return g.split(x, ends, { axis: dim });
  },
  flip: ([x, dims], o: Record<string, unknown>) => g.flip(x, (dims ?? o.dims) as number[]),
  fliplr: ([x]) => g.flip(x, 1),
  flipud: ([x]) => g.flip(x, 0),
  roll: ([x, shifts, dims], o: Record<string, unknown>) => {
    const axis = dims ?? o.dims;
    return g.roll(
      x,
      shifts ?? o.shifts,
      axis === undefined || (Array.isArray(axis) && axis.length === 0) ? {} : { axis },
    );
  },
  rot90: ([x, k = 1, dims = [0, 1]]) => g.rot90(x, k, dims),
  diag: ([x, offset = 0]) => g.diag(x, { offset }),
  diagonal: ([x], { offset = 0, dim1 = 0, dim2 = 1 }) => g.diagonal(x, { offset, axes: [dim1, dim2] }),
  diagflat: ([x], { offset = 0 }) => g.diag(x.flatten(), { offset }),
  trace: ([x]) => g.trace(x),
  tril: ([x, offset = 0]) => g.tril(x, { offset }),
  triu: ([x, offset = 0]) => g.triu(x, { offset }),
  meshgrid: (args, o: Record<string, unknown>) => {
    const xs = args.flat();
    const grid = g.meshgrid(...xs);
    return o.indexing === "xy" && xs.length > 1 ? grid.map((y) => y.swapAxes(0, 1)) : grid;
  },
  atleast_1d: (args) => args.flat().map(atLeast1),
  atleast_2d: (args) => args.flat().map((x: T) => (x.rank < 2 ? x.reshape([1, x.size]) : x.clone())),
  atleast_3d: (args) =>
    args.flat().map((x: T) => (x.rank < 2 ? x.reshape([1, x.size, 1]) : x.rank < 3 ? x.unsqueeze(2) : x.clone())),
  unfold: ([x, dim, size, step]) => {
    const y = g.unfold(atLeast1(x), size, { axis: dim, step });
    return x.rank === 0 ? y.reshape([size]) : y;
  },
  constant_pad_nd: ([x, p, value = 0]) => padded(x, p, "constant", value),
  "nn.functional.pad": ([x, p, mode = "constant", value = 0]) => padded(x, p, mode, value ?? 0),
  gather: ([x, dim, index]) => {
    if (index.size === 0 && index.rank !== x.rank) throw new Incomparable("PyTorch lets empty indices have any rank");
    return g.gather(atLeast1(x), atLeast1(index), { axis: dim }).reshape(index.shape);
  },
  take_along_dim: ([x, index, dim]) =>
    dim === undefined ? g.take(x.flatten(), index.flatten()) : g.takeAlongAxis(x, index, dim),
  take: ([x, index]) => g.take(x.flatten(), index),
  index_select: ([x, dim, index]) => (x.rank === 0 ? x.clone() : g.indexSelect(x, index, { axis: dim })),
  index_add: indexed((x, axis, index, source, _, { alpha = 1 }) =>
    g.indexAdd(x, index, source.mul(alpha as number), { axis }),
  ),
  index_fill: indexed((x, axis, index, value) =>
    g.setAt(x, [...Array(axis < 0 ? axis + x.rank : axis).fill({}), index], value),
  ),
  index_copy: indexed((x, axis, index, source) =>
    g.setAt(x, [...Array(axis < 0 ? axis + x.rank : axis).fill({}), index], source),
  ),
  scatter: indexed((x, axis, index, source, _, o) => {
    const reduce = o.reduce;
    if (reduce === undefined) return g.scatter(x, index, source, { axis });
    return reduce === "add"
      ? g.scatterAdd(x, index, source, { axis })
      : g.scatterReduce(x, index, source, { axis, reduce: "prod" });
  }),
  scatter_add: indexed((x, axis, index, source) => g.scatterAdd(x, index, source, { axis })),
  scatter_reduce: indexed((x, axis, index, source, [reduce], { include_self }) =>
    g.scatterReduce(x, index, source, { axis, reduce, includeSelf: include_self as boolean }),
  ),
  // A list of numbers alone is one index, a list of places.
  __getitem__: ([x, index]) => {
    const isTuple = Array.isArray(index) && !index.every((v) => typeof v === "number");
    return g.at(x, ...(isTuple ? index : [index]).map(item));
  },
  index_put: ([x, index, value, accumulate0], { accumulate }) => {
    const items = index.map(item);
    const isAdded = accumulate ?? accumulate0;
    if (!isAdded && repeats(x, items)) throw new Incomparable(overwritten);
    return (isAdded ? g.addAt : g.setAt)(x, items, value);
  },
  index_reduce: indexed((x, axis, index, source, [reduce], o) => {
    const places = index.reshape(
      source.shape.map((_, i) => (i === (axis < 0 ? axis + x.rank : axis) ? index.size : 1)),
    );
    const includeSelf = (o.include_self as boolean | undefined) ?? true;
    return g.scatterReduce(x, g.broadcastTo(places, source.shape), source, { axis, reduce, includeSelf });
  }),
  masked_scatter: ([x, mask, source]) => {
    const whole = x.add(g.cast(mask, "float64").mul(0));
    const places = g.nonzero(g.broadcastTo(mask, whole.shape).flatten()).flatten();
    return g.setAt(whole.flatten(), [places], source.flatten().slice([{ stop: places.size }])).reshape(whole.shape);
  },
  _unsafe_masked_index: ([x, mask, index, fill]) => {
    const clamped = index.map((v: T, i: number) => g.clamp(v, { min: -x.shape[i]!, max: x.shape[i]! - 1 }));
    return g.where(mask, g.at(x, ...clamped), fill);
  },
  _unsafe_masked_index_put_accumulate: ([x, mask, index, values]) => {
    const clamped = index.map((v: T, i: number) => g.clamp(v, { min: -x.shape[i]!, max: x.shape[i]! - 1 }));
    return g.addAt(x, clamped, g.where(mask, values, 0));
  },
  put: ([x, index, value, accumulate]) => {
    if (!accumulate && repeats(x.flatten(), [index.flatten()])) throw new Incomparable(overwritten);
    return (accumulate ? g.addAt : g.setAt)(x.flatten(), [index.flatten()], value.flatten()).reshape(x.shape);
  },
  masked_fill: ([x, mask, value]) => g.maskedFill(x, mask, value),
  masked_select: ([x, mask]) => g.maskedSelect(x, mask),
  nonzero: ([x], { as_tuple }) => (as_tuple ? g.unstack(g.nonzero(atLeast1(x)), { axis: 1 }) : g.nonzero(x)),
  argwhere: ([x]) => g.nonzero(x),
  searchsorted: ([a, b], { right }) => search(a, b, right ? "right" : "left"),
  bucketize: ([x, edges], { right }) => g.searchSorted(edges, x, { side: right ? "right" : "left" }),
  unique: ([x], o: Record<string, unknown>) => {
    if ((o.dim ?? null) !== null && x.rank > 1) throw new Incomparable("unique rows are not offered");
    const { values, inverse, counts } = g.unique(x);
    return [values, ...(o.return_inverse ? [inverse] : []), ...(o.return_counts ? [counts] : [])];
  },
  diagonal_scatter: ([x, y, offset = 0, dim1 = 0, dim2 = 1]) => {
    const places = g.diagonal(g.arange(x.size).reshape(x.shape), { offset, axes: [dim1, dim2] }).flatten();
    return g.setAt(x.flatten(), [places], y.flatten()).reshape(x.shape);
  },
  as_strided: ([x, shape, strides, offset], o) =>
    g.take(x.flatten(), strided(shape, strides, offset ?? o.storage_offset ?? 0)),
  slice_scatter: ([x, y, dim = 0, start, stop, step], o: Record<string, unknown>) => {
    const at = (dim as number) < 0 ? dim + x.rank : dim;
    const range = item({ slice: [start ?? o.start ?? null, stop ?? o.end ?? null, step ?? o.step ?? null] });
    return g.setAt(x, [...Array(at).fill({}), range], y);
  },
  slice: ([x, dim = 0, start, stop, step], o: Record<string, unknown>) => {
    const range = item({ slice: [start ?? o.start ?? null, stop ?? o.end ?? null, step ?? o.step ?? null] });
    return g.at(x, ...Array(dim < 0 ? dim + x.rank : dim).fill({}), range);
  },
  diag_embed: ([x], { offset = 0, dim1 = -2, dim2 = -1 }) => {
    const n = x.shape.at(-1)!;
    const size = n + Math.abs(offset);
    const places = g.diagonal(g.arange(size * size).reshape([size, size]), { offset });
    const lead: readonly number[] = x.shape.slice(0, -1);
    const flat = g.zeros([...lead, size * size], { dtype: "float64" });
    const y = g.setAt(flat, ["...", places], x).reshape([...lead, size, size]);
    return g.moveAxis(y, [-2, -1], [dim1, dim2]);
  },
  block_diag: (args) => {
    const blocks: T[] = args.flat().map((x: T) => (x.rank < 2 ? x.reshape([1, x.size]) : x));
    const columns = blocks.reduce((sum, x) => sum + x.shape[1]!, 0);
    let before = 0;
    const rows = blocks.map((x) => {
      const y = g.pad(x, [
        [0, 0],
        [before, columns - before - x.shape[1]!],
      ]);
      before += x.shape[1]!;
      return y;
    });
    return g.concatenate(rows);
  },
  cartesian_prod: (args) =>
    args.flat().length === 1
      ? args.flat()[0].clone()
      : g.stack(
          g.meshgrid(...args.flat()).map((x) => x.flatten()),
          { axis: 1 },
        ),
  combinations: ([x], { r = 2, with_replacement = false }) => {
    const pick = (from: number, k: number): number[][] =>
      k === 0
        ? [[]]
        : Array.from({ length: x.size - from }, (_, i) =>
            pick(from + i + (with_replacement ? 0 : 1), k - 1).map((rest) => [from + i, ...rest]),
          ).flat();
    const rows = pick(0, r);
    return rows.length === 0 ? g.zeros([0, r], { dtype: "float64" }).mul(x.sum()) : g.take(x, rows);
  },
  broadcast_tensors: (args) => {
    const xs: T[] = args.flat();
    const { shape } = xs.map((x) => g.zerosLike(g.stopGradient(x))).reduce((a, b) => a.add(b));
    return xs.map((x) => g.broadcastTo(x, shape).clone());
  },
  unsafe_chunk: ([x, n, dim = 0]) => g.chunk(x, n, { axis: dim }),
  isin: ([x, list], { invert = false }) => {
    const found = g.any(g.equal(x.unsqueeze(-1), list.flatten()), { axis: -1 });
    return invert ? g.logicalNot(found) : found;
  },
  msort: ([x]) => (x.rank === 0 ? x.clone() : g.sort(x, { axis: 0 }).values),
  item: ([x]) => x.reshape([]),
  new_full: ([, s, v]) => g.full(s, v, { dtype: "float64" }),
  new_ones: ([, s]) => g.ones(s, { dtype: "float64" }),
  new_zeros: ([, s]) => g.zeros(s, { dtype: "float64" }),
  full: ([s, v]) => g.full(s, Number(v), { dtype: "float64" }),
  scalar_tensor: ([v]) => g.tensor(Number(v), { dtype: "float64" }),
  unique_consecutive: ([x], o: Record<string, unknown>) => {
    if ((o.dim ?? null) !== null && x.rank > 1) throw new Incomparable("unique rows are not offered");
    if (x.size === 0) return [x.flatten()];
    const flat: T = x.flatten();
    const changes = g.concatenate([[true], flat.slice([{ start: 1 }]).notEqual(flat.slice([{ stop: -1 }]))]);
    return [g.maskedSelect(flat, changes)];
  },
  select_scatter: ([x, y, dim, i]) => g.setAt(x, [...Array(dim < 0 ? dim + x.rank : dim).fill({}), i], y),
};

/** Under PyTorch's other names. */
for (const [name, other] of [
  ["expand_copy", "expand"],
  ["view_copy", "view"],
  ["permute_copy", "permute"],
  ["transpose_copy", "transpose"],
  ["t_copy", "t"],
  ["squeeze_copy", "squeeze"],
  ["unsqueeze_copy", "unsqueeze"],
  ["unbind_copy", "unbind"],
  ["unfold_copy", "unfold"],
  ["diagonal_copy", "diagonal"],
  ["linalg.diagonal", "diagonal"],
  ["as_strided_copy", "as_strided"],
  ["narrow_copy", "narrow"],
  ["unsafe_split", "split"],
  ["split_with_sizes_copy", "split_with_sizes"],
] as const) {
  shapes[name] = (args, o, expected) => {
    const adapter = shapes[other];
    return adapter === undefined ? g.expand(args[0], args[1]) : adapter(args, o, expected);
  };
}

/** Row by row, where both have rows. */
function search(a: T, b: T, side: "left" | "right"): T {
  if (a.rank === 1) return g.searchSorted(a, b, { side });
  if (a.size === 0 && b.size === 0) return g.zeros(b.shape, { dtype: "int32" });
  const rows = g.unstack(b);
  return g.stack(g.unstack(a).map((row, i) => search(row, rows[i]!, side)));
}

const cuts = (sizes: number[]): number[] =>
  sizes.slice(0, -1).map((_, i) => sizes.slice(0, i + 1).reduce((a, b) => a + b, 0));
const every = (length: number, n: number): number[] =>
  Array.from({ length: Math.max(0, Math.ceil(length / n) - 1) }, (_, i) => (i + 1) * n);

/** PyTorch pads from the last axis on. */
function padded(x: T, list: number[], mode: "constant" | "reflect", value: number): T {
  const pairs = Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!] as const);
  const none = Array.from({ length: x.rank - pairs.length }, () => [0, 0] as const);
  return g.pad(x, [...none, ...pairs.reverse()], { mode, value });
}

export const creation: Record<string, Adapter> = {
  arange: (args, o: Record<string, unknown>) => {
    const [start, stop, step] = [args[0], args[1] ?? o.end, args[2] ?? o.step ?? 1];
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    return g.cast(g.arange(Number(from), Number(to), Number(step), { dtype: "float64" }), "float64");
  },
  linspace: ([a, b, n]) => g.linspace(Number(int(a)), Number(int(b)), n, { dtype: "float64" }),
  logspace: ([a, b, n, base = 10]) => g.logspace(Number(int(a)), Number(int(b)), n, { base, dtype: "float64" }),
  eye: (args) => g.eye(args[0], args[1], { dtype: "float64" }),
  zeros_like: unary(g.zerosLike),
  ones_like: unary(g.onesLike),
  full_like: ([x, v]) => g.fullLike(x, Number(v)),
  zeros: ([s]) => g.zeros(s, { dtype: "float64" }),
  ones: ([s]) => g.ones(s, { dtype: "float64" }),
};
