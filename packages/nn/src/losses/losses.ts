import type { Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { snakeCase } from "../config.ts";
import * as f from "./functions.ts";
import { Loss, type LossFunction, type LossOptions, type Reduction } from "./loss.ts";

/** A loss that is a function of two tensors. */
export class FunctionLoss extends Loss {
  readonly className: string;
  private readonly value: LossFunction;

  constructor(className: string, value: LossFunction, options: LossOptions = {}) {
    super(snakeCase(className), options);
    this.className = className;
    this.value = value;
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return this.value(yTrue, yPred);
  }
}

export class MeanSquaredError extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("MeanSquaredError", f.meanSquaredError, options);
  }
}
export class MeanAbsoluteError extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("MeanAbsoluteError", f.meanAbsoluteError, options);
  }
}
export class MeanAbsolutePercentageError extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("MeanAbsolutePercentageError", f.meanAbsolutePercentageError, options);
  }
}
export class MeanSquaredLogarithmicError extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("MeanSquaredLogarithmicError", f.meanSquaredLogarithmicError, options);
  }
}
export class Hinge extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("Hinge", f.hinge, options);
  }
}
export class SquaredHinge extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("SquaredHinge", f.squaredHinge, options);
  }
}
export class CategoricalHinge extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("CategoricalHinge", f.categoricalHinge, options);
  }
}
export class LogCosh extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("LogCosh", f.logCosh, options);
  }
}
export class KLDivergence extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("KLDivergence", f.klDivergence, { name: "kl_divergence", ...options });
  }
}
export class Poisson extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("Poisson", f.poisson, options);
  }
}
export class Dice extends FunctionLoss {
  constructor(options: LossOptions = {}) {
    super("Dice", f.dice, options);
  }
}

/** A loss with options of its own, which files contain too. */
abstract class ConfiguredLoss<O extends object> extends FunctionLoss {
  readonly settings: O;
  constructor(className: string, value: (t: Tensor, p: Tensor, o: O) => Tensor, options: LossOptions & O) {
    super(className, (t, p) => value(t, p, options), options);
    this.settings = options;
  }
  override getConfig(): Config {
    const own: Record<string, Config[string]> = {};
    for (const [key, value] of Object.entries(this.settings)) {
      if (key !== "name" && key !== "reduction") own[snakeCase(key)] = value as Config[string];
    }
    return { ...super.getConfig(), ...own };
  }
}

export class Huber extends ConfiguredLoss<{ readonly delta?: number }> {
  constructor(options: LossOptions & { readonly delta?: number } = {}) {
    super("Huber", f.huber, { name: "huber_loss", ...options });
  }
}
export class CosineSimilarity extends ConfiguredLoss<{ readonly axis?: number }> {
  constructor(options: LossOptions & { readonly axis?: number } = {}) {
    super("CosineSimilarity", f.cosineSimilarity, options);
  }
}
export class Tversky extends ConfiguredLoss<{ readonly alpha?: number; readonly beta?: number }> {
  constructor(options: LossOptions & { readonly alpha?: number; readonly beta?: number } = {}) {
    super("Tversky", f.tversky, options);
  }
}
export class CategoricalCrossentropy extends ConfiguredLoss<f.CrossentropyOptions> {
  constructor(options: LossOptions & f.CrossentropyOptions = {}) {
    super("CategoricalCrossentropy", f.categoricalCrossentropy, options);
  }
}
export class SparseCategoricalCrossentropy extends ConfiguredLoss<{
  readonly fromLogits?: boolean;
  readonly ignoreClass?: number | null;
}> {
  constructor(options: LossOptions & { readonly fromLogits?: boolean; readonly ignoreClass?: number | null } = {}) {
    super("SparseCategoricalCrossentropy", f.sparseCategoricalCrossentropy, options);
  }
}
export class BinaryCrossentropy extends ConfiguredLoss<f.CrossentropyOptions> {
  constructor(options: LossOptions & f.CrossentropyOptions = {}) {
    super("BinaryCrossentropy", f.binaryCrossentropy, options);
  }
}
export class BinaryFocalCrossentropy extends ConfiguredLoss<f.FocalOptions> {
  constructor(options: LossOptions & f.FocalOptions = {}) {
    super("BinaryFocalCrossentropy", f.binaryFocalCrossentropy, options);
  }
}
export class CategoricalFocalCrossentropy extends ConfiguredLoss<f.FocalOptions> {
  constructor(options: LossOptions & f.FocalOptions = {}) {
    super("CategoricalFocalCrossentropy", f.categoricalFocalCrossentropy, options);
  }
}

export type { LossOptions, Reduction };
