import type { Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError } from "../errors.ts";
import { type BatchShape, Layer, type LayerOptions } from "../module.ts";

/** Samples in another shape of equal size; one length may be −1. */
export class Reshape extends Layer {
  static override readonly className = "Reshape";
  readonly targetShape: readonly number[];
  constructor(targetShape: readonly number[], options: LayerOptions = {}) {
    super(options);
    this.targetShape = targetShape;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    const open = this.targetShape.indexOf(-1);
    const given = shape.slice(1);
    if (given.includes(null)) return [shape[0]!, ...this.targetShape.map((n) => (n === -1 ? null : n))];
    const size = (given as number[]).reduce((a, b) => a * b, 1);
    const known = this.targetShape.filter((n) => n !== -1).reduce((a, b) => a * b, 1);
    if (open === -1 ? size !== known : size % known !== 0) {
      throw new LayerInputError(this.name, `whose samples have the size of (${this.targetShape.join(", ")})`, shape);
    }
    return [shape[0]!, ...this.targetShape.map((n) => (n === -1 ? size / known : n))];
  }
  call(x: Tensor): Tensor {
    return x.reshape(this.computeOutputShape(x.shape) as number[]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), target_shape: this.targetShape };
  }
}

/** Axes in another order, counted from 1: `[2, 1]` exchanges the first two. */
export class Permute extends Layer {
  static override readonly className = "Permute";
  readonly dims: readonly number[];
  constructor(dims: readonly number[], options: LayerOptions = {}) {
    super(options);
    this.dims = dims;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, ...this.dims.map((d) => shape[d]!)];
  }
  call(x: Tensor): Tensor {
    return x.permute([0, ...this.dims]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), dims: this.dims };
  }
}

/** (None, features) repeated: (None, n, features). */
export class RepeatVector extends Layer {
  static override readonly className = "RepeatVector";
  readonly n: number;
  constructor(n: number, options: LayerOptions = {}) {
    super(options);
    this.n = n;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, this.n, shape[1]!];
  }
  call(x: Tensor): Tensor {
    return x.unsqueeze(1).broadcastTo([x.shape[0]!, this.n, x.shape[1]!]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), n: this.n };
  }
}
