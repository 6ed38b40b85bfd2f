import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as g from "../../index.ts";

const f64 = (data: g.TensorLike): g.Tensor => g.tensor(data, { dtype: "float64" });
const close = (found: g.Tensor, expected: g.TensorLike, tolerance = 1e-12): void => {
  const wanted = f64(expected);
  expect(found.shape).toEqual(wanted.shape);
  const far = found.sub(wanted).abs().flatten();
  expect(far.size === 0 ? 0 : far.max().item()).toBeLessThan(tolerance);
};
const t = (a: g.Tensor): g.Tensor => a.swapAxes(-1, -2);

describe("det at singular matrices", () => {
  const gradient = g.grad((a: g.Tensor) => g.det(a));
  test("of rank n - 1, the gradient is the transposed adjugate", () => {
    close(
      gradient(
        f64([
          [1, 2],
          [2, 4],
        ]),
      ),
      [
        [4, -2],
        [-2, 1],
      ],
    );
    const a = f64([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    close(
      gradient(a),
      [
        [-3, 6, -3],
        [6, -12, 6],
        [-3, 6, -3],
      ],
      1e-11,
    );
    close(g.jvp((x) => g.det(x), [a], [g.onesLike(a)])[1], 0, 1e-11);
    close(
      gradient(
        g
          .stack([
            a,
            f64([
              [1, 0, 0],
              [0, 2, 0],
              [0, 0, 3],
            ]),
          ])
          .unstack()[1]!,
      ),
      [
        [6, 0, 0],
        [0, 3, 0],
        [0, 0, 2],
      ],
    );
  });
  test("of rank n - 2 or less it is 0, and higher derivatives are those of a polynomial", () => {
    const zero = g.zeros([3, 3], { dtype: "float64" });
    close(gradient(zero), zero);
    const third = g.jacobian(g.jacobian(g.jacobian((a: g.Tensor) => g.det(a))))(zero);
    // ∂³ det / ∂a₀ᵢ ∂a₁ⱼ ∂a₂ₖ is the sign of the permutation ijk.
    for (const [i, j, k, sign] of [
      [0, 1, 2, 1],
      [0, 2, 1, -1],
      [1, 2, 0, 1],
      [1, 1, 2, 0],
    ] as const) {
      expect(third.at(0, i, 1, j, 2, k).item()).toBeCloseTo(sign, 12);
    }
    const rank1 = f64([
      [1, 2, 3],
      [2, 4, 6],
      [3, 6, 9],
    ]);
    close(gradient(rank1), zero, 1e-11);
  });
  test("in a batch, under vmap and with small singular values", () => {
    const batch = f64([
      [
        [1, 2],
        [2, 4],
      ],
      [
        [2, 0],
        [0, 3],
      ],
      [
        [1, 0],
        [0, 1e-9],
      ],
    ]);
    const expected = [
      [
        [4, -2],
        [-2, 1],
      ],
      [
        [3, 0],
        [0, 2],
      ],
      [
        [1e-9, 0],
        [0, 1],
      ],
    ];
    close(g.grad((a: g.Tensor) => g.det(a).sum())(batch), expected);
    close(g.vmap(gradient)(batch), expected);
  });
});

test("slogdet, inv and solve refuse singular matrices by name", () => {
  const singular = f64([
    [1, 2],
    [2, 4],
  ]);
  expect(g.slogdet(singular).logAbsDet.item()).toBe(Number.NEGATIVE_INFINITY);
  expect(() => g.grad((a: g.Tensor) => g.slogdet(a).logAbsDet)(singular)).toThrow(/slogdet: the matrix is singular/);
  expect(() => g.inv(singular)).toThrow(/inv: the matrix is singular: pivot 1 is 0/);
  expect(() => g.solve(singular, [1, 1])).toThrow(/solve: the matrix is singular/);
  expect(() => g.cond(singular, { ord: 1 })).toThrow(/cond: the matrix is singular/);
  expect(() =>
    g.triangularSolve(
      [
        [0, 0],
        [1, 1],
      ],
      [1, 1],
    ),
  ).toThrow(/triangularSolve: .* element \[0, 0\] is 0/);
  expect(() =>
    g.cholesky([
      [1, 2],
      [2, 1],
    ]),
  ).toThrow(g.NumericalError);
});

describe("factorisations", () => {
  test("qr has LAPACK's signs, in every shape and mode", () => {
    const tall = f64([
      [3, 1],
      [4, 2],
      [0, 2],
    ]);
    for (const a of [tall, t(tall), tall.slice([{ stop: 2 }])]) {
      const [m, n] = a.shape as [number, number];
      for (const [mode, columns] of [
        ["reduced", Math.min(m, n)],
        ["complete", m],
      ] as const) {
        const { q, r } = g.qr(a, { mode });
        expect([q.shape, r.shape]).toEqual([
          [m, columns],
          [columns, n],
        ]);
        close(q.matmul(r), a);
        close(t(q).matmul(q), g.eye(columns));
        close(r.sub(g.triu(r)), g.zerosLike(r));
      }
    }
    close(
      g.qr([
        [2, 0],
        [0, -3],
      ]).r,
      [
        [2, 0],
        [0, -3],
      ],
    );
    close(g.qr(tall).r.select(0, 0), [-5, -2.2]);
    expect(() => g.grad((a: g.Tensor) => g.qr(a, { mode: "complete" }).q.sum())(tall)).toThrow(/it is not unique/);
  });

  test("svd and eigh put the matrix together again, at any scale, graded, of low rank and with equal values", () => {
    const kinds: ((x: g.Tensor, n: number) => g.Tensor)[] = [
      (x) => x,
      (x) => x.mul(1e150),
      (x) => x.mul(1e-150),
      (x, n) => x.mul(g.tensor(Float64Array.from({ length: n }, (_, j) => 10 ** -j))),
      (x) => g.matmul(x.slice([null, { stop: 1 }]), x.slice([{ stop: 1 }])),
      (x) => x.round(),
      (x) => x.mul(0),
    ];
    const drawn = fc.record({
      n: fc.integer({ min: 1, max: 20 }),
      more: fc.integer({ min: 0, max: 8 }),
      seed: fc.nat(),
      kind: fc.nat(kinds.length - 1),
    });
    const largest = (x: g.Tensor): number => x.abs().max().item();
    const orthonormal = (x: g.Tensor): void =>
      close(t(x).matmul(x), g.eye(x.shape[1]!, x.shape[1]!, { dtype: "float64" }));
    fc.assert(
      fc.property(drawn, ({ n, more, seed, kind }) => {
        const x = g.normal(0, 1, [n + more, n], { dtype: "float64", generator: new g.Generator(seed) });
        const a = kinds[kind]!(x, n);
        const { u, s, v } = g.svd(a, { fullMatrices: false });
        for (const basis of [u, v]) orthonormal(basis);
        const scale = largest(a) || 1;
        close(u.mul(s).matmul(t(v)).div(scale), a.div(scale));
        expect([...s.data].every((x, i) => i === 0 || x <= s.data[i - 1]!)).toBe(true);
        const square = a.slice([{ stop: n }]);
        const symmetric = square.add(t(square));
        const { values, vectors } = g.eigh(symmetric);
        orthonormal(vectors);
        const size = largest(symmetric) || 1;
        close(vectors.mul(values).matmul(t(vectors)).div(size), symmetric.div(size));
        expect([...values.data].every((x, i) => i === 0 || x >= values.data[i - 1]!)).toBe(true);
      }),
    );
    const bad = g.tensor(
      [
        [1, Number.NaN],
        [Number.NaN, 1],
      ],
      { dtype: "float64" },
    );
    expect([...g.eigh(bad).values.data, ...g.svd(bad).s.data]).toEqual(Array(4).fill(Number.NaN));
  });

  test("svd is orthonormal at matrices that are not of full rank, and complete when asked", () => {
    const a = f64([
      [1, 2],
      [2, 4],
      [3, 6],
    ]);
    for (const x of [a, t(a), g.zeros([3, 2], { dtype: "float64" })]) {
      for (const fullMatrices of [false, true]) {
        const { u, s, v } = g.svd(x, { fullMatrices });
        close(t(u).matmul(u), g.eye(u.shape[1]!));
        close(t(v).matmul(v), g.eye(v.shape[1]!));
        const k = { stop: s.size };
        close(
          u
            .slice([{}, k])
            .mul(s)
            .matmul(t(v.slice([{}, k]))),
          x,
        );
      }
    }
    close(
      g
        .grad((x: g.Tensor) =>
          g
            .svd(x)
            .s.slice([{ stop: 1 }])
            .sum(),
        )(a)
        .square()
        .sum(),
      1,
    );
  });

  test("vectors of equal values have no gradient, and values have", () => {
    const one = g.eye(2, 2, { dtype: "float64" });
    close(g.grad((a: g.Tensor) => g.eigh(a).values.sum())(one), one);
    close(g.grad((a: g.Tensor) => g.svd(a).s.sum())(one), one);
    close(g.jvp((a) => g.eigh(a).values, [one], [one])[1], [1, 1]);
    for (const f of [g.eigh, (a: g.Tensor) => ({ vectors: g.svd(a).u })]) {
      const first = (a: g.Tensor): g.Tensor =>
        f(a)
          .vectors.mul([
            [1, 2],
            [3, 5],
          ])
          .sum();
      expect(() => g.grad(first)(one)).toThrow(/values are equal/);
      expect(
        g
          .jvp(
            first,
            [one],
            [
              f64([
                [0, 1],
                [2, 0],
              ]),
            ],
          )[1]
          .item(),
      ).toBeNaN();
    }
  });

  test("pinv is differentiated where singular values are equal, where an inverse exists", () => {
    const a = f64([
      [0, -2],
      [2, 0],
    ]);
    const [p, i] = [g.pinv, g.inv].map((f) => g.jacobian((x: g.Tensor) => f(x))(a)) as [g.Tensor, g.Tensor];
    close(p, i);
  });

  test("lstsq gives the smallest solution of wide and rank-deficient systems", () => {
    close(g.lstsq(f64([[1, 1]]), f64([2])), [1, 1]);
    close(
      g.lstsq(
        f64([
          [1, 1],
          [1, 1],
        ]),
        f64([1, 3]),
      ),
      [1, 1],
    );
    expect(() => g.lstsq([[1], [2]], [1])).toThrow(/another number of rows/);
  });
});

test("matrix norms, and those that do not exist", () => {
  const a = f64([
    [1, -2],
    [3, 4],
  ]);
  const found = ["fro", "nuc", 2, -2, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((ord) =>
    g.matrixNorm(a, { ord: ord as g.MatrixOrder }).item(),
  );
  const [s1, s2] = g.svd(a).s.toArray() as [number, number];
  const expected = [Math.sqrt(30), s1 + s2, s1, s2, 6, 4, 7, 3];
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 12);
  expect(g.matrixNorm(g.ones([2, 3, 4]), { axis: [0, 2], keepDims: true }).shape).toEqual([1, 3, 1]);
  expect(() => g.matrixNorm(a, { ord: 3 })).toThrow(/ord is 3, expected one of fro, nuc, 2/);
  expect(() => g.matrixNorm([1, 2])).toThrow(/no two axes/);
});
