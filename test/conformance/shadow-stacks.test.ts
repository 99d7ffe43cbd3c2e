import { expect } from 'chai';
import {
  createContext,
  PagingInputError,
  type PlannedBits,
  planBits,
  type Translation,
  translate,
} from '../../src/paging/index.ts';
import { TableBuilder } from '../support/builders/table-builder.ts';
import { translateByBoth } from '../support/judge/translate-by-both.ts';
import { accessOf, controlBits, machineIn } from '../support/reference/reference-machine.ts';
import { type ShadowStackCase, shadowStackCases } from './shadow-stacks.ts';

const { cet } = controlBits.cr4;
const address = { long: 0x0000_2345_6789_a128n, legacy: 0xc567_8128n } as const;
const everything = { setAccessed: true, setDirty: true, forceSetAccessed: true };

describe('shadow stacks', () => {
  for (const item of shadowStackCases) {
    it(`${item.mode}, ${item.title}: ${item.access || 'r'} -> ${item.outcome}`, () => {
      expect(outcomeOf(translateCase(item))).to.equal(item.outcome);
    });
  }

  it('a write sets A where it is missing, and D nowhere: the page has it', () => {
    const stack = { write: false, dirty: true };
    const levels = { 3: { accessed: true }, 1: stack };
    const translation = translateCase({ mode: '4-level', page: { levels }, access: 'wku' });
    expect(planBits(translation, everything).map(describeBits)).to.deep.equal(['4 A', '2 A', '1 A']);
  });

  it('the rights of the page stay what its entries say', () => {
    const page = { levels: { 1: { write: false, dirty: true } } };
    const translation = translateCase({ mode: '4-level', page, access: 'wku' });
    expect(translation.rights).to.deep.equal({ write: false, user: true, exec: true });
  });

  it('no shadow stack without CR4.CET, and no fetch from one', () => {
    const tables = new TableBuilder('4-level');
    const attempt = (cr4: bigint, access: string) => {
      const { registers, processor } = machineIn('4-level', { cr3: tables.root, cr4 });
      return () => translate(createContext(registers, processor), tables.memory, address.long, accessOf(access));
    };
    for (const refused of [attempt(0n, 'k'), attempt(0n, 'wku'), attempt(cet, 'xk'), attempt(cet, 'ik')]) {
      expect(refused).to.throw(PagingInputError).with.property('code', 'ERR_PAGING_ACCESS');
    }
  });
});

function translateCase({ mode, machine, page, access }: Omit<ShadowStackCase, 'title' | 'outcome'>): Translation {
  const linear = mode === '4-level' || mode === '5-level' ? address.long : address.legacy;
  const tables = new TableBuilder(mode);
  tables.map(linear, 0x4000_0000n, page);
  const cr4 = cet | (machine?.cr4 ?? 0n);
  return translateByBoth(
    machineIn(mode, { ...machine, cr4, cr3: tables.root }),
    tables.memory,
    linear,
    accessOf(access),
  );
}

function outcomeOf(translation: Translation): string {
  if (translation.kind === 'mapped') return 'ok';
  return `${translation.cause} ${translation.errorCode?.toString(16) ?? '-'} ${translation.responsible?.level ?? '-'}`;
}

function describeBits({ level, accessed, dirty }: PlannedBits): string {
  return `${level} ${accessed ? 'A' : ''}${dirty ? 'D' : ''}`;
}
