import { ModelFileError } from "../errors.ts";
import type { Model } from "../model.ts";
import type { LoadStateDictOptions, LoadStateDictResult } from "../state-dict.ts";

/** Saves a model in the format that the path's ending names. */
export async function saveModel(model: Model, path: string): Promise<void> {
  if (path.endsWith(".h5") || path.endsWith(".hdf5")) {
    const { saveH5 } = await import("./h5.ts");
    await saveH5(model, path);
    return;
  }
  if (path.endsWith(".safetensors")) {
    const { saveTensors } = await import("@gradiente/autograd/files");
    await saveTensors(path, model.stateDict());
    return;
  }
  throw new ModelFileError({
    op: "save",
    message: `the format of "${path}" is not known`,
    hint: "the path must end in .h5 or .safetensors",
  });
}

/** Replaces a model's weights by those of a file, in the format that the path's ending names. */
export async function loadWeights(
  model: Model,
  path: string,
  options?: LoadStateDictOptions,
): Promise<LoadStateDictResult> {
  if (path.endsWith(".safetensors")) {
    const { loadTensors } = await import("@gradiente/autograd/files");
    return model.loadStateDict(await loadTensors(path), options);
  }
  throw new ModelFileError({
    op: "loadWeights",
    message: `the format of "${path}" is not known`,
    hint: "the path must end in .safetensors",
  });
}
