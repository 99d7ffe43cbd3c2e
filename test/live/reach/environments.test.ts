import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'chai';
import type { QemuOptions, QemuProcess } from '../../../src/testing/index.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { AS_ANOTHER_USER, OTHER_UID } from '../../support/live/peer/other-user.ts';
import { withOwnFolders, writeQemuWithin } from '../../support/live/peer/qemu-within.ts';
import { runWith } from '../../support/live/peer/run-with.ts';
import { runAs } from '../../support/live/reach/as-user.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

/** Another user than that of any guest here. */
const STRANGER_UID = OTHER_UID - 1;
/** Without Python no descriptor is handed over. */
const WITHOUT_PYTHON = 'mount --bind /dev/null /usr/bin/python3';
/** A temporary folder that no QEMU has. */
const OWN_FOLDER = 'mount -t tmpfs -o mode=1777 none /mnt && export TMPDIR=/mnt';

const within = (namespaces: readonly string[], ...steps: readonly string[]): readonly string[] => [
  ...['unshare', '--mount', ...namespaces, 'sh', '-c', [...steps, 'exec "$@"'].join(' && '), 'sh'],
];
const OWN_PROCESSES = ['--pid', '--fork', '--kill-child', '--mount-proc'];

/** Who asks, and by what that is started. */
const CLIENTS = {
  root: { uid: 0 },
  'root, no python3': { uid: 0, before: within([], WITHOUT_PYTHON) },
  'its own user': { uid: OTHER_UID },
  'its own user, no python3': { uid: OTHER_UID, before: within([], WITHOUT_PYTHON) },
  'its own user, in a container': { uid: OTHER_UID, before: within(OWN_PROCESSES, OWN_FOLDER) },
  'its own user, in a container, no python3': {
    uid: OTHER_UID,
    before: within(OWN_PROCESSES, OWN_FOLDER, WITHOUT_PYTHON),
  },
  'another user': { uid: STRANGER_UID },
  'another user, no python3': { uid: STRANGER_UID, before: within([], WITHOUT_PYTHON) },
} as const;

/** What a client must get: the register that only the device state has, and how pages are read; or words of the refusal. */
type Gets = { readonly pkru: string; readonly memory: string } | { readonly refusal: readonly RegExp[] };

const ALL: Gets = { pkru: 'device-state', memory: 'host-process' };
/** Nothing of the process is shown to that user; what it was handed, or shares, carries the rest. */
const BY_STUB: Gets = { pkru: 'device-state', memory: 'gdb-stub' };

interface Environment {
  readonly title: string;
  readonly options: (scratch: (name: string) => string) => Promise<QemuOptions>;
  readonly gets: Readonly<Partial<Record<keyof typeof CLIENTS, Gets>>>;
}

const SANDBOX = ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'];

/** A QEMU of a user without rights. @param before - words that start it, as that user */
const ofAnotherUser =
  (before: string, extraArgs: readonly string[] = []) =>
  async (scratch: (name: string) => string): Promise<QemuOptions> => ({
    binary: await writeQemuWithin(scratch('qemu'), `${AS_ANOTHER_USER} ${before}`),
    extraArgs,
  });

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
    options: () => Promise.resolve({ extraArgs: SANDBOX }),
    gets: { root: ALL, 'another user': BY_STUB, 'another user, no python3': NOTHING },
  },
  {
    title: 'with its rights dropped (-runas), in a root of its own (-chroot)',
    options: (scratch) => {
      mkdirSync(scratch('jail'));
      return Promise.resolve({ extraArgs: runWith({ user: 'nobody', chroot: scratch('jail') }) });
    },
    gets: {
      root: ALL,
      'root, no python3': { refusal: [/Tried: handed over .*; in \/tmp \(QEMU: .*No such file/] },
      // The kernel shows root alone what was root's once.
      'its own user': BY_STUB,
    },
  },
  {
    title: 'in a container: mounts, processes, network and IPC of its own',
    options: async (scratch) => ({
      binary: await writeQemuWithin(scratch('qemu'), withOwnFolders('--net --ipc --pid --fork --kill-child')),
    }),
    gets: { root: ALL, 'root, no python3': ALL, 'another user': BY_STUB },
  },
  {
    title: 'of a user without rights',
    options: ofAnotherUser(''),
    gets: {
      'its own user': ALL,
      'its own user, no python3': ALL,
      root: ALL,
      'another user': BY_STUB,
      // It is not seen from there, nor is a folder, but the one of its socket.
      'its own user, in a container': BY_STUB,
      'its own user, in a container, no python3': BY_STUB,
    },
  },
  {
    title: 'of a user without rights, in a sandbox',
    options: ofAnotherUser('', SANDBOX),
    gets: { 'its own user': ALL, 'its own user, no python3': ALL },
  },
  {
    title: 'in a user namespace',
    options: ofAnotherUser('unshare --user --map-root-user'),
    gets: { 'its own user': ALL, 'its own user, no python3': ALL, root: ALL, 'another user': BY_STUB },
  },
  {
    title: 'in a container without root: users, mounts, processes, network and IPC of its own',
    options: ofAnotherUser(withOwnFolders('--user --map-root-user --net --ipc --pid --fork --kill-child')),
    gets: { 'its own user': ALL, 'its own user, no python3': ALL, root: ALL, 'another user': BY_STUB },
  },
  {
    title: 'in a user namespace, in a root of its own (-chroot)',
    options: async (scratch) => {
      mkdirSync(scratch('jail-of-user'));
      const rootless = ofAnotherUser('unshare --user --map-root-user', runWith({ chroot: scratch('jail-of-user') }));
      return rootless(scratch);
    },
    gets: {
      'its own user': ALL,
      'its own user, no python3': { refusal: [/Tried: .*in \/tmp \(QEMU: .*No such file/] },
      root: ALL,
    },
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
          const { uid, before = [] }: { readonly uid: number; readonly before?: readonly string[] } =
            CLIENTS[client as keyof typeof CLIENTS];
          const { status, stdout, stderr } = await runAs(uid, ['state', '--json', '--qmp', guest.qmpEndpoint], before);
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
