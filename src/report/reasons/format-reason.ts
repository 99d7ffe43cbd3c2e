import type { Access, Denial, FaultReason, NestedFaultReason, WalkFaultReason } from '../../paging/index.ts';
import { formatHex } from '../words/format-hex.ts';
import type { Of, Sentences } from '../words/sentences.ts';

const WALK: Sentences<WalkFaultReason> = {
  'not-present': ({ entry }) => `not present: the ${entry} has P=0`,
  'reserved-bits': ({ entry, bits }) => `reserved ${formatBitRanges(bits)} set in the ${entry}`,
  denied: ({ entry, access, denials }) =>
    `${formatAccessor(access)} denied by the ${entry}: ${denials.map((each) => formatDenial(each, access)).join('; ')}`,
  'non-canonical': ({ linearBits }) =>
    `the address is not canonical: bits 63:${linearBits - 1} differ (${linearBits}-bit linear addresses)`,
  'out-of-range': ({ isCompatibility, mode }) =>
    isCompatibility
      ? 'the address is above 32 bits and CS.L=0: code in compatibility mode has 32-bit addresses'
      : `the address is above 32 bits and the paging mode is ${mode}`,
  lass: () => 'the address lies in the other half of the address space and CR4.LASS=1',
  'unbacked-table': ({ entry }) => `no memory holds the ${entry}`,
};

const DENIALS: Sentences<Denial, [Access]> = {
  'supervisor-page': () => 'the page is a supervisor page (U/S=0)',
  'read-only': (_, { user }) => `the page is read-only (R/W=0${user ? '' : ', CR0.WP=1'})`,
  'not-executable': () => 'the page is not executable (XD=1)',
  smep: () => 'the page is a user page and CR4.SMEP=1',
  smap: ({ isImplicit }) =>
    `the page is a user page and CR4.SMAP=1${isImplicit ? ' (implicit access)' : ', RFLAGS.AC=0'}`,
  'no-shadow-stack': () => 'the page is no shadow stack (R/W=0 and D=1 in its entry, R/W=1 above)',
  'user-page': () => 'the page is a user page',
  'execute-trap': () => 'the page is a user page (U/S=1) and the guest mode execute trap is on',
  'no-nested-shadow-stack': () => 'the page is no supervisor shadow stack (NX=1 and U/S=0 in its entry, R/W=1 above)',
  'protection-key': ({ key, register }) => `protection key ${key} forbids it (${register})`,
};

const NESTED: Readonly<Record<NestedFaultReason['code'], string>> = {
  'nested-not-present': 'is not present',
  'nested-reserved-bits': 'has reserved bits set',
  'nested-misconfiguration': 'is misconfigured',
  'nested-privilege-violation': 'does not allow the access',
  'nested-unbacked-table': 'is in no memory',
  'nested-out-of-reach': 'does not reach that far',
  'nested-unbacked-page': 'no memory of L1 holds it',
};

/** Why a translation failed, as a sentence: `not present: the PML4E has P=0`. @public */
export function formatReason(reason: FaultReason): string {
  return isNested(reason) ? formatNestedReason(reason) : formatWalkReason(reason);
}

function isNested(reason: FaultReason): reason is NestedFaultReason {
  return Object.hasOwn(NESTED, reason.code);
}

function formatWalkReason<Code extends WalkFaultReason['code']>(reason: Of<WalkFaultReason, Code>): string {
  const sentence: (reason: Of<WalkFaultReason, Code>) => string = WALK[reason.code as Code];
  return sentence(reason);
}

function formatDenial<Code extends Denial['code']>(denial: Of<Denial, Code>, access: Access): string {
  const sentence: (denial: Of<Denial, Code>, access: Access) => string = DENIALS[denial.code as Code];
  return sentence(denial, access);
}

function formatNestedReason({ code, stage, l2PhysicalAddress, guestEntry, entry }: NestedFaultReason): string {
  const what = guestEntry === null ? 'the page' : `the guest's ${guestEntry}`;
  const where = `${what} at L2 physical ${formatHex(l2PhysicalAddress)}`;
  if (code === 'nested-unbacked-page') return `${where}: ${NESTED[code]}`;
  return `${where}: the ${stage.toUpperCase()} ${entry === null ? '' : `${entry} `}${NESTED[code]}`;
}

/** `supervisor write`, `user shadow-stack read`. */
function formatAccessor({ user, exec, write, shadowStack }: Access): string {
  const plain = exec ? 'fetch' : write ? 'write' : 'read';
  return `${user ? 'user' : 'supervisor'} ${shadowStack ? 'shadow-stack ' : ''}${plain}`;
}

/** As the manual writes them: `bits 51:46, 7`. */
function formatBitRanges(bits: readonly (readonly [number, number])[]): string {
  const ranges = bits.map(([high, low]) => (high === low ? `${high}` : `${high}:${low}`));
  const isOne = ranges.length === 1 && !ranges[0]?.includes(':');
  return `${isOne ? 'bit' : 'bits'} ${ranges.join(', ')}`;
}
