import type { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { maskedCrc32c } from "./crc32c.ts";

/** The parts of the protobuf library that events are written with. */
export interface Wire {
  readonly BinaryWriter: typeof BinaryWriter;
  readonly WireType: typeof WireType;
}

/** How often values lie in each of a row of intervals. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly sum: number;
  readonly sumSquares: number;
  /** The upper end of each interval, and how many values are in it. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/** What one event says. */
export type EventContent =
  | { readonly kind: "version" }
  | { readonly kind: "scalar"; readonly tag: string; readonly value: number }
  | { readonly kind: "histogram"; readonly tag: string; readonly histogram: Histogram }
  /** A model's configuration, as Keras writes it. */
  | { readonly kind: "model"; readonly tag: string; readonly json: string };

/** An event as event files contain it. */
export interface SummaryEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly content: EventContent;
}

/** Numbers of fields, from TensorFlow's event.proto, summary.proto, histogram.proto and tensor.proto. */
const event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const summary = { value: 1 } as const;
const value = { tag: 1, simpleValue: 2, histogram: 5, tensor: 8, metadata: 9 } as const;
const histogramFields = { min: 1, max: 2, count: 3, sum: 4, sumSquares: 5, limits: 6, counts: 7 } as const;
const tensorFields = { dtype: 1, shape: 2, strings: 8 } as const;
const metadataFields = { pluginData: 1, dataClass: 4 } as const;
const pluginData = { name: 1, content: 2 } as const;
const stringType = 7;
/** Data classes of summaries. */
const tensorClass = 2;

/** The protobuf bytes of an event. */
export function encodeEvent({ wallTime, step, content }: SummaryEvent, { BinaryWriter, WireType }: Wire): Uint8Array {
  const writer = new BinaryWriter();
  const double = (field: number, number: number) => writer.tag(field, WireType.Bit64).double(number);
  const varint = (field: number, number: number) => writer.tag(field, WireType.Varint).int64(number);
  const text = (field: number, given: string) => writer.tag(field, WireType.LengthDelimited).string(given);
  const message = (field: number, write: () => void): void => {
    writer.tag(field, WireType.LengthDelimited).fork();
    write();
    writer.join();
  };
  const doubles = (field: number, numbers: readonly number[]): void =>
    message(field, () => {
      for (const number of numbers) writer.double(number);
    });

  double(event.wallTime, wallTime);
  if (step !== 0) varint(event.step, step);
  if (content.kind === "version") {
    text(event.fileVersion, "brain.Event:2");
    return writer.finish();
  }
  message(event.summary, () =>
    message(summary.value, () => {
      text(value.tag, content.tag);
      if (content.kind === "scalar") writer.tag(value.simpleValue, WireType.Bit32).float(content.value);
      if (content.kind === "histogram") {
        const { min, max, count, sum, sumSquares, limits, counts } = content.histogram;
        message(value.histogram, () => {
          for (const [field, number] of Object.entries({ min, max, count, sum, sumSquares })) {
            double(histogramFields[field as keyof typeof histogramFields], number);
          }
          doubles(histogramFields.limits, limits);
          doubles(histogramFields.counts, counts);
        });
      }
      if (content.kind === "model") {
        message(value.tensor, () => {
          varint(tensorFields.dtype, stringType);
          message(tensorFields.shape, () => {}); // a scalar
          text(tensorFields.strings, content.json);
        });
        message(value.metadata, () => {
          message(metadataFields.pluginData, () => {
            text(pluginData.name, "graph_keras_model");
            text(pluginData.content, "1"); // the version of this kind of data
          });
          varint(metadataFields.dataClass, tensorClass);
        });
      }
    }),
  );
  return writer.finish();
}

/** A record of a TFRecord file: its length, the data, and a checksum of each. */
export function framed(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return record;
}

/** A histogram of `bins` intervals of equal width. Values that are not finite are left out. */
export function histogramOf(values: ArrayLike<number>, bins: number = 30): Histogram {
  let [min, max, count, sum, sumSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (!Number.isFinite(v)) continue;
    min = Math.min(min, v);
    max = Math.max(max, v);
    count++;
    sum += v;
    sumSquares += v * v;
  }
  if (count === 0) return { min: 0, max: 0, count, sum, sumSquares, limits: [0], counts: [0] };
  if (min === max) return { min, max, count, sum, sumSquares, limits: [min + 0.5], counts: [count] };
  const width = (max - min) / bins;
  const counts = Array.from({ length: bins }, () => 0);
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (Number.isFinite(v)) counts[Math.min(bins - 1, Math.floor((v - min) / width))]!++;
  }
  const limits = counts.map((_, k) => (k === bins - 1 ? max : min + (k + 1) * width));
  return { min, max, count, sum, sumSquares, limits, counts };
}
