import type { CsvOptions } from "../csv/options.ts";
import { readCsv } from "../csv/read.ts";
import type { Dataset } from "../dataset.ts";
import { ArgumentError, requireKnownOptions } from "../errors.ts";
import type { Source } from "../source.ts";
import type { EncodedRecord } from "../table/encoder.ts";
import { type DataOrigin, LOCATE_OPTIONS, type LocateOptions, locate } from "./locate.ts";

/** Measurements and the class they belong to: `x` float64 [features], `y` int32 []. */
export interface ClassifiedSet {
  readonly data: Dataset<EncodedRecord>;
  readonly featureNames: readonly string[];
  readonly classNames: readonly string[];
}

/**
 * A CSV file of measurements with a column of class names, like the iris data: numbers in, class number out.
 *
 * @example
 * const { data, classNames } = await irisLike("penguins.csv", { target: "species" });
 * @throws ArgumentError when the target holds numbers; use `readCsv` for those.
 */
export async function irisLike(
  source: Source,
  options: CsvOptions & { readonly target: string },
): Promise<ClassifiedSet> {
  const samples = await readCsv(source, { ...options, types: { [options.target]: "category", ...options.types } });
  const classNames = samples.encoder.targetCategories;
  if (classNames === undefined) {
    throw new ArgumentError("the target is not a column of class names", { field: options.target });
  }
  return { data: samples, featureNames: samples.encoder.featureNames, classNames };
}

const IRIS_COLUMNS: readonly string[] = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"];

/**
 * The iris data: 150 flowers of three species, four lengths in centimetres (Fisher 1936). Looked for in folders named
 * `iris`; options and errors as for {@link fashionMnist}.
 *
 * @example
 * const { data, classNames } = await iris(); // ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]
 */
export async function iris(options: LocateOptions = {}): Promise<ClassifiedSet & { readonly source: DataOrigin }> {
  requireKnownOptions("iris", options, LOCATE_OPTIONS);
  const { files, origin } = await locate(
    {
      title: "Iris",
      folder: "iris",
      files: [
        { name: "iris.data", sha256: "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0", bytes: 4551 },
      ],
      baseUrls: ["https://archive.ics.uci.edu/ml/machine-learning-databases/iris/"],
    },
    options,
  );
  const set = await irisLike(files[0]!.source, { target: "species", header: IRIS_COLUMNS });
  return { ...set, source: origin };
}
