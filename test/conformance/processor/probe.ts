import {
  createContext,
  type PagingContext,
  type Profile,
  type Translation,
  translate,
} from '../../../src/paging/index.ts';
import type { Random } from '../../support/random/random.ts';
import { StrayWalkError } from '../processor-rig/memory/rig-memory.ts';
import { pagingRegisters } from '../processor-rig/paging-registers.ts';
import { isAtSecondHalf, type ProbeKind, probeKinds, ringKinds } from '../processor-rig/probe-kind.ts';
import { randomAddress } from '../processor-rig/random/random-address.ts';
import { type ProbeRegisters, randomRegisters } from '../processor-rig/random/random-registers.ts';
import { type ExpectedOutcome, expectOutcome } from './expected-outcome.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { ProbeMachine } from './machine.ts';
import type { TablePool } from './table-pool.ts';

/** One access that the guest's processor is to make, and what the walker says will come of it. */
export interface Probe {
  readonly kind: ProbeKind;
  readonly linear: bigint;
  readonly cr3: number;
  readonly registers: ProbeRegisters;
  /** Of its accesses, as many as are made. */
  readonly translations: readonly Translation[];
  readonly expected: ExpectedOutcome;
}

/** What a batch's probes are drawn from. */
export interface ProbeSource {
  readonly random: Random;
  readonly machine: ProbeMachine;
  readonly profile: Profile;
  readonly cpl?: number | undefined;
  readonly memory: GuestMemory;
  readonly pool: TablePool;
}

/** CPL 1 and 2 are seldom met, and differ from CPL 0 in no rule of paging: a quarter of the probes is theirs. */
const drawnKinds = [...probeKinds, ...probeKinds, ...probeKinds, ...ringKinds];

/** Draws a probe, of any kind or of one; one that cannot be made is drawn again. */
export function randomProbe(source: ProbeSource, wanted?: ProbeKind): Probe {
  for (;;) {
    const probe = tryProbe(source, wanted ?? source.random.pick(drawnKinds));
    if (probe !== null) return probe;
  }
}

/** How the last of a probe's accesses ends. */
export function endingOf({ kind, translations }: Probe): string {
  const last = translations.at(-1);
  return `${kind.name} ${last?.kind === 'mapped' ? `mapped ${last.pageSizeBytes}` : last?.cause}`;
}

function tryProbe(source: ProbeSource, kind: ProbeKind): Probe | null {
  const { random, machine, profile, cpl, memory, pool } = source;
  const registers = randomRegisters(random, machine.mode);
  const cr3 = random.pick(pool.roots) + (random.uint32() & (machine.mode === 'pae' ? 0x1f : 0xfff));
  const linear = randomAddress(random, machine.mode) + (isAtSecondHalf(kind.does) ? 8n : 0n);
  const told = pagingRegisters(registers, cr3, kind);
  const context = createContext({ ...told, cpl: cpl ?? told.cpl ?? 0 }, { ...machine, profile });
  try {
    const translations = walkAccesses(context, memory, linear, kind);
    const expected = expectOutcome({ kind, linear, context, translations }, memory);
    return expected && { kind, linear, cr3, registers, translations, expected };
  } catch (error) {
    if (error instanceof StrayWalkError) return null;
    throw error;
  }
}

function walkAccesses(context: PagingContext, memory: GuestMemory, linear: bigint, kind: ProbeKind): Translation[] {
  const translations: Translation[] = [];
  for (const { access, offset } of kind.accesses) {
    const translation = translate(context, memory, linear + offset, access);
    translations.push(translation);
    if (translation.kind === 'fault') break;
  }
  return translations;
}
