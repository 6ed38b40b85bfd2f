import { type ImageSet, type ImageSetOptions, loadImageSet, mnistFiles } from "./idx-sets.ts";

/** What the ten class numbers of Fashion-MNIST stand for. */
export const FASHION_CLASS_NAMES: readonly string[] = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/**
 * Fashion-MNIST: 60,000 training and 10,000 test images of garments, 28 × 28 pixels from 0 to 255, in ten classes
 * (Xiao, Rasul and Vollgraf 2017, MIT licence).
 *
 * The files are looked for in `directory`, then in `fashion-mnist` under `GRADIENTE_DATA`, then in the cache, and then
 * downloaded (31 MB) with checksums.
 *
 * @example
 * const { train, test, classNames, source } = await fashionMnist();
 * const { x, y } = await train.toArrays(); // uint8 [60000, 28, 28] and uint8 [60000]
 * for await (const batch of train.shuffle(10_000, { seed: 7 }).batch(32).prefetch(2)) {
 *   console.log(batch.x.shape, batch.y.shape); // [32, 28, 28] [32]
 * }
 * @throws DataUnavailableError when the files are nowhere to be had; it lists every place that was tried.
 * @throws IdxError or SourceError when a file is damaged.
 */
export async function fashionMnist(options: ImageSetOptions = {}): Promise<ImageSet> {
  return loadImageSet(
    "fashionMnist",
    {
      title: "Fashion-MNIST",
      folder: "fashion-mnist",
      classNames: FASHION_CLASS_NAMES,
      files: mnistFiles({
        "train-images-idx3-ubyte.gz": {
          sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
          bytes: 26_421_880,
        },
        "train-labels-idx1-ubyte.gz": {
          sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
          bytes: 29_515,
        },
        "t10k-images-idx3-ubyte.gz": {
          sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
          bytes: 4_422_102,
        },
        "t10k-labels-idx1-ubyte.gz": {
          sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
          bytes: 5_148,
        },
      }),
      baseUrls: [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
      ],
    },
    options,
  );
}
