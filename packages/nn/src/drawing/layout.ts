/**
 * Layouts of directed graphs without cycles in layers (Sugiyama, Tagawa and Toda, 1981): every edge leads down, long edges
 * pass through the layers between at places of their own, so that none runs through a box.
 */

/** The size of a box, and the boxes above it that edges come from. */
export interface Box {
  readonly width: number;
  readonly height: number;
  readonly from: readonly number[];
}

/** A point of a drawing, y growing downwards. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** An edge, as the points where it leaves and enters layers: straight within a layer, bending between two. */
export interface Route {
  readonly from: number;
  readonly to: number;
  readonly points: readonly Point[];
}

/** Boxes by their top left corners, edges, and the size of it all. */
export interface Layout {
  readonly corners: readonly Point[];
  readonly routes: readonly Route[];
  readonly width: number;
  readonly height: number;
}

/** Distances, in pixels. */
const between = { boxes: 28, layers: 46, edges: 22 } as const;

/** A box, or the passage of a long edge through a layer. */
interface Place {
  readonly box: number | null;
  readonly width: number;
  readonly height: number;
  readonly layer: number;
  readonly above: Place[];
  readonly below: Place[];
  x: number;
}

/** Places boxes so that edges are short, straight and seldom cross. */
export function layOut(boxes: readonly Box[]): Layout {
  const depth = depthsOf(boxes);
  const places: Place[] = boxes.map(({ width, height }, i) => place(i, width, height, depth[i]!));
  const layers: Place[][] = Array.from({ length: Math.max(-1, ...depth) + 1 }, () => []);
  for (const p of places) layers[p.layer]!.push(p);
  // The chain of places of every edge, its ends included.
  const chains = boxes.flatMap(({ from }, to) =>
    from.map((start) => {
      const chain = [places[start]!];
      for (let layer = depth[start]! + 1; layer < depth[to]!; layer++) {
        const passage = place(null, 0, 0, layer);
        layers[layer]!.push(passage);
        chain.push(passage);
      }
      chain.push(places[to]!);
      for (let i = 1; i < chain.length; i++) {
        chain[i]!.above.push(chain[i - 1]!);
        chain[i - 1]!.below.push(chain[i]!);
      }
      return { from: start, to, chain };
    }),
  );
  const ordered = order(layers);
  for (const layer of ordered) pack(layer);
  for (let sweep = 0; sweep < 24; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? ordered : ordered.toReversed()) straighten(layer, down ? "above" : "below");
  }
  return measured(boxes, places, ordered, chains);
}

function place(box: number | null, width: number, height: number, layer: number): Place {
  return { box, width, height, layer, above: [], below: [], x: 0 };
}

/** The layer of every box: one below the lowest it depends on; those that depend on nothing, just above what they serve. */
function depthsOf(boxes: readonly Box[]): readonly number[] {
  const depth: number[] = [];
  boxes.forEach(({ from }, i) => {
    depth[i] = Math.max(-1, ...from.map((j) => depth[j]!)) + 1;
  });
  boxes.forEach(({ from }, i) => {
    if (from.length > 0) return;
    const served = boxes.flatMap((b, j) => (b.from.includes(i) ? [depth[j]!] : []));
    if (served.length > 0) depth[i] = Math.min(...served) - 1;
  });
  return depth;
}

/** Layers in an order with few crossings, by barycentres: of the orders that sweeps find, the best. */
function order(layers: readonly Place[][]): readonly Place[][] {
  let current = layers.map((layer) => [...layer]);
  let best = current;
  let fewest = crossings(current);
  for (let sweep = 0; sweep < 12 && fewest > 0; sweep++) {
    const side = sweep % 2 === 0 ? "above" : "below";
    current = current.map((layer) => [...layer]);
    const passes = side === "above" ? current : current.toReversed();
    for (const layer of passes) {
      const ranks = new Map(current.flatMap((l) => l.map((p, i) => [p, i] as const)));
      const centre = (p: Place): number =>
        p[side].length === 0 ? ranks.get(p)! : mean(p[side].map((q) => ranks.get(q)!));
      const keys = new Map(layer.map((p) => [p, centre(p)]));
      layer.sort((a, b) => keys.get(a)! - keys.get(b)!);
    }
    const count = crossings(current);
    if (count < fewest) [best, fewest] = [current, count];
  }
  return best;
}

function crossings(layers: readonly Place[][]): number {
  let total = 0;
  for (const [i, layer] of layers.entries()) {
    const ranks = new Map((layers[i + 1] ?? []).map((p, r) => [p, r]));
    const edges = layer.flatMap((p, r) => p.below.map((q) => [r, ranks.get(q)!] as const));
    for (const [a, [x, y]] of edges.entries()) {
      for (const [u, v] of edges.slice(a + 1)) if ((x - u) * (y - v) < 0) total++;
    }
  }
  return total;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** How far apart the centres of two neighbours have to be. */
function distance(a: Place, b: Place): number {
  const gap = a.box === null || b.box === null ? between.edges : between.boxes;
  return a.width / 2 + b.width / 2 + gap;
}

/** Neighbours as close as may be. */
function pack(layer: readonly Place[]): void {
  layer.forEach((p, i) => {
    p.x = i === 0 ? 0 : layer[i - 1]!.x + distance(layer[i - 1]!, p);
  });
}

/**
 * Moves a layer's places as near as may be to the mean of those they are joined to, keeping order and distances: least
 * squares with ordered unknowns, solved by pooling adjacent violators. Passages weigh more, which straightens long edges.
 */
function straighten(layer: readonly Place[], side: "above" | "below"): void {
  interface Pool {
    sum: number;
    weight: number;
    readonly members: { readonly p: Place; readonly offset: number }[];
  }
  const pools: Pool[] = [];
  let offset = 0;
  layer.forEach((p, i) => {
    if (i > 0) offset += distance(layer[i - 1]!, p);
    const wanted = p[side].length === 0 ? p.x : mean(p[side].map((q) => q.x));
    const weight = p[side].length === 0 ? 0.1 : p.box === null ? 8 : 1 + p[side].length;
    pools.push({ sum: weight * (wanted - offset), weight, members: [{ p, offset }] });
    while (pools.length > 1) {
      const [before, last] = pools.slice(-2) as [Pool, Pool];
      if (before.sum / before.weight <= last.sum / last.weight) break;
      before.sum += last.sum;
      before.weight += last.weight;
      before.members.push(...last.members);
      pools.pop();
    }
  });
  for (const { sum, weight, members } of pools) for (const { p, offset: at } of members) p.x = sum / weight + at;
}

/** Heights of layers, and everything moved so that it begins at (0, 0). */
function measured(
  boxes: readonly Box[],
  places: readonly Place[],
  layers: readonly (readonly Place[])[],
  chains: readonly { readonly from: number; readonly to: number; readonly chain: readonly Place[] }[],
): Layout {
  const all = layers.flat();
  const left = Math.min(...all.map((p) => p.x - p.width / 2));
  const right = Math.max(...all.map((p) => p.x + p.width / 2));
  const tops: number[] = [];
  const heights = layers.map((layer) => Math.max(...layer.map((p) => p.height)));
  heights.reduce((y, height, i) => {
    tops[i] = y;
    return y + height + between.layers;
  }, 0);
  const corners = places.map((p) => ({
    x: p.x - p.width / 2 - left,
    y: tops[p.layer]! + (heights[p.layer]! - p.height) / 2,
  }));
  const ports = portsOf(boxes, chains);
  const routes = chains.map(({ from, to, chain }, i): Route => {
    const points: Point[] = [];
    chain.forEach((p, k) => {
      const x = p.x - left + (k === 0 ? ports[i]!.out : k === chain.length - 1 ? ports[i]!.in : 0);
      const [top, bottom] = [tops[p.layer]!, tops[p.layer]! + heights[p.layer]!];
      const own = p.box === null ? null : corners[p.box]!;
      if (k > 0) points.push({ x, y: top });
      if (k === 0) points.push({ x, y: own!.y + p.height }, { x, y: bottom });
      else if (k === chain.length - 1) points.push({ x, y: own!.y });
      else points.push({ x, y: bottom });
    });
    return { from, to, points };
  });
  return { corners, routes, width: right - left, height: tops.at(-1)! + heights.at(-1)! };
}

/** Where edges leave and enter boxes, from their middles: side by side, in the order of their other ends. */
function portsOf(
  boxes: readonly Box[],
  chains: readonly { readonly from: number; readonly to: number; readonly chain: readonly Place[] }[],
): readonly { readonly out: number; readonly in: number }[] {
  const ports = chains.map(() => ({ out: 0, in: 0 }));
  const spread = (box: number, edges: readonly number[], end: "in" | "out", other: (edge: number) => number): void => {
    const step = Math.min(24, (boxes[box]!.width * 0.6) / Math.max(1, edges.length));
    [...edges]
      .sort((a, b) => other(a) - other(b))
      .forEach((edge, i) => {
        ports[edge]![end] = (i - (edges.length - 1) / 2) * step;
      });
  };
  boxes.forEach((_, box) => {
    const entering = chains.flatMap(({ to }, i) => (to === box ? [i] : []));
    spread(box, entering, "in", (i) => chains[i]!.chain.at(-2)!.x);
    // Edges leave from one point: they carry the same tensor.
  });
  return ports;
}
