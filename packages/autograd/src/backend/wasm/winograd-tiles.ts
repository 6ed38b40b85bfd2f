/** What the kernels of Winograd's algorithm (winograd-kernels.ts) share: their descriptor, and tiles of images. */
import {
  choose,
  countTo,
  type Func,
  f32x4,
  type I32,
  i32,
  increase,
  int,
  type Local,
  locals,
  type ModuleBuilder,
  type Statement,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import { type Arithmetic, defineSpill, defineTile, type RowLayout } from "./contract-tile.ts";
import { Grid, matrixA, matrixB, Products, tileInputs, tileOutputs } from "./winograd-products.ts";

/** Positions of the fields in the descriptor of a launch, in bytes. */
export const field = {
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
export const descriptorBytes = 128;
export type Get = (name: keyof typeof field) => I32;
export const getter =
  (descriptor: I32): Get =>
  (name) =>
    i32.load(descriptor, field[name]);

/** Output channels whose products are computed before they are transformed. */
export const outBlock = 64;
export const panel = 8;
export const spillBytes = 512;
export const rowsAtOnce = 6;

export const minimum = (a: I32, b: I32): I32 => choose(i32.lt(a, b), a, b);

/** `copy(to, toRow, toColumn, from, fromRow, fromColumn, rows, columns, bytes)`. */
export function defineCopy(module: ModuleBuilder): Func {
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
export type Value = Local<"i32">;

/** Sets bytes to zero, 16 at a time. */
const clear = (at: Value, from: I32, bytes: I32, end: Value): Statement[] => [
  at.set(from),
  end.set(i32.add(from, bytes)),
  whileLoop(i32.ltU(at, end), v128.store(at, f32x4.const(0)), increase(at, 16)),
];

/** Finds tiles: sets the image, and the row and column of the first output. */
export function locateTile(get: Get, tile: I32, image: Value, row: Value, column: Value): Statement[] {
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
export function defineTransform(module: ModuleBuilder, ops: Arithmetic, of: "x" | "y"): Func {
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
      whileLoop(i32.ltU(to, end), ...body, ...source.advance(16), ...target.advance(16), increase(to, 16)),
    ];
  });
}

/** Calls the innermost loop for `rows` rows, at most six at a time, of nearly equal numbers. */
export function inTiles(
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

export function defineTiles(module: ModuleBuilder, ops: Arithmetic, layout: RowLayout): Func[] {
  const spill = defineSpill(module, ops);
  return Array.from({ length: rowsAtOnce }, (_, i) => defineTile(module, i + 1, ops, spill, layout));
}
