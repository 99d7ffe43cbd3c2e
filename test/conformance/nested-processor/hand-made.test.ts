import { expect } from 'chai';
import { WINDOW_32, WINDOW_CODE, WINDOW_USER } from './layout.ts';
import { decodeResult, type SvmRecord, type SvmResult } from './probes/record.ts';
import { SvmGuest } from './svm-guest.ts';
import {
  buildIdentity,
  formatBits,
  frame,
  nestedEntryOf,
  nestedPdpt,
  nestedRoot,
  OPEN,
  putPath,
  ROOT,
  recordOf,
  STORE,
  USED,
  usualRecord,
} from './tables/identity-stages.ts';

const [pt, pd, pdpt, data] = [frame(1), frame(2), frame(3), frame(6)];
/** The guest's entry for it is the first in each table but the root, where it is the second. */
const LINEAR = 0x80_0000_0000n;
const SLOT = 1;

const guestEntries = [ROOT + SLOT * 8, pdpt, pd, pt];
const nestedEntries = [ROOT, pdpt, pd, pt, data].map(nestedEntryOf);
const entriesLookedAt = [...guestEntries, ...nestedEntries];
const watched = [...entriesLookedAt, data];

const usual = { ...usualRecord, rax: LINEAR };
/** What is stored is the address. */
const store = { rip: STORE };
const fetch = { rip: LINEAR, rax: 0n };

interface Case {
  readonly name: string;
  /** Entries that are otherwise than open: address, low half, high half. */
  readonly entries?: readonly (readonly [address: number, low: number, high?: number])[];
  readonly registers?: Partial<SvmRecord>;
  /** Exit code, EXITINFO1, EXITINFO2. APM vol. 2, 15.25.6 and appendix C. */
  readonly exit: readonly [bigint, bigint, bigint];
  /** The low 12 bits of the guest's four entries; of the nested entries of their pages and of the page of data. */
  readonly bits: string;
}

const DONE = [0x81n, 0n, 0n] as const;
const page = BigInt(data);

/**
 * Outcomes that the APM and the tests of other hypervisors give, but where TCG is named. A guest's table is read as if written:
 * its page gains D.
 */
const cases: readonly Case[] = [
  { name: 'a load', exit: DONE, bits: '27 27 27 27 | 67 67 67 67 27' },
  { name: 'a store', registers: store, exit: DONE, bits: '27 27 27 67 | 67 67 67 67 67' },
  { name: 'a fetch', registers: fetch, exit: DONE, bits: '27 27 27 27 | 67 67 67 67 27' },
  {
    name: 'a load at CPL 3',
    registers: { rip: BigInt(WINDOW_USER), user: true },
    exit: DONE,
    bits: '27 27 27 27 | 67 67 67 67 27',
  },
  {
    name: 'a page that the nested tables do not have',
    entries: [[nestedEntryOf(data), data | 6]],
    exit: [0x400n, 0x1_0000_0004n, page],
    bits: '27 27 27 27 | 67 67 67 67 6',
  },
  {
    name: 'the same, stored to',
    entries: [[nestedEntryOf(data), data | 6]],
    registers: store,
    exit: [0x400n, 0x1_0000_0006n, page],
    bits: '27 27 27 67 | 67 67 67 67 6',
  },
  {
    name: 'a page that is not the nested user’s',
    entries: [[nestedEntryOf(data), data | 3]],
    exit: [0x400n, 0x1_0000_0005n, page],
    bits: '27 27 27 27 | 67 67 67 67 3',
  },
  {
    name: 'a page that the nested tables forbid to fetch',
    entries: [[nestedEntryOf(data), data | OPEN, 0x8000_0000]],
    registers: fetch,
    exit: [0x400n, 0x1_0000_0015n, page],
    bits: '27 27 27 27 | 67 67 67 67 7',
  },
  {
    name: 'a table that the nested tables let only be read',
    entries: [[nestedEntryOf(pd), pd | 5]],
    exit: [0x400n, 0x2_0000_0007n, BigInt(pd)],
    bits: '27 27 7 7 | 67 67 5 7 7',
  },
  {
    name: 'the same, for a fetch: no fetch is reported',
    entries: [[nestedEntryOf(pd), pd | 5]],
    registers: fetch,
    exit: [0x400n, 0x2_0000_0007n, BigInt(pd)],
    bits: '27 27 7 7 | 67 67 5 7 7',
  },
  {
    name: 'a page fault of the guest’s own',
    entries: [[pt, data | 6]],
    registers: store,
    exit: [0x4en, 2n, LINEAR],
    bits: '27 27 27 6 | 67 67 67 67 7',
  },
  {
    name: 'a root that the nested tables do not have',
    entries: [[nestedEntryOf(ROOT), 0]],
    registers: fetch,
    exit: [0x400n, 0x2_0000_0006n, BigInt(ROOT + SLOT * 8)],
    bits: '7 7 7 7 | 0 7 7 7 7',
  },
  {
    name: 'a guest that does not page',
    entries: [[nestedEntryOf(data), data | 6]],
    registers: { cr0: 0x31, efer: 0x1000, is64Bit: false, rip: BigInt(WINDOW_CODE + WINDOW_32), rax: page },
    exit: [0x400n, 0x1_0000_0004n, page],
    bits: '7 7 7 7 | 7 7 7 7 6',
  },
  {
    name: 'a reserved bit in a nested entry: TCG reports it without P',
    entries: [[nestedEntryOf(data), data | OPEN, 1 << 19]],
    exit: [0x400n, 0x1_0000_000cn, page],
    bits: '27 27 27 27 | 67 67 67 67 7',
  },
  {
    name: 'a fetch with SMEP and without NXE in the host: TCG does not report it as one',
    entries: [[nestedEntryOf(data), data | 6]],
    registers: { ...fetch, hostCr4: 0x10_0020, hostEfer: 0x1100 },
    exit: [0x400n, 0x1_0000_0004n, page],
    bits: '27 27 27 27 | 67 67 67 67 6',
  },
  {
    name: 'bit 8 in a nested PML4E: TCG does not mind',
    entries: [[nestedRoot, nestedPdpt | USED | 0x100]],
    exit: DONE,
    bits: '27 27 27 27 | 67 67 67 67 27',
  },
];

/** All is open, and the nested tables map every frame to itself. */
function build({ memory }: SvmGuest): void {
  buildIdentity(memory);
  putPath(memory, SLOT, { pdpt, pd, pt });
  memory.put(pt, data | OPEN, 0);
}

async function runCase(guest: SvmGuest, { entries = [], registers = {} }: Case): Promise<SvmResult> {
  build(guest);
  for (const [address, low, high = 0] of entries) guest.memory.put(address, low, high);
  const record = recordOf({ ...usual, ...registers }, watched);
  const result = decodeResult(await guest.run(record), 0, watched.length);
  expect(guest.findChange(), 'what no sample shows').to.equal(null);
  return result;
}

const hex = (values: readonly bigint[]): string => values.map((value) => `0x${value.toString(16)}`).join(' ');

describe('a hypervisor’s guest, on tables made by hand', function () {
  this.timeout(60_000);

  let guest: SvmGuest;
  before(async () => {
    guest = await SvmGuest.launch({ hostMode: '4-level', maxPhyAddr: 40 });
  });
  after(() => guest[Symbol.asyncDispose]());

  for (const one of cases) {
    it(one.name, async () => {
      const result = await runCase(guest, one);
      expect(hex([result.exitCode, result.exitInfo1, result.exitInfo2])).to.equal(hex(one.exit));
      expect(formatBits(result.samples.slice(0, entriesLookedAt.length))).to.equal(one.bits);
    });
  }
});
