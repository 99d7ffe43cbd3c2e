import { expect } from 'chai';
import type { Translation } from '../../src/paging/index.ts';
import { TableBuilder } from '../support/builders/table-builder.ts';
import { translateByBoth } from '../support/judge/translate-by-both.ts';
import { accessOf, controlBits, machineIn } from '../support/reference/reference-machine.ts';

const { lass, smap, cet, lamSup } = controlBits.cr4;
const lower = 0x0000_1234_5678_9000n;
const upper = 0xffff_9234_5678_9000n;

/**
 * SDM vol. 3A, linear-address-space separation. For each kind of access: the lower half without SMAP, with SMAP and AC=0, with
 * SMAP and AC=1; then the upper half, for which SMAP and AC make no difference.
 */
const rows: readonly (readonly [access: string, string, string, string, string])[] = [
  ['', 'walked', '#GP', 'walked', 'walked'],
  ['w', 'walked', '#GP', 'walked', 'walked'],
  ['f', 'walked', '#GP', 'walked', 'walked'],
  ['s', 'walked', '#SS', 'walked', 'walked'],
  ['ws', 'walked', '#SS', 'walked', 'walked'],
  ['k', 'walked', '#GP', 'walked', 'walked'],
  ['wk', 'walked', '#GP', 'walked', 'walked'],
  // What the processor does by itself is not excused by AC.
  ['i', 'walked', '#GP', '#GP', 'walked'],
  ['wi', 'walked', '#GP', '#GP', 'walked'],
  // Fetches do not ask SMAP.
  ['x', '#GP', '#GP', '#GP', 'walked'],
  ['u', 'walked', 'walked', 'walked', '#GP'],
  ['wu', 'walked', 'walked', 'walked', '#GP'],
  ['us', 'walked', 'walked', 'walked', '#SS'],
  ['xu', 'walked', 'walked', 'walked', '#GP'],
  ['ku', 'walked', 'walked', 'walked', '#GP'],
  ['wku', 'walked', 'walked', 'walked', '#GP'],
];

const conditions = [
  { name: 'SMAP=0 AC=0', cr4: 0n, ac: false, column: 0 },
  { name: 'SMAP=0 AC=1', cr4: 0n, ac: true, column: 0 },
  { name: 'SMAP=1 AC=0', cr4: smap, ac: false, column: 1 },
  { name: 'SMAP=1 AC=1', cr4: smap, ac: true, column: 2 },
];

describe('LASS', () => {
  for (const mode of ['4-level', '5-level'] as const) {
    for (const [access, ...outcomes] of rows) {
      it(`${mode}, ${access || 'r'}: ${outcomes.join(' ')}`, () => {
        for (const { name, cr4, ac, column } of conditions) {
          const machine = machineIn(mode, { cr4: lass | cet | cr4, ac });
          expect(half(machine, lower, access), `lower half, ${name}`).to.equal(outcomes[column]);
          expect(half(machine, upper, access), `upper half, ${name}`).to.equal(outcomes[3]);
        }
      });
    }
  }

  it('is CR4.LASS and nothing else', () => {
    for (const [access] of rows) {
      const machine = machineIn('4-level', { cr4: cet | smap });
      expect(half(machine, lower, access), access).to.equal('walked');
      expect(half(machine, upper, access), access).to.equal('walked');
    }
  });

  it('does not exist outside IA-32e mode', () => {
    for (const mode of ['32-bit', 'pae', 'off'] as const) {
      const machine = machineIn(mode, { cr4: lass | smap });
      expect(half(machine, 0x1000n, 'x'), mode).to.equal('walked');
      expect(half(machine, 0xffff_f000n, 'u'), mode).to.equal('walked');
    }
  });

  it('yields to the canonical form', () => {
    const machine = machineIn('4-level', { cr4: lass });
    const translation = translateByBoth(machine, emptyTables(), 0x0000_8000_0000_0000n, accessOf('x'));
    expect(translation.kind === 'fault' && translation.cause).to.equal('non-canonical');
  });

  it('goes by the pointer that LAM has masked, whose bit 63 LAM leaves alone', () => {
    const machine = machineIn('4-level', { cr4: lass | lamSup, cr3: 0x1000n | controlBits.cr3.lamU57 });
    expect(half(machine, 0x7e00_0000_0000_1000n, 'u')).to.equal('walked');
    expect(half(machine, 0x8000_8000_0000_1000n, 'u')).to.equal('#GP');
    expect(half(machine, 0x8000_8000_0000_1000n, '')).to.equal('walked');
  });
});

function emptyTables() {
  return new TableBuilder('4-level').memory;
}

function half(machine: ReturnType<typeof machineIn>, linear: bigint, access: string): string {
  const translation = translateByBoth(machine, emptyTables(), linear, accessOf(access));
  return isLass(translation) ? (translation.vector === 12 ? '#SS' : '#GP') : 'walked';
}

/** With everything that comes with it: no entry was read, the error code is 0, no entry is responsible. */
function isLass(translation: Translation): translation is Extract<Translation, { kind: 'fault' }> {
  if (translation.kind === 'mapped') return false;
  const { cause, errorCode, responsible, steps } = translation;
  if (cause !== 'lass') {
    expect(cause).to.equal('not-present');
    return false;
  }
  expect({ errorCode, responsible, steps }).to.deep.equal({ errorCode: 0, responsible: null, steps: [] });
  return true;
}
