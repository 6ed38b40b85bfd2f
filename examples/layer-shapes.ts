/** Shapes of a network with 10 inputs, 50 hidden neurons and 3 outputs, for a batch of m samples. */
import { randn, relu } from "@gradiente/autograd";
import { Dense, Sequential } from "@gradiente/nn";
import { topic } from "./parts/topic.ts";

/** Matrices as rectangles to scale, with what is between them. */
function drawProducts(lines: readonly (readonly (string | readonly [string, number, number])[])[]): string {
  const unit = 4;
  const lineHeight = 270;
  let width = 0;
  const drawn = lines.flatMap((items, line) => {
    let x = 24;
    const middle = 60 + 110 + line * lineHeight;
    const parts = items.map((item) => {
      if (typeof item === "string") {
        const at = x;
        x += 11 * item.length + 16;
        return `<text x="${at}" y="${middle + 6}" font-size="18">${item}</text>`;
      }
      const [name, rows, columns] = item;
      const [w, h] = [columns * unit, rows * unit];
      // A name needs more room than a narrow matrix has.
      const room = Math.max(w, 64);
      const at = x + (room - w) / 2;
      x += room + 16;
      return [
        `<rect x="${at}" y="${middle - h / 2}" width="${w}" height="${h}" fill="#cfe3ff" stroke="#1f6feb"/>`,
        `<text x="${at + w / 2}" y="${middle - h / 2 - 8}" text-anchor="middle" font-weight="bold">${name}</text>`,
        `<text x="${at + w / 2}" y="${middle + h / 2 + 18}" text-anchor="middle">${rows} × ${columns}</text>`,
      ].join("");
    });
    width = Math.max(width, x + 8);
    return parts;
  });
  const height = 60 + lines.length * lineHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${width / 2}" y="26" text-anchor="middle" font-size="15" font-weight="bold">A batch of m = 32 samples through 10-50-3: rows × columns, to scale</text>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

await topic("layer-shapes", async () => {
  const m = 32;
  const model = new Sequential([
    new Dense(50, { activation: "relu", inputShape: [10], name: "hidden" }),
    new Dense(3, { activation: "relu", name: "output" }),
  ]);
  model.summary();
  const x = randn([m, 10]);
  const [hiddenWeights, hiddenBiases] = model.getLayer("hidden").getWeights();
  const [outputWeights, outputBiases] = model.getLayer("output").getWeights();
  const hidden = relu(x.matmul(hiddenWeights!).add(hiddenBiases!));
  const y = relu(hidden.matmul(outputWeights!).add(outputBiases!));
  const shapes = { X: x, Wh: hiddenWeights!, bh: hiddenBiases!, Wo: outputWeights!, bo: outputBiases!, Y: y };
  for (const [name, { shape }] of Object.entries(shapes)) console.log(`${name.padEnd(3)} [${shape.join(", ")}]`);
  const difference = y
    .sub(await model.predict(x))
    .abs()
    .max()
    .item();
  console.log(`Y = relu(relu(X Wh + bh) Wo + bo) differs from the model's output by at most ${difference}.`);
  // Biases have one axis: they are added to every row.
  return drawProducts([
    ["relu(", ["X", m, 10], "·", ["Wh", 10, 50], "+", ["bh", 1, 50], ")  =", ["H", m, 50]],
    ["relu(", ["H", m, 50], "·", ["Wo", 50, 3], "+", ["bo", 1, 3], ")  =", ["Y", m, 3]],
  ]);
});
