import type { NestedTranslation, PagingMode, Profile, QemuVersion } from '../../../../src/paging/index.ts';
import type { Random } from '../../../support/random/random.ts';
import { StrayWalkError } from '../../processor-rig/memory/rig-memory.ts';
import { isAtSecondHalf, type ProbeKind, probeKinds } from '../../processor-rig/probe-kind.ts';
import { randomAddress } from '../../processor-rig/random/random-address.ts';
import { GUEST_PML4, WINDOW_CODE } from '../layout.ts';
import type { SvmMachine } from '../machine.ts';
import type { GuestPhysical } from '../tables/guest-physical.ts';
import type { HostMemory } from '../tables/host-memory.ts';
import { tableFormats } from '../tables/table-format.ts';
import { DESCRIPTOR_OFFSET } from './expected-outcome.ts';
import { type DrawnProbe, type Foretold, foretell } from './foretell.ts';
import { randomGuestRegisters, randomHostRegisters } from './probe-registers.ts';

/** One access that the hypervisor's guest is to make, and what the walker says will come of it. */
export interface Probe extends DrawnProbe, Foretold {}

/** What a batch's probes are drawn from. */
export interface ProbeSource {
  readonly random: Random;
  readonly machine: SvmMachine;
  readonly guestMode: PagingMode;
  /** What the processor is: no probe is made that would end the hypervisor on it. */
  readonly profile: Profile;
  /** What the walker is told that it is, if something else. */
  readonly claimed?: Profile;
  readonly memory: HostMemory;
  readonly addresses: GuestPhysical;
  readonly nestedRoots: readonly number[];
  readonly version: QemuVersion;
}

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
  const { random, machine, guestMode, profile, claimed = profile } = source;
  const kind = random.pick(kinds);
  const host = randomHostRegisters(random, machine.hostMode);
  const guest = randomGuestRegisters(random, guestMode);
  const linear = drawAddress(source, kind);
  const cr3 = drawRoot(source);
  const nestedCr3 = random.pick(source.nestedRoots) + (random.uint32() & (machine.hostMode === 'pae' ? 0x1f : 0xfff));
  if (isInWindow(linear)) return null;
  const drawn = { kind, linear, cr3, nestedCr3, host, guest };
  const truth = foretell(drawn, { ...machine, profile }, source.memory);
  if (truth === null || isDeadly(kind, truth.translation, source.version)) return null;
  const foretold = claimed === profile ? truth : foretell(drawn, { ...machine, profile: claimed }, source.memory);
  return foretold && { ...drawn, ...foretold };
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

/**
 * A load or store for which a nested table is read where no memory is ends QEMU 10 (10.0.2): "qemu: fatal: cpu_io_recompile:
 * could not find TB for pc=(nil)". A fetch does not, and QEMU 7.2 reads zeros for all of them.
 */
function isDeadly({ does }: ProbeKind, translation: NestedTranslation, [major]: QemuVersion): boolean {
  const isTableMissing = translation.kind === 'nested-fault' && translation.cause === 'unbacked-table';
  return major >= 10 && isTableMissing && does !== 'fetch';
}

function isInWindow(linear: bigint): boolean {
  return linear >= BigInt(WINDOW_CODE) && linear < BigInt(GUEST_PML4);
}
