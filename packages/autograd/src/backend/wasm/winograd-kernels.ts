/** The kernels of Winograd's algorithm; contract-winograd.ts says what they are for. */
import {
  countTo,
  either,
  type Func,
  f32x4,
  type I32,
  i32,
  increase,
  int,
  locals,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import { arithmetic } from "./contract-tile.ts";
import { type PartedEntry, type Runtime } from "./runtime.ts";
import { Grid, matrixA, matrixG, Products, places, tileInputs, tileOutputs, transposed } from "./winograd-products.ts";
import {
  defineCopy,
  defineTiles,
  defineTransform,
  getter,
  inTiles,
  locateTile,
  minimum,
  outBlock,
  panel,
  spillBytes,
} from "./winograd-tiles.ts";

/** The kernel's transform: for each place, panels of 8 output channels by all input channels. A part is a panel. */
export function buildKernelTransform(runtime: Runtime): PartedEntry {
  const module = runtime.module();
  const ops = arithmetic("float32", runtime.relaxed);
  module.function("kernel", ["i32", "i32", "i32"], [], (scope, part, _, descriptor) => {
    const get = getter(descriptor);
    const [c, half, from, to, place, rowStep, columnStep, outStep] = locals(scope, "i32");
    const products = new Products(scope, ops);
    const address = (i: number, j: number, lane: number): I32 =>
      i32.add(i32.add(from, i32.mul(outStep, lane)), i32.add(i32.mul(rowStep, i), i32.mul(columnStep, j)));
    const at = (i: number, j: number): I32 => i32.add(to, i32.mul(place, i * tileInputs + j));
    const body = products.square(
      matrixG,
      (i, j) => {
        let lanes = v128.splat[4](address(i, j, 0));
        for (let lane = 1; lane < 4; lane++) lanes = v128.loadLane[4](lane, address(i, j, lane), lanes);
        return lanes;
      },
      (i, j, y) => v128.store(at(i, j), y),
    );
    const sides = Array.from({ length: tileInputs }, (_, i) => i);
    const clear = sides.flatMap((i) => sides.map((j) => v128.store(at(i, j), ops.zero)));
    return [
      ...products.prepare(),
      rowStep.set(get("wRow")),
      columnStep.set(get("wColumn")),
      outStep.set(get("wOut")),
      place.set(i32.shl(i32.mul(get("c"), get("k")), 2)),
      countTo(
        half,
        2,
        countTo(
          c,
          get("c"),
          from.set(
            i32.add(
              i32.add(get("w"), i32.mul(c, get("wIn"))),
              i32.mul(i32.add(i32.mul(part, panel), i32.shl(half, 2)), outStep),
            ),
          ),
          to.set(i32.add(i32.add(get("u"), i32.shl(half, 4)), i32.mul(i32.add(i32.mul(part, get("c")), c), 4 * panel))),
          // Of the last panel, the second half may be beyond the last channel; its products are not used.
          either(i32.lt(i32.add(i32.mul(part, panel), i32.shl(half, 2)), get("out")), body, clear),
        ),
      ),
    ];
  });
  return runtime.link(module)("kernel");
}

/** The convolution of a part's tiles. */
export function buildForward(runtime: Runtime): PartedEntry {
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
        whileLoop(i32.ltU(from, end), ...body, ...source.advance(16), ...outputs.advance(16), increase(from, 16)),
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
export function buildAccumulate(runtime: Runtime): PartedEntry {
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
export function buildFinish(runtime: Runtime): PartedEntry {
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
