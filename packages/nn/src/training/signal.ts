/** An `AbortSignal`; where neither the types of browsers nor those of Node.js are loaded, what of it is looked at. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } }
  ? S
  : { readonly aborted: boolean };
