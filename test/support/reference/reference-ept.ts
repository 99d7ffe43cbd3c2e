import type {
  ReferenceEpt,
  ReferenceNestedAccess,
  ReferenceNestedCause,
  ReferenceNestedOutcome,
} from './reference-nested-translation.ts';
import type { ReferenceMemory, ReferenceStep } from './reference-translation.ts';

type Capabilities = ReferenceEpt['capabilities'];

const tables = { 5: 'PML5', 4: 'PML4', 3: 'PDPT', 2: 'PD', 1: 'PT' } as const;

/**
 * What VM entry refuses in an EPT pointer, in words; null for nothing. SDM vol. 3C, 24.6.11 and 26.2.1.1 (25.6.11 and 27.2.1.1
 * in editions since 2023).
 *
 * @internal
 */
export function referenceEptpProblem(eptp: bigint, capabilities: Capabilities): string | null {
  const memoryType = field(eptp, 2, 0);
  if (memoryType !== 0n && memoryType !== 6n) {
    return `memory type ${memoryType}`;
  }
  const length = field(eptp, 5, 3);
  if (length !== 3n && length !== 4n) {
    return `walk length ${length + 1n}`;
  }
  const shadowStackControl = capabilities.supervisorShadowStack ? 0n : 1n << 7n;
  const allowed = (1n << BigInt(capabilities.maxPhyAddr)) - 1n;
  const reserved = (eptp & (0xf00n | shadowStackControl)) | (eptp & ~allowed);
  return reserved === 0n ? null : `reserved bits 0x${reserved.toString(16)}`;
}

/** Whether EPTP enables accessed and dirty flags, bit 6. @internal */
export function eptHasFlags(ept: ReferenceEpt): boolean {
  return bit(ept.eptp, 6);
}

/**
 * Walks a guest-physical address through extended page tables, by SDM vol. 3C, 28.3 (29.3 and 31.3 in newer editions).
 *
 * @internal
 */
export function referenceEptWalk(
  ept: ReferenceEpt,
  memory: ReferenceMemory,
  guestPhysical: bigint,
  access: ReferenceNestedAccess,
): ReferenceNestedOutcome {
  const { capabilities } = ept;
  const top = Number(field(ept.eptp, 5, 3)) + 1;
  const steps: ReferenceStep[] = [];
  const refuse = (cause: ReferenceNestedCause, at: Omit<ReferenceStep, 'value'> | null, isViolation: boolean) => ({
    kind: 'refused' as const,
    cause,
    steps,
    responsible: at && { level: at.level, address: at.address },
    exitInfo1: null,
    exitQualification: isViolation ? qualificationOf(ept, access, steps) : null,
  });
  // A translation by four levels has 48 bits of address. What has more is mapped by no entry.
  if (guestPhysical >> BigInt(top * 9 + 12) !== 0n) {
    return refuse('not-present', null, true);
  }
  let table = field(ept.eptp, capabilities.maxPhyAddr - 1, 12) << 12n;
  for (let level = top; ; level--) {
    const shift = 12 + 9 * (level - 1);
    const index = field(guestPhysical, shift + 8, shift);
    const place = { level, table: nameOf(level), index: Number(index), address: table + index * 8n };
    const entry = memory.readEntry(place.address, 8);
    if (entry === null) {
      return refuse('unbacked-table', place, false);
    }
    const step = { ...place, value: entry };
    steps.push(step);
    // 28.3.2: bits 62:3 of an entry that is not present are ignored. 28.3.3: that ends the translation, as a misconfiguration
    // does; what the entries allow is judged only when there are no more of them.
    if (!isPresent(entry, capabilities)) {
      return refuse('not-present', step, true);
    }
    if (isMisconfigured(entry, level, capabilities)) {
      return refuse('misconfiguration', step, false);
    }
    if (isLeaf(entry, level)) {
      // 28.3.3.2: with EPT paging-write control bit 58 of the leaf lets the processor write to the guest's tables in the page,
      // whatever bit 1 says.
      const isUpdate = access.purpose === 'table' && capabilities.pagingWrite && bit(entry, 58);
      const judged = isUpdate ? { ...access, write: false } : access;
      const lacking = steps.find((candidate) => takesAway(ept, judged, candidate));
      if (lacking !== undefined) {
        return refuse('privilege-violation', lacking, true);
      }
      const offset = field(guestPhysical, shift - 1, 0);
      return {
        kind: 'mapped',
        steps,
        l1PhysicalAddress: (field(entry, capabilities.maxPhyAddr - 1, shift) << BigInt(shift)) | offset,
        pageSizeBytes: 2 ** shift,
      };
    }
    table = field(entry, capabilities.maxPhyAddr - 1, 12) << 12n;
  }
}

/** 28.3.2: bit 0, 1 or 2, or with mode-based execute control bit 10. */
function isPresent(entry: bigint, { modeBasedExecute }: Capabilities): boolean {
  return field(entry, 2, 0) !== 0n || (modeBasedExecute && bit(entry, 10));
}

/** Tables 28-1 to 28-6: a PDPTE or PDE with bit 7 maps a page; of a PTE bit 7 is ignored. */
function isLeaf(entry: bigint, level: number): boolean {
  return level === 1 || (level <= 3 && bit(entry, 7));
}

/** 28.3.3.1, condition by condition, for an entry that is present. */
function isMisconfigured(entry: bigint, level: number, capabilities: Capabilities): boolean {
  const readable = bit(entry, 0);
  if (!readable && bit(entry, 1)) {
    return true;
  }
  const executable = bit(entry, 2) || (capabilities.modeBasedExecute && bit(entry, 10));
  if (!readable && executable && !capabilities.executeOnly) {
    return true;
  }
  if (!readable && isLeaf(entry, level) && capabilities.pagingWrite && bit(entry, 58)) {
    return true;
  }
  if (hasReservedBit(entry, level, capabilities)) {
    return true;
  }
  const memoryType = field(entry, 5, 3);
  return isLeaf(entry, level) && (memoryType === 2n || memoryType === 3n || memoryType === 7n);
}

/** Tables 28-1 to 28-6. */
function hasReservedBit(entry: bigint, level: number, { maxPhyAddr, page1g }: Capabilities): boolean {
  if (field(entry, 51, maxPhyAddr) !== 0n) {
    return true;
  }
  switch (level) {
    case 5:
    case 4:
      return field(entry, 7, 3) !== 0n;
    case 3:
      return bit(entry, 7) ? !page1g || field(entry, 29, 12) !== 0n : field(entry, 6, 3) !== 0n;
    case 2:
      return bit(entry, 7) ? field(entry, 20, 12) !== 0n : field(entry, 6, 3) !== 0n;
    default:
      return false;
  }
}

/** 28.3.3.2: whether an entry by itself makes the access a violation. */
function takesAway(ept: ReferenceEpt, access: ReferenceNestedAccess, { value, level }: ReferenceStep): boolean {
  if (access.shadowStack === 'supervisor' && bit(ept.eptp, 7)) {
    // A supervisor's shadow stack is what bit 60 of the leaf says; the leaf alone may forbid other writes.
    const isShadowStack = isLeaf(value, level) ? bit(value, 60) : bit(value, 1);
    return !bit(value, 0) || !isShadowStack;
  }
  if (access.read && !bit(value, 0)) {
    return true;
  }
  if (access.write && !bit(value, 1)) {
    return true;
  }
  return access.exec && !bit(value, executeBit(ept, access));
}

/** With mode-based execute control bit 10 is for linear addresses of the user and bit 2 for those of the supervisor. */
function executeBit(ept: ReferenceEpt, access: ReferenceNestedAccess): number {
  return ept.capabilities.modeBasedExecute && access.page?.user ? 10 : 2;
}

/** SDM vol. 3C, table 27-7 (28-7): the exit qualification of an EPT violation, by the entries that were seen. */
function qualificationOf(ept: ReferenceEpt, access: ReferenceNestedAccess, steps: readonly ReferenceStep[]): bigint {
  const all = (position: number) => steps.length > 0 && steps.every(({ value }) => bit(value, position));
  const leaf = steps.find(({ value, level }) => isLeaf(value, level) && isPresent(value, ept.capabilities));
  const page = ept.capabilities.advancedExitInformation ? access.page : null;
  return bitsOf([
    [0, access.read],
    [1, access.write],
    [2, access.exec],
    [3, all(0)],
    [4, all(1)],
    [5, all(2)],
    [6, ept.capabilities.modeBasedExecute && all(10)],
    // Every access here is made for a linear address.
    [7, true],
    [8, access.purpose === 'final'],
    [9, page?.user ?? false],
    [10, page?.write ?? false],
    [11, page !== null && !page.exec],
    [13, access.shadowStack !== null],
    [14, bit(ept.eptp, 7) && leaf !== undefined && bit(leaf.value, 60)],
  ]);
}

function bitsOf(bits: readonly (readonly [number, boolean])[]): bigint {
  return bits.reduce((value, [position, isSet]) => (isSet ? value | (1n << BigInt(position)) : value), 0n);
}

function nameOf(level: number): ReferenceStep['table'] {
  const name = tables[level as keyof typeof tables];
  if (name === undefined) {
    throw new RangeError(`extended page tables have no level ${level}`);
  }
  return name;
}

/** Bits `high` to `low` of a value, shifted down; nothing if `high` is below `low`, as 51:M is with M=52. */
function field(value: bigint, high: number, low: number): bigint {
  return high < low ? 0n : (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
}

function bit(value: bigint, position: number): boolean {
  return field(value, position, position) === 1n;
}
