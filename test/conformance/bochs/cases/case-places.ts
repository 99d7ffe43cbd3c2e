import { EPT_PDPT, EPT_PDS, EPT_PML4, EPT_PTS, EPT_WINDOW_PDPT, GUEST_TABLES, LEGACY_ROOT, PAGES } from '../layout.ts';
import { type BochsMachine, formatOf, isLong } from '../machine.ts';

const PAGE = 4096;
const GIB = 2 ** 30;
/** Guest-physical addresses of this many bits differ from the host's: taking one for the other shows. */
const FAR = 2 ** 39;
/** Which GiB has the pages: the tables of level n are in the one below n, apart from a legacy mode's root. */
const PAGES_GIB = 6;
/** An address of 32 bits reaches three GiB beside the window's. */
const PAGES_GIB_32 = 2;

/** Where the tables and pages of a case are, in guest-physical and in host-physical memory. */
export class CasePlaces {
  readonly #machine: BochsMachine;

  constructor(machine: BochsMachine) {
    this.#machine = machine;
  }

  /** Host-physical address of the guest's table of a level. */
  hostTable(level: number): number {
    return this.#isLegacyRoot(level) ? LEGACY_ROOT : GUEST_TABLES + level * PAGE;
  }

  guestTable(level: number): number {
    const host = this.hostTable(level);
    if (!this.#machine.ept || this.#isLegacyRoot(level)) return host;
    return this.#machine.mode === '32-bit' ? level * GIB + host : FAR + (level - 1) * GIB + host;
  }

  /** Guest-physical address of what is in the pages' GiB at a host-physical one. */
  guestPage(host: number, is32Bit: boolean): number {
    if (!this.#machine.ept) return host;
    return is32Bit ? PAGES_GIB_32 * GIB + host : FAR + PAGES_GIB * GIB + host;
  }

  /**
   * Where the nested entries are that lead to a guest-physical address.
   *
   * @returns by level, or null where the second stage has nothing that is the test's
   */
  nestedEntries(guestPhysical: number): Readonly<Record<1 | 2 | 3 | 4, number>> | null {
    const gib = Math.floor(guestPhysical / GIB);
    const isFar = gib >= FAR / GIB;
    const slot = isFar ? gib - FAR / GIB : gib;
    if (slot > PAGES_GIB || (!isFar && (slot === 0 || slot > 3))) return null;
    const inGib = guestPhysical % GIB;
    return {
      4: EPT_PML4 + (isFar ? 8 : 0),
      3: (isFar ? EPT_PDPT : EPT_WINDOW_PDPT) + slot * 8,
      2: EPT_PDS + slot * PAGE + Math.floor(inGib / 0x20_0000) * 8,
      1: EPT_PTS + slot * PAGE + (Math.floor(inGib / PAGE) % 512) * 8,
    };
  }

  /** What these lead to: tables by level, and the page itself where they map one of `bytes`. */
  nestedTarget(guestPhysical: number, level: 1 | 2 | 3 | 4, bytes: number | null): number {
    const entries = this.nestedEntries(guestPhysical);
    if (entries === null) throw new RangeError('not an address of the test');
    if (bytes !== null) return Math.floor((guestPhysical % GIB) / bytes) * bytes;
    const below = { 4: entries[3], 3: entries[2], 2: entries[1], 1: 0 }[level];
    return below - (below % PAGE);
  }

  /** Host-physical addresses of 2 MiB regions and of 4 KiB pages have the same GiB as in the guest. */
  static isPage(host: number, bytes: number): boolean {
    return host >= PAGES && host < PAGES + bytes;
  }

  #isLegacyRoot(level: number): boolean {
    return !isLong(this.#machine) && level === formatOf(this.#machine).top;
  }
}
