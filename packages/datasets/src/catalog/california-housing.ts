import type { CsvOptions } from "../csv/options.ts";
import { readCsv } from "../csv/read.ts";
import { Dataset } from "../dataset.ts";
import { DataError, requireKnownOptions } from "../errors.ts";
import type { NdArray } from "../nd-array.ts";
import { readAll, type Source } from "../source.ts";
import { type DataOrigin, LOCATE_OPTIONS, type LocateOptions, locate } from "./locate.ts";
import { fileFromTar } from "./tar.ts";

/** A row of features, float64 [features], and what is to be predicted, float64 []. */
export interface TabularSample {
  readonly x: NdArray<Float64Array>;
  readonly y: NdArray<Float64Array>;
}

export interface TabularSet {
  readonly data: Dataset<TabularSample>;
  readonly featureNames: readonly string[];
  readonly targetName: string;
  /** Where the file was found. */
  readonly source: DataOrigin;
}

const FEATURES: readonly string[] = [
  "MedInc",
  "HouseAge",
  "AveRooms",
  "AveBedrms",
  "Population",
  "AveOccup",
  "Latitude",
  "Longitude",
];
const TARGET = "MedHouseVal";

/** The columns of the archive's file, which has no header. */
const ARCHIVE_COLUMNS: readonly string[] = [
  "longitude",
  "latitude",
  "housingMedianAge",
  "totalRooms",
  "totalBedrooms",
  "population",
  "households",
  "medianIncome",
  "medianHouseValue",
];

type Row = readonly number[];

async function readRows(source: Source, names: readonly string[], header: CsvOptions["header"]): Promise<Row[]> {
  const types = Object.fromEntries(names.map((name) => [name, "number"] as const));
  const csv = await readCsv(source, { columns: names, types, header: header ?? true });
  const rows: Row[] = [];
  for await (const record of csv) rows.push(names.map((name) => record[name] as number));
  return rows;
}

/** From totals per district to averages per household and hundreds of thousands of dollars, as scikit-learn does. */
function fromTotals(row: Row): Row {
  const [longitude, latitude, age, rooms, bedrooms, population, households, income, value] = row as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return [
    income,
    age,
    rooms / households,
    bedrooms / households,
    population,
    population / households,
    latitude,
    longitude,
    value / 100_000,
  ];
}

/**
 * California housing: 20,640 districts of the 1990 census, eight features, and the median house value in units of
 * 100,000 dollars (Pace and Barry 1997), with the columns of scikit-learn, from its CSV or from the original archive.
 * Looked for in folders named `california-housing`; options and errors as for {@link fashionMnist}.
 *
 * @example
 * const { data, featureNames } = await californiaHousing();
 * const [train, test] = data.split(0.8, { seed: 1 });
 * const { x, y } = await train.toArrays(); // float64 [16512, 8] and [16512]
 */
export async function californiaHousing(options: LocateOptions = {}): Promise<TabularSet> {
  requireKnownOptions("californiaHousing", options, LOCATE_OPTIONS);
  const { files, origin } = await locate(
    {
      title: "California housing",
      folder: "california-housing",
      files: [
        {
          name: "cal_housing.tgz",
          alternatives: ["california_housing_sklearn.csv", "california_housing.csv", "cal_housing.data"],
          sha256: "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681",
          bytes: 441_963,
          urls: [
            "https://ndownloader.figshare.com/files/5976036",
            "https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.tgz",
          ],
        },
      ],
      baseUrls: [],
    },
    options,
  );
  const { source, name } = files[0]!;
  let rows: Row[];
  if (name.endsWith(".csv")) rows = await readRows(source, [...FEATURES, TARGET], true);
  else {
    const bytes = name.endsWith(".tgz")
      ? fileFromTar(await readAll(source), "CaliforniaHousing/cal_housing.data", name)
      : source;
    rows = (await readRows(bytes, ARCHIVE_COLUMNS, ARCHIVE_COLUMNS)).map(fromTotals);
  }
  if (rows.length === 0) throw new DataError("the file has no rows", { file: name });
  const x = new Float64Array(rows.length * FEATURES.length);
  const y = new Float64Array(rows.length);
  for (const [i, row] of rows.entries()) {
    x.set(row.slice(0, FEATURES.length), i * FEATURES.length);
    y[i] = row[FEATURES.length]!;
  }
  return {
    data: Dataset.fromArrays({
      x: { data: x, shape: [rows.length, FEATURES.length] },
      y: { data: y, shape: [rows.length] },
    }),
    featureNames: FEATURES,
    targetName: TARGET,
    source: origin,
  };
}
