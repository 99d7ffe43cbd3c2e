import { AbiError } from '../errors.ts';

/** Call codes: bits 15:0 of the control word. Both are simple calls, no rep calls. @public */
export const HV_CALL = { translateVirtualAddress: 0x0052, translateVirtualAddressEx: 0x00ac } as const;

/** `HV_STATUS` values that these hypercalls return: bits 15:0 of the result word. @public */
export const HV_STATUS = {
  SUCCESS: 0x0000,
  INVALID_HYPERCALL_CODE: 0x0002,
  INVALID_HYPERCALL_INPUT: 0x0003,
  INVALID_ALIGNMENT: 0x0004,
  INVALID_PARAMETER: 0x0005,
  ACCESS_DENIED: 0x0006,
  INVALID_PARTITION_STATE: 0x0007,
  OPERATION_DENIED: 0x0008,
  INVALID_PARTITION_ID: 0x000d,
  INVALID_VP_INDEX: 0x000e,
  INVALID_VP_STATE: 0x0015,
} as const;

/** `HV_PARTITION_ID_SELF` and `HV_VP_INDEX_SELF`: the caller's own. @public */
export const HV_SELF = { partitionId: 0xffff_ffff_ffff_ffffn, vpIndex: 0xffff_fffe } as const;

/**
 * The hypercall input value, in RCX:
 *
 * ```
 *  0          16     17                  27      31         32         44      48              60     63
 * | CallCode | Fast | VariableHeaderQw  | zero  | IsNested | RepCount | zero  | RepStartIndex | zero |
 * ```
 *
 * @public
 */
export interface HvHypercallControl {
  /** {@link HV_CALL}. */
  readonly callCode: number;
  /** Input and output are in registers, not in memory. */
  readonly fast: boolean;
  /** Size of a variable header in 8 bytes; 0 for these calls. */
  readonly variableHeaderSize: number;
  /** For the hypervisor below one that runs nested. */
  readonly isNested: boolean;
  /** 0 for a simple call. */
  readonly repCount: number;
  readonly repStartIndex: number;
}

/** The hypercall result value, in RAX: status in bits 15:0, completed reps in bits 43:32. @public */
export interface HvHypercallResult {
  /** {@link HV_STATUS}. */
  readonly status: number;
  readonly repsCompleted: number;
}

interface Field {
  readonly shift: bigint;
  readonly bits: number;
}

const CONTROL = {
  callCode: { shift: 0n, bits: 16 },
  fast: { shift: 16n, bits: 1 },
  variableHeaderSize: { shift: 17n, bits: 10 },
  isNested: { shift: 31n, bits: 1 },
  repCount: { shift: 32n, bits: 12 },
  repStartIndex: { shift: 48n, bits: 12 },
} as const satisfies Record<keyof HvHypercallControl, Field>;
const RESULT = {
  status: { shift: 0n, bits: 16 },
  repsCompleted: { shift: 32n, bits: 12 },
} as const satisfies Record<keyof HvHypercallResult, Field>;

function put(value: number, { shift, bits }: Field, name: string): bigint {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
    throw new RangeError(`${name} does not fit ${bits} bits: ${value}`);
  }
  return BigInt(value) << shift;
}

function take(word: bigint, { shift, bits }: Field): number {
  return Number(BigInt.asUintN(bits, word >> shift));
}

/** @throws RangeError for a number that does not fit its field. @public */
export function encodeHvHypercallControl(
  control: Pick<HvHypercallControl, 'callCode'> & Partial<HvHypercallControl>,
): bigint {
  const { callCode, fast = false, variableHeaderSize = 0, isNested = false, repCount = 0, repStartIndex = 0 } = control;
  return (
    put(callCode, CONTROL.callCode, 'callCode') |
    put(fast ? 1 : 0, CONTROL.fast, 'fast') |
    put(variableHeaderSize, CONTROL.variableHeaderSize, 'variableHeaderSize') |
    put(isNested ? 1 : 0, CONTROL.isNested, 'isNested') |
    put(repCount, CONTROL.repCount, 'repCount') |
    put(repStartIndex, CONTROL.repStartIndex, 'repStartIndex')
  );
}

const KNOWN_CONTROL = Object.values(CONTROL).reduce(
  (all, { shift, bits }) => all | (((1n << BigInt(bits)) - 1n) << shift),
  0n,
);

/**
 * Reads a hypercall input value.
 *
 * @throws {@link AbiError} `ERR_ABI_HYPERCALL_INPUT` where reserved bits are set, as HV_STATUS_INVALID_HYPERCALL_INPUT has it.
 * @public
 */
export function decodeHvHypercallControl(word: bigint): HvHypercallControl {
  if ((word & ~KNOWN_CONTROL) !== 0n) refuseInput('reserved bits of the hypercall input value are set');
  return {
    callCode: take(word, CONTROL.callCode),
    fast: take(word, CONTROL.fast) === 1,
    variableHeaderSize: take(word, CONTROL.variableHeaderSize),
    isNested: take(word, CONTROL.isNested) === 1,
    repCount: take(word, CONTROL.repCount),
    repStartIndex: take(word, CONTROL.repStartIndex),
  };
}

/**
 * Refuses a control word with which neither hypercall can be made.
 *
 * @returns the call code
 * @throws {@link AbiError} `ERR_ABI_HYPERCALL_INPUT`: another call, or a simple call with reps or a variable header.
 * @public
 */
export function checkHvTranslateControl(control: HvHypercallControl): (typeof HV_CALL)[keyof typeof HV_CALL] {
  const { callCode, variableHeaderSize, repCount, repStartIndex } = control;
  if (repCount !== 0 || repStartIndex !== 0) refuseInput('a simple call has no reps');
  if (variableHeaderSize !== 0) refuseInput('the call has no variable header');
  const known = Object.values(HV_CALL).find((code) => code === callCode);
  return known ?? refuseInput(`call code ${callCode} is neither of the translations`, 'INVALID_HYPERCALL_CODE');
}

function refuseInput(problem: string, status: keyof typeof HV_STATUS = 'INVALID_HYPERCALL_INPUT'): never {
  throw new AbiError('ERR_ABI_HYPERCALL_INPUT', `HV_STATUS_${status}: ${problem}`);
}

/** @throws RangeError for a number that does not fit its field. @public */
export function encodeHvHypercallResult({ status, repsCompleted }: HvHypercallResult): bigint {
  return put(status, RESULT.status, 'status') | put(repsCompleted, RESULT.repsCompleted, 'repsCompleted');
}

/** Reserved bits are ignored: they are whatever the hypervisor left there. @public */
export function decodeHvHypercallResult(word: bigint): HvHypercallResult {
  return { status: take(word, RESULT.status), repsCompleted: take(word, RESULT.repsCompleted) };
}
