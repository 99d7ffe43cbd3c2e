import { rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { parseFlatViews, QmpClient } from '../../../protocols/qmp/index.ts';
import { attach } from '../../../src/guest/index.ts';
import { comparePaused } from '../../../src/guest/memory/host/compare-pages.ts';
import type { HostMemory } from '../../../src/guest/memory/host/host-memory.ts';
import { LayeredMemory } from '../../../src/guest/memory/host/layered-memory.ts';
import { openHostMemory } from '../../../src/guest/memory/host/open-host-memory.ts';
import type { MemoryMap } from '../../../src/guest/memory/memory-map.ts';
import { monitorMemory } from '../../../src/guest/memory/monitor-memory.ts';
import type { PhysicalMemory } from '../../../src/guest/memory/physical-memory.ts';
import { FLAT_VIEWS, type Monitor } from '../../../src/guest/monitor/monitor.ts';
import { qmpMonitor } from '../../../src/guest/monitor/qmp-monitor.ts';
import { findPeer } from '../../../src/guest/peer/find-peer.ts';
import { selectMemoryMap } from '../../../src/guest/qemu/select-memory-map.ts';
import { formatCause } from '../../../src/report/index.ts';
import { launchQemu, type QemuOptions, type QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { writePhysical } from '../../support/live/guest/write-physical.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const READ = { write: false, user: false, exec: false };

/** A guest whose RAM is this object. */
function backedBy(object: string): QemuOptions {
  return { memory: '64M', machine: 'pc,memory-backend=ram0', extraArgs: ['-object', `${object},id=ram0,size=64M`] };
}

/** How pages are read in one pause, and a check that they are the right ones. */
async function howRead(guest: QemuProcess): Promise<{ provider: string; reasons: string }> {
  const attached = await attach({ qmp: guest.qmpEndpoint });
  try {
    return await attached.whilePaused(async (paused) => {
      const page = kernelPage(KERNELS.long4, 'rw');
      const table = await paused.translateMany(BigUint64Array.of(page.address), READ);
      expect(table.at(0)).to.include({ cause: null });
      const { provider, attempts } = await paused.memoryReport();
      return {
        provider,
        reasons: attempts.map(({ provider: way, cause }) => `${way}: ${formatCause(cause)}`).join('\n'),
      };
    });
  } finally {
    await attached.detach();
  }
}

/** Guest memory as the host shows it, and as the monitor does, of a guest that no link has. */
interface Looked {
  readonly map: MemoryMap;
  readonly host: HostMemory;
  readonly monitor: Monitor;
  /** The trusted way, which counts what is read through it. */
  readonly trusted: PhysicalMemory & { readonly reads: number[] };
}

async function look(
  guest: QemuProcess,
  use: (looked: Looked) => Promise<void>,
  edit: (answer: string, command: string) => string = (answer) => answer,
): Promise<void> {
  const qmp = await QmpClient.connect(guest.qmpEndpoint);
  try {
    const monitor = qmpMonitor(qmp);
    const map = selectMemoryMap(parseFlatViews(await monitor.hmp(FLAT_VIEWS)), 0, false);
    const edited = { hmp: async (command: string) => edit(await monitor.hmp(command), command) };
    const found = await openHostMemory(edited, map, findPeer(qmp.connection));
    if (!('kind' in found)) throw new Error(JSON.stringify(found));
    using host = found;
    const xp = monitorMemory(monitor);
    const reads: number[] = [];
    const trusted = {
      reads,
      read: (pieces: Parameters<PhysicalMemory['read']>[0]) => {
        reads.push(...pieces.map(({ address }) => address));
        return xp.read(pieces);
      },
    };
    await use({ map, host, monitor, trusted });
  } finally {
    await qmp.close();
  }
}

function readHost(host: HostMemory, address: number): Buffer {
  const bytes = Buffer.alloc(16);
  expect(host.read([{ address, lengthBytes: bytes.length }], [bytes])).to.equal(undefined);
  return bytes;
}

describe('guest memory on this host', function () {
  this.timeout(60_000);
  const scratch = useScratchDirectory();

  it('is the memory of the QEMU process, by default', async () => {
    await using guest = await launchKernel('long4');
    const { provider, reasons } = await howRead(guest);
    expect(provider).to.equal('host-process');
    expect(reasons).to.match(/^host-file: pc.ram is not a file$/);
  });

  it('is a file that QEMU shares', async () => {
    await using guest = await launchKernel('long4', backedBy(`memory-backend-file,share=on,mem-path=${scratch('on')}`));
    expect(await howRead(guest)).to.deep.equal({ provider: 'host-file', reasons: '' });
  });

  it('is a file that QEMU shares, also when it is deleted', async () => {
    const path = scratch('deleted');
    await using guest = await launchKernel('long4', backedBy(`memory-backend-file,share=on,mem-path=${path}`));
    await rm(path);
    expect((await howRead(guest)).provider).to.equal('host-file');
  });

  it('is a file without a name (memfd)', async () => {
    await using guest = await launchKernel('long4', backedBy('memory-backend-memfd,share=on'));
    expect((await howRead(guest)).provider).to.equal('host-file');
  });

  it('is not the file of which QEMU has a private copy (share=off)', async () => {
    const path = scratch('off');
    await using guest = await launchKernel('long4', backedBy(`memory-backend-file,share=off,mem-path=${path}`));
    expect((await stat(path)).size).to.equal(64 * 1024 * 1024);
    const { provider, reasons } = await howRead(guest);
    expect(provider).to.equal('host-process');
    expect(reasons).to.match(/^host-file: ram0 is a private copy of a file \(share=off\)/);
  });

  it('is each of several files, and of the process what is no file', async () => {
    await using guest = await launchQemu({
      memory: '64M',
      paused: true,
      smp: 2,
      extraArgs: [
        ...['-object', `memory-backend-file,id=one,share=on,size=32M,mem-path=${scratch('one')}`],
        ...['-object', 'memory-backend-memfd,id=two,share=on,size=32M'],
        ...['-numa', 'node,memdev=one', '-numa', 'node,memdev=two'],
      ],
    });
    const at = [0x10_0000, 0x1ff_f000, 0x200_0000, 0x3ff_f000];
    const bytes = at.map((_, index) => Buffer.alloc(16, index + 1));
    await writePhysical(
      guest,
      at.map((address, index) => ({ address: BigInt(address), bytes: bytes[index] ?? Buffer.alloc(0) })),
    );
    await look(guest, async ({ host, trusted, map }) => {
      expect(host.kind).to.equal('host-file');
      expect(at.map((address) => host.blockAt(address)?.name)).to.deep.equal(['one', 'one', 'two', 'two']);
      expect(at.map((address) => readHost(host, address))).to.deep.equal(bytes);
      const memory = new LayeredMemory(host, trusted, map, comparePaused);
      const read = await memory.read(at.map((address) => ({ address, lengthBytes: 16 })));
      expect(read.map((piece) => Buffer.from(piece))).to.deep.equal(bytes);
      expect(at.map((address) => host.blockAt(address)?.verdict)).to.deep.equal(['same', 'same', 'same', 'same']);
      // ROM too is what it is in the guest.
      const rom = 0xffff_fff0;
      const [expected] = await trusted.read([{ address: rom, lengthBytes: 16 }]);
      expect(readHost(host, rom)).to.deep.equal(Buffer.from(expected ?? []));
    });
  });

  it('is told apart by address where two regions have one name', async () => {
    await using guest = await launchKernel('long4', {
      extraArgs: ['-device', 'secondary-vga', '-device', 'secondary-vga'],
    });
    const attached = await attach({ qmp: guest.qmpEndpoint });
    const paused = await attached.pause();
    const regions = (await paused.memoryMap()).regions.filter(({ name }) => name === 'vga.vram');
    await attached.detach();
    const [one = 0, two = 0, ...others] = regions.map(({ first }) => Number(first));
    expect(others).to.deep.equal([]);
    await writePhysical(guest, [{ address: BigInt(two) + 0x5000n, bytes: Buffer.from('the second display') }]);
    await look(guest, async ({ host, trusted, map }) => {
      expect(host.blockAt(one)).not.to.equal(host.blockAt(two));
      const memory = new LayeredMemory(host, trusted, map, comparePaused);
      const [first, second] = await memory.read([one, two].map((at) => ({ address: at + 0x5000, lengthBytes: 8 })));
      expect(Buffer.from(second ?? []).toString()).to.equal('the seco');
      expect(Buffer.from(first ?? [])).to.deep.equal(Buffer.alloc(8));
      expect(host.blockAt(two)?.verdict).to.equal('same');
      expect(host.blockAt(one)?.verdict, 'all of it that was looked at is zero').to.equal('open');
      trusted.reads.length = 0;
      await memory.read([one, two, 0x10_0000].map((at) => ({ address: at + 0x6000, lengthBytes: 8 })));
      expect(
        trusted.reads.filter((address) => address >= two),
        'the other blocks keep the fast way',
      ).to.deep.equal(one > two ? trusted.reads : []);
      expect(trusted.reads).to.include(one + 0x6000);
    });
  });

  it('is not used where every page compared is zero: other zeros are as good', async () => {
    await using guest = await launchQemu({ memory: '64M', paused: true, extraArgs: ['-device', 'VGA'] });
    await look(guest, async ({ host, trusted, map }) => {
      const memory = new LayeredMemory(host, trusted, map, comparePaused);
      const address = 0x80_0000;
      expect(await memory.usesHostAt(address)).to.equal(false);
      expect(host.attempts.at(-1)?.cause).to.deep.equal({ code: 'unverified' });
      trusted.reads.length = 0;
      await memory.read([{ address, lengthBytes: 8 }]);
      expect(trusted.reads).to.include(address);
      // What is not zero decides, once it is wanted.
      await writePhysical(guest, [{ address: BigInt(address), bytes: Buffer.alloc(8, 1) }]);
      await memory.read([{ address, lengthBytes: 8 }]);
      expect(host.blockAt(address)?.verdict).to.equal('same');
    });
  });

  it('is not used where a page differs, and the other blocks are', async () => {
    await using guest = await launchKernel('long4', { memory: '64M' });
    // Two pages before, as if QEMU named other memory of its own: low memory is there.
    const shift = (answer: string, command: string): string =>
      command === 'gpa2hva 0x100000'
        ? answer.replace(/(\(pc\.ram\) is )(0x[0-9a-f]+)/, (_, words: string, digits: string) => {
            return `${words}0x${(BigInt(digits) - 0x2000n).toString(16)}`;
          })
        : answer;
    const verdicts = async ({ host, trusted, map }: Looked): Promise<void> => {
      const memory = new LayeredMemory(host, trusted, map, comparePaused);
      const root = Number(KERNELS.long4.registers.cr3);
      expect(await memory.usesHostAt(root)).to.equal(false);
      expect(host.blockAt(root)?.verdict).to.equal('foreign');
      expect(host.attempts.at(-1)?.cause.code).to.equal('differs');
      expect(await memory.usesHostAt(0), 'low memory, which is where QEMU says').to.equal(true);
      const [bytes] = await memory.read([{ address: root, lengthBytes: 8 }]);
      const [expected] = await trusted.read([{ address: root, lengthBytes: 8 }]);
      expect(bytes).to.deep.equal(expected);
      expect(await memory.usesHostAt(0xffff_f000), 'the BIOS').to.equal(true);
    };
    await look(guest, verdicts, shift);
  });

  it('may only be in the process that holds the socket', async () => {
    await using guest = await launchKernel('long4', { memory: '64M' });
    await using other = await launchKernel('long4', { memory: '64M' });
    const there: Record<string, string> = {};
    await look(other, async ({ map, monitor }) => {
      for (const { first, kind } of map.regions) {
        if (kind === 'device') continue;
        const command = `gpa2hva 0x${first.toString(16)}`;
        there[command] = await monitor.hmp(command);
      }
    });
    const qmp = await QmpClient.connect(guest.qmpEndpoint);
    try {
      const monitor = qmpMonitor(qmp);
      const map = selectMemoryMap(parseFlatViews(await monitor.hmp(FLAT_VIEWS)), 0, false);
      const lying = { hmp: (command: string) => Promise.resolve(there[command] ?? '') };
      const found = await openHostMemory(lying, map, findPeer(qmp.connection));
      // Address-space layout differs from process to process: nothing of guest RAM is there in this one.
      expect('kind' in found && found.blockAt(0x10_0000)?.name).not.to.equal('pc.ram');
      if ('kind' in found) found[Symbol.dispose]();
    } finally {
      await qmp.close();
    }
  });

  it('is of no use when the process has gone on to another program', async () => {
    await using guest = await launchKernel('long4', { memory: '64M' });
    const qmp = await QmpClient.connect(guest.qmpEndpoint);
    try {
      const peer = findPeer(qmp.connection);
      if (peer.kind !== 'process') throw new Error(peer.kind);
      const monitor = qmpMonitor(qmp);
      const map = selectMemoryMap(parseFlatViews(await monitor.hmp(FLAT_VIEWS)), 0, false);
      const changed = { ...peer, identity: { ...peer.identity, executable: `${tmpdir()}/qemu-before-exec` } };
      const found = await openHostMemory(monitor, map, changed);
      expect(found).to.deep.equal([
        {
          provider: 'host-process',
          cause: { code: 'program-changed', pid: guest.pid },
        },
      ]);
    } finally {
      await qmp.close();
    }
  });
});
