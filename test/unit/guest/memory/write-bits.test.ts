import { expect } from 'chai';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { type WritableMemory, writeBits } from '../../../../src/guest/memory/write-bits.ts';
import type { PlannedBits } from '../../../../src/paging/index.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { region } from '../../../support/fakes/region.ts';

const RAM_END = 0x4000;
const MAP = new MemoryMap([
  region('ram', 0n, BigInt(RAM_END - 1)),
  region('rom', 0x4000n, 0x4fffn, 'rom', 0n),
  region('device', 0x5000n, 0x5fffn, 'device', 0n),
]);

function plan(address: number, value: bigint, bits: 'A' | 'D' | 'AD', sizeBytes: 4 | 8 = 8): PlannedBits {
  return {
    address: BigInt(address),
    level: 1,
    value,
    sizeBytes,
    accessed: bits.includes('A'),
    dirty: bits.includes('D'),
    usageBits: { accessed: 0x20n, dirty: 0x40n },
  };
}

/** Memory that holds what the walk saw. */
function memoryWith(...plans: readonly PlannedBits[]): FakeMemory {
  const memory = new FakeMemory(0x6000);
  for (const { address, value } of plans) memory.setEntry(Number(address), value);
  return memory;
}

describe('writing accessed and dirty bits', () => {
  it('sets them in the lowest byte of each entry, in two flights', async () => {
    const plans = [plan(0x1000, 0x8000_0000_0000_2007n, 'A'), plan(0x2008, 0x3047n, 'A'), plan(0x3010, 0x1007n, 'AD')];
    const memory = memoryWith(...plans);
    const outcomes = await writeBits(plans, memory, MAP);
    expect([...outcomes.values()]).to.deep.equal(['written', 'written', 'written']);
    expect([memory.entry(0x1000), memory.entry(0x2008), memory.entry(0x3010)]).to.deep.equal([
      '0x8000000000002027',
      '0x3067',
      '0x1067',
    ]);
    expect(memory.flights).to.deep.equal([
      ['r 0x1000+8', 'r 0x2008+8', 'r 0x3010+8'],
      ['w 0x1000+1', 'w 0x2008+1', 'w 0x3010+1', 'r 0x1000+1', 'r 0x2008+1', 'r 0x3010+1'],
    ]);
  });

  it('compares four bytes of a 4-byte entry, and not what follows it', async () => {
    const memory = memoryWith(plan(0x1000, 0xffff_ffff_0000_2007n, 'A'));
    const outcomes = await writeBits([plan(0x1000, 0x2007n, 'A', 4)], memory, MAP);
    expect([...outcomes.values()]).to.deep.equal(['written']);
    expect(memory.entry(0x1000)).to.equal('0xffffffff00002027');
    expect(memory.flights[0]).to.deep.equal(['r 0x1000+4']);
  });

  it('writes an entry once that several walks want bits in', async () => {
    const plans = [plan(0x1000, 0x2007n, 'A'), plan(0x1000, 0x2007n, 'D'), plan(0x1000, 0x2007n, 'A')];
    const memory = memoryWith(...plans);
    expect([...(await writeBits(plans, memory, MAP))]).to.deep.equal([[0x1000n, 'written']]);
    expect(memory.entry(0x1000)).to.equal('0x2067');
    expect(memory.flights.flat().filter((each) => each.startsWith('w'))).to.deep.equal(['w 0x1000+1']);
  });

  it('leaves an entry alone that is not what the walk saw, whichever bit differs', async () => {
    for (const now of [0x2006n, 0x8000_0000_0000_2007n, 0x3007n, 0n, 0x2027n]) {
      const memory = memoryWith(plan(0x1000, now, 'A'));
      const outcomes = await writeBits([plan(0x1000, 0x2007n, 'A')], memory, MAP);
      expect(outcomes.get(0x1000n), now.toString(16)).to.equal('changed');
      expect(memory.entry(0x1000)).to.equal(`0x${now.toString(16)}`);
    }
  });

  it('writes the others all the same', async () => {
    const memory = memoryWith(plan(0x1000, 0n, 'A'), plan(0x2000, 0x3007n, 'A'));
    const outcomes = await writeBits([plan(0x1000, 0x2007n, 'A'), plan(0x2000, 0x3007n, 'A')], memory, MAP);
    expect([...outcomes]).to.deep.equal([
      [0x1000n, 'changed'],
      [0x2000n, 'written'],
    ]);
    expect(memory.entry(0x2000)).to.equal('0x3027');
  });

  it('writes nothing where another client has resumed the guest since the entries were read again', async () => {
    const fake = memoryWith(plan(0x1000, 0x2007n, 'A'));
    const prepare = async (): Promise<void> => {
      // They were read again by then.
      expect(fake.flights).to.have.length(1);
      throw new Error('resumed');
    };
    const memory: WritableMemory = {
      read: (pieces) => fake.read(pieces),
      write: (address, bytes) => fake.write(address, bytes),
      prepare,
    };
    const error = await expectRejection(writeBits([plan(0x1000, 0x2007n, 'A')], memory, MAP));
    expect(error.message).to.equal('resumed');
    expect(fake.entry(0x1000)).to.equal('0x2007');
  });

  it('touches nothing but RAM', async () => {
    const memory = new FakeMemory(0x6000);
    const plans = [plan(0x4000, 0n, 'A'), plan(0x5000, 0n, 'A'), plan(0x7000, 0n, 'A'), plan(0x3ffc, 0n, 'A')];
    const outcomes = await writeBits(plans, memory, MAP);
    expect([...outcomes.values()]).to.deep.equal(['read-only', 'read-only', 'read-only', 'read-only']);
    expect(memory.flights.flat()).to.deep.equal([]);
  });

  it('notices memory that takes no writes although the map calls it RAM', async () => {
    const plans = [plan(0x1000, 0x2007n, 'A'), plan(0x2000, 0x2007n, 'AD')];
    const memory = memoryWith(...plans);
    memory.stubborn.add(0x1000);
    expect([...(await writeBits(plans, memory, MAP)).values()]).to.deep.equal(['not-taken', 'written']);
  });

  it('asks nothing when nothing is planned', async () => {
    const memory = new FakeMemory(0x1000);
    expect([...(await writeBits([], memory, MAP))]).to.deep.equal([]);
    expect(memory.flights.flat()).to.deep.equal([]);
  });

  it('sets those of EPT entries in the byte above the lowest', async () => {
    const usageBits = { accessed: 0x100n, dirty: 0x200n };
    const plans = [
      { ...plan(0x1000, 0x8000_0000_0012_3407n, 'A'), usageBits },
      { ...plan(0x2000, 0x1507n, 'AD'), usageBits },
      { ...plan(0x2008, 0x1507n, 'D'), usageBits },
    ];
    const memory = memoryWith(...plans);
    expect([...(await writeBits(plans, memory, MAP))]).to.deep.equal([
      [0x1000n, 'written'],
      [0x2000n, 'written'],
      [0x2008n, 'written'],
    ]);
    expect([memory.entry(0x1000), memory.entry(0x2000), memory.entry(0x2008)]).to.deep.equal([
      '0x8000000000123507',
      '0x1707',
      '0x1707',
    ]);
    expect(memory.flights[1]).to.deep.equal([
      ...['w 0x1001+1', 'w 0x2001+1', 'w 0x2009+1', 'r 0x1001+1', 'r 0x2001+1', 'r 0x2009+1'],
    ]);
    memory.stubborn.add(0x1001);
    memory.setEntry(0x1000, 0x1007n);
    expect([...(await writeBits([{ ...plan(0x1000, 0x1007n, 'A'), usageBits }], memory, MAP)).values()]).to.deep.equal([
      'not-taken',
    ]);
  });

  it('takes one of two bits for not enough', async () => {
    const memory = memoryWith(plan(0x1000, 0x2027n, 'AD'));
    memory.stubborn.add(0x1000);
    expect([...(await writeBits([plan(0x1000, 0x2027n, 'AD')], memory, MAP)).values()]).to.deep.equal(['not-taken']);
  });

  it('is prepared once for all that it writes, and not for nothing', async () => {
    const fake = memoryWith(plan(0x1000, 0x2007n, 'A'), plan(0x2000, 0x3007n, 'A'));
    const order: string[] = [];
    const memory: WritableMemory = {
      prepare: async () => {
        await Promise.resolve();
        order.push('prepare');
      },
      read: (pieces) => {
        order.push(`read ${pieces.length}`);
        return fake.read(pieces);
      },
      write: (address, bytes) => {
        order.push(`write ${bytes.join()}`);
        return fake.write(address, bytes);
      },
    };
    await writeBits([plan(0x1000, 0x2007n, 'A'), plan(0x2000, 0x3007n, 'A')], memory, MAP);
    expect(order.splice(0)).to.deep.equal(['read 2', 'prepare', 'write 39', 'write 39', 'read 2']);
    await writeBits([plan(0x1000, 0n, 'A')], memory, MAP);
    expect(order).not.to.include('prepare');
  });

  it('writes an entry that is RAM to its last byte, of its own size', async () => {
    const memory = memoryWith(plan(0x3ff8, 0x2007n, 'A'));
    expect([...(await writeBits([plan(0x3ff8, 0x2007n, 'A')], memory, MAP)).values()]).to.deep.equal(['written']);
    memory.setEntry(0x3ff8, 0x2007_0000_0000n);
    expect([...(await writeBits([plan(0x3ffc, 0x2007n, 'D', 4)], memory, MAP))]).to.deep.equal([[0x3ffcn, 'written']]);
    expect(memory.entry(0x3ff8)).to.equal('0x204700000000');
  });
});
