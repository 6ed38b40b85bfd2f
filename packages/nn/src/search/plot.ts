import type { Json } from "../config.ts";
import { compareEvaluations, type Evaluation, namedValues, type SearchFacts, showNumber } from "./evaluation.ts";

const [panelWidth, panelHeight] = [320, 250];
/** Where the points of a panel lie within it. */
const [left, right, top, bottom] = [62, 16, 34, 48];
const [innerWidth, innerHeight] = [panelWidth - left - right, panelHeight - top - bottom];
const head = 34;

/** How values of one kind are laid out along an axis of a given length. */
interface Axis {
  readonly label: string;
  readonly at: (value: Json) => number;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

/** Round numbers between two bounds: about `count`, in steps of 1, 2 or 5 times a power of ten. */
function roundNumbers(low: number, high: number, count: number): number[] {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((s) => s * power >= raw) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first) + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function linear(label: string, low: number, high: number, length: number, count: number): Axis {
  const [from, to] = high > low ? [low, high] : [low - 0.5, high + 0.5];
  const at = (value: Json): number => ((Number(value) - from) / (to - from)) * length;
  return { label, at, ticks: roundNumbers(from, to, count).map((v) => ({ at: at(v), text: showNumber(v) })) };
}

/** A power of ten for each tick, or, where there are too few of them, twos and fives besides. */
function logarithmic(label: string, low: number, high: number, length: number): Axis {
  const at = (value: Json): number => (Math.log(Number(value) / low) / Math.log(high / low)) * length;
  const within = (steps: readonly number[]): number[] => {
    const from = Math.floor(Math.log10(low));
    const powers = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, i) => 10 ** (from + i));
    return powers.flatMap((p) => steps.map((s) => s * p)).filter((v) => v >= low * 0.999 && v <= high * 1.001);
  };
  const values = within([1]).length > 2 ? within([1]) : within([1, 3]);
  const text = (v: number): string => (v < 1e-3 || v >= 1e5 ? v.toExponential(0) : showNumber(v));
  return { label: `${label} (logarithmic)`, at, ticks: values.map((v) => ({ at: at(v), text: text(v) })) };
}

/** Names side by side. */
function categories(label: string, values: readonly Json[], length: number): Axis {
  const ordered = [...values].sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b : 0));
  const names = [...new Set(ordered.map((v) => JSON.stringify(v)))];
  if (ordered.some((v) => typeof v !== "number")) names.sort();
  const place = (name: string): number => ((names.indexOf(name) + 0.5) / names.length) * length;
  const text = (name: string): string => {
    const plain = name.replaceAll('"', "");
    const room = Math.floor(length / names.length / 6.6);
    return plain.length > room ? `${plain.slice(0, Math.max(1, room - 1))}…` : plain;
  };
  return {
    label,
    at: (value) => place(JSON.stringify(value)),
    ticks: names.map((name) => ({ at: place(name), text: text(name) })),
  };
}

/**
 * An axis for whatever values a hyperparameter has had: a few numbers, and all else, are names; many are a scale, by
 * ratio where they span more than a factor of 50.
 */
function axisOf(label: string, values: readonly Json[]): Axis {
  const numbers = values.filter((v): v is number => typeof v === "number");
  if (numbers.length < values.length || new Set(values).size <= 5) return categories(label, values, innerWidth);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  if (low > 0 && high / low > 50) return logarithmic(label, low, high, innerWidth);
  return linear(label, low, high, innerWidth, 4);
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const round = (x: number): number => Number(x.toFixed(1));

/** Axes with their ticks and labels around a panel's content. */
function panel(title: string, x: Axis, y: Axis, content: readonly string[]): string {
  const middle = top + innerHeight / 2;
  return [
    `<text x="${left + innerWidth / 2}" y="18" text-anchor="middle" font-weight="bold">${escaped(title)}</text>`,
    `<rect x="${left}" y="${top}" width="${innerWidth}" height="${innerHeight}" fill="none" stroke="#9aa1b3"/>`,
    ...y.ticks.map((t) => {
      const at = round(top + innerHeight - t.at);
      return `<path d="M${left},${at}h${innerWidth}" stroke="#e3e6ee"/><text x="${left - 6}" y="${at + 4}" text-anchor="end">${t.text}</text>`;
    }),
    ...x.ticks.map((t) => {
      const at = round(left + t.at);
      return `<path d="M${at},${top + innerHeight}v4" stroke="#9aa1b3"/><text x="${at}" y="${top + innerHeight + 17}" text-anchor="middle">${escaped(t.text)}</text>`;
    }),
    `<text x="${left + innerWidth / 2}" y="${panelHeight - 10}" text-anchor="middle">${escaped(x.label)}</text>`,
    `<text transform="translate(13 ${middle}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`,
    `<g transform="translate(${left} ${top})">`,
    ...content,
    "</g>",
  ].join("\n");
}

/**
 * Results as an SVG document: the best score by what had been spent, and every trial's score by each of its values, the
 * darker the longer it was trained. Scores much worse than most are drawn, hollow, at the edge.
 */
export function drawResults(facts: SearchFacts<unknown>, trials: readonly Evaluation<unknown>[]): string {
  const { direction, scoreName, budgetName, evaluations, method } = facts;
  const scored = trials.filter((t) => t.score !== null);
  const scores = scored.map((t) => t.score!);
  const best = scores[0] ?? 0;
  // Trials are sorted. A few that went astray must not make all others look alike.
  const quantile = (share: number): number => scores[Math.floor((scores.length - 1) * share)] ?? 1;
  const reach = Math.min(Math.abs(quantile(0.9) - best), 4 * Math.abs(quantile(0.5) - best));
  const worst = direction === "min" ? best + reach : best - reach;
  const room = Math.abs(worst - best) * 0.06 || 0.5;
  const [low, high] = [Math.min(best, worst) - room, Math.max(best, worst) + room];
  const y = linear(scoreName, low, high, innerHeight, 5);
  const height = (score: number): number => round(innerHeight - y.at(Math.min(high, Math.max(low, score))));

  // The best so far, as a line that goes down (or up) in steps.
  let spent = 0;
  let leader: Evaluation<unknown> | null = null;
  const corners: (readonly [number, number])[] = [];
  for (const e of evaluations) {
    spent += e.spent;
    const better = e.score !== null && (leader === null || compareEvaluations(direction)(e, leader) < 0);
    if (!better) continue;
    if (leader !== null) corners.push([spent, leader.score!]);
    corners.push([spent, e.score!]);
    leader = e;
  }
  if (leader !== null) corners.push([spent, leader.score!]);
  const effort = linear(`${budgetName}, all trials together`, 0, spent, innerWidth, 4);
  const path = corners.map(([at, score], i) => `${i === 0 ? "M" : "L"}${round(effort.at(at))},${height(score)}`);
  const line = path.length === 0 ? [] : [`<path d="${path.join("")}" fill="none" stroke="#1f6feb" stroke-width="2"/>`];
  const panels = [panel("best so far", effort, y, line)];

  const values = scored.map((t) => new Map(namedValues(t.values as Json)));
  const most = Math.max(1, ...scored.map((t) => t.budget));
  for (const name of new Set(values.flatMap((v) => [...v.keys()]))) {
    const here = scored.flatMap((trial, i) => (values[i]!.has(name) ? [{ trial, value: values[i]!.get(name)! }] : []));
    const x = axisOf(
      name,
      here.map(({ value }) => value),
    );
    // The best trials last, so that they lie on top.
    const points = here.reverse().map(({ trial, value }) => {
      const inside = trial.score! >= low && trial.score! <= high;
      const ink = (0.25 + (0.75 * trial.budget) / most).toFixed(2);
      const fill = inside ? `fill="#1f6feb" fill-opacity="${ink}"` : 'fill="#ffffff"';
      const title = `<title>trial ${trial.trial}: ${showNumber(trial.score!)}</title>`;
      return `<circle cx="${round(x.at(value))}" cy="${height(trial.score!)}" r="3.5" ${fill} stroke="#1f6feb" stroke-opacity="${ink}">${title}</circle>`;
    });
    panels.push(panel(name, x, y, points));
  }

  const columns = Math.min(3, panels.length);
  const [w, h] = [columns * panelWidth, head + Math.ceil(panels.length / columns) * panelHeight];
  const failed = trials.length - scored.length;
  const summary = `${method}: ${trials.length} trials${failed > 0 ? `, ${failed} of them failed` : ""}; darker: trained longer`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="sans-serif" font-size="11" fill="#333a4a">`,
    `<title>${escaped(summary)}</title>`,
    `<rect width="${w}" height="${h}" fill="#ffffff"/>`,
    `<text x="${w / 2}" y="22" text-anchor="middle" font-size="14" font-weight="bold">${escaped(summary)}</text>`,
    ...panels.map((content, i) => {
      const [column, row] = [i % columns, Math.floor(i / columns)];
      return `<g transform="translate(${column * panelWidth} ${head + row * panelHeight})">\n${content}\n</g>`;
    }),
    "</svg>\n",
  ].join("\n");
}
