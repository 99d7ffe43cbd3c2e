/** The rules that a mutant belongs to. */
export type MutantSubject =
  | 'rights'
  | 'reserved bits'
  | 'A/D'
  | 'error codes'
  | 'keys'
  | 'CET'
  | 'LA57'
  | 'LASS'
  | 'EPT'
  | 'NPT';

/** A copy of the core with one rule broken, as text of a compiled file. */
export interface Mutant {
  readonly name: string;
  readonly subject: MutantSubject;
  /** Below dist/src/paging. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly from: string;
  readonly to: string;
}
