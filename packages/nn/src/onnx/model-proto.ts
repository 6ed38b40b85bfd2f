import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

// The messages of onnx.proto3 (https://github.com/onnx/onnx, version 10 of the format) that an export consists of.

/** A value of an attribute of a node. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] };

/** One operation. An input that is left out is the empty string. */
export interface Node {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A constant: a weight, a shape, a list of axes. */
export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  /** Float32Array is FLOAT, BigInt64Array INT64. */
  readonly data: Float32Array | BigInt64Array;
}

/** An input or output of the graph; lengths that are not fixed have names. */
export interface Port {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/** All that a file says. */
export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly constants: readonly Constant[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

const irVersion = 10;

/** The version of the operators that graphs are written in. */
export const opset = 21;

/** What the format calls element types. */
export const elementType = { float: 1, int64: 7, bool: 9 } as const;

type Fields = (w: BinaryWriter) => void;

function message(w: BinaryWriter, field: number, fields: Fields): void {
  w.tag(field, WireType.LengthDelimited).fork();
  fields(w);
  w.join();
}

const text = (w: BinaryWriter, field: number, value: string): unknown =>
  w.tag(field, WireType.LengthDelimited).string(value);

const whole = (w: BinaryWriter, field: number, value: number): unknown => w.tag(field, WireType.Varint).int64(value);

/** The bytes of an ONNX model. */
export function encodeModel(graph: Graph): Uint8Array<ArrayBuffer> {
  const w = new BinaryWriter();
  whole(w, 1, irVersion);
  text(w, 2, "gradiente");
  message(w, 7, () => writeGraph(w, graph));
  message(w, 8, () => {
    text(w, 1, "");
    whole(w, 2, opset);
  });
  return w.finish();
}

function writeGraph(w: BinaryWriter, graph: Graph): void {
  for (const node of graph.nodes) message(w, 1, () => writeNode(w, node));
  text(w, 2, graph.name);
  for (const constant of graph.constants) message(w, 5, () => writeConstant(w, constant));
  for (const port of graph.inputs) message(w, 11, () => writePort(w, port));
  for (const port of graph.outputs) message(w, 12, () => writePort(w, port));
}

function writeNode(w: BinaryWriter, node: Node): void {
  for (const input of node.inputs) text(w, 1, input);
  for (const output of node.outputs) text(w, 2, output);
  text(w, 3, node.name);
  text(w, 4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(w, 5, () => {
      text(w, 1, name);
      writeAttribute(w, value);
    });
  }
}

function writeAttribute(w: BinaryWriter, value: Attribute): void {
  const type = (code: number) => whole(w, 20, code);
  if ("float" in value) {
    w.tag(2, WireType.Bit32).float(value.float);
    type(1);
  } else if ("int" in value) {
    whole(w, 3, value.int);
    type(2);
  } else if ("string" in value) {
    text(w, 4, value.string);
    type(3);
  } else if ("floats" in value) {
    for (const f of value.floats) w.tag(7, WireType.Bit32).float(f);
    type(6);
  } else if ("ints" in value) {
    for (const i of value.ints) whole(w, 8, i);
    type(7);
  } else {
    for (const s of value.strings) text(w, 9, s);
    type(8);
  }
}

function writeConstant(w: BinaryWriter, { name, shape, data }: Constant): void {
  for (const n of shape) whole(w, 1, n);
  whole(w, 2, data instanceof Float32Array ? elementType.float : elementType.int64);
  text(w, 8, name);
  w.tag(9, WireType.LengthDelimited).bytes(littleEndian(data));
}

function littleEndian(data: Float32Array | BigInt64Array): Uint8Array {
  const bytes = new Uint8Array(data.byteLength);
  const view = new DataView(bytes.buffer);
  if (data instanceof Float32Array) for (let i = 0; i < data.length; i++) view.setFloat32(4 * i, data[i]!, true);
  else for (let i = 0; i < data.length; i++) view.setBigInt64(8 * i, data[i]!, true);
  return bytes;
}

function writePort(w: BinaryWriter, { name, shape }: Port): void {
  text(w, 1, name);
  message(w, 2, () =>
    message(w, 1, () => {
      whole(w, 1, elementType.float);
      message(w, 2, () => {
        for (const n of shape) {
          message(w, 1, () => {
            if (typeof n === "number") whole(w, 1, n);
            else text(w, 2, n);
          });
        }
      });
    }),
  );
}
