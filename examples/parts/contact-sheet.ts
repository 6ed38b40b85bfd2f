/** Images with what a network says of them, as SVG and in the terminal. */

export interface Sighting {
  /** Brightness from 0 to 255, row by row. */
  readonly pixels: Uint8Array;
  readonly side: number;
  /** Probability of each class. */
  readonly probabilities: readonly number[];
  readonly classNames: readonly string[];
  /** The class it really is. */
  readonly truth: number;
}

interface Guess {
  readonly name: string;
  readonly probability: number;
}

/** The most probable classes first. */
export function guesses({ probabilities, classNames }: Sighting, count: number): Guess[] {
  return probabilities
    .map((probability, index) => ({ name: classNames[index] ?? String(index), probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}

const percent = (probability: number): string => `${(100 * probability).toFixed(1)} %`;

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);

/** Draws the images side by side, each with its three most probable classes and the true one. */
export function drawSheet(sightings: readonly Sighting[]): string {
  const [pixel, gap, textHeight] = [7, 24, 112];
  const cards = sightings.map((sighting, index) => {
    const { pixels, side, classNames, truth } = sighting;
    const size = side * pixel;
    const rows: string[] = [];
    for (let row = 0; row < side; row++) {
      // Neighbours of one brightness are one rectangle.
      for (let column = 0, start = 0; column < side; column = start) {
        const value = pixels[row * side + column]!;
        start = column + 1;
        while (start < side && pixels[row * side + start] === value) start++;
        if (value === 0) continue;
        const ink = 255 - value;
        rows.push(
          `<rect x="${column * pixel}" y="${row * pixel}" width="${(start - column) * pixel}" height="${pixel}" fill="rgb(${ink},${ink},${ink})"/>`,
        );
      }
    }
    const [best, ...others] = guesses(sighting, 3);
    const bar = (guess: Guess, y: number, weight: string): string =>
      `<rect x="0" y="${y - 12}" width="${(size * guess.probability).toFixed(1)}" height="16" fill="#cfe3ff"/>` +
      `<text x="4" y="${y}" font-weight="${weight}">${escape(guess.name)}</text>` +
      `<text x="${size - 4}" y="${y}" text-anchor="end">${percent(guess.probability)}</text>`;
    return [
      `<g transform="translate(${gap + index * (size + gap)} ${gap})">`,
      `<g shape-rendering="crispEdges"><rect width="${size}" height="${size}" fill="#ffffff" stroke="#999999"/>`,
      ...rows,
      "</g>",
      `<g transform="translate(0 ${size + 22})">`,
      best ? bar(best, 0, "bold") : "",
      ...others.map((guess, i) => bar(guess, 20 * (i + 1), "normal")),
      `<text x="4" y="66" fill="#666666">is: ${escape(classNames[truth] ?? String(truth))}</text>`,
      "</g></g>",
    ].join("\n");
  });
  const size = (sightings[0]?.side ?? 0) * pixel;
  const [width, height] = [gap + sightings.length * (size + gap), size + gap + textHeight];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...cards,
    "</svg>\n",
  ].join("\n");
}

/** The images side by side, two pixels in each character: in greys where colour is possible, else as shades. */
export function printSheet(sightings: readonly Sighting[], colour: boolean): string {
  const shades = " .:-=+*#%@";
  const lines: string[] = [];
  const height = Math.max(0, ...sightings.map(({ side }) => Math.ceil(side / 2)));
  for (let line = 0; line < height; line++) {
    const parts = sightings.map(({ pixels, side }) => {
      let text = "";
      for (let column = 0; column < side; column++) {
        const top = pixels[2 * line * side + column] ?? 0;
        const bottom = pixels[(2 * line + 1) * side + column] ?? 0;
        text += colour
          ? `\x1b[38;2;${top};${top};${top}m\x1b[48;2;${bottom};${bottom};${bottom}m▀`
          : shades[Math.round((((top + bottom) / 2) * (shades.length - 1)) / 255)];
      }
      return colour ? `${text}\x1b[0m` : text;
    });
    lines.push(parts.join("    "));
  }
  const width = (sightings[0]?.side ?? 0) + 4;
  for (let rank = 0; rank < 3; rank++) {
    const cells = sightings.map((sighting) => {
      const guess = guesses(sighting, 3)[rank];
      return (guess ? `${guess.name} ${percent(guess.probability)}` : "").padEnd(width);
    });
    lines.push(cells.join("").trimEnd());
  }
  lines.push(
    sightings
      .map(({ classNames, truth }) => `(is: ${classNames[truth]})`.padEnd(width))
      .join("")
      .trimEnd(),
  );
  return lines.join("\n");
}
