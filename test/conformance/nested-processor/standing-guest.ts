import { setTimeout as delay } from 'node:timers/promises';
import { ARENA_OFFSET, FRAMES_BYTES, GUEST_PDPT, NESTED_PT, RECORD, WINDOW_CODE } from './layout.ts';
import { decodeResult, encodeRecord, type SvmRecord, type SvmResult } from './record.ts';
import type { SvmGuest } from './svm-guest.ts';

const PAGE = 4096;
/** P, RW, US; with A and D preset: of entries that the guest which stands uses itself. */
const OPEN = 0x7;
const USED = 0x67;
const PWT = 0x8;
const UNCACHED = 0x18;
/** Bit 51 of an entry, in its high half: reserved, as the processor has but 40 bits. */
const RESERVED_HIGH = 1 << 19;

/** Frames, at addresses that are their own in both stages: tables by level, and pages of data. */
const frame = (at: number): number => ARENA_OFFSET + at * PAGE;
const [nestedRoot, nestedPdpt, nestedPd, nestedPt] = [0, 1, 2, 3].map(
  (at) => ARENA_OFFSET + FRAMES_BYTES + at * PAGE,
) as [number, number, number, number];
const nestedEntryOf = (address: number): number => nestedPt + ((address - ARENA_OFFSET) / PAGE) * 8;

/** Bits 14:12 of a frame's address say what may be in it: 1 to 4 tables, else pages. */
const ROOT = frame(4);
const own = { pdpt: frame(3), pd: frame(2), pt: frame(1), code: frame(6) };
const asked = { pdpt: frame(11), pd: frame(10), pt: frame(9) };

/** The entries of the root for the guest's own code, and for what is asked about. */
const OWN_SLOT = 1;
const ASKED_SLOT = 2;
const slotAddress = (slot: number): bigint => BigInt(slot) << 39n;

/** One page that is asked about: what its entries of both stages say beside where it lies. */
interface AskedPage {
  readonly at: number;
  readonly guest: { readonly low: number; readonly high?: number };
  readonly nested: { readonly low: number; readonly high?: number };
}

const open = { low: OPEN };

/** What there is to ask about, by name; the page table has them in this order. */
const pages = {
  mapped: { at: frame(14), guest: open, nested: open },
  'not present': { at: frame(15), guest: { low: OPEN & ~1 }, nested: open },
  refused: { at: frame(22), guest: open, nested: { low: OPEN & ~1 } },
  'reserved in the second stage': { at: frame(23), guest: open, nested: { low: OPEN, high: RESERVED_HIGH } },
  'reserved in the guest': { at: frame(30), guest: { low: OPEN, high: RESERVED_HIGH }, nested: open },
  'cached by the guest': { at: frame(31), guest: { low: OPEN | PWT }, nested: open },
  'uncached by the second stage': { at: frame(38), guest: open, nested: { low: OPEN | UNCACHED } },
} as const satisfies Readonly<Record<string, AskedPage>>;

export type AskedName = keyof typeof pages;
export const askedNames = Object.keys(pages) as AskedName[];

/** Where in the page of code the guest says that it runs, and looks whether it may go. */
const RUNS = 0x800;
const MAY_GO = 0x808;

/**
 * Waits without an instruction that leads to the hypervisor:
 *
 * ```
 *   c7 05 <RUNS - 10> 01 00 00 00     mov dword [RUNS], 1
 *   83 3d <MAY_GO - 17> 00            cmp dword [MAY_GO], 0
 *   74 f7                             je -9
 *   0f 01 d9                          vmmcall
 * ```
 */
function waitingCode(): readonly number[] {
  const code = Buffer.from('c7050000000001000000833d000000000074f70f01d900000000', 'hex');
  code.writeInt32LE(RUNS - 10, 2);
  code.writeInt32LE(MAY_GO - 17, 12);
  return Array.from({ length: 6 }, (_, at) => code.readInt32LE(at * 4));
}

const usual: Omit<SvmRecord, 'samples'> = {
  hostCr0: 0x8001_0031,
  hostCr4: 0x20,
  hostEfer: 0x1900,
  pkru: 0,
  pkrs: 0,
  nestedCr3: nestedRoot,
  user: false,
  is64Bit: true,
  cr0: 0x8001_0031,
  cr3: ROOT,
  cr4: 0x20,
  efer: 0x1d00,
  rflags: 2,
  rip: BigInt(WINDOW_CODE),
  rax: 0n,
  gdt: 0n,
};
const STORE = BigInt(WINDOW_CODE) + 16n;

/** What the hypervisor wrote down of one access of its guest. */
export interface RecordedAccess {
  readonly exitCode: bigint;
  readonly exitInfo1: bigint;
  readonly exitInfo2: bigint;
  /** What was loaded. */
  readonly rax: bigint;
  /** The low 12 bits of the entries afterwards, as {@link StandingGuest.bits} has them. */
  readonly bits: string;
}

/**
 * A hypervisor whose guest has made accesses, each of which was written down; and now waits in the middle of its own code, with
 * the same tables in both stages, for whoever wants to look.
 */
export class StandingGuest {
  readonly nestedRoot = BigInt(nestedRoot);
  readonly #guest: SvmGuest;
  #standing: Promise<Buffer> | undefined;

  constructor(guest: SvmGuest) {
    this.#guest = guest;
  }

  addressOf(name: AskedName): bigint {
    return slotAddress(ASKED_SLOT) + BigInt(askedNames.indexOf(name) * PAGE);
  }

  /** Where a page lies, in the guest and in the host. */
  pageOf(name: AskedName): bigint {
    return BigInt(pages[name].at);
  }

  /** Has the guest make an access, from tables in which nothing was used. */
  async record(name: AskedName, kind: 'load' | 'store'): Promise<RecordedAccess> {
    this.#build();
    const rip = kind === 'store' ? { rip: STORE } : {};
    const result = await this.#run({ ...usual, ...rip, rax: this.addressOf(name) }, entriesOf(name));
    const { exitCode, exitInfo1, exitInfo2, rax, samples } = result;
    return { exitCode, exitInfo1, exitInfo2, rax, bits: formatBits(samples) };
  }

  /** Lets the guest run until it says so, and no further. */
  async start(): Promise<void> {
    this.#build();
    this.#standing = this.#guest.run(recordOf({ ...usual, rip: slotAddress(OWN_SLOT) }, []));
    while ((this.#guest.peek(own.code + RUNS) & 0xffff_ffffn) !== 1n) {
      // A guest that cannot run comes back to its hypervisor, and is waited for no longer.
      if ((await Promise.race([this.#standing, delay(1)])) !== undefined) throw new Error('the guest does not stand');
    }
  }

  /** Takes back what was set on the way to a page. */
  reset(name: AskedName): void {
    for (const address of entriesOf(name))
      this.#guest.poke(address, this.#guest.memory.readEntry(BigInt(address), 8) ?? 0n);
  }

  /** The low 12 bits of the guest's four entries for a page, and of the nested ones of their tables and of the page itself. */
  bits(name: AskedName): string {
    return formatBits(entriesOf(name).map((address) => this.#guest.peek(address)));
  }

  /** Lets the guest go on to where it leaves for its hypervisor. */
  async end(): Promise<SvmResult> {
    this.#guest.poke(own.code + MAY_GO, 1n);
    return decodeResult((await this.#standing) ?? Buffer.alloc(0), 0, 0);
  }

  async #run(record: Omit<SvmRecord, 'samples'>, samples: readonly number[]): Promise<SvmResult> {
    return decodeResult(await this.#guest.run(recordOf(record, samples)), 0, samples.length);
  }

  #build(): void {
    const { memory } = this.#guest;
    memory.clear([1, 2, 3, 4]);
    memory.put(nestedRoot, nestedPdpt | USED, 0);
    memory.put(nestedPdpt, nestedPd | USED, 0);
    memory.put(nestedPd, NESTED_PT | USED, 0);
    memory.put(nestedPd + (ARENA_OFFSET / 0x20_0000) * 8, nestedPt | USED, 0);
    for (let at = 0; at < 512; at++) memory.put(nestedPt + at * 8, frame(at) | OPEN, 0);
    // The way to the guest's own code changes nothing on the way to what is asked about.
    memory.put(nestedEntryOf(ROOT), ROOT | USED, 0);
    memory.put(ROOT, GUEST_PDPT | USED, 0);
    this.#putPath(OWN_SLOT, own);
    memory.put(own.pt, own.code | USED, 0);
    waitingCode().forEach((word, at) => {
      memory.put(own.code + at * 4, word, null);
    });
    memory.put(own.code + RUNS, 0, 0);
    memory.put(own.code + MAY_GO, 0, 0);
    this.#putPath(ASKED_SLOT, asked);
    askedNames.forEach((name, at) => {
      const { at: page, guest, nested }: AskedPage = pages[name];
      memory.put(asked.pt + at * 8, page | guest.low, guest.high ?? 0);
      memory.put(nestedEntryOf(page), page | nested.low, nested.high ?? 0);
    });
  }

  #putPath(slot: number, { pdpt, pd, pt }: { pdpt: number; pd: number; pt: number }): void {
    const { memory } = this.#guest;
    memory.put(ROOT + slot * 8, pdpt | OPEN, 0);
    memory.put(pdpt, pd | OPEN, 0);
    memory.put(pd, pt | OPEN, 0);
  }
}

function entriesOf(name: AskedName): readonly number[] {
  const { pdpt, pd, pt } = asked;
  const guest = [ROOT + ASKED_SLOT * 8, pdpt, pd, pt + askedNames.indexOf(name) * 8];
  return [...guest, ...[ROOT, pdpt, pd, pt, pages[name].at].map(nestedEntryOf)];
}

function recordOf(record: Omit<SvmRecord, 'samples'>, samples: readonly number[]): Buffer {
  const bytes = Buffer.alloc(RECORD.size);
  encodeRecord({ ...record, samples }, bytes, 0);
  return bytes;
}

function formatBits(entries: readonly bigint[]): string {
  const words = entries.map((value) => (value & 0xfffn).toString(16));
  return `${words.slice(0, 4).join(' ')} | ${words.slice(4).join(' ')}`;
}
