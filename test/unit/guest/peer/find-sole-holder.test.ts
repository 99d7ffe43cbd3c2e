import { expect } from 'chai';
import type { PeerCause } from '../../../../src/guest/causes/peer-cause.ts';
import { findSoleHolder } from '../../../../src/guest/peer/find-sole-holder.ts';
import { readIdentity } from '../../../../src/guest/peer/process-identity.ts';
import { readUnixSockets } from '../../../../src/guest/peer/socket-tables.ts';
import { FakeClock } from '../../../support/host/fake-clock.ts';
import { OpenSockets } from '../../../support/host/open-sockets.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const ENDPOINT = 'unix:/run/vm.qmp';
const NONE: PeerCause = { code: 'not-connected' };

describe('the one QEMU that has a socket open', () => {
  const scratch = useScratchDirectory();

  it('is found among all, and is none where there are two', async () => {
    await using open = new OpenSockets();
    const shared = await open.listen(scratch('shared'));
    const inode = readUnixSockets('self')?.find(({ path }) => path === scratch('shared'))?.inode ?? 0;
    const find = (of = inode) => findSoleHolder(of, ENDPOINT, () => NONE);
    await using _relay = await QemuLookAlike.start(scratch('relay'), { sockets: [shared] });
    await using _idle = await QemuLookAlike.start(scratch('qemu-idle'));
    expect(find()).to.equal(NONE);
    await using qemu = await QemuLookAlike.start(scratch('qemu-one'), { sockets: [shared] });
    expect(find()).to.deep.equal(readIdentity(qemu.pid));
    expect(find(0)).to.equal(NONE);
    await using second = await QemuLookAlike.start(scratch('qemu-two'), { sockets: [shared] });
    const both = find();
    expect(both).to.deep.include({ code: 'several-holders', endpoint: ENDPOINT });
    expect(both).to.have.property('pids').with.members([qemu.pid, second.pid]);
  });

  it('is not told where there are more processes than can be looked at in time', () => {
    using clock = new FakeClock();
    clock.stepMs = 1001;
    expect(findSoleHolder(1, ENDPOINT, () => NONE)).to.deep.equal({ code: 'too-many-processes' });
  });
});
