import { expect } from 'chai';
import {
  parseAllInfoRegisters,
  parseDeviceState,
  parseFlatViews,
  parseInfoStatus,
  readPkru,
} from '../../../../protocols/qmp/index.ts';
import {
  DESCRIPTION,
  deviceState,
  MONITOR_TEXTS,
  registerBytes,
} from '../../../../src/guest/rehearsal/scripted-texts.ts';

/** As the layers beside take a monitor's text. */
function textOf(command: string): string {
  return (MONITOR_TEXTS.get(command) ?? '').replaceAll('\r\n', '\n');
}

describe('what the guest of a rehearsal shows', () => {
  it('is a vCPU in 64-bit mode', () => {
    expect(textOf('info registers -a')).to.contain('\nES =0010 ').and.to.contain('\nLDT=0010 ');
    const [vcpu, ...others] = parseAllInfoRegisters(textOf('info registers -a'));
    expect(others).to.deep.equal([]);
    const segment = { selector: 0x10, base: 0n, limit: 0xffff_ffff, flags: 0xaf_9b00 };
    const general = { es: segment, cs: segment, ss: segment, ds: segment, fs: segment, gs: segment };
    expect(vcpu).to.deep.equal({
      ...{ cpuIndex: 0, form: 64, rip: 0x1000n, rflags: 2n, cpl: 0 },
      ...{ inhibitIrq: false, a20: true, smm: false, halted: false },
      ...{ segments: general, ldt: segment, tr: segment },
      ...{ gdt: { base: 0x1000n, limit: 0x3f }, idt: { base: 0x1000n, limit: 0x1ff } },
      ...{ cr0: 0x8005_0033n, cr2: 0n, cr3: 0x1000n, cr4: 0x50_02a0n, efer: 0xd01n },
    });
  });

  it('is paused, and has RAM, ROM and a device', () => {
    expect(parseInfoStatus(textOf('info status'))).to.deep.include({ status: 'paused' });
    const views = parseFlatViews(textOf('info mtree -f'));
    expect(views.map(({ addressSpaces }) => addressSpaces.map(({ name }) => name))).to.deep.equal([
      ['I/O'],
      ['memory', 'cpu-memory-0'],
    ]);
    const ranges = views[1]?.ranges.map(({ type, name, first, last, offset }) => [type, name, first, last, offset]);
    expect(ranges).to.deep.equal([
      ['ram', 'pc.ram', 0n, 0x9_ffffn, 0n],
      ['rom', 'pc.ram', 0xc_0000n, 0xc_afffn, 0xc_0000n],
      ['ram', 'pc.ram', 0x10_0000n, 0x7ff_ffffn, 0x10_0000n],
      ['i/o', 'ioapic', 0xfec0_0000n, 0xfec0_0fffn, 0n],
      ['rom', 'pc.bios', 0xfffc_0000n, 0xffff_ffffn, 0n],
    ]);
  });

  it('is saved with one vCPU, all of whose fields are zero, and its PKRU', () => {
    const { cpus } = parseDeviceState(deviceState());
    expect([...cpus.keys()]).to.deep.equal([0]);
    const vcpu = cpus.get(0);
    if (vcpu === undefined) throw new Error('it has a vCPU');
    expect(vcpu).to.include({ target: 'x86_64', rip: 0n, hflags: 0, cr0: 0n, efer: 0n, pat: 0n, xcr0: 0n });
    expect([...vcpu.subsections.values()]).to.deep.equal([
      { name: 'cpu/pkru', version: 1, data: Buffer.from([0, 0, 0, 0]) },
    ]);
    expect(readPkru(vcpu)).to.equal(0);
    // As QEMU writes it: section 1, vCPU 0, version 12; the subsection, version 1; the footer, and the end.
    const [heading, fields, rest] = [25, 1817, 24];
    const bytes = deviceState();
    expect(bytes).to.have.length(heading + fields + rest);
    expect(bytes.toString('latin1', 0, heading)).to.equal('QEVM\0\0\0\x03\x04\0\0\0\x01\x03cpu\0\0\0\0\0\0\0\x0c');
    expect(bytes.subarray(heading, heading + fields).every((byte) => byte === 0)).to.equal(true);
    expect(bytes.toString('latin1', heading + fields)).to.equal('\x05\x08cpu/pkru\0\0\0\x01\0\0\0\0\x7e\0\0\0\x01\0');
  });

  it('describes each register with its width, in the order of their bytes', () => {
    const text = DESCRIPTION['registers.xml'] ?? '';
    const registers = [...text.matchAll(/<reg name="(\w+)" bitsize="(\d+)" type="int(\d+)"\/>/g)];
    expect(registers.every(([, , bits, typed]) => bits === typed)).to.equal(true);
    const widths = registers.map(([, , bits]) => Number(bits) / 8);
    expect(widths).to.deep.equal([...Array(17).fill(8), ...Array(7).fill(4), ...Array(5).fill(8)]);
    expect(registerBytes()).to.have.length(17 * 8 + 7 * 4 + 5 * 8);
    expect(DESCRIPTION['target.xml']).to.contain('<xi:include href="registers.xml"/>');
  });
});
