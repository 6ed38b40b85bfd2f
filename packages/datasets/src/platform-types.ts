// Types of the platform that appear in declarations. Programs may have loaded neither those of browsers nor those of
// Node.js; then what stands here takes their place.

/** An `AbortSignal`. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } }
  ? S
  : { readonly aborted: boolean };

/** A `URL`. */
export type Address = typeof globalThis extends { URL: { prototype: infer U } } ? U : { readonly href: string };

/** A `Blob` or `File`. */
export type BlobLike = typeof globalThis extends { Blob: { prototype: infer B } }
  ? B
  : { readonly size: number; arrayBuffer(): Promise<ArrayBuffer> };

/** A `Response` of `fetch`. */
export type ResponseLike = typeof globalThis extends { Response: { prototype: infer R } }
  ? R
  : { readonly ok: boolean; readonly status: number; readonly body: unknown };
