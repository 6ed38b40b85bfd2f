/**
 * Whether a forward pass runs nothing but this package's own code, which keeps no tensor beyond the step. Then the
 * memory of everything in between is given back after each batch; otherwise it is left to the engine, which cannot know
 * when it is no longer used.
 */

import * as activations from "../layers/activations.ts";
import * as attention from "../layers/attention.ts";
import * as augmentation from "../layers/augmentation.ts";
import * as batchNormalization from "../layers/batch-normalization.ts";
import * as cells from "../layers/cells.ts";
import * as convolution from "../layers/convolution.ts";
import * as transposed from "../layers/convolution-transposed.ts";
import * as core from "../layers/core.ts";
import * as einsumDense from "../layers/einsum-dense.ts";
import * as embedding from "../layers/embedding.ts";
import * as encoding from "../layers/encoding.ts";
import * as featureNormalization from "../layers/feature-normalization.ts";
import * as merge from "../layers/merge.ts";
import * as heads from "../layers/multi-head-attention.ts";
import * as noise from "../layers/noise.ts";
import * as normalization from "../layers/normalization.ts";
import * as pooling from "../layers/pooling.ts";
import * as recurrent from "../layers/recurrent.ts";
import * as resizing from "../layers/resizing.ts";
import * as shape from "../layers/shape.ts";
import * as spatial from "../layers/spatial.ts";
import * as wrappers from "../layers/wrappers.ts";
import * as losses from "../losses/losses.ts";
import * as metrics from "../metrics/index.ts";
import type { Metric } from "../metrics/metric.ts";
import type { Model } from "../model.ts";
import type { Layer } from "../module.ts";
import * as regularizers from "../regularizers/regularizer.ts";
import type { Compiled } from "./compiled.ts";

const classesOf = (...modules: readonly object[]): Set<unknown> => new Set(modules.flatMap((m) => Object.values(m)));

const ownLayers = classesOf(
  ...[
    activations,
    attention,
    augmentation,
    batchNormalization,
    cells,
    convolution,
    core,
    einsumDense,
    embedding,
    encoding,
  ],
  ...[
    featureNormalization,
    heads,
    merge,
    noise,
    normalization,
    pooling,
    recurrent,
    resizing,
    shape,
    spatial,
    transposed,
    wrappers,
  ],
);
// Runs a function it was given.
ownLayers.delete(noise.Lambda);
const ownLosses = classesOf(losses);
ownLosses.delete(losses.FunctionLoss);
const ownMetrics = classesOf(metrics);
const ownRegularizers = classesOf(regularizers);

const isOwn = (classes: ReadonlySet<unknown>, part: object | null): boolean =>
  part === null || classes.has(part.constructor);

/** Whether a layer is of one of this package's own classes, not of one that extends them. */
export function isOwnLayerClass(layer: Layer): boolean {
  return isOwn(ownLayers, layer);
}

function isOwnLayer(layer: Layer): boolean {
  return (
    (layer.isComposition || isOwn(ownLayers, layer)) &&
    isOwn(ownRegularizers, layer.activityRegularizer) &&
    layer.sublayers().every(isOwnLayer)
  );
}

/** Whether a model's forward pass runs only this package's own code. */
export function isOwnModel(model: Model): boolean {
  return isOwnLayer(model) && model.weights.every((w) => isOwn(ownRegularizers, w.regularizer));
}

/** Whether a model's forward pass and the losses of its outputs run only this package's own code. */
export function isOwnThroughout(model: Model, compiled: Compiled): boolean {
  return isOwnModel(model) && compiled.losses.every((loss) => isOwn(ownLosses, loss));
}

/** Whether a metric is this package's own. */
export function isOwnMetric(metric: Metric): boolean {
  return isOwn(ownMetrics, metric);
}
