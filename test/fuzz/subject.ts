import { createHash } from "node:crypto";
import { GradienteError, type Tensor } from "@gradiente/autograd";
import { DataError } from "@gradiente/datasets";
import type { Draws } from "./damage.ts";

/** A format, how its files are damaged, and how they are read. */
export interface Subject {
  readonly name: string;
  /** Files that are whole. */
  originals(): Promise<readonly Uint8Array[]>;
  /** A damaged one. By default any bytes are damaged. */
  damage?(file: Uint8Array, other: Uint8Array, draws: Draws): Uint8Array | Promise<Uint8Array>;
  /** Reads a file. @returns what tells one content from another. */
  read(bytes: Uint8Array): Promise<string>;
  /** Whether checksums let nothing pass that is not one of the originals' contents. */
  readonly checked?: true;
}

/** Whether an error is one that the packages throw on purpose. */
export function isTyped(error: unknown): boolean {
  return error instanceof GradienteError || error instanceof DataError;
}

/** A text that tells contents apart. */
export const hash = (pieces: Iterable<string | Uint8Array>): string => {
  const sha = createHash("sha256");
  for (const piece of pieces) sha.update(piece);
  return sha.digest("hex");
};

/** A text that tells tensors apart, by every name, dtype, length and bit. */
export function digest(tensors: Readonly<Record<string, Tensor>>): string {
  return hash(
    Object.keys(tensors)
      .sort()
      .flatMap((name) => {
        const { data, dtype, shape } = tensors[name]!;
        return [`${name} ${dtype}[${shape}]`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
      }),
  );
}
