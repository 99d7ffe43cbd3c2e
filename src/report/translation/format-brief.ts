import { translate2ErrorOfCause } from '../../abi/index.ts';
import type { SymbolPlace } from '../../linux/index.ts';
import type { FaultCause, PagingMode, Rights } from '../../paging/index.ts';
import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import { formatAreas, type ReportedAreas } from '../linux/format-area.ts';
import { formatPlace } from '../linux/format-symbol.ts';
import type { Style } from '../style.ts';
import { formatHex, formatLinear } from '../words/format-hex.ts';
import { formatRights } from '../words/format-rights.ts';
import { formatSize } from '../words/format-size.ts';
import { assumptionMark, DEVIATION_MARK } from './brief-marks.ts';

/** How far an answer can be relied on. @public */
export interface BriefDoubts {
  /** What the answer rests on that was unavailable. */
  readonly assumed: readonly ReportedAssumption[];
  /** The machine that runs the guest would answer otherwise. */
  readonly deviates: boolean;
}

/** What the guest's Linux says of an address. @public */
export interface BriefNames {
  /** The symbol that it lies in. */
  readonly place?: SymbolPlace | null;
  /** What Linux keeps there, which is shown where it is no symbol's. */
  readonly areas?: ReportedAreas | undefined;
}

/** What is known of one of many addresses, without the walk. @public */
export type BriefAnswer = BriefDoubts &
  (
    | {
        readonly kind: 'mapped';
        readonly physicalAddress: bigint;
        /** Null when paging is off. */
        readonly pageSizeBytes: number | null;
        readonly rights: Rights;
        /** Where it leads in the memory of the hypervisor (L1) of a nested guest (L2). */
        readonly l1PhysicalAddress?: bigint;
      }
    | {
        readonly kind: 'fault';
        readonly cause: FaultCause;
        readonly errorCode: number | null;
        /** The entry that is to blame. */
        readonly responsibleAddress: bigint | null;
        /** L2 physical address of the page that the second stage of a nested guest refuses. */
        readonly refusedPageAddress?: bigint;
      }
  );

/**
 * An answer in a line: `0xffff800000000123  0x120123  4K  rwxu`, of a nested guest with `L1 0x320123` at the end; or
 * `0x…  -  PRIVILEGE_VIOLATION  0x7  0x116008` with the error code and the responsible entry, and where the second stage
 * refuses the page of a nested guest that page: `0x…  -  INVALID_GPA  -  -  L2 0x5abc`. After it what makes the answer doubtful:
 * `?PKRU`, where it depends on a PKRU that was assumed; `!differs`, where the machine that runs the guest would answer otherwise.
 *
 * @param mode - decides how many digits the address has
 * @param names - of the address, for the end of the line
 * @returns a line, with its line end
 * @public
 */
export function formatBrief(
  linearAddress: bigint,
  answer: BriefAnswer,
  mode: PagingMode,
  style: Style,
  { place = null, areas }: BriefNames = {},
): string {
  const address = formatLinear(linearAddress, mode);
  const marks = `${formatMarks(answer, style)}${formatNames(place, areas)}`;
  if (answer.kind === 'mapped') {
    const { physicalAddress, pageSizeBytes, rights } = answer;
    const size = pageSizeBytes === null ? '-' : formatSize(pageSizeBytes);
    const { l1PhysicalAddress } = answer;
    const end = l1PhysicalAddress === undefined ? '' : `  L1 ${formatHex(l1PhysicalAddress)}`;
    return `${address}  ${formatHex(physicalAddress)}  ${size}  ${formatRights(rights)}${end}${marks}\n`;
  }
  const { cause, errorCode, responsibleAddress, refusedPageAddress } = answer;
  const orNone = (value: bigint | number | null) => (value === null ? '-' : formatHex(value));
  const name = style.bad(translate2ErrorOfCause(cause));
  const refused = refusedPageAddress === undefined ? '' : `  L2 ${formatHex(refusedPageAddress)}`;
  return `${address}  -  ${name}  ${orNone(errorCode)}  ${orNone(responsibleAddress)}${refused}${marks}\n`;
}

function formatNames(place: SymbolPlace | null, areas: ReportedAreas | undefined): string {
  const text = place !== null ? formatPlace(place) : areas === undefined ? '' : formatAreas(areas);
  return text === '' ? '' : `  ${text}`;
}

/** What makes an answer doubtful, in marks. @internal */
export function formatMarks({ assumed, deviates }: BriefDoubts, style: Style): string {
  const marks = assumed.filter(({ decides }) => decides).map(assumptionMark);
  return [...marks, ...(deviates ? [DEVIATION_MARK] : [])].map((mark) => `  ${style.mark(mark)}`).join('');
}
