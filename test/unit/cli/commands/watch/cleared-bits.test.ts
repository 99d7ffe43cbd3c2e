import { expect } from 'chai';
import { ClearedBits } from '../../../../../src/cli/commands/watch/cleared-bits.ts';
import type { WatchedMoment } from '../../../../../src/cli/commands/watch/watched-place.ts';
import { type GuestSource, GuestView, givenSource } from '../../../../../src/guest/index.ts';
import type { MappedLeaf } from '../../../../../src/paging/index.ts';

const TABLE = 0x4000;
const ACCESSED = 0x20n;
const DIRTY = 0x40n;
const NO_EXECUTE = 1n << 63n;

/** PTEs of 4-level paging, from linear address 0 on. */
const ENTRIES = [
  0x8000n | 3n | ACCESSED,
  0x9000n | 3n | ACCESSED | DIRTY | NO_EXECUTE,
  0xa000n | 3n,
  0xb000n | 3n | DIRTY,
  0xc000n | 3n | ACCESSED,
] as const;

/** A guest in memory, whose tables can be written as a paused guest's. */
class Watched {
  readonly memory = new Uint8Array(0x1_0000);
  readonly writes: (readonly [number, number])[] = [];
  readonly #tables = new DataView(this.memory.buffer);
  readonly #isLong: boolean;

  constructor(isLong = true) {
    this.#isLong = isLong;
    if (isLong) for (const table of [0x1000, 0x2000, 0x3000]) this.#set8(table, BigInt(table + 0x1000) | 0x27n);
    else this.#tables.setUint32(0x1000, TABLE | 0x27, true);
    for (const [at, entry] of ENTRIES.entries()) this.put(at, entry);
  }

  put(at: number, entry: bigint): void {
    if (this.#isLong) this.#set8(TABLE + 8 * at, entry);
    else this.#tables.setUint32(TABLE + 4 * at, Number(entry & 0xffff_ffffn), true);
  }

  get entries(): bigint[] {
    return ENTRIES.map((_, at) =>
      this.#isLong
        ? this.#tables.getBigUint64(TABLE + 8 * at, true)
        : BigInt(this.#tables.getUint32(TABLE + 4 * at, true)),
    );
  }

  async moment(more: Partial<WatchedMoment> = {}): Promise<WatchedMoment> {
    const registers = {
      cr0: 0x8001_0011n,
      cr3: 0x1000n,
      ...(this.#isLong ? { cr4: 0x20n, efer: 0xd00n } : { cr4: 0n, efer: 0n }),
    };
    const given = givenSource({ vcpus: [{ registers }], memory: this.memory });
    const source: GuestSource = {
      ...given,
      vcpus: given.vcpus,
      readVcpu: (cpu) => given.readVcpu(cpu),
      openMemory: (vcpu) => given.openMemory(vcpu),
      allowsWrites: true,
      writable: {
        read: async (pieces) =>
          pieces.map(({ address, lengthBytes }) => this.memory.slice(address, address + lengthBytes)),
        write: async (address, bytes) => {
          this.writes.push([Number(address), bytes.length]);
          this.memory.set(bytes, Number(address));
        },
      },
      pause: { check: () => {} },
    };
    const view = new GuestView(source);
    const snapshot = await view.snapshot();
    const leaves: MappedLeaf[] = [];
    snapshot.leaves((leaf) => leaves.push({ ...leaf }) > 0, {});
    return { view, snapshot, leaves, scope: {}, lack: undefined, ...more } as unknown as WatchedMoment;
  }

  #set8(address: number, value: bigint): void {
    this.#tables.setBigUint64(address, value, true);
  }
}

describe('cli/ClearedBits', () => {
  for (const isLong of [true, false]) {
    const entry = (value: bigint): bigint => (isLong ? value : value & 0xffff_ffffn);
    const expected = (change: (value: bigint, at: number) => bigint) =>
      ENTRIES.map((each, at) => entry(change(each, at)));

    describe(isLong ? 'in entries of 8 bytes' : 'in entries of 4 bytes', () => {
      it('clears A alone, and sets it again where it was set', async () => {
        const watched = new Watched(isLong);
        const bits = new ClearedBits(false);
        expect(bits.isEmpty).to.equal(true);
        await bits.clear(await watched.moment());
        expect(watched.entries).to.deep.equal(expected((value) => value & ~ACCESSED));
        expect([...bits.pages]).to.deep.equal([0n, 0x1000n, 0x4000n]);
        await bits.putBack(await watched.moment());
        expect(watched.entries).to.deep.equal(expected((value) => value));
        expect(bits.isEmpty).to.equal(true);
      });

      it('clears D, too, where that is asked for', async () => {
        const watched = new Watched(isLong);
        const bits = new ClearedBits(true);
        await bits.clear(await watched.moment());
        expect(watched.entries).to.deep.equal(expected((value) => value & ~(ACCESSED | DIRTY)));
        await bits.putBack(await watched.moment());
        expect(watched.entries).to.deep.equal(expected((value) => value));
      });

      it('keeps what the guest has marked meanwhile, and what was there at first', async () => {
        const watched = new Watched(isLong);
        const bits = new ClearedBits(false);
        await bits.clear(await watched.moment());
        watched.put(2, ENTRIES[2] | ACCESSED | DIRTY);
        await bits.clear(await watched.moment());
        expect(watched.entries[2], 'cleared again').to.equal(entry(ENTRIES[2] | DIRTY));
        await bits.putBack(await watched.moment());
        expect(watched.entries).to.deep.equal(expected((value, at) => (at === 2 ? value | ACCESSED | DIRTY : value)));
      });

      it('leaves entries alone that are otherwise than they were', async () => {
        const watched = new Watched(isLong);
        const bits = new ClearedBits(false);
        await bits.clear(await watched.moment());
        const others = [
          // Another frame, not executable any more or again, read-only, gone.
          0xd000n | 3n,
          ...(isLong ? [0x9000n | 3n | DIRTY] : [0x9000n | 1n | DIRTY]),
          ENTRIES[2],
          ENTRIES[3],
          0n,
        ];
        for (const [at, value] of others.entries()) watched.put(at, value);
        await bits.putBack(await watched.moment());
        expect(watched.entries).to.deep.equal(others.map(entry));
      });
    });
  }

  it('writes no more of a table than from the first byte that changes to the last, and only that where nothing changes', async () => {
    const watched = new Watched();
    const bits = new ClearedBits(false);
    await bits.clear(await watched.moment());
    expect(watched.writes).to.deep.equal([[TABLE, 4 * 8 + 1]]);
    await bits.clear(await watched.moment());
    expect(watched.writes).to.have.length(1);
  });

  it('goes on with what it has not reached while there may be more pages', async () => {
    const watched = new Watched();
    const bits = new ClearedBits(false);
    await bits.clear(await watched.moment());
    const [first, ...others] = (await watched.moment()).leaves;
    await bits.putBack(await watched.moment({ leaves: first === undefined ? [] : [first], lack: 'there are more' }));
    expect([...bits.pages]).to.deep.equal([0x1000n, 0x4000n]);
    await bits.putBack(await watched.moment({ leaves: others }));
    expect(bits.isEmpty).to.equal(true);
    expect(watched.entries).to.deep.equal([...ENTRIES]);
  });
});
