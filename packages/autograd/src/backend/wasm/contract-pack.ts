/** Copies of blocks of strided operands, laid out as the innermost loops of a contraction read them. */
import {
  either,
  type Func,
  type I32,
  i32,
  increase,
  int,
  type Local,
  locals,
  type ModuleBuilder,
  repeat,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";

/** Whether the first `count` offsets of a table are consecutive elements. All are looked at: axes may be interleaved. */
function startsRun(table: I32, count: number, size: number): I32 {
  const steps = Array.from({ length: count - 1 }, (_, i) =>
    i32.eq(i32.sub(i32.load(table, 4 * (i + 1)), i32.load(table)), (i + 1) * size),
  );
  return steps.reduce((all, one) => i32.and(all, one));
}

/**
 * Copies `count` elements from table-addressed places, `source + table[i]`, to consecutive ones.
 * @param inRuns whether whole vectors of them are known to be consecutive, so that one offset tells of all.
 */
function defineGather(module: ModuleBuilder, size: 4 | 8, inRuns: boolean): Func {
  const perVector = 16 / size;
  return module.function(null, ["i32", "i32", "i32", "i32"], [], (scope, target, source, table, count) => {
    const end = scope.local("i32");
    const at = (i: number): I32 => i32.add(source, i32.load(table, 4 * i));
    const advance = (n: number): Statement[] => [increase(target, n * size), increase(table, 4 * n)];
    let lanes = v128.splat[size](at(0));
    for (let i = 1; i < perVector; i++) lanes = v128.loadLane[size](i, at(i), lanes);
    const vector = inRuns
      ? v128.load(at(0))
      : choiceOf(scope.local("v128"), startsRun(table, perVector, size), v128.load(at(0)), lanes);
    return [
      end.set(i32.add(table, i32.shl(i32.and(count, -perVector), 2))),
      whileLoop(i32.ltU(table, end), v128.store(target, vector), ...advance(perVector)),
      end.set(i32.add(table, i32.shl(i32.and(count, perVector - 1), 2))),
      whileLoop(i32.ltU(table, end), v128.storeLane[size](0, target, v128.splat[size](at(0))), ...advance(1)),
    ];
  });
}

/**
 * Copies runs of `length` consecutive elements, `count` elements in all, a vector at a time: what that writes beyond the
 * end of a run is overwritten by the next, or left behind the last, where there must be room on either side.
 */
function defineGatherShort(module: ModuleBuilder, size: 4 | 8): Func {
  return module.function(
    null,
    ["i32", "i32", "i32", "i32", "i32"],
    [],
    (scope, target, source, table, count, length) => {
      const [from, to, end] = locals(scope, "i32");
      const bytes = i32.mul(length, size);
      return [
        whileLoop(
          i32.gt(count, 0),
          from.set(i32.add(source, i32.load(table))),
          to.set(target),
          end.set(i32.add(target, bytes)),
          repeat(i32.ltU(to, end), v128.store(to, v128.load(from)), increase(to, 16), increase(from, 16)),
          target.set(end),
          increase(table, i32.shl(length, 2)),
          count.set(i32.sub(count, length)),
        ),
      ];
    },
  );
}

/** Like `choose`, but only one of the two is computed. */
function choiceOf(into: Local<"v128">, condition: I32, a: V128, b: V128): V128 {
  const set = either(condition, [into.set(a)], [into.set(b)]);
  return { type: "v128", code: [set.code, into.code] };
}
const lowHalves = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23];
const highHalves = lowHalves.map((b) => b + 8);
const lowPairs = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const highPairs = lowPairs.map((b) => b + 8);

/** Statements that store the transpose of the square held in `rows`: 4 × 4 of 4 bytes or 2 × 2 of 8. */
function transpose(
  rows: readonly Local<"v128">[],
  spare: readonly Local<"v128">[],
  store: (i: number, x: V128) => Statement,
): Statement[] {
  const [a, b, c, d] = rows as readonly V128[] as [V128, V128, V128, V128];
  if (rows.length === 2) return [store(0, v128.shuffle(a, b, lowPairs)), store(1, v128.shuffle(a, b, highPairs))];
  const [s, t, u, v] = spare as readonly Local<"v128">[] as [
    Local<"v128">,
    Local<"v128">,
    Local<"v128">,
    Local<"v128">,
  ];
  return [
    s.set(v128.shuffle(a, b, lowHalves)),
    t.set(v128.shuffle(c, d, lowHalves)),
    u.set(v128.shuffle(a, b, highHalves)),
    v.set(v128.shuffle(c, d, highHalves)),
    store(0, v128.shuffle(s, t, lowPairs)),
    store(1, v128.shuffle(s, t, highPairs)),
    store(2, v128.shuffle(u, v, lowPairs)),
    store(3, v128.shuffle(u, v, highPairs)),
  ];
}

/**
 * `pad(target, step, rows)` clears two vectors at the start of each row. A tile computes on whole vectors, also where
 * fewer columns are left: on what happens to lie beyond them, some processors take dozens of times as long, since
 * integers read as floats are denormal.
 */
export function definePad(module: ModuleBuilder, zero: V128): Func {
  return module.function(null, ["i32", "i32", "i32"], [], (_, target, step, rows) => [
    whileLoop(
      i32.gt(rows, 0),
      v128.store(target, zero),
      v128.store(target, zero, 16),
      increase(target, step),
      increase(rows, -1),
    ),
  ]);
}

/**
 * `pack(target, step, outer, inner, nOuter, nInner, add, inRuns)` copies element (o, i), at `outer[o] + inner[i] + add`, to
 * `target + o · step + i · size`: along inner if that is contiguous, else by squares if outer is, else one by one. If
 * `inRuns` is 1, every vector's worth of inner is contiguous; if more, that many elements each.
 */
export function definePack(module: ModuleBuilder, size: 4 | 8): Func {
  const gather = defineGather(module, size, false);
  const gatherRuns = defineGather(module, size, true);
  const gatherShort = defineGatherShort(module, size);
  const side = 16 / size;
  return module.function(
    null,
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    [],
    (scope, target, step, outer, inner, nOuter, nInner, add, inRuns) => {
      const i = scope.local("i32");
      const to = scope.local("i32");
      const from = scope.local("i32");
      const rows = Array.from({ length: side }, () => scope.local("v128"));
      const spare = Array.from({ length: side }, () => scope.local("v128"));
      const outerRun = startsRun(outer, side, size);
      const innerRun = i32.eq(i32.sub(i32.load(inner, 4), i32.load(inner)), size);
      const copy = (by: Func, ...more: I32[]): Statement =>
        by.callInto([], target, i32.add(i32.load(outer), add), inner, nInner, ...more);
      const advance = [increase(target, step), increase(outer, 4), increase(nOuter, -1)];
      const square = [
        ...rows.map((r, k) => r.set(v128.load(i32.add(from, i32.load(i32.add(inner, i32.shl(i, 2)), 4 * k))))),
        ...transpose(rows, spare, (k, x) => v128.store(i32.add(to, i32.mul(step, int(k))), x)),
      ];
      return [
        when(i32.eq(inRuns, 1), whileLoop(i32.gt(nOuter, 0), copy(gatherRuns), ...advance)),
        when(inRuns, whileLoop(i32.gt(nOuter, 0), copy(gatherShort, inRuns), ...advance)),
        whileLoop(
          i32.gt(nOuter, 0),
          either(
            i32.and(i32.and(i32.ge(nOuter, side), i32.ge(nInner, side)), i32.and(outerRun, i32.eq(innerRun, 0))),
            [
              from.set(i32.add(i32.load(outer), add)),
              to.set(target),
              i.set(int(0)),
              whileLoop(i32.le(i32.add(i, side), nInner), ...square, increase(to, 16), increase(i, side)),
              // The last columns of these rows, if any.
              ...Array.from({ length: side }, (_, k) =>
                gather.callInto(
                  [],
                  i32.add(to, i32.mul(step, int(k))),
                  i32.add(from, int(k * size)),
                  i32.add(inner, i32.shl(i, 2)),
                  i32.sub(nInner, i),
                ),
              ),
              increase(target, i32.mul(step, side)),
              increase(outer, 4 * side),
              increase(nOuter, -side),
            ],
            [copy(gather), ...advance],
          ),
        ),
      ];
    },
  );
}
