import { type CpuDeviceState, type NestedPaging, readNestedPaging } from '../../../protocols/qmp/index.ts';
import {
  CR0_PG,
  CR4_LA57,
  CR4_PAE,
  CR4_PSE,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
  type EptCapabilities,
  type NptRegisters,
} from '../../paging/index.ts';
import { GuestUsageError } from '../errors.ts';

/** The second stage that a vCPU runs behind, when it runs a nested guest (L2). @public */
export type NestedStage =
  | {
      readonly kind: 'npt';
      readonly registers: NptRegisters;
      /** Where CR4.SMEP of `registers` is unknown, and is 0 for that reason alone. */
      readonly smep?: 'unknown';
    }
  | { readonly kind: 'ept'; readonly eptp: bigint; readonly capabilities?: Omit<EptCapabilities, 'maxPhyAddr'> };

/** QEMU's own flags of a vCPU, the same numbers in 7.2 to 10.2. */
const HFLAG_GUEST = 1 << 21;
const HFLAG2_NPT = 1 << 6;

/** QEMU's bits of a paging mode, as it keeps them of the host of a nested guest. */
const PG_MODE = { pae: 1 << 0, lma: 1 << 1, nxe: 1 << 2, pse: 1 << 3, la57: 1 << 4 };

function registersOf({ nestedCr3, nestedPgMode }: NestedPaging): NptRegisters {
  const when = (bit: number, mask: bigint): bigint => (nestedPgMode & bit ? mask : 0n);
  return {
    cr0: CR0_PG,
    nestedCr3,
    cr4: when(PG_MODE.pae, CR4_PAE) | when(PG_MODE.pse, CR4_PSE) | when(PG_MODE.la57, CR4_LA57),
    efer: when(PG_MODE.lma, EFER_LMA) | when(PG_MODE.nxe, EFER_NXE),
  };
}

/** The nested paging of the SVM guest that a vCPU runs, as TCG saved it; null when it runs none. @internal */
export function nestedStageOf(cpu: CpuDeviceState): NestedStage | null {
  const runsGuest = (cpu.hflags & HFLAG_GUEST) !== 0 && (cpu.hflags2 & HFLAG2_NPT) !== 0;
  const paging = runsGuest ? readNestedPaging(cpu) : undefined;
  return paging === undefined ? null : { kind: 'npt', registers: registersOf(paging) };
}

/** The host's modes that nested tables can be in, by name. */
const HOST_MODES: Readonly<Record<string, Pick<NptRegisters, 'cr4' | 'efer'>>> = {
  '32-bit': { cr4: CR4_PSE, efer: 0n },
  pae: { cr4: CR4_PAE, efer: EFER_NXE },
  '4-level': { cr4: CR4_PAE, efer: EFER_LMA | EFER_NXE },
  '5-level': { cr4: CR4_PAE | CR4_LA57, efer: EFER_LMA | EFER_NXE },
};

/** SMEP of the host decides whether NPT faults report fetches where NXE does not say it. APM vol. 2, 15.25.6. @internal */
export function dependsOnSmep(stage: NestedStage): boolean {
  if (stage.kind === 'ept') return false;
  const { cr4, efer } = stage.registers;
  return (cr4 & CR4_PAE) === 0n || (efer & EFER_NXE) === 0n;
}

/** What may be said of NPT behind its mode, and what it does to the registers. */
const NPT_FLAGS: Readonly<Record<string, (registers: NptRegisters) => NptRegisters>> = {
  smep: (registers) => ({ ...registers, cr4: registers.cr4 | CR4_SMEP }),
  'no-smep': (registers) => registers,
  'no-nxe': (registers) => ({ ...registers, efer: registers.efer & ~EFER_NXE }),
  gmet: (registers) => ({ ...registers, guestModeExecuteTrap: true }),
  sss: (registers) => ({ ...registers, supervisorShadowStackCheck: true }),
};

function parseNpt(nestedCr3: bigint, words: readonly string[]): NestedStage | null {
  const [first = ''] = words;
  const hasMode = Object.hasOwn(HOST_MODES, first);
  const host = HOST_MODES[hasMode ? first : '4-level'];
  const flags = hasMode ? words.slice(1) : words;
  if (host === undefined || flags.some((flag) => !Object.hasOwn(NPT_FLAGS, flag))) return null;
  const start: NptRegisters = { cr0: CR0_PG, nestedCr3, ...host };
  const registers = flags.reduce((changed, flag) => NPT_FLAGS[flag]?.(changed) ?? changed, start);
  const stage = { kind: 'npt', registers } as const;
  const isStated = flags.includes('smep') || flags.includes('no-smep');
  return isStated || !dependsOnSmep(stage) ? stage : { ...stage, smep: 'unknown' };
}

/**
 * A second stage as people write it: `none`, `npt:ROOT`, `npt:ROOT,MODE` (`32-bit`, `pae`, `4-level` unless given, `5-level`),
 * `ept:EPTP`. Behind `npt:ROOT` or the mode there may be `smep` or `no-smep` (CR4.SMEP of the hypervisor), `no-nxe` (its
 * EFER.NXE is 0), `gmet` (its VMCB has the guest mode execute trap) and `sss` (its VMCB has the supervisor shadow-stack check),
 * with commas between. Numbers are hexadecimal with 0x, or decimal.
 *
 * @throws GuestUsageError `ERR_GUEST_USAGE`.
 * @public
 */
export function parseNestedStage(text: string): NestedStage | null {
  if (text === 'none') return null;
  const [, kind, number = '', more] = /^(npt|ept):(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})(?:,(.*))?$/.exec(text) ?? [];
  if (kind === 'ept' && more === undefined) return { kind, eptp: BigInt(number) };
  const npt = kind === 'npt' ? parseNpt(BigInt(number), more?.split(',') ?? []) : null;
  if (npt !== null) return npt;
  throw new GuestUsageError(
    `${JSON.stringify(text)} names no second stage: none, npt:ROOT, npt:ROOT,MODE with one of ${Object.keys(HOST_MODES).join(', ')}, either with any of ${Object.keys(NPT_FLAGS).join(', ')} behind a comma, or ept:EPTP`,
  );
}
