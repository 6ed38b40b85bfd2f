import type { Model } from "../model.ts";
import { checkOptionNames } from "../option-checks.ts";
import type { LoadOptions } from "./load.ts";
import type { ModelFormat, SaveOptions } from "./save.ts";

/**
 * Reads a model that `save` or Keras (2.0 to 3) wrote: `.keras`, or `.h5` (whatever the name says), with its weights,
 * and compiled as it was. Nothing in a file is executed, and no more memory is taken than it fills.
 * @param source - A path, or the bytes of a file.
 * @throws {ModelFileError} when the file is missing, damaged or of another kind, or names a class that is not known:
 *   give it as `customObjects`, or `registerSerializable` it.
 *
 * @example
 * ```ts
 * const model = new Sequential([new Dense(1, { inputShape: [2] })]);
 * const again = await loadModel(await encodeModel(model));
 * again.countParams(); // 3
 * ```
 */
export async function loadModel(source: string | Uint8Array, options: LoadOptions = {}): Promise<Model> {
  checkOptionNames("loadModel", options, ["customObjects", "compile", "onWarning"]);
  const { load } = await import("./load.ts");
  return load(source, options);
}

/**
 * The bytes of a model file, for where there are no files, as in browsers: what `save` writes. The same model gives the
 * same bytes: files contain no times.
 * @param format - "keras" (default), "h5" or "weights.h5".
 * @throws {NotReadyError} for a model that has no weights yet.
 * @throws {ModelFileError} for one with a `Lambda` layer, whose function cannot be written.
 */
export async function encodeModel(
  model: Model,
  format: ModelFormat = "keras",
  options: SaveOptions = {},
): Promise<Uint8Array> {
  checkOptionNames("encodeModel", options, ["includeOptimizer"]);
  const { encode } = await import("./save.ts");
  return encode(model, format, options);
}
