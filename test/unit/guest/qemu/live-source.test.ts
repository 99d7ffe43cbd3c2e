import { expect } from 'chai';
import { parseInfoRegisters } from '../../../../protocols/qmp/index.ts';
import type { RemoteProcess } from '../../../../protocols/transport/internal.ts';
import { GuestMemoryError, GuestStateError } from '../../../../src/guest/errors.ts';
import { HostPlaces } from '../../../../src/guest/memory/host/host-places.ts';
import type { Monitor } from '../../../../src/guest/monitor/monitor.ts';
import { type Peer, unknownPeer } from '../../../../src/guest/peer/peer.ts';
import { liveSource } from '../../../../src/guest/qemu/live-source.ts';
import { MemoryMapMemo } from '../../../../src/guest/qemu/memory-map-memo.ts';
import type { QemuParts } from '../../../../src/guest/qemu/paused-source.ts';
import { SCRIPTED_PROCESSOR, scriptedLink } from '../../../../src/guest/rehearsal/scripted-link.ts';
import { MONITOR_TEXTS } from '../../../../src/guest/rehearsal/scripted-texts.ts';
import { assumed, notInUse, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import { KernelMemo } from '../../../../src/linux/internal.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { fakeMonitor } from '../../../support/fakes/fake-monitor.ts';
import { readFixtureText } from '../../../support/fakes/read-fixture.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const VIEWS = MONITOR_TEXTS.get('info mtree -f')?.replaceAll('\r\n', '\n') ?? '';
const SHOWN = parseInfoRegisters(readFixtureText('qmp/registers/long-mode.txt'));
/** Where QEMU has the guest's first byte. */
const PLACE = 0x7f00_0000_0000;

/** A QEMU of another host, whose memory is full of one byte. */
function remote(byte: number): Peer {
  const process: RemoteProcess = {
    ...{ pid: 7, uid: 0, memoryProblem: undefined },
    readMaps: async () => '7f0000000000-7f0100000000 rw-p 00000000 00:00 0\n',
    readMemory: async (pieces) => {
      for (const { target } of pieces) target.fill(byte);
    },
  };
  return { kind: 'remote', process };
}

/** A running guest whose memory is full of ones, for the monitor. */
function partsOf(peer: Peer, monitor: Partial<Monitor> = {}): { parts: QemuParts; asked: string[] } {
  const asked: string[] = [];
  const hmp = async (command: string): Promise<string> => {
    asked.push(command);
    const [name = '', number = ''] = command.split(' ');
    if (name === 'info') return VIEWS;
    if (name === 'gpa2hva') {
      return `Host virtual address for ${number} (pc.ram) is 0x${(PLACE + Number(number)).toString(16)}\n`;
    }
    const words = Number(number.slice(1, -2));
    return '0000000000000000: 0x0101010101010101\n'.repeat(words);
  };
  const link = { ...scriptedLink(), monitor: fakeMonitor({ hmp, ...monitor }), peer };
  const parts: QemuParts = {
    link,
    cpus: [2, 5].map((index) => ({ index, qomPath: undefined, threadId: undefined })),
    processor: SCRIPTED_PROCESSOR,
    useHostMemory: true,
    allowsWrites: true,
    memory: { maps: new MemoryMapMemo(), places: new HostPlaces() },
    kernels: new KernelMemo(),
  };
  return { parts, asked };
}

describe('a QEMU that goes on running', () => {
  it('shows its vCPUs by the monitor, and says that they ran meanwhile', async () => {
    const registers: number[] = [];
    const { parts, asked } = partsOf(unknownPeer({ code: 'not-connected' }), {
      registers: async (cpu) => {
        registers.push(cpu);
        return { ...SHOWN, cpuIndex: cpu };
      },
    });
    const source = liveSource(parts);
    expect(source.vcpus).to.deep.equal([2, 5]);
    expect(source.notes).to.deep.equal([
      { name: 'moment', value: null, cause: { code: 'ran-while-read' }, decides: true },
    ]);
    expect(source.kernels).to.equal(parts.kernels);
    expect([source.writable, source.fewEntries, source.allowsWrites, source.pause]).to.deep.equal(
      Array(4).fill(undefined),
    );
    const { state, map, readHidden } = await source.readVcpu(5);
    expect([registers, asked]).to.deep.equal([[5], ['info mtree -f']]);
    const read = (value: bigint, name: string) => ({ value, from: 'monitor', detail: `info registers, ${name}` });
    const { cr0, cr3, cr4, efer, rflags, cs, ss, cpu, position } = state;
    expect({ cr0, cr3, cr4, efer, rflags, cs, ss, cpu }).to.deep.equal({
      cr0: read(0x8001_0011n, 'cr0'),
      cr3: read(0x11_0000n, 'cr3'),
      cr4: read(0x140_0020n, 'cr4'),
      efer: read(0xd00n, 'efer'),
      rflags: read(0x87n, 'eflags'),
      cs: read(0x18n, 'cs'),
      ss: read(0x10n, 'ss'),
      cpu: 5,
    });
    expect(position).not.to.have.property('rsp');
    expect(state).to.deep.include(SCRIPTED_PROCESSOR);
    expect(map.regions).to.have.length(5);
    expect(map).to.equal(parts.memory.maps.select(VIEWS, 5, false));
    const hidden = (value: unknown, register: string) => {
      return { value, from: 'assumed', cause: { code: 'saved-only-when-paused', register } };
    };
    expect(await readHidden?.()).to.deep.equal({
      pkru: hidden(0, 'pkru'),
      pkrs: hidden(0, 'pkrs'),
      pdptes: hidden(null, 'pdptes'),
      nested: hidden(null, 'nested'),
      hypervisorSmep: { value: false, from: 'not-in-use', cause: { code: 'smep-decides-nothing' } },
    });
    const types = await source.readMemoryTypes?.({ state, map });
    expect(types).to.deep.include({
      from: 'assumed',
      cause: { code: 'saved-only-when-paused', register: 'memoryTypes' },
    });
  });

  it('is seen in the view of the mode that the vCPU is in', async () => {
    const smm = `${VIEWS}FlatView #2\n AS "cpu-smm-2", root: smm\n Root memory region: smm\n  0000000000000000-0000000000000fff (prio 0, ram): smram\n`;
    for (const isIn of [false, true]) {
      const { parts } = partsOf(unknownPeer({ code: 'not-connected' }), {
        registers: async () => ({ ...SHOWN, smm: isIn }),
        hmp: async () => smm,
      });
      const { map } = await liveSource(parts).readVcpu(2);
      expect(map.hasSmram).to.equal(isIn);
    }
  });

  it('is read on the host that has its memory', async () => {
    const { parts, asked } = partsOf(remote(1));
    const source = liveSource(parts);
    const vcpu = await source.readVcpu(2);
    asked.splice(0);
    const { memory, report } = await source.openMemory(vcpu);
    expect(report).to.deep.equal({
      provider: 'host-process',
      attempts: [{ provider: 'host-file', cause: { code: 'no-file', block: 'pc.ram' } }],
    });
    // The root of the vCPU is compared, and is the first of what is.
    expect(asked.slice(0, 5)).to.deep.equal([
      ...['gpa2hva 0x0', 'gpa2hva 0xc0000', 'gpa2hva 0x100000', 'gpa2hva 0xfffc0000', 'xp /512xg 0x110000'],
    ]);
    asked.splice(0);
    expect(await memory.read([{ address: 0x11_0008, lengthBytes: 4 }])).to.deep.equal([Uint8Array.of(1, 1, 1, 1)]);
    expect(asked).to.deep.equal([]);
    expect(parts.memory.places.addressOf(vcpu.map.regionAt(0n))).to.equal(PLACE);
  });

  it('is not read where that is not known, or is another’s: the monitor alone would take too long', async () => {
    const reason = async (peer: Peer) => {
      const { parts } = partsOf(peer);
      const source = liveSource(parts);
      const error = await expectRejection(source.openMemory(await source.readVcpu(2)));
      expect(error).to.be.instanceOf(GuestMemoryError);
      expect(error.message).to.equal(
        'a running guest can be walked only with its memory at hand; pause it instead. This host does not have guest memory at hand',
      );
      return (error as GuestMemoryError).attempts;
    };
    expect(await reason(unknownPeer({ code: 'not-connected' }))).to.deep.equal([
      { provider: 'host-process', cause: { code: 'not-connected' } },
    ]);
    expect(await reason(remote(2))).to.deep.equal([
      { provider: 'host-file', cause: { code: 'no-file', block: 'pc.ram' } },
      { provider: 'host-process', cause: { code: 'differs', page: 0x11_0000n } },
    ]);
  });

  it('is not asked about a vCPU that may run a nested guest, unless that is said', () => {
    const { parts } = partsOf(unknownPeer({ code: 'not-connected' }));
    const { checkStages } = liveSource(parts);
    const nested = assumed(null, { code: 'saved-only-when-paused', register: 'nested' });
    expect(() => checkStages?.(vcpuStateWith({ cpu: 5, nested }))).to.throw(
      GuestStateError,
      /^vCPU 5 may run a nested guest \(EFER\.SVME=1\), and whether it does is in the device state, which cannot be saved while the guest runs\. Pass the root of its second stage \(--nested npt:ROOT\), or "none" if it runs no nested guest \(--nested none\), or pause it instead$/,
    );
    checkStages?.(vcpuStateWith({ nested: sourced(null, 'given', '') }));
    checkStages?.(vcpuStateWith({ nested: notInUse(null, { code: 'svm-off' }) }));
  });
});
