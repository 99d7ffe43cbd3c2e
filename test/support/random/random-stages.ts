import { SparseMemory } from '../builders/sparse-memory.ts';
import type { ReferenceEpt, ReferenceNested } from '../reference/reference-nested-translation.ts';
import type { ReferenceAccess, ReferenceMachine, ReferenceMode } from '../reference/reference-translation.ts';
import { referenceTranslate } from '../reference/reference-walker.ts';
import type { Random } from './random.ts';
import { randomAccess, randomMachine } from './random-machine.ts';
import { type EntryMaker, eptEntries, type NestedLevel, nptEntries } from './random-nested-entries.ts';
import { type RandomTables, randomTables } from './random-tables.ts';

/** A guest, its tables, and the nested tables below both. @internal */
export interface RandomStages {
  guest: ReferenceMachine;
  guestMode: ReferenceMode;
  nested: ReferenceNested;
  /** EPT's walk length or the host's mode. */
  format: string;
  /** The host's. */
  memory: SparseMemory;
  /** A linear address of the guest that mostly leads somewhere, and an access to it. */
  question(random: Random): { linear: bigint; access: ReferenceAccess };
}

const guestModes: readonly ReferenceMode[] = ['4-level', '5-level', 'pae', '32-bit', 'off'];
/** The mode of a host with NPT, or the walk length of EPT. */
const formats = ['4-level', 4, '5-level', 5, 'pae', 4, '32-bit', 5, 'off', 4, '4-level'] as const;

/**
 * A guest with random tables, whose pages lie at random host-physical addresses, behind nested tables that are in order for the
 * most part: a translation goes through some twenty nested entries, and each of them can end it.
 *
 * @param seed - chooses the two formats: 55 seeds in a row make every pair that there is
 * @internal
 */
export function randomStages(random: Random, seed: number): RandomStages {
  const guestMode = guestModes[seed % guestModes.length] ?? 'off';
  const format = formats[seed % formats.length] ?? 4;
  return typeof format === 'number' ? stagesOfEpt(random, guestMode, format) : stagesOfNpt(random, guestMode, format);
}

function stagesOfNpt(random: Random, guestMode: ReferenceMode, hostMode: ReferenceMode): RandomStages {
  const host = machineOf(random, 'amd', hostMode);
  const sss = random.chance(40);
  const maker = nptEntries(random, host, hostMode, sss);
  const builder = new StageBuilder(random, machineOf(random, 'amd', guestMode), guestMode, maker);
  const { root, ...built } = builder.build();
  const low = hostMode === 'pae' ? 0x1fn : 0xfffn;
  host.registers.cr3 = root | (random.uint64() & low);
  const nested = { kind: 'npt', host, gmet: random.chance(30), sss } as const;
  return { ...built, guestMode, format: `NPT ${hostMode}`, nested };
}

function stagesOfEpt(random: Random, guestMode: ReferenceMode, length: 4 | 5): RandomStages {
  const capabilities = randomCapabilities(random);
  const maker = eptEntries(random, capabilities, length);
  const builder = new StageBuilder(random, machineOf(random, 'intel', guestMode), guestMode, maker);
  const { root, ...built } = builder.build();
  const flags = random.chance(50) ? 0x40n : 0n;
  const marking = capabilities.supervisorShadowStack && random.chance(70) ? 0x80n : 0n;
  const eptp = root | flags | marking | (BigInt(length - 1) << 3n) | random.pick([0n, 6n]);
  return { ...built, guestMode, format: `EPT ${length}`, nested: { kind: 'ept', eptp, capabilities } };
}

function machineOf(random: Random, vendor: 'intel' | 'amd', mode: ReferenceMode): ReferenceMachine {
  for (;;) {
    const machine = randomMachine(random, mode);
    if (machine.processor.vendor === vendor) {
      return machine;
    }
  }
}

function randomCapabilities(random: Random): ReferenceEpt['capabilities'] {
  return {
    maxPhyAddr: random.pick([36, 39, 40, 46, 48, 52]),
    executeOnly: random.chance(60),
    page1g: random.chance(75),
    modeBasedExecute: random.chance(40),
    supervisorShadowStack: random.chance(50),
    pagingWrite: random.chance(40),
    advancedExitInformation: random.chance(70),
  };
}

/** Lays the guest's pages out in the host's memory and maps them. */
class StageBuilder {
  readonly #random: Random;
  readonly #guest: ReferenceMachine;
  readonly #mode: ReferenceMode;
  readonly #maker: EntryMaker;
  readonly #memory = new SparseMemory();
  /** What an entry that was made leads to. */
  readonly #targets = new Map<bigint, { target: bigint; isLeaf: boolean }>();

  constructor(random: Random, guest: ReferenceMachine, mode: ReferenceMode, maker: EntryMaker) {
    this.#random = random;
    this.#guest = guest;
    this.#mode = mode;
    this.#maker = maker;
    // A guest mostly has no more memory than its host can map.
    if (random.chance(90)) {
      guest.processor.maxPhyAddr = Math.min(guest.processor.maxPhyAddr, maker.width);
    }
  }

  build(): Omit<RandomStages, 'nested' | 'format' | 'guestMode'> & { root: bigint } {
    const random = this.#random;
    const tables = randomTables(random, this.#guest, this.#mode);
    Object.assign(this.#guest.registers, tables.registers);
    const root = this.#table(this.#maker.levels[0]?.level ?? 1);
    for (const page of tables.memory.pageAddresses) {
      this.#map(root, page, tables.memory);
    }
    const known = Array.from({ length: 40 }, () => this.#explore(root, tables));
    return {
      guest: this.#guest,
      memory: this.#memory,
      root: random.chance(1) ? this.#hostPage(32) : root,
      question: (random) => (random.chance(80) ? random.pick(known) : this.#question(random, tables)),
    };
  }

  #question(random: Random, tables: RandomTables): { linear: bigint; access: ReferenceAccess } {
    return { linear: tables.linearAddress(random), access: randomAccess(random, this.#guest) };
  }

  /** Maps what an access leads to in the guest, if it leads anywhere. */
  #explore(root: bigint, tables: RandomTables): { linear: bigint; access: ReferenceAccess } {
    const question = this.#question(this.#random, tables);
    const translation = referenceTranslate(this.#guest, tables.memory, question.linear, question.access);
    if (translation.kind === 'mapped' && this.#random.chance(96)) {
      this.#map(root, translation.physicalAddress, tables.memory);
    }
    return question;
  }

  #map(root: bigint, guestPhysical: bigint, guestMemory: SparseMemory): void {
    let table = root;
    for (const level of this.#maker.levels) {
      const index = (guestPhysical >> level.shift) & indexMask(level);
      const address = table + index * BigInt(level.size);
      const { target, isLeaf } = this.#targets.get(address) ?? this.#make(level, address);
      if (isLeaf) {
        this.#place(target | (guestPhysical & ((1n << level.shift) - 1n)), guestPhysical, guestMemory);
        return;
      }
      table = target;
    }
    if (this.#maker.levels.length === 0) {
      this.#place(guestPhysical, guestPhysical, guestMemory);
    }
  }

  #place(host: bigint, guestPhysical: bigint, guestMemory: SparseMemory): void {
    if (guestMemory.hasPage(guestPhysical) && !this.#random.chance(0.5)) {
      this.#memory.sharePage(host, guestMemory, guestPhysical);
    }
  }

  #make(level: NestedLevel, address: bigint): { target: bigint; isLeaf: boolean } {
    const isLeaf = level.level === 1 || (level.canBeLeaf && this.#random.chance(15));
    const target = isLeaf ? this.#leafTarget(level) : this.#table(level.level - 1);
    const made = { target, isLeaf };
    this.#targets.set(address, made);
    const entry = isLeaf ? this.#maker.leaf(level, target) : this.#maker.pointer(level, target);
    this.#memory.poke(address, level.size, entry);
    return made;
  }

  /** Mostly anywhere; now and then a nested table, so that the guest finds its own tables in there. */
  #leafTarget({ level, shift }: NestedLevel): bigint {
    const inTables = level === 1 && this.#random.chance(1.5);
    const page = inTables
      ? this.#random.pick(this.#memory.pageAddresses)
      : this.#hostPage(this.#maker.hostWidth(level));
    return page & ~((1n << shift) - 1n);
  }

  /** Mostly a new one; now and then one of those that are there, so that tables lead in circles. */
  #table(level: number): bigint {
    const known = this.#memory.pageAddresses;
    if (known.length > 0 && this.#random.chance(1)) {
      return this.#random.pick(known);
    }
    const isTop = level === this.#maker.levels[0]?.level;
    const page = this.#hostPage(isTop ? Math.min(32, this.#maker.hostWidth(level)) : this.#maker.hostWidth(level + 1));
    this.#memory.addPage(page);
    return page;
  }

  #hostPage(width: number): bigint {
    return (this.#random.uint64() % (1n << BigInt(width))) & ~0xfffn;
  }
}

/** The index's bits in an address that has been shifted down; above the root there is nothing to cut off but what cannot be mapped. */
function indexMask(level: NestedLevel): bigint {
  return level.size === 4 ? 0x3ffn : 0x1ffn;
}
