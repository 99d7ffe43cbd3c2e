import type { TranslateScope } from '../../guest/index.ts';
import type { AnyAnswer, AskedAccess } from '../answers/guest-answer.ts';
import type { GuestMap } from '../answers/guest-map.ts';
import {
  type FaultExpectation,
  judgeFault,
  judgeMapped,
  judgeUsage,
  type MappedExpectation,
  type RightsText,
} from '../assertions/judge-answer.ts';
import { judgeNone, judgeRights, type MapPart, type UnwantedPages } from '../assertions/judge-map.ts';
import type { Verdict } from '../assertions/verdict.ts';
import type { LaunchedGuest } from '../guest/launched-guest.ts';
import type { PausedGuest } from '../guest/paused-guest.ts';

/** What a matcher of vitest or jest gives back. @public */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/** What an address of a guest is expected to be, and how it is asked. @public */
export interface MapExpectation extends MappedExpectation, TranslateScope {
  /** A supervisor read unless given. */
  readonly access?: AskedAccess;
}

/**
 * Matchers for `expect.extend` of vitest and jest.
 *
 * @example
 * ```ts
 * import matchers from 'pagewalk/testing/matchers';
 * expect.extend(matchers);
 * expect(await guest.translate(text, { write: true })).toFault({ fault: 'PRIVILEGE_VIOLATION', at: 'PTE' });
 * ```
 * @public
 */
export const pagewalkMatchers = {
  toBeMapped: (answer: AnyAnswer, expected?: MappedExpectation) => toResult(judgeMapped(answer, expected)),
  toFault: (answer: AnyAnswer, expected?: FaultExpectation) => toResult(judgeFault(answer, expected)),
  toBeAccessed: (answer: AnyAnswer) => toResult(judgeUsage(answer, 'accessed')),
  toBeDirty: (answer: AnyAnswer) => toResult(judgeUsage(answer, 'dirty')),
  toHaveNoWritableExecutable: (map: GuestMap) => toResult(judgeNone(map, 'writableExecutable')),
  toHaveNone: (map: GuestMap, unwanted: UnwantedPages) => toResult(judgeNone(map, unwanted)),
  toHaveRights: (map: GuestMap, rights: RightsText, part?: MapPart) => toResult(judgeRights(map, rights, part)),
  /** Asks the guest: to be awaited. */
  toMap: async (guest: LaunchedGuest | PausedGuest, address: bigint, expected: MapExpectation = {}) => {
    const { access, ...rest } = expected;
    return toResult(judgeMapped(await guest.translate(address, access, rest), rest));
  },
} as const;

/** The matchers as a test calls them, for the declarations of a runner. @public */
export interface PagewalkMatchers<R = unknown> {
  toBeMapped(expected?: MappedExpectation): R;
  toFault(expected?: FaultExpectation): R;
  toBeAccessed(): R;
  toBeDirty(): R;
  toHaveNoWritableExecutable(): R;
  toHaveNone(unwanted: UnwantedPages): R;
  toHaveRights(rights: RightsText, part?: MapPart): R;
  toMap(address: bigint, expected?: MapExpectation): Promise<R>;
}

function toResult({ pass, message, negatedMessage }: Verdict): MatcherResult {
  return { pass, message: () => (pass ? negatedMessage : message) };
}
