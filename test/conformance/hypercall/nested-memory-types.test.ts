import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { HV_CACHE_TYPE, HV_CONTROL, hvTranslate } from '../../../src/abi/index.ts';
import {
  createContext,
  createEpt,
  createNpt,
  effectiveNestedMemoryType,
  type MemoryTypeLeaf,
  type NestedContext,
  translateNested,
} from '../../../src/paging/index.ts';
import { SparseMemory } from '../../support/builders/sparse-memory.ts';
import { TableBuilder } from '../../support/builders/table-builder.ts';
import { howMany } from '../../support/random/how-many.ts';
import { Random } from '../../support/random/random.ts';
import { randomMemoryTypes } from '../../support/random/random-memory-types.ts';
import {
  effectiveTypes,
  type ReferenceCacheBits,
  type ReferenceMemoryType,
  type ReferenceMemoryTypes,
} from '../../support/reference/reference-memory-type.ts';
import {
  guestAndHost,
  lookUp,
  patAndMtrr,
  type ReferenceHost,
  type ReferenceNestedLeaf,
  referenceNestedMemoryType,
} from '../../support/reference/reference-nested-memory-type.ts';

const { PAGEWALK_SEED: chosenSeed } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);

const rounds = howMany({ daily: 1000, thorough: 3000 });

const CD = 1n << 30n;
const CR0 = 0x8001_0001n;
const PHYSICAL = 0x1234_5000n;

const patEncodings = { UC: 0n, WC: 1n, WT: 4n, WP: 5n, WB: 6n, 'UC-': 7n } as const;
type PatName = keyof typeof patEncodings;
const patNames = Object.keys(patEncodings) as PatName[];
const typeNames = ['UC', 'WC', 'WT', 'WP', 'WB'] as const;
const levels = [1, 2, 3] as const;

/** A PAT of which one entry says this, and all others something else. */
function patWith(name: PatName, entry: number): bigint {
  const others = name === 'UC' ? 0x0606_0606_0606_0606n : 0n;
  const shift = BigInt(8 * entry);
  return (others & ~(0xffn << shift)) | (patEncodings[name] << shift);
}

/** PWT, PCD and PAT of a leaf, where its level has them. */
function cacheBitsOf(level: number, entry: number): bigint {
  const pat = BigInt(entry >> 2);
  return (BigInt(entry & 1) << 3n) | (BigInt((entry >> 1) & 1) << 4n) | (pat << (level === 1 ? 7n : 12n));
}

function leafOf(level: number, entry: number): MemoryTypeLeaf {
  return { level, value: 0x67n | (level > 1 ? 0x80n : 0n) | cacheBitsOf(level, entry) };
}

const namedBits = (entry: number): ReferenceCacheBits => ({
  pwt: (entry & 1) !== 0,
  pcd: (entry & 2) !== 0,
  pat: (entry & 4) !== 0,
});

function eptLeafOf(level: number, type: ReferenceMemoryType, ignorePat: boolean): MemoryTypeLeaf {
  const value = 0x7n | (patEncodings[type] << 3n) | (ignorePat ? 0x40n : 0n) | (level > 1 ? 0x80n : 0n);
  return { level, value };
}

/** All memory has this type by the MTRRs. */
function registersOf(mtrr: ReferenceMemoryType, pat: bigint, cr0 = CR0): ReferenceMemoryTypes {
  const mtrrFixed = Array.from({ length: 11 }, () => 0n);
  return { pat, cr0, mtrrDefType: 0x800n | patEncodings[mtrr], mtrrFixed, mtrrVariable: [], maxPhyAddr: 40 };
}

/** As the hypercall says it. */
const spokenOf = (type: string) => ({ CD: 'UC', 'WC+': 'WC' })[type] ?? type;

describe('memory types through two stages', () => {
  it('NPT: the whole tables of guest, host and MTRR, by each PAT entry and each size of page', () => {
    expect([guestAndHost.size, patAndMtrr.size]).to.deep.equal([6, 7]);
    let checked = 0;
    for (const guest of patNames) {
      for (const host of patNames) {
        for (const mtrr of typeNames) {
          const expected = spokenOf(lookUp(patAndMtrr, lookUp(guestAndHost, guest, host), mtrr));
          for (let pair = 0; pair < 64; pair++) {
            const [ours, theirs] = [pair & 7, pair >> 3];
            const registers = {
              ...registersOf(mtrr, patWith(guest, ours)),
              hypervisor: { pat: patWith(host, theirs), cr0: CR0 },
            };
            const level = levels[checked % 3] ?? 1;
            const nestedLevel = levels[Math.floor(checked / 3) % 3] ?? 1;
            const leaves = { guest: leafOf(level, ours), nested: leafOf(nestedLevel, theirs) };
            const type = effectiveNestedMemoryType(registers, { nestedKind: 'npt', ...leaves }, PHYSICAL);
            if (type !== expected) {
              expect(type, `${guest}[${ours}] ${host}[${theirs}] ${mtrr} ${level} ${nestedLevel}`).to.equal(expected);
            }
            checked++;
          }
        }
      }
    }
    expect(checked).to.equal(6 * 6 * 5 * 64);
  });

  it('NPT: uncached with CD of the guest or of its hypervisor', () => {
    const wb = { pat: patWith('WB', 0), cr0: CR0 };
    const leaves = { nestedKind: 'npt', guest: leafOf(1, 0), nested: leafOf(1, 0) } as const;
    const typeWith = (cr0: bigint, hostCr0: bigint) =>
      effectiveNestedMemoryType(
        { ...registersOf('WB', wb.pat, cr0), hypervisor: { ...wb, cr0: hostCr0 } },
        leaves,
        PHYSICAL,
      );
    expect([typeWith(CR0, CR0), typeWith(CR0 | CD, CR0), typeWith(CR0, CR0 | CD)]).to.deep.equal(['WB', 'UC', 'UC']);
  });

  it('EPT: its leaf in the place of the MTRRs, which have no say; alone where it ignores the PAT', () => {
    for (const type of typeNames) {
      for (const pat of patNames) {
        for (let entry = 0; entry < 8; entry++) {
          for (const level of levels) {
            for (const [at, mtrr] of typeNames.entries()) {
              const registers = { ...registersOf(mtrr, patWith(pat, entry)), hypervisor: { pat: 0n, cr0: CD } };
              const guest = leafOf(level, entry);
              const typeWith = (ignorePat: boolean) => {
                const nested = eptLeafOf(levels[at % 3] ?? 1, type, ignorePat);
                return effectiveNestedMemoryType(registers, { nestedKind: 'ept', guest, nested }, PHYSICAL);
              };
              const found = `${typeWith(false)} ${typeWith(true)}`;
              const expected = `${effectiveTypes[type][pat]} ${type}`;
              if (found !== expected) expect(found, `${type} ${pat}[${entry}] ${level} ${mtrr}`).to.equal(expected);
            }
          }
        }
      }
    }
  });

  it('EPT: uncached with CR0.CD, even where the leaf ignores the PAT', () => {
    for (const ignorePat of [false, true]) {
      const registers = { ...registersOf('WB', patWith('WB', 0), CR0 | CD), hypervisor: { pat: 0n, cr0: 0n } };
      const leaves = { nestedKind: 'ept', guest: leafOf(1, 0), nested: eptLeafOf(1, 'WB', ignorePat) } as const;
      expect(effectiveNestedMemoryType(registers, leaves, PHYSICAL)).to.equal('UC');
    }
  });

  it('are the second stage’s alone while the guest does not page', () => {
    for (const type of typeNames) {
      const registers = { ...registersOf('WB', 0n), hypervisor: { pat: patWith(type, 5), cr0: CR0 } };
      const npt = { nestedKind: 'npt', guest: null, nested: leafOf(2, 5) } as const;
      expect(effectiveNestedMemoryType(registers, npt, PHYSICAL)).to.equal(type);
      const ept = { nestedKind: 'ept', guest: null, nested: eptLeafOf(2, type, false) } as const;
      expect(effectiveNestedMemoryType(registers, ept, PHYSICAL)).to.equal(type);
    }
  });

  it('are the guest’s and the MTRRs’ where there is nothing in the second stage', () => {
    const registers = { ...registersOf('WT', patWith('WB', 0)), hypervisor: { pat: 0n, cr0: CR0 } };
    const leaves = { nestedKind: 'npt', guest: leafOf(1, 0), nested: null } as const;
    expect(effectiveNestedMemoryType(registers, leaves, PHYSICAL)).to.equal('WT');
  });

  it('are what the hypercall says of tables of both stages, drawn at random', () => {
    const random = new Random(seed);
    const reached = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      const scene = drawScene(random);
      const explain = `PAGEWALK_SEED=0x${seed.toString(16)}, round ${round}`;
      const { registers, host, guestBits, leaf } = scene;
      const physical = scene.hostAddress;
      const expected = referenceNestedMemoryType(registers, host, guestBits, leaf, physical);
      const { cr0, maxPhyAddr } = registers;
      const vp = { cpl: 0, cr0, cr4: 0x20n, maxPhyAddr, memoryTypes: registers, hypervisor: host };
      const answer = hvTranslate({ controlFlags: HV_CONTROL.validateRead, gva: scene.gva }, vp, scene.walk);
      expect({ ...answer, bits: [], walk: null }, explain).to.include({
        name: 'Success',
        gpaPage: physical >> 12n,
        cacheType: HV_CACHE_TYPE[expected],
      });
      reached.add(`${leaf.kind} ${expected}`);
    }
    const all = ['npt', 'ept'].flatMap((kind) => typeNames.map((type) => `${kind} ${type}`));
    expect([...reached].sort()).to.deep.equal(all.sort());
  });
});

interface Scene {
  readonly registers: ReferenceMemoryTypes;
  readonly host: ReferenceHost;
  readonly guestBits: ReferenceCacheBits | null;
  readonly leaf: ReferenceNestedLeaf;
  readonly gva: bigint;
  readonly hostAddress: bigint;
  readonly walk: Parameters<typeof hvTranslate>[2];
}

/** The guest's tables lie at 0x1000 to 0x4000 of its memory, which are 0x21000 to 0x24000 of the host's. */
const GUEST_TABLES = [0x1000n, 0x2000n, 0x3000n, 0x4000n];
const OFFSET = 0x5123n;
const GVA = 0x80_0000_0000n | OFFSET;
/** Where pages of each size lie in the guest, and in the host. */
const GUEST_REGION = 0x4000_0000n;
const HOST_REGION = 0x8000_0000n;
const sizes = { 1: 0x1000, 2: 0x20_0000, 3: 0x4000_0000 } as const;

function drawScene(random: Random): Scene {
  const hasPaging = random.chance(85);
  const cr0 = (hasPaging ? CR0 : 1n) | (random.chance(4) ? CD : 0n);
  const registers = randomMemoryTypes(random, cr0, 40);
  const host = { pat: randomMemoryTypes(random, 0n, 40).pat, cr0: random.chance(4) ? CD : CR0 };
  const entry = random.below(8);
  const leaf = drawLeaf(random);
  const [level, nestedLevel] = [random.pick(levels), random.pick(levels)];
  const memory = buildStages({ level, entry }, { level: nestedLevel, bits: leafBitsOf(leaf, nestedLevel) });
  const context = createContext({ cr0, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 40 });
  const gva = hasPaging ? GVA : GUEST_REGION | OFFSET;
  return {
    registers,
    host,
    guestBits: hasPaging ? namedBits(entry) : null,
    leaf,
    gva,
    hostAddress: HOST_REGION | OFFSET,
    walk: (access) => translateNested(context, nestedContextOf(leaf), memory, gva, access),
  };
}

function drawLeaf(random: Random): ReferenceNestedLeaf {
  if (random.chance(50)) return { kind: 'npt', bits: namedBits(random.below(8)) };
  return { kind: 'ept', memoryType: random.pick(typeNames), ignorePat: random.chance(30) };
}

function leafBitsOf(leaf: ReferenceNestedLeaf, level: number): bigint {
  if (leaf.kind === 'ept') return (patEncodings[leaf.memoryType] << 3n) | (leaf.ignorePat ? 0x40n : 0n);
  const { pat, pcd, pwt } = leaf.bits;
  return cacheBitsOf(level, (pat ? 4 : 0) | (pcd ? 2 : 0) | (pwt ? 1 : 0));
}

function nestedContextOf({ kind }: ReferenceNestedLeaf): NestedContext {
  if (kind === 'ept') return createEpt(0x10_001en, { maxPhyAddr: 40 });
  return createNpt({ cr0: CR0, nestedCr3: 0x10_0000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 40, vendor: 'amd' });
}

/** Both stages lead GVA to HOST_REGION + OFFSET. */
function buildStages(
  guest: { readonly level: 1 | 2 | 3; readonly entry: number },
  nested: { readonly level: 1 | 2 | 3; readonly bits: bigint },
): SparseMemory {
  const host = new SparseMemory();
  const outer = new TableBuilder('4-level', 0x10_0000n, host);
  const inner = new TableBuilder('4-level', 0x1000n);
  const startOf = (region: bigint, level: number) => (level === 1 ? region | (OFFSET & ~0xfffn) : region);
  inner.map(GVA, startOf(GUEST_REGION, guest.level), {
    size: sizes[guest.level],
    levels: { [guest.level]: { extra: cacheBitsOf(guest.level, guest.entry) } },
  });
  for (const table of GUEST_TABLES) {
    if (!inner.memory.hasPage(table)) continue;
    host.addPage(table + 0x2_0000n);
    host.sharePage(table + 0x2_0000n, inner.memory, table);
    outer.map(table, table + 0x2_0000n);
  }
  outer.map(GUEST_REGION | OFFSET, startOf(HOST_REGION, nested.level), {
    size: sizes[nested.level],
    levels: { [nested.level]: { extra: nested.bits } },
  });
  return host;
}
