/** What became of a guest that was to run. @internal */
export type Resumed =
  | { readonly kind: 'runs' }
  /** It was not resumed: what QEMU says to that, or what was seen before it was asked. */
  | { readonly kind: 'refused'; readonly complaint: string }
  /** It runs and must not: since our last look another client had brought it into this state, `postmigrate` for one. */
  | { readonly kind: 'strayed'; readonly from: string };
