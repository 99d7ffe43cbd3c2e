import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lchownSync, linkSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { QemuProcess } from '../../../src/testing/index.ts';
import type { ClientOrders } from '../../support/live/guest/attached-client.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { OTHER_UID, QemuOfAnotherUser } from '../../support/live/peer/other-user.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';
import { untilPasses } from '../../support/until-passes.ts';

const PATH = process.env['PATH'] ?? '';

/** Seen from dist/test/live/peer, where this file runs. */
const CLIENT = fileURLToPath(new URL('../../support/live/guest/attached-client.js', import.meta.url));
const away = (folder: string): string => `${folder}-away`;
const pathOf = (endpoint: string): string => endpoint.replace('unix:', '');

/** Puts something in the place of a socket, as the user whose folder it lies in can. @param victim - another socket */
const REPLACED: Readonly<Record<string, (socket: string, victim: string) => void>> = {
  'a link to it': (socket, victim) => {
    unlinkSync(socket);
    symlinkSync(victim, socket);
    lchownSync(socket, OTHER_UID, OTHER_UID);
  },
  'a second name of it': (socket, victim) => {
    unlinkSync(socket);
    linkSync(victim, socket);
  },
  'a link in the place of its folder': (socket, victim) => {
    const folder = dirname(socket);
    renameSync(folder, away(folder));
    symlinkSync(dirname(victim), folder);
    lchownSync(folder, OTHER_UID, OTHER_UID);
  },
};

/*
 * QEMU says where its stub is, and does listen there; whose user has then put the socket of another guest in that place. We may be root,
 * and could connect: that would pause the other guest.
 */
describe('the socket of a stub whose name has come to lead to another guest’s', function () {
  this.timeout(60_000);

  for (const [title, replace, way, refusal] of Object.entries(REPLACED).flatMap(([what, put]) => [
    [what, put, [], /that is not proven to be its own/] as const,
    [
      `${what}, by a helper`,
      put,
      ['--host', 'env'],
      /it is not proven that process \d+ listens there|Permission denied/,
    ] as const,
  ])) {
    it(`is not connected to: ${title}`, async () => {
      await using another = await QemuOfAnotherUser.make();
      await using named = await launchKernel('long4', { binary: another.binary });
      await using victim = await launchKernel('long4');
      await using own = await Witness.of(named);
      await using other = await Witness.of(victim);
      const qmp = `${dirname(named.directory)}/kept-${process.pid}`;
      linkSync(pathOf(named.qmpEndpoint), qmp);
      try {
        replace(pathOf(named.gdbEndpoint), pathOf(victim.gdbEndpoint));
        const { status, stderr, stdout } = await runPagewalk(['state', '--qmp', `unix:${qmp}`, ...way], { PATH });
        expect(await other.runState()).to.equal('running');
        expect(other.stops, 'of the guest whose socket it is').to.equal(0);
        expect({ status, stdout }, stderr).to.deep.equal({ status: 3, stdout: '' });
        expect(stderr).to.match(refusal);
        expect(await own.runState()).to.equal('running');
        // A helper is asked to connect when the guest is paused already.
        expect(own.stops).to.equal(way.length === 0 ? 0 : 1);
      } finally {
        unlinkSync(qmp);
        rmSync(away(named.directory), { recursive: true, force: true });
      }
    });
  }

  it('is not taken for a monitor either, where a guest is named by its process', async () => {
    await using another = await QemuOfAnotherUser.make();
    await using victim = await launchKernel('long4');
    for (const way of [[], ['--host', 'env']]) {
      await using named = await launchKernel('long4', { binary: another.binary, gdb: false });
      await using other = await Witness.of(victim);
      const { pid } = named;
      // A stub takes the connection, which pauses its guest.
      for (const endpoint of [named.qmpEndpoint, named.witnessEndpoint])
        REPLACED['a link to it']?.(pathOf(endpoint), pathOf(victim.gdbEndpoint));
      const { status, stdout, stderr } = await runPagewalk(['state', '--guest', String(pid), ...way], { PATH });
      expect([await other.runState(), other.stops], stderr).to.deep.equal(['running', 0]);
      expect({ status, stdout }, stderr).to.deep.equal({ status: 3, stdout: '' });
      expect(stderr).to.contain(`QEMU ${pid} has no monitor that is reached from here`);
    }
  });

  for (const [what, endpointOf] of [
    ['the stub', ({ gdbEndpoint }: QemuProcess) => gdbEndpoint],
    ['the monitor', ({ qmpEndpoint }: QemuProcess) => qmpEndpoint],
  ] as const) {
    it(`is not connected to by the watchdog of a client that was killed, where it was put in the place of ${what} in the pause`, async () => {
      await using another = await QemuOfAnotherUser.make();
      await using named = await launchKernel('long4', { binary: another.binary });
      await using victim = await launchKernel('long4');
      await using own = await Witness.of(named);
      await using other = await Witness.of(victim);
      const orders: ClientOrders = { qmp: named.qmpEndpoint, until: 'paused' };
      const client = spawn(process.execPath, [CLIENT, JSON.stringify(orders)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(client.stdout, 'data');
      expect(await own.runState()).to.equal('paused');
      REPLACED['a link to it']?.(pathOf(endpointOf(named)), pathOf(victim.gdbEndpoint));
      client.kill('SIGKILL');
      await once(client, 'exit');
      await untilPasses(async () => expect(await own.runState()).to.equal('running'), 20_000);
      // What it cannot put back it tries again.
      await setTimeout(3000);
      expect([await other.runState(), other.stops]).to.deep.equal(['running', 0]);
      expect(await own.runState()).to.equal('running');
    });
  }
});
