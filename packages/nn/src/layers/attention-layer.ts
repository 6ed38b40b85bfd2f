import { arange, lessEqual, type Tensor } from "@gradiente/autograd";
import { LayerInputError } from "../errors.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions } from "../module.ts";
import type { State } from "../state.ts";
import type { CallOptions, SymbolicTensor } from "../symbolic.ts";
import { Dropout } from "./core.ts";

/** Options of calls, whatever the tensors are. */
export type AttentionCallOptions = CallOptions | CallOptions<SymbolicTensor>;

/** What attention layers of all kinds share: queries, values and keys of (samples, steps, features). */
export abstract class AttentionLayer extends Layer {
  override readonly supportsMasking = true;
  protected readonly dropout: Dropout;

  constructor(options: LayerOptions & { readonly dropout?: number; readonly seed?: number | null }) {
    super(options);
    this.dropout = new Dropout(options.dropout ?? 0, { seed: options.seed ?? null });
  }

  override runState(): State {
    return this.dropout.runState();
  }

  override restoreRunState(state: State): void {
    this.dropout.restoreRunState(state);
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.callMany([x], context, {})[0]!;
  }

  /** Query, value and key; the value stands for the key, and the query for both, where they are not given. */
  protected roles<T>(inputs: readonly T[]): readonly [query: T, value: T, key: T] {
    if (inputs.length < 1 || inputs.length > 3) {
      throw new LayerInputError(this.name, "[query, value] or [query, value, key]", [inputs.length]);
    }
    const [query, value = query, key = value] = inputs as readonly [T, T?, T?];
    return [query, value, key];
  }

  protected checkShapes(shapes: readonly BatchShape[]): readonly [BatchShape, BatchShape, BatchShape] {
    for (const shape of shapes) {
      if (shape.length !== 3 || shape[2] === null) {
        throw new LayerInputError(this.name, "(None, steps, features) for each input", shape);
      }
    }
    return this.roles(shapes);
  }
}

/** Whether query i may attend to key j, for as many: shape (1, queries, keys). */
export function pairsWhere(x: Tensor, y: Tensor, allowed: (query: Tensor, key: Tensor) => Tensor): Tensor {
  const [queries, keys] = [x.shape[1]!, y.shape[1]!];
  return allowed(arange(queries).reshape([1, queries, 1]), arange(keys).reshape([1, 1, keys]));
}

export const notAfter = (query: Tensor, key: Tensor): Tensor => lessEqual(key, query);

/** All the masks there are, together. */
export function allOf(masks: readonly (Tensor | null)[]): Tensor | null {
  const own = masks.filter((m) => m !== null).map((m) => (m.dtype === "bool" ? m : m.cast("bool")));
  return own.length === 0 ? null : own.reduce((a, b) => a.logicalAnd(b));
}
