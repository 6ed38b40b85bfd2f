import { describe, expect, it } from "vitest";
import { eye, getBackend, getThreads, ones, parameter, rand, randn, setBackend, setThreads, tensor } from "./index.ts";

describe("Parameter.assign", () => {
  it("takes a view of the parameter itself", () => {
    const w = parameter([
      [1, 2],
      [3, 4],
    ]);
    w.assign(w.transpose());
    expect(w.toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });

  it("refuses another shape or dtype, naming both", () => {
    const w = parameter([1, 2]);
    expect(() => w.assign(tensor([1, 2, 3]))).toThrow(/assign: .*float32\[2\], float32\[3\]/);
    expect(() => w.assign(tensor([1, 2], { dtype: "float64" }))).toThrow(/float64\[2\]/);
    expect(w.toArray()).toEqual([1, 2]);
  });
});

describe("setBackend", () => {
  it("keeps tensors of the other backend usable", () => {
    const before = getBackend();
    try {
      setBackend("reference");
      const old = parameter([1, 2, 3]);
      setBackend("wasm");
      expect(old.mul(tensor([2, 2, 2])).toArray()).toEqual([2, 4, 6]);
      old.assign(tensor([4, 5, 6]));
      expect(old.sum().item()).toBe(15);
    } finally {
      setBackend(before);
    }
  });

  it("lists the backends when the name is not one", () => {
    expect(() => setBackend("wsam" as "wasm")).toThrow(/"wasm", "reference".*did you mean "wasm"/);
  });
});

describe("setThreads", () => {
  it("changes the number of threads, and not one bit of the results", () => {
    const before = getThreads();
    try {
      const [a, b] = [rand([300, 400]), rand([400, 500])];
      setThreads(1);
      expect(getThreads()).toBe(1);
      const alone = a.matmul(b).data;
      setThreads(2);
      expect(a.matmul(b).data).toEqual(alone);
    } finally {
      setThreads(before);
    }
  });

  it("refuses what is not a number of threads", () => {
    expect(() => setThreads(0)).toThrow(/setThreads: count is 0/);
  });
});

it("eye takes its options second where there is one length", () => {
  expect(eye(2, { dtype: "float64" }).dtype).toBe("float64");
  expect(eye(2, { requiresGrad: true }).requiresGrad).toBe(true);
  expect(eye(2, 3, { dtype: "int32" }).toArray()).toEqual([
    [1, 0, 0],
    [0, 1, 0],
  ]);
  expect(() => eye(2, { dtyp: "float64" } as never)).toThrow(/^eye: the name of an option is "dtyp".*"dtype"/);
  expect(() => eye(2, null as never)).toThrow(/^eye: the options are null/);
});

it("the portable backend is another one, whose tensors mix with the others", () => {
  const a = randn([40, 50], { dtype: "float32" });
  setBackend("wasm", { portable: true });
  try {
    const b = ones([50, 3]);
    expect(getBackend()).toBe("wasm");
    const product = a.matmul(b).data;
    const sums = a.sum({ axis: 1 }).data;
    product.forEach((x, i) => void expect(x).toBeCloseTo(sums[Math.floor(i / 3)]!, 4));
  } finally {
    setBackend("wasm");
  }
});
