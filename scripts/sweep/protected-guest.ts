import { GdbClient, GdbRunControl } from '../../protocols/gdb/index.ts';
import { connect } from '../../protocols/transport/index.ts';
import type { QemuProcess } from '../../src/testing/index.ts';
import { SweepError } from './sweep-error.ts';

const TIMEOUT_MS = 20_000;

const ROOT = 0x1000;
const TABLE_BYTES = 0x3000;
/** Present, writable, user. */
const TABLE = 0x7n;
/** The same, and a page. */
const PAGE = 0x87n;
const PAGE_2M = 0x20_0000n;
const KEY_1 = 1n << 59n;

/** User pages, of 2 MB each: the first one with protection key 0, the second one with key 1. */
export const USER_PAGES = ['0x1000', '0x200000'] as const;

/** PML4, PDPT and PD, one behind the other. */
function makeTables(): Uint8Array {
  const bytes = new Uint8Array(TABLE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(ROOT + 0x1000) | TABLE, true);
  view.setBigUint64(0x1000, BigInt(ROOT + 0x2000) | TABLE, true);
  view.setBigUint64(0x2000, PAGE, true);
  view.setBigUint64(0x2008, PAGE_2M | PAGE | KEY_1, true);
  return bytes;
}

/** In this order: the vCPU is in 16-bit code, and goes to long mode with the last. */
const REGISTERS: readonly (readonly [name: string, value: bigint])[] = [
  ['cr4', 0x40_0020n], // PKE, PAE
  ['efer', 0x1d00n], // SVME, NXE, LMA, LME
  ['cr3', BigInt(ROOT)],
  ['cr0', 0x8000_0011n], // PG, ET, PE
];

async function withStub<T>(guest: QemuProcess, use: (client: GdbClient) => Promise<T>): Promise<T> {
  const client = await GdbClient.connect(await connect(guest.gdbEndpoint, { timeoutMs: TIMEOUT_MS }), {
    requestTimeoutMs: TIMEOUT_MS,
  });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/**
 * Puts a guest that has never run into long mode with CR4.PKE and EFER.SVME, over tables of user pages: a question that asks
 * for these needs PKRU and the nested state. No firmware has to run for it, and nothing of the guest does.
 *
 * @throws SweepError when the processor has not taken it.
 */
export async function turnOnProtectionKeys(guest: QemuProcess): Promise<void> {
  await withStub(guest, async (client) => {
    const control = await GdbRunControl.take(client);
    await client.setPhysicalMode(true);
    await client.writeMemory(ROOT, makeTables());
    await client.setPhysicalMode(false);
    await control.writeRegisters(0, REGISTERS);
    const registers = await client.readRegisters(0);
    for (const [name, value] of REGISTERS) {
      if (registers.get(name) !== value) throw new SweepError(`the guest did not take ${name}`);
    }
  });
}

/** Registers and tables as the stub shows them, to be compared with what they are afterwards. */
export async function readTraces(guest: QemuProcess): Promise<string> {
  return withStub(guest, async (client) => {
    const registers = await client.readRegisters(0);
    await client.setPhysicalMode(true);
    const tables = await client.readMemory(ROOT, TABLE_BYTES);
    await client.setPhysicalMode(false);
    return `${Array.from(registers, ([name, value]) => `${name}=${value}`).join(' ')} ${Buffer.from(tables).toString('hex')}`;
  });
}
