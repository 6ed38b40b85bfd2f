/**
 * Contractions along an axis so long that its pieces are shared out: each part makes a whole result of its own, and in
 * the end these are added up.
 */
import type { ComputeDType } from "../../dtype.ts";
import {
  choose,
  countTo,
  type I32,
  i32,
  increase,
  type Local,
  locals,
  type Statement,
  type V128,
  v128,
  whileLoop,
} from "./assembler.ts";
import { arithmetic } from "./contract-tile.ts";
import type { PartedEntry, Runtime } from "./runtime.ts";

/** Rows of the result that one part adds up. */
export const rowsOfPart = 32;

/**
 * `sum(part, thread, pieces, count, bytes, targets, rows, columns)`: rows of `columns` bytes, each the sum of those of
 * `count` pieces, which lie without gaps and `bytes` apart; row i is written to `targets[i]`.
 */
export function buildSum(runtime: Runtime, compute: ComputeDType): PartedEntry {
  const module = runtime.module();
  const { size, add } = arithmetic(compute, runtime.relaxed);
  const parameters = Array.from({ length: 8 }, () => "i32" as const);
  module.function("sum", parameters, [], (scope, ...args) => {
    const [part, , pieces, count, bytes, targets, rows, columns] = args as unknown as Local<"i32">[] & {
      readonly [index: number]: Local<"i32">;
    };
    const [row, end, from, to, at, left, i] = locals(scope, "i32");
    const sum = scope.local("v128");
    const step = (load: (address: I32) => V128, store: Statement, width: number): Statement =>
      whileLoop(
        i32.ge(left, width),
        at.set(from),
        sum.set(load(at)),
        countTo(i, i32.sub(count!, 1), increase(at, bytes!), sum.set(add(sum, load(at)))),
        store,
        increase(from, width),
        increase(to, width),
        increase(left, -width),
      );
    return [
      row.set(i32.mul(part!, rowsOfPart)),
      end.set(i32.add(row, rowsOfPart)),
      end.set(choose(i32.lt(rows!, end), rows!, end)),
      whileLoop(
        i32.lt(row, end),
        from.set(i32.add(pieces!, i32.mul(row, columns!))),
        to.set(i32.load(i32.add(targets!, i32.shl(row, 2)))),
        left.set(columns!),
        step((address) => v128.load(address), v128.store(to, sum), 16),
        step((address) => v128.splat[size](address), v128.storeLane[size](0, to, sum), size),
        increase(row, 1),
      ),
    ];
  });
  return runtime.link(module)("sum");
}
