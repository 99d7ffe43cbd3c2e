import type { PagingMode } from '../../../src/paging/index.ts';

/** A mode in which there are tables: what a kernel of the tests can be in, and what tables can be filled for. */
export type PagedMode = Exclude<PagingMode, 'off'>;
