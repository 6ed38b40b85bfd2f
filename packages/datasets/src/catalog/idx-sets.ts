import { Dataset } from "../dataset.ts";
import { IdxError, requireKnownOptions } from "../errors.ts";
import { type IdxDataset, readIdx } from "../idx/read.ts";
import type { NdArray } from "../nd-array.ts";
import type { Signal } from "../platform-types.ts";
import {
  type CatalogFile,
  type DataOrigin,
  type FileSet,
  LOCATE_OPTIONS,
  type LocatedFile,
  type LocateOptions,
  locate,
} from "./locate.ts";

/** One image, uint8 [height, width] with 0 for black, and the number of its class, uint8 []. */
export interface LabelledImage {
  readonly x: NdArray<Uint8Array>;
  readonly y: NdArray<Uint8Array>;
}

/** Images to train with and images to test with. */
export interface ImageSet {
  readonly train: Dataset<LabelledImage>;
  readonly test: Dataset<LabelledImage>;
  /** What the class numbers stand for. */
  readonly classNames: readonly string[];
  /** Where the files were found. */
  readonly source: DataOrigin;
}

export interface ImageSetOptions extends LocateOptions {
  /** Read the images from their files in every pass instead of keeping them in memory; default false. */
  readonly stream?: boolean;
}

export interface ImageSetDescription extends FileSet {
  readonly classNames: readonly string[];
}

/** Four files in the customary order; checksums by file name. */
export function mnistFiles(
  checksums: Readonly<Record<string, Omit<CatalogFile, "name" | "alternatives">>> = {},
  prefix: { readonly train: string; readonly test: string } = { train: "train", test: "t10k" },
): CatalogFile[] {
  return [prefix.train, prefix.test].flatMap((part) =>
    ["images-idx3-ubyte", "labels-idx1-ubyte"].map((kind) => {
      const name = `${part}-${kind}.gz`;
      // Unpacked files are often found under either of two names.
      const alternatives = [`${part}-${kind}`, `${part}-${kind.replace("-idx", ".idx")}`];
      return { name, alternatives, ...checksums[name] };
    }),
  );
}

async function openPair(
  imagesFile: LocatedFile,
  labelsFile: LocatedFile,
  classes: number,
  options: { readonly stream: boolean; readonly signal: Signal | undefined },
): Promise<Dataset<LabelledImage>> {
  const { signal } = options;
  const open = ({ source, name }: LocatedFile): Promise<IdxDataset<Uint8Array>> =>
    readIdx(source, { elementType: "uint8", name, ...(signal && { signal }) });
  const images = await open(imagesFile);
  const labels = await open(labelsFile);
  requireRank(images, 3, "[count, height, width]");
  requireRank(labels, 1, "[count]");
  if (images.size !== labels.size) {
    throw new IdxError("there are not as many labels as images", {
      file: labelsFile.name,
      offset: 4,
      field: "size of axis 0",
      expected: `${images.size}, as in ${imagesFile.name}`,
      found: String(labels.size),
      hint: "The two files do not belong together.",
    });
  }
  const check = (label: number, index: number): void => {
    if (label < classes) return;
    throw new IdxError("a label for which there is no class", {
      file: labelsFile.name,
      offset: 8 + index,
      field: `label ${index}`,
      expected: `0 to ${classes - 1}`,
      found: String(label),
    });
  };
  if (options.stream) {
    return Dataset.zip({ x: images as Dataset<NdArray<Uint8Array>>, y: labels as Dataset<NdArray<Uint8Array>> }).map(
      (sample, index) => {
        check(sample.y.data[0]!, index);
        return sample;
      },
    );
  }
  const y = await labels.toArrays();
  for (const [index, label] of y.data.entries()) check(label, index);
  return Dataset.fromArrays({ x: await images.toArrays(), y });
}

function requireRank(file: IdxDataset, rank: number, meaning: string): void {
  if (file.shape.length === rank) return;
  throw new IdxError("another rank than the data set has", {
    file: file.file,
    offset: 3,
    field: "rank",
    expected: `${rank}, for ${meaning}`,
    found: `${file.shape.length}, with sizes [${file.shape.join(", ")}]`,
  });
}

/** Opens four IDX files: training images and labels, test images and labels. */
export async function openImageSet(
  files: readonly LocatedFile[],
  classNames: readonly string[],
  source: DataOrigin,
  options: { readonly stream: boolean; readonly signal: Signal | undefined },
): Promise<ImageSet> {
  const [trainImages, trainLabels, testImages, testLabels] = files as [
    LocatedFile,
    LocatedFile,
    LocatedFile,
    LocatedFile,
  ];
  return {
    train: await openPair(trainImages, trainLabels, classNames.length, options),
    test: await openPair(testImages, testLabels, classNames.length, options),
    classNames,
    source,
  };
}

export const IMAGE_SET_OPTIONS: readonly string[] = [...LOCATE_OPTIONS, "stream"];

/** Finds, downloads if need be, and opens a data set of labelled images. */
export async function loadImageSet(
  call: string,
  description: ImageSetDescription,
  options: ImageSetOptions,
): Promise<ImageSet> {
  requireKnownOptions(call, options, IMAGE_SET_OPTIONS);
  const { files, origin } = await locate(description, options);
  return openImageSet(files, description.classNames, origin, {
    stream: options.stream ?? false,
    signal: options.signal,
  });
}
