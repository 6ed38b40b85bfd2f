import * as g from "@gradiente/autograd";
import { type Adapter, reductionOf, type T } from "./arguments.ts";

// Losses and distances that PyTorch names and that here are a few operations.

type Named = Record<string, unknown>;

/** The mean (or sum, or all) of a loss of each element. */
function reduced(loss: T, o: Named): T {
  const { reduction } = reductionOf(o);
  return reduction === "none" ? loss : reduction === "sum" ? loss.sum() : loss.mean();
}

const distance = (x: T, y: T, p = 2, epsilon = 1e-6, keepDims = false): T =>
  g.norm(x.sub(y).add(epsilon), { ord: p, axis: -1, keepDims });

/** All pairs of rows. */
const pairwise = (x: T, y: T, ord: number): T => g.norm(x.unsqueeze(-2).sub(y.unsqueeze(-3)), { axis: -1, ord });

const cosine = (x: T, y: T): T => {
  const epsilon = 2.220446049250313e-16;
  const [dot, a, b] = [x.mul(y), x.square(), y.square()].map((v) => v.sum({ axis: -1 })) as [T, T, T];
  return dot.div(a.add(epsilon).mul(b.add(epsilon)).sqrt());
};

export const losses: Record<string, Adapter> = {
  cdist: ([x, y, p = 2]) => pairwise(x, y, p),
  "nn.functional.pdist": ([x, ord], o: Named) => {
    const p = ord ?? (o.p as number | undefined) ?? 2;
    const n: number = x.shape[0]!;
    const pairs = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n - i - 1 }, (_, k) => [i, i + 1 + k]),
    ).flat();
    if (pairs.length === 0)
      return x
        .sum()
        .mul(0)
        .mul(g.zeros([0], { dtype: "float64" }));
    const [from, to] = [0, 1].map((side) =>
      g.take(
        x,
        pairs.map((pair) => pair[side]!),
      ),
    ) as [T, T];
    return g.norm(from.sub(to), { axis: -1, ord: p });
  },
  "nn.functional.pairwise_distance": ([x, y], { p = 2, eps = 1e-6, keepdim = false }) =>
    distance(x, y, p, eps, keepdim),
  "nn.functional.cosine_embedding_loss": ([x, y, target], o: Named) => {
    const similarity = cosine(x, y);
    const apart = g.relu(similarity.sub((o.margin as number) ?? 0));
    return reduced(g.where(target.equal(1), g.sub(1, similarity), g.where(target.equal(-1), apart, 0)), o);
  },
  "nn.functional.gaussian_nll_loss": ([x, target, variance], o: Named) => {
    const v = g
      .maximum(g.stopGradient(variance), (o.eps as number) ?? 1e-6)
      .add(variance.sub(g.stopGradient(variance)));
    const of = variance.rank === x.rank || variance.rank === 0 ? v : v.unsqueeze(-1);
    const loss = of.log().add(x.sub(target).square().div(of)).mul(0.5);
    return reduced(o.full ? loss.add(0.5 * Math.log(2 * Math.PI)) : loss, o);
  },
  "nn.functional.hinge_embedding_loss": ([x, target], o: Named) => {
    const apart = g.relu(g.sub((o.margin as number) ?? 1, x));
    return reduced(g.where(target.notEqual(1), apart, 0).add(g.where(target.notEqual(-1), x, 0)), o);
  },
  "nn.functional.margin_ranking_loss": ([x, y, target], o: Named) =>
    reduced(
      g.relu(
        target
          .neg()
          .mul(x.sub(y))
          .add((o.margin as number) ?? 0),
      ),
      o,
    ),
  "nn.functional.multilabel_soft_margin_loss": ([x, target], o: Named) => {
    const all = target
      .mul(g.logSigmoid(x))
      .add(g.sub(1, target).mul(g.logSigmoid(x.neg())))
      .neg();
    const weighted = o.weight ? all.mul(o.weight as T) : all;
    return reduced(weighted.mean({ axis: -1 }), o);
  },
  "nn.functional.multi_margin_loss": ([x, target, p0], o: Named) => {
    const rows = x.rank === 2 ? x : x.reshape([1, x.size]);
    const places = target.reshape([rows.shape[0]!, 1]);
    const [p, margin] = [(o.p as number) ?? p0 ?? 1, (o.margin as number) ?? 1];
    const own = g.takeAlongAxis(rows, places, 1);
    const weight = o.weight ? g.take(o.weight as T, places) : 1;
    const apart = g.relu(rows.sub(own).add(margin)).pow(p).mul(weight);
    const others = g.notEqual(g.arange(rows.shape[1]!), places);
    const loss = g.where(others, apart, 0).mean({ axis: 1 });
    return reduced(x.rank === 2 ? loss : loss.reshape([]), o);
  },
  "nn.functional.multilabel_margin_loss": ([x, target], o: Named) => {
    const rows = x.rank === 2 ? x : x.reshape([1, x.size]);
    const wanted = target.reshape(rows.shape).toArray() as number[][];
    const each = wanted.map((list, i) => {
      const labels = list.slice(0, list.includes(-1) ? list.indexOf(-1) : list.length);
      const row = g.select(rows, 0, i);
      const others = Array.from({ length: row.size }, (_, k) => k).filter((k) => !labels.includes(k));
      if (labels.length === 0 || others.length === 0) return row.sum().mul(0);
      const apart = g.sub(g.take(row, others).unsqueeze(0), g.take(row, labels).unsqueeze(1)).add(1);
      return g.relu(apart).sum().div(row.size);
    });
    const loss = g.stack(each);
    return reduced(x.rank === 2 ? loss : loss.reshape([]), o);
  },
  "nn.functional.poisson_nll_loss": ([x, target], o: Named) => {
    const epsilon = (o.eps as number) ?? 1e-8;
    const loss = (o.log_input ?? true) ? x.exp().sub(target.mul(x)) : x.sub(target.mul(x.add(epsilon).log()));
    if (!o.full) return reduced(loss, o);
    const stirling = target
      .mul(g.log(target))
      .sub(target)
      .add(
        target
          .mul(2 * Math.PI)
          .log()
          .mul(0.5),
      );
    return reduced(loss.add(g.where(target.greater(1), stirling, 0)), o);
  },
  "nn.functional.triplet_margin_loss": ([a, b, c], o: Named) => {
    const [p, epsilon] = [(o.p as number) ?? 2, (o.eps as number) ?? 1e-6];
    const [near, far] = [distance(a, b, p, epsilon), distance(a, c, p, epsilon)];
    const other = o.swap ? g.minimum(far, distance(b, c, p, epsilon)) : far;
    return reduced(g.relu(near.sub(other).add((o.margin as number) ?? 1)), o);
  },
  "nn.functional.soft_margin_loss": ([x, y], o: Named) => reduced(g.softplus(x.mul(y).neg()), o),
};
