import {
  ArgumentError,
  concatenate,
  matmul,
  maximum,
  minimum,
  onesLike,
  rsqrt,
  square,
  sum,
  type Tensor,
} from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError, showShape } from "../errors.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions } from "../module.ts";

/** A layer of several inputs. */
export abstract class Merge extends Layer {
  override readonly supportsMasking = true;
  /** The layer's function of all inputs. */
  protected abstract merge(inputs: readonly Tensor[]): Tensor;

  call(x: Tensor): Tensor {
    return this.merge([x]);
  }

  protected override callMany(inputs: readonly Tensor[], _context: CallContext): readonly Tensor[] {
    if (inputs.length < 2) throw new LayerInputError(this.name, "two tensors or more", [inputs.length]);
    return [this.merge(inputs.map((x) => this.asFloat(x)))];
  }

  override computeOutputShapes(shapes: readonly BatchShape[]): readonly BatchShape[] {
    return [this.mergedShape(shapes)];
  }

  /** A step counts where it does in any input; unless all carry masks, all steps count. */
  override computeMask(masks: readonly (Tensor | null)[], _inputs: readonly Tensor[]): Tensor | null {
    const own = masks.filter((m) => m !== null);
    return own.length < masks.length ? null : own.reduce((a, b) => a.logicalOr(b));
  }

  /** Shape of the output for inputs of these shapes. */
  protected mergedShape(shapes: readonly BatchShape[]): BatchShape {
    const rank = Math.max(...shapes.map((s) => s.length));
    return Array.from({ length: rank }, (_, i) => {
      const lengths = shapes
        .map((s) => s[i - rank + s.length] ?? (i - rank + s.length < 0 ? 1 : null))
        .filter((n) => n !== 1);
      const known = lengths.filter((n) => n !== null);
      if (known.some((n) => n !== known[0])) {
        throw new LayerInputError(this.name, "equal to that of its other inputs", shapes.at(-1)!);
      }
      return lengths.length === 0 ? 1 : lengths.includes(null) && known.length === 0 ? null : known[0]!;
    });
  }
}

/** The sum of its inputs. */
export class Add extends Merge {
  static override readonly className = "Add";
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.add(b));
  }
}
/** The first input minus the second. */
export class Subtract extends Merge {
  static override readonly className = "Subtract";
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs[0]!.sub(inputs[1]!);
  }
}
/** The product of its inputs. */
export class Multiply extends Merge {
  static override readonly className = "Multiply";
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.mul(b));
  }
}
/** The mean of its inputs. */
export class Average extends Merge {
  static override readonly className = "Average";
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.add(b)).div(inputs.length);
  }
}
/** The largest of its inputs, element by element. */
export class Maximum extends Merge {
  static override readonly className = "Maximum";
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => maximum(a, b));
  }
}
/** The smallest of its inputs, element by element. */
export class Minimum extends Merge {
  static override readonly className = "Minimum";
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => minimum(a, b));
  }
}

/** Its inputs one after the other along `axis` (default: the last). */
export class Concatenate extends Merge {
  static override readonly className = "Concatenate";
  readonly axis: number;
  constructor(options: LayerOptions & { readonly axis?: number } = {}) {
    super(options);
    this.axis = options.axis ?? -1;
  }
  protected merge(inputs: readonly Tensor[]): Tensor {
    return concatenate(inputs, { axis: this.axis });
  }
  override computeMask(masks: readonly (Tensor | null)[], inputs: readonly Tensor[]): Tensor | null {
    const wide = inputs.map((x, i) => {
      const mask = masks[i] ?? null;
      if (mask === null) return onesLike(x).cast("bool");
      return mask.rank < x.rank ? mask.unsqueeze(-1).broadcastTo(x.shape) : mask;
    });
    return concatenate(wide, { axis: this.axis }).any({ axis: -1 });
  }
  protected override mergedShape(shapes: readonly BatchShape[]): BatchShape {
    const first = shapes[0]!;
    const at = this.axis < 0 ? first.length + this.axis : this.axis;
    for (const s of shapes) {
      if (s.length !== first.length || s.some((n, i) => i !== at && i !== 0 && n !== first[i])) {
        throw new LayerInputError(this.name, showShape(first.map((n, i) => (i === at ? null : n))), s);
      }
    }
    const lengths = shapes.map((s) => s[at] ?? null);
    const total = lengths.includes(null) ? null : (lengths as number[]).reduce((a, b) => a + b, 0);
    return first.map((n, i) => (i === at ? total : n));
  }
  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis };
  }
}

/**
 * Products of two inputs, summed along one axis of each: (None, n) and (None, n) give (None, 1), (None, a, n) and (None, n, b)
 * along the axes 2 and 1 give (None, a, b). The axes that are left of the first input come before those of the second.
 *
 * @throws {ArgumentError} for axes that are not there, or the axis of the samples.
 * @throws {LayerInputError} where the summed axes differ in length.
 *
 * @example
 * ```ts
 * new Dot(1).apply([tensor([[1, 2]]), tensor([[3, 4]])]); // [[11]]
 * ```
 */
export class Dot extends Merge {
  static override readonly className = "Dot";
  readonly axes: readonly [number, number];
  readonly normalize: boolean;
  constructor(axes: number | readonly [number, number], options: LayerOptions & { readonly normalize?: boolean } = {}) {
    super(options);
    const pair: unknown = typeof axes === "number" ? [axes, axes] : axes;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every(Number.isInteger)) {
      throw new ArgumentError({
        op: "Dot",
        message: `axes is ${JSON.stringify(axes)}`,
        hint: "give the number of an axis, or one for each of the two inputs",
      });
    }
    this.axes = pair as unknown as readonly [number, number];
    this.normalize = options.normalize ?? false;
  }
  protected merge(inputs: readonly Tensor[]): Tensor {
    const axes = this.summed(inputs.map((x) => x.shape));
    const [a, b] = inputs.map((x, i) => {
      const axis = axes[i]!;
      const rest = x.shape.map((_, k) => k).filter((k) => k !== 0 && k !== axis);
      const unit = this.normalize ? x.mul(rsqrt(sum(square(x), { axis, keepDims: true }).maximum(1e-12))) : x;
      // The summed axis last in the first operand, in the middle of the second; the others as one.
      const turned = unit.permute(i === 0 ? [0, ...rest, axis] : [0, axis, ...rest]);
      const count = rest.reduce((n, k) => n * x.shape[k]!, 1);
      const [samples, length] = [x.shape[0]!, x.shape[axis]!];
      return turned.reshape(i === 0 ? [samples, count, length] : [samples, length, count]);
    }) as [Tensor, Tensor];
    return matmul(a, b).reshape(this.mergedShape(inputs.map((x) => x.shape)) as readonly number[]);
  }
  /** The axes that are summed over, counted from the front. */
  private summed(shapes: readonly BatchShape[]): readonly [number, number] {
    const [a, b] = shapes as readonly [BatchShape, BatchShape];
    if (shapes.length !== 2) throw new LayerInputError(this.name, "two tensors", [shapes.length]);
    const [i, k] = [a, b].map((s, which) => {
      const given = this.axes[which]!;
      const axis = given < 0 ? s.length + given : given;
      if (Number.isInteger(axis) && axis > 0 && axis < s.length) return axis;
      throw new ArgumentError({
        op: this.name,
        message: `there is no axis ${given} to sum over in an input of shape ${showShape(s)}`,
        hint: "axis 0 is that of the samples",
      });
    }) as [number, number];
    if (a[i] !== null && b[k] !== null && a[i] !== b[k]) {
      throw new LayerInputError(this.name, showShape(b.with(k, a[i]!)), b);
    }
    return [i, k];
  }
  protected override mergedShape(shapes: readonly BatchShape[]): BatchShape {
    const axes = this.summed(shapes);
    const rest = shapes.flatMap((s, which) => s.filter((_, i) => i !== 0 && i !== axes[which]));
    return [shapes[0]![0]!, ...(rest.length === 0 ? [1] : rest)];
  }
  /** Products of steps are not steps. */
  override computeMask(): null {
    return null;
  }
  override getConfig(): Config {
    return {
      ...super.getConfig(),
      axes: this.axes,
      normalize: this.normalize,
    };
  }
}
