import { expect } from 'chai';
import {
  AbiError,
  bitsMayBeSet,
  checkTerms,
  decisiveTranslation,
  decodeRequestTerms,
  TRANSLATE2_ACCESS,
  TRANSLATE2_ERROR,
  TRANSLATE2_FLAG,
  type Translate2Terms,
  toTranslate2Answer,
  walkedAccesses,
} from '../../../src/abi/index.ts';
import { createContext, translate } from '../../../src/paging/index.ts';
import { TableBuilder } from '../../support/builders/table-builder.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const WRITE = 1;
const USER = 2;
const EXEC = 4;
const ACCESSED = 1;
const DIRTY = 2;
const FORCE = 4;

/** Every combination of known bits that the ioctl takes, and there is no other. */
const accepted: readonly (readonly [access: number, flags: number])[] = [
  ...[0, USER, EXEC, USER | EXEC].flatMap((access) =>
    [0, ACCESSED, ACCESSED | FORCE].map((flags) => [access, flags] as const),
  ),
  ...[WRITE, WRITE | USER].flatMap((access) =>
    [0, ACCESSED, ACCESSED | FORCE, ACCESSED | DIRTY, ACCESSED | DIRTY | FORCE].map(
      (flags) => [access, flags] as const,
    ),
  ),
];

function refusalOf(request: { access: number; flags: number }): AbiError | null {
  try {
    decodeRequestTerms(request);
    return null;
  } catch (error) {
    if (error instanceof AbiError) return error;
    throw error;
  }
}

describe('KVM_TRANSLATE2 requests', () => {
  it('have the numbers of the series', () => {
    expect(TRANSLATE2_ACCESS).to.deep.equal({ write: WRITE, user: USER, exec: EXEC });
    expect(TRANSLATE2_FLAG).to.deep.equal({ setAccessed: ACCESSED, setDirty: DIRTY, forceSetAccessed: FORCE });
    expect(TRANSLATE2_ERROR).to.deep.equal({
      NOT_PRESENT: 1,
      PRIVILEGE_VIOLATION: 2,
      RESERVED_BITS: 3,
      INVALID_GVA: 4,
      INVALID_GPA: 5,
    });
  });

  it('are taken or refused as a whole, every combination of known bits', () => {
    const taken: string[] = [];
    for (let access = 0; access < 8; access += 1) {
      for (let flags = 0; flags < 8; flags += 1) {
        const refusal = refusalOf({ access, flags });
        if (refusal === null) taken.push(`access ${access} flags ${flags}`);
        else expect(refusal.code).to.equal('ERR_ABI_EINVAL');
      }
    }
    expect(taken).to.have.members(accepted.map(([access, flags]) => `access ${access} flags ${flags}`));
  });

  it('are refused for each unknown bit, which the message names', () => {
    for (let bit = 3; bit < 16; bit += 1) {
      const unknown = 1 << bit;
      const text = `0x${unknown.toString(16)}`;
      expect(refusalOf({ access: unknown | WRITE, flags: ACCESSED })?.message, 'access').to.contain(text);
      expect(refusalOf({ access: WRITE, flags: unknown | ACCESSED })?.message, 'flags').to.contain(text);
    }
  });

  it('say why they are refused', () => {
    const reasons = [
      [{ access: WRITE | EXEC, flags: 0 }, /WRITE and EXEC/],
      [{ access: WRITE, flags: DIRTY }, /SET_DIRTY needs SET_ACCESSED/],
      [{ access: WRITE, flags: FORCE }, /FORCE_SET_ACCESSED needs SET_ACCESSED/],
      [{ access: USER, flags: ACCESSED | DIRTY }, /SET_DIRTY needs the WRITE access/],
    ] as const;
    for (const [request, reason] of reasons) {
      const refusal = refusalOf(request);
      expect(refusal?.message).to.match(reason);
      if (refusal) expectErrorShape(refusal, 'ABI');
    }
  });

  it('mean what their bits say', () => {
    for (const [access, flags] of accepted) {
      expect(decodeRequestTerms({ access, flags })).to.deep.equal({
        access: { write: access % 2 === 1, user: [2, 3, 6, 7].includes(access), exec: access >= 4 },
        flags: { setAccessed: flags % 2 === 1, setDirty: [2, 3, 6, 7].includes(flags), forceSetAccessed: flags >= 4 },
      });
    }
  });

  it('are checked the same when they come spelt out', () => {
    const terms = (access: Partial<Translate2Terms['access']>, flags: Partial<Translate2Terms['flags']>) => () =>
      checkTerms({
        access: { write: false, user: false, exec: false, ...access },
        flags: { setAccessed: false, setDirty: false, forceSetAccessed: false, ...flags },
      });
    expect(terms({ write: true }, { setAccessed: true, setDirty: true, forceSetAccessed: true })).to.not.throw();
    expect(terms({ write: true, exec: true }, {})).to.throw(AbiError);
    expect(terms({ write: true }, { setDirty: true })).to.throw(AbiError);
    expect(terms({}, { forceSetAccessed: true })).to.throw(AbiError);
    expect(terms({ exec: true }, { setAccessed: true, setDirty: true })).to.throw(AbiError);
  });
});

describe('WRITE with EXEC, as the patches take it', () => {
  const both = { writeWithExec: 'both' } as const;

  it('is let through by rule alone, and is no excuse for anything else', () => {
    for (const user of [0, USER]) {
      const request = { access: WRITE | EXEC | user, flags: ACCESSED | DIRTY | FORCE };
      expect(decodeRequestTerms(request, both).access).to.deep.equal({ write: true, exec: true, user: user !== 0 });
      expect(() => decodeRequestTerms(request)).to.throw(AbiError, 'WRITE and EXEC');
      expect(() => decodeRequestTerms(request, { writeWithExec: 'refused' })).to.throw(AbiError, 'WRITE and EXEC');
      expect(() => decodeRequestTerms({ ...request, access: request.access | 8 }, both)).to.throw(AbiError, '0x8');
      expect(() => decodeRequestTerms({ ...request, flags: DIRTY }, both)).to.throw(AbiError, 'SET_ACCESSED');
    }
  });

  it('is a write and a fetch to the walker; anything else is itself', () => {
    const plain = { write: false, exec: false, user: true };
    expect(walkedAccesses({ ...plain, write: true, exec: true })).to.deep.equal([
      { ...plain, write: true },
      { ...plain, exec: true },
    ]);
    for (const access of [plain, { ...plain, write: true }, { ...plain, exec: true }]) {
      expect(walkedAccesses(access)).to.deep.equal([access]);
    }
  });

  it('fails where the first of the two fails, and else is the write', () => {
    const builder = new TableBuilder('4-level', 0x1000n);
    const linear = (slot: number) => (BigInt(slot) << 39n) | 0x40_5123n;
    builder.map(linear(0), 0x7_8000n);
    builder.map(linear(1), 0x7_8000n, { levels: { 3: { noExecute: true }, 1: { write: false } } });
    builder.map(linear(2), 0x7_8000n, { levels: { 3: { write: false }, 1: { noExecute: true } } });
    builder.map(linear(3), 0x7_8000n, { levels: { 2: { present: false } } });
    const context = createContext({ cr0: 0x8001_0001n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 40 });
    const decide = (address: bigint) => {
      const accesses = walkedAccesses({ write: true, exec: true, user: false });
      return decisiveTranslation(accesses.map((access) => translate(context, builder.memory, address, access)));
    };
    expect(decide(linear(0)))
      .to.include({ kind: 'mapped' })
      .and.have.nested.property('access.write', true);
    const [fetch, write, absent] = [1, 2, 3].map((slot) => decide(linear(slot)));
    expect(fetch).to.have.nested.property('access.exec', true);
    expect(write).to.have.nested.property('access.write', true);
    for (const fault of [fetch, write])
      expect(fault).to.include({ cause: 'privilege-violation' }).and.have.nested.property('responsible.level', 3);
    expect(absent).to.include({ cause: 'not-present' }).and.have.nested.property('responsible.level', 2);
    // Where both fail at the same entry it is the write, which comes first.
    expect(absent).to.have.nested.property('access.write', true);
    expect(decide(0x5000_0000_0000_0000n)).to.include({ cause: 'non-canonical' });
    expect(() => decisiveTranslation([])).to.throw(RangeError);
  });
});

describe('bitsMayBeSet', () => {
  it('needs a flag, and after a failure the forcing one', () => {
    const none = { setAccessed: false, setDirty: false, forceSetAccessed: false };
    const accessed = { ...none, setAccessed: true };
    const forced = { ...accessed, forceSetAccessed: true };
    const base = {
      linearAddress: 0n,
      untaggedAddress: 0n,
      access: { write: false, user: false, exec: false },
      pageSizeBytes: 4096,
      protectionKey: 0,
      steps: [],
    };
    const rights = { write: true, user: true, exec: true };
    const mapped = { ...base, kind: 'mapped', physicalAddress: 0n, rights } as const;
    const fault = {
      ...base,
      kind: 'fault',
      cause: 'not-present',
      vector: 14,
      errorCode: 0,
      responsible: null,
      rights: null,
      reason: { code: 'lass' },
    } as const;
    expect([none, accessed, forced].map((flags) => bitsMayBeSet(mapped, flags))).to.deep.equal([false, true, true]);
    expect([none, accessed, forced].map((flags) => bitsMayBeSet(fault, flags))).to.deep.equal([false, false, true]);
    for (const cause of ['non-canonical', 'out-of-range', 'lass'] as const) {
      const refused = { ...fault, cause };
      expect(bitsMayBeSet(refused, forced), cause).to.equal(false);
      expect(toTranslate2Answer(refused, forced, true), cause).to.include({ valid: false, setBitsSucceeded: false });
    }
    expect(toTranslate2Answer(fault, forced, true)).to.include({ errorCode: 1, setBitsSucceeded: true });
    expect(toTranslate2Answer(mapped, accessed, true)).to.include({
      valid: true,
      errorCode: 0,
      setBitsSucceeded: true,
    });
  });
});
