import { setTimeout as delay } from 'node:timers/promises';
import { decodeResult, type SvmRecord, type SvmResult } from './probes/record.ts';
import type { SvmGuest } from './svm-guest.ts';
import {
  buildIdentity,
  formatBits,
  frame,
  nestedEntryOf,
  nestedRoot,
  OPEN,
  PAGE,
  putPath,
  ROOT,
  recordOf,
  STORE,
  USED,
  usualRecord,
} from './tables/identity-stages.ts';

/** It stands for as long as a test file asks questions about it, however slow the machine is. */
const STANDING_TIMEOUT_MS = 1_200_000;

const PWT = 0x8;
const UNCACHED = 0x18;
/** Bit 51 of an entry, in its high half: reserved, as the processor has but 40 bits. */
const RESERVED_HIGH = 1 << 19;

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
 * the same tables in both stages, for a test that wants to look.
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
    const result = await this.#run({ ...usualRecord, ...rip, rax: this.addressOf(name) }, entriesOf(name));
    const { exitCode, exitInfo1, exitInfo2, rax, samples } = result;
    return { exitCode, exitInfo1, exitInfo2, rax, bits: formatBits(samples) };
  }

  /**
   * Lets the guest run until it says so, and no further.
   *
   * @param host - of the hypervisor's registers what is to differ
   */
  async start(host: Partial<Pick<SvmRecord, 'hostCr4' | 'hostEfer'>> = {}): Promise<void> {
    this.#build();
    this.#standing = this.#guest.run(
      recordOf({ ...usualRecord, ...host, rip: slotAddress(OWN_SLOT) }, []),
      STANDING_TIMEOUT_MS,
    );
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
    buildIdentity(memory);
    // The way to the guest's own code changes nothing on the way to what is asked about.
    memory.put(nestedEntryOf(ROOT), ROOT | USED, 0);
    putPath(memory, OWN_SLOT, own);
    memory.put(own.pt, own.code | USED, 0);
    waitingCode().forEach((word, at) => {
      memory.put(own.code + at * 4, word, null);
    });
    memory.put(own.code + RUNS, 0, 0);
    memory.put(own.code + MAY_GO, 0, 0);
    putPath(memory, ASKED_SLOT, asked);
    askedNames.forEach((name, at) => {
      const { at: page, guest, nested }: AskedPage = pages[name];
      memory.put(asked.pt + at * 8, page | guest.low, guest.high ?? 0);
      memory.put(nestedEntryOf(page), page | nested.low, nested.high ?? 0);
    });
  }
}

function entriesOf(name: AskedName): readonly number[] {
  const { pdpt, pd, pt } = asked;
  const guest = [ROOT + ASKED_SLOT * 8, pdpt, pd, pt + askedNames.indexOf(name) * 8];
  return [...guest, ...[ROOT, pdpt, pd, pt, pages[name].at].map(nestedEntryOf)];
}
