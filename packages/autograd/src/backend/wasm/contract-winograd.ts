/**
 * Convolutions with kernels of 3 × 3 taps and their kernels' gradients, with a third of the multiplications.
 *
 * A contraction over sliding windows is recognised by its strides: moving to the next window is moving by one within
 * it. Then 4 × 4 outputs at a time are computed from the 6 × 6 inputs they need as A ((G w Gᵀ) ∘ (Bᵀ x B)) Aᵀ: the
 * product in the middle is elementwise, so it costs 36 multiplications for each pair of channels where the sum over
 * windows takes 144. Over all channels and many such tiles it is 36 products of matrices, one for each place, which the
 * innermost loop of contractions computes. The gradient of the kernel is the transpose of the same with respect to w:
 * Gᵀ (Σ (Bᵀ x B) ∘ (A y Aᵀ)) G, the sum running over tiles.
 *
 * The matrices multiply polynomials through their values at 0, ±3/4, ±3/2 and ∞, which rounds less than the usual 0, ±1,
 * ±2: errors are about twice those of the plain sum. A tile's infinities and NaN spread over its 16 outputs.
 *
 * A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016 (after S. Winograd, 1980).
 * B. Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution", ACM TOMS 46 (2020).
 */
import type { View } from "../backend.ts";
import {
  choose,
  countTo,
  either,
  type Func,
  f32x4,
  type I32,
  i32,
  increase,
  int,
  type Local,
  locals,
  type ModuleBuilder,
  type Scope,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import { type Arithmetic, arithmetic, defineSpill, defineTile, type RowLayout } from "./contract-tile.ts";
import { addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

type Matrix = readonly (readonly number[])[];

/** Outputs of a tile along one axis, taps, and inputs. */
const [tileOutputs, taps, tileInputs] = [4, 3, 6];
const places = tileInputs * tileInputs;

/** The matrices A (6 × 4), G (6 × 3) and Bᵀ (6 × 6), from the points by which polynomials are told apart. */
function matrices(points: readonly number[]): { a: Matrix; g: Matrix; b: Matrix } {
  const powers = (x: number, n: number): number[] => Array.from({ length: n }, (_, i) => x ** i);
  const infinity = (n: number): number[] => Array.from({ length: n }, (_, i) => Number(i === n - 1));
  /** Coefficients of the product of (x − root), from x⁰ on. */
  const withRoots = (roots: readonly number[]): number[] =>
    roots.reduce<number[]>((p, root) => p.concat(0).map((_, i) => (p[i - 1] ?? 0) - root * (p[i] ?? 0)), [1]);
  const others = (p: number): number[] => points.filter((q) => q !== p);
  const b = [...points.map((p) => [...withRoots(others(p)), 0]), withRoots(points)];
  const g = [
    ...points.map((p) => powers(p, taps).map((x) => x / others(p).reduce((product, q) => product * (p - q), 1))),
    infinity(taps),
  ];
  const norm = (row: readonly number[]): number => Math.hypot(...row);
  // Powers of two that make the rows of B and G about equally long.
  const scales = b.map((row, i) => 2 ** Math.round(Math.log2(norm(g[i]!) / norm(row)) / 2));
  return {
    a: [...points.map((p) => powers(p, tileOutputs)), infinity(tileOutputs)],
    g: g.map((row, i) => row.map((x) => x / scales[i]!)),
    b: b.map((row, i) => row.map((x) => x * scales[i]!)),
  };
}

const { a: matrixA, g: matrixG, b: matrixB } = matrices([0, 3 / 4, -3 / 4, 3 / 2, -3 / 2]);
const transposed = (m: Matrix): Matrix => m[0]!.map((_, j) => m.map((row) => row[j]!));

/** Writes products of a constant matrix with vectors of vectors, with few instructions. */
class Products {
  readonly #scope: Scope;
  readonly #ops: Arithmetic;
  readonly #constants: Map<number, Local<"v128">> = new Map();

  constructor(scope: Scope, ops: Arithmetic) {
    this.#scope = scope;
    this.#ops = ops;
  }

  /** Statements that set the constants used; to be run first. */
  prepare(): Statement[] {
    return [...this.#constants].map(([x, local]) => local.set(f32x4.const(x)));
  }

  #constant(x: number): V128 {
    let local = this.#constants.get(x);
    if (local === undefined) {
      local = this.#scope.local("v128");
      this.#constants.set(x, local);
    }
    return local;
  }

  #combine(coefficients: readonly number[], x: readonly V128[]): V128 {
    let sum: V128 | null = null;
    // Those that need no multiplication last, so that the first is not a product by itself if there is a choice.
    const terms = coefficients.map((c, i) => ({ c, v: x[i]! })).filter(({ c }) => c !== 0);
    for (const { c, v } of terms.toSorted((s, t) => Number(Math.abs(s.c) !== 1) - Number(Math.abs(t.c) !== 1))) {
      if (sum === null) sum = c === 1 ? v : c === -1 ? f32x4.neg(v) : f32x4.mul(this.#constant(c), v);
      else if (c === 1) sum = f32x4.add(sum, v);
      else if (c === -1) sum = f32x4.sub(sum, v);
      else sum = this.#ops.madd(this.#constant(c), v, sum);
    }
    return sum ?? f32x4.const(0);
  }

  #keep(into: Statement[], x: V128): V128 {
    const local = this.#scope.local("v128");
    into.push(local.set(x));
    return local;
  }

  /** `matrix · x`; each entry of the result is computed where it is used, once. */
  apply(matrix: Matrix, x: readonly V128[], into: Statement[]): V128[] {
    // Columns equal up to signs: the sum and the difference of their vectors serve all rows.
    const columns = x.map((_, j) => matrix.map((row) => row[j]!));
    const vectors = [...x];
    const entries = matrix.map((row) => [...row]);
    for (let p = 0; p < x.length; p++) {
      for (let q = p + 1; q < x.length; q++) {
        const mirrored = columns[p]!.every((c, i) => Math.abs(c) === Math.abs(columns[q]![i]!));
        if (!mirrored) continue;
        vectors[p] = this.#keep(into, f32x4.add(x[p]!, x[q]!));
        vectors[q] = this.#keep(into, f32x4.sub(x[p]!, x[q]!));
        for (const row of entries) {
          const isSum = row[p] === row[q];
          [row[p], row[q]] = isSum ? [row[p]!, 0] : [0, row[p]!];
        }
      }
    }
    const result: V128[] = [];
    entries.forEach((row, i) => {
      if (result[i] !== undefined) return;
      // Rows whose sum and difference share no column, as those of opposite points.
      const other = entries.findIndex(
        (r, k) => k > i && r.every((c, j) => Math.abs(c) === Math.abs(row[j]!)) && r.some((c, j) => c !== row[j]),
      );
      if (other < 0) {
        result[i] = this.#combine(row, vectors);
        return;
      }
      const even = row.map((c, j) => (c === entries[other]![j] ? c : 0));
      const odd = row.map((c, j) => (c === entries[other]![j] ? 0 : c));
      const [e, o] = [even, odd].map((half) => this.#keep(into, this.#combine(half, vectors)));
      result[i] = f32x4.add(e!, o!);
      result[other] = f32x4.sub(e!, o!);
    });
    return result;
  }

  /** Statements for `matrix · x · matrixᵀ`, where `x(i, j)` is read and every entry of the result stored. */
  square(
    matrix: Matrix,
    x: (i: number, j: number) => V128,
    store: (i: number, j: number, y: V128) => Statement,
  ): Statement[] {
    const [height, width] = [matrix.length, matrix[0]!.length];
    const statements: Statement[] = [];
    const half: V128[][] = Array.from({ length: height }, () => []);
    for (let j = 0; j < width; j++) {
      const column = Array.from({ length: width }, (_, i) => this.#keep(statements, x(i, j)));
      for (const [i, y] of this.apply(matrix, column, statements).entries()) half[i]!.push(this.#keep(statements, y));
    }
    for (const [i, row] of half.entries()) {
      statements.push(...this.apply(matrix, row, statements).map((y, j) => store(i, j, y)));
    }
    return statements;
  }
}

/** Addresses of a square of vectors: pointers to its rows, which move along the channels, and distances of columns. */
class Grid {
  readonly #rows: readonly Local<"i32">[];
  readonly #columns: readonly Local<"i32">[];

  constructor(scope: Scope, side: number) {
    this.#rows = Array.from({ length: side }, () => scope.local("i32"));
    this.#columns = Array.from({ length: side }, () => scope.local("i32"));
  }

  set(base: I32, rowStep: I32, columnStep: I32): Statement[] {
    return [
      ...this.#rows.map((row, i) => row.set(i === 0 ? base : i32.add(this.#rows[i - 1]!, rowStep))),
      ...this.#columns.map((column, j) => column.set(i32.mul(columnStep, j))),
    ];
  }

  at(i: number, j: number): I32 {
    return j === 0 ? this.#rows[i]! : i32.add(this.#rows[i]!, this.#columns[j]!);
  }

  advance(bytes: number): Statement[] {
    return this.#rows.map((row) => increase(row, bytes));
  }
}

/** Positions of the fields in the descriptor of a launch, in bytes. */
const field = {
  /** The image: address, and distances of images, rows and columns. */
  x: 0,
  xImage: 4,
  xRow: 8,
  xColumn: 12,
  /** Channels of the image, and of the output rounded up to whole panels. */
  c: 16,
  k: 20,
  /** The output (or its cotangent), like the image. */
  y: 24,
  yImage: 28,
  yRow: 32,
  yColumn: 36,
  /** Height and width of the output, and tiles in them. */
  height: 40,
  width: 44,
  tilesDown: 48,
  tilesAcross: 52,
  tiles: 56,
  /** Tiles of a part, and of a block. */
  partTiles: 60,
  blockTiles: 64,
  /** The kernel, and distances of taps along both axes and of channels. */
  w: 68,
  wRow: 72,
  wColumn: 76,
  wIn: 80,
  wOut: 84,
  /** The transformed kernel, or where the parts of its gradient are. */
  u: 88,
  uPart: 92,
  parts: 96,
  scratch: 100,
  scratchBytes: 104,
  /** Distances of the 36 places in the blocks of transformed inputs and of products. */
  vPlace: 108,
  mPlace: 112,
  /** Whole number of output channels. */
  out: 116,
} as const;
const descriptorBytes = 128;
type Get = (name: keyof typeof field) => I32;
const getter =
  (descriptor: I32): Get =>
  (name) =>
    i32.load(descriptor, field[name]);

/** Output channels whose products are computed before they are transformed. */
const outBlock = 64;
const panel = 8;
const spillBytes = 512;
const rowsAtOnce = 6;

const minimum = (a: I32, b: I32): I32 => choose(i32.lt(a, b), a, b);

/** `copy(to, toRow, toColumn, from, fromRow, fromColumn, rows, columns, bytes)`. */
function defineCopy(module: ModuleBuilder): Func {
  return module.function(
    null,
    Array.from({ length: 9 }, () => "i32" as const),
    [],
    (scope, ...parameters) => {
      const [to, toRow, toColumn, from, fromRow, fromColumn, rows, columns, bytes] = parameters as readonly Value[];
      const [i, j, at, target, source] = locals(scope, "i32");
      return [
        countTo(
          i,
          rows!,
          countTo(
            j,
            columns!,
            target.set(i32.add(to!, i32.add(i32.mul(i, toRow!), i32.mul(j, toColumn!)))),
            source.set(i32.add(from!, i32.add(i32.mul(i, fromRow!), i32.mul(j, fromColumn!)))),
            at.set(int(0)),
            whileLoop(
              i32.lt(at, bytes!),
              v128.store(i32.add(target, at), v128.load(i32.add(source, at))),
              increase(at, 16),
            ),
          ),
        ),
      ];
    },
  );
}
type Value = Local<"i32">;

/** Sets bytes to zero, 16 at a time. */
const clear = (at: Value, from: I32, bytes: I32, end: Value): Statement[] => [
  at.set(from),
  end.set(i32.add(from, bytes)),
  whileLoop(i32.lt(at, end), v128.store(at, f32x4.const(0)), increase(at, 16)),
];

/** Finds tiles: sets the image, and the row and column of the first output. */
function locateTile(get: Get, tile: I32, image: Value, row: Value, column: Value): Statement[] {
  return [
    image.set(i32.div(tile, get("tilesAcross"))),
    column.set(i32.shl(i32.sub(tile, i32.mul(image, get("tilesAcross"))), 2)),
    row.set(i32.rem(image, get("tilesDown"))),
    image.set(i32.div(image, get("tilesDown"))),
    row.set(i32.shl(row, 2)),
  ];
}

/**
 * `transform(descriptor, tile, to, patch)`: the matrix applied to one tile of the image (or of the output), all
 * channels. What lies outside counts as zeros: such a tile is first copied to the patch.
 */
function defineTransform(module: ModuleBuilder, ops: Arithmetic, of: "x" | "y"): Func {
  const matrix = of === "x" ? matrixB : matrixA;
  const side = of === "x" ? tileInputs : tileOutputs;
  const copy = defineCopy(module);
  return module.function(null, ["i32", "i32", "i32", "i32"], [], (scope, descriptor, tile, to, patch) => {
    const get = getter(descriptor);
    const [image, row, column, from, rowStep, columnStep, rows, columns] = locals(scope, "i32");
    const [at, end, bytes, place] = locals(scope, "i32");
    const products = new Products(scope, ops);
    const [source, target] = [new Grid(scope, side), new Grid(scope, tileInputs)];
    const body = products.square(
      matrix,
      (i, j) => v128.load(source.at(i, j)),
      (i, j, y) => v128.store(target.at(i, j), y),
    );
    const beyond = side - tileOutputs;
    return [
      ...products.prepare(),
      ...locateTile(get, tile, image, row, column),
      rowStep.set(get(`${of}Row`)),
      columnStep.set(get(`${of}Column`)),
      place.set(get(of === "x" ? "vPlace" : "mPlace")),
      bytes.set(i32.shl(get(of === "x" ? "c" : "out"), 2)),
      from.set(
        i32.add(
          i32.add(get(of), i32.mul(image, get(`${of}Image`))),
          i32.add(i32.mul(row, rowStep), i32.mul(column, columnStep)),
        ),
      ),
      rows.set(minimum(int(side), i32.sub(i32.add(get("height"), beyond), row))),
      columns.set(minimum(int(side), i32.sub(i32.add(get("width"), beyond), column))),
      when(
        i32.lt(i32.add(rows, columns), 2 * side),
        ...clear(at, patch, i32.mul(bytes, side * side), end),
        copy.callInto([], patch, i32.mul(bytes, side), bytes, from, rowStep, columnStep, rows, columns, bytes),
        from.set(patch),
        rowStep.set(i32.mul(bytes, side)),
        columnStep.set(bytes),
      ),
      ...source.set(from, rowStep, columnStep),
      ...target.set(to, i32.mul(place, tileInputs), place),
      end.set(i32.add(to, bytes)),
      whileLoop(i32.lt(to, end), ...body, ...source.advance(16), ...target.advance(16), increase(to, 16)),
    ];
  });
}

/** Calls the innermost loop for `rows` rows, at most six at a time, of nearly equal numbers. */
function inTiles(
  tiles: readonly Func[],
  [rows, groups, base, extra, i, r]: readonly Value[],
  call: (tile: Func) => Statement,
  ...advance: Statement[]
): Statement[] {
  return [
    groups!.set(i32.div(i32.add(rows!, rowsAtOnce - 1), rowsAtOnce)),
    base!.set(i32.div(rows!, groups!)),
    extra!.set(i32.rem(rows!, groups!)),
    countTo(
      i!,
      groups!,
      r!.set(i32.add(base!, i32.lt(i!, extra!))),
      ...tiles.map((tile, t) => when(i32.eq(r!, t + 1), call(tile))),
      ...advance,
    ),
  ];
}

function defineTiles(module: ModuleBuilder, ops: Arithmetic, layout: RowLayout): Func[] {
  const spill = defineSpill(module, ops);
  return Array.from({ length: rowsAtOnce }, (_, i) => defineTile(module, i + 1, ops, spill, layout));
}

/** The kernel's transform: for each place, panels of 8 output channels by all input channels. A part is a panel. */
function buildKernelTransform(runtime: Runtime): PartedEntry {
  const module = runtime.module();
  const ops = arithmetic("float32", runtime.relaxed);
  module.function("kernel", ["i32", "i32", "i32"], [], (scope, part, _, descriptor) => {
    const get = getter(descriptor);
    const [c, half, from, to, place, rowStep, columnStep, outStep] = locals(scope, "i32");
    const products = new Products(scope, ops);
    const address = (i: number, j: number, lane: number): I32 =>
      i32.add(i32.add(from, i32.mul(outStep, lane)), i32.add(i32.mul(rowStep, i), i32.mul(columnStep, j)));
    const body = products.square(
      matrixG,
      (i, j) => {
        let lanes = v128.splat[4](address(i, j, 0));
        for (let lane = 1; lane < 4; lane++) lanes = v128.loadLane[4](lane, address(i, j, lane), lanes);
        return lanes;
      },
      (i, j, y) => v128.store(i32.add(to, i32.mul(place, i * tileInputs + j)), y),
    );
    return [
      ...products.prepare(),
      rowStep.set(get("wRow")),
      columnStep.set(get("wColumn")),
      outStep.set(get("wOut")),
      place.set(i32.shl(i32.mul(get("c"), get("k")), 2)),
      countTo(
        half,
        2,
        // Of the last panel, the second half may be beyond the last channel; nothing is read of what it holds.
        when(
          i32.lt(i32.add(i32.mul(part, panel), i32.shl(half, 2)), get("out")),
          countTo(
            c,
            get("c"),
            from.set(
              i32.add(
                i32.add(get("w"), i32.mul(c, get("wIn"))),
                i32.mul(i32.add(i32.mul(part, panel), i32.shl(half, 2)), outStep),
              ),
            ),
            to.set(
              i32.add(i32.add(get("u"), i32.shl(half, 4)), i32.mul(i32.add(i32.mul(part, get("c")), c), 4 * panel)),
            ),
            ...body,
          ),
        ),
      ),
    ];
  });
  return runtime.link(module)("kernel");
}

/** The convolution of a part's tiles. */
function buildForward(runtime: Runtime): PartedEntry {
  const module = runtime.module();
  const ops = arithmetic("float32", runtime.relaxed);
  const transform = defineTransform(module, ops, "x");
  const tiles = defineTiles(module, ops, "apart");
  const copy = defineCopy(module);
  /** `inverse(descriptor, tile, products, channel, count, patch)`: outputs of one tile, some channels. */
  const inverse = module.function(
    null,
    ["i32", "i32", "i32", "i32", "i32", "i32"],
    [],
    (scope, descriptor, tile, from, channel, count, patch) => {
      const get = getter(descriptor);
      const [image, row, column, to, rowStep, columnStep, rows, columns] = locals(scope, "i32");
      const [place, end, target, bytes] = locals(scope, "i32");
      const products = new Products(scope, ops);
      const [source, outputs] = [new Grid(scope, tileInputs), new Grid(scope, tileOutputs)];
      const body = products.square(
        transposed(matrixA),
        (i, j) => v128.load(source.at(i, j)),
        (i, j, y) => v128.store(outputs.at(i, j), y),
      );
      return [
        ...products.prepare(),
        ...locateTile(get, tile, image, row, column),
        place.set(get("mPlace")),
        bytes.set(i32.shl(count, 2)),
        rows.set(minimum(int(tileOutputs), i32.sub(get("height"), row))),
        columns.set(minimum(int(tileOutputs), i32.sub(get("width"), column))),
        target.set(
          i32.add(
            i32.add(i32.add(get("y"), i32.shl(channel, 2)), i32.mul(image, get("yImage"))),
            i32.add(i32.mul(row, get("yRow")), i32.mul(column, get("yColumn"))),
          ),
        ),
        either(
          i32.lt(i32.add(rows, columns), 2 * tileOutputs),
          [to.set(patch), rowStep.set(i32.mul(bytes, tileOutputs)), columnStep.set(bytes)],
          [to.set(target), rowStep.set(get("yRow")), columnStep.set(get("yColumn"))],
        ),
        ...source.set(from, i32.mul(place, tileInputs), place),
        ...outputs.set(to, rowStep, columnStep),
        end.set(i32.add(from, bytes)),
        whileLoop(i32.lt(from, end), ...body, ...source.advance(16), ...outputs.advance(16), increase(from, 16)),
        when(
          i32.eq(to, patch),
          copy.callInto([], target, get("yRow"), get("yColumn"), patch, rowStep, columnStep, rows, columns, bytes),
        ),
      ];
    },
  );
  module.function("forward", ["i32", "i32", "i32"], [], (scope, part, thread, descriptor) => {
    const get = getter(descriptor);
    const [first, count, t, spill, rowsV, rowsM, v, m, patch] = locals(scope, "i32");
    const [channel, channels, place, j, cs, panels, u, at] = locals(scope, "i32");
    const [rows, groups, base, extra, i, r, nextV, nextM] = locals(scope, "i32");
    const [a, c] = locals(scope, "i32");
    const call = (tile: Func): Statement =>
      tile.callInto(
        [],
        a,
        nextV,
        u,
        cs,
        int(4 * panel),
        c,
        i32.add(nextM, i32.shl(i32.mul(j, panel), 2)),
        int(0),
        int(panel),
        spill,
      );
    return [
      first.set(i32.mul(part, get("blockTiles"))),
      count.set(minimum(get("blockTiles"), i32.sub(get("tiles"), first))),
      cs.set(get("c")),
      spill.set(i32.add(get("scratch"), i32.mul(thread, get("scratchBytes")))),
      rowsV.set(i32.add(spill, spillBytes)),
      rowsM.set(i32.add(rowsV, 256)),
      v.set(i32.add(rowsM, 256)),
      m.set(i32.add(v, i32.mul(get("vPlace"), places))),
      patch.set(i32.add(m, i32.mul(get("mPlace"), places))),
      countTo(
        t,
        count,
        i32.store(i32.add(rowsV, i32.shl(t, 2)), i32.shl(i32.mul(t, cs), 2)),
        i32.store(i32.add(rowsM, i32.shl(t, 2)), i32.mul(t, 4 * outBlock)),
        transform.callInto([], descriptor, i32.add(first, t), i32.add(v, i32.shl(i32.mul(t, cs), 2)), patch),
      ),
      channel.set(int(0)),
      whileLoop(
        i32.lt(channel, get("out")),
        channels.set(minimum(int(outBlock), i32.sub(get("out"), channel))),
        panels.set(i32.div(i32.add(channels, panel - 1), panel)),
        nextV.set(v),
        nextM.set(m),
        at.set(i32.add(get("u"), i32.shl(i32.mul(channel, cs), 2))),
        countTo(
          place,
          places,
          u.set(at),
          countTo(
            j,
            panels,
            a.set(rowsV),
            c.set(rowsM),
            rows.set(count),
            ...inTiles(
              tiles,
              [rows, groups, base, extra, i, r],
              call,
              increase(a, i32.shl(r, 2)),
              increase(c, i32.shl(r, 2)),
            ),
            increase(u, i32.mul(cs, 4 * panel)),
          ),
          increase(nextV, get("vPlace")),
          increase(nextM, get("mPlace")),
          increase(at, i32.shl(i32.mul(cs, get("k")), 2)),
        ),
        countTo(
          t,
          count,
          inverse.callInto(
            [],
            descriptor,
            i32.add(first, t),
            i32.add(m, i32.mul(t, 4 * outBlock)),
            channel,
            channels,
            patch,
          ),
        ),
        increase(channel, outBlock),
      ),
    ];
  });
  return runtime.link(module)("forward");
}

/** The sum over a part's tiles of the gradient of the transformed kernel. */
function buildAccumulate(runtime: Runtime): PartedEntry {
  const module = runtime.module();
  const ops = arithmetic("float32", runtime.relaxed);
  const [transformX, transformY] = [defineTransform(module, ops, "x"), defineTransform(module, ops, "y")];
  const tiles = defineTiles(module, ops, "together");
  module.function("accumulate", ["i32", "i32", "i32"], [], (scope, part, thread, descriptor) => {
    const get = getter(descriptor);
    const [first, end, count, t, spill, rowsU, v, m, patch] = locals(scope, "i32");
    const [again, place, j, cs, ks, u] = locals(scope, "i32");
    const [rows, groups, base, extra, i, r, nextV, nextM] = locals(scope, "i32");
    const [a, c, width] = locals(scope, "i32");
    const call = (tile: Func): Statement =>
      tile.callInto(
        [],
        a,
        i32.shl(cs, 2),
        i32.add(nextM, i32.shl(j, 2)),
        count,
        i32.shl(ks, 2),
        c,
        i32.add(u, i32.shl(j, 2)),
        again,
        width,
        spill,
      );
    return [
      first.set(i32.mul(part, get("partTiles"))),
      end.set(minimum(get("tiles"), i32.add(first, get("partTiles")))),
      cs.set(get("c")),
      ks.set(get("k")),
      spill.set(i32.add(get("scratch"), i32.mul(thread, get("scratchBytes")))),
      rowsU.set(i32.add(spill, spillBytes)),
      v.set(i32.add(rowsU, i32.shl(i32.add(cs, 16), 2))),
      m.set(i32.add(v, i32.mul(get("vPlace"), places))),
      patch.set(i32.add(m, i32.mul(get("mPlace"), places))),
      countTo(t, cs, i32.store(i32.add(rowsU, i32.shl(t, 2)), i32.shl(i32.mul(t, ks), 2))),
      again.set(int(0)),
      whileLoop(
        i32.lt(first, end),
        count.set(minimum(get("blockTiles"), i32.sub(end, first))),
        countTo(
          t,
          count,
          transformX.callInto([], descriptor, i32.add(first, t), i32.add(v, i32.shl(i32.mul(t, cs), 2)), patch),
          transformY.callInto([], descriptor, i32.add(first, t), i32.add(m, i32.shl(i32.mul(t, ks), 2)), patch),
        ),
        nextV.set(v),
        nextM.set(m),
        u.set(i32.add(get("u"), i32.mul(part, get("uPart")))),
        countTo(
          place,
          places,
          j.set(int(0)),
          whileLoop(
            i32.lt(j, get("out")),
            width.set(minimum(int(panel), i32.sub(get("out"), j))),
            a.set(nextV),
            c.set(rowsU),
            rows.set(cs),
            ...inTiles(
              tiles,
              [rows, groups, base, extra, i, r],
              call,
              increase(a, i32.shl(r, 2)),
              increase(c, i32.shl(r, 2)),
            ),
            increase(j, panel),
          ),
          increase(nextV, get("vPlace")),
          increase(nextM, get("mPlace")),
          increase(u, i32.shl(i32.mul(cs, ks), 2)),
        ),
        again.set(int(1)),
        increase(first, get("blockTiles")),
      ),
    ];
  });
  return runtime.link(module)("accumulate");
}

/** The gradient of the kernel from the parts' sums. A part is an input channel. */
function buildFinish(runtime: Runtime): PartedEntry {
  const module = runtime.module();
  const ops = arithmetic("float32", runtime.relaxed);
  module.function("finish", ["i32", "i32", "i32"], [], (scope, c, _, descriptor) => {
    const get = getter(descriptor);
    const [k, p, at, place, from, to, parts] = locals(scope, "i32");
    const sum = scope.local("v128");
    const products = new Products(scope, ops);
    const statements: Statement[] = [];
    const total = (i: number, j: number): V128 => {
      const total = scope.local("v128");
      const start = i32.add(from, i32.mul(place, i * tileInputs + j));
      statements.push(
        at.set(start),
        sum.set(v128.load(at)),
        p.set(int(1)),
        whileLoop(i32.lt(p, parts), increase(at, get("uPart")), sum.set(f32x4.add(sum, v128.load(at))), increase(p, 1)),
        total.set(sum),
      );
      return total;
    };
    const totals = Array.from({ length: places }, (_, i) => total(Math.floor(i / tileInputs), i % tileInputs));
    const body = products.square(
      transposed(matrixG),
      (i, j) => totals[i * tileInputs + j]!,
      (i, j, y) => v128.store(i32.add(to, i32.add(i32.mul(get("wRow"), i), i32.mul(get("wColumn"), j))), y),
    );
    return [
      ...products.prepare(),
      parts.set(get("parts")),
      place.set(i32.shl(i32.mul(get("c"), get("k")), 2)),
      from.set(i32.add(get("u"), i32.shl(i32.mul(c, get("k")), 2))),
      to.set(i32.add(get("w"), i32.mul(c, get("wIn")))),
      k.set(int(0)),
      whileLoop(i32.lt(k, get("out")), ...statements, ...body, increase(from, 16), increase(to, 16), increase(k, 4)),
    ];
  });
  return runtime.link(module)("finish");
}

/** Beyond this many bytes of transformed kernels, memory would become the limit. */
const maximumKernelBytes = 2 ** 24;
/** Of all parts' sums together. */
const maximumSumBytes = 2 ** 25;
/** A part's blocks are to stay in a core's own cache. */
const blockBytes = 600_000;
const maximumBlockTiles = 48;

const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(x, high));
const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to;

/** Whether the axes of a view from `at` on are windows of 3 × 3 taps, the axes from `taps` on running within them. */
function slides({ shape, strides }: View, at: number, within: number): boolean {
  return (
    shape[within] === taps &&
    shape[within + 1] === taps &&
    strides[within] === strides[at] &&
    strides[within + 1] === strides[at + 1] &&
    strides[within + 2] === 1
  );
}

/**
 * Does a contraction of float32 tensors `[n, height, width, 3, 3, c] · [3, 3, c, k]`, or `[3, 3, c, n, height, width] ·
 * [n, height, width, k]`, if the first are sliding windows and there are enough channels.
 */
export function winogradRunner(runtime: Runtime): (a: View, b: View, c: View) => boolean {
  let kernelTransform: PartedEntry | null = null;
  let forward: PartedEntry | null = null;
  let accumulate: PartedEntry | null = null;
  let finish: PartedEntry | null = null;

  return (a, b, result) => {
    const isForward = slides(a, 1, 3);
    if (!isForward && !slides(a, 4, 0)) return false;
    const [n, height, width] = (isForward ? a.shape : a.shape.slice(3)) as readonly number[] as [
      number,
      number,
      number,
    ];
    const [c, out] = [isForward ? a.shape[5]! : a.shape[2]!, b.shape.at(-1)!];
    const lanes = b.strides.at(-1) === 1 || isForward;
    if (c % 4 !== 0 || out % 4 !== 0 || c < 8 || out < 8 || !lanes || result.strides.at(-1) !== 1) return false;
    const k = roundUp(out, panel);
    const kernelBytes = 4 * places * c * k;
    const [tilesDown, tilesAcross] = [Math.ceil(height / tileOutputs), Math.ceil(width / tileOutputs)];
    const tiles = n * tilesDown * tilesAcross;
    // Tiles at the edges are computed whole, so small images would waste much; few would not repay the kernel's transform.
    const wasted = (tilesDown * tilesAcross * 16) / (height * width);
    if (kernelBytes > maximumKernelBytes || tiles < 16 || wasted > 2) return false;

    const perTile = 4 * places * (c + (isForward ? Math.min(k, outBlock) : k));
    const blockTiles = clamp(
      Math.floor(blockBytes / perTile / rowsAtOnce) * rowsAtOnce,
      2 * rowsAtOnce,
      maximumBlockTiles,
    );
    // Distances are off powers of two, lest the places compete for the same cache sets.
    const vPlace = 4 * blockTiles * c + 64;
    const mPlace = 4 * blockTiles * (isForward ? outBlock : k) + 64;
    const wanted = clamp(Math.floor(maximumSumBytes / kernelBytes), 1, 8);
    const partTiles = isForward ? blockTiles : roundUp(Math.ceil(tiles / wanted), blockTiles);
    const parts = Math.ceil(tiles / partTiles);
    const patchBytes = 4 * places * Math.max(c, k);
    const tables = isForward ? 512 : 4 * (c + 16);
    const threadBytes = roundUp(spillBytes + tables + places * (vPlace + mPlace) + patchBytes, 64);
    const threads = runtime.pool === null ? 1 : runtime.pool.size;
    const { heap } = runtime;
    const sums = isForward ? 1 : parts;
    const start = heap.scratch(descriptorBytes + sums * kernelBytes + threads * threadBytes);
    const u = start + descriptorBytes;
    const [x, y, w] = isForward ? [a, result, b] : [a, b, result];
    const xAxes = isForward ? 0 : 3;
    const bytes = (view: View, axis: number): number => view.strides[axis]! * 4;
    const values: Readonly<Record<keyof typeof field, number>> = {
      x: addressOf(x, 4),
      xImage: bytes(x, xAxes),
      xRow: bytes(x, xAxes + 1),
      xColumn: bytes(x, xAxes + 2),
      c,
      k,
      y: addressOf(y, 4),
      yImage: bytes(y, 0),
      yRow: bytes(y, 1),
      yColumn: bytes(y, 2),
      height,
      width,
      tilesDown,
      tilesAcross,
      tiles,
      partTiles,
      blockTiles,
      w: addressOf(w, 4),
      wRow: bytes(w, 0),
      wColumn: bytes(w, 1),
      wIn: bytes(w, 2),
      wOut: bytes(w, 3),
      u,
      uPart: kernelBytes,
      parts,
      scratch: u + sums * kernelBytes,
      scratchBytes: threadBytes,
      vPlace,
      mPlace,
      out,
    };
    for (const name of Object.keys(field) as (keyof typeof field)[]) {
      heap.i32[(start + field[name]) >>> 2] = values[name];
    }
    const work = tiles * places * c * k;
    if (isForward) {
      kernelTransform ??= buildKernelTransform(runtime);
      forward ??= buildForward(runtime);
      runtime.parallel(kernelTransform, k / panel, [start], 20 * places * c * k);
      runtime.parallel(forward, parts, [start], work);
    } else {
      accumulate ??= buildAccumulate(runtime);
      finish ??= buildFinish(runtime);
      runtime.parallel(accumulate, parts, [start], work);
      runtime.parallel(finish, c, [start], parts * places * c * k);
    }
    return true;
  };
}
