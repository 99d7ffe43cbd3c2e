import { expect } from 'chai';
import { type Access, createContext, type PagingRegisters, translate } from '../../../../src/paging/index.ts';
import { fourLevels } from '../../../support/builders/entry-map.ts';

const REGISTERS: PagingRegisters = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
const READ = { write: false, user: false, exec: false };
const GOOD = [0x2007n, 0x3007n, 0x4007n, 0x5007n] as const;

function reasonOf(
  changes: Readonly<Partial<Record<0 | 1 | 2 | 3, bigint>>>,
  access: Partial<Access> = {},
  registers: Partial<PagingRegisters> = {},
): unknown {
  const context = createContext({ ...REGISTERS, ...registers }, { maxPhyAddr: 46 });
  const entries = Object.assign([...GOOD], changes) as [bigint, bigint, bigint, bigint];
  const answer = translate(context, fourLevels(...entries), 0n, { ...READ, ...access });
  return answer.kind === 'fault' ? answer.reason : null;
}

describe('why a walk failed', () => {
  it('names the entry that is not present', () => {
    expect(reasonOf({ 0: 0n })).to.deep.equal({ code: 'not-present', entry: 'PML4E' });
    expect(reasonOf({ 1: 0x3006n })).to.deep.equal({ code: 'not-present', entry: 'PDPTE' });
    expect(reasonOf({ 2: 0n })).to.deep.equal({ code: 'not-present', entry: 'PDE' });
    expect(reasonOf({ 3: 0n })).to.deep.equal({ code: 'not-present', entry: 'PTE' });
  });

  it('names reserved bits that are set as ranges, the highest first', () => {
    const bits = (entry: bigint) => reasonOf({ 2: entry });
    expect(bits((1n << 46n) | 0x4007n)).to.deep.equal({ code: 'reserved-bits', entry: 'PDE', bits: [[46, 46]] });
    expect(bits((0b101111n << 46n) | 0x4007n)).to.deep.equal({
      ...{ code: 'reserved-bits', entry: 'PDE' },
      bits: [
        [51, 51],
        [49, 46],
      ],
    });
    expect(bits((1n << 47n) | 0x8000_0000_0000_7087n | 0x1e_0000n)).to.deep.equal({
      ...{ code: 'reserved-bits', entry: 'PDE' },
      bits: [
        [47, 47],
        [20, 17],
        [14, 13],
      ],
    });
    expect(reasonOf({ 0: 0x2087n })).to.deep.equal({ code: 'reserved-bits', entry: 'PML4E', bits: [[7, 7]] });
    expect(reasonOf({ 3: 0x8000_0000_0000_5007n }, {}, { efer: 0x500n })).to.deep.equal({
      ...{ code: 'reserved-bits', entry: 'PTE', bits: [[63, 63]] },
    });
  });

  it('names the topmost entry that denies the access, and all that does', () => {
    const user = { user: true };
    const denied = (entry: string, access: Partial<Access>, ...codes: readonly string[]) => ({
      ...{ code: 'denied', entry, access: { ...READ, ...access }, denials: codes.map((code) => ({ code })) },
    });
    const write = { write: true };
    expect(reasonOf({ 1: 0x3005n, 3: 0x5005n }, write)).to.deep.include(denied('PDPTE', write, 'read-only'));
    expect(reasonOf({ 3: 0x5003n }, user)).to.deep.include(denied('PTE', user, 'supervisor-page'));
    const both = { ...user, ...write };
    expect(reasonOf({ 2: 0x4001n }, both)).to.deep.include(denied('PDE', both, 'supervisor-page', 'read-only'));
    const exec = { exec: true };
    expect(reasonOf({ 0: (1n << 63n) | 0x2007n }, exec)).to.deep.include(denied('PML4E', exec, 'not-executable'));
    expect(reasonOf({}, exec, { cr4: 0x10_0020n })).to.deep.include(denied('PTE', exec, 'smep'));
  });
});
