import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { RemotePiece, RemoteProcess } from '../../../../../protocols/transport/internal.ts';
import type { MemoryAttempt, Region } from '../../../../../src/guest/index.ts';
import { HostMemory } from '../../../../../src/guest/memory/host/host-memory.ts';
import { HostPlaces } from '../../../../../src/guest/memory/host/host-places.ts';
import { parseMappings } from '../../../../../src/guest/memory/host/mappings.ts';
import { askForPlaces, openHostMemory } from '../../../../../src/guest/memory/host/open-host-memory.ts';
import { MemoryMap } from '../../../../../src/guest/memory/memory-map.ts';
import { type Peer, unknownPeer } from '../../../../../src/guest/peer/peer.ts';
import { readIdentity } from '../../../../../src/guest/peer/process-identity.ts';
import { region } from '../../../../support/fakes/region.ts';

const SMRAM: Region = { ...region('ram', 0x10_0000_0000n, 0x10_0001_ffffn, 'pc.ram', 0xa_0000n), onlyInSmm: true };
/** Two parts of one block, ROM of another, a device, nothing, and SMRAM in the first block. */
const MAP = new MemoryMap([
  region('ram', 0n, 0x9_ffffn),
  region('device', 0xa_0000n, 0xb_ffffn, 'vga', 0n),
  region('ram', 0x10_0000n, 0x3f_ffffn),
  region('none', 0x40_0000n, 0x40_0fffn, 'left out', 0n),
  region('rom', 0xfffc_0000n, 0xffff_ffffn, 'pc.bios', 0n),
  SMRAM,
]);
const RAM = 0x7f00_0000_0000;
const ROM = 0x7f10_0000_0000;

/** QEMU's word on where regions are, and what it was asked. */
function monitorOf(places: Readonly<Record<string, number>>) {
  const asked: string[] = [];
  const hmp = async (command: string): Promise<string> => {
    asked.push(command);
    const address = command.replace('gpa2hva ', '');
    const place = places[address];
    return place === undefined
      ? 'No memory is mapped at address 0x0\n'
      : `Host virtual address for ${address} (pc.ram) is 0x${place.toString(16)}\n`;
  };
  return { asked, hmp };
}

const PLACES = { '0x0': RAM, '0x100000': RAM + 0x10_0000, '0xfffc0000': ROM };

function hex(address: number): string {
  return address.toString(16);
}

function mapping(first: number, lengthBytes: number, more = 'rw-p 00000000 00:00 0'): string {
  return `${hex(first)}-${hex(first + lengthBytes)} ${more}\n`;
}

const MAPPED = mapping(RAM, 0x40_0000) + mapping(ROM, 0x4_0000, 'r--s 00000000 08:01 7');

/** A QEMU of another host, that has this mapped. */
function remote(maps: string | Error, memoryProblem?: string): { peer: Peer; read: RemotePiece[] } {
  const read: RemotePiece[] = [];
  const process: RemoteProcess = {
    pid: 77,
    uid: 0,
    memoryProblem,
    readMaps: () => (typeof maps === 'string' ? Promise.resolve(maps) : Promise.reject(maps)),
    readMemory: async (pieces) => void read.push(...pieces),
  };
  return { peer: { kind: 'remote', process }, read };
}

/** What opening comes to: how much is at hand, else why nothing is. */
async function found(
  maps: string | Error,
  places: Readonly<Record<string, number>> = PLACES,
  memoryProblem?: string,
): Promise<readonly MemoryAttempt[] | { readonly attempts: readonly MemoryAttempt[]; readonly blocks: string }> {
  const opened = await openHostMemory(monitorOf(places), MAP, remote(maps, memoryProblem).peer);
  if (!('kind' in opened)) return opened;
  expect(opened.kind).to.equal('host-process');
  const blocks = MAP.regions.map(({ first }) => opened.blockAt(Number(first))?.name ?? '-').join(' ');
  return { attempts: opened.attempts, blocks };
}

describe('where this host has guest memory', () => {
  it('is asked of QEMU for RAM and ROM that its system view shows, and once', async () => {
    const monitor = monitorOf({ '0x0': RAM, '0xfffc0000': ROM });
    const places = new HostPlaces();
    await askForPlaces(monitor, MAP, places);
    expect(monitor.asked).to.deep.equal(['gpa2hva 0x0', 'gpa2hva 0x100000', 'gpa2hva 0xfffc0000']);
    expect(MAP.regions.map((part) => places.addressOf(part))).to.deep.equal([
      ...[RAM, undefined, Number.NaN, undefined, ROM, undefined],
    ]);
    await askForPlaces(monitor, MAP, places);
    expect(monitor.asked).to.have.length(3);
    const more = new MemoryMap([region('ram', 0n, 0x9_ffffn), region('ram', 0x20_0000n, 0x2f_ffffn)]);
    await askForPlaces(monitor, more, places);
    expect(monitor.asked.slice(3)).to.deep.equal(['gpa2hva 0x200000']);
  });

  it('is asked for a thousand regions, and not for each of more', async () => {
    const parts = Array.from({ length: 1030 }, (_, at) =>
      region('ram', BigInt(at * 0x2000), BigInt(at * 0x2000 + 0xfff)),
    );
    const monitor = monitorOf({});
    await askForPlaces(monitor, new MemoryMap(parts), new HostPlaces());
    expect(monitor.asked).to.have.length(1024);
    expect(monitor.asked.at(-1)).to.equal(`gpa2hva 0x${hex(1023 * 0x2000)}`);
  });

  it('is a place for each region, and for SMRAM beside the block that it is a part of', async () => {
    const { peer, read } = remote(MAPPED);
    const places = new HostPlaces();
    const opened = await openHostMemory(monitorOf(PLACES), MAP, peer, places);
    if (!(opened instanceof HostMemory)) throw new Error('nothing was opened');
    expect(opened.kind).to.equal('host-process');
    expect(opened.attempts).to.deep.equal([{ provider: 'host-file', cause: { code: 'no-file', block: 'pc.ram' } }]);
    const [low, , high, , rom, smram] = MAP.regions;
    const block = opened.blockAt(0);
    expect(block).to.deep.equal({ name: 'pc.ram', regions: [low, high, smram], verdict: 'open' });
    expect(opened.blockAt(0x3f_ffff)).to.equal(block);
    expect(opened.blockAt(Number(SMRAM.last))).to.equal(block);
    expect(opened.blockAt(0xffff_ffff)).to.deep.equal({ name: 'pc.bios', regions: [rom], verdict: 'open' });
    expect([0xa_0000, 0x40_0000, 0x50_0000].map((address) => opened.blockAt(address))).to.deep.equal([
      ...[undefined, undefined, undefined],
    ]);
    const wanted = [0x9_fff8, 0x10_0010, 0xfffc_0008, Number(SMRAM.first) + 0x20];
    await opened.read(
      wanted.map((address) => ({ address, lengthBytes: 8 })),
      wanted.map(() => new Uint8Array(8)),
    );
    expect(read.map(({ position, target }) => [position, target.length])).to.deep.equal([
      [RAM + 0x9_fff8, 8],
      [RAM + 0x10_0010, 8],
      [ROM + 8, 8],
      [RAM + 0xa_0020, 8],
    ]);
    expect(places.addressOf(MAP.regionAt(0n))).to.equal(RAM);
    opened.onForeign();
    expect(places.addressOf(MAP.regionAt(0n)), 'asked anew once another block is there').to.equal(undefined);
  });

  it('is not guessed for SMRAM where two blocks have its name, or none', async () => {
    const elsewhere = RAM + 0x800_0000;
    const maps = MAPPED + mapping(elsewhere, 0x40_0000);
    expect(await found(maps, { ...PLACES, '0x100000': elsewhere })).to.deep.include({
      blocks: 'pc.ram - pc.ram - pc.bios -',
    });
    expect(await found(MAPPED, { '0xfffc0000': ROM })).to.deep.include({ blocks: '- - - - pc.bios -' });
    expect(await found(MAPPED)).to.deep.include({ blocks: 'pc.ram - pc.ram - pc.bios pc.ram' });
  });

  it('says why no file is read, of the largest region', async () => {
    const reasonWith = async (more: string) => found(mapping(RAM, 0x40_0000, more) + mapping(ROM, 0x4_0000));
    const blocks = 'pc.ram - pc.ram - pc.bios pc.ram';
    for (const [more, code] of [
      ['rw-p 00000000 00:00 0', 'no-file'],
      ['rw-s 00000000 00:00 0', 'no-file'],
      ['rw-p 00000000 08:01 9', 'private-file'],
      ['rw-s 00000000 08:01 9', 'file-unreachable'],
    ] as const) {
      const attempts = [{ provider: 'host-file', cause: { code, block: 'pc.ram' } }];
      expect(await reasonWith(more), more).to.deep.equal({ blocks, attempts });
    }
  });

  it('is not where QEMU says, if nothing is mapped there: the first of each way is said', async () => {
    const block = { code: 'block-elsewhere', block: 'pc.ram' };
    expect(await found(mapping(ROM, 0x4_0000))).to.deep.equal({
      blocks: '- - - - pc.bios -',
      attempts: [
        { provider: 'host-process', cause: block },
        { provider: 'host-file', cause: { code: 'no-file', block: 'pc.bios' } },
      ],
    });
    // A byte less than the larger part of the block.
    expect(await found(mapping(RAM, 0x3f_ffff) + mapping(ROM, 0x4_0000))).to.deep.equal({
      blocks: 'pc.ram - - - pc.bios pc.ram',
      attempts: [
        { provider: 'host-process', cause: block },
        { provider: 'host-file', cause: { code: 'no-file', block: 'pc.ram' } },
      ],
    });
    expect(await found('')).to.deep.equal([{ provider: 'host-process', cause: block }]);
  });

  it('is of no use where the helper there may not read it, or does not answer', async () => {
    expect(await found(MAPPED, PLACES, 'Permission denied')).to.deep.equal([
      { provider: 'host-file', cause: { code: 'no-file', block: 'pc.ram' } },
      { provider: 'host-process', cause: { code: 'no-permission', message: 'Permission denied' } },
    ]);
    for (const [code, expected] of [
      ['EACCES', 'no-permission'],
      ['EPERM', 'no-permission'],
      ['ENOENT', 'unreadable'],
    ] as const) {
      const failure = Object.assign(new Error(`${code}: it says`), { code });
      expect(await found(failure)).to.deep.equal([
        { provider: 'host-process', cause: { code: expected, message: `${code}: it says` } },
      ]);
    }
  });

  it('is not known where QEMU says nothing that counts, and not asked where the peer is not', async () => {
    expect(await found(MAPPED, {})).to.deep.equal([{ provider: 'host-process', cause: { code: 'places-unknown' } }]);
    const monitor = monitorOf(PLACES);
    expect(await openHostMemory(monitor, MAP, unknownPeer({ code: 'not-connected' }))).to.deep.equal([
      { provider: 'host-process', cause: { code: 'not-connected' } },
    ]);
    expect(monitor.asked).to.deep.equal([]);
  });

  describe('in a process of its own', () => {
    const identity = readIdentity(process.pid);
    if (identity === undefined) throw new Error('this process cannot look at itself');
    const own: Peer = { kind: 'process', pid: process.pid, uid: identity.uid, identity };
    /** The start of this program's file, which no process changes. */
    const start = (() => {
      const all = parseMappings(readFileSync('/proc/self/maps', 'latin1'));
      const found = all.find(({ inode, offset, isReadable }) => inode !== 0n && offset === 0 && isReadable);
      if (found === undefined) throw new Error('this process has no file mapped');
      return found;
    })();
    const page = new MemoryMap([region('ram', 0x1000n, 0x1fffn, 'elf', 0n)]);
    const monitor = () => monitorOf({ '0x1000': start.first });

    it('is read out of the process, and closed with it', async () => {
      const before = readdirSync('/proc/self/fd').length;
      const opened = await openHostMemory(monitor(), page, own);
      if (!(opened instanceof HostMemory)) throw new Error(JSON.stringify(opened));
      expect(opened.kind).to.equal('host-process');
      expect(opened.attempts).to.deep.equal([{ provider: 'host-file', cause: { code: 'private-file', block: 'elf' } }]);
      const bytes = new Uint8Array(3);
      expect(opened.read([{ address: 0x1001, lengthBytes: 3 }], [bytes])).to.equal(undefined);
      expect(Buffer.from(bytes).toString()).to.equal('ELF');
      expect(readdirSync('/proc/self/fd').length).to.equal(before + 1);
      opened[Symbol.dispose]();
      expect(readdirSync('/proc/self/fd').length).to.equal(before);
    });

    it('is not that of a program that has come in its place, and nothing stays open', async () => {
      const before = readdirSync('/proc/self/fd').length;
      const gone: Peer = { ...own, identity: { ...identity, startTime: '1' } };
      expect(await openHostMemory(monitor(), page, gone)).to.deep.equal([
        { provider: 'host-process', cause: { code: 'program-changed', pid: process.pid } },
      ]);
      expect(readdirSync('/proc/self/fd').length).to.equal(before);
    });

    it('is not that of a process that is gone', async () => {
      const gone: Peer = { ...own, pid: 2 ** 30 };
      const opened = await openHostMemory(monitor(), page, gone);
      expect(opened).to.be.an('array').with.length(1);
      expect(opened).to.have.nested.property('0.cause.code', 'unreadable');
      expect(opened).to.have.nested.property('0.cause.message').that.contains('ENOENT');
    });
  });
});
