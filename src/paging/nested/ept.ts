import { PagingInputError } from '../errors.ts';
import { formatHex } from '../format-hex.ts';
import { ENTRY_PS } from '../rules/architecture.ts';
import type { PagingContext } from '../rules/context.ts';
import { combinationOf } from '../rules/entry-kind.ts';
import { bits, type Level } from '../rules/levels.ts';
import { MODES } from '../rules/modes.ts';
import { INTEL, type Profile } from '../rules/profiles.ts';
import { EPT_R, EPT_RULES, EPT_W, EPT_X, EPT_XU } from './ept-rules.ts';
import type { NestedContext } from './nested-context.ts';

/** What the processor and the VM-execution controls say about EPT. IA32_VMX_EPT_VPID_CAP, SDM vol. 3D, A.10. @public */
export interface EptCapabilities {
  /** MAXPHYADDR, 32 to 52. */
  readonly maxPhyAddr: number;
  /** Entries may allow execution without reading. Default true. */
  readonly executeOnly?: boolean;
  /** 1 GB pages. Default true. */
  readonly page1g?: boolean;
  /** The control "mode-based execute control for EPT" is set: bit 10 is execute for user-mode addresses. Default false. */
  readonly modeBasedExecute?: boolean;
  /** The control "EPT paging-write control" is set: bit 58 lets guest-paging writes through. Default false. */
  readonly pagingWrite?: boolean;
  /** Shadow-stack control in EPTP bit 7 exists. Default false. */
  readonly supervisorShadowStack?: boolean;
  /** The control "sub-page write permissions for EPT" is set. Not supported: refused. */
  readonly subPageWrite?: boolean;
  /** The control "guest-paging verification" is set. Not supported: refused. */
  readonly guestPagingVerification?: boolean;
  /** The control "enable HLAT" is set, which gives the guest tables beside those of CR3. Not supported: refused. */
  readonly hlat?: boolean;
  /** VM exits tell more about the guest's page (qualification bits 11:9). Default false. */
  readonly advancedExitInformation?: boolean;
}

const EPT_USAGE_BITS = { accessed: 1n << 8n, dirty: 1n << 9n };
const EPTP_ACCESSED_DIRTY = 1n << 6n;
const EPTP_SHADOW_STACK = 1n << 7n;
/** Bits 6:3 of an entry that points to a table, and 7 where no page is that large. SDM vol. 3C, table 31-2 ff. */
const TABLE_RESERVED = 0x78;
/** A 2 MB leaf has bits 20:12 reserved and a 1 GB leaf 29:12: no PAT bit here. */
const LEAF_RESERVED: Readonly<Record<number, number>> = { 1: 0, 2: bits(12, 20), 3: bits(12, 29) };
/** Memory types that no leaf may have. SDM vol. 3C, 31.3.3.1. */
const BAD_MEMORY_TYPES = new Set([2, 3, 7]);
/** Bit 58 as {@link combinationOf} packs it. */
const PAGING_WRITE = 0x100;

/**
 * Which combinations of rights, memory type, size and paging-write bit are misconfigurations: writable or (without
 * execute-only) executable but not readable, a leaf of an unknown memory type, a paging-writable leaf that is not readable.
 */
function misconfigurations(when: EptCapabilities, isLeaf: (combination: number) => boolean): Uint8Array {
  const table = new Uint8Array(0x200);
  const xu = when.modeBasedExecute ? combinationOf(EPT_XU, 0) : 0;
  for (let combination = 0; combination < table.length; combination += 1) {
    const readable = (combination & EPT_R) !== 0;
    const executable = (combination & (EPT_X | xu)) !== 0;
    const leaf = isLeaf(combination);
    const bad =
      (!readable && (combination & EPT_W) !== 0) ||
      (!readable && executable && when.executeOnly === false) ||
      (leaf && BAD_MEMORY_TYPES.has((combination >> 3) & 7)) ||
      (leaf && !readable && when.pagingWrite === true && (combination & PAGING_WRITE) !== 0);
    table[combination] = bad ? 1 : 0;
  }
  return table;
}

function eptLevel(row: Level['level'], when: EptCapabilities, hasUsageBits: boolean): Level {
  const shape = MODES['5-level'].levels.find(({ level }) => level === row);
  if (shape === undefined) throw new RangeError(`EPT has no level ${row}`);
  const rights = EPT_R | EPT_W | EPT_X | (when.modeBasedExecute ? EPT_XU : 0);
  const mayBeLeaf = row === 2 || (row === 3 && when.page1g !== false);
  const reservedHigh = bits(when.maxPhyAddr - 32, 19);
  return {
    level: row,
    table: shape.table,
    shift: shape.shift,
    indexMask: (1 << shape.indexBits) - 1,
    entrySizeBytes: 8,
    presentMask: rights,
    leafBit: row === 1 ? rights : mayBeLeaf ? ENTRY_PS : 0,
    misconfigured: misconfigurations(when, (value) => row === 1 || (mayBeLeaf && (value & ENTRY_PS) !== 0)),
    tableReservedLow: TABLE_RESERVED | (mayBeLeaf ? 0 : ENTRY_PS),
    tableReservedHigh: reservedHigh,
    leafReservedLow: LEAF_RESERVED[row] ?? 0,
    leafReservedHigh: reservedHigh,
    addressHigh: bits(0, 19),
    leafAddressLow: bits(shape.shift, 31),
    leafHighFromLow: 0,
    impliedRights: 0,
    hasAccessed: hasUsageBits,
    usageBits: EPT_USAGE_BITS,
  };
}

/**
 * That A is set above a page whose rights deny the access is said of a #PF alone (SDM vol. 3A, interrupt 14); of an EPT violation
 * SDM vol. 3C, 31.3.4 promises nothing, and neither KVM nor Bochs sets any then.
 */
const EPT_PROFILE: Profile = { ...INTEL, accessedOnFault: 'none' };

const UNSUPPORTED = {
  subPageWrite: 'sub-page write permissions',
  guestPagingVerification: 'guest-paging verification',
  hlat: 'HLAT',
} as const satisfies Partial<Record<keyof EptCapabilities, string>>;

/** Silence would be a wrong answer: each of these can let through what EPT forbids, or forbid what it lets through. */
function checkSupported(when: EptCapabilities): void {
  for (const name of Object.keys(UNSUPPORTED) as (keyof typeof UNSUPPORTED)[]) {
    if (when[name]) throw new PagingInputError('ERR_PAGING_UNSUPPORTED', `${UNSUPPORTED[name]} is not supported`);
  }
}

/** SDM vol. 3C, table 25-9 (24-8): memory type 0 or 6, walk length 3 or 4 (plus 1), and what must be 0. */
function checkEptp(eptp: bigint, when: EptCapabilities): void {
  const refuse = (what: string): never => {
    throw new PagingInputError('ERR_PAGING_EPTP', `EPTP ${formatHex(eptp)}: ${what}`);
  };
  if (BigInt.asUintN(64, eptp) !== eptp) refuse('it does not fit 64 bits');
  const memoryType = eptp & 7n;
  if (memoryType !== 0n && memoryType !== 6n)
    refuse(`memory type ${memoryType} in bits 2:0 is neither 0 (UC) nor 6 (WB)`);
  const length = ((eptp >> 3n) & 7n) + 1n;
  if (length !== 4n && length !== 5n) refuse(`a walk length of ${length} in bits 5:3 is neither 4 nor 5`);
  const shadowStack = when.supervisorShadowStack ? EPTP_SHADOW_STACK : 0n;
  const reservedLow = eptp & 0xf80n & ~shadowStack;
  const reservedHigh = (eptp >> BigInt(when.maxPhyAddr)) << BigInt(when.maxPhyAddr);
  if (reservedLow !== 0n) refuse(`reserved bits ${formatHex(reservedLow)} of 11:7 are set`);
  if (reservedHigh !== 0n) refuse(`bits ${formatHex(reservedHigh)} above MAXPHYADDR (${when.maxPhyAddr}) are set`);
}

/**
 * Intel's second stage, as an EPT pointer and the controls define it.
 *
 * @throws PagingInputError `ERR_PAGING_EPTP`, naming what is wrong with the pointer; `ERR_PAGING_PROCESSOR`;
 * `ERR_PAGING_UNSUPPORTED` for controls that are not supported.
 * @public
 */
export function createEpt(eptp: bigint, capabilities: EptCapabilities): NestedContext {
  const { maxPhyAddr } = capabilities;
  if (!Number.isInteger(maxPhyAddr) || maxPhyAddr < 32 || maxPhyAddr > 52) {
    throw new PagingInputError('ERR_PAGING_PROCESSOR', `MAXPHYADDR is ${maxPhyAddr}; a processor has 32 to 52`);
  }
  checkSupported(capabilities);
  checkEptp(eptp, capabilities);
  const hasUsageBits = (eptp & EPTP_ACCESSED_DIRTY) !== 0n;
  const depth = Number((eptp >> 3n) & 7n) + 1;
  const levels = Array.from({ length: depth }, (_, at) => eptLevel(depth - at, capabilities, hasUsageBits));
  return {
    kind: 'ept',
    stage: eptStage(eptp, levels, capabilities),
    writesTables: hasUsageBits ? 'always' : 'when-bits-are-missing',
    guestModeExecuteTrap: false,
    modeBasedExecute: capabilities.modeBasedExecute ?? false,
    marksShadowStacks: (eptp & EPTP_SHADOW_STACK) !== 0n,
    advancedExitInformation: capabilities.advancedExitInformation ?? false,
  };
}

function eptStage(eptp: bigint, levels: readonly Level[], capabilities: EptCapabilities): PagingContext {
  const linearBits = levels.length === 5 ? 57 : 48;
  const root = (eptp >> 12n) << 12n;
  return {
    mode: levels.length === 5 ? '5-level' : '4-level',
    profile: EPT_PROFILE,
    root,
    linearBits,
    linearAddress: {
      linearBits,
      checksCanonical: false,
      isUnsigned: true,
      isCompatibility: false,
      takesTags: false,
      userTagBelow: 63,
      supervisorTagBelow: 63,
      ignoresUpper: false,
      separates: false,
    },
    latched: null,
    a20Masked: 0,
    hasShadowStacks: false,
    levels,
    rootAddress: Number(root),
    policy: {
      writeProtect: true,
      smep: false,
      smap: false,
      alignmentCheck: false,
      implicitHonoursAc: false,
      userFaultReportsKey: true,
      executeDisableHigh: 0,
      reportsFetch: true,
      protectionKeys: false,
      userKeys: 0,
      supervisorKeys: 0,
      guestModeExecuteTrap: false,
      modeBasedExecute: capabilities.modeBasedExecute ?? false,
      pagingWrite: capabilities.pagingWrite ?? false,
      supervisorShadowStack: (eptp & EPTP_SHADOW_STACK) !== 0n,
    },
    rules: EPT_RULES,
  };
}
