import { expect } from 'chai';
import {
  type InfoRegisters,
  MonitorTextError,
  parseAllInfoRegisters,
  parseInfoRegisters,
} from '../../../../protocols/qmp/index.ts';
import { readFixtureText } from '../../../support/fakes/read-fixture.ts';

/** The same with hex text for numbers, which is what one can compare with the recorded file by eye. */
function inHex(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') return value.toString(16);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, inHex(member)]));
}

function read(name: string): InfoRegisters {
  return parseInfoRegisters(readFixtureText(`qmp/${name}`));
}

describe('parseInfoRegisters', () => {
  it('reads 64-bit code', () => {
    const registers = read('registers/long-mode.txt');
    expect(inHex(registers)).to.deep.include({
      form: '40',
      rip: '100525',
      rflags: '87',
      cpl: '0',
      a20: true,
      smm: false,
      halted: false,
      inhibitIrq: false,
      tr: { selector: '30', base: '100620', limit: '67', flags: '8900' },
      gdt: { base: '1005d0', limit: '3f' },
      idt: { base: '100690', limit: '1ff' },
      cr0: '80010011',
      cr3: '110000',
      cr4: '1400020',
      efer: 'd00',
    });
    expect(inHex(registers.segments.cs)).to.deep.equal({
      selector: '18',
      base: '0',
      limit: 'ffffffff',
      flags: 'af9b00',
    });
    expect(inHex(registers.segments.fs)).to.deep.equal({ selector: '0', base: '0', limit: '0', flags: '0' });
  });

  it('reads long mode without 64-bit code: narrow registers, wide tables and control registers', () => {
    const registers = read('registers/compatibility-mode.txt');
    expect(inHex(registers)).to.deep.include({
      form: '20',
      rip: 'ec39c',
      gdt: { base: 'f6180', limit: '37' },
      cr3: '56341000',
      efer: '500',
    });
    expect(registers.segments.cs.selector).to.equal(8);
  });

  it('reads real mode', () => {
    const registers = read('registers/real-mode.txt');
    expect(inHex(registers)).to.deep.include({ form: '20', rip: 'fff0', cr0: '60000010', efer: '0' });
    expect(inHex(registers.segments.cs)).to.deep.equal({
      selector: 'f000',
      base: 'ffff0000',
      limit: 'ffff',
      flags: '9b00',
    });
  });

  it('reads wide values whole, and flags that are set', () => {
    const text = readFixtureText('qmp/registers/long-mode.txt')
      .replace('CPL=0 II=0 A20=1 SMM=0 HLT=0', 'CPL=3 II=1 A20=0 SMM=1 HLT=1')
      .replace(/CR3=[0-9a-f]+/, 'CR3=8000fffffffff018')
      .replace(/^GDT=.*$/m, 'GDT=     fffffe0000001000 0000007f');
    expect(inHex(parseInfoRegisters(text))).to.deep.include({
      cpl: '3',
      inhibitIrq: true,
      a20: false,
      smm: true,
      halted: true,
      cr3: '8000fffffffff018',
      gdt: { base: 'fffffe0000001000', limit: '7f' },
    });
  });

  it('reads it the same with plain line ends', () => {
    const text = readFixtureText('qmp/registers/long-mode.txt');
    expect(text).to.contain('\r\n');
    expect(parseInfoRegisters(text.replaceAll('\r\n', '\n'))).to.deep.equal(parseInfoRegisters(text));
  });

  it('says which register is missing', () => {
    const text = readFixtureText('qmp/registers/long-mode.txt');
    for (const name of [
      'RIP',
      'RFL',
      'CPL',
      'A20',
      'SMM',
      'HLT',
      'CS',
      'TR',
      'GDT',
      'IDT',
      'CR0',
      'CR2',
      'CR3',
      'CR4',
      'EFER',
    ]) {
      const without = text.replace(new RegExp(`\\b${name} *=`), 'XXX=');
      const missing = name === 'RIP' ? 'EIP' : name;
      expect(() => parseInfoRegisters(without), name).to.throw(MonitorTextError, `${missing} of vCPU 0 is missing`);
    }
  });

  it('takes a segment at the beginning of its line alone', () => {
    const text = readFixtureText('qmp/registers/long-mode.txt');
    const moved = text.replace(/^CS =/m, ' CS =');
    expect(moved).to.not.equal(text);
    expect(() => parseInfoRegisters(moved)).to.throw(MonitorTextError, 'CS of vCPU 0 is missing');
  });

  it('takes no longer name for a register, and no longer number for its value', () => {
    const text = readFixtureText('qmp/registers/long-mode.txt');
    for (const broken of [
      text.replace('EFER=', 'XEFER='),
      text.replace(/EFER=[0-9a-f]+/, `EFER=${'0'.repeat(17)}`),
      text.replace(/EFER=[0-9a-f]+/, 'EFER=d00h'),
    ]) {
      expect(broken).not.to.equal(text);
      expect(() => parseInfoRegisters(broken)).to.throw(MonitorTextError, 'EFER of vCPU 0 is missing');
    }
  });

  it('refuses none and several', () => {
    expect(() => parseInfoRegisters('')).to.throw(MonitorTextError, /no vCPU/);
    expect(() => parseInfoRegisters(readFixtureText('qmp/registers/all.txt'))).to.throw(MonitorTextError, /one vCPU/);
  });
});

describe('parseAllInfoRegisters', () => {
  it('reads 8192 vCPUs, and no more', () => {
    const cpu = readFixtureText('qmp/registers/long-mode.txt').split(/^FCW/m)[0] ?? '';
    expect(parseAllInfoRegisters(cpu.repeat(8192))).to.have.lengthOf(8192);
    expect(() => parseAllInfoRegisters(cpu.repeat(8193))).to.throw(MonitorTextError, 'more than 8192 vCPUs');
  });

  it('reads every vCPU', () => {
    const all = parseAllInfoRegisters(readFixtureText('qmp/registers/all.txt'));
    expect(all.map(({ cpuIndex, halted }) => ({ cpuIndex, halted }))).to.deep.equal([
      { cpuIndex: 0, halted: false },
      { cpuIndex: 1, halted: true },
    ]);
  });
});
