import {
  type Access,
  CR4_PKE,
  CR4_PKS,
  INTEL,
  type NestedStep,
  type NestedTranslation,
  type Profile,
  type WalkStep,
} from '../../../src/paging/index.ts';
import type { BochsCase } from './cases/bochs-case.ts';
import type { CaseMemory } from './cases/case-memory.ts';
import { type Ending, type Foretold, foretell } from './cases/foretell.ts';
import { GUEST_TABLES, LEGACY_ROOT, PAGES } from './layout.ts';
import { type BochsMachine, formatOf, isLong } from './machine.ts';

/** What Bochs is as a whole, where the manual leaves it to the processor. */
export const BOCHS_PROFILE: Profile = {
  ...INTEL,
  name: 'bochs',
  // Bochs sets A when it knows that the access is allowed. Of a protection violation the SDM says more (interrupt 14, program state
  // change), of other faults nothing.
  accessedOnFault: 'none',
};

/** A case, and what is said of it so far. */
export interface Judged {
  /** With the registers and the entries as a deviation takes them. */
  readonly drawn: BochsCase;
  readonly machine: BochsMachine;
  readonly profile: Profile;
  /** The entries with the guest's A and D set, where setting them is not asked of EPT. */
  readonly preset?: CaseMemory;
  readonly foretold: Foretold;
}

/** Something in which a version of Bochs does otherwise than a processor. */
export interface Deviation {
  readonly name: string;
  readonly versions: readonly string[];
  /** Who says that Bochs is the one that is wrong, or that both may be right. */
  readonly source: string;
  /** What comes of the case then; null where this has no part in it. */
  readonly asBochs: (judged: Judged) => Judged | null;
}

type NestedFault = Extract<NestedTranslation, { kind: 'nested-fault' }>;

const EPTP_ACCESSED_DIRTY = 0x40n;
const EPTP_SHADOW_STACK = 0x80n;
const ENTRY_US = 4n;
const ENTRY_A = 0x20n;
const ENTRY_D = 0x40n;
const BIT_12 = 0x1000n;
/** Of the exit qualification. SDM vol. 3C, table 29-7. */
const READ = 1n << 0n;
const WRITE = 1n << 1n;
const FETCH = 1n << 2n;
const USER_EXECUTE = 1n << 6n;
const SHADOW_STACK = 1n << 13n;
const LEAF_MARKED = 1n << 14n;

const EVERY = ['2.7', '3.1'];

/** In the order in which they can add up. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    name: 'bit 12 of a large EPT page is ignored',
    versions: EVERY,
    source: 'SDM vol. 3C, tables 31-3 and 31-5: bits 29:12 and 20:12 are reserved',
    asBochs: withoutBit12,
  },
  {
    name: 'A and D of guest tables are set whatever EPT allows, where EPT has no A/D flags',
    versions: EVERY,
    source: 'SDM vol. 3C, 31.3.3.2: the processor writes to a guest paging-structure entry, which EPT must allow',
    asBochs: withBitsPreset,
  },
  {
    name: 'PKRU or PKRS is chosen before U/S of the page itself is looked at',
    versions: ['3.1'],
    source: 'SDM vol. 3A, 4.6.2: by U/S of all entries',
    asBochs: withKeyOfTables,
  },
  {
    name: 'AC lifts SMAP and LASS for implicit accesses too, at any CPL',
    versions: EVERY,
    source: 'SDM vol. 3A, 4.6 and 4.2.2: only explicit accesses heed AC',
    asBochs: (judged) => {
      if (!judged.foretold.access.implicit) return null;
      const explicit = { write: false, exec: false, user: false };
      const { drawn } = judged;
      return retold({ ...judged, drawn: { ...drawn, kind: { ...drawn.kind, access: explicit } } });
    },
  },
  {
    name: 'A and D of the guest are set before EPT is asked for the page',
    versions: EVERY,
    source: 'SDM vol. 3C, 31.3.3: the order is open',
    asBochs: (judged) => {
      const { drawn, foretold } = judged;
      const { translation, ending } = foretold;
      if (!isNestedFault(translation) || translation.purpose !== 'final') return null;
      const units = guestUnits(drawn, foretold.access, translation.guestSteps, translation.walks);
      return withEnding(judged, { ...ending, changed: new Map([...ending.changed, ...units]) });
    },
  },
  {
    name: 'an EPT violation at a guest table has no read bit, where EPT has A/D flags',
    versions: EVERY,
    source: 'SDM vol. 3C, table 29-7, note on bits 0 and 1: both are set',
    asBochs: (judged) =>
      ((judged.drawn.ept?.pointer ?? 0n) & EPTP_ACCESSED_DIRTY) !== 0n && isTableFault(judged.foretold)
        ? requalify(judged, (bits) => (bits & WRITE ? bits & ~READ : null))
        : null,
  },
  {
    name: 'the right to execute for users is in bit 13 of the qualification',
    versions: ['3.1'],
    source: 'SDM vol. 3C, table 29-7, bit 6',
    asBochs: (judged) =>
      judged.drawn.ept?.modeBasedExecute
        ? requalify(judged, (bits) =>
            bits & USER_EXECUTE && !(bits & FETCH) ? (bits & ~USER_EXECUTE) | SHADOW_STACK : null,
          )
        : null,
  },
  {
    name: 'the leaf is marked for shadow stacks where there is no leaf',
    versions: ['3.1'],
    source: 'SDM vol. 3C, table 29-7, bit 14: undefined then',
    asBochs: (judged) => {
      const { drawn, foretold } = judged;
      const { translation } = foretold;
      if (!drawn.ept || !(drawn.ept.pointer & EPTP_SHADOW_STACK) || !isNestedFault(translation)) return null;
      if (translation.walks.at(-1)?.steps.at(-1)?.leaf) return null;
      return requalify(judged, (bits) => bits ^ LEAF_MARKED);
    },
  },
];

function isNestedFault(translation: Foretold['translation']): translation is NestedFault {
  return translation.kind === 'nested-fault';
}

function isTableFault({ translation }: Foretold): boolean {
  return isNestedFault(translation) && translation.purpose === 'table';
}

/** The walker's word for the case as it now is. */
function retold(judged: Judged): Judged {
  const { drawn, machine, profile, preset } = judged;
  const foretold = foretell(drawn, machine, profile, preset ?? drawn.memory);
  const { translation, ending, access } = foretold;
  // What was set beforehand is set in the end only if the access is made.
  if (preset === undefined || translation.kind !== 'mapped' || !('walks' in translation))
    return { ...judged, foretold };
  const units = guestUnits(drawn, access, translation.guest.steps, translation.walks);
  return withEnding({ ...judged, foretold }, { ...ending, changed: new Map([...units, ...ending.changed]) });
}

function withEnding(judged: Judged, ending: Ending): Judged {
  return { ...judged, foretold: { ...judged.foretold, ending } };
}

/** @param change - null where there is nothing to change */
function requalify(judged: Judged, change: (bits: bigint) => bigint | null): Judged | null {
  const { ending, translation } = judged.foretold;
  if (!isNestedFault(translation) || ending.qualification === null) return null;
  const qualification = change(ending.qualification);
  return qualification === null ? null : withEnding(judged, { ...ending, qualification });
}

/** The guest's entries with A, and D where the access writes its page, where the second stage has them. */
function guestUnits(
  { memory }: BochsCase,
  { write }: Access,
  steps: readonly WalkStep[],
  walks: readonly NestedStep[],
): Map<number, bigint> {
  const units = new Map<number, bigint>();
  const addresses = new Map(walks.map((walk) => [walk.l2PhysicalAddress, walk.l1PhysicalAddress]));
  for (const { address, hasAccessed, leaf } of steps) {
    const at = addresses.get(address);
    if (!hasAccessed || typeof at !== 'bigint') continue;
    const unit = Number(at) - (Number(at) % 8);
    const before = units.get(unit) ?? memory.readEntry(BigInt(unit), 8);
    const bits = ENTRY_A | (leaf && write ? ENTRY_D : 0n);
    const after = before | (bits << BigInt(8 * (Number(at) - unit)));
    if (after !== before) units.set(unit, after);
  }
  return units;
}

/** The bit is put back into what is compared by {@link deviatingEndings}. */
function withoutBit12(judged: Judged): Judged | null {
  const { memory } = judged.drawn;
  const marked = markedUnits(judged.drawn);
  if (marked.size === 0) return null;
  const seen = memory.seen((address, value) => (marked.has(address) ? value & ~BIT_12 : value));
  return retold({ ...judged, drawn: { ...judged.drawn, memory: seen } });
}

/** Large pages of the second stage with bit 12. */
function markedUnits({ memory }: BochsCase): ReadonlySet<number> {
  return new Set([...memory.largeNested].filter((address) => (memory.own.get(address) ?? 0n) & BIT_12));
}

/** As if the bits were set already, which then takes no write. */
function withBitsPreset(judged: Judged): Judged | null {
  const { drawn, machine, foretold } = judged;
  const { translation, access } = foretold;
  if (!isNestedFault(translation) || !drawn.ept || drawn.ept.pointer & EPTP_ACCESSED_DIRTY) return null;
  if (translation.purpose !== 'table' || translation.cause !== 'privilege-violation') return null;
  // D says of a shadow stack that it is one.
  const bits = ENTRY_A | (access.write && !access.shadowStack ? ENTRY_D : 0n);
  const both = formatOf(machine).entryBytes === 4 ? bits | (bits << 32n) : bits;
  const preset = drawn.memory.seen((address, value) => (isGuestTable(address, machine) ? value | both : value));
  return retold({ ...judged, preset });
}

/** Whether an entry has A and D. Those of a PDPT in PAE mode have not. */
function isGuestTable(address: number, { mode }: BochsMachine): boolean {
  const isRoot = address >= LEGACY_ROOT && address < LEGACY_ROOT + 0x1000;
  return isRoot ? mode === '32-bit' : address >= GUEST_TABLES && address < PAGES;
}

/** As if the page were a user's: PKRU judges it. */
function withKeyOfTables(judged: Judged): Judged | null {
  const { drawn, machine, foretold } = judged;
  const { registers } = drawn;
  if (!isLong(machine) || foretold.access.exec || !(registers.cr4 & (CR4_PKE | CR4_PKS))) return null;
  const steps = guestSteps(foretold.translation);
  const leaf = steps.at(-1);
  if (!leaf?.leaf || leaf.value & ENTRY_US || steps.slice(0, -1).some(({ value }) => !(value & ENTRY_US))) return null;
  const cr4 = (registers.cr4 & ~CR4_PKS) | (registers.cr4 & CR4_PKE ? CR4_PKS : 0n);
  const { pkru = 0 } = registers;
  // WD stops users' writes to their pages whatever WP is: as AD does.
  const { user, write } = foretold.access;
  const pkrs = user && write ? (pkru | ((pkru >>> 1) & 0x5555_5555)) >>> 0 : pkru;
  return retold({ ...judged, drawn: { ...drawn, registers: { ...registers, cr4, pkrs } } });
}

function guestSteps(translation: Foretold['translation']): readonly WalkStep[] {
  if (translation.kind === 'nested-fault') return translation.guestSteps;
  return 'guest' in translation ? translation.guest.steps : translation.steps;
}

/** One deviation can bring another about that comes before it in the list. */
const PASSES = 2;

/** What may come of a case with one or more of a version's deviations. */
export function* deviatingEndings(judged: Judged, version: string): Generator<{ names: string[]; foretold: Foretold }> {
  const marked = markedUnits(judged.drawn);
  const ofVersion = DEVIATIONS.filter(({ versions }) => versions.includes(version));
  const found: { names: string[]; judged: Judged }[] = [{ names: [], judged }];
  for (const { name, asBochs } of Array.from({ length: PASSES }, () => ofVersion).flat()) {
    for (const { names, judged } of [...found]) {
      const deviating = names.includes(name) ? null : asBochs(judged);
      if (deviating === null) continue;
      found.push({ names: [...names, name], judged: deviating });
      yield { names: [...names, name], foretold: inMemory(deviating.foretold, marked) };
    }
  }
}

function inMemory(foretold: Foretold, marked: ReadonlySet<number>): Foretold {
  if (marked.size === 0) return foretold;
  const { ending } = foretold;
  const changed = [...ending.changed].map(([address, value]) => {
    return [address, marked.has(address) ? value | BIT_12 : value] as const;
  });
  return { ...foretold, ending: { ...ending, changed: new Map(changed) } };
}
