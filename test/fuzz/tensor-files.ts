/** Files of tensors that are damaged: safetensors, and NumPy's. */
import { type Tensor, tensor } from "@gradiente/autograd";
import { encodeTensors, loadTensors } from "@gradiente/autograd/files";
import { damaged, damagedJson } from "./damage.ts";
import { header, withHeader } from "./header.ts";
import { digest, type Subject } from "./subject.ts";
import { type ArchiveEntry, archiveOf, damagedEntries } from "./zip.ts";

const several: Readonly<Record<string, Tensor>> = {
  kernel: tensor([
    [1, -2.5, 3],
    [0.1, 0, 7],
  ]),
  steps: tensor([3], { dtype: "int32" }),
  mask: tensor([true, false, true]),
  empty: tensor({ data: new Float64Array(0), shape: [0, 3] }),
  "deep/er.name": tensor(4, { dtype: "float64" }),
};
const others: Readonly<Record<string, Tensor>> = {
  kernel: tensor(
    [
      [5, 6],
      [7, 8],
    ],
    { dtype: "float64" },
  ),
  bias: tensor([1, 2, 3], { dtype: "uint8" }),
};
const readTensors = async (bytes: Uint8Array): Promise<string> => {
  const found = await loadTensors(bytes, { wideIntegers: "float64" });
  for (const x of Object.values(found)) {
    const size = x.shape.reduce((a, b) => a * b, 1);
    if (x.data.length !== size) throw new Error(`${x.data.length} elements of shape [${x.shape}]`);
  }
  return digest(found);
};

/** A NumPy file by hand: of any version, type, order. */
function npyOf(header: string, body: Uint8Array, major: number): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${header}\n`);
  const lengthBytes = major === 1 ? 2 : 4;
  const bytes = new Uint8Array(8 + lengthBytes + head.length + body.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, major, 0]);
  new DataView(bytes.buffer)[major === 1 ? "setUint16" : "setUint32"](8, head.length, true);
  bytes.set(head, 8 + lengthBytes);
  bytes.set(body, 8 + lengthBytes + head.length);
  return bytes;
}
const numpys = (): readonly Uint8Array[] => [
  npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", new Uint8Array(24).fill(63), 1),
  npyOf("{'descr': '>i8', 'fortran_order': True, 'shape': (2, 3), }", new Uint8Array(48), 2),
  npyOf("{'descr': '<c16', 'fortran_order': True, 'shape': (3, 1, 2), }", new Uint8Array(96), 3),
  npyOf("{'descr': '<f2', 'fortran_order': False, 'shape': (5,), }", new Uint8Array(10).fill(60), 1),
  npyOf("{'descr': '|b1', 'fortran_order': False, 'shape': (), }", Uint8Array.of(1), 1),
  npyOf("{'descr': '<u4', 'fortran_order': False, 'shape': (0, 4), }", new Uint8Array(0), 1),
];
const arraysOf = (compress: boolean, wide: boolean): Uint8Array<ArrayBuffer> =>
  archiveOf(numpys().map((content, i): ArchiveEntry => ({ name: `array_${i}.npy`, content, compress, wide })));

export const tensorFiles: readonly Subject[] = [
  {
    name: "safetensors",
    originals: async () => [
      await encodeTensors(several, "safetensors", { metadata: { a: "b", __proto__: "c" } }),
      await encodeTensors(others, "safetensors"),
    ],
    damage(file, other, draws) {
      if (draws.next() < 0.6) return damaged(file, other, draws);
      const [json, body] = header(file);
      return withHeader(damagedJson(json, draws), body);
    },
    read: readTensors,
  },
  { name: "npy", originals: async () => numpys(), read: readTensors },
  ...[
    { name: "npz", compress: false, wide: false },
    { name: "npz, deflated", compress: true, wide: false },
    { name: "npz, zip64", compress: false, wide: true },
  ].map(
    ({ name, compress, wide }): Subject => ({
      name,
      originals: async () => [
        arraysOf(compress, wide),
        await encodeTensors(several, "npz", { compress }),
        await encodeTensors(others, "npz", { compress }),
      ],
      damage(file, other, draws) {
        if (draws.next() < 0.5) return damaged(file, other, draws);
        const entries = numpys().map(
          (content, i): ArchiveEntry => ({ name: `array_${i}.npy`, content, compress, wide }),
        );
        return archiveOf(damagedEntries(entries, draws));
      },
      read: readTensors,
    }),
  ),
];
