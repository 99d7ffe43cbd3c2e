import type { Level } from '../rules/levels.ts';
import type { LeafSink } from './enumerate.ts';
import type { LeafAttributes } from './leaf-attributes.ts';

/** The size of a page, and the place where pages of the size are counted. @internal */
export type PageSize = Pick<Level, 'level' | 'shift'>;

/**
 * A sink that also takes pages as two stages make them: parts of the guest's leaves that lie in one piece in L1 memory.
 *
 * @internal
 */
export interface PieceSink<Summary> extends LeafSink<Summary> {
  /**
   * @param page - the first linear page, without sign extension
   * @param physical - the first physical page
   * @param low - of the guest's leaf; only A and D count
   */
  piece(page: number, size: PageSize, physical: number, attributes: LeafAttributes, low: number): void;
}
