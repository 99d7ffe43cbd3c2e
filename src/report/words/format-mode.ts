import type { PagingMode } from '../../paging/index.ts';

/** `4-level paging`, `PAE paging`, `paging off`. @public */
export function formatMode(mode: PagingMode): string {
  return mode === 'off' ? 'paging off' : `${mode === 'pae' ? 'PAE' : mode} paging`;
}
