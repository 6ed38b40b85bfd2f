import { ArgumentError, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError } from "../errors.ts";
import { type BatchShape, Layer, type LayerOptions } from "../module.ts";

/** Samples in another shape of equal size; one length may be −1. */
export class Reshape extends Layer {
  static override readonly className = "Reshape";
  readonly targetShape: readonly number[];
  constructor(targetShape: readonly number[], options: LayerOptions = {}) {
    super(options);
    const fits = (n: number): boolean => n === -1 || (Number.isInteger(n) && n >= 0);
    if (
      !Array.isArray(targetShape) ||
      !targetShape.every(fits) ||
      targetShape.indexOf(-1) !== targetShape.lastIndexOf(-1)
    ) {
      throw new ArgumentError({
        op: this.className,
        message: `targetShape is ${JSON.stringify(targetShape) ?? String(targetShape)}`,
        hint: "give the lengths of a sample, of which one may be -1, such as [28, -1]",
      });
    }
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
    if (!Array.isArray(dims) || !dims.every((_, i) => dims.includes(i + 1))) {
      throw new ArgumentError({
        op: this.className,
        message: `dims is ${JSON.stringify(dims) ?? String(dims)}, which does not name every axis once`,
        hint: "axes are counted from 1, that of the samples left out: [2, 1] exchanges the first two",
      });
    }
    this.dims = dims;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    if (shape.length !== this.dims.length + 1) {
      throw new LayerInputError(this.name, `of ${this.dims.length} axes besides that of the samples`, shape);
    }
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
    if (!Number.isInteger(n) || n < 1) {
      throw new ArgumentError({ op: this.className, message: `n is ${n}, expected a positive whole number` });
    }
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
