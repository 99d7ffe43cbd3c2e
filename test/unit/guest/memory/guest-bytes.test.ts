import { expect } from 'chai';
import { GuestAccessError, GuestUsageError, MemoryMap } from '../../../../src/guest/index.ts';
import { partsOf, readParts, requireBytes, writeParts } from '../../../../src/guest/memory/guest-bytes.ts';
import type { WritableMemory } from '../../../../src/guest/memory/write-bits.ts';

const MAP = new MemoryMap([
  { kind: 'ram', name: 'pc.ram', first: 0n, last: 0x2fffn, offset: 0n },
  { kind: 'rom', name: 'bios', first: 0x3000n, last: 0x3fffn, offset: 0n },
  { kind: 'device', name: 'lapic', first: 0x4000n, last: 0x4fffn, offset: 0n },
]);

/** What a write to `stuck` says it has done, it has not. */
function memory(stuck?: number): WritableMemory & { readonly bytes: Uint8Array; readonly reads: number[] } {
  const bytes = Uint8Array.from({ length: 0x5000 }, (_, at) => at & 0xff);
  const reads: number[] = [];
  return {
    bytes,
    reads,
    read: async (pieces) =>
      pieces.map(({ address, lengthBytes }) => {
        reads.push(address);
        return bytes.slice(address, address + lengthBytes);
      }),
    write: async (address, data) => {
      data.forEach((byte, at) => {
        if (address + at !== stuck) bytes[address + at] = byte;
      });
    },
  };
}

const asked = (operation: 'read' | 'write', address: bigint, lengthBytes: number) =>
  ({ operation, space: 'physical', address, lengthBytes }) as const;
const placed = (address: bigint, lengthBytes: number) =>
  partsOf({ address, lengthBytes }).map((part) => ({ ...part, physical: Number(part.address) }));

async function refusalOf(work: Promise<unknown>): Promise<GuestAccessError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(GuestAccessError);
  return error as GuestAccessError;
}

describe('bytes of guest memory', () => {
  it('are split at the ends of pages', () => {
    expect(partsOf({ address: 0xffen, lengthBytes: 0x1003 })).to.deep.equal([
      { address: 0xffen, at: 0, lengthBytes: 2 },
      { address: 0x1000n, at: 2, lengthBytes: 0x1000 },
      { address: 0x2000n, at: 0x1002, lengthBytes: 1 },
    ]);
    expect(partsOf({ address: 5n, lengthBytes: 0 })).to.deep.equal([]);
  });

  it('are read out of RAM and ROM, across both', async () => {
    const bytes = await readParts(asked('read', 0x2ffen, 4), placed(0x2ffen, 4), memory(), MAP);
    expect([...bytes]).to.deep.equal([0xfe, 0xff, 0, 1]);
  });

  it('are not read where a device is, and nothing before it either', async () => {
    const guest = memory();
    const error = await refusalOf(readParts(asked('read', 0x3ff0n, 0x20), placed(0x3ff0n, 0x20), guest, MAP));
    expect(error.access).to.deep.equal({ ...asked('read', 0x3ff0n, 0x20), problemAddress: 0x4000n });
    expect(error.message).to.contain('device memory (lapic)');
    expect(guest.reads).to.deep.equal([]);
    const beyond = await refusalOf(readParts(asked('read', 0x5000n, 1), placed(0x5000n, 1), guest, MAP));
    expect(beyond.message).to.contain('there is nothing');
  });

  it('are written in RAM alone: all of them, or none', async () => {
    const guest = memory();
    await writeParts(asked('write', 0xfffn, 2), placed(0xfffn, 2), Uint8Array.of(7, 8), guest, MAP);
    expect([...guest.bytes.slice(0xffe, 0x1002)]).to.deep.equal([0xfe, 7, 8, 1]);
    const before = guest.bytes.slice();
    const error = await refusalOf(
      writeParts(asked('write', 0x2fffn, 2), placed(0x2fffn, 2), Uint8Array.of(7, 8), guest, MAP),
    );
    expect(error.message).to.contain('ROM (bios), and only RAM is written');
    expect(guest.bytes).to.deep.equal(before);
  });

  it('are put back where they do not read back', async () => {
    const guest = memory(0x1001);
    const before = guest.bytes.slice();
    const bytes = Uint8Array.of(9, 9, 9);
    const error = await refusalOf(writeParts(asked('write', 0x1000n, 3), placed(0x1000n, 3), bytes, guest, MAP));
    expect(error.access.problemAddress).to.equal(0x1001n);
    expect(guest.bytes).to.deep.equal(before);
  });

  it('are put back where one of the writes fails, and it is said where they cannot be', async () => {
    const guest = memory();
    const before = guest.bytes.slice();
    const write = async (fails: number): Promise<Error> => {
      let writes = 0;
      const failing: WritableMemory = {
        ...guest,
        write: async (address, bytes) => {
          writes += 1;
          if (address === 0x1000 && writes <= fails) throw new Error('E22');
          await guest.write(address, bytes);
        },
      };
      const bytes = Uint8Array.of(7, 8);
      return writeParts(asked('write', 0xfffn, 2), placed(0xfffn, 2), bytes, failing, MAP).then(
        () => expect.fail('it was written'),
        (error: Error) => error,
      );
    };
    expect((await write(2)).message).to.equal('E22');
    expect(guest.bytes).to.deep.equal(before);
    const error = await write(4);
    expect(error).to.be.instanceOf(GuestAccessError);
    expect(error.message).to.contain('E22; some of it may have been written');
    expect(error.cause).to.be.instanceOf(Error);
  });

  it('are neither written nor put back where nothing may be written any more', async () => {
    const guest = memory();
    const before = guest.bytes.slice();
    let prepared = 0;
    const late: WritableMemory = {
      ...guest,
      prepare: async () => {
        prepared += 1;
        throw new Error('resumed');
      },
    };
    const error = await writeParts(asked('write', 0xfffn, 2), placed(0xfffn, 2), Uint8Array.of(7, 8), late, MAP).then(
      () => expect.fail('it was written'),
      (failure: Error) => failure,
    );
    expect(error.message).to.contain('resumed');
    expect(prepared).to.equal(2);
    expect(guest.bytes).to.deep.equal(before);
  });

  it('are of a range that there is', () => {
    const check = (address: bigint, lengthBytes: number, space: 'virtual' | 'physical' = 'physical') => {
      return () => requireBytes({ operation: 'read', space, address, lengthBytes });
    };
    expect(check((1n << 52n) - 1n, 2)).to.throw(GuestUsageError);
    expect(check((1n << 64n) - 1n, 1, 'virtual')).not.to.throw();
    expect(check((1n << 64n) - 1n, 2, 'virtual')).to.throw(GuestUsageError);
    expect(check(-1n, 1)).to.throw(GuestUsageError);
    expect(check(0n, 2 ** 27)).to.throw(GuestUsageError);
    expect(check(0n, 0.5)).to.throw(GuestUsageError);
  });
});
