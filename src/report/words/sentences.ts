/** The member of a union that a code stands for. @internal */
export type Of<Union extends { readonly code: string }, Code extends Union['code']> = Extract<
  Union,
  { readonly code: Code }
>;

/** A sentence for each code of a union. @internal */
export type Sentences<Union extends { readonly code: string }, Context extends readonly unknown[] = []> = {
  readonly [Code in Union['code']]: (evidence: Of<Union, Code>, ...context: Context) => string;
};
