import type { NestedContext } from '../../paging/index.ts';
import { formatHex } from '../words/format-hex.ts';
import type { ReportedStage } from './reported-state.ts';

/** A second stage as `--nested` takes it: `npt:0x3400000`, `npt:0x3400000,pae`, `npt:0x3400000,gmet`, `ept:0x1001e`. @internal */
export function formatStage(stage: ReportedStage, context: NestedContext): string {
  if (stage.kind === 'ept') return `ept:${formatHex(stage.eptp)}`;
  const { mode } = context.stage;
  const flags = `${context.guestModeExecuteTrap ? ',gmet' : ''}${context.marksShadowStacks ? ',sss' : ''}`;
  return `npt:${formatHex(stage.registers.nestedCr3)}${mode === '4-level' ? '' : `,${mode}`}${flags}`;
}
