import {
  AbiError,
  checkHvRequest,
  encodeHvTranslateOutput,
  encodeHvTranslateOutputEx,
  HV_CONTROL,
  type HvOverrides,
  type HvTranslateAnswer,
  type HvVirtualProcessor,
  hvChecks,
  judgeHvTranslate,
} from '../../../abi/index.ts';
import type {
  Assumption,
  GuestTranslation,
  GuestView,
  Machine,
  MemoryTypeMsrs,
  Override,
  Sourced,
  TranslateScope,
  VcpuState,
} from '../../../guest/index.ts';
import type { PagingMode, PlannedBits } from '../../../paging/index.ts';
import type { ReportedAssumption, ReportedHvTranslation } from '../../../report/index.ts';
import { UsageError } from '../../errors.ts';
import { toTranslateScope } from '../../options/scope-options.ts';
import { reportedSpace } from '../../session/reported-space.ts';
import { withSetBits } from '../../session/with-set-bits.ts';
import { pagesOf } from './page-rules.ts';
import type { HvTranslateCommandLine } from './parse-hv-translate.ts';

/** A question in the guest layer's terms. @internal */
export interface PreparedHvTranslate {
  /** As the command line has it. */
  readonly scope: TranslateScope;
  /** With what the control flags say of the registers. */
  readonly walkScope: TranslateScope;
  /** Such that every walk that is made goes down to where tables end. */
  readonly keepScope: TranslateScope;
  readonly modeOf: (state: VcpuState) => PagingMode;
  readonly machineOf: (state: VcpuState) => Machine;
}

const READ = { write: false, user: false, exec: false };

/**
 * Prepares a question: nothing is connected.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` for a what-if that makes no sense.
 * @internal
 */
export async function prepareHvTranslate(line: HvTranslateCommandLine): Promise<PreparedHvTranslate> {
  const { contextOf, machineOf, parseOverride } = await import('../../../guest/index.ts');
  const scope = await toTranslateScope(line.scope, line.guest.cpu, line.command);
  const changed = (overrides: readonly Override[]): TranslateScope => ({
    ...scope,
    overrides: [...(scope.overrides ?? []), ...overrides],
  });
  // What CPL is decides who makes the access, and no more.
  const { overrides } = hvChecks(line.controlFlags, 0);
  return {
    scope,
    walkScope: changed(overrideTexts(overrides).map(parseOverride)),
    keepScope: changed([parseOverride('CR4.LASS=0')]),
    modeOf: (state) => contextOf(state).mode,
    machineOf,
  };
}

function overrideTexts({ ac, ignoresMode }: HvOverrides): readonly string[] {
  if (ignoresMode) return ['CR4.SMEP=0', 'CR4.SMAP=0', 'CR4.LASS=0'];
  return ac === undefined ? [] : [`RFLAGS.AC=${ac ? 1 : 0}`];
}

/**
 * Reads all that the answers rest on, so that the guest can be resumed.
 *
 * @returns null when that is too much
 * @internal
 */
export function keptForHvTranslate(
  { keepScope }: PreparedHvTranslate,
  view: GuestView,
  addresses: readonly BigUint64Array[],
): Promise<GuestView | null> {
  return view.keep(addresses, READ, keepScope);
}

/** An answer. @internal */
export interface Asked extends ReportedHvTranslation {
  /** The machine that runs the guest. */
  readonly machine: Machine;
}

/** One address's answer, and the walk that decided it; null for an address of more than 64 bits. */
interface Answered {
  readonly gva: bigint;
  readonly answer: HvTranslateAnswer;
  readonly walk: GuestTranslation | null;
}

/**
 * Asks a guest about addresses, and sets the bits that the control flags ask for.
 *
 * @param addresses - of the pages, of 64 bits or more
 * @param notes - what each answer rests on besides
 * @throws {@link UsageError} `ERR_CLI_USAGE` for what the vCPU does not have: shadow-stack accesses with CR4.CET=0.
 * @internal
 */
export async function askHvTranslate(
  line: HvTranslateCommandLine,
  prepared: PreparedHvTranslate,
  view: GuestView,
  addresses: readonly bigint[],
  types: Sourced<MemoryTypeMsrs>,
  notes: readonly Assumption[],
): Promise<readonly Asked[]> {
  const state = await view.scopedState(prepared.scope);
  requireAllowed(line, state);
  const answered = await answerAll(line, prepared, view, addresses, processorOf(line, state, types.value));
  const planned = answered.flatMap(({ answer }) => answer.bits);
  const wrote = planned.length === 0 ? [] : await view.setBits(planned, line.guest.cpu);
  const assumed = [...assumedVtl(line), ...notes];
  const mode = prepared.modeOf(state);
  const machine = prepared.machineOf(state);
  return answered.map((each) => {
    const ofTypes = assumedTypes(types, each.answer.name === 'Success');
    return { ...reportOf(line, state, mode, each, wrote, [...ofTypes, ...assumed]), machine };
  });
}

async function answerAll(
  { controlFlags, guest: { cpu }, overlayPages, pageRules }: HvTranslateCommandLine,
  { walkScope }: PreparedHvTranslate,
  view: GuestView,
  gvas: readonly bigint[],
  vp: HvVirtualProcessor,
): Promise<readonly Answered[]> {
  const { accesses } = hvChecks(controlFlags, vp.cpl);
  const isWalked = (gva: bigint) => BigInt.asUintN(64, gva) === gva;
  const requests = gvas
    .filter(isWalked)
    .flatMap((linearAddress) => accesses.map((access) => ({ linearAddress, access })));
  const walks = await view.translate(requests, walkScope);
  const pages = pagesOf(await view.memoryMap(cpu), { overlayPages, rules: pageRules });
  let at = 0;
  return gvas.map((gva) => {
    const own = isWalked(gva) ? walks.slice(at, at + accesses.length) : [];
    at += own.length;
    const walked = own.map(({ nested, translation }) => nested?.translation ?? translation);
    const answer = judgeHvTranslate({ controlFlags, gva }, vp, walked, pages);
    return { gva, answer, walk: own.find((_, index) => walked[index] === answer.walk) ?? null };
  });
}

/** What only the vCPU's registers can tell to be wrong. */
function requireAllowed({ controlFlags, command }: HvTranslateCommandLine, { cr4 }: VcpuState): void {
  try {
    checkHvRequest({ controlFlags }, { cr4: cr4.value });
  } catch (error) {
    if (!(error instanceof AbiError)) throw error;
    throw new UsageError(error.message, command, { cause: error });
  }
}

function processorOf(
  { vtl }: HvTranslateCommandLine,
  { cpl, cr0, cr4, maxPhyAddr }: VcpuState,
  memoryTypes: MemoryTypeMsrs,
): HvVirtualProcessor {
  const registers = { cpl: cpl.value, cr0: cr0.value, cr4: cr4.value, maxPhyAddr: maxPhyAddr.value };
  const { hypervisor } = memoryTypes;
  return { vtl: vtl.vtl, ...registers, memoryTypes, ...(hypervisor === null ? {} : { hypervisor: hypervisor.value }) };
}

/** What the cache type rests on that was unavailable: it is the cache type alone that this decides, of a success. */
function assumedTypes(types: Sourced<MemoryTypeMsrs>, decides: boolean): readonly Assumption[] {
  if (types.from === 'assumed') return [{ name: 'memoryTypes', value: null, cause: types.cause, decides }];
  const { hypervisor } = types.value;
  if (hypervisor?.from !== 'assumed') return [];
  return [{ name: 'hypervisorMemoryTypes', value: null, cause: hypervisor.cause, decides }];
}

/** QEMU shows one set of registers, and not which VTL it is of. */
function assumedVtl({ vtl: { vtl, isAssumed, isNamed } }: HvTranslateCommandLine): readonly ReportedAssumption[] {
  if (isAssumed) return [{ name: 'vtl', value: null, cause: { code: 'vtl-not-given', vtl }, decides: true }];
  if (!isNamed || vtl === 0) return [];
  return [{ name: 'vtl', value: null, cause: { code: 'vtl-partly-given', vtl }, decides: true }];
}

function reportOf(
  line: HvTranslateCommandLine,
  state: VcpuState,
  mode: PagingMode,
  { gva, answer, walk }: Answered,
  wrote: readonly PlannedBits[],
  notes: readonly ReportedAssumption[],
): Omit<Asked, 'machine'> {
  const { controlFlags, ex, vtl, scope } = line;
  const set = answer.bits.filter((bits) => wrote.some(({ address }) => address === bits.address));
  const asksForBits = (controlFlags & HV_CONTROL.setPageTableBits) !== 0n;
  return {
    hypercall: ex ? 'HvCallTranslateVirtualAddressEx' : 'HvCallTranslateVirtualAddress',
    gva,
    controlFlags,
    cpu: state.cpu,
    mode,
    vtl: { number: vtl.vtl, isNamed: vtl.isNamed },
    cpl: state.cpl.value,
    space: reportedSpace(state, scope),
    answer,
    output: ex ? encodeHvTranslateOutputEx(answer) : encodeHvTranslateOutput(answer),
    walk: walk && withSetBits(walk, set),
    bitsAreSet: asksForBits ? set.length === answer.bits.length : null,
    assumed: [...(walk?.assumed ?? []), ...notes],
  };
}
