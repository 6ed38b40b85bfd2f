import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contiguousStrides, type Layout, reshapedStrides, sizeOf } from "./shape.ts";

/** Positions of the elements, in row-major order. */
const positions = ({ shape, strides, offset }: Layout): number[] =>
  shape.reduce<number[]>(
    (all, length, axis) => all.flatMap((at) => Array.from({ length }, (_, i) => at + i * strides[axis]!)),
    [offset],
  );

/** Layouts as views have them: permuted, repeated, flipped and spaced axes. */
const layouts = fc
  .array(
    fc.record({ length: fc.integer({ min: 1, max: 4 }), order: fc.nat(), factor: fc.constantFrom(1, 1, 2, 0, -1) }),
    {
      maxLength: 4,
    },
  )
  .map((axes): Layout => {
    const whole = contiguousStrides(axes.map((a) => a.length));
    const moved = axes.map((a, i) => ({ ...a, stride: whole[i]! * a.factor })).sort((a, b) => a.order - b.order);
    return { shape: moved.map((a) => a.length), strides: moved.map((a) => a.stride), offset: 0 };
  });

/** A layout, and a shape of the same size. */
const reshapes = layouts.chain((layout) =>
  fc.array(fc.nat(), { maxLength: 4 }).map((choices) => {
    let rest = sizeOf(layout.shape);
    const shape = choices.map((choice) => {
      const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0);
      const length = divisors[choice % divisors.length]!;
      rest /= length;
      return length;
    });
    return { layout, shape: rest === 1 ? shape : [...shape, rest] };
  }),
);

describe("reshapedStrides", () => {
  test("read the same elements, and are there whenever such strides exist", () => {
    let [found, absent] = [0, 0];
    fc.assert(
      fc.property(reshapes, ({ layout, shape }) => {
        const elements = positions(layout);
        const strides = reshapedStrides(layout, shape);
        if (strides !== null) {
          found++;
          expect(positions({ shape, strides, offset: 0 })).toEqual(elements);
          return;
        }
        absent++;
        // The only strides there could be are the distances of neighbours.
        const steps = contiguousStrides(shape).map((at, axis) =>
          shape[axis] === 1 ? 0 : elements[at]! - elements[0]!,
        );
        expect(positions({ shape, strides: steps, offset: 0 })).not.toEqual(elements);
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(found, absent)).toBeGreaterThan(50);
  });
});
