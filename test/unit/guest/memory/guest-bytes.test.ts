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

  it('are refused in words that say which, why, and what lies there instead', async () => {
    const map = new MemoryMap([
      { kind: 'ram', name: 'low', first: 0n, last: 0x7ffn, offset: 0n },
      { kind: 'ram', name: 'high', first: 0x800n, last: 0x1fffn, offset: 0n },
      { kind: 'rom', name: '', first: 0x2000n, last: 0x2fffn, offset: 0n },
      { kind: 'device', name: 'vga', first: 0x3800n, last: 0x3fffn, offset: 0n },
      { kind: 'ram', name: 'top', first: 0x4000n, last: 0x4fffn, offset: 0n },
    ]);
    const refused = async (work: Promise<unknown>) => {
      const { message, access } = await refusalOf(work);
      return [message, access.problemAddress];
    };
    const reading = (address: bigint, lengthBytes: number) =>
      refused(readParts(asked('read', address, lengthBytes), placed(address, lengthBytes), memory(), map));
    const writing = (address: bigint, lengthBytes: number) =>
      refused(
        writeParts(
          asked('write', address, lengthBytes),
          placed(address, lengthBytes),
          new Uint8Array(lengthBytes),
          memory(),
          map,
        ),
      );
    expect(await reading(0x2ffcn, 8)).to.deep.equal([
      '8 bytes at physical address 0x2ffc cannot be read: at 0x3000 there is nothing, and only RAM and ROM are read',
      0x3000n,
    ]);
    expect(await reading(0x3ff0n, 0x20)).to.deep.equal([
      '32 bytes at physical address 0x3ff0 cannot be read: at 0x3ff0 there is device memory (vga), and only RAM and ROM are read',
      0x3ff0n,
    ]);
    expect(await writing(0x1ffen, 4)).to.deep.equal([
      '4 bytes at physical address 0x1ffe cannot be written: at 0x2000 there is ROM, and only RAM is written',
      0x2000n,
    ]);
    expect(await writing(0x7fen, 4)).to.deep.equal([
      '4 bytes at physical address 0x7fe cannot be written: at 0x7fe there is RAM (low), and only RAM is written',
      0x7fen,
    ]);
    // The physical part begins before what is wrong with it, and each linear address has its own.
    const virtual = { operation: 'write', space: 'virtual', address: 0xffff_8000_0000_0ffen, lengthBytes: 6 } as const;
    const parts = [
      { address: virtual.address, physical: 0x1ffe, at: 0, lengthBytes: 2 },
      { address: virtual.address + 2n, physical: 0x1ffe, at: 2, lengthBytes: 4 },
    ];
    expect(await refused(writeParts(virtual, parts, new Uint8Array(6), memory(), map))).to.deep.equal([
      '6 bytes at virtual address 0xffff800000000ffe cannot be written: 0xffff800000001002 leads to 0x2000, where there is ROM, and only RAM is written',
      0xffff_8000_0000_1002n,
    ]);
    const access = { ...virtual, operation: 'read' } as const;
    expect(
      await refused(
        readParts(access, [{ address: virtual.address, physical: 0x2ffe, at: 0, lengthBytes: 4 }], memory(), map),
      ),
    ).to.deep.equal([
      '6 bytes at virtual address 0xffff800000000ffe cannot be read: 0xffff800000001000 leads to 0x3000, where there is nothing, and only RAM and ROM are read',
      0xffff_8000_0000_1000n,
    ]);
  });

  it('are read out of several regions into their places, in one flight', async () => {
    const guest = memory();
    let flights = 0;
    const read: WritableMemory['read'] = (pieces) => {
      flights += 1;
      return guest.read(pieces);
    };
    const parts = [
      { address: 0n, physical: 0x3ffe, at: 4, lengthBytes: 2 },
      { address: 0n, physical: 0x2ffe, at: 0, lengthBytes: 4 },
    ];
    const bytes = await readParts(asked('read', 0n, 8), parts, { read }, MAP);
    expect([...bytes]).to.deep.equal([0xfe, 0xff, 0, 1, 0xfe, 0xff, 0, 0]);
    expect([flights, guest.reads]).to.deep.equal([1, [0x3ffe, 0x2ffe, 0x3000]]);
    expect([...(await readParts(asked('read', 0n, 0), [], guest, MAP))]).to.deep.equal([]);
  });

  it('are written each from its place, checked once, and nothing else with them', async () => {
    const guest = memory();
    const before = guest.bytes.slice();
    const log: string[] = [];
    const noted: WritableMemory = {
      prepare: async () => {
        await Promise.resolve();
        log.push('prepare');
      },
      read: (pieces) => {
        log.push(`read ${pieces.map(({ address }) => address).join()}`);
        return guest.read(pieces);
      },
      write: (address, bytes) => {
        log.push(`write ${address}: ${bytes.join()}`);
        return guest.write(address, bytes);
      },
    };
    const parts = [
      { address: 0n, physical: 0x10, at: 3, lengthBytes: 2 },
      { address: 0n, physical: 0x20, at: 0, lengthBytes: 3 },
    ];
    await writeParts(asked('write', 0n, 5), parts, Uint8Array.of(101, 102, 103, 104, 105), noted, MAP);
    expect(log).to.deep.equal([
      ...['read 16,32', 'prepare', 'write 16: 104,105', 'write 32: 101,102,103', 'read 16,32'],
    ]);
    before.set([104, 105], 0x10);
    before.set([101, 102, 103], 0x20);
    expect(guest.bytes).to.deep.equal(before);
  });

  it('that do not read back are said to have been put back, or not', async () => {
    const stuck = async (isBroken: boolean) => {
      const guest = memory(0x1001);
      let writes = 0;
      const broken: WritableMemory = {
        ...guest,
        write: async (address, bytes) => {
          writes += 1;
          if (isBroken && writes === 2) throw new Error('E14');
          await guest.write(address, bytes);
        },
      };
      const bytes = Uint8Array.of(0, 9, 9);
      const error = await refusalOf(writeParts(asked('write', 0x1000n, 3), placed(0x1000n, 3), bytes, broken, MAP));
      return [error.message, error.access.problemAddress, guest.bytes[0x1002]];
    };
    const refused = '3 bytes at physical address 0x1000 cannot be written: ';
    expect(await stuck(false)).to.deep.equal([
      `${refused}what is read at 0x1001 afterwards is not what was written; everything was put back`,
      0x1001n,
      2,
    ]);
    expect(await stuck(true)).to.deep.equal([
      `${refused}what is read at 0x1001 afterwards is not what was written; some of it may have been written, and what was there before could not be put back`,
      0x1001n,
      9,
    ]);
  });

  it('are not put back where what was there does not read back either', async () => {
    const guest = memory();
    let writes = 0;
    const failing: WritableMemory = {
      ...guest,
      write: async () => {
        writes += 1;
        guest.bytes[0x1000] = 0x77;
        if (writes === 1) throw 'no error at all';
      },
    };
    const bytes = Uint8Array.of(1, 2);
    const error = await refusalOf(writeParts(asked('write', 0x1000n, 2), placed(0x1000n, 2), bytes, failing, MAP));
    expect(error.message).to.equal(
      '2 bytes at physical address 0x1000 cannot be written: no error at all; some of it may have been written, and what was there before could not be put back',
    );
    expect(error.cause).to.equal('no error at all');
    expect(error.access).to.deep.equal({ ...asked('write', 0x1000n, 2), problemAddress: 0x1000n });
    const blind: WritableMemory = { ...memory(), write: async () => {} };
    let reads = 0;
    const read: WritableMemory['read'] = (pieces) => {
      reads += 1;
      return reads === 2 ? Promise.reject(new Error('E01')) : blind.read(pieces);
    };
    const unread = writeParts(
      asked('write', 0x1000n, 1),
      placed(0x1000n, 1),
      Uint8Array.of(0),
      { ...blind, read },
      MAP,
    );
    const failure = await unread.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(failure, 'memory is as it was').to.be.instanceOf(Error).with.property('message', 'E01');
  });

  it('are of a range that ends where addresses do, and of sixty-four mebibytes at most', () => {
    const refusal = (address: bigint, lengthBytes: number, space: 'virtual' | 'physical' = 'physical'): string => {
      try {
        requireBytes({ operation: 'read', space, address, lengthBytes });
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    const most = 64 * 1024 * 1024;
    expect([refusal(0n, 0), refusal(0n, most), refusal((1n << 52n) - 1n, 1), refusal(1n << 52n, 0)]).to.deep.equal([
      ...['', '', '', ''],
    ]);
    expect(refusal(1n << 52n, 1, 'virtual')).to.equal('');
    expect(refusal(1n << 64n, 0, 'virtual')).to.equal('');
    expect(refusal(0n, most + 1)).to.equal('67108865 bytes are not asked for at once: 0 to 67108864 are');
    expect(refusal(0n, -1)).to.equal('-1 bytes are not asked for at once: 0 to 67108864 are');
    expect(refusal((1n << 52n) - 1n, 2)).to.equal(
      '2 bytes from 0xfffffffffffff on go beyond the end of physical addresses',
    );
    expect(refusal((1n << 64n) - 1n, 2, 'virtual')).to.equal(
      '2 bytes from 0xffffffffffffffff on go beyond the end of virtual addresses',
    );
  });
});
