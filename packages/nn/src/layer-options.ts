import { camelCase } from "./config.ts";
import { unknownName } from "./errors.ts";
import { Lambda } from "./layers/noise.ts";
import { firstUse, type Layer, layerOptionNames } from "./module.ts";
import { isOwnLayerClass } from "./training/own.ts";

/** Options of every layer. */
const common: readonly string[] = layerOptionNames;
/** Options that files contain only where they are used. */
const rare: Readonly<Record<string, readonly string[]>> = {
  BatchNormalization: ["renorm", "renormClipping", "renormMomentum"],
  InputLayer: ["shape"],
  Lambda: ["mask"],
  LayerNormalization: ["rmsScaling"],
  // They are dropouts whose noise has a shape.
  SpatialDropout1D: ["noiseShape"],
  SpatialDropout2D: ["noiseShape"],
  SpatialDropout3D: ["noiseShape"],
};

/**
 * Refuses options that a layer of this package does not have: plain JavaScript would ignore `activaton`. Layers of one's own
 * may have others.
 * @throws {ArgumentError} naming the nearest option there is.
 */
export function checkLayerOptions(layer: Layer): void {
  for (const inner of layer.sublayers()) checkLayerOptions(inner);
  const given = layer.givenOptions.filter((name) => !common.includes(name));
  if (given.length === 0 || !(isOwnLayerClass(layer) || layer.constructor === Lambda)) return;
  const { className } = layer;
  const known = [...Object.keys(layer.getConfig()).map(camelCase), ...(rare[className] ?? []), ...common];
  for (const name of given) {
    if (!known.includes(name)) throw unknownName(className, "option", name, [...new Set(known)]);
  }
}

// A layer that is applied alone gets to no model that would look at its options.
firstUse.check = checkLayerOptions;
