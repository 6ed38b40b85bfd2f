export { type AugmentOptions, augmentImages, type ImageBatch } from "./augment.ts";
export { californiaHousing, type TabularSample, type TabularSet } from "./catalog/california-housing.ts";
export { FASHION_CLASS_NAMES, fashionMnist } from "./catalog/fashion-mnist.ts";
export {
  addingProblem,
  type BlobOptions,
  blobs,
  type ClassifiedPoint,
  circles,
  type GeneratorOptions,
  linearlySeparable,
  moons,
  type NoisyOptions,
  noisySine,
  parity,
  type RegressionSample,
  type SeparableOptions,
  type SpiralOptions,
  spirals,
} from "./catalog/generated.ts";
export type { ImageSet, ImageSetOptions, LabelledImage } from "./catalog/idx-sets.ts";
export { type ClassifiedSet, iris, irisLike } from "./catalog/iris.ts";
export type { DataOrigin, LocateOptions } from "./catalog/locate.ts";
export { type IdxImageSetOptions, idxImageSet, kmnist, mnist } from "./catalog/mnist.ts";
export { type SyntheticFashionOptions, syntheticFashion } from "./catalog/synthetic-fashion.ts";
export type { CsvCell, CsvColumn, CsvType } from "./csv/cells.ts";
export type { CsvEncoding } from "./csv/decode.ts";
export type { CsvOptions } from "./csv/options.ts";
export { CsvDataset, type CsvRecord, CsvSamples, readCsv } from "./csv/read.ts";
export {
  type BatchOptions,
  Dataset,
  type DatasetIterator,
  type IterateOptions,
  type MapOptions,
  type Position,
  type ShuffleOptions,
  type SplitOptions,
} from "./dataset.ts";
export { type DownloadProgress, progressBar } from "./download.ts";
export {
  ArgumentError,
  type Attempt,
  CsvError,
  DataError,
  type DataErrorFields,
  DataUnavailableError,
  IdxError,
  PipelineError,
  SourceError,
} from "./errors.ts";
export type { IdxArray, IdxArrays, IdxElementType } from "./idx/format.ts";
export { IdxDataset, type ReadIdxOptions, readIdx } from "./idx/read.ts";
export { encodeIdx, type WriteIdxOptions, writeIdx } from "./idx/write.ts";
export type { NdArray, TypedArray } from "./nd-array.ts";
export type { WindowOptions } from "./pipeline/batch.ts";
export type { InterleaveOptions } from "./pipeline/combine.ts";
export type { MaybePromise } from "./pipeline/cursor.ts";
export type { Elements } from "./pipeline/origins.ts";
export type { Batched, Columns, RowOf, Unbatched } from "./pipeline/structure.ts";
export type { Address, BlobLike, ResponseLike, Signal } from "./platform-types.ts";
export { Random } from "./random.ts";
export { type ByteStream, openSource, readAll, type Source, type SourceOptions } from "./source.ts";
export {
  type EncodedColumn,
  type EncodedRecord,
  type EncodeOptions,
  type EncoderJson,
  type FitOptions,
  fitEncoder,
  type MissingPolicy,
  TableEncoder,
  type TableRecord,
} from "./table/encoder.ts";
