import {
  type Access,
  asAnswer,
  type BitFlags,
  type FaultCause,
  formatHex,
  type Translation,
} from '../paging/internal.ts';
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
  'privilege-violation': 'PRIVILEGE_VIOLATION',
  'reserved-bits': 'RESERVED_BITS',
  'non-canonical': 'INVALID_GVA',
  'out-of-range': 'INVALID_GVA',
  'unbacked-table': 'INVALID_GPA',
  // The series knows no LASS; what it takes away is a right.
  lass: 'PRIVILEGE_VIOLATION',
};

/** Failures at which no entry was looked at: there was none to set a bit in. */
const WITHOUT_WALK: ReadonlySet<FaultCause> = new Set<FaultCause>(['non-canonical', 'out-of-range', 'lass']);

const KNOWN_ACCESS = TRANSLATE2_ACCESS.write | TRANSLATE2_ACCESS.user | TRANSLATE2_ACCESS.exec;
const KNOWN_FLAGS = TRANSLATE2_FLAG.setAccessed | TRANSLATE2_FLAG.setDirty | TRANSLATE2_FLAG.forceSetAccessed;

function refuse(message: string): never {
  throw new AbiError('ERR_ABI_EINVAL', message);
}

/** Request bits as the walker and the planner take them. @public */
export interface Translate2Terms {
  /** One access for the walker, unless both WRITE and EXEC were let through: see {@link walkedAccesses}. */
  readonly access: Access;
  readonly flags: BitFlags;
}

/** Where the series and its review say different things. @public */
export interface Translate2Rules {
  /**
   * WRITE together with EXEC: refused, as the review has it, or both judged, as the patches do and their selftest expects. Refused
   * unless given.
   */
  readonly writeWithExec?: 'refused' | 'both';
}

/**
 * Checks a request as the ioctl does, before any walk, and spells its bits out.
 *
 * @throws {@link AbiError} `ERR_ABI_EINVAL` for an unknown bit, a write that is also a fetch (unless the rules say otherwise),
 * SET_DIRTY or FORCE_SET_ACCESSED without SET_ACCESSED, SET_DIRTY without the WRITE access.
 * @public
 */
export function decodeRequestTerms(
  request: Pick<Translate2Request, 'flags' | 'access'>,
  rules: Translate2Rules = {},
): Translate2Terms {
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
  checkTerms(terms, rules);
  return terms;
}

/**
 * The same checks on spelt-out terms.
 *
 * @throws {@link AbiError} `ERR_ABI_EINVAL`, as {@link decodeRequestTerms}.
 * @public
 */
export function checkTerms({ access, flags }: Translate2Terms, { writeWithExec }: Translate2Rules = {}): void {
  if (access.write && access.exec && writeWithExec !== 'both') refuse('WRITE and EXEC exclude each other');
  if (flags.setDirty && !flags.setAccessed) refuse('SET_DIRTY needs SET_ACCESSED');
  if (flags.forceSetAccessed && !flags.setAccessed) refuse('FORCE_SET_ACCESSED needs SET_ACCESSED');
  if (flags.setDirty && !access.write) refuse('SET_DIRTY needs the WRITE access');
}

/** The accesses that the walker judges: of WRITE with EXEC the write and the fetch, else the one that there is. @public */
export function walkedAccesses(access: Access): readonly Access[] {
  if (!access.write || !access.exec) return [access];
  return [
    { ...access, exec: false },
    { ...access, write: false },
  ];
}

/**
 * Which of the translations of {@link walkedAccesses} is the ioctl's: the one that fails first, on the way down the tables; the
 * first, a write's, where all succeed.
 *
 * @throws RangeError for none
 * @public
 */
export function decisiveTranslation<T extends Translation>(translations: readonly T[]): T {
  const [first] = translations;
  if (first === undefined) throw new RangeError('there is no translation to choose from');
  const faults = translations.filter(({ kind }) => kind === 'fault');
  return faults.reduce((one, other) => (levelOfEnd(other) > levelOfEnd(one) ? other : one), faults[0] ?? first);
}

/**
 * Of the responsible entry; above all of them where the address itself is to blame; below all of them where the second
 * stage of a nested guest refuses the page.
 */
function levelOfEnd(translation: Translation): number {
  if (translation.kind === 'mapped') return 0;
  return translation.responsible?.level ?? (WITHOUT_WALK.has(translation.cause) ? Number.POSITIVE_INFINITY : 0);
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
 * @returns false when no flag was given, when the walk failed and FORCE_SET_ACCESSED was not, and when there was no walk: for
 * INVALID_GVA nothing is set, however it is forced
 * @public
 */
export function bitsMayBeSet(translation: Translation, flags: BitFlags): boolean {
  if (!flags.setAccessed) return false;
  return translation.kind === 'mapped' || (flags.forceSetAccessed && !WITHOUT_WALK.has(translation.cause));
}

/**
 * The ioctl's answer for a translation.
 *
 * @param bitsAreSet - all bits that were planned for this translation are now set in memory
 * @public
 */
export function toTranslate2Answer(translation: Translation, flags: BitFlags, bitsAreSet: boolean): Translate2Answer {
  const error = translate2ErrorOf(translation);
  return asAnswer({
    physicalAddress:
      translation.kind === 'mapped' ? translation.physicalAddress : (translation.responsible?.address ?? 0n),
    valid: error === null,
    errorCode: error === null ? 0 : TRANSLATE2_ERROR[error],
    setBitsSucceeded: bitsAreSet && bitsMayBeSet(translation, flags),
  });
}
