import { expect } from 'chai';
import { guestEntry, nptOf, openNpt, stages, twoStageLinear } from '../../support/builders/hand-made-stages.ts';
import { translateNestedByBoth } from '../../support/judge/translate-nested-by-both.ts';
import { accessOf, controlBits, machineIn } from '../../support/reference/reference-machine.ts';

const { cet } = controlBits.cr4;
const ACCESSES = ['', 'w', 'x', 'i', 'u', 'wu', 'xu', 'k', 'wk', 'ku', 'wku'];
/** R/W, U/S and NX of an entry, in all combinations. */
const RIGHTS = [0n, 2n, 4n, 6n].flatMap((low) => [low | 1n, low | 1n | (1n << 63n)]);

/**
 * The guest's page lies in another gigabyte than its tables: 0x11008 and 0x15000 lead to it alone.
 *
 * @param above - rights of the entry above the leaf
 */
function memoryOf(above: bigint, leaf: bigint, guestLeaf: bigint) {
  const far = {
    [guestEntry.pte]: guestLeaf,
    '0x11008': 0x1_5000n | above,
    '0x15000': 0x1_6007n,
    '0x16028': 0x2_5000n | leaf,
  };
  return stages(openNpt, far);
}

/** How many of the 64 pairs of entries let an access through, by hand. */
function throughOf(access: string, gmet: boolean, sss: boolean): number {
  // R/W=1 above; NX=1 and U/S=0 in the leaf, whose R/W does not matter.
  if (sss && (access === 'k' || access === 'wk')) return 4 * 2;
  if (access === 'x') return gmet ? 4 * 4 - 2 * 2 : 2 * 2;
  if (access === 'xu') return gmet ? 4 * 4 : 2 * 2;
  const isWrite = access.includes('w');
  if (gmet) return isWrite ? 4 * 4 : 8 * 8;
  return isWrite ? 2 * 2 : 4 * 4;
}

describe('rights in NPT, all of them', () => {
  for (const gmet of [false, true]) {
    for (const sss of [false, true]) {
      const trap = `${gmet ? 'with' : 'without'} the guest mode execute trap`;
      it(`${trap}, ${sss ? 'with' : 'without'} the shadow-stack check`, () => {
        const guest = machineIn('4-level', { vendor: 'amd', cr4: cet });
        const nested = { ...nptOf(), gmet, sss };
        for (const access of ACCESSES) {
          const guestLeaf = 0x4000_5061n | (access.includes('k') ? 0n : 2n) | (access.includes('u') ? 4n : 0n);
          const ends = RIGHTS.flatMap((above) =>
            RIGHTS.map((leaf) => {
              const memory = memoryOf(above, leaf, guestLeaf);
              return translateNestedByBoth(guest, nested, memory, twoStageLinear, accessOf(access)).kind;
            }),
          );
          expect(ends.filter((kind) => kind === 'mapped').length, access).to.equal(throughOf(access, gmet, sss));
        }
      });
    }
  }
});
