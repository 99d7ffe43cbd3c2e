import type { AnyAnswer } from '../answers/guest-answer.ts';
import type { GuestMap } from '../answers/guest-map.ts';
import {
  type EntryName,
  type FaultExpectation,
  type FaultName,
  judgeFault,
  judgeMapped,
  judgeUsage,
  type MappedExpectation,
  type RightsText,
} from '../assertions/judge-answer.ts';
import { judgeNone, judgeRights, type MapPart, type UnwantedPages } from '../assertions/judge-map.ts';
import type { Verdict } from '../assertions/verdict.ts';
import { ExpectationError, QemuOptionError } from '../errors.ts';
import { LaunchedGuest } from '../guest/launched-guest.ts';
import { PausedGuest } from '../guest/paused-guest.ts';
import type { MapExpectation } from '../matchers/pagewalk-matchers.ts';

/** An assertion about a guest that has yet to be asked: to be awaited. @public */
export interface PendingAssertion extends PromiseLike<undefined> {
  /** The rights of the page, as `map` prints them: `r-x-`. */
  as(rights: RightsText): PendingAssertion;
  readonly and: PendingAssertion;
  readonly with: PendingAssertion;
  /** A and D of the entry that maps the page. */
  readonly accessed: PendingAssertion;
  readonly dirty: PendingAssertion;
}

declare global {
  namespace Chai {
    interface Assertion {
      /** The guest maps an address: asks it, and is to be awaited. */
      map(address: bigint, how?: MapExpectation): PendingAssertion;
      /** The access of an answer can be made. */
      readonly mapped: Assertion;
      /** The access of an answer faults, for this reason. */
      fault(reason?: FaultName): Assertion;
      /** The entry that is responsible. */
      readonly at: Assertion & ((entry: EntryName) => Assertion);
      /** The error code of the page fault. */
      errorCode(code: number): Assertion;
      /** The rights of an answer's page, or of all pages of a map. */
      as(rights: RightsText, part?: MapPart): Assertion;
      /** A of the entry that maps the page. */
      readonly accessed: Assertion;
      /** D of the entry that maps the page. */
      readonly dirty: Assertion;
      /** The same as `not`. */
      readonly no: Assertion;
      /** A map has pages that are writable and executable. */
      writableExecutable(): Assertion;
      /** A map has pages that users may access. */
      userAccessible(): Assertion;
    }
  }
}

/** What is used of an assertion of chai. */
interface AssertionLike {
  readonly _obj: unknown;
  assert(pass: boolean, message: string, negated: string, expected: unknown, actual: unknown, showDiff: boolean): void;
}

type Method = (this: AssertionLike, ...args: never[]) => unknown;

/** What chai is given to run. */
type AnyMethod = (this: object, ...args: unknown[]) => unknown;

/** What is used of chai. @public */
export interface ChaiLike {
  readonly Assertion: {
    addMethod(name: string, method: (this: object, ...args: unknown[]) => unknown): void;
    addProperty(name: string, getter: (this: object) => unknown): void;
    addChainableMethod(
      name: string,
      method: (this: object, ...args: unknown[]) => void,
      chainingBehavior?: () => void,
    ): void;
  };
}

/** What is used of chai's utilities. @public */
export interface ChaiUtilsLike {
  flag(assertion: object, key: string, value?: unknown): unknown;
}

const FAULT = 'pagewalk.fault';
const NEGATE = 'negate';

/**
 * Assertions about guests for chai: `use(pagewalkChai)`. Rights are written as `map` prints them; a failure shows the walk, or
 * the ranges.
 *
 * @example
 * ```ts
 * import { expect, use } from 'chai';
 * import pagewalkChai from 'pagewalk/testing/chai';
 * use(pagewalkChai);
 *
 * await expect(guest).to.map(text).as('r-x-');
 * await expect(guest).not.to.map(text, { cr3: userCr3 });
 * expect(answer).to.fault('PRIVILEGE_VIOLATION').at('PTE').with.errorCode(0x7);
 * expect(answer).to.be.accessed.and.dirty;
 * expect(await guest.map()).to.have.no.writableExecutable();
 * ```
 * @public
 */
export function pagewalkChai({ Assertion }: ChaiLike, utils: ChaiUtilsLike): void {
  const addMethod = (name: string, method: Method) => Assertion.addMethod(name, method as AnyMethod);
  const addProperty = (name: string, getter: (this: AssertionLike) => unknown) =>
    Assertion.addProperty(name, getter as AnyMethod);
  const judge = (assertion: AssertionLike, { pass, message, negatedMessage, expected }: Verdict) =>
    assertion.assert(pass, message, negatedMessage, expected, undefined, false);
  /** What was said of the fault before is said of it again: the message then has the whole of it. */
  const judgeMore = (assertion: AssertionLike, more: FaultExpectation) => {
    const wanted = { ...(utils.flag(assertion, FAULT) as FaultExpectation | undefined), ...more };
    utils.flag(assertion, FAULT, wanted);
    judge(assertion, judgeFault(answerOf(assertion), wanted));
  };
  const unwanted = (kind: UnwantedPages): Method =>
    function (this) {
      const verdict = judgeNone(mapOf(this), kind);
      // "To have no …" is the plain form.
      judge(this, {
        ...verdict,
        pass: !verdict.pass,
        message: verdict.negatedMessage,
        negatedMessage: verdict.message,
      });
    };

  addMethod('map', function (this: AssertionLike, address: bigint, { access, ...rest }: MapExpectation = {}) {
    const { _obj: guest } = this;
    if (!(guest instanceof LaunchedGuest) && !(guest instanceof PausedGuest)) {
      throw new QemuOptionError(
        'map() asks a guest of launchGuest(), or one that is paused; of an answer: expect(answer).to.be.mapped',
      );
    }
    return new Pending(guest.translate(address, access, rest), rest, utils.flag(this, NEGATE) === true);
  });
  addProperty('mapped', function () {
    judge(this, judgeMapped(answerOf(this)));
  });
  addMethod('fault', function (this: AssertionLike, fault?: FaultName) {
    judgeMore(this, fault === undefined ? {} : { fault });
  });
  // Chai has `at` as a word that does nothing, in front of `least`.
  Assertion.addChainableMethod(
    'at',
    function (this: object, at: unknown) {
      judgeMore(this as AssertionLike, { at: at as EntryName });
    },
    () => {},
  );
  addMethod('errorCode', function (this: AssertionLike, errorCode: number) {
    judgeMore(this, { errorCode });
  });
  addMethod('as', function (this: AssertionLike, rights: RightsText, part?: MapPart) {
    const isMap = isObjectWith(this._obj, 'ranges');
    judge(this, isMap ? judgeRights(mapOf(this), rights, part) : judgeMapped(answerOf(this), { rights }));
  });
  for (const bit of ['accessed', 'dirty'] as const) {
    addProperty(bit, function () {
      judge(this, judgeUsage(answerOf(this), bit));
    });
  }
  addProperty('no', function () {
    utils.flag(this, NEGATE, true);
  });
  addMethod('writableExecutable', unwanted('writableExecutable'));
  addMethod('userAccessible', unwanted('userAccessible'));
}

/** Judged when it is awaited, as a whole. */
class Pending implements PendingAssertion {
  readonly #answer: Promise<AnyAnswer>;
  readonly #isNegated: boolean;
  #wanted: MappedExpectation;

  constructor(answer: Promise<AnyAnswer>, wanted: MappedExpectation, isNegated: boolean) {
    this.#answer = answer;
    this.#wanted = wanted;
    this.#isNegated = isNegated;
    // It is told to who awaits this; who forgets to is told by the runner of an assertion that was not awaited.
    answer.catch(() => {});
  }

  as(rights: RightsText): this {
    this.#wanted = { ...this.#wanted, rights };
    return this;
  }

  get and(): this {
    return this;
  }

  get with(): this {
    return this;
  }

  get accessed(): this {
    this.#wanted = { ...this.#wanted, accessed: true };
    return this;
  }

  get dirty(): this {
    this.#wanted = { ...this.#wanted, dirty: true };
    return this;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is awaited, as the assertions of chai-as-promised are
  then<A = undefined, B = never>(
    onPass?: ((value: undefined) => A | PromiseLike<A>) | null,
    onFail?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#judge().then(onPass, onFail);
  }

  async #judge(): Promise<undefined> {
    const { pass, message, negatedMessage, expected } = judgeMapped(await this.#answer, this.#wanted);
    if (pass !== this.#isNegated) return undefined;
    throw new ExpectationError(this.#isNegated ? negatedMessage : message, expected);
  }
}

function answerOf({ _obj }: AssertionLike): AnyAnswer {
  if (isObjectWith(_obj, 'translation')) return _obj as AnyAnswer;
  throw new QemuOptionError(
    'this is asserted of an answer, as guest.translate() gives it; of a guest: await expect(guest).to.map(address)',
  );
}

function mapOf({ _obj }: AssertionLike): GuestMap {
  if (isObjectWith(_obj, 'ranges')) return _obj as GuestMap;
  throw new QemuOptionError('this is asserted of a map: of guest.map()');
}

function isObjectWith(value: unknown, name: string): value is object {
  return typeof value === 'object' && value !== null && name in value;
}
