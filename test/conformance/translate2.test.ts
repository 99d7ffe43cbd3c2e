import { expect } from 'chai';
import {
  decodeRequestTerms,
  decodeTranslate2,
  encodeTranslate2,
  toTranslate2Answer,
  toTranslateAnswer,
} from '../../src/abi/index.ts';
import { createContext, type PlannedBits, planBits, translate } from '../../src/paging/index.ts';
import type { EntryFlags, TableMode } from '../support/builders/table-builder.ts';
import { TableBuilder } from '../support/builders/table-builder.ts';
import { hex } from '../support/judge/describe-translation.ts';
import { controlBits, type MachineChanges, machineIn } from '../support/reference/reference-machine.ts';

const READ = 0;
const WRITE = 1;
const USER = 2;
const EXEC = 4;
const ACCESSED = 1;
const DIRTY = 2;
const FORCE = 4;

const NOT_PRESENT = 1;
const PRIVILEGE_VIOLATION = 2;
const RESERVED_BITS = 3;
const INVALID_GVA = 4;
const INVALID_GPA = 5;

const page = { linear: 0x0000_2345_6789_a123n, physical: 0x4000_0000n } as const;
const legacy = 0xc567_8123n;

/** A machine with one page, behind the ioctl: bytes in, bytes out, and bits in its tables. */
class Machine {
  readonly tables: TableBuilder;
  readonly linear: bigint;
  readonly #changes: MachineChanges;
  readonly #readOnlyLevels: readonly number[];
  /** Where the entries lie, from the top, by level. */
  readonly #entries: ReadonlyMap<number, bigint>;

  constructor(
    levels: Readonly<Record<number, EntryFlags>> = {},
    options: { mode?: TableMode; machine?: MachineChanges; size?: number; readOnlyLevels?: readonly number[] } = {},
  ) {
    const { mode = '4-level', machine = {}, size = 4096, readOnlyLevels = [] } = options;
    this.tables = new TableBuilder(mode);
    this.linear = mode === '4-level' || mode === '5-level' ? page.linear : legacy;
    this.tables.map(this.linear, page.physical, { size });
    const used = this.tables.levels.filter((level) => level > 1 || size === 4096);
    this.#entries = new Map(used.map((level) => [level, this.tables.entryAddress(this.linear, level)]));
    this.tables.map(this.linear, page.physical, { levels, size });
    this.#changes = { ...machine, cr3: this.tables.root };
    this.#readOnlyLevels = readOnlyLevels;
  }

  ioctl(access: number, flags = 0, linear = this.linear) {
    const request = decodeTranslate2(encodeTranslate2({ linearAddress: linear, access, flags }));
    const terms = decodeRequestTerms(request);
    const { registers, processor } = machineIn(this.tables.mode, this.#changes);
    const context = createContext(registers, processor);
    const translation = translate(context, this.tables.memory, request.linearAddress, terms.access);
    const planned = planBits(translation, terms.flags);
    const set = planned.map((bits) => this.#set(bits));
    const answer = toTranslate2Answer(translation, terms.flags, set.every(Boolean));
    return decodeTranslate2(encodeTranslate2(request, answer));
  }

  entry(level: number): string {
    return hex(this.#entries.get(level) ?? 0n);
  }

  /** A and D of each level, from the top: `A`, `AD` or `-`. */
  bits(): string {
    const texts = [...this.#entries.values()].map((address) => {
      const value = this.tables.peek(address);
      return `${value & 0x20n ? 'A' : ''}${value & 0x40n ? 'D' : ''}` || '-';
    });
    return texts.join(' ');
  }

  #set({ address, level, value, accessed, dirty }: PlannedBits): boolean {
    if (this.#readOnlyLevels.includes(level)) return false;
    this.tables.poke(address, value | (accessed ? 0x20n : 0n) | (dirty ? 0x40n : 0n));
    return true;
  }
}

function brief({ valid, errorCode, physicalAddress }: ReturnType<Machine['ioctl']>): string {
  return valid ? `valid ${hex(physicalAddress)}` : `error ${errorCode} ${hex(physicalAddress)}`;
}

describe('KVM_TRANSLATE2, answers', () => {
  it('a translation gives the address, the offset with it', () => {
    expect(brief(new Machine().ioctl(WRITE | USER))).to.equal('valid 0x40000123');
    expect(brief(new Machine({}, { size: 0x20_0000 }).ioctl(READ))).to.equal('valid 0x4009a123');
  });

  it('each failure has its number and names its entry', () => {
    for (const level of [4, 3, 2, 1]) {
      const absent = new Machine({ [level]: { present: false } });
      expect(brief(absent.ioctl(READ)), `P=0 at ${level}`).to.equal(`error ${NOT_PRESENT} ${absent.entry(level)}`);
      const reserved = new Machine({ [level]: { extra: 1n << 51n } });
      expect(brief(reserved.ioctl(READ)), `bit 51 at ${level}`).to.equal(
        `error ${RESERVED_BITS} ${reserved.entry(level)}`,
      );
      for (const [access, flags] of [
        [USER, { user: false }],
        [WRITE, { write: false }],
        [EXEC, { noExecute: true }],
      ] as const) {
        const closed = new Machine({ [level]: flags });
        expect(brief(closed.ioctl(access)), `access ${access} at ${level}`).to.equal(
          `error ${PRIVILEGE_VIOLATION} ${closed.entry(level)}`,
        );
      }
    }
  });

  it('SMEP, SMAP and keys are the leaf, for the page is what they forbid', () => {
    const { smep, smap, pke } = controlBits.cr4;
    for (const [access, machine] of [
      [EXEC, { cr4: smep }],
      [READ, { cr4: smap }],
      [USER, { cr4: pke, pkru: 0x1 }],
    ] as const) {
      const closed = new Machine({}, { machine });
      expect(brief(closed.ioctl(access))).to.equal(`error ${PRIVILEGE_VIOLATION} ${closed.entry(1)}`);
    }
  });

  it('a table that is nowhere is named by the entry that should be in it', () => {
    const machine = new Machine();
    machine.tables.edit(machine.linear, 2, { clear: 0xf_ffff_ffff_f000n, set: 0xf0_0000_0000n });
    // PT index 137 of the address: 0x89 * 8.
    expect(brief(machine.ioctl(READ))).to.equal(`error ${INVALID_GPA} 0xf0000004d0`);
  });

  it('an address that is none names nothing', () => {
    expect(brief(new Machine().ioctl(READ, 0, 0x5000_0000_0000_0000n))).to.equal(`error ${INVALID_GVA} 0x0`);
    expect(brief(new Machine().ioctl(READ, 0, 0x0000_8000_0000_0000n))).to.equal(`error ${INVALID_GVA} 0x0`);
    for (const mode of ['32-bit', 'pae'] as const) {
      expect(brief(new Machine({}, { mode }).ioctl(READ, 0, 0x1_0000_0000n)), mode).to.equal(
        `error ${INVALID_GVA} 0x0`,
      );
    }
  });

  it('what is wrong further down outranks a denial, and not-present a reserved bit in the same entry', () => {
    const closed = { write: false, user: false, noExecute: true };
    const absent = new Machine({ 4: closed, 1: { present: false, extra: 1n << 51n } });
    expect(brief(absent.ioctl(WRITE | USER))).to.equal(`error ${NOT_PRESENT} ${absent.entry(1)}`);
    const reserved = new Machine({ 4: closed, 1: { extra: 1n << 51n } });
    expect(brief(reserved.ioctl(WRITE | USER))).to.equal(`error ${RESERVED_BITS} ${reserved.entry(1)}`);
    const both = new Machine({ 3: { extra: 1n << 51n }, 1: { present: false } });
    expect(brief(both.ioctl(READ))).to.equal(`error ${RESERVED_BITS} ${both.entry(3)}`);
    const nowhere = new Machine({ 4: closed });
    nowhere.tables.edit(nowhere.linear, 2, { clear: 0xf_ffff_ffff_f000n, set: 0xf0_0000_0000n });
    expect(nowhere.ioctl(WRITE | USER).errorCode).to.equal(INVALID_GPA);
  });
});

describe('KVM_TRANSLATE2, bits', () => {
  it('no flag sets nothing, and so nothing has succeeded', () => {
    const machine = new Machine();
    expect(machine.ioctl(WRITE).setBitsSucceeded).to.equal(false);
    expect(machine.bits()).to.equal('- - - -');
  });

  it('SET_ACCESSED sets A in all entries and D in none', () => {
    const machine = new Machine();
    expect(machine.ioctl(WRITE, ACCESSED).setBitsSucceeded).to.equal(true);
    expect(machine.bits()).to.equal('A A A A');
  });

  it('SET_DIRTY adds D in the leaf alone', () => {
    const machine = new Machine();
    expect(machine.ioctl(WRITE, ACCESSED | DIRTY).setBitsSucceeded).to.equal(true);
    expect(machine.bits()).to.equal('A A A AD');
    expect(machine.ioctl(WRITE, ACCESSED | DIRTY).setBitsSucceeded, 'set before').to.equal(true);
    const large = new Machine({}, { size: 0x20_0000 });
    large.ioctl(WRITE, ACCESSED | DIRTY);
    expect(large.bits()).to.equal('A A AD');
  });

  it('a failure sets nothing, unless forced: then A in what was passed, never in the entry named, and never D', () => {
    const failures = [
      [{ 1: { present: false } }, WRITE, 'A A A -'],
      [{ 2: { extra: 1n << 51n } }, WRITE, 'A A - -'],
      [{ 1: { write: false } }, WRITE, 'A A A -'],
      [{ 3: { user: false } }, USER | WRITE, 'A - - -'],
      [{ 4: { present: false } }, WRITE, '- - - -'],
    ] as const;
    for (const [levels, access, expected] of failures) {
      const machine = new Machine(levels);
      expect(machine.ioctl(access, ACCESSED | DIRTY).setBitsSucceeded).to.equal(false);
      expect(machine.bits()).to.equal('- - - -');
      expect(machine.ioctl(access, ACCESSED | DIRTY | FORCE).setBitsSucceeded).to.equal(true);
      expect(machine.bits()).to.equal(expected);
    }
  });

  it('memory that cannot be written lets the translation succeed and the bits fail', () => {
    const machine = new Machine({}, { readOnlyLevels: [1] });
    const answer = machine.ioctl(WRITE, ACCESSED | DIRTY);
    expect(brief(answer)).to.equal('valid 0x40000123');
    expect(answer.setBitsSucceeded).to.equal(false);
    expect(machine.bits()).to.equal('A A A -');
    expect(machine.ioctl(WRITE).valid).to.equal(true);
    const marked = new Machine({ 1: { accessed: true, dirty: true } }, { readOnlyLevels: [1] });
    expect(marked.ioctl(WRITE, ACCESSED | DIRTY).setBitsSucceeded, 'nothing was missing there').to.equal(true);
  });

  it('a PAE directory pointer has no A bit', () => {
    const machine = new Machine({}, { mode: 'pae' });
    expect(machine.ioctl(WRITE, ACCESSED | DIRTY).setBitsSucceeded).to.equal(true);
    expect(machine.bits()).to.equal('- A AD');
  });
});

describe('KVM_TRANSLATE', () => {
  const supervisorRead = { write: false, user: false, exec: false };

  function translateOld(levels: Readonly<Record<number, EntryFlags>>) {
    const machine = new Machine(levels);
    const { registers, processor } = machineIn('4-level', { cr3: machine.tables.root });
    return toTranslateAnswer(
      translate(createContext(registers, processor), machine.tables.memory, machine.linear, supervisorRead),
    );
  }

  it('says where a supervisor read goes, and two constants', () => {
    const readOnly = translateOld({ 1: { write: false, user: false } });
    expect(readOnly).to.deep.equal({ physicalAddress: 0x4000_0123n, valid: true, writeable: true, usermode: false });
    expect(translateOld({})).to.deep.equal(readOnly);
  });

  it('says of a failure only that it failed', () => {
    for (const levels of [{ 1: { present: false } }, { 2: { extra: 1n << 51n } }]) {
      expect(translateOld(levels)).to.deep.equal({
        physicalAddress: 0xffff_ffff_ffff_ffffn,
        valid: false,
        writeable: true,
        usermode: false,
      });
    }
  });
});
