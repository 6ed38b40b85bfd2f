import { describe, expect, it } from "vitest";
import { initializerNames, resolveInitializer } from "./initializers/resolve.ts";
import { lossNames, resolveLoss } from "./losses/resolve.ts";
import { metricNames, resolveMetric } from "./metrics/resolve.ts";

const shapes = { yTrue: [2, 3], yPred: [2, 3] };

describe("names", () => {
  it.each(initializerNames)("the initializer %s is there", (name) => {
    expect(resolveInitializer("test", name).className).toMatch(/^[A-Z]/);
  });
  it.each(lossNames)("the loss %s is there", (name) => {
    expect(resolveLoss(name).className).toMatch(/^[A-Z]/);
  });
  it.each(metricNames)("the metric %s is there, and is shown under this name", (name) => {
    expect(resolveMetric(name, shapes).name).toBe(name);
  });
  it("that are misspelt come with the nearest", () => {
    expect(() => resolveLoss("mean_square_error" as "mse")).toThrow(/did you mean "mean_squared_error"/);
    expect(() => resolveMetric("precison" as "precision", shapes)).toThrow(/did you mean "precision"/);
    expect(() => resolveInitializer("Dense", "he_norml" as "he_normal")).toThrow(/did you mean "he_normal"/);
  });
});
