import * as g from "../../ops/index.ts";
import type { Sampler } from "../sampler.ts";
import type { CaseMaker, CaseTable } from "./case.ts";

const padding = (s: Sampler, rank: number): g.WindowPadding =>
  s.choose<g.WindowPadding>(["valid", "same", 1, Array.from({ length: rank }, () => [s.integer(0, 2), 1] as const)]);

const options = (s: Sampler, rank: number): { strides: number; padding: g.WindowPadding; dilation: number } => ({
  strides: s.integer(1, 2),
  padding: padding(s, rank),
  dilation: s.integer(1, 2),
});

function conv(
  f: typeof g.conv1d | typeof g.convTranspose1d,
  rank: number,
  transposed: boolean,
  longest = 4,
): CaseMaker {
  return (s) => {
    const groups = s.integer(1, 2);
    const [from, to] = [s.integer(1, 2), s.integer(1, 2)];
    const space = Array.from({ length: rank }, () => s.integer(3, longest));
    const size = Array.from({ length: rank }, () => s.integer(1, 2));
    const channels = transposed ? [to, from * groups] : [from, to * groups];
    const chosen = { ...options(s, rank), groups };
    // What a transposed convolution cuts off must be there.
    if (transposed && chosen.padding !== "same") chosen.padding = "valid";
    return {
      f: (x, w) => f(x!, w!, chosen),
      inputs: [s.tensor([s.integer(0, 2), ...space, from * groups]), s.tensor([...size, ...channels])],
    };
  };
}

const pool = (f: (x: g.TensorLike, o: g.PoolOptions) => ReturnType<typeof g.maxPool>): CaseMaker => {
  return (s) => {
    const rank = s.integer(1, 2);
    const space = Array.from({ length: rank }, () => s.integer(3, 4));
    const size = s.integer(1, 3);
    const chosen = { size, strides: s.integer(1, 2), padding: s.choose(["valid", "same"] as const) };
    return { f: (x) => f(x!, chosen), inputs: [s.distinct([s.integer(0, 2), ...space, s.integer(1, 2)])] };
  };
};

const adaptive = (f: typeof g.adaptiveAvgPool): CaseMaker => {
  return (s) => {
    const count = s.integer(1, 3);
    return {
      f: (x) => f(x!, count),
      inputs: [s.distinct([s.integer(0, 1), s.integer(2, 4), s.integer(2, 3), s.integer(1, 2)])],
    };
  };
};

export const convCases: CaseTable = {
  conv1d: conv(g.conv1d, 1, false),
  conv2d: conv(g.conv2d, 2, false, 3),
  conv3d: conv(g.conv3d, 3, false, 3),
  convTranspose1d: conv(g.convTranspose1d, 1, true),
  convTranspose2d: conv(g.convTranspose2d, 2, true, 3),
  convTranspose3d: (s) => ({
    f: (x, w) => g.convTranspose3d(x!, w!, { strides: 2 }),
    inputs: [s.tensor([s.integer(0, 2), 2, 1, 2, 1]), s.tensor([2, 1, 2, 1, 1])],
  }),
  depthwiseConv2d: (s) => {
    const channels = s.integer(1, 2);
    const chosen = options(s, 2);
    return {
      f: (x, w) => g.depthwiseConv2d(x!, w!, chosen),
      inputs: [s.tensor([s.integer(0, 1), 3, 4, channels]), s.tensor([2, 2, channels, s.integer(1, 2)])],
    };
  },
  maxPool: pool(g.maxPool),
  avgPool: pool(g.avgPool),
  adaptiveAvgPool: adaptive(g.adaptiveAvgPool),
  adaptiveMaxPool: adaptive(g.adaptiveMaxPool),
  unfold: (s) => {
    const shape = s.shape(1, 3, 2);
    const [axis, size, step] = [s.axis(shape), s.integer(1, 2), s.integer(1, 2)];
    return { f: (x) => g.unfold(x!, size, { axis, step }), inputs: [s.tensor(shape)] };
  },
  fold: (s) => {
    const shape = [...s.shape(1, 2, 1), s.integer(1, 3)];
    const [axis, step] = [s.integer(0, shape.length - 2), s.integer(1, 3)];
    return { f: (x) => g.fold(x!, { axis, step }), inputs: [s.tensor(shape)] };
  },
  pad: (s) => {
    const shape = s.shape(0, 3, 1);
    const mode = s.choose(["constant", "reflect", "replicate", "circular"] as const);
    const limit = (length: number): number => (mode === "reflect" ? length - 1 : length);
    const chosen = shape.map((n) => [s.integer(-1, limit(n)), s.integer(0, limit(n))] as const);
    const padding = mode === "constant" ? chosen : chosen.map(([a, b]) => [Math.max(0, a), b] as const);
    const value = s.choose([0, 1]);
    return { f: (x) => g.pad(x!, padding, { mode, value }), inputs: [s.tensor(shape)] };
  },
};
