import { gradients, noGrad, type Tensor } from "@gradiente/autograd";
import { discard, Workspace } from "@gradiente/autograd/extend";
import { DataError, NotReadyError, TrainingError } from "../errors.ts";
import type { Model } from "../model.ts";
import type { Weight } from "../module.ts";
import { isBuiltIn } from "../optimizers/resolve.ts";
import { checkInputShape, checkTargets } from "./checks.ts";
import type { Compiled } from "./compiled.ts";
import type { Batch, Column } from "./data.ts";
import { isOwnModel, isOwnThroughout } from "./own.ts";
import type { Source } from "./source.ts";

/** The compiled part of a model. @throws {NotReadyError} before `compile`. */
export function compiledOf(op: string, model: Model): Compiled {
  if (model.compiled === null) {
    throw new NotReadyError({
      op,
      message: `the model "${model.name}" has not been compiled`,
      hint: 'call compile({ loss, optimizer, metrics }) first, for example { loss: "mse", optimizer: "sgd" }',
    });
  }
  return model.compiled;
}

/** @throws {NotReadyError} for a model that has no weights yet: what it would give is only chance. */
export function checkBuilt(op: string, model: Model): void {
  if (model.built) return;
  throw new NotReadyError({
    op,
    message: `the model "${model.name}" is not built, so it has no weights`,
    hint: "state inputShape on the first layer, call ensureBuilt([null, ...]), or fit the model first",
  });
}

/** Builds the model for the source if need be, and checks shapes and labels, before any step. */
export function prepare(op: string, model: Model, source: Source, withTargets: boolean): void {
  if (source.columns === null) return;
  prepareColumns(op, model, source.columns.x, withTargets ? source.columns.y : null);
}

function prepareColumns(op: string, model: Model, x: readonly Column[], y: readonly Column[] | null): void {
  model.buildFor(x.map((c) => c.shape));
  const expected = model.inputShapes;
  if (expected !== null) {
    if (expected.length !== x.length) {
      throw new DataError({
        op,
        message: `the model "${model.name}" has ${expected.length} inputs, but ${x.length} were given`,
      });
    }
    x.forEach((c, i) => void checkInputShape(model.inputLayerName, expected[i]!, model.adjusted(c.shape, i)));
  }
  const outputs = model.outputShapes;
  if (y !== null && outputs !== null && model.compiled !== null) checkTargets(op, model.compiled, y, outputs);
}

/** Checks one batch of a data set, whose samples nobody has seen before. */
export function checkBatch(op: string, model: Model, batch: Batch, withTargets: boolean): void {
  const columns = (xs: readonly Tensor[], read: boolean): Column[] =>
    xs.map((t) => ({
      data: read ? t.data : new Float32Array(0),
      shape: t.shape,
      dtype: t.dtype,
      row: t.size / (t.shape[0] || 1),
    }));
  prepareColumns(op, model, columns(batch.x, false), withTargets ? columns(batch.y, true) : null);
}

/** The model's outputs for a batch, and their loss with every penalty. */
function forward(
  model: Model,
  compiled: Compiled,
  batch: Batch,
  training: boolean,
  trainable: readonly Weight[] = model.trainableWeights,
): { readonly outputs: readonly Tensor[]; readonly loss: ReturnType<Compiled["lossOf"]> } {
  const context = { training, generator: model.noise, losses: [] as Tensor[] };
  const outputs = model.callAll(batch.x, context);
  const penalties = [...context.losses];
  for (const w of trainable) if (w.regularizer !== null) penalties.push(w.regularizer.apply(w.value));
  return { outputs, loss: compiled.lossOf(batch.y, outputs, batch.sampleWeights, penalties) };
}

/** Runs as it is what may keep tensors. */
const noWorkspace = { run: <T>(body: () => T): T => body(), release: () => {} };

/** Where to compute the outputs of a model, and with `compiled` their losses. */
export function workspaceFor(model: Model, compiled: Compiled | null = null): Pick<Workspace, "run" | "release"> {
  const isOwn = compiled === null ? isOwnModel(model) : isOwnThroughout(model, compiled);
  return isOwn ? new Workspace() : noWorkspace;
}

/** Gives up the memory of a batch made for one step, unless what was computed in `workspace` may keep tensors. */
export function giveUp(batch: Batch, workspace: Pick<Workspace, "run" | "release">): void {
  if (workspace !== noWorkspace) batch.workspace?.release();
}

/** One step of training: forward, gradients, update. Returns the loss. */
export function trainStep(model: Model, batch: Batch, onNonFinite: "throw" | "continue"): number {
  const compiled = compiledOf("fit", model);
  const { optimizer } = compiled;
  const weights = model.trainableWeights;
  const noise = model.noise.state;
  const slopesOf = (loss: Tensor): readonly Tensor[] =>
    gradients(
      optimizer.scaled(loss),
      weights.map((w) => w.value),
    );
  const workspace = workspaceFor(model, compiled);
  const { outputs, loss } = workspace.run(() => forward(model, compiled, batch, true, weights));
  const value = loss.total.item();
  if (!Number.isFinite(value) && onNonFinite === "throw") throw nonFinite(model, batch, value);
  if (weights.length > 0) {
    const slopes = slopesOf(loss.total);
    const isKnown = isBuiltIn(optimizer);
    if (!isKnown) Workspace.share(slopes);
    optimizer.step({ loss: value, gradients: slopes }, weights, () => {
      // The same noise, so that it is the same function whose value at other weights is asked for.
      const after = model.noise.state;
      model.noise.restore(noise);
      const { total } = forward(model, compiled, batch, true, weights).loss;
      const evaluation = { loss: total.item(), gradients: slopesOf(total) };
      model.noise.restore(after);
      return evaluation;
    });
    if (isKnown) discard(slopes);
  }
  noGrad(() => void compiled.update(value, loss.outputs, batch.y, outputs, batch.sampleWeights, batch.size));
  workspace.release();
  // A training step of one's own may go on with the batch.
  if (!Object.hasOwn(model, "trainStep")) giveUp(batch, workspace);
  return value;
}

/** Loss and metrics of a batch, without training, are added to what there is since the last reset. */
export function testStep(model: Model, batch: Batch): void {
  const compiled = compiledOf("evaluate", model);
  noGrad(() => {
    const workspace = workspaceFor(model, compiled);
    const { outputs, loss } = workspace.run(() => forward(model, compiled, batch, false));
    compiled.update(loss.total.item(), loss.outputs, batch.y, outputs, batch.sampleWeights, batch.size);
    workspace.release();
    giveUp(batch, workspace);
  });
}

/** Says where a loss that is not a number came from. */
function nonFinite(model: Model, batch: Batch, value: number): TrainingError {
  const spoiled = model.weights.find((w) => !allFinite(w.value));
  const at = spoiled === undefined ? model.firstNonFinite(batch.x) : null;
  const cause =
    spoiled !== undefined
      ? `the weight "${spoiled.name}" is no longer finite`
      : at !== null
        ? `the output of the layer "${at}" is the first that is not finite`
        : "the outputs are finite, so it arises in the loss itself";
  return new TrainingError({
    op: "fit",
    message: `the loss is ${value} at update ${compiledOf("fit", model).optimizer.iterations + 1}; ${cause}`,
    hint: "a smaller learning rate, clipnorm or scaled inputs usually help; the last update was not made",
  });
}

function allFinite(x: Tensor): boolean {
  return x.data.every((v) => Number.isFinite(v));
}
