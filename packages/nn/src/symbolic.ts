import type { Tensor } from "@gradiente/autograd";
import type { BatchShape, Layer } from "./module.ts";

/** What a layer may be given besides its inputs: tensors, or stand-ins for them when a model is put together. */
export interface CallOptions<T = Tensor> {
  /** Which steps count, boolean (samples, steps): of the first input, or a list with one for each. Default: their own. */
  readonly mask?: T | readonly (T | null)[] | null;
  /** Where recurrent layers start: one tensor (samples, units) for each state. Default: zeros. */
  readonly initialState?: readonly T[];
  /** Which keys each query may attend to, boolean (samples, queries, keys). */
  readonly attentionMask?: T | null;
  /** Whether queries attend to no key after their own place. Default: false. */
  readonly useCausalMask?: boolean;
  /** What each category counts in `CategoryEncoding`, shaped as its input. Default: 1. */
  readonly countWeights?: T | null;
  /** Whether attention layers give the scores too, as a second output. Default: false. */
  readonly returnAttentionScores?: boolean;
}

/** One application of a layer to symbolic tensors. */
export interface LayerCall {
  readonly layer: Layer;
  readonly inputs: readonly SymbolicTensor[];
  readonly options: CallOptions<SymbolicTensor>;
  readonly outputs: readonly SymbolicTensor[];
}

/** A stand-in for a tensor, which layers are applied to when a functional model is put together. */
export class SymbolicTensor {
  /** Shape of the batches it stands for. */
  readonly shape: BatchShape;
  /** The application that gives it. */
  readonly call: LayerCall;

  private constructor(shape: BatchShape, call: LayerCall) {
    this.shape = shape;
    this.call = call;
  }

  /** @internal The outputs, of the given shapes, of a layer applied to symbolic tensors. */
  static outputsOf(
    layer: Layer,
    inputs: readonly SymbolicTensor[],
    shapes: readonly BatchShape[],
    options: CallOptions<SymbolicTensor> = {},
  ): readonly SymbolicTensor[] {
    const outputs: SymbolicTensor[] = [];
    const call: LayerCall = { layer, inputs, options, outputs };
    for (const shape of shapes) outputs.push(new SymbolicTensor(shape, call));
    return outputs;
  }

  /** The layer that gives it. */
  get layer(): Layer {
    return this.call.layer;
  }

  /** Everything that layer was given. */
  get parents(): readonly SymbolicTensor[] {
    return [...this.call.inputs, ...givenTensors(this.call.options)];
  }
}

/** The tensors among call options, in a fixed order. */
export function givenTensors<T extends object>(options: CallOptions<T>): readonly T[] {
  const { mask, initialState, attentionMask, countWeights } = options;
  const masks = (Array.isArray(mask) ? mask : [mask]) as readonly (T | null | undefined)[];
  const all = [...masks, ...(initialState ?? []), attentionMask, countWeights];
  return all.filter((t): t is T => t !== null && t !== undefined);
}

/** Call options with every tensor replaced. */
export function mapOptions<S extends object, T>(options: CallOptions<S>, f: (t: S) => T): CallOptions<T> {
  const { mask, initialState, attentionMask, countWeights, ...settings } = options;
  const one = (t: S | null): T | null => (t === null ? null : f(t));
  return {
    ...settings,
    ...(mask === undefined ? {} : { mask: Array.isArray(mask) ? mask.map(one) : one(mask as S | null) }),
    ...(initialState === undefined ? {} : { initialState: initialState.map(f) }),
    ...(attentionMask === undefined ? {} : { attentionMask: one(attentionMask) }),
    ...(countWeights === undefined ? {} : { countWeights: one(countWeights) }),
  };
}
