import { type ProbeKind, probeKinds, ringKinds } from '../processor-rig/probe-kind.ts';
import type { ProbeMachine } from './machine.ts';

/** A way in which an access has to end in each full batch, and what makes such accesses. */
export interface WantedEnding {
  readonly name: string;
  readonly kind: ProbeKind;
}

/** CPL 1 and 2 are the supervisor's: the commonest endings will do. */
const RING_ENDINGS = ['mapped 4096', 'not-present', 'privilege-violation'];

/** The ways in which accesses end on a machine. */
export function wantedEndings({ mode }: ProbeMachine): readonly WantedEnding[] {
  const isLong = mode === '4-level' || mode === '5-level';
  const large = mode === '32-bit' ? 4_194_304 : 2_097_152;
  const sizes = isLong ? [4096, large, 1_073_741_824] : [4096, large];
  const causes = ['not-present', 'reserved-bits', 'privilege-violation', 'unbacked-table'];
  const endings = [...sizes.map((size) => `mapped ${size}`), ...causes, ...(isLong ? ['non-canonical'] : [])];
  const each = (kinds: readonly ProbeKind[], ends: readonly string[]) =>
    kinds.flatMap((kind) => ends.map((end) => ({ name: `${kind.name} ${end}`, kind })));
  return [...each(probeKinds, endings), ...each(ringKinds, RING_ENDINGS)];
}
