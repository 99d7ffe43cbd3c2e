import { expect } from 'chai';
import { howMany, isThorough } from '../../support/random/how-many.ts';
import { FLAG } from './flags.ts';
import { forEachLegalCase, isLegalCase, type MatrixDimensions } from './legal-cases.ts';
import { MatrixOracle } from './oracle.ts';
import { runMatrix } from './run-matrix.ts';

const usual: MatrixDimensions = { maxPhyAddr: 40, protectionKeys: true, smep: false };

describe('access matrix', function () {
  this.timeout(0);

  describe('counts the cases that access.c counts', () => {
    const small = [
      [36, false, 2_899_968],
      [40, false, 1_916_928],
      [52, false, 933_888],
    ] as const;
    const large = [
      [36, true, 28_999_680],
      [37, true, 19_169_280],
      [51, true, 19_169_280],
      [52, true, 9_338_880],
    ] as const;
    for (const [maxPhyAddr, protectionKeys, count] of [...small, ...(isThorough ? large : [])]) {
      it(`${count} with ${maxPhyAddr} address bits ${protectionKeys ? 'and' : 'but no'} protection keys`, () => {
        const dimensions = { maxPhyAddr, protectionKeys, smep: false };
        let counted = 0;
        let illegal = 0;
        forEachLegalCase(dimensions, (flags) => {
          counted++;
          illegal += isLegalCase(flags, dimensions) ? 0 : 1;
        });
        expect(illegal, 'cases that are not legal').to.equal(0);
        expect(counted).to.equal(count);
      });
    }

    if (isThorough) {
      it('each of them once, whatever the shares', () => {
        const dimensions = { maxPhyAddr: 52, protectionKeys: false, smep: true };
        const seen = new Set<number>();
        for (const part of [0, 1, 2]) {
          forEachLegalCase(dimensions, (flags) => seen.add(flags), { part, parts: 3 });
        }
        expect(seen.size).to.equal(2 * 933_888);
      });
    }
  });

  describe('has an oracle that', () => {
    const plain =
      FLAG.ptePresent |
      FLAG.pteUser |
      FLAG.pteWritable |
      FLAG.pdePresent |
      FLAG.pdeUser |
      FLAG.pdeWritable |
      FLAG.cpuNxe;
    const codeOf = (flags: number) => new MatrixOracle().expect(flags).errorCode;

    it('knows the plain answers', () => {
      expect(codeOf(plain)).to.equal(null);
      expect(codeOf(plain & ~FLAG.ptePresent)).to.equal(0x0);
      expect(codeOf((plain & ~FLAG.pteUser) | FLAG.accessUser | FLAG.accessWrite)).to.equal(0x7);
      expect(codeOf(plain | FLAG.pdeBit51 | FLAG.accessFetch)).to.equal(0x19);
      expect(codeOf((plain & ~FLAG.cpuNxe) | FLAG.pteNoExecute | FLAG.accessFetch)).to.equal(0x9);
      expect(codeOf(plain | FLAG.cpuSmep | FLAG.accessFetch)).to.equal(0x11);
    });

    it('reports a key beside a missing right', () => {
      const keyed = plain | FLAG.leafKey | FLAG.cpuPke | FLAG.pkruWriteDisable | FLAG.accessUser | FLAG.accessWrite;
      expect(codeOf(keyed)).to.equal(0x27);
      expect(codeOf(keyed & ~FLAG.pteWritable)).to.equal(0x27);
      expect(codeOf(keyed & ~FLAG.accessWrite)).to.equal(null);
    });

    it('leaves PDE.A open only where an access failed below a PDE that lacked it', () => {
      const failed = plain & ~FLAG.ptePresent;
      expect(new MatrixOracle().expect(failed)).to.include({ pdeAccessedOpen: true, pteAccessed: false });
      expect(new MatrixOracle().expect(failed | FLAG.pdeAccessed)).to.include({ pdeAccessedOpen: false });
      expect(new MatrixOracle().expect(failed & ~FLAG.pdePresent)).to.include({ pdeAccessedOpen: false });
      expect(new MatrixOracle().expect(plain)).to.include({ pdeAccessedOpen: false, pdeAccessed: true });
    });

    it('keeps what a first read did', () => {
      const failedWrite = plain | FLAG.accessTwice | FLAG.accessWrite | FLAG.accessUser | FLAG.pdpteReadOnly;
      expect(new MatrixOracle().expect(failedWrite)).to.include({
        errorCode: 0x7,
        pteAccessed: true,
        pteDirty: false,
        pdeAccessed: true,
      });
    });
  });

  // The whole of it is `node dist/test/conformance/access-matrix/main.js`; neither stride has a factor in common with any dimension.
  const stride = isThorough ? 97 : 389;
  describe(`agrees with the walker on every ${stride}th case`, () => {
    for (const mode of ['4-level', '5-level'] as const) {
      // Half of all: most of its time is to count them.
      const largest = isThorough || mode === '4-level' ? [{ ...usual, maxPhyAddr: 36, smep: true }] : [];
      for (const dimensions of [usual, ...largest, { ...usual, maxPhyAddr: 52 }]) {
        const smep = dimensions.smep ? ', SMEP' : '';
        it(`${mode}, ${dimensions.maxPhyAddr} address bits${smep}`, () => {
          const result = runMatrix({ mode, dimensions, stride });
          expect(result.judged).to.be.above(howMany({ daily: 22_000, thorough: 90_000 }));
          expect(result.failed, `failed cases, the first being\n${result.failures.join('\n')}\n`).to.equal(0);
        });
      }
    }
  });
});
