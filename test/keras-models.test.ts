import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Tensor, tensor } from "@gradiente/autograd";
import * as nn from "@gradiente/nn";
import { describe, expect, it } from "vitest";

/*
 * Functional models that Keras described and ran (scripts/keras-models.py): in its descriptions masks are computed by
 * operations beside the layers, which here travel with tensors.
 */

interface FileTensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface ModelCase {
  readonly name: string;
  readonly config: nn.Config;
  readonly weights: readonly FileTensor[];
  readonly inputs: readonly FileTensor[];
  readonly outputs: readonly FileTensor[];
}

const path = join(import.meta.dirname, "vectors/keras-models.json");
const cases: readonly ModelCase[] = JSON.parse(readFileSync(path, "utf8"));
const read = ({ shape, data }: FileTensor): Tensor => tensor({ data: Float32Array.from(data), shape });

describe("models with masks and states, compared with Keras", () => {
  it.each(cases.map((c) => [c.name, c] as const))("%s", (_, c) => {
    const model = nn.deserializeLayer({ class_name: "Functional", config: c.config });
    model.setWeights(c.weights.map(read));
    const again = nn.deserializeLayer({ class_name: "Functional", config: model.getConfig() });
    again.setWeights(model.getWeights());
    for (const m of [model, again]) {
      const outputs = m.applyAll(c.inputs.map(read));
      expect(outputs.length).toBe(c.outputs.length);
      outputs.forEach((y, i) => {
        const wanted = c.outputs[i]!;
        expect(y.shape).toEqual(wanted.shape);
        y.data.forEach((v, k) => void expect(Math.abs(v - wanted.data[k]!)).toBeLessThan(1e-5));
      });
    }
  });
});
