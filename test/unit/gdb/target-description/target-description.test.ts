import { expect } from 'chai';
import {
  GdbArchitectureError,
  GdbTargetDescriptionError,
  type RegisterLayout,
} from '../../../../protocols/gdb/index.ts';
import { loadRegisterLayout } from '../../../../protocols/gdb/target-description/load-layout.ts';
import { decodeRegisters } from '../../../../protocols/gdb/target-description/register-layout.ts';
import { readFixtureText } from '../../../support/fakes/read-fixture.ts';

// As QEMU 7.2 and 10.0 send them.
const HEAD = '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>';
const X86_64 = `${HEAD}<architecture>i386:x86-64</architecture><xi:include href="i386-64bit.xml"/></target>`;
const I386 = `${HEAD}<architecture>i386</architecture><xi:include href="i386-32bit.xml"/></target>`;
const AARCH64 = `${HEAD}<architecture>aarch64</architecture><xi:include href="aarch64-core.xml"/></target>`;

const CORE = 'org.gnu.gdb.i386.core';

describe('target description', () => {
  it("lays out QEMU's 64-bit registers, and not those in its comments", async () => {
    const layout = await load({ 'target.xml': X86_64, 'i386-64bit.xml': readFixtureText('gdb/i386-64bit.xml') });
    expect(layout).to.include({ architecture: 'i386:x86-64', sizeBytes: 608 });
    expect(layout.registers).to.have.length(66);
    expect(layout.byName.get('rip')).to.deep.equal({ name: 'rip', bits: 64, number: 16, offset: 128, feature: CORE });
    expect(layout.byName.get('gs')).to.include({ number: 23, offset: 160 });
    // The first register behind the comment that hides cs_base and its like.
    expect(layout.byName.get('fs_base')).to.include({ number: 24, offset: 164 });
    expect(layout.byName.get('cr3')).to.include({ number: 0x1d, offset: 204 });
    expect(layout.byName.get('efer')).to.include({ number: 0x20, offset: 228 });
    expect(layout.byName.get('mxcsr')).to.include({ number: 65, offset: 604, bits: 32 });
    expect(layout.byName.has('cs_base')).to.equal(false);
  });

  it("lays out QEMU's 32-bit registers", async () => {
    const layout = await load({ 'target.xml': I386, 'i386-32bit.xml': readFixtureText('gdb/i386-32bit.xml') });
    expect(layout).to.include({ architecture: 'i386', sizeBytes: 344 });
    expect(layout.registers).to.have.length(50);
    expect(layout.byName.get('eip')).to.include({ number: 8, offset: 32, bits: 32 });
    expect(layout.byName.get('cr3')).to.include({ bits: 32 });
  });

  it('refuses a guest that is not x86, before asking for its register files', async () => {
    const error = await refused({ 'target.xml': AARCH64 });
    expect(error).to.be.instanceOf(GdbArchitectureError);
    expect(error).to.include({ code: 'ERR_GDB_ARCHITECTURE', architecture: 'aarch64' });
  });

  it('takes 2 MiB of files, and no more', async () => {
    const text = describe386('<reg name="a" bitsize="8"/>');
    const full = `${text}${' '.repeat(2 * 1024 * 1024 - text.length)}`;
    expect((await load({ 'target.xml': full })).registers).to.have.lengthOf(1);
    expect(await refused({ 'target.xml': `${full} ` }))
      .to.be.instanceOf(GdbTargetDescriptionError)
      .and.have.property('message')
      .that.contains('more than 2097152 characters');
  });

  it('takes 32 files, and no more', async () => {
    const including = (count: number) => {
      const names = Array.from({ length: count }, (_, at) => `${at}.xml`);
      const includes = names.map((name) => `<xi:include href="${name}"/>`).join('');
      const files = names.map((name, at) => [name, `<feature name="f"><reg name="r${at}" bitsize="8"/></feature>`]);
      return { 'target.xml': describe386('<reg name="a" bitsize="8"/>', includes), ...Object.fromEntries(files) };
    };
    expect((await load(including(31))).registers).to.have.lengthOf(32);
    expect(await refused(including(32)))
      .to.be.instanceOf(GdbTargetDescriptionError)
      .and.have.property('message')
      .that.contains('more than 32 files');
  });

  it('goes by explicit numbers, and numbers the registers behind them on', async () => {
    const layout = await load({
      'target.xml': describe386('<reg name="a" bitsize="8" regnum="5"/><reg name="b" bitsize="16"/>'),
    });
    expect(layout.registers.map(({ name, number, offset }) => [name, number, offset])).to.deep.equal([
      ['a', 5, 0],
      ['b', 6, 1],
    ]);
  });

  it('puts included registers where they are included', async () => {
    const layout = await load({
      'target.xml': describe386(
        '<reg name="a" bitsize="8"/>',
        '<xi:include href="x.xml"/><feature name="z"><reg name="c" bitsize="8"/></feature>',
      ),
      'x.xml': '<feature name="x"><reg name="b" bitsize="8"/></feature>',
    });
    expect(layout.registers.map(({ name, feature }) => `${feature}.${name}`)).to.deep.equal(['f.a', 'x.b', 'z.c']);
  });

  const BROKEN: Record<string, Record<string, string>> = {
    'no architecture': { 'target.xml': '<target><feature name="f"><reg name="a" bitsize="8"/></feature></target>' },
    'no registers': { 'target.xml': '<target><architecture>i386</architecture></target>' },
    'an empty file': { 'target.xml': '' },
    'an unclosed tag': { 'target.xml': '<target><feature name="f">' },
    'tags that cross': { 'target.xml': '<a><b></a></b>' },
    'an unfinished comment': { 'target.xml': '<target><!-- <reg name="a" bitsize="8"/></target>' },
    'an unfinished tag': { 'target.xml': '<target' },
    'an attribute twice': { 'target.xml': describe386('<reg name="a" name="b" bitsize="8"/>') },
    'entities of its own': { 'target.xml': '<!DOCTYPE t [<!ENTITY a "b">]><target/>' },
    'an unknown entity': { 'target.xml': describe386('<reg name="&a;" bitsize="8"/>') },
    'text outside of tags': { 'target.xml': 'E14' },
    'a register outside of a feature': {
      'target.xml': '<target><architecture>i386</architecture><reg name="a" bitsize="8"/></target>',
    },
    'a register without a name': { 'target.xml': describe386('<reg bitsize="8"/>') },
    'a register without a size': { 'target.xml': describe386('<reg name="a"/>') },
    'a register of 12 bits': { 'target.xml': describe386('<reg name="a" bitsize="12"/>') },
    'a register of no bits': { 'target.xml': describe386('<reg name="a" bitsize="0"/>') },
    'a register of a billion bits': { 'target.xml': describe386('<reg name="a" bitsize="1000000000"/>') },
    'a register twice': { 'target.xml': describe386('<reg name="a" bitsize="8"/><reg name="a" bitsize="8"/>') },
    'numbers that go back': {
      'target.xml': describe386('<reg name="a" bitsize="8" regnum="2"/><reg name="b" bitsize="8" regnum="1"/>'),
    },
    'a number below zero': { 'target.xml': describe386('<reg name="a" bitsize="8" regnum="-1"/>') },
    'a file that includes itself': {
      'target.xml': describe386('<reg name="a" bitsize="8"/>', '<xi:include href="target.xml"/>'),
    },
    'an include without a file': { 'target.xml': describe386('', '<xi:include/>') },
    'an include that is no file name': { 'target.xml': describe386('', '<xi:include href="a:0,1"/>') },
  };
  for (const [name, files] of Object.entries(BROKEN)) {
    it(`refuses ${name}`, async () => {
      const error = await refused(files);
      expect(error).to.be.instanceOf(GdbTargetDescriptionError);
      expect(error).to.include({ code: 'ERR_GDB_TARGET_DESCRIPTION', annex: 'target.xml' });
    });
  }
});

describe('decodeRegisters', () => {
  const FEATURES = '<feature name="apx"><reg name="r16" bitsize="64"/></feature>';

  it('reads little-endian values of all widths', async () => {
    const layout = await load({
      'target.xml': describe386(
        '<reg name="a" bitsize="64"/><reg name="b" bitsize="32"/><reg name="st" bitsize="80"/>',
      ),
    });
    const bytes = Uint8Array.from({ length: 22 }, (_, index) => 0xf0 + index);
    const values = decodeRegisters(layout, bytes);
    expect(hex(values)).to.deep.equal({ a: 'f7f6f5f4f3f2f1f0', b: 'fbfaf9f8', st: '50403020100fffefdfc' });
  });

  it('takes a reply that leaves out whole features behind the first, as QEMU does with APX', async () => {
    const layout = await load({
      'target.xml': describe386('<reg name="a" bitsize="8"/><reg name="b" bitsize="8"/>', FEATURES),
    });
    expect(hex(decodeRegisters(layout, Uint8Array.of(1, 2)))).to.deep.equal({ a: '1', b: '2' });
    expect(decodeRegisters(layout, new Uint8Array(10))?.size).to.equal(3);
  });

  it('takes no reply of any other length', async () => {
    const layout = await load({
      'target.xml': describe386('<reg name="a" bitsize="8"/><reg name="b" bitsize="8"/>', FEATURES),
    });
    for (const length of [0, 1, 3, 9, 11])
      expect(decodeRegisters(layout, new Uint8Array(length)), `${length}`).to.equal(undefined);
  });
});

function describe386(registers: string, rest = ''): string {
  return `<target><architecture>i386</architecture><feature name="f">${registers}</feature>${rest}</target>`;
}

function load(files: Record<string, string>): Promise<RegisterLayout> {
  return loadRegisterLayout(async (annex) => {
    const file = files[annex];
    if (file === undefined) throw new Error(`'${annex}' was asked for`);
    return file;
  });
}

async function refused(files: Record<string, string>): Promise<unknown> {
  return load(files).then(
    () => expect.fail('it was taken'),
    (error: unknown) => error,
  );
}

function hex(values: ReadonlyMap<string, bigint> | undefined): Record<string, string> {
  return Object.fromEntries(Array.from(values ?? [], ([name, value]) => [name, value.toString(16)]));
}
