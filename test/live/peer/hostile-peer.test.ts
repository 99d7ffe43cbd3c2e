import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, copyFile, mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import type { HostileRelayOptions } from '../../support/live/peer/hostile-relay.ts';
import { OTHER_UID, QemuOfAnotherUser } from '../../support/live/peer/other-user.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

/** Seen from dist/test/live/peer, where this file runs. */
const support = (name: string): string => fileURLToPath(new URL(`../../support/live/peer/${name}`, import.meta.url));

/** Where a guest says that its memory is: what another one may repeat. */
async function hostAddressesOf(guest: QemuProcess): Promise<Record<string, string>> {
  await using witness = await Witness.of(guest);
  const answers: Record<string, string> = {};
  const mtree = await witness.hmp('info mtree -f');
  for (const [, digits = ''] of mtree.matchAll(/^ {2}([0-9a-f]{16})-[0-9a-f]{16} \(prio -?\d+, (?:ram|rom|romd)\)/gm)) {
    const command = `gpa2hva 0x${BigInt(`0x${digits}`).toString(16)}`;
    answers[command] = await witness.hmp(command);
  }
  return answers;
}

async function startRelay(program: string, options: HostileRelayOptions): Promise<ChildProcess> {
  const as = ['--reuid', String(OTHER_UID), '--regid', String(OTHER_UID), '--clear-groups'];
  const relay = spawn('setpriv', [...as, program, support('hostile-relay.js'), JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (relay.stdout) await once(relay.stdout, 'data');
  return relay;
}

describe('a peer that names what is not its own', function () {
  this.timeout(120_000);
  const scratch = useScratchDirectory();
  const page = kernelPage(KERNELS.long4, 'rw');

  before(async () => {
    // A relay may call itself what it likes.
    await copyFile(process.execPath, scratch('qemu-system-x86_64'));
    await writeFile(scratch('canary'), Buffer.alloc(64 * 1024 * 1024, 'only root may read this'), { mode: 0o600 });
  });

  for (const [title, program, reason] of [
    ['a relay', () => process.execPath, /not through the QEMU process's memory: (?:no QEMU|.* is held by node)/],
    // Then it is a process whose memory may be looked into; and there is nothing of a guest in it.
    [
      'a relay that is named as a QEMU',
      () => scratch('qemu-system-x86_64'),
      /is not where QEMU says it is in its memory/,
    ],
  ] as const) {
    it(`${title}: no file, no process and no memory that it names is opened, and the answers are right`, async () => {
      await using another = await QemuOfAnotherUser.make();
      await using guest = await launchKernel('long4', { binary: another.binary, memory: '64M' });
      await using victim = await launchKernel('long4', { memory: '64M' });
      const directory = scratch(title.replaceAll(' ', '-'));
      await mkdir(directory);
      await chown(directory, OTHER_UID, OTHER_UID);
      // The scratch directory is root's alone otherwise.
      const canary = scratch('canary');
      const before = new Date('2001-01-01');
      await utimes(canary, before, new Date());
      const relay = await startRelay(program(), {
        qmp: `${guest.directory}/relay-qmp`,
        gdb: `${guest.directory}/relay-gdb`,
        realQmp: guest.qmpEndpoint.replace('unix:', ''),
        realGdb: guest.gdbEndpoint.replace('unix:', ''),
        memPath: canary,
        threadId: victim.pid,
        monitor: await hostAddressesOf(victim),
      });
      try {
        const log = scratch(`opened-${relay.pid}`);
        await writeFile(log, '');
        const environment = { NODE_OPTIONS: `--import ${support('record-opened.js')}`, PAGEWALK_OPENED: log };
        const endpoint = ['--qmp', `unix:${guest.directory}/relay-qmp`];
        const map = await runPagewalk(['map', ...endpoint], environment);
        expect(map.status, map.stderr).to.equal(0);
        expect(map.stdout).to.contain(page.address.toString(16));
        const state = await runPagewalk(['state', ...endpoint], environment);
        expect(state.stdout).to.contain('bulk reads: the GDB stub').and.to.match(reason);
        const live = await runPagewalk(['map', '--live', ...endpoint], environment);
        expect(live.status, live.stdout).to.equal(3);
        const opened = (await readFile(log, 'utf8')).split('\n');
        expect(opened.join(' '), 'the record is kept').to.match(/\/proc\/\w+\/net\/unix /);
        expect(opened.filter((path) => path === canary)).to.deep.equal([]);
        const ofVictim = new RegExp(`^/proc/${victim.pid}/(?!stat$|status$|exe$|fd$)`);
        expect(opened.filter((path) => ofVictim.test(path))).to.deep.equal([]);
        expect((await stat(canary)).atime, 'not read by anyone').to.deep.equal(before);
      } finally {
        relay.kill();
        await rm(directory, { recursive: true });
      }
    });
  }
});
