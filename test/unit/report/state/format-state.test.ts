import { expect } from 'chai';
import { createEpt, createNpt, type NptRegisters } from '../../../../src/paging/index.ts';
import {
  assumedOf,
  COLOURED,
  encodeState,
  formatState,
  PLAIN,
  type ReportedState,
} from '../../../../src/report/index.ts';
import { stateLineSchema } from '../../../support/schemas/translation-schema.ts';

const stub = <T>(value: T, detail: string) => ({ value, from: 'gdb-stub', detail: `register ${detail}` });
const monitor = (value: bigint, name: string) => ({ value, from: 'monitor', detail: `info registers, ${name}` });
const bases = (fs: bigint) => ({
  ...{ ss: monitor(0n, 'SS'), ds: monitor(0n, 'DS'), es: monitor(0n, 'ES') },
  ...{ fs: monitor(fs, 'FS'), gs: monitor(0n, 'GS') },
});
const qom = <T>(value: T, detail: string) => ({ value, from: 'qom', detail: `/cpu.${detail}` });

const LONG: ReportedState = {
  cpu: 1,
  cpus: [0, 1, 2, 3],
  state: {
    // As in the guest layer's state, which has more than is shown.
    ...{ cpu: 1 },
    cr0: stub(0x8001_0011n, 'cr0'),
    cr3: stub(0x8000_0000_0011_0005n, 'cr3'),
    cr4: stub(0x140_0020n, 'cr4'),
    efer: stub(0xd00n, 'efer'),
    rflags: stub(0x4_0002n, 'eflags'),
    cs: stub(0x33n, 'cs'),
    ss: stub(0x2bn, 'ss'),
    cpl: { value: 3, from: 'monitor', detail: 'info registers, CPL' },
    a20: { value: true, from: 'monitor', detail: 'info registers, A20' },
    pkru: { value: 0xc000_0024, from: 'device-state', detail: 'cpu/pkru' },
    pkrs: { value: 0, from: 'assumed', cause: { code: 'no-qmp' } },
    nested: { value: null, from: 'not-in-use', cause: { code: 'svm-off' } },
    maxPhyAddr: qom(40, 'phys-bits'),
    vendor: qom('intel', 'vendor'),
    pse36: qom(true, 'pse36'),
    pdpe1gb: qom(false, 'pdpe1gb'),
  },
  context: { mode: '4-level', root: 0x11_0000n, linearBits: 48 },
  nestedContext: null,
  runs: true,
  memory: [
    { kind: 'ram', name: 'pc.ram', first: 0n, last: 0x7ff_ffffn },
    { kind: 'device', name: 'ioapic', first: 0xfec0_0000n, last: 0xfec0_0fffn },
    { kind: 'rom', name: 'pc.bios', first: 0xfffc_0000n, last: 0xffff_ffffn },
  ],
  memoryAccess: {
    provider: 'host-process',
    attempts: [{ provider: 'host-file', cause: { code: 'no-file', block: 'pc.ram' } }],
  },
  assumed: [{ name: 'runState', value: 'running', cause: { code: 'stub-tells-no-run-state' }, decides: false }],
};

const notInUse = { value: 0, from: 'not-in-use', cause: { code: 'no-protection-keys', bit: 'PKE' } } as const;
const OFF: ReportedState = {
  ...LONG,
  state: {
    ...LONG.state,
    cr0: stub(0x11n, 'cr0'),
    cpl: { ...LONG.state.cpl, value: 0 },
    pkru: notInUse,
    pkrs: notInUse,
  },
  context: { mode: 'off', root: 0n, linearBits: 32 },
  runs: false,
  assumed: [],
};

/** The vCPU behind the nested tables of a hypervisor. */
function behindNpt(registers: Partial<NptRegisters> = {}): ReportedState {
  const host = { cr0: 0x8001_0011n, nestedCr3: 0x5018n, cr4: 0x20n, efer: 0xd00n, ...registers };
  const nested = { value: { kind: 'npt', registers: host }, from: 'device-state', detail: 'cpu/svn_npt' } as const;
  return { ...LONG, state: { ...LONG.state, nested }, nestedContext: createNpt(host, { maxPhyAddr: 40 }) };
}

function behindEpt(eptp: bigint): ReportedState {
  const nested = { value: { kind: 'ept', eptp }, from: 'given', detail: 'the request' } as const;
  return { ...LONG, state: { ...LONG.state, nested }, nestedContext: createEpt(eptp, { maxPhyAddr: 40 }) };
}

describe('report/formatState', () => {
  it('shows a second stage where there may be one, as --nested takes it', () => {
    expect(formatState(behindNpt(), PLAIN)).to.match(
      /^second stage +npt:0x5018 +4-level paging; the nested guest \(L2\) runs +device-state: cpu\/svn_npt$/m,
    );
    expect(formatState(behindNpt({ efer: 0x800n }), PLAIN)).to.match(/^second stage +npt:0x5018,pae +PAE paging; /m);
    expect(formatState(behindEpt(0x5026n), PLAIN)).to.match(/^second stage +ept:0x5026 +5-level paging; .*given: /m);
    const none = { value: null, from: 'assumed', cause: { code: 'no-qmp' } } as const;
    expect(formatState({ ...LONG, state: { ...LONG.state, nested: none } }, PLAIN)).to.match(/^second stage +none /m);
  });

  it('shows what of a second stage has to be given besides its root and mode', () => {
    const strict = { guestModeExecuteTrap: true, supervisorShadowStackCheck: true };
    expect(formatState(behindNpt(strict), PLAIN)).to.match(/^second stage +npt:0x5018,gmet,sss /m);
    const stage = (registers: Partial<NptRegisters>) =>
      JSON.parse(encodeState(behindNpt(registers))).registers.nested.value;
    expect(stage(strict)).to.include(strict);
    expect(stage({})).to.not.have.any.keys(...Object.keys(strict));
    // Of a second stage that cannot be walked there is nothing to tell.
    expect(JSON.parse(encodeState({ ...behindNpt(), nestedContext: null })).registers.nested.value).to.equal(null);
  });

  it('shows each value with the bits that matter and with its source', () => {
    expect(formatState(LONG, PLAIN).split('\n')).to.deep.equal([
      'vCPU 1 of 4   4-level paging, 48-bit linear addresses, guest running',
      '',
      'CR0         0x0000000080010011  PG=1 WP=1             gdb-stub: register cr0',
      'CR3         0x8000000000110005  root 0x110000         gdb-stub: register cr3',
      'CR4         0x0000000001400020  PSE=0 PAE=1 LA57=0 SMEP=0 SMAP=0 PKE=1 PKS=1  gdb-stub: register cr4',
      'EFER        0x0000000000000d00  LMA=1 NXE=1           gdb-stub: register efer',
      'RFLAGS      0x0000000000040002  AC=1                  gdb-stub: register eflags',
      'CS          0x0033                                    gdb-stub: register cs',
      'SS          0x002b                                    gdb-stub: register ss',
      'CPL         3                   user                  monitor: info registers, CPL',
      'PKRU        0xc0000024          no access: keys 1, 15; no write: key 2  device-state: cpu/pkru',
      'PKRS        0x00000000          every key allows everything  assumed: the GDB stub does not show it, and there is no QMP',
      'MAXPHYADDR  40                  physical addresses to 0xffffffffff  qom: /cpu.phys-bits',
      'vendor      intel                                     qom: /cpu.vendor',
      'PSE-36      yes                                       qom: /cpu.pse36',
      '1G pages    no                                        qom: /cpu.pdpe1gb',
      '',
      'physical memory  monitor: info mtree -f',
      '  0x00000000-0x07ffffff  RAM   128M  pc.ram',
      '  0xfffc0000-0xffffffff  ROM   256K  pc.bios',
      '  device regions, never read: 1',
      "  bulk reads: the QEMU process's memory",
      '  not through the file that backs it: pc.ram is not a file',
      '! assumed: PKRS=0x0 (the GDB stub does not show it, and there is no QMP)',
      '! assumed: the GDB stub of this QEMU does not tell whether the guest ran before; it is taken to have run, and is resumed. With --qmp this is exact',
      '',
    ]);
  });

  it('shows a vCPU without paging, and registers that are not in use', () => {
    const lines = formatState(OFF, PLAIN).split('\n');
    expect(lines[0]).to.equal('vCPU 1 of 4   paging off, 32-bit linear addresses, guest paused');
    expect(lines[3]).to.match(/^CR3 +0x8000000000110005 {2}paging is off/);
    expect(lines[9]).to.match(/^CPL +0 +supervisor/);
    expect(lines[10]).to.match(/^PKRU +- +not-in-use: CR4.PKE=0, or not in long mode$/);
  });

  it('shows where the vCPU is, and where its segments begin', () => {
    const position = {
      ...{ rip: monitor(0x40_1000n, 'RIP'), rsp: stub(0x7ffe_0000n, 'rsp'), cr2: monitor(0xdead_0000n, 'CR2') },
      ...{ csBase: monitor(0n, 'CS'), bases: bases(0x7fff_1234_0000n) },
    };
    const reported = { ...LONG, state: { ...LONG.state, position } };
    const lines = formatState(reported, PLAIN)
      .split('\n')
      .map((line) => line.replace(/ {2,}/g, '  '));
    expect(lines.slice(2, 5)).to.deep.equal([
      'RIP  0x0000000000401000  monitor: info registers, RIP',
      'RSP  0x000000007ffe0000  gdb-stub: register rsp',
      'CR2  0x00000000dead0000  monitor: info registers, CR2',
    ]);
    expect(lines).to.include.members([
      'CS  0x0033  base 0x0000000000000000  gdb-stub: register cs',
      'SS  0x002b  base 0x0000000000000000  gdb-stub: register ss',
      'FS base  0x00007fff12340000  monitor: info registers, FS',
      'GS base  0x0000000000000000  monitor: info registers, GS',
    ]);
    expect(lines.some((line) => line.startsWith('DS base'))).to.equal(false);
    const { registers } = stateLineSchema.parse(JSON.parse(encodeState(reported)));
    expect([registers.rip?.value, registers.rsp?.value, registers.fsBase?.value]).to.deep.equal([
      '0x401000',
      '0x7ffe0000',
      '0x7fff12340000',
    ]);
  });

  it('shows real mode as segment and offset, with what that is', () => {
    const position = {
      ...{ rip: monitor(0xfff0n, 'EIP'), cr2: monitor(0n, 'CR2') },
      ...{ csBase: monitor(0xffff_0000n, 'CS'), bases: bases(0x1_2340n) },
    };
    const state = { ...OFF.state, position, cr0: stub(0x10n, 'cr0'), cs: stub(0xf000n, 'cs') };
    const lines = formatState({ ...OFF, state }, PLAIN).split('\n');
    expect(lines[0]).to.equal('vCPU 1 of 4   real mode, paging off, 32-bit linear addresses, guest paused');
    expect(lines[2]).to.match(/^CS:IP +f000:fff0 +linear 0xfffffff0 +monitor: info registers, EIP$/);
    expect(lines.some((line) => /^CS +0xf000 +base 0xffff0000 /.test(line))).to.equal(true);
    expect(lines.some((line) => /^FS base +0x00012340 /.test(line))).to.equal(true);
  });

  it('says when it is unknown whether the guest ran', () => {
    expect(formatState({ ...OFF, runs: undefined }, PLAIN)).to.match(/guest run state unknown\n/);
  });

  it('shows of a dump what it holds, and devices only where a list of them came with it', () => {
    const dump = { ...OFF, runs: undefined, memoryAccess: { provider: 'dump', attempts: [] } } as const;
    const [ram, device] = LONG.memory as [ReportedState['memory'][0], ReportedState['memory'][0]];
    const without = formatState({ ...dump, memory: [ram] }, PLAIN);
    expect(without).to.match(/^vCPU 1 of 4 .* guest in a dump\n/);
    expect(without).to.contain(
      '\nphysical memory  dump: what it holds\n  0x00000000-0x07ffffff  RAM   128M  pc.ram\n  bulk reads: the dump\n',
    );
    expect(formatState({ ...dump, memory: [ram, device] }, PLAIN)).to.contain('\n  device regions, never read: 1\n');
    expect(formatState({ ...OFF, memory: [ram] }, PLAIN)).to.contain('\n  device regions, never read: 0\n');
  });

  it('has as many digits for memory as its highest address', () => {
    const memory = [
      { kind: 'ram', name: 'low', first: 0n, last: 0xfffn },
      { kind: 'ram', name: 'high', first: 0x1_0000_0000n, last: 0x1_3fff_ffffn },
      { kind: 'device', name: 'far', first: 0x1000_0000_0000n, last: 0x1000_0000_0fffn },
    ] as const;
    expect(formatState({ ...LONG, memory }, PLAIN)).to.contain(
      '\n  0x000000000-0x000000fff  RAM     4K  low\n  0x100000000-0x13fffffff  RAM     1G  high\n  device regions, never read: 1\n',
    );
  });

  it('shows what was assumed of a register of any width', () => {
    const rflags = { value: 2n, from: 'assumed', cause: { code: 'no-qmp' } } as const;
    const reported = { ...LONG, state: { ...LONG.state, rflags } };
    expect(assumedOf(reported)[0]).to.include({ name: 'rflags', value: 2 });
    expect(JSON.parse(encodeState(reported)).assumed[0]).to.include({ name: 'rflags', value: '0x2' });
  });

  it('joins keys that follow each other', () => {
    const pkru = { value: 0x5555_4150, from: 'device-state', detail: 'cpu/pkru' } as const;
    expect(formatState({ ...LONG, state: { ...LONG.state, pkru } }, PLAIN)).to.contain('no access: keys 2-4, 7-15 ');
  });

  it('names the vCPUs where their numbers have gaps', () => {
    expect(formatState({ ...LONG, cpu: 2, cpus: [0, 2] }, PLAIN).split('   ')[0]).to.equal('vCPU 2 (2 vCPUs: 0, 2)');
  });

  it('marks what is assumed', () => {
    expect(formatState(LONG, COLOURED)).to.contain(
      '\u001b[33massumed: the GDB stub does not show it, and there is no QMP\u001b[39m',
    );
    expect(formatState(LONG, PLAIN)).to.not.contain('\u001b');
  });
});

describe('report/encodeState', () => {
  it('gives registers as hexadecimal text, each with its source', () => {
    const line = encodeState(LONG);
    expect(line).to.not.contain('\n');
    expect(JSON.parse(line)).to.deep.equal({
      cpu: 1,
      cpuCount: 4,
      cpus: [0, 1, 2, 3],
      mode: '4-level',
      root: '0x110000',
      linearAddressBits: 48,
      runState: 'running',
      registers: {
        cr0: { value: '0x80010011', source: 'gdb-stub', detail: 'register cr0' },
        cr3: { value: '0x8000000000110005', source: 'gdb-stub', detail: 'register cr3' },
        cr4: { value: '0x1400020', source: 'gdb-stub', detail: 'register cr4' },
        efer: { value: '0xd00', source: 'gdb-stub', detail: 'register efer' },
        rflags: { value: '0x40002', source: 'gdb-stub', detail: 'register eflags' },
        cs: { value: '0x33', source: 'gdb-stub', detail: 'register cs' },
        ss: { value: '0x2b', source: 'gdb-stub', detail: 'register ss' },
        cpl: { value: 3, source: 'monitor', detail: 'info registers, CPL' },
        a20: { value: true, source: 'monitor', detail: 'info registers, A20' },
        pkru: { value: '0xc0000024', source: 'device-state', detail: 'cpu/pkru' },
        pkrs: { value: '0x0', source: 'assumed', detail: 'the GDB stub does not show it, and there is no QMP' },
        nested: { value: null, source: 'not-in-use', detail: 'EFER.SVME=0' },
      },
      processor: {
        maxPhyAddr: { value: 40, source: 'qom', detail: '/cpu.phys-bits' },
        vendor: { value: 'intel', source: 'qom', detail: '/cpu.vendor' },
        pse36: { value: true, source: 'qom', detail: '/cpu.pse36' },
        pdpe1gb: { value: false, source: 'qom', detail: '/cpu.pdpe1gb' },
      },
      memory: [
        { kind: 'ram', name: 'pc.ram', first: '0x0', last: '0x7ffffff' },
        { kind: 'device', name: 'ioapic', first: '0xfec00000', last: '0xfec00fff' },
        { kind: 'rom', name: 'pc.bios', first: '0xfffc0000', last: '0xffffffff' },
      ],
      memoryAccess: {
        provider: 'host-process',
        attempts: [{ provider: 'host-file', reason: 'pc.ram is not a file' }],
      },
      assumed: [
        { name: 'pkrs', value: '0x0', why: 'the GDB stub does not show it, and there is no QMP', decides: true },
        {
          name: 'runState',
          value: 'running',
          why: 'the GDB stub of this QEMU does not tell whether the guest ran before; it is taken to have run, and is resumed. With --qmp this is exact',
          decides: true,
        },
      ],
    });
  });

  it('says what the second stage is, and how its tables are to be read', () => {
    const nestedOf = (reported: ReportedState) =>
      stateLineSchema.parse(JSON.parse(encodeState(reported))).registers.nested;
    expect(nestedOf(behindNpt())).to.deep.equal({
      value: { kind: 'npt', nestedCr3: '0x5018', root: '0x5000', mode: '4-level', executeDisable: true },
      source: 'device-state',
      detail: 'cpu/svn_npt',
    });
    // 32-byte alignment is PAE's alone.
    expect(nestedOf(behindNpt({ nestedCr3: 0x5020n, efer: 0n })).value).to.deep.equal({
      kind: 'npt',
      nestedCr3: '0x5020',
      root: '0x5020',
      mode: 'pae',
      executeDisable: false,
    });
    expect(nestedOf(behindEpt(0x505en))).to.deep.equal({
      value: {
        kind: 'ept',
        eptp: '0x505e',
        root: '0x5000',
        mode: '4-level',
        tableMemoryType: 'WB',
        accessedDirty: true,
      },
      source: 'given',
      detail: 'the request',
    });
    expect(nestedOf(behindEpt(0x5020n)).value).to.include({
      mode: '5-level',
      tableMemoryType: 'UC',
      accessedDirty: false,
    });
  });

  it('says whose CR3 it is and which symbol its code is in, where names were asked for', () => {
    const symbol = { name: 'do_exit', address: 0x40_0ff0n, type: 'T', module: null };
    const position = {
      ...{ rip: monitor(0x40_1000n, 'RIP'), rsp: stub(0x7ffe_0000n, 'rsp'), cr2: monitor(0n, 'CR2') },
      ...{ csBase: monitor(0n, 'CS'), bases: bases(0n) },
    };
    const owner = { kind: 'process', pid: 91, comm: 'sh', half: null } as const;
    const place = { symbol, offsetBytes: 0x10, sizeBytes: 0xb30 };
    const named = { ...LONG, state: { ...LONG.state, position }, owner, place };
    const lines = formatState(named, PLAIN).split('\n');
    expect(lines[2]).to.match(/^RIP +0x0000000000401000 {2}do_exit\+0x10\/0xb30 {2}/);
    expect(lines.find((line) => line.startsWith('CR3'))).to.contain('  root 0x110000, process 91 sh  ');
    const fields = stateLineSchema.parse(JSON.parse(encodeState(named)));
    expect(fields.owner).to.deep.equal({ kind: 'process', pid: 91, comm: 'sh', half: null });
    expect(fields.place).to.include({ symbol: 'do_exit' });
    const unknown = { ...LONG, owner: null, place: null };
    expect(stateLineSchema.parse(JSON.parse(encodeState(unknown)))).to.include({ owner: null, place: null });
    expect(formatState(unknown, PLAIN)).to.equal(formatState(LONG, PLAIN));
    expect(JSON.parse(encodeState(LONG))).to.not.have.any.keys('owner', 'place');
  });

  it('has no root without paging, and no run state where it is unknown', () => {
    expect(JSON.parse(encodeState({ ...OFF, runs: undefined }))).to.include({ root: null, runState: null });
    expect(JSON.parse(encodeState(OFF))).to.include({ runState: 'paused' });
  });
});
