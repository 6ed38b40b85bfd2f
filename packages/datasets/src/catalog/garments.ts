import type { Random } from "../random.ts";

/**
 * Silhouettes of ten garments on 28 × 28 pixels. Only additions, multiplications, divisions and square roots, so that a
 * seed gives the same picture on every machine.
 */

export const SIDE = 28;
export const PIXELS: number = SIDE * SIDE;

/** Brightness, 0 to 255, row by row. */
export type Canvas = Float64Array;

/** Corners in a square from −1 to 1 with y downwards: x, y, x, y, … */
type Polygon = readonly number[];

/** A part of a garment: an area, and how much brighter or darker than the cloth it is. */
interface Part {
  readonly polygon: Polygon;
  readonly shade: number;
}

/** The right half of an outline, top to bottom, closed by its mirror image. */
function symmetric(right: Polygon): Polygon {
  const points = right.slice();
  for (let i = right.length - 2; i >= 0; i -= 2) points.push(-right[i]!, right[i + 1]!);
  return points;
}

function mirrored(polygon: Polygon): Polygon {
  return polygon.map((value, i) => (i % 2 === 0 ? -value : value));
}

function whole(polygon: Polygon, shade = 1): Part {
  return { polygon, shade };
}

interface Top {
  readonly shoulder: number;
  readonly chest: number;
  readonly hem: number;
  readonly bottom: number;
  readonly neck: number;
  /** How far down and out the sleeve reaches. */
  readonly sleeve: number;
  readonly spread: number;
  readonly cuff: number;
}

/** Body and sleeves of anything worn on the upper body. */
function topParts(top: Top): Part[] {
  const { shoulder, chest, hem, bottom, neck, sleeve, spread, cuff } = top;
  const body = symmetric([neck, -0.85, shoulder, -0.72, chest, -0.25, hem, bottom]);
  const arm: Polygon = [
    shoulder - 0.08,
    -0.74,
    shoulder + spread,
    -0.72 + sleeve,
    shoulder + spread - cuff,
    -0.68 + sleeve + 0.08,
    chest - 0.06,
    -0.25,
  ];
  return [whole(body), whole(arm, 0.96), whole(mirrored(arm), 0.96)];
}

function collar(random: Random, depth: number): Part {
  const width = random.between(0.1, 0.2);
  return { polygon: [-width, -0.9, width, -0.9, 0, -0.85 + depth], shade: 0.2 };
}

/** Two strips down the middle, for coats and shirts that open. */
function placket(random: Random, top: number, bottom: number, width: number): Part {
  const at = random.between(-0.05, 0.05);
  return {
    polygon: [at - width, top, at + width, top, at + width, bottom, at - width, bottom],
    shade: random.between(0.45, 0.75),
  };
}

function shoulders(random: Random): Pick<Top, "shoulder" | "chest" | "neck"> {
  const shoulder = random.between(0.4, 0.54);
  return { shoulder, chest: shoulder - random.between(0.02, 0.12), neck: random.between(0.14, 0.22) };
}

function tShirt(random: Random): Part[] {
  const base = shoulders(random);
  return topParts({
    ...base,
    hem: base.chest + random.between(-0.06, 0.08),
    bottom: random.between(0.55, 0.85),
    sleeve: random.between(0.3, 0.62),
    spread: random.between(0.24, 0.38),
    cuff: random.between(0.1, 0.2),
  });
}

function trouser(random: Random): Part[] {
  const waist = random.between(0.26, 0.36);
  const hip = waist + random.between(0.02, 0.1);
  const ankle = random.between(0.14, 0.24);
  const apart = random.between(0.04, 0.16);
  const crotch = random.between(-0.35, -0.1);
  const leg: Polygon = [0, -0.9, waist, -0.9, hip, crotch, apart + ankle, 0.9, apart, 0.9, 0.02, crotch];
  return [whole(leg), whole(mirrored(leg))];
}

function longSleeved(random: Random): Top {
  const base = shoulders(random);
  return {
    ...base,
    hem: base.chest + random.between(-0.04, 0.08),
    bottom: random.between(0.6, 0.85),
    sleeve: random.between(1.1, 1.5),
    spread: random.between(0.12, 0.3),
    cuff: random.between(0.12, 0.2),
  };
}

function pullover(random: Random): Part[] {
  const top = longSleeved(random);
  const { hem, bottom } = top;
  const band: Part = {
    polygon: [-hem, bottom - 0.12, hem, bottom - 0.12, hem, bottom, -hem, bottom],
    shade: random.between(0.7, 0.95),
  };
  return [...topParts(top), band];
}

function dress(random: Random): Part[] {
  const shoulder = random.between(0.22, 0.34);
  const waist = random.between(0.16, 0.26);
  const hem = waist + random.between(0.08, 0.36);
  const waistAt = random.between(-0.3, 0);
  const body = symmetric([
    random.between(0.08, 0.18),
    -0.9,
    shoulder,
    -0.82,
    shoulder - 0.04,
    -0.5,
    waist,
    waistAt,
    hem,
    0.9,
  ]);
  if (random.float() < 0.6) return [whole(body), collar(random, random.between(0.1, 0.3))];
  const reach = random.between(0.2, 0.8);
  const arm: Polygon = [
    shoulder - 0.05,
    -0.82,
    shoulder + 0.16,
    -0.7 + reach,
    shoulder + 0.04,
    -0.66 + reach,
    shoulder - 0.06,
    -0.5,
  ];
  return [whole(body), whole(arm, 0.95), whole(mirrored(arm), 0.95)];
}

function coat(random: Random): Part[] {
  const top = { ...longSleeved(random), bottom: random.between(0.72, 0.95) };
  const opening = placket(random, -0.8, top.bottom, random.between(0.02, 0.05));
  const depth = random.between(0.15, 0.4);
  return [...topParts(top), opening, collar(random, depth)];
}

function shirt(random: Random): Part[] {
  const long = random.float() < 0.65;
  const top = longSleeved(random);
  const sleeve = long ? top.sleeve : random.between(0.4, 0.7);
  const parts = topParts({ ...top, sleeve, spread: long ? top.spread : random.between(0.2, 0.34) });
  const opening = placket(random, -0.75, random.between(0.1, top.bottom), 0.015);
  return [...parts, opening, collar(random, random.between(0.06, 0.2))];
}

/** Shoes point to the right; half of them are turned around afterwards. */
function sandal(random: Random): Part[] {
  const heel = random.between(0, 0.45);
  const top = 0.35 - heel;
  const sole: Polygon = [
    -0.85,
    top,
    -0.6,
    top + 0.02,
    0.1,
    0.42,
    0.85,
    0.42,
    0.88,
    0.55,
    0,
    0.56,
    -0.62,
    top + 0.16,
    -0.68,
    0.55,
    -0.82,
    0.55,
  ];
  const parts = [whole(sole)];
  const straps = 2 + random.int(3);
  for (let i = 0; i < straps; i++) {
    const at = -0.6 + (1.2 * (i + random.float())) / straps;
    const lean = random.between(-0.25, 0.25);
    const width = random.between(0.05, 0.09);
    const height = random.between(0.25, 0.6);
    const base = at < 0.1 ? top + (0.42 - top) * ((at + 0.6) / 0.7) + 0.08 : 0.46;
    parts.push(
      whole(
        [at - width, base, at + width, base, at + lean + width, base - height, at + lean - width, base - height],
        random.between(0.8, 1.1),
      ),
    );
  }
  return parts;
}

function shoe(random: Random, collarHeight: number): Part[] {
  const toe = random.between(0.1, 0.3);
  const throat = random.between(-0.15, 0.15);
  const upper: Polygon = [
    -0.85,
    0.45,
    -0.82,
    collarHeight,
    -0.5,
    collarHeight - 0.05,
    throat - 0.1,
    collarHeight + 0.05,
    throat + 0.2,
    toe - 0.1,
    0.7,
    toe,
    0.9,
    0.45,
  ];
  const thick = random.between(0.08, 0.18);
  const sole: Part = {
    polygon: [-0.88, 0.42, 0.92, 0.42, 0.9, 0.42 + thick, -0.86, 0.42 + thick],
    shade: random.between(0.5, 1.3),
  };
  return [whole(upper), sole];
}

function sneaker(random: Random): Part[] {
  const parts = shoe(random, random.between(-0.3, 0));
  const at = random.between(-0.4, 0.1);
  const stripe: Polygon = [at, 0.35, at + 0.12, 0.35, at + 0.3, 0, at + 0.18, 0];
  return [...parts, { polygon: stripe, shade: random.between(0.4, 1.4) }];
}

function ankleBoot(random: Random): Part[] {
  const parts = shoe(random, random.between(-0.85, -0.42));
  const heel = random.between(0, 0.3);
  return [...parts, whole([-0.86, 0.45, -0.5, 0.45, -0.55, 0.5 + heel, -0.84, 0.5 + heel], 0.9)];
}

function bag(random: Random): Part[] {
  const width = random.between(0.55, 0.85);
  const top = random.between(-0.35, 0.05);
  const taper = random.between(-0.12, 0.12);
  const body = symmetric([width + taper, top, width - taper, random.between(0.55, 0.8)]);
  const parts = [whole(body)];
  const reach = random.between(0.2, 0.45);
  const height = top - random.between(0.15, 0.55);
  const strap = random.between(0.04, 0.09);
  if (random.float() < 0.8) {
    const half: Polygon = [
      0,
      height,
      reach * 0.7,
      height,
      reach,
      top + 0.02,
      reach - strap,
      top + 0.02,
      reach * 0.7 - strap,
      height + strap,
      0,
      height + strap,
    ];
    parts.push(whole(half, 0.9), whole(mirrored(half), 0.9));
  }
  if (random.float() < 0.6) {
    const flap = top + random.between(0.1, 0.3);
    parts.push({
      polygon: [-width, flap, width, flap, width, flap + 0.05, -width, flap + 0.05],
      shade: random.between(0.4, 0.8),
    });
  }
  return parts;
}

const GARMENTS: readonly ((random: Random) => Part[])[] = [
  tShirt,
  trouser,
  pullover,
  dress,
  coat,
  sandal,
  shirt,
  sneaker,
  bag,
  ankleBoot,
];

/** Sub-scanlines per row of pixels. */
const LINES = 4;

/** Adds the share of each pixel that lies within a polygon. */
function coverage(polygon: Polygon, into: Float64Array): void {
  into.fill(0);
  const corners = polygon.length / 2;
  const crossings: number[] = [];
  for (let line = 0; line < SIDE * LINES; line++) {
    const y = (line + 0.5) / LINES;
    crossings.length = 0;
    for (let i = 0; i < corners; i++) {
      const j = i + 1 === corners ? 0 : i + 1;
      const y0 = polygon[2 * i + 1]!;
      const y1 = polygon[2 * j + 1]!;
      if (y0 <= y === y1 <= y) continue;
      const x0 = polygon[2 * i]!;
      crossings.push(x0 + ((y - y0) / (y1 - y0)) * (polygon[2 * j]! - x0));
    }
    if (crossings.length === 0) continue;
    crossings.sort((a, b) => a - b);
    const row = Math.floor(line / LINES) * SIDE;
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const left = Math.max(0, crossings[k]!);
      const right = Math.min(SIDE, crossings[k + 1]!);
      const last = Math.min(SIDE - 1, Math.floor(right));
      for (let x = Math.floor(left); x <= last; x++) {
        const share = Math.min(right, x + 1) - Math.max(left, x);
        if (share > 0) into[row + x] = into[row + x]! + share / LINES;
      }
    }
  }
}

/** Where the corners of a garment come to lie: turned, leant, stretched, moved. */
function pose(random: Random, turnAround: boolean): (polygon: Polygon) => Polygon {
  // With t the tangent of half the angle, sine and cosine need no transcendental function.
  const t = random.between(-1, 1) * random.between(0, 0.13);
  const cosine = (1 - t * t) / (1 + t * t);
  const sine = (2 * t) / (1 + t * t);
  const flip = turnAround && random.float() < 0.5 ? -1 : 1;
  const scaleX = flip * 12.5 * random.between(0.72, 1.04);
  const scaleY = 12.5 * random.between(0.78, 1.04);
  const lean = random.between(-0.12, 0.12);
  const centreX = 14 + random.between(-2, 2);
  const centreY = 14 + random.between(-2, 2);
  return (polygon) => {
    const placed: number[] = [];
    for (let i = 0; i < polygon.length; i += 2) {
      const x = (polygon[i]! + lean * polygon[i + 1]!) * scaleX;
      const y = polygon[i + 1]! * scaleY;
      placed.push(centreX + cosine * x - sine * y, centreY + sine * x + cosine * y);
    }
    return placed;
  };
}

/** Cloth: plain, or with stripes across or along, or blotched. Gives a factor for each pixel. */
function cloth(random: Random): (x: number, y: number) => number {
  const kind = random.float();
  const depth = random.between(0.3, 0.8);
  const period = 3 + random.int(5);
  const phase = random.int(period);
  const half = period / 2;
  if (kind < 0.15) return (_, y) => ((y + phase) % period < half ? 1 : 1 - depth);
  if (kind < 0.25) return (x) => ((x + phase) % period < half ? 1 : 1 - depth);
  if (kind < 0.4) return (x, y) => ((x + phase) % period < half === (y + phase) % period < half ? 1 : 1 - depth);
  const slopeX = random.between(-0.02, 0.02);
  const slopeY = random.between(-0.02, 0.02);
  return (x, y) => 1 + slopeX * (x - 14) + slopeY * (y - 14);
}

const areaOf = new Float64Array(PIXELS);

/** Draws one garment of class `label` over whatever is on the canvas. */
export function drawGarment(label: number, random: Random, canvas: Canvas): void {
  canvas.fill(0);
  const parts = GARMENTS[label]!(random);
  const place = pose(random, label === 5 || label === 7 || label === 9);
  const brightness = random.between(70, 250);
  const pattern = cloth(random);
  for (const { polygon, shade } of parts) {
    coverage(place(polygon), areaOf);
    for (let pixel = 0; pixel < PIXELS; pixel++) {
      const share = Math.min(1, areaOf[pixel]!);
      if (share === 0) continue;
      const value = brightness * shade * pattern(pixel % SIDE, Math.floor(pixel / SIDE));
      canvas[pixel] = canvas[pixel]! * (1 - share) + value * share;
    }
  }
  addNoise(random, canvas);
}

/** Grain on the cloth, and now and then a patch that is covered. */
function addNoise(random: Random, canvas: Canvas): void {
  const grain = random.between(4, 30);
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    if (canvas[pixel]! > 0) canvas[pixel] = canvas[pixel]! + grain * (random.float() + random.float() - 1);
  }
  if (random.float() < 0.3) {
    const width = 2 + random.int(6);
    const height = 2 + random.int(6);
    const left = random.int(SIDE - width);
    const top = random.int(SIDE - height);
    for (let y = top; y < top + height; y++) {
      for (let x = left; x < left + width; x++) canvas[y * SIDE + x] = 0;
    }
  }
}
