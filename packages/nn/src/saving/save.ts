import { ModelFileError } from "../errors.ts";
import type { Model } from "../model.ts";

/** Saves a model in the format that the path's ending names. */
export async function saveModel(model: Model, path: string): Promise<void> {
  if (path.endsWith(".h5") || path.endsWith(".hdf5")) {
    const { saveH5 } = await import("./h5.ts");
    await saveH5(model, path);
    return;
  }
  throw new ModelFileError({
    op: "save",
    message: `the format of "${path}" is not known`,
    hint: "the path must end in .h5",
  });
}
