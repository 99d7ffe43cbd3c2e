import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'chai';
import type { QemuOptions, QemuProcess } from '../../../src/testing/index.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { OTHER_UID } from '../../support/live/peer/other-user.ts';
import { withOwnFolders, writeQemuWithin } from '../../support/live/peer/qemu-within.ts';
import { runAs } from '../../support/live/reach/as-user.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

/** Who asks. Without Python no descriptor is handed over. */
type Client = 'root' | 'another user' | 'root, no python3' | 'another user, no python3';

/** What a client must get: the register that only the device state has, and how pages are read; or words of the refusal. */
type Gets = { readonly pkru: string; readonly memory: string } | { readonly refusal: readonly RegExp[] };

const ALL: Gets = { pkru: 'device-state', memory: 'host-process' };
/** Nothing of the process is shown to that user; what it was handed carries the rest. */
const HANDED: Gets = { pkru: 'device-state', memory: 'gdb-stub' };

interface Environment {
  readonly title: string;
  readonly options: (scratch: (name: string) => string) => Promise<QemuOptions>;
  readonly gets: Readonly<Partial<Record<Client, Gets>>>;
}

const plain =
  (...extraArgs: readonly string[]) =>
  (): Promise<QemuOptions> =>
    Promise.resolve({ extraArgs });

const NOTHING: Gets = {
  refusal: [
    /would not start one\. Tried: /,
    /handed over as a descriptor \(python3 did not start \(.*EACCES/,
    /in \/tmp \(QEMU's socket is closed to us: EACCES/,
    /What helps: python3, .*; TMPDIR .*; or start one by hand/,
  ],
};

const ENVIRONMENTS: readonly Environment[] = [
  {
    title: 'of root, in a sandbox',
    options: plain('-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'),
    gets: { root: ALL, 'another user': HANDED, 'another user, no python3': NOTHING },
  },
  {
    title: 'with its rights dropped (-runas), in a root of its own (-chroot)',
    options: (scratch) => {
      mkdirSync(scratch('jail'));
      return Promise.resolve({ extraArgs: ['-runas', 'nobody', '-chroot', scratch('jail')] });
    },
    gets: {
      root: ALL,
      'root, no python3': { refusal: [/Tried: handed over .*; in \/tmp \(QEMU: .*No such file/] },
      // The kernel shows root alone what was root's once.
      'another user': HANDED,
    },
  },
  {
    title: 'in a container: mounts, processes, network and IPC of its own',
    options: async (scratch) => ({
      binary: await writeQemuWithin(scratch('qemu'), withOwnFolders('--net --ipc --pid --fork --kill-child')),
    }),
    gets: { root: ALL, 'root, no python3': ALL, 'another user': HANDED },
  },
];

describe('a guest', function () {
  this.timeout(60_000);
  const scratch = useScratchDirectory();

  for (const { title, options, gets } of ENVIRONMENTS) {
    describe(title, () => {
      let guest: QemuProcess;
      let witness: Witness;

      before(async () => {
        chmodSync(scratch('.'), 0o755);
        guest = await launchKernel('long4', { ...(await options(scratch)), gdb: false });
        witness = await Witness.of(guest);
        const socket = guest.qmpEndpoint.slice('unix:'.length);
        chmodSync(dirname(socket), 0o755);
        chmodSync(socket, 0o777);
      });

      after(async () => {
        await witness[Symbol.asyncDispose]();
        await guest.stop();
      });

      for (const [client, wanted] of Object.entries(gets)) {
        it(`gives ${client} ${'refusal' in wanted ? 'a refusal that lists what was tried' : `device state, and memory by ${wanted.memory}`}`, async () => {
          const hiding = [
            'unshare',
            '--mount',
            'sh',
            '-c',
            'mount --bind /dev/null /usr/bin/python3 && exec "$@"',
            'sh',
          ];
          const { status, stdout, stderr } = await runAs(
            client.startsWith('root') ? 0 : OTHER_UID,
            ['state', '--json', '--qmp', guest.qmpEndpoint],
            client.endsWith('no python3') ? hiding : [],
          );
          if ('refusal' in wanted) {
            expect(status, stderr).to.equal(3);
            for (const words of wanted.refusal) expect(stderr, stderr).to.match(words);
          } else {
            expect(status, stderr).to.equal(0);
            const { registers, memoryAccess } = JSON.parse(stdout);
            expect(registers.pkru.source, JSON.stringify(registers.pkru)).to.equal(wanted.pkru);
            expect(memoryAccess.provider, JSON.stringify(memoryAccess)).to.equal(wanted.memory);
          }
          expect(await witness.runState()).to.equal('running');
          expect(await witness.execute('query-fdsets')).to.deep.equal([]);
          expect(
            (await witness.chardevs()).filter((each) => /^(pagewalk-[0-9a-f]{8} |gdb unix)/.test(each)),
          ).to.deep.equal([]);
        });
      }
    });
  }
});
