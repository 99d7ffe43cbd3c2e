import { truncateSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { encodePacket } from '../../../protocols/gdb/index.ts';
import { MessageProxy, type Passing } from '../../../scripts/torture/rig/message-proxy.ts';
import { attach } from '../../../src/guest/index.ts';
import { eventually } from '../../support/eventually.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const hex = (text: string): string => Buffer.from(text).toString('hex');
const LOOK = `qRcmd,${hex('info status')}`;

describe('a guest that leaves between our last look and our resuming it', function () {
  this.timeout(60_000);

  const file = useScratchDirectory();

  for (const way of ['QMP and the stub', 'the stub alone'] as const) {
    it(`${way}: is stopped again at once, and no client resumes it later`, async () => {
      const disk = file(`disk-${way.length}`);
      writeFileSync(disk, '');
      truncateSync(disk, 1 << 20);
      const drive = ['-drive', `if=none,id=disk,format=raw,file=${disk}`, '-device', 'virtio-blk-pci,drive=disk'];
      await using guest = await launchKernel('long4', { gdb: true, memory: '32M', extraArgs: drive });
      await using witness = await Witness.of(guest);
      let isLast = false;
      let hasLooked = false;
      /** The reply to the last look is from before the guest left. */
      const before = ({ direction, bytes }: Passing): Buffer | undefined => {
        hasLooked ||= isLast && direction === 'up' && bytes.includes(LOOK);
        if (!hasLooked || direction === 'up' || !bytes.includes('$O')) return undefined;
        isLast = false;
        hasLooked = false;
        return Buffer.from(encodePacket(`O${hex('VM status: paused\r\n')}`, 1 << 12), 'latin1');
      };
      const target = guest.gdbEndpoint.slice('unix:'.length);
      const path = file(`stub-${way.length}`);
      await using proxy = await MessageProxy.listen({ protocol: 'gdb', path, target, before });
      const gdb = proxy.endpoint;
      const endpoints = way === 'the stub alone' ? { gdb } : { qmp: guest.qmpEndpoint, gdb };
      const attached = await attach({ ...endpoints, maxPauseMs: 30_000 });
      await (await attached.pause()).vcpuState();
      await witness.execute('migrate', { uri: 'exec:cat >/dev/null' });
      await eventually('it has left', async () => (await witness.runState()) === 'postmigrate');
      isLast = true;
      const error = await expectRejection(attached.detach());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.message).to.contain('into the state "postmigrate"').and.contain('has been stopped again');
      expect(await witness.runState()).to.equal('paused');
      // QEMU 7.2 does not tell, nor can it be told to unlock them.
      if (way !== 'the stub alone') expect(await activeImages(witness)).to.not.include(true);
      const next = await attach({ qmp: guest.qmpEndpoint });
      await (await next.pause()).vcpuState();
      await next.detach();
      expect(next.recoveries).to.deep.equal([]);
      expect(await witness.runState()).to.equal('paused');
    });
  }
});

async function activeImages(witness: Witness): Promise<readonly (boolean | undefined)[]> {
  const nodes = (await witness.execute('query-named-block-nodes')) as { active?: boolean }[];
  return nodes.map(({ active }) => active);
}
