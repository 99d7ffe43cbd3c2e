import { expect } from 'chai';
import { launchKernel } from '../support/live/guest/kernel-guest.ts';
import { Witness } from '../support/live/guest/witness.ts';
import { QemuOfAnotherUser } from '../support/live/peer/other-user.ts';
import { expectAll, withOwnFolders, writeQemuWithin } from '../support/live/peer/qemu-within.ts';
import { runWith } from '../support/live/peer/run-with.ts';
import { useScratchDirectory } from '../support/live/scratch-directory.ts';

const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** The table of docs/reach.md: each row is a guest. */
const ENVIRONMENTS: readonly (readonly [what: string, before: string, words: readonly string[]])[] = [
  ['of the same user', '', []],
  ['that dropped its rights (-runas)', '', runWith({ user: 'nobody' })],
  ['in a sandbox (-sandbox)', '', ['-sandbox', SANDBOX]],
  ['in a mount namespace', 'unshare --mount ', []],
  ['with a temporary folder of its own', withOwnFolders(), []],
  ['in a PID namespace', 'unshare --pid --fork --kill-child ', []],
  ['in a network namespace', 'unshare --net ', []],
  ['in all of these, as in a container', withOwnFolders('--net --ipc --uts --pid --fork --kill-child'), []],
];

describe('a guest, asked by root', function () {
  this.timeout(120_000);
  const scratch = useScratchDirectory();

  for (const [what, before, words] of ENVIRONMENTS) {
    it(`${what}: all there is`, async () => {
      const binary = await writeQemuWithin(scratch(`qemu-${what.replaceAll(/\W/g, '-')}`), before);
      await using guest = await launchKernel('long4', { binary, gdb: false, extraArgs: words });
      await using witness = await Witness.of(guest);
      await expectAll(guest.qmpEndpoint);
      expect(await witness.runState()).to.equal('running');
      expect((await witness.chardevs()).filter((label) => label.startsWith('gdb'))).to.deep.equal([]);
    });
  }

  it('of another user: all there is', async () => {
    await using another = await QemuOfAnotherUser.make();
    await using guest = await launchKernel('long4', { binary: another.binary, gdb: false });
    await expectAll(guest.qmpEndpoint);
  });
});
