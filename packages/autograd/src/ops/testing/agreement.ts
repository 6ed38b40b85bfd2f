/** Operations on the WebAssembly backend beside the same on the reference. */
import { expect } from "vitest";
import * as g from "../../index.ts";

/** Numbers that look random and are the same everywhere. */
export function noise(shape: readonly number[], seed: number, dtype: "float32" | "float64" = "float32"): g.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float64Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 43758.5453);
  return g.reshape(g.tensor(data.map((x) => (x - Math.floor(x)) * 2 - 1)), shape).cast(dtype);
}

/** What `body` gives on a backend. */
export function on<T>(backend: "wasm" | "reference", body: () => T): T {
  g.setBackend(backend);
  try {
    return body();
  } finally {
    g.setBackend("wasm");
  }
}

/** Largest difference, and its root mean square, relative to the root mean square of the expected values. */
export function errors(actual: g.Tensor, expected: g.Tensor): { max: number; rms: number } {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [actual.data, expected.data];
  let [max, squares, norm] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    // Equal, infinite or NaN.
    if (Object.is(a[i], b[i])) {
      if (Number.isFinite(b[i])) norm += Number(b[i]) ** 2;
      continue;
    }
    const difference = Math.abs(Number(a[i]) - Number(b[i]));
    max = Math.max(max, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    squares += difference ** 2;
    norm += Number(b[i]) ** 2;
  }
  return norm === 0 ? { max, rms: max } : { max: max / Math.sqrt(norm / a.length), rms: Math.sqrt(squares / norm) };
}
