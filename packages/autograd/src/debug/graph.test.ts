import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as g from "../index.ts";
import { layeredLayout } from "./layout.ts";

/** Edges of a random directed acyclic graph: from lower to higher numbers. */
const graphs = fc.integer({ min: 1, max: 14 }).chain((count) =>
  fc.record({
    boxes: fc.array(fc.record({ width: fc.integer({ min: 5, max: 90 }), height: fc.integer({ min: 5, max: 40 }) }), {
      minLength: count,
      maxLength: count,
    }),
    edges: fc
      .array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 24 })
      .map((pairs) => pairs.filter(([a, b]) => a < b)),
  }),
);

describe("layeredLayout", () => {
  test("keeps boxes apart and inside, and leads every edge down from box to box", () => {
    fc.assert(
      fc.property(graphs, ({ boxes, edges }) => {
        const { width, height, centres, routes } = layeredLayout(boxes, edges);
        const sides = boxes.map((b, i) => {
          const { x, y } = centres[i]!;
          return { left: x - b.width / 2, right: x + b.width / 2, top: y - b.height / 2, bottom: y + b.height / 2 };
        });
        for (const [i, a] of sides.entries()) {
          expect(Math.min(a.left, a.top, width - a.right, height - a.bottom)).toBeGreaterThan(-0.05);
          for (const b of sides.slice(i + 1)) {
            const apart = a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
            expect(apart).toBe(true);
          }
        }
        for (const [k, [from, to]] of edges.entries()) {
          const route = routes[k]!;
          expect(route[0]).toEqual({ x: centres[from]!.x, y: expect.closeTo(sides[from]!.bottom, 1) });
          expect(route.at(-1)).toEqual({ x: centres[to]!.x, y: expect.closeTo(sides[to]!.top, 1) });
          for (const [i, p] of route.entries()) if (i > 0) expect(p.y).toBeGreaterThanOrEqual(route[i - 1]!.y);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("draws a chain straight, and finds an order without crossings where there is one", () => {
    const box = { width: 10, height: 10 };
    const chain = layeredLayout(
      [box, box, box],
      [
        [0, 1],
        [1, 2],
      ],
    );
    expect(new Set(chain.centres.map((c) => c.x)).size).toBe(1);
    const crossed = layeredLayout(
      [box, box, box, box],
      [
        [0, 3],
        [1, 2],
      ],
    );
    const [a, b, c, d] = crossed.centres.map(({ x }) => x) as [number, number, number, number];
    expect(Math.sign(a - b)).toBe(Math.sign(d - c));
    expect(layeredLayout([], [])).toEqual({ width: 0, height: 0, centres: [], routes: [] });
  });
});

describe("printGraph", () => {
  const w = g.tensor([[1, 2]], { requiresGrad: true });
  const y = w.exp().mul(w).sum();

  test("draws SVG that stands alone: well formed, one box and one edge for each", () => {
    const svg = g.printGraph(y, { format: "svg" });
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="\d+" height="\d+"/);
    expect(svg).not.toMatch(/href|<script|NaN|undefined|Infinity/);
    const nodes = g.printGraph(y).split("\n");
    expect(svg.match(/<rect /g)).toHaveLength(nodes.length + 1);
    expect(svg.match(/<path d="M/g)!.length - 1).toBe(g.printGraph(y, { format: "dot" }).match(/->/g)!.length);
    // Every tag that is opened is closed, in order.
    const open: string[] = [];
    for (const [, close, name, self] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name);
      else if (!self) open.push(name!);
    }
    expect(open).toEqual([]);
    expect(svg).toContain("float32[1, 2]");
  });

  test("shows a reduction as one operation", () => {
    expect(g.printGraph(w.sum())).toBe("#1 leaf float32[1, 2]\n#2 sum float32[] ← #1");
    expect(g.printGraph(w.sum({ axis: 1, keepDims: true }))).toMatch(/#2 sum float32\[1, 1\] ← #1$/);
    expect(g.printGraph(w.mean({ axis: 1 }))).toMatch(/#2 sum float32\[1\] ← #1\n#3 div float32\[1\] ← #2$/);
  });

  test("refuses unknown formats, and says so for a tensor without a past", () => {
    expect(() => g.printGraph(y, { format: "sgv" as "svg" })).toThrow(/expected one of "text", "dot", "svg".*"svg"\?/);
    expect(g.printGraph(g.ones([2]))).toMatch(/^nothing is recorded of float32\[2\]/);
    expect(g.printGraph(g.ones([2]), { format: "svg" })).toContain("</svg>");
  });
});
