/*
 * What a small guest of QEMU's would show, in 64-bit mode with protection keys: as much of it as is read. There is no such guest.
 */

/** Paging on; PAE, PGE, OSFXSR, SMEP, PKE; the root where the scripted memory has it; long mode, NX. */
const CONTROL = { cr0: 0x8005_0033, cr3: 0x1000, cr4: 0x50_02a0, efer: 0xd01 } as const;

const GENERAL = [
  'rax',
  'rbx',
  'rcx',
  'rdx',
  'rsi',
  'rdi',
  'rbp',
  'rsp',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];
const SELECTORS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'];

/** Name, bits, value. */
const REGISTERS: readonly (readonly [name: string, bits: number, value: number])[] = [
  ...GENERAL.map((name) => [name, 64, 0] as const),
  ['rip', 64, 0x1000],
  ['eflags', 32, 2],
  ...SELECTORS.map((name) => [name, 32, 0x10] as const),
  ['cr0', 64, CONTROL.cr0],
  ['cr2', 64, 0],
  ['cr3', 64, CONTROL.cr3],
  ['cr4', 64, CONTROL.cr4],
  ['efer', 64, CONTROL.efer],
];

/** The stub's description of its registers, in two files as QEMU has it. @internal */
export const DESCRIPTION: Readonly<Record<string, string>> = {
  'target.xml':
    '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target><architecture>i386:x86-64</architecture><xi:include href="registers.xml"/></target>',
  'registers.xml': [
    '<?xml version="1.0"?>',
    '<!-- for a rehearsal -->',
    '<!DOCTYPE feature SYSTEM "gdb-target.dtd">',
    '<feature name="org.gnu.gdb.i386.core">',
    ...REGISTERS.map(([name, bits]) => `  <reg name="${name}" bitsize="${bits}" type="int${bits}"/>`),
    '</feature>',
  ].join('\n'),
};

/** The reply to `g`. @internal */
export function registerBytes(): Buffer {
  const bytes = REGISTERS.map(([, bits, value]) => {
    const field = Buffer.alloc(bits / 8);
    field.writeUInt32LE(value);
    return field;
  });
  return Buffer.concat(bytes);
}

const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDT', 'TR'];

const INFO_REGISTERS = [
  '',
  'CPU#0',
  'RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000000',
  'RIP=0000000000001000 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0',
  ...SEGMENTS.map((name) => `${name.padEnd(3)}=0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]`),
  'GDT=     0000000000001000 0000003f',
  'IDT=     0000000000001000 000001ff',
  'CR0=80050033 CR2=0000000000000000 CR3=0000000000001000 CR4=005002a0',
  'DR6=00000000ffff0ff0 DR7=0000000000000400',
  'EFER=0000000000000d01',
  'FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80',
  '',
];

const FLAT_VIEWS = [
  'FlatView #0',
  ' AS "I/O", root: io',
  ' Root memory region: io',
  '  0000000000000000-0000000000000007 (prio 0, i/o): dma-chan',
  '  0000000000000008-000000000000000f (prio 0, i/o): dma-cont',
  '',
  'FlatView #1',
  ' AS "memory", root: system',
  ' AS "cpu-memory-0", root: system',
  ' Root memory region: system',
  '  0000000000000000-000000000009ffff (prio 0, ram): pc.ram',
  '  00000000000c0000-00000000000cafff (prio 0, rom): pc.ram @00000000000c0000',
  '  0000000000100000-0000000007ffffff (prio 0, ram): pc.ram @0000000000100000',
  '  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic',
  '  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios',
  '',
];

/** What the monitor prints, by its command. @internal */
export const MONITOR_TEXTS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'info registers -a': INFO_REGISTERS.join('\r\n'),
    'info mtree -f': FLAT_VIEWS.join('\r\n'),
    'info status': 'VM status: paused\r\n',
  }),
);

/** As `xen-save-devices-state` writes it: one vCPU, all of whose fields are 0, and its PKRU. @internal */
export function deviceState(): Buffer {
  const name = (text: string): Buffer => Buffer.from(`${String.fromCharCode(text.length)}${text}`, 'latin1');
  const words = (...values: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(4 * values.length);
    values.forEach((value, at) => {
      bytes.writeUInt32BE(value, 4 * at);
    });
    return bytes;
  };
  const section = 1;
  return Buffer.concat([
    ...[Buffer.from('QEVM'), words(3)],
    ...[Buffer.of(0x04), words(section), name('cpu'), words(0, 12), Buffer.alloc(CPU_FIELDS_BYTES)],
    ...[Buffer.of(0x05), name('cpu/pkru'), words(1, 0)],
    ...[Buffer.of(0x7e), words(section), Buffer.of(0)],
  ]);
}

/** The fixed fields of a `cpu` section, version 12, of an x86-64 machine. */
const CPU_FIELDS_BYTES = 1817;
