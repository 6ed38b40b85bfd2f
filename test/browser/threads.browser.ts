/** What a page may expect: threads where it is cross-origin isolated, one thread where it is not, the same numbers in both. */
import { getBackend, getThreads, manualSeed, ones, randn, setThreads } from "@gradiente/autograd";
import { Dense, Sequential } from "@gradiente/nn";
import { expect, test } from "vitest";

// Said by browsers alone.
declare const crossOriginIsolated: boolean;

const cores = navigator.hardwareConcurrency;

test("the backend is wasm, on threads where memory can be shared", () => {
  expect(getBackend()).toBe("wasm");
  expect(getThreads()).toBe(crossOriginIsolated ? cores : 1);
});

test("a page that is not isolated stays on one thread when asked for more", () => {
  setThreads(2);
  expect(getThreads()).toBe(crossOriginIsolated ? 2 : 1);
});

test("products are the same bits on one thread and two", async () => {
  const [a, b] = [randn([300, 200]), randn([200, 300])];
  setThreads(1);
  const alone = a.matmul(b).data;
  setThreads(2);
  // The first jobs start the workers; later ones are shared with them.
  for (let i = 0; i < 10; i++) {
    expect(a.matmul(b).data).toEqual(alone);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test("a model trains", async () => {
  manualSeed(3);
  const x = randn([64, 10]);
  const y = x.matmul(ones([10, 1]));
  const model = new Sequential([new Dense(1, { inputShape: [10] })]);
  model.compile({ loss: "mean_squared_error", optimizer: "sgd" });
  const { history } = await model.fit(x, y, { epochs: 20, batchSize: 16, verbose: 0 });
  expect(history.loss!.at(-1)!).toBeLessThan(history.loss![0]! / 4);
});
