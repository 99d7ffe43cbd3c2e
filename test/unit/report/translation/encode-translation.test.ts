import { expect } from 'chai';
import { encodeTranslation } from '../../../../src/report/index.ts';
import { answerOf, type Case, REGISTERS } from '../../../support/schemas/reported-answer.ts';

const LONG = { 4096: 0x2007n, 8192: 0x3007n, 12288: 0x4007n };

/** The fields that are looked at one by one. */
interface Encoded {
  readonly rights: unknown;
  readonly fault: unknown;
  readonly entries: unknown;
  readonly inRom?: unknown;
}

function encoded(more: Partial<Case>): Encoded {
  const line = encodeTranslation(
    answerOf({ registers: REGISTERS['4-level'], entries: LONG, linearAddress: 0x123n, ...more }),
  );
  expect(line).to.not.contain('\n');
  return JSON.parse(line) as Encoded;
}

const PKRU_ASSUMED = { name: 'pkru', value: 0, cause: { code: 'no-qmp' } as const, decides: true };

describe('report/encodeTranslation', () => {
  it('gives a valid answer whole', () => {
    const question = {
      entries: { ...LONG, 16384: 0x8000_0000_0000_5007n },
      access: { write: true, user: true },
      flags: { setAccessed: true, setDirty: true },
      assumed: [PKRU_ASSUMED],
    };
    expect(encoded(question)).to.deep.equal({
      linearAddress: '0x123',
      access: { write: true, user: true, exec: false },
      flags: { setAccessed: true, setDirty: true, forceSetAccessed: false },
      valid: true,
      physicalAddress: '0x5123',
      error: null,
      errorCode: 0,
      setBitsSucceeded: true,
      mode: '4-level',
      pageSize: 4096,
      cpu: 0,
      entries: [
        { level: 4, table: 'PML4', index: 0, address: '0x1000', value: '0x2007', wrote: ['A'] },
        { level: 3, table: 'PDPT', index: 0, address: '0x2000', value: '0x3007', wrote: ['A'] },
        { level: 2, table: 'PD', index: 0, address: '0x3000', value: '0x4007', wrote: ['A'] },
        { level: 1, table: 'PT', index: 0, address: '0x4000', value: '0x8000000000005007', wrote: ['A', 'D'] },
      ],
      fault: null,
      rights: { write: true, user: true, exec: false },
      region: { kind: 'ram', name: 'pc.ram' },
      assumed: [
        { name: 'pkru', value: '0x0', why: 'the GDB stub does not show it, and there is no QMP', decides: true },
      ],
    });
  });

  it('has no bits set for an address that no entry is looked up for, however that is forced', () => {
    const flags = { setAccessed: true, forceSetAccessed: true };
    expect(encoded({ linearAddress: 0x5000_0000_0000_0000n, flags })).to.include({
      error: 'INVALID_GVA',
      physicalAddress: null,
      setBitsSucceeded: false,
    });
    const absent = { entries: { ...LONG, 16384: 0n }, flags };
    expect(encoded(absent)).to.include({ error: 'NOT_PRESENT', setBitsSucceeded: true });
  });

  it('gives the responsible entry of a denial, and the rights of the page', () => {
    const answer = encoded({ entries: { ...LONG, 16384: 0x5005n }, access: { write: true } });
    expect(answer).to.include({
      valid: false,
      physicalAddress: '0x4000',
      error: 'PRIVILEGE_VIOLATION',
      errorCode: 2,
      setBitsSucceeded: false,
      pageSize: 4096,
      region: null,
    });
    expect(answer.rights).to.deep.equal({ write: false, user: true, exec: true });
    expect(answer.fault).to.deep.equal({
      cause: 'privilege-violation',
      vector: 14,
      errorCode: '0x3',
      responsibleLevel: 1,
      responsibleEntry: '0x4000',
      reason: 'supervisor write denied by the PTE: the page is read-only (R/W=0, CR0.WP=1)',
    });
  });

  const failures: Readonly<
    Record<string, { question: Partial<Case>; code: number; at: string | null; fault: object }>
  > = {
    NOT_PRESENT: {
      question: { entries: { 4096: 0n } },
      code: 1,
      at: '0x1000',
      fault: { vector: 14, errorCode: '0x0', responsibleLevel: 4, responsibleEntry: '0x1000' },
    },
    RESERVED_BITS: {
      question: { entries: { ...LONG, 12288: 0x8_0000_0000_4007n } },
      code: 3,
      at: '0x3000',
      fault: { vector: 14, errorCode: '0x9', responsibleLevel: 2, responsibleEntry: '0x3000' },
    },
    INVALID_GVA: {
      question: { linearAddress: 1n << 63n },
      code: 4,
      at: null,
      fault: { vector: 13, errorCode: '0x0', responsibleLevel: null, responsibleEntry: null },
    },
    INVALID_GPA: {
      question: {},
      code: 5,
      at: '0x4000',
      fault: { vector: 14, errorCode: null, responsibleLevel: 1, responsibleEntry: '0x4000' },
    },
  };
  for (const [error, { question, code, at, fault }] of Object.entries(failures)) {
    it(`gives ${error} its number and its address`, () => {
      const answer = encoded(question);
      expect(answer).to.include({
        valid: false,
        error,
        errorCode: code,
        physicalAddress: at,
        pageSize: null,
        rights: null,
      });
      expect(answer.fault).to.include(fault);
    });
  }

  it('names the entries that lie in ROM', () => {
    const region = { kind: 'rom', name: 'pc.ram' } as const;
    const inRom = [{ stage: 'guest', level: 2, address: 0x3000n, region }] as const;
    expect(encoded({ inRom }).inRom).to.deep.equal([{ stage: 'guest', level: 2, address: '0x3000', region }]);
    expect(encoded({})).not.to.have.property('inRom');
  });

  it('says that bits are not set when they could not be', () => {
    const question = { entries: { ...LONG, 16384: 0x5007n }, flags: { setAccessed: true }, readOnlyLevels: [1] };
    expect(encoded(question)).to.include({ valid: true, setBitsSucceeded: false });
  });

  it('has no entries and no page size when paging is off', () => {
    const answer = encoded({ registers: REGISTERS.off });
    expect(answer).to.include({ mode: 'off', pageSize: null, physicalAddress: '0x123' });
    expect(answer.entries).to.deep.equal([]);
  });
});
