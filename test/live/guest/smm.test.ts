import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { attach } from '../../../src/guest/index.ts';
import type { MappedRange } from '../../../src/paging/index.ts';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { SMM4 } from '../../kernels/manifests/manifest-smm.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { StallingProxy } from '../../support/live/peer/stalling-proxy.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';

const READ = { write: false, user: false, exec: false };
const { page } = SMM4;

/** A guest whose vCPU stays in system management mode; there is a VGA where its tables are for all others. */
function launchSmm(): Promise<QemuProcess> {
  // Seen from dist/test/live/guest, where this file runs.
  const kernel = fileURLToPath(new URL(`../../../kernels/${SMM4.image}`, import.meta.url));
  const waiting = { ready: /^ready smm4$/, failOn: /^ready/ };
  const machine = { cpu: 'max', memory: '64M', machine: 'pc', extraArgs: ['-device', 'VGA'] };
  return launchQemu({ kernel, ...machine, ...waiting });
}

describe('a vCPU in system management mode', function () {
  this.timeout(60_000);

  it('is walked through its tables in SMRAM, paused and live, where QEMU itself sees the page too', async () => {
    await using guest = await launchSmm();
    const attached = await attach({ qmp: guest.qmpEndpoint });
    await attached.whilePaused(async (paused) => {
      const [answer] = await paused.translate([{ linearAddress: page.address + 0x123n, access: READ }]);
      expect(answer?.translation).to.include({ kind: 'mapped', physicalAddress: page.leadsTo + 0x123n });
      expect(answer?.translation.steps.map(({ address }) => address)).to.deep.equal([...page.path]);
      const ranges: MappedRange[] = [];
      await paused.mapRanges((range) => void ranges.push(range));
      expect(ranges.map(({ first, last }) => [first, last])).to.deep.equal([
        [0n, 0x1f_ffffn],
        [page.address, page.address + 0xfffn],
      ]);
      const aliases: bigint[] = [];
      await paused.findAliases({ first: page.leadsTo, last: page.leadsTo }, (alias) => void aliases.push(alias.first));
      expect(aliases).to.deep.equal([page.address]);
    });
    using live = attached.live();
    const [answer] = await live.translate([{ linearAddress: page.address, access: READ }]);
    expect(answer?.translation).to.include({ kind: 'mapped', physicalAddress: page.leadsTo });
    await attached.detach();
    await using witness = await Witness.of(guest);
    expect(await witness.hmp(`gva2gpa 0x${page.address.toString(16)}`)).to.contain(`0x${page.leadsTo.toString(16)}`);
  });

  it('gets no bits set: the stub would write to the VGA', async () => {
    await using guest = await launchSmm();
    const attached = await attach({ qmp: guest.qmpEndpoint });
    await attached.whilePaused(async (paused) => {
      const flags = { setAccessed: true, setDirty: false, forceSetAccessed: false };
      const [answer] = await paused.translate([{ linearAddress: page.address, access: READ, flags }]);
      expect(answer?.translation.kind).to.equal('mapped');
      expect(answer?.wrote).to.deep.equal([]);
      expect(answer?.bitsAreSet).to.equal(false);
    });
    await attached.detach();
  });

  it('is refused where this host does not show SMRAM, by every command', async () => {
    await using guest = await launchSmm();
    await using proxy = await StallingProxy.before(guest.qmpEndpoint);
    for (const words of [
      ['translate', '0x400123'],
      ['map'],
      ['find', '0xabc000'],
      ['translate', '0x400123', '--live'],
    ]) {
      const endpoints = ['--qmp', proxy.endpoint, '--gdb', guest.gdbEndpoint];
      const { status, stdout, stderr } = await runPagewalk([...words, ...endpoints]);
      expect({ words, status, stdout }).to.deep.equal({ words, status: 3, stdout: '' });
      expect(stderr, words.join(' ')).to.match(words.includes('--live') ? /pause it instead/ : /SMRAM/);
    }
    const attached = await attach({ qmp: guest.qmpEndpoint, hostMemory: false });
    const paused = await attached.pause();
    const error = await expectRejection(paused.translate([{ linearAddress: page.address, access: READ }]));
    expect(error).to.have.property('code', 'ERR_GUEST_MEMORY');
    await attached.detach();
  });
});
