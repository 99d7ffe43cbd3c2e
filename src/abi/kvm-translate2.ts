import { type Access, type BitFlags, type FaultCause, formatHex, type Translation } from '../paging/index.ts';
import { AbiError } from './errors.ts';

/**
 * KVM_TRANSLATE2 as proposed for Linux in September 2024: the request and answer shapes, and what is refused. The walk behind
 * them is `paging`'s.
 */

/** `access` bits of the request. None set is a supervisor read. @public */
export const TRANSLATE2_ACCESS = { write: 1 << 0, user: 1 << 1, exec: 1 << 2 } as const;

/** `flags` bits of the request. @public */
export const TRANSLATE2_FLAG = { setAccessed: 1 << 0, setDirty: 1 << 1, forceSetAccessed: 1 << 2 } as const;

/** `error_code` of the answer; 0 when the translation is valid. @public */
export const TRANSLATE2_ERROR = {
  NOT_PRESENT: 1,
  PRIVILEGE_VIOLATION: 2,
  RESERVED_BITS: 3,
  INVALID_GVA: 4,
  INVALID_GPA: 5,
} as const;

/** @public */
export type Translate2ErrorName = keyof typeof TRANSLATE2_ERROR;

/** What the caller fills in. @public */
export interface Translate2Request {
  readonly linearAddress: bigint;
  /** {@link TRANSLATE2_FLAG} bits. */
  readonly flags: number;
  /** {@link TRANSLATE2_ACCESS} bits. */
  readonly access: number;
}

/** What the ioctl fills in. @public */
export interface Translate2Answer {
  /** Where the address leads; on failure the guest physical address of the responsible entry; 0 for INVALID_GVA. */
  readonly physicalAddress: bigint;
  readonly valid: boolean;
  /** 0 or a {@link TRANSLATE2_ERROR} value. */
  readonly errorCode: number;
  /** Flags were given, and every bit that they asked for is now set in memory. */
  readonly setBitsSucceeded: boolean;
}

const ERROR_OF_CAUSE: Readonly<Record<FaultCause, Translate2ErrorName>> = {
  'not-present': 'NOT_PRESENT',
  privilege: 'PRIVILEGE_VIOLATION',
  'reserved-bits': 'RESERVED_BITS',
  'non-canonical': 'INVALID_GVA',
  'out-of-range': 'INVALID_GVA',
  'unbacked-table': 'INVALID_GPA',
  // The series knows no LASS; what it takes away is a right.
  lass: 'PRIVILEGE_VIOLATION',
};

const KNOWN_ACCESS = TRANSLATE2_ACCESS.write | TRANSLATE2_ACCESS.user | TRANSLATE2_ACCESS.exec;
const KNOWN_FLAGS = TRANSLATE2_FLAG.setAccessed | TRANSLATE2_FLAG.setDirty | TRANSLATE2_FLAG.forceSetAccessed;

function refuse(message: string): never {
  throw new AbiError('ERR_ABI_EINVAL', message);
}

/** Request bits as the walker and the planner take them. @public */
export interface Translate2Terms {
  readonly access: Access;
  readonly flags: BitFlags;
}

/**
 * Checks a request as the ioctl does, before any walk, and spells its bits out.
 *
 * @throws {@link AbiError} `ERR_ABI_EINVAL` for an unknown bit, a write that is also a fetch (asked for in the review of the
 * series), SET_DIRTY or FORCE_SET_ACCESSED without SET_ACCESSED, SET_DIRTY without the WRITE access.
 * @public
 */
export function decodeRequestTerms(request: Pick<Translate2Request, 'flags' | 'access'>): Translate2Terms {
  const { flags, access } = request;
  if (access & ~KNOWN_ACCESS) refuse(`unknown access bits: ${formatHex(access & ~KNOWN_ACCESS)}`);
  if (flags & ~KNOWN_FLAGS) refuse(`unknown flags: ${formatHex(flags & ~KNOWN_FLAGS)}`);
  const terms = {
    access: {
      write: (access & TRANSLATE2_ACCESS.write) !== 0,
      user: (access & TRANSLATE2_ACCESS.user) !== 0,
      exec: (access & TRANSLATE2_ACCESS.exec) !== 0,
    },
    flags: {
      setAccessed: (flags & TRANSLATE2_FLAG.setAccessed) !== 0,
      setDirty: (flags & TRANSLATE2_FLAG.setDirty) !== 0,
      forceSetAccessed: (flags & TRANSLATE2_FLAG.forceSetAccessed) !== 0,
    },
  };
  checkTerms(terms);
  return terms;
}

/**
 * The same checks on spelt-out terms.
 *
 * @throws {@link AbiError} `ERR_ABI_EINVAL`, as {@link decodeRequestTerms}.
 * @public
 */
export function checkTerms({ access, flags }: Translate2Terms): void {
  if (access.write && access.exec) refuse('WRITE and EXEC exclude each other');
  if (flags.setDirty && !flags.setAccessed) refuse('SET_DIRTY needs SET_ACCESSED');
  if (flags.forceSetAccessed && !flags.setAccessed) refuse('FORCE_SET_ACCESSED needs SET_ACCESSED');
  if (flags.setDirty && !access.write) refuse('SET_DIRTY needs the WRITE access');
}

/** The name of the error that a translation's failure is to the ioctl; null for a valid one. @public */
export function translate2ErrorOf(translation: Translation): Translate2ErrorName | null {
  return translation.kind === 'mapped' ? null : translate2ErrorOfCause(translation.cause);
}

/** The same for a cause alone. @public */
export function translate2ErrorOfCause(cause: FaultCause): Translate2ErrorName {
  return ERROR_OF_CAUSE[cause];
}

/**
 * Whether the walk's outcome lets the bits that the flags ask for be set at all. What memory then takes is the writer's word.
 *
 * @returns false when no flag was given, or when the walk failed and FORCE_SET_ACCESSED was not
 * @public
 */
export function bitsMayBeSet(translation: Translation, flags: BitFlags): boolean {
  return flags.setAccessed && (translation.kind === 'mapped' || flags.forceSetAccessed);
}

/**
 * The ioctl's answer for a translation.
 *
 * @param bitsAreSet - all bits that were planned for this translation are now set in memory
 * @public
 */
export function toTranslate2Answer(translation: Translation, flags: BitFlags, bitsAreSet: boolean): Translate2Answer {
  const error = translate2ErrorOf(translation);
  return {
    physicalAddress:
      translation.kind === 'mapped' ? translation.physicalAddress : (translation.responsible?.address ?? 0n),
    valid: error === null,
    errorCode: error === null ? 0 : TRANSLATE2_ERROR[error],
    setBitsSucceeded: bitsAreSet && bitsMayBeSet(translation, flags),
  };
}
