/** The header of safetensors files, taken off and put before. */
/** The header of a file, as text, and what follows. */
export const header = (bytes: Uint8Array): [string, Uint8Array] => {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return [new TextDecoder().decode(bytes.subarray(8, 8 + length)), bytes.subarray(8 + length)];
};
/** A file of a header and what follows. */
export const withHeader = (json: string, body: Uint8Array): Uint8Array<ArrayBuffer> => {
  const head = new TextEncoder().encode(json);
  const bytes = new Uint8Array(8 + head.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true);
  bytes.set(head, 8);
  bytes.set(body, 8 + head.length);
  return bytes;
};
