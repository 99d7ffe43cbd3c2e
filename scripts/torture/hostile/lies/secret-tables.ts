import { type Facts, hmpOf, type Lie, monitorCommand, monitorOutput } from '../lie.ts';

/** Where the made-up tables are that lead to the secret, where a page is whose content the peer knows, and the secret as ROM. */
const TABLES = 0x10_0000_0000;
const KNOWN = 0x40_0000_0000;
const SECRET = 0x41_0000_0000;
/** Where every address lies that the bytes of the secret can make. */
export const LURE = 0x100_0000_0000;

/** Entries hold five of their eight bytes as an address: with every shift each byte is seen. */
const SHIFTS = Array.from({ length: 8 }, (_, shift) => shift);

const PRESENT = 7n;
const PAGE = 4096;

function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}

function views(): string {
  const secrets = SHIFTS.map((shift) => {
    const at = SECRET + shift * 0x1_0000;
    return `  ${hex(at)}-${hex(at + 0xfff)} (prio 0, rom): evil @${hex(PAGE + shift)}`;
  });
  return [
    'FlatView #0',
    ' AS "memory", root: system',
    ' AS "cpu-memory-0", root: system',
    ' Root memory region: system',
    '  0000000000000000-000000000fffffff (prio 0, ram): pc.ram',
    `  ${hex(TABLES)}-${hex(TABLES + 0xf_ffff)} (prio 0, ram): pc.fake`,
    `  ${hex(KNOWN)}-${hex(KNOWN + 0xfff)} (prio 0, ram): evil`,
    ...secrets,
    `  ${hex(LURE)}-000fffffffffffff (prio 0, ram): lure`,
    '',
  ].join('\r\n');
}

function tablePage(entries: readonly number[]): Buffer {
  const page = Buffer.alloc(PAGE);
  entries.forEach((address, at) => {
    page.writeBigUInt64LE(BigInt(address) | PRESENT, at * 8);
  });
  return page;
}

function pageAt(address: number, { cr3, knownPage }: Facts): Buffer {
  if (address === cr3) return tablePage([TABLES]);
  if (address === TABLES) return tablePage(SHIFTS.map((shift) => SECRET + shift * 0x1_0000));
  if (address === KNOWN) return Buffer.from(String(knownPage), 'base64');
  return Buffer.alloc(PAGE);
}

/**
 * Says that page tables of the guest lie in a file, or in the memory of a process, that the peer may not read. A client that
 * believes it reads them there, and asks the peer's stub for the pages whose addresses it found: the secret, in `m` packets.
 */
export const secretTables: Lie = {
  answer(request, facts) {
    const { execute, arguments: given } = request;
    const memPath = facts['memPath'];
    if (execute === 'qom-get' && given?.['property'] === 'phys-bits') return { value: 52 };
    if (execute === 'qom-get' && memPath !== undefined) {
      if (given?.['property'] === 'memory-backend') return { value: '/objects/evil' };
      if (given?.['property'] === 'mem-path') return { value: memPath };
      if (given?.['property'] === 'share') return { value: true };
    }
    if (execute === 'qom-get' && given?.['property'] === 'memory-backend') return { value: '' };
    if (hmpOf(request).startsWith('info mtree')) return { value: views() };
    const gpa = /^gpa2hva 0x([0-9a-f]+)/.exec(hmpOf(request))?.[1];
    const hostAddress = facts['hostAddress'];
    if (gpa !== undefined && hostAddress !== undefined) {
      const address = Number.parseInt(gpa, 16);
      const host = Number(hostAddress) + (address >= SECRET && address < LURE ? PAGE + ((address - SECRET) >> 16) : 0);
      const isEvil = address >= KNOWN && address < LURE;
      if (isEvil) return { value: `Host virtual address for 0x${gpa} (evil) is 0x${host.toString(16)}\r\n` };
      return { value: `Memory at address 0x${gpa} is not RAM\r\n` };
    }
    return undefined;
  },
  amend({ execute }, value, { thread }) {
    if (execute === 'query-cpus-fast' && thread !== undefined) {
      return (value as Record<string, unknown>[]).map((cpu) => ({ ...cpu, 'thread-id': thread }));
    }
    if (execute === 'query-chardev') return undefined;
    return undefined;
  },
  packet(payload, facts) {
    if (monitorCommand(payload).startsWith('info mtree')) return monitorOutput(views());
    const [, address, length] = /^m([0-9a-f]+),([0-9a-f]+)$/.exec(payload) ?? [];
    if (address === undefined || length === undefined) return undefined;
    const at = Number.parseInt(address, 16);
    if (at >>> 12 !== facts.cr3 >>> 12 && at < TABLES) return undefined;
    const start = at % PAGE;
    return [
      pageAt(at - start, facts)
        .subarray(start, start + Number.parseInt(length, 16))
        .toString('hex'),
    ];
  },
};
