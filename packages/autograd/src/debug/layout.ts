// Drawing a directed acyclic graph in layers (K. Sugiyama, S. Tagawa, M. Toda, 1981): layers by the longest path, order
// within layers by barycentres, places by least squares.

/** The size of a box. */
export interface Box {
  readonly width: number;
  readonly height: number;
}

/** A point; y grows downwards. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where everything lies. */
export interface LayeredLayout extends Box {
  /** The centre of each box. */
  readonly centres: readonly Point[];
  /** For each edge, the points it passes through: from the bottom of one box, past others, to the top of the next. */
  readonly routes: readonly (readonly Point[])[];
}

/** Distances of {@link layeredLayout}. */
export interface LayoutOptions {
  /** Between boxes side by side. Default: 24. */
  readonly columnGap?: number;
  /** Between layers. Default: 40. */
  readonly rowGap?: number;
}

/** A box, or a place where a long edge passes through a layer. */
interface Item {
  readonly box: number | null;
  readonly width: number;
  readonly layer: number;
  readonly above: Item[];
  readonly below: Item[];
  /** Place within the layer, and the centre of it. */
  place: number;
  x: number;
}

/** The layer of each box: one more than the lowest it comes from; sources lie just above the first they lead to. */
function layersOf(count: number, edges: readonly (readonly [number, number])[]): number[] {
  const successors = Array.from({ length: count }, (): number[] => []);
  const missing = new Array<number>(count).fill(0);
  for (const [from, to] of edges) {
    successors[from]!.push(to);
    missing[to]!++;
  }
  const layers = new Array<number>(count).fill(0);
  const sources = missing.flatMap((n, i) => (n === 0 ? [i] : []));
  const ready = [...sources];
  for (let i = ready.pop(); i !== undefined; i = ready.pop()) {
    for (const next of successors[i]!) {
      layers[next] = Math.max(layers[next]!, layers[i]! + 1);
      if (--missing[next]! === 0) ready.push(next);
    }
  }
  for (const i of sources) {
    const lowest = successors[i]!.reduce((least, next) => Math.min(least, layers[next]! - 1), Number.POSITIVE_INFINITY);
    if (lowest !== Number.POSITIVE_INFINITY) layers[i] = lowest;
  }
  return layers;
}

/** How often edges between a layer and the next cross: pairs out of order, counted with a Fenwick tree. */
function crossings(layer: readonly Item[], length: number): number {
  const ends = layer.flatMap(({ below }) => below.map(({ place }) => place).sort((a, b) => a - b));
  const tree = new Int32Array(length + 1);
  let total = 0;
  for (const [seen, end] of ends.entries()) {
    let notAfter = 0;
    for (let i = end + 1; i > 0; i -= i & -i) notAfter += tree[i]!;
    total += seen - notAfter;
    for (let i = end + 1; i <= length; i += i & -i) tree[i]!++;
  }
  return total;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Sorts every layer by the mean place of its neighbours, downwards and upwards, and keeps the best order. */
function order(layers: Item[][]): void {
  const number = (layer: Item[]): void => {
    for (const [place, item] of layer.entries()) item.place = place;
  };
  const count = (): number => layers.reduce((sum, layer, k) => sum + crossings(layer, layers[k + 1]?.length ?? 0), 0);
  layers.forEach(number);
  let least = count();
  let best = layers.map((layer) => [...layer]);
  for (let sweep = 0; sweep < 16 && least > 0; sweep++) {
    const downwards = sweep % 2 === 0;
    for (const layer of downwards ? layers : [...layers].reverse()) {
      const wanted = new Map(
        layer.map((item) => {
          const neighbours = downwards ? item.above : item.below;
          return [item, neighbours.length > 0 ? mean(neighbours.map((n) => n.place)) : item.place];
        }),
      );
      layer.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
      number(layer);
    }
    const now = count();
    if (now < least) [least, best] = [now, layers.map((layer) => [...layer])];
  }
  for (const [k, layer] of best.entries()) {
    layers[k] = layer;
    number(layer);
  }
}

/** Sources hardly count: they stand beside the line that they join, and give way to it. */
const weightOf = ({ above, below }: Item): number => (above.length === 0 && below.length === 1 ? 0.02 : 1);

/** Moves the items of a layer as near as can be to where they want to be, in order and apart (pool adjacent violators). */
function settle(layer: readonly Item[], wanted: readonly number[], gap: number): void {
  const starts: number[] = [];
  for (const [i, item] of layer.entries()) {
    const before = layer[i - 1];
    starts.push(before === undefined ? 0 : starts[i - 1]! + (before.width + item.width) / 2 + gap);
  }
  const pools: { sum: number; weight: number; size: number }[] = [];
  for (const [i, x] of wanted.entries()) {
    const weight = weightOf(layer[i]!);
    let pool = { sum: weight * (x - starts[i]!), weight, size: 1 };
    for (let last = pools.at(-1); last && last.sum / last.weight > pool.sum / pool.weight; last = pools.at(-1)) {
      pools.pop();
      pool = { sum: pool.sum + last.sum, weight: pool.weight + last.weight, size: pool.size + last.size };
    }
    pools.push(pool);
  }
  const shifts = pools.flatMap(({ sum, weight, size }) => new Array<number>(size).fill(sum / weight));
  for (const [i, item] of layer.entries()) item.x = starts[i]! + shifts[i]!;
}

/** Where its neighbours want an item to be. Long edges pull hard, for they are to be straight. */
function pull(item: Item, neighbours: readonly Item[]): number {
  if (neighbours.length === 0) return item.x;
  const weights = neighbours.map((n) => {
    if (n.box === null) return item.box === null ? 8 : 2;
    return weightOf(n);
  });
  const total = weights.reduce((a, b) => a + b, 0);
  return neighbours.reduce((sum, n, i) => sum + n.x * weights[i]!, 0) / total;
}

/**
 * Places boxes in layers, so that every edge leads downwards, few cross and long ones are straight.
 *
 * @param boxes their sizes.
 * @param edges pairs of numbers of boxes, from and to; together they form no cycle.
 *
 * @example
 * ```ts
 * const box = { width: 40, height: 20 };
 * layeredLayout([box, box], [[0, 1]], { rowGap: 30 }).height; // 70
 * ```
 */
export function layeredLayout(
  boxes: readonly Box[],
  edges: readonly (readonly [from: number, to: number])[],
  { columnGap = 24, rowGap = 40 }: LayoutOptions = {},
): LayeredLayout {
  const layerOf = layersOf(boxes.length, edges);
  const layers: Item[][] = Array.from({ length: Math.max(-1, ...layerOf) + 1 }, () => []);
  const add = (box: number | null, width: number, layer: number): Item => {
    const item: Item = { box, width, layer, above: [], below: [], place: 0, x: 0 };
    layers[layer]!.push(item);
    return item;
  };
  const items = boxes.map(({ width }, i) => add(i, width, layerOf[i]!));
  const chains = edges.map(([from, to]) => {
    const chain = [items[from]!];
    for (let layer = layerOf[from]! + 1; layer < layerOf[to]!; layer++) chain.push(add(null, 4, layer));
    chain.push(items[to]!);
    for (const [i, item] of chain.entries()) {
      if (i === 0) continue;
      chain[i - 1]!.below.push(item);
      item.above.push(chain[i - 1]!);
    }
    return chain;
  });
  order(layers);
  for (const layer of layers) settle(layer, new Array<number>(layer.length).fill(0), columnGap);
  // The last rounds go down only, so that what is in line stays straight.
  for (let sweep = 0; sweep < 40; sweep++) {
    const downwards = sweep % 2 === 0 || sweep > 34;
    for (const layer of downwards ? layers : [...layers].reverse()) {
      const wanted = layer.map((item) => {
        const [first, second] = [pull(item, item.above), pull(item, item.below)];
        if (item.above.length === 0) return second;
        return item.below.length === 0 || downwards ? first : (first + second) / 2;
      });
      settle(layer, wanted, columnGap);
    }
  }
  const shift = layers.length === 0 ? 0 : -Math.min(...layers.flat().map(({ x, width }) => x - width / 2));
  const tops: number[] = [];
  const heights = layers.map((layer) => Math.max(...layer.map(({ box }) => (box === null ? 0 : boxes[box]!.height))));
  for (const k of layers.keys()) tops.push(k === 0 ? 0 : tops[k - 1]! + heights[k - 1]! + rowGap);
  const round = (value: number): number => Math.round(value * 100) / 100;
  const point = (x: number, y: number): Point => ({ x: round(x + shift), y: round(y) });
  const middle = (item: Item): number => tops[item.layer]! + heights[item.layer]! / 2;
  const routes = chains.map((chain) =>
    chain.flatMap((item, i) => {
      if (item.box === null) {
        return [point(item.x, tops[item.layer]!), point(item.x, tops[item.layer]! + heights[item.layer]!)];
      }
      const half = boxes[item.box]!.height / 2;
      return [point(item.x, middle(item) + (i === 0 ? half : -half))];
    }),
  );
  const right = Math.max(-shift, ...layers.flat().map(({ x, width }) => x + width / 2));
  return {
    width: round(right + shift),
    height: layers.length === 0 ? 0 : tops.at(-1)! + heights.at(-1)!,
    centres: items.map((item) => point(item.x, middle(item))),
    routes,
  };
}
