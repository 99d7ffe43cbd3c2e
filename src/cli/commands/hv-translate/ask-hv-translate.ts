import {
  type AbiError,
  checkHvRequest,
  encodeHvTranslateOutput,
  encodeHvTranslateOutputEx,
  type HvPages,
  type HvTranslateAnswer,
  type HvVirtualProcessor,
  hvChecks,
  judgeHvTranslate,
} from '../../../abi/index.ts';
import type {
  Assumption,
  GuestTranslation,
  MemoryMap,
  MemoryTypeMsrs,
  Override,
  PausedGuest,
  Sourced,
  VcpuState,
} from '../../../guest/index.ts';
import type { PlannedBits } from '../../../paging/index.ts';
import type { ReportedHvTranslation } from '../../../report/index.ts';
import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import { withGuest } from '../../session/with-guest.ts';
import type { HvTranslateCommandLine } from './hv-translate.ts';

const PAGE_BYTES = 4096;

/** One address's answer, and the walk that decided it. */
interface Answered {
  readonly gva: bigint;
  readonly answer: HvTranslateAnswer;
  readonly walk: GuestTranslation;
}

/**
 * Puts the hypercall's question to a guest, all of it in one pause.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` for what the vCPU does not have: shadow-stack accesses with CR4.CET=0.
 * @internal
 */
export async function askHvTranslate(
  line: HvTranslateCommandLine,
  context: CliContext,
): Promise<readonly ReportedHvTranslation[]> {
  const { parseOverride } = await import('../../../guest/index.ts');
  const { cpu } = line.guest;
  return withGuest(line.guest, context, async (paused, guest) => {
    const state = await paused.vcpuState(cpu);
    requireAllowed(line, state);
    const types = await paused.memoryTypes(cpu);
    const answered = await answerAll(line, paused, processorOf(state, types.value), parseOverride);
    const planned = answered.flatMap(({ answer }) => answer.bits);
    const wrote = await paused.setBits(planned, cpu);
    const notes = [...assumedTypes(types), ...guest.assumed];
    return answered.map((each) => reportOf(line, state, each, wrote, notes));
  });
}

async function answerAll(
  { addresses, controlFlags, guest: { cpu } }: HvTranslateCommandLine,
  paused: PausedGuest,
  vp: HvVirtualProcessor,
  parse: (text: string) => Override,
): Promise<readonly Answered[]> {
  const { accesses, overrides } = hvChecks(controlFlags, vp.cpl);
  const requests = addresses.flatMap((linearAddress) => accesses.map((access) => ({ linearAddress, access })));
  const walks = await paused.translate(requests, { cpu, overrides: overridesOf(overrides.ac, parse) });
  const pages = pagesOf(await paused.memoryMap(cpu));
  return addresses.map((gva, at) => {
    const own = walks.slice(at * accesses.length, (at + 1) * accesses.length);
    const walked = own.map(({ nested, translation }) => nested?.translation ?? translation);
    const answer = judgeHvTranslate({ controlFlags, gva }, vp, walked, pages);
    return { gva, answer, walk: own.find((_, index) => walked[index] === answer.walk) as GuestTranslation };
  });
}

/** What only the vCPU's registers can tell to be wrong. */
function requireAllowed({ controlFlags }: HvTranslateCommandLine, { cr4 }: VcpuState): void {
  try {
    checkHvRequest({ controlFlags }, { cr4: cr4.value });
  } catch (error) {
    throw new UsageError((error as AbiError).message, 'hv-translate', { cause: error });
  }
}

function overridesOf(ac: boolean | undefined, parse: (text: string) => Override): readonly Override[] {
  return ac === undefined ? [] : [parse(`RFLAGS.AC=${ac ? 1 : 0}`)];
}

function processorOf({ cpl, cr0, cr4, maxPhyAddr }: VcpuState, memoryTypes: MemoryTypeMsrs): HvVirtualProcessor {
  const registers = { cpl: cpl.value, cr0: cr0.value, cr4: cr4.value, maxPhyAddr: maxPhyAddr.value };
  const { host } = memoryTypes;
  return { ...registers, memoryTypes, ...(host === null ? {} : { host: host.value }) };
}

/** What the cache type rests on that could not be had. */
function assumedTypes({ value: { host }, from, detail: why }: Sourced<MemoryTypeMsrs>): readonly Assumption[] {
  if (from === 'assumed') return [{ name: 'memoryTypes', value: null, why, decides: true }];
  if (host?.from !== 'assumed') return [];
  return [{ name: 'hostMemoryTypes', value: null, why: host.detail, decides: true }];
}

/** What QEMU has no memory for is unmapped already; of the rest ROM alone denies anything. */
function pagesOf(map: MemoryMap): HvPages {
  return {
    accessTo: (gpaPage) => ({ read: true, write: map.isWritable(Number(gpaPage) * PAGE_BYTES, PAGE_BYTES) }),
  };
}

/** The bits that were set, with the stage that they are in. */
function withBits(walk: GuestTranslation, set: readonly PlannedBits[]): GuestTranslation {
  const isNested = (bits: PlannedBits) => 'stage' in bits && bits.stage === 'nested';
  const { nested } = walk;
  return {
    ...walk,
    wrote: set.filter((bits) => !isNested(bits)),
    nested: nested && { ...nested, wrote: set.filter(isNested) },
  };
}

function reportOf(
  { controlFlags, ex }: HvTranslateCommandLine,
  { cpl }: VcpuState,
  { gva, answer, walk }: Answered,
  wrote: readonly PlannedBits[],
  notes: readonly Assumption[],
): ReportedHvTranslation {
  const set = answer.bits.filter((bits) => wrote.some(({ address }) => address === bits.address));
  return {
    hypercall: ex ? 'HvCallTranslateVirtualAddressEx' : 'HvCallTranslateVirtualAddress',
    gva,
    controlFlags,
    cpl: cpl.value,
    answer,
    output: ex ? encodeHvTranslateOutputEx(answer) : encodeHvTranslateOutput(answer),
    walk: withBits(walk, set),
    reason: reasonOf(answer, walk),
    bitsAreSet: set.length === answer.bits.length,
    assumed: [...walk.assumed, ...notes],
  };
}

function reasonOf({ name }: HvTranslateAnswer, { translation, nested }: GuestTranslation): string | null {
  if (name === 'Success') return null;
  if (name === 'GpaNoWriteAccess') return 'a bit is to be set in a table that cannot be written';
  if (nested?.translation.kind === 'nested-fault') return nested.translation.reason;
  return translation.kind === 'fault' ? translation.reason : null;
}
