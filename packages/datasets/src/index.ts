export { FASHION_CLASS_NAMES, fashionMnist } from "./catalog/fashion-mnist.ts";
export type { ImageSet, ImageSetOptions, LabelledImage } from "./catalog/idx-sets.ts";
export type { DataOrigin, LocateOptions } from "./catalog/locate.ts";
export { type SyntheticFashionOptions, syntheticFashion } from "./catalog/synthetic-fashion.ts";
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
export { Random } from "./random.ts";
export { type ByteStream, openSource, readAll, type Source, type SourceOptions } from "./source.ts";
