/** Reading and writing files of tensors. */
import "../methods.ts";

export { writeAtomically } from "./atomic.ts";
export type { LoadTensorsOptions } from "./elements.ts";
export { openSafetensors, SafetensorsFile, type SafetensorsInfo } from "./safetensors.ts";
export type { FileLike } from "./source.ts";
export { encodeTensors, loadTensors, type SaveTensorsOptions, saveTensors, type TensorFormat } from "./tensors.ts";
