import { expect } from 'chai';
import { createEpt, createNpt, PagingInputError } from '../../../src/paging/index.ts';
import { eptOf } from '../../support/builders/hand-made-stages.ts';
import { referenceEptpProblem } from '../../support/reference/reference-ept.ts';

const plain = eptOf().capabilities;

/** A pointer that VM entry takes, but for what is changed. */
const good = 0x1_001en;

function refusalOf(eptp: bigint, capabilities = plain): string | null {
  try {
    createEpt(eptp, capabilities);
    return null;
  } catch (error) {
    if (!(error instanceof PagingInputError)) throw error;
    expect(error.code).to.equal('ERR_PAGING_EPTP');
    return error.message;
  }
}

describe('what a second stage has that is not supported', () => {
  it('is refused, and not passed over', () => {
    const asked = [
      () => createEpt(good, { ...plain, subPageWrite: true }),
      () => createEpt(good, { ...plain, guestPagingVerification: true }),
      () => createEpt(good, { ...plain, hlat: true }),
      () => {
        const registers = { cr0: 0x8000_0011n, nestedCr3: 0x1_0000n, cr4: 0x20n, efer: 0xd00n };
        createNpt({ ...registers, readOnlyGuestTables: true }, { maxPhyAddr: 40 });
      },
    ];
    for (const ask of asked) {
      expect(ask).to.throw(PagingInputError, 'not supported').with.property('code', 'ERR_PAGING_UNSUPPORTED');
    }
  });
});

describe('what an EPT pointer may not be', () => {
  it('every value of its low twelve bits, with and without the control of bit 7', () => {
    for (const supervisorShadowStack of [false, true]) {
      const capabilities = { ...plain, supervisorShadowStack };
      for (let low = 0n; low < 4096n; low++) {
        const eptp = 0x1_0000n | low;
        const isRefused = refusalOf(eptp, capabilities) !== null;
        expect(isRefused, `0x${eptp.toString(16)} ${supervisorShadowStack}`).to.equal(
          referenceEptpProblem(eptp, capabilities) !== null,
        );
      }
    }
  });

  it('each bit above, by the width of an address', () => {
    for (let maxPhyAddr = 32; maxPhyAddr <= 52; maxPhyAddr++) {
      for (let position = 12; position < 64; position++) {
        const refusal = refusalOf(good | (1n << BigInt(position)), { ...plain, maxPhyAddr });
        expect(refusal !== null, `bit ${position} of ${maxPhyAddr}`).to.equal(position >= maxPhyAddr);
      }
    }
  });

  it('says which bits, which memory type, or which length', () => {
    expect(refusalOf(0x1_0f1en)).to.include('0xf00');
    expect(refusalOf(0x1_009en)).to.include('0x80');
    expect(refusalOf(0x100_0001_001en)).to.include('0x10000000000');
    expect(refusalOf(0x1_0019n)).to.match(/memory type.*\b1\b/);
    expect(refusalOf(0x1_0016n)).to.match(/length.*\b3\b/);
  });

  it('takes four levels and five, uncached and write-back, and both flags', () => {
    for (const eptp of [0x1_0018n, good, 0x1_0020n, 0x1_0026n, 0x1_005en]) {
      expect(refusalOf(eptp), `0x${eptp.toString(16)}`).to.equal(null);
    }
    expect(refusalOf(0x1_00den, { ...plain, supervisorShadowStack: true })).to.equal(null);
  });
});
