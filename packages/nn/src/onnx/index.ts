import type { Model } from "../model.ts";

/**
 * A `Sequential` or functional model in the Open Neural Network Exchange format, for other programs to run: float32, the
 * number of samples open, operators of version 21.
 *
 * Inputs are named like the model's input layers (that of a `Sequential`, `input_layer`), outputs like the layers that
 * give them. All inputs are float32, those of embeddings too.
 *
 * @param path where to write it. Default: nowhere.
 * @returns the bytes.
 * @throws {OnnxExportError} for a layer that has no counterpart, naming it and its class.
 * @throws {NotReadyError} before the model is built.
 *
 * @example
 * ```ts
 * const model = new Sequential([new Dense(2, { activation: "relu", inputShape: [3] })]);
 * const bytes = await exportOnnx(model);
 * await model.export("model.onnx");
 * ```
 */
export async function exportOnnx(model: Model, path?: string): Promise<Uint8Array<ArrayBuffer>> {
  const { exportModel } = await import("./export.ts");
  return exportModel(model, path);
}
