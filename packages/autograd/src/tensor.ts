import type { Storage, View } from "./backend/backend.ts";
import { copyKernel } from "./backend/copy.ts";
import { backend } from "./backend/current.ts";
import { type DType, isFloat, type TypedArray } from "./dtype.ts";
import { ArgumentError, checkFunction, describe, GradientError, ShapeError, shown } from "./errors.ts";
import type { TensorMethods } from "./methods.ts";
import { contiguousStrides, isContiguous, type Shape, sizeOf } from "./shape.ts";
import { leaf, type Node } from "./tape.ts";
import type { Trace } from "./trace.ts";

/** Numbers (or booleans) nested as deep as the tensor's rank; a plain one for rank 0. */
export type NestedArray<T = number | boolean> = T | readonly NestedArray<T>[];

/** What a tensor is made of: one node of the tape, one view of a storage. */
export interface TensorParts {
  readonly storage: Storage;
  readonly shape: Shape;
  readonly strides?: readonly number[] | undefined;
  readonly offset?: number;
  readonly dtype?: DType;
}

/**
 * An immutable array of numbers of one dtype, with a place on the tape of operations that made it.
 *
 * A tensor is a handle: shape, strides and a storage that several tensors may share. Every operation is both a
 * function and, where natural, a method: `tanh(x)` is `x.tanh()`. Make tensors with {@link tensor}, {@link zeros} and
 * their like, not with `new`.
 */
// The operations' methods live beside the operations, and are installed by methods.ts.
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: methods.ts installs every method it declares.
export class Tensor implements View {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly size: number;
  /** Steps between neighbours along each axis, in elements. */
  readonly strides: readonly number[];
  /** Position of the first element in the storage. */
  readonly offset: number;
  /** @internal */
  readonly storage: Storage;
  /** @internal The operation that made this tensor, or a leaf that collects gradients; null when nothing is recorded. */
  node: Node | null = null;
  /** @internal Which output of `node` this is. */
  outputIndex = 0;
  /** @internal What stands behind the handle inside a transformed function; null for an ordinary tensor. */
  readonly trace: Trace | null = null;
  /** The gradient that `backward` has accumulated; null before. Only leaves (see {@link isLeaf}) get one. */
  grad: Tensor | null = null;

  /** @internal */
  constructor({ storage, shape, strides, offset, dtype }: TensorParts, trace: Trace | null = null) {
    this.storage = storage;
    this.shape = shape;
    this.dtype = dtype ?? storage.dtype;
    this.size = sizeOf(shape);
    this.strides = strides ?? contiguousStrides(shape);
    this.offset = offset ?? 0;
    this.trace = trace;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Whether operations on this tensor are recorded for differentiation. */
  get requiresGrad(): boolean {
    return this.node !== null;
  }

  /**
   * Turns recording on or off, for a tensor that no recorded operation made.
   * @throws {GradientError} for integer and boolean tensors, and for results of recorded operations.
   */
  set requiresGrad(value: boolean) {
    if (value === this.requiresGrad) return;
    if (!this.isLeaf) {
      throw new GradientError({
        op: "requiresGrad",
        message: "the tensor is the result of a recorded operation",
        operands: [this],
        hint: "detach() gives a tensor with the same values and no history",
      });
    }
    if (value && !isFloat(this.dtype)) {
      throw new GradientError({
        op: "requiresGrad",
        message: "only floating-point tensors have gradients",
        operands: [this],
        hint: 'convert it first, with cast("float32")',
      });
    }
    this.node = value ? leaf(this) : null;
  }

  /** Whether no recorded operation made this tensor. */
  get isLeaf(): boolean {
    return this.node === null || this.node.leaf !== null;
  }

  /** The elements in row-major order, as a new typed array (a `Uint8Array` of 0 and 1 for `bool`). */
  get data(): TypedArray {
    const { storage, offset, size } = concrete(this);
    if (isContiguous(this)) return storage.array.slice(offset, offset + size);
    return concrete(this.contiguous()).data;
  }

  /** The elements, as {@link data}, without blocking where the backend can do so. */
  read(): Promise<TypedArray> {
    return Promise.resolve(this.data);
  }

  /**
   * The only element of a tensor of size 1.
   * @throws {ShapeError} when there are more or none.
   */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError({
        op: "item",
        message: `the tensor has ${this.size} elements, not 1`,
        operands: [this],
        hint: "toArray() gives all elements",
      });
    }
    const { storage, offset } = concrete(this);
    return storage.array[offset]!;
  }

  /** The elements as nested arrays: numbers, or booleans for dtype `bool`. A rank-0 tensor gives the element itself. */
  toArray(): NestedArray {
    const { data, dtype, shape } = this;
    let at = 0;
    const build = (axis: number): NestedArray => {
      if (axis === shape.length) return dtype === "bool" ? data[at++] === 1 : data[at++]!;
      return Array.from({ length: shape[axis]! }, () => build(axis + 1));
    };
    return build(0);
  }

  /**
   * Calls `f` with this tensor's gradient when a backward pass has found it; what it returns takes its place.
   * @returns a function that removes the hook.
   * @throws {GradientError} when the tensor requires no gradient.
   */
  registerHook(f: (gradient: Tensor) => Tensor | undefined): () => void {
    const { node } = this;
    if (node === null) {
      throw new GradientError({ op: "registerHook", message: "the tensor requires no gradient", operands: [this] });
    }
    checkFunction("registerHook", f);
    const hook = { output: this.outputIndex, f };
    node.hooks = [...(node.hooks ?? []), hook];
    return () => {
      node.hooks = node.hooks?.filter((h) => h !== hook) ?? null;
    };
  }

  /** `float32[2, 3]` and the elements, abbreviated when there are many. */
  toString(): string {
    const text = (value: NestedArray): string => {
      if (!Array.isArray(value))
        return typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);
      if (value.length <= 8) return `[${value.map(text).join(", ")}]`;
      return `[${[...value.slice(0, 3).map(text), "…", ...value.slice(-3).map(text)].join(", ")}]`;
    };
    if (this.trace !== null) return `${describe(this)} (inside a transformed function)`;
    return `${describe(this)} ${this.size > 10_000 ? "…" : text(this.toArray())}`;
  }
}

export interface Tensor extends TensorMethods {}

/**
 * A value that is to be a tensor, as it is.
 * @throws {ArgumentError} when it is something else, such as the number that `item()` gives.
 */
export function tensorIn(op: string, what: string, value: Tensor): Tensor {
  if (value instanceof Tensor) return value;
  const given: unknown = value;
  const isPromise = given instanceof Promise;
  throw new ArgumentError({
    op,
    message: `${what} is ${shown(given)}, not a tensor`,
    hint: isPromise
      ? "what is transformed must not be asynchronous"
      : given === undefined
        ? "is there a return?"
        : "tensor(…) makes one of numbers; item(), data and toArray() leave the tape",
  });
}

/** The ordinary tensor behind a handle. */
function concrete(x: Tensor): Tensor {
  return x.trace === null ? x : x.trace.read(x);
}

/**
 * A tensor that can be changed in place, with {@link assign}: the weights of a model, the state of an optimizer.
 */
export class Parameter extends Tensor {
  /**
   * Replaces the elements. Tensors that share this parameter's storage (views of it, {@link detach}) change with it,
   * and a backward pass that would read values saved before the change is refused.
   * @throws {ArgumentError} when shape or dtype differ.
   */
  assign(value: Tensor): this {
    if (!(value instanceof Tensor)) {
      throw new ArgumentError({
        op: "assign",
        message: "the new value is no tensor",
        operands: [this],
        hint: "tensor(…) makes one of numbers",
      });
    }
    if (value.dtype !== this.dtype || value.shape.join() !== this.shape.join()) {
      throw new ArgumentError({
        op: "assign",
        message: "the new value has another shape or dtype than the parameter",
        operands: [this, value],
      });
    }
    // A view of the parameter itself, such as its transpose, must not change while it is being read.
    const source = value.storage === this.storage ? value.clone() : value;
    backend().run(copyKernel(this.dtype), [concrete(source)], [this]);
    this.storage.version++;
    return this;
  }

  /** @internal Overwrites the elements with those of `data`, in row-major order. */
  write(data: TypedArray): void {
    this.storage.array.set(data, this.offset);
    this.storage.version++;
  }
}
