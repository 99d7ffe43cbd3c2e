import { accessOf, controlBits, machineIn } from '../../support/reference/reference-machine.ts';
import type { ReferenceEpt } from '../../support/reference/reference-nested-translation.ts';
import type {
  ReferenceAccess,
  ReferenceMachine,
  ReferenceMemory,
} from '../../support/reference/reference-translation.ts';

/** One way to come to the entry under test. @internal */
export interface EntryUse {
  name: string;
  guest: ReferenceMachine;
  linear: bigint;
  access: ReferenceAccess;
  /** What every entry of the guest's tables is, if it has any. */
  pde: bigint;
}

/*
 * One page of tables for each level of EPT, every entry of which allows everything, but for the one under test:
 *
 *   guest-physical           PML5  PML4  PDPT  PD   PT
 *   0x4020_1000  under test  [0]   [0]   [1]   [1]  [1]
 *   0x2000       beside it   [0]   [0]   [0]   [0]  [2]
 *
 * The host-physical address of a table is a multiple of 1 GiB, so that the entry under test may as well map a page of any size.
 * A guest with paging has 32-bit paging with a page of 4 MiB: it needs but one entry of its own, which lies on either page.
 */
const underTest = 0x4020_1000n;
const beside = 0x2000n;
const gib = 0x4000_0000n;
const rootTable = 0x1_0000n;

/** Linear index 1023 and offset 0x20_1abc. */
const linear = 0xffe0_1abcn;
/** Present, writable, user, PS, A, D; base 0x4000_0000, so that the offset lies on the page under test. */
const largePage = 0x4000_00e7n;

function withoutPaging(name: string, letters: string): EntryUse {
  return { name, guest: machineIn('off'), linear: underTest | 0xabcn, access: accessOf(letters), pde: 0n };
}

function withPaging(name: string, letters: string, cr3: bigint, pde: bigint): EntryUse {
  const guest = machineIn('32-bit', { cr3, cr4: controlBits.cr4.pse | controlBits.cr4.cet });
  return { name, guest, linear, access: accessOf(letters), pde };
}

/** Every kind of access that EPT tells apart. @internal */
export const entryUses: readonly EntryUse[] = [
  withoutPaging('read', ''),
  withoutPaging('write', 'w'),
  withoutPaging('fetch', 'x'),
  withPaging("fetch from a user's page", 'xu', beside, largePage),
  withPaging("fetch from a supervisor's page", 'x', beside, largePage & ~4n),
  withPaging("write to a user's shadow stack", 'wku', beside, largePage & ~2n),
  withPaging("write to a supervisor's shadow stack", 'wk', beside, largePage & ~6n),
  withPaging('table that needs nothing', '', underTest, largePage),
  withPaging('table that needs its A bit', '', underTest, largePage & ~0x20n),
];

/** Every EPT there is, by the flags in its pointer and by what processor and controls let its entries be. @internal */
export const everyEpt: Readonly<Record<4 | 5, readonly ReferenceEpt[]>> = { 4: epts(4), 5: epts(5) };

function epts(length: 4 | 5): ReferenceEpt[] {
  return Array.from({ length: 128 }, (_, bits) => {
    const has = (position: number) => ((bits >> position) & 1) === 1;
    const supervisorShadowStack = has(5);
    const flags = (has(0) ? 0x40n : 0n) | (supervisorShadowStack ? 0x80n : 0n);
    return {
      kind: 'ept',
      eptp: rootTable | flags | (BigInt(length - 1) << 3n) | 6n,
      capabilities: {
        maxPhyAddr: 40,
        executeOnly: has(1),
        page1g: has(2),
        modeBasedExecute: has(3),
        pagingWrite: has(4),
        supervisorShadowStack,
        advancedExitInformation: has(6),
      },
    };
  });
}

/** Host memory in which one entry of EPT can be anything. @internal */
export class EntryMemory implements ReferenceMemory {
  readonly #entries = new Map<bigint, bigint>();
  readonly #address: bigint;
  readonly #target: bigint;
  readonly #pde: bigint;

  /** @param length - EPT's levels */
  constructor(level: number, length: number, { pde }: EntryUse) {
    for (let each = length; each > 0; each--) {
      for (const guestPhysical of [underTest, beside]) {
        this.#entries.set(entryAddress(each, length, guestPhysical), openEntry(each));
      }
    }
    this.#address = entryAddress(level, length, underTest);
    this.#target = targetOf(level);
    this.#pde = pde;
  }

  /** @param bits - the entry but for its address */
  set(bits: bigint): void {
    this.#entries.set(this.#address, this.#target | bits);
  }

  /** Of 4 bytes are the guest's entries, and wherever they are looked for they are the same. */
  readEntry(address: bigint, size: 4 | 8): bigint {
    return size === 4 ? this.#pde : (this.#entries.get(address) ?? 0n);
  }
}

/** Where the next table is, and where a page would be. */
function targetOf(level: number): bigint {
  return BigInt(level + 4) * gib;
}

function openEntry(level: number): bigint {
  // Read, write, execute for both, a supervisor's shadow stack; write-back.
  return targetOf(level) | 0x407n | (level === 1 ? 0x30n : 0n) | (1n << 60n);
}

function entryAddress(level: number, length: number, guestPhysical: bigint): bigint {
  const table = level === length ? rootTable : targetOf(level + 1);
  return table + ((guestPhysical >> BigInt(9 * level + 3)) & 0x1ffn) * 8n;
}
