import { expect } from 'chai';
import { cr2AfterFault, createContext, type Translation } from '../../src/paging/index.ts';
import { TableBuilder } from '../support/builders/table-builder.ts';
import { hex } from '../support/judge/describe-translation.ts';
import { translateByBoth } from '../support/judge/translate-by-both.ts';
import { accessOf, controlBits, machineIn } from '../support/reference/reference-machine.ts';
import type { ReferenceMachine } from '../support/reference/reference-translation.ts';
import { type TagControl, type TaggedAddress, taggedAddresses } from './tagged-addresses.ts';

describe('tagged addresses', () => {
  for (const row of taggedAddresses) {
    const { mode, controls, linear, access, outcome } = row;
    it(`${mode} ${controls.join(' ') || 'none'}: ${hex(linear)} ${access} -> ${outcome}`, () => {
      expect(
        outcomeOf(translateByBoth(machineOf(row), new TableBuilder('4-level').memory, linear, accessOf(access))),
      ).to.equal(outcome);
    });
  }

  it('a tagged pointer leads where the pointer leads, and a fault leaves the pointer in CR2', () => {
    const tables = new TableBuilder('4-level');
    tables.map(0x1234_5678_9abcn, 0x5_6000n, { levels: { 1: { write: false } } });
    const machine = machineIn('4-level', { cr3: tables.root | controlBits.cr3.lamU57 });
    const tagged = 0x5a00_1234_5678_9abcn;
    const read = translateByBoth(machine, tables.memory, tagged, accessOf('u'));
    expect(read.kind === 'mapped' && hex(read.physicalAddress)).to.equal('0x56abc');
    expect(hex(read.linearAddress)).to.equal(hex(tagged));
    const write = translateByBoth(machine, tables.memory, tagged, accessOf('uw'));
    const cr2 = cr2AfterFault(createContext(machine.registers, machine.processor), write);
    expect(cr2 === null ? 'none' : hex(cr2)).to.equal('0x123456789abc');
  });
});

/** The tables are empty: whatever address is walked is not present. */
function outcomeOf(translation: Translation): string {
  if (translation.kind === 'mapped') throw new Error('nothing is mapped, and still the address leads somewhere');
  const { cause, vector, errorCode, steps, responsible, untaggedAddress } = translation;
  if (cause === 'not-present') return hex(untaggedAddress);
  if (cause === 'out-of-range') return `legacy ${hex(untaggedAddress)}`;
  expect({ cause, errorCode, responsible, steps }).to.deep.equal({
    cause: 'non-canonical',
    errorCode: 0,
    responsible: null,
    steps: [],
  });
  return `${vector === 12 ? '#SS' : '#GP'} ${hex(untaggedAddress)}`;
}

function machineOf({ mode, controls }: TaggedAddress): ReferenceMachine {
  const has = (control: TagControl): boolean => controls.includes(control);
  return machineIn(mode, {
    vendor: has('UAI') ? 'amd' : 'intel',
    uaie: has('UAI'),
    cr3: 0x1000n | (has('LAM_U57') ? controlBits.cr3.lamU57 : 0n) | (has('LAM_U48') ? controlBits.cr3.lamU48 : 0n),
    cr4: controlBits.cr4.cet | (has('LAM_SUP') ? controlBits.cr4.lamSup : 0n),
  });
}
