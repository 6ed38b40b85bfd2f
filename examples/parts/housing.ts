/** California housing, divided and standardised. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Tensor, tensor } from "@gradiente/autograd";
import { californiaHousing, DataError, Dataset } from "@gradiente/datasets";

/** Districts: standardised features, float32 [n, 8], and median house values in 100,000 dollars, float32 [n, 1]. */
export interface Districts {
  readonly x: Tensor;
  readonly y: Tensor;
}

export interface Housing {
  readonly train: Districts;
  readonly validation: Districts;
  readonly test: Districts;
  readonly featureNames: readonly string[];
}

type Rows = readonly number[] | Int32Array;

/** Row numbers of a division that lies beside the data; null where there is none. */
async function givenDivision(folder: string, count: number): Promise<readonly [Rows, Rows, Rows] | null> {
  const file = join(folder, "geron_split_indices.json");
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return null;
  const { train, valid, test } = JSON.parse(text) as Record<string, unknown>;
  const isRows = (rows: unknown): rows is number[] =>
    Array.isArray(rows) && rows.length > 0 && rows.every((i) => Number.isInteger(i) && i >= 0 && i < count);
  if (isRows(train) && isRows(valid) && isRows(test)) return [train, valid, test];
  throw new DataError(`its lists of rows do not fit ${count} districts`, { file });
}

/**
 * Loads the districts and divides them: as a file `geron_split_indices.json` beside them says, else by the seed, in the
 * same proportions. Features are standardised with mean and deviation of the training rows: the others are not known
 * when a model is made.
 */
export async function loadHousing(seed: number): Promise<Housing> {
  const { data, featureNames, source } = await californiaHousing();
  const all = await data.toArrays();
  const count = all.y.shape[0]!;
  const given = source.kind === "download" ? null : await givenDivision(source.location, count);
  const how = given === null ? `divided by seed ${seed}` : "divided as the file beside them says";
  console.log(`Data: California housing (${source.kind}, ${source.location}), ${count} districts, ${how}.`);
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const parts = given ?? (await divided(order, seed));

  const features = featureNames.length;
  const raw = parts.map((rows) => {
    const x = Float64Array.from({ length: rows.length * features }, (_, k) => {
      return all.x.data[rows[Math.floor(k / features)]! * features + (k % features)]!;
    });
    return tensor({ data: x, shape: [rows.length, features] });
  });
  const mean = raw[0]!.mean({ axis: 0 });
  const deviation = raw[0]!.sub(mean).square().mean({ axis: 0 }).sqrt();
  const [train, validation, test] = parts.map((rows, i): Districts => {
    const y = Float32Array.from(rows, (row) => all.y.data[row]!);
    const x = raw[i]!.sub(mean).div(deviation).cast("float32");
    return { x, y: tensor({ data: y, shape: [rows.length, 1] }) };
  });
  return { train: train!, validation: validation!, test: test!, featureNames };
}

/** Nine sixteenths, three and four, drawn by the seed. */
async function divided(order: Int32Array, seed: number): Promise<readonly [Rows, Rows, Rows]> {
  const parts = Dataset.fromArrays({ row: order }).split([9 / 16, 3 / 16, 4 / 16], { seed });
  const [train, validation, test] = await Promise.all(parts.map(async (part) => (await part.toArrays()).row.data));
  return [Int32Array.from(train!), Int32Array.from(validation!), Int32Array.from(test!)];
}
