import { type GivenGuest, type GuestSource, GuestView, givenSource } from '../../../src/guest/index.ts';
import { type AskedAccess, askAddress, type GuestAnswer } from '../../../src/testing/answers/guest-answer.ts';
import { type GuestMap, takeMap } from '../../../src/testing/answers/guest-map.ts';

/** Addresses of the guest. */
export const TEXT = 0x1000n;
export const DATA = 0x2000n;
export const ODD = 0x3000n;
export const USER = 0x4000n;
export const NOTHING = 0x5000n;

const PRESENT = 1n;
const WRITE = 2n;
const USERS = 4n;
const ACCESSED = 0x20n;
const DIRTY = 0x40n;
const NO_EXECUTE = 1n << 63n;

/** 64 KiB with four tables: code, data that was written, a page that is writable and executable, one of users. */
export function smallGuest(): GuestView {
  return new GuestView(smallSource());
}

/** The same, to be changed by a test. */
export function smallSource(): GuestSource {
  const memory = new Uint8Array(0x1_0000);
  const tables = new DataView(memory.buffer);
  const set = (address: number, value: bigint) => tables.setBigUint64(address, value, true);
  set(0x1000, 0x2000n | PRESENT | WRITE | USERS | ACCESSED);
  set(0x2000, 0x3000n | PRESENT | WRITE | USERS | ACCESSED);
  set(0x3000, 0x4000n | PRESENT | WRITE | USERS | ACCESSED);
  set(0x4008, 0xa000n | PRESENT | ACCESSED);
  set(0x4010, 0xb000n | PRESENT | WRITE | ACCESSED | DIRTY | NO_EXECUTE);
  set(0x4018, 0xc000n | PRESENT | WRITE);
  set(0x4020, 0xd000n | PRESENT | USERS);
  const registers = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n, a20: true };
  const features = { maxPhyAddr: 40, vendor: 'intel', pse36: true, pdpe1gb: true } as const;
  const guest: GivenGuest = { vcpus: [{ registers, features }], memory };
  return givenSource(guest);
}

export function askSmall(address: bigint, access: AskedAccess = {}): Promise<GuestAnswer> {
  return askAddress(smallGuest(), address, access, {});
}

export function mapSmall(first = 0n, last = 0xffff_ffffn): Promise<GuestMap> {
  return takeMap(smallGuest(), { first, last });
}
