import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Box, type Layout, layOut, type Point } from "./layout.ts";

/** Graphs without cycles: every box depends on some of those before it. */
const graphs = fc
  .array(fc.record({ width: fc.integer({ min: 20, max: 200 }), height: fc.integer({ min: 20, max: 150 }) }), {
    minLength: 1,
    maxLength: 14,
  })
  .chain((sizes) =>
    fc
      .tuple(
        ...sizes.map((_, i) =>
          fc.subarray(
            Array.from({ length: i }, (_, j) => j),
            { maxLength: Math.min(3, i) },
          ),
        ),
      )
      .map((froms) => sizes.map((size, i): Box => ({ ...size, from: froms[i]! }))),
  );

/** Points along an edge, drawn as in the picture: with vertical tangents at its points. */
function along(points: readonly Point[]): Point[] {
  return points.slice(1).flatMap((b, i) => {
    const a = points[i]!;
    return Array.from({ length: 21 }, (_, k) => {
      const t = k / 20;
      const blend = t * t * (3 - 2 * t);
      const y = (1 - t) ** 3 * a.y + 1.5 * t * (1 - t) * (a.y + b.y) + t ** 3 * b.y;
      return { x: a.x + (b.x - a.x) * blend, y };
    });
  });
}

function boxAt({ corners }: Layout, boxes: readonly Box[], i: number) {
  const { x, y } = corners[i]!;
  return { left: x, top: y, right: x + boxes[i]!.width, bottom: y + boxes[i]!.height };
}

describe("the layout of a model", () => {
  it("keeps boxes apart and within the picture, and edges going down outside all boxes", () => {
    fc.assert(
      fc.property(graphs, (boxes) => {
        const layout = layOut(boxes);
        const placed = boxes.map((_, i) => boxAt(layout, boxes, i));
        placed.forEach((a, i) => {
          expect(a.left).toBeGreaterThanOrEqual(-1e-6);
          expect(a.right).toBeLessThanOrEqual(layout.width + 1e-6);
          expect(a.bottom).toBeLessThanOrEqual(layout.height + 1e-6);
          for (const b of placed.slice(i + 1)) {
            const apart =
              a.right <= b.left + 1e-6 || b.right <= a.left + 1e-6 || a.bottom <= b.top || b.bottom <= a.top;
            expect(apart).toBe(true);
          }
        });
        expect(layout.routes.length).toBe(boxes.reduce((sum, b) => sum + b.from.length, 0));
        for (const { points } of layout.routes) {
          points.slice(1).forEach((p, i) => void expect(p.y).toBeGreaterThanOrEqual(points[i]!.y));
          for (const { x, y } of along(points)) {
            const inside = placed.some((b) => x > b.left + 1 && x < b.right - 1 && y > b.top + 1 && y < b.bottom - 1);
            expect(inside).toBe(false);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it("draws a chain as a straight line", () => {
    const chain = [80, 120, 60].map((width, i): Box => ({ width, height: 40, from: i === 0 ? [] : [i - 1] }));
    const { routes } = layOut(chain);
    for (const { points } of routes) for (const p of points) expect(p.x).toBeCloseTo(60, 6);
  });
});
