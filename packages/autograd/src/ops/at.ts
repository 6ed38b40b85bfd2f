import { ArgumentError, inOperation, ShapeError, unknownOption } from "../errors.ts";
import { listOf, type Shape, sizeOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { add, mul } from "./arithmetic.ts";
import { broadcastTo } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { arange } from "./create.ts";
import { addAlongAxis, checkIndices, indicesOf, take } from "./indexing.ts";
import { permute, reshape } from "./reshape.ts";
import { nonzero, scatter } from "./scatter.ts";
import { flatten, unsqueeze } from "./shape.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";
import { type Range, select, slice } from "./view.ts";

/**
 * What {@link at} takes for an axis: an index; a range; null for a new axis; `"..."` for as many whole axes as there
 * are left; a list or tensor of integers; or a mask of booleans, which stands for as many axes as it has.
 */
export type Index = number | Range | null | "..." | readonly number[] | readonly boolean[] | Tensor;

const isList = (item: Index): item is readonly number[] | readonly boolean[] | Tensor =>
  Array.isArray(item) || item instanceof Tensor;

/** One item for every axis, with masks replaced by lists of places. */
function complete(input: Tensor, index: readonly Index[]): Exclude<Index, "...">[] {
  const items: Index[] = index.flatMap((item): Index[] => {
    if (!isList(item)) return [item];
    const isMask = !(item instanceof Tensor) && typeof item[0] === "boolean";
    const tensor = isMask ? asTensor(item, "bool") : indicesOf("at", item);
    if (tensor.dtype !== "bool") return [tensor];
    const places = nonzero(tensor);
    return tensor.shape.map((_, axis) => select(places, 1, axis));
  });
  const strange = items.find((item) => typeof item === "string" && item !== "...");
  if (strange !== undefined) throw unknownOption("at", "an index", strange, ["..."]);
  const used = items.filter((item) => item !== null && item !== "...").length;
  const ellipses = items.filter((item) => item === "...").length;
  if (used > input.rank || ellipses > 1) {
    throw new ArgumentError({
      op: "at",
      message: ellipses > 1 ? "there are several ellipses" : `${used} indices for ${input.rank} axes`,
      operands: [input],
    });
  }
  const whole = Array<Range>(input.rank - used).fill({});
  const place = items.indexOf("...");
  const all = place < 0 ? [...items, ...whole] : items.toSpliced(place, 1, ...whole);
  return all as Exclude<Index, "...">[];
}

/**
 * Part of a tensor, chosen as in NumPy's square brackets.
 *
 * @param index one item per axis, from the first; axes without one stay whole.
 * @throws {ArgumentError} for more items than axes.
 * @throws {BoundsError} for an index outside its axis.
 *
 * @example
 * ```ts
 * at([[1, 2, 3], [4, 5, 6]], 1); // [4, 5, 6]
 * at([[1, 2, 3], [4, 5, 6]], "...", { start: 1 }); // [[2, 3], [5, 6]]
 * at([[1, 2, 3], [4, 5, 6]], [0, 1], [2, 0]); // [3, 4]
 * at([1, 2, 3], [true, false, true]); // [1, 3]
 * ```
 */
export function at(x: TensorLike, ...index: Index[]): Tensor {
  return inOperation("at", () => {
    const input = asTensor(x);
    const items = complete(input, index);
    const advanced = items.some(isList);
    let y = input;
    let axis = 0;
    const lists: { axis: number; places: Tensor }[] = [];
    const positions: number[] = [];
    items.forEach((item, position) => {
      if (item === null) {
        y = unsqueeze(y, axis++);
      } else if (typeof item === "number" && !advanced) {
        y = select(y, axis, item);
      } else if (typeof item === "number" || isList(item)) {
        const given = indicesOf("at", item);
        lists.push({ axis, places: checkIndices("at", given, y.shape[axis]!, input) });
        positions.push(position);
        axis++;
      } else {
        y = slice(y, [...Array<null>(axis).fill(null), item]);
        axis++;
      }
    });
    if (lists.length === 0) return y;
    // The indexed axes come first, as one, and are looked up together.
    const axes = lists.map((l) => l.axis);
    const rest = y.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const lengths = axes.map((a) => y.shape[a]!);
    const restShape = rest.map((a) => y.shape[a]!);
    const front = reshape(permute(y, [...axes, ...rest]), [sizeOf(lengths), ...restShape]);
    const flat = lists.map((l) => l.places).reduce((sum, places, i) => add(mul(sum, lengths[i]!), places));
    const taken = take(front, flat);
    const neighbours = positions.every((p, i) => i === 0 || p === positions[i - 1]! + 1);
    const target = neighbours ? axes[0]! : 0;
    if (target === 0) return taken;
    const order = Array.from({ length: taken.rank }, (_, i) => i);
    const block = order.splice(0, flat.rank);
    return permute(taken, [...order.slice(0, target), ...block, ...order.slice(target)]);
  });
}

/** For each element of `at(x, ...index)`, where it lies in `x`, row-major. */
function placesOf(op: string, input: Tensor, index: readonly Index[]): Tensor {
  const places = reshape(arange(input.size), input.shape);
  return inOperation(op, () => at(places, ...listOf(op, "indices", index)));
}

function valuesFor(op: string, value: TensorLike, input: Tensor, shape: Shape): Tensor {
  const given = cast(asTensor(value, typeof value === "number" ? input.dtype : undefined), input.dtype);
  if (given.rank > shape.length) {
    throw new ShapeError({ op, message: `values do not fit the chosen part [${shape.join(", ")}]`, operands: [given] });
  }
  return flatten(inOperation(op, () => broadcastTo(given, shape)));
}

/**
 * A new tensor like `x`, with the part that {@link at} would give replaced; where places repeat, the last value stays.
 *
 * @param value broadcasts to the part.
 *
 * @example
 * ```ts
 * setAt([1, 2, 3], [{ start: 1 }], 0); // [1, 0, 0]
 * ```
 */
export function setAt(x: TensorLike, index: readonly Index[], value: TensorLike): Tensor {
  const input = asTensor(x);
  const places = placesOf("setAt", input, index);
  const values = valuesFor("setAt", value, input, places.shape);
  return reshape(scatter(flatten(input), flatten(places), values), input.shape);
}

/**
 * A new tensor like `x`, with values added to the part that {@link at} would give; places that repeat are added to
 * several times.
 *
 * @example
 * ```ts
 * addAt([1, 2, 3], [[0, 0]], 10); // [21, 2, 3]
 * ```
 */
export function addAt(x: TensorLike, index: readonly Index[], value: TensorLike): Tensor {
  const input = asTensor(x);
  const places = placesOf("addAt", input, index);
  const values = valuesFor("addAt", value, input, places.shape);
  return add(input, reshape(addAlongAxis(values, flatten(places), 0, [input.size]), input.shape));
}
