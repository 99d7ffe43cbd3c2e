import {
  createContext,
  createNpt,
  type NestedContext,
  type NestedTranslation,
  type PagingContext,
  type PagingMode,
  type Profile,
  processorNestedBits,
  translateNested,
} from '../../../src/paging/index.ts';
import type { Random } from '../../support/random.ts';
import { isAtSecondHalf, type ProbeKind, probeKinds } from '../processor/probe-kind.ts';
import { randomAddress } from '../processor/random-address.ts';
import type { ProbeRegisters } from '../processor/random-registers.ts';
import { DESCRIPTOR_OFFSET, type ExpectedOutcome, expectOutcome, placeOfCode } from './expected-outcome.ts';
import type { GuestPhysical } from './guest-physical.ts';
import { type HostMemory, StrayWalkError } from './host-memory.ts';
import { GUEST_PML4, WINDOW_CODE } from './layout.ts';
import type { SvmMachine } from './machine.ts';
import { randomGuestRegisters, randomHostRegisters } from './probe-registers.ts';
import { tableFormats } from './table-format.ts';

/** One access that the hypervisor's guest is to make, and what the walker says will come of it. */
export interface Probe {
  readonly kind: ProbeKind;
  readonly linear: bigint;
  readonly cr3: number;
  readonly nestedCr3: number;
  readonly host: ProbeRegisters;
  readonly guest: ProbeRegisters;
  readonly is64Bit: boolean;
  readonly translation: NestedTranslation;
  readonly expected: ExpectedOutcome;
}

/** What a batch's probes are drawn from. */
export interface ProbeSource {
  readonly random: Random;
  readonly machine: SvmMachine;
  readonly guestMode: PagingMode;
  readonly profile: Profile;
  readonly memory: HostMemory;
  readonly addresses: GuestPhysical;
  readonly nestedRoots: readonly number[];
}

const RFLAGS_AC = 0x4_0000;
const FETCH_BY_SUPERVISOR = { write: false, user: false, exec: true };
const KINDS_OF_FRAMES = 8;
const WIDEST = 57;
/** The guest's code has but these kinds of accesses. */
const kinds = probeKinds.filter(({ does }) => ['load', 'store', 'fetch', 'implicit'].includes(does));

/** Draws a probe; one that cannot be made is drawn again. */
export function randomProbe(source: ProbeSource): Probe {
  for (;;) {
    try {
      const probe = tryProbe(source);
      if (probe !== null) return probe;
    } catch (error) {
      if (!(error instanceof StrayWalkError)) throw error;
    }
  }
}

function tryProbe(source: ProbeSource): Probe | null {
  const { random, machine, guestMode, profile, memory } = source;
  const kind = random.pick(kinds);
  const host = randomHostRegisters(random, machine.hostMode);
  const guest = randomGuestRegisters(random, guestMode);
  const linear = drawAddress(source, kind);
  const cr3 = drawRoot(source);
  const nestedCr3 = random.pick(source.nestedRoots) + (random.uint32() & (machine.hostMode === 'pae' ? 0x1f : 0xfff));
  if (isInWindow(linear)) return null;
  const { maxPhyAddr } = machine;
  const context = createContext(pagingRegisters(guest, cr3, kind), { maxPhyAddr, profile });
  const nested = createNpt(
    { cr0: BigInt(host.cr0), nestedCr3: BigInt(nestedCr3), cr4: BigInt(host.cr4), efer: BigInt(host.efer) },
    { maxPhyAddr, profile },
  );
  const is64Bit = context.linearBits !== 32;
  const [made] = kind.accesses;
  if (made === undefined) return null;
  const prelude = walkToCode({ kind, is64Bit, context, nested, memory });
  if (prelude === null) return null;
  const translation = translateNested(context, nested, memory, linear, made.access);
  const question = { kind, linear, is64Bit, context, nested, translation, prelude };
  const expected = expectOutcome(question, memory);
  return expected && { kind, linear, cr3, nestedCr3, host, guest, is64Bit, translation, expected };
}

/** An address, a multiple of 16, or behind one by 8 for what is written. */
function drawAddress(source: ProbeSource, { does }: ProbeKind): bigint {
  const address = drawLinear(source);
  return does === 'implicit' ? asDescriptor(address) : address + (isAtSecondHalf(does) ? 8n : 0n);
}

/**
 * VMRUN makes the base of the GDT canonical, for the widest addresses that the processor has (APM vol. 2, 15.5.1). No GDT begins
 * before address 0: where 32-bit addresses wrap, TCG reports 33 bits.
 */
function asDescriptor(address: bigint): bigint {
  if (address === 0n) return DESCRIPTOR_OFFSET;
  const base = BigInt.asIntN(WIDEST, address - DESCRIPTOR_OFFSET);
  return BigInt.asUintN(64, base + DESCRIPTOR_OFFSET);
}

function drawLinear({ random, guestMode, addresses }: ProbeSource): bigint {
  if (guestMode === 'off') {
    return BigInt(addresses.page(random.below(KINDS_OF_FRAMES), 32) + 16 * random.below(256));
  }
  const address = randomAddress(random, guestMode);
  // The first PDPTE leads to the window alone.
  return guestMode === 'pae' && address < 0x4000_0000n && random.chance(80) ? address + 0x8000_0000n : address;
}

/** CR3 of the guest: where a root is if the nested tables lead there. */
function drawRoot({ random, guestMode, addresses, machine }: ProbeSource): number {
  if (guestMode === 'off') return 0;
  const { top } = tableFormats[guestMode];
  const isLegacy = guestMode === '32-bit' || guestMode === 'pae';
  return addresses.page(top, isLegacy ? 32 : machine.maxPhyAddr) + (random.uint32() & 0xfff);
}

function isInWindow(linear: bigint): boolean {
  return linear >= BigInt(WINDOW_CODE) && linear < BigInt(GUEST_PML4);
}

/** AC at CPL 3 is no word of the supervisor's: what the processor then does by itself is not lifted by it. */
function pagingRegisters(registers: ProbeRegisters, cr3: number, kind: ProbeKind) {
  const { cr0, cr4, efer, flags, pkru, pkrs } = registers;
  const isImplicit = kind.accesses.some(({ access }) => access.implicit);
  const rflags = isImplicit && kind.user ? flags & ~RFLAGS_AC : flags;
  return {
    cr0: BigInt(cr0),
    cr3: BigInt(cr3),
    cr4: BigInt(cr4),
    efer: BigInt(efer),
    rflags: BigInt(rflags),
    pkru,
    pkrs,
  };
}

/**
 * What fetching the guest's code before the access sets: the code that makes it is read through both stages too.
 *
 * @returns null where it cannot be fetched, and the access never comes to pass
 */
function walkToCode({
  kind,
  is64Bit,
  context,
  nested,
  memory,
}: {
  readonly kind: ProbeKind;
  readonly is64Bit: boolean;
  readonly context: PagingContext;
  readonly nested: NestedContext;
  readonly memory: HostMemory;
}): ReturnType<typeof processorNestedBits> | null {
  if (kind.does === 'fetch') return [];
  const code = placeOfCode(kind, is64Bit);
  const walk = translateNested(context, nested, memory, code, { ...FETCH_BY_SUPERVISOR, user: kind.user });
  if (walk.kind !== 'mapped' || walk.physicalAddress !== code) return null;
  return processorNestedBits(walk, context, nested);
}
