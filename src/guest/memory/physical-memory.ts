/** A piece of guest physical memory. @public */
export interface MemoryPiece {
  /** Guest physical address; at most 52 bits, so that a number is exact. */
  readonly address: number;
  readonly lengthBytes: number;
}

/**
 * Guest physical memory as a walker needs it: many small pieces at once, in any order. The implementer decides how
 * bytes travel; callers have already made sure that every piece lies in RAM or ROM.
 *
 * @public
 */
export interface PhysicalMemory {
  /**
   * @param targets - where the bytes may be put, one array of `lengthBytes` bytes for each piece; made where not given
   * @returns one array of `lengthBytes` bytes for each piece, in the order of the pieces: the targets, if the provider uses them
   */
  read(pieces: readonly MemoryPiece[], targets?: readonly Uint8Array[]): Promise<readonly Uint8Array[]>;
}
