import { formatStage } from '../state/format-stage.ts';
import { formatSpace } from '../translation/format-space.ts';
import type { ReportedMap } from './reported-map.ts';

/** Whose map it is: `4-level paging, CR3 0x110000, vCPU 0, second stage npt:0x3400000, w+x only`. @internal */
export function formatMapTitle({ mode, cpu, space, nested, filter }: ReportedMap): string {
  const behind = nested === null ? '' : `, second stage ${formatStage(nested.stage, nested.context)}`;
  return `${formatSpace(mode, cpu, space)}${behind}${filter === null ? '' : `, ${filter} only`}`;
}
