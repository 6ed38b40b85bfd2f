import { ArgumentError, requireKnownOptions } from "../errors.ts";
import { IMAGE_SET_OPTIONS, type ImageSet, type ImageSetOptions, loadImageSet, mnistFiles } from "./idx-sets.ts";
import type { CatalogFile } from "./locate.ts";

const DIGITS: readonly string[] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/**
 * MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 × 28 pixels from 0 to 255 (LeCun, Cortes and
 * Burges, CC BY-SA 3.0). Looked for in folders named `mnist`; options and errors as for {@link fashionMnist}.
 *
 * @example
 * const { train, test } = await mnist();
 */
export async function mnist(options: ImageSetOptions = {}): Promise<ImageSet> {
  return loadImageSet(
    "mnist",
    {
      title: "MNIST",
      folder: "mnist",
      classNames: DIGITS,
      files: mnistFiles({
        "train-images-idx3-ubyte.gz": { sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609" },
        "train-labels-idx1-ubyte.gz": { sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c" },
        "t10k-images-idx3-ubyte.gz": { sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6" },
        "t10k-labels-idx1-ubyte.gz": { sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6" },
      }),
      baseUrls: [
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
      ],
    },
    options,
  );
}

/**
 * Kuzushiji-MNIST: ten classes of cursive Japanese characters in the shape of MNIST (Clanuwat and others 2018,
 * CC BY-SA 4.0). Looked for in folders named `kmnist`; options and errors as for {@link fashionMnist}.
 *
 * @example
 * const { train, classNames } = await kmnist();
 */
export async function kmnist(options: ImageSetOptions = {}): Promise<ImageSet> {
  return loadImageSet(
    "kmnist",
    {
      title: "Kuzushiji-MNIST",
      folder: "kmnist",
      classNames: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
      files: mnistFiles({
        "train-images-idx3-ubyte.gz": { md5: "bdb82020997e1d708af4cf47b453dcf7" },
        "train-labels-idx1-ubyte.gz": { md5: "e144d726b3acfaa3e44228e80efcd344" },
        "t10k-images-idx3-ubyte.gz": { md5: "5c965bf0a639b31b8f53240b1b52f4d7" },
        "t10k-labels-idx1-ubyte.gz": { md5: "7320c461ea6c1c855c0b718fb2a4b134" },
      }),
      baseUrls: ["https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
    },
    options,
  );
}

export interface IdxImageSetOptions extends ImageSetOptions {
  /** Name of the folder under `GRADIENTE_DATA` and in the cache. */
  readonly folder: string;
  readonly classNames: readonly string[];
  /** What file names begin with; default `{ train: "train", test: "t10k" }`. */
  readonly prefix?: { readonly train: string; readonly test: string };
  /** Checksums by file name; without them downloads are only checked to be whole. */
  readonly checksums?: Readonly<Record<string, Omit<CatalogFile, "name" | "alternatives">>>;
}

/**
 * Any data set in the four files of MNIST, such as the parts of EMNIST. It is downloaded only from `mirrors`.
 *
 * @example
 * const letters = await idxImageSet({
 *   folder: "emnist",
 *   prefix: { train: "emnist-letters-train", test: "emnist-letters-test" },
 *   classNames: ["N/A", ..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"], // labels count from 1
 * });
 */
export async function idxImageSet(options: IdxImageSetOptions): Promise<ImageSet> {
  requireKnownOptions("idxImageSet", options, [...IMAGE_SET_OPTIONS, "folder", "classNames", "prefix", "checksums"]);
  const { folder, classNames, prefix, checksums, ...rest } = options;
  if (typeof folder !== "string" || folder === "" || !Array.isArray(classNames) || classNames.length === 0) {
    throw new ArgumentError("a name and classes are needed", {
      field: typeof folder === "string" && folder !== "" ? "classNames" : "folder",
      expected: "a folder name, and a name for each class",
    });
  }
  const files = mnistFiles(checksums, prefix);
  return loadImageSet("idxImageSet", { title: folder, folder, classNames, files, baseUrls: [] }, rest);
}
