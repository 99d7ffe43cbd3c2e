/** What a search leads to. @internal */
export interface FoundPlace {
  readonly address: bigint;
  /** What it is, in words. */
  readonly text: string;
  /** Where it ends, if it is more than a page. */
  readonly endPage?: number;
}

/** @internal */
export interface FoundPlaces {
  readonly places: readonly FoundPlace[];
  /** What is said after how many they are. */
  readonly more: string;
}

/** @internal */
export interface FoundSymbols extends FoundPlaces {
  /** Symbols of modules were looked through as well. */
  readonly hasModules: boolean;
}
