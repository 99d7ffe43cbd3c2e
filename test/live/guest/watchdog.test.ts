import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import split2 from 'split2';
import { GdbClient } from '../../../protocols/gdb/index.ts';
import { connect } from '../../../protocols/transport/index.ts';
import { restoreGuest } from '../../../src/guest/restore/restore-guest.ts';
import type { RestorePlan } from '../../../src/guest/restore/restore-plan.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { eventually } from '../../support/eventually.ts';
import type { ClientOrders } from '../../support/live/guest/attached-client.ts';
import { isRunning } from '../../support/live/guest/is-running.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';

/** Seen from dist/test/live/guest, where this file runs. */
const CLIENT = fileURLToPath(new URL('../../support/live/guest/attached-client.js', import.meta.url));
/** What the watchdog needs at most, on a machine that is not overloaded. */
const WATCHDOG_MS = 1500;

/** Starts a client, and returns when it has come as far as it was ordered. */
async function startClient(orders: ClientOrders, environment: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CLIENT, JSON.stringify(orders)], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const [line] = await Promise.race([
    once(child.stdout.pipe(split2()), 'data'),
    once(child, 'exit').then(([status]) => [`ended with status ${status}`]),
  ]);
  expect(line).to.equal(orders.until);
  return child;
}

/** As the OOM killer does it: no handler runs. */
async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** The guest must be paused. long4 maps nothing at that address: only physical reads succeed. */
async function isPhysicalModeOn(endpoint: string): Promise<boolean> {
  const gdb = await GdbClient.connect(await connect(endpoint, { timeoutMs: 5000 }));
  try {
    await gdb.readMemory(0x7000_0000n, 8);
    return true;
  } catch {
    return false;
  } finally {
    await gdb.close();
  }
}

const WAYS: Readonly<Record<string, (guest: QemuProcess) => Pick<ClientOrders, 'qmp' | 'gdb'>>> = {
  'QMP alone': (guest) => ({ qmp: guest.qmpEndpoint }),
  'QMP and the stub': (guest) => ({ qmp: guest.qmpEndpoint, gdb: guest.gdbEndpoint }),
  'the stub alone': (guest) => ({ gdb: guest.gdbEndpoint }),
};

/** The watchdog is the only child of a client. */
function watchdogOf(client: ChildProcess): number {
  const children = readFileSync(`/proc/${client.pid}/task/${client.pid}/children`, 'latin1');
  expect(children).to.match(/^\d+ $/);
  return Number(children);
}

describe('a client that is killed outright', function () {
  this.timeout(120_000);

  for (const [way, endpoints] of Object.entries(WAYS)) {
    it(`${way}: between pause and resume: the guest runs on, and the stub is as it was`, async () => {
      await using guest = await launchKernel('long4');
      await using witness = await Witness.of(guest);
      const client = await startClient({ ...endpoints(guest), until: 'paused' });
      expect(await witness.runState()).to.equal('paused');
      await kill(client);
      await eventually('the guest runs', async () => (await witness.runState()) === 'running');
      await guest.console.waitForNextLine((line) => line.startsWith('tick '));
      await eventually('the stub is free', async () =>
        (await witness.chardevs()).some((line) => line.startsWith('gdb disconnected:')),
      );
      expect(await witness.runState()).to.equal('running');
      await witness.execute('stop');
      expect(await isPhysicalModeOn(guest.gdbEndpoint)).to.equal(false);
    });

    it(`${way}: a guest that was paused before stays paused`, async () => {
      await using guest = await launchKernel('long4');
      await using witness = await Witness.of(guest);
      await witness.execute('stop');
      const client = await startClient({ ...endpoints(guest), until: 'paused' });
      const watchdog = watchdogOf(client);
      await kill(client);
      await eventually('the watchdog has done what it does', () => !isRunning(watchdog));
      // A stub of QEMU 8.1 and later does not tell whether the guest ran before: it is taken to have run, and that is said.
      const isTold = way !== 'the stub alone' || (await witness.isUpTo([8, 0]));
      // Before the stub is looked at: that would pause a guest that runs.
      expect(await witness.runState()).to.equal(isTold ? 'paused' : 'running');
      await witness.execute('stop');
      await eventually('physical mode is off', async () => !(await isPhysicalModeOn(guest.gdbEndpoint)), {
        betweenMs: WATCHDOG_MS,
      });
      expect(await witness.runState()).to.equal('paused');
    });
  }

  it('a stub that it had started is gone, with its directory', async () => {
    await using guest = await launchKernel('long4', { gdb: false });
    await using witness = await Witness.of(guest);
    const temporary = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    try {
      const client = await startClient({ qmp: guest.qmpEndpoint, until: 'paused' }, { TMPDIR: temporary });
      expect(await readdir(temporary)).to.have.length(1);
      await kill(client);
      await eventually('the guest runs', async () => (await witness.runState()) === 'running');
      await eventually('there is no stub', async () =>
        (await witness.chardevs()).every((line) => !line.startsWith('gdb ')),
      );
      await eventually('the directory is gone', async () => (await readdir(temporary)).length === 0);
    } finally {
      await rm(temporary, { recursive: true });
    }
  });

  it('where no shell can wait for that, as it has no sleep: the guest runs on all the same', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const client = await startClient({ qmp: guest.qmpEndpoint, until: 'paused' }, { PATH: '/nowhere' });
    expect(readFileSync(`/proc/${watchdogOf(client)}/comm`, 'utf8')).to.equal('node\n');
    await kill(client);
    await eventually('the guest runs', async () => (await witness.runState()) === 'running');
  });

  it('with its whole process group: the watchdog is in one of its own', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const client = await startClient({ qmp: guest.qmpEndpoint, until: 'paused' });
    process.kill(-Number(client.pid), 'SIGKILL');
    await once(client, 'exit');
    await eventually('the guest runs', async () => (await witness.runState()) === 'running');
  });

  it('while another debugger waits for the stub: it gets the stub, and keeps it; the guest runs', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const client = await startClient({ qmp: guest.qmpEndpoint, until: 'paused' });
    const watchdog = watchdogOf(client);
    const waiting = await connect(guest.gdbEndpoint, { timeoutMs: 5000 });
    try {
      await kill(client);
      await eventually('the watchdog has done what it does', () => !isRunning(watchdog));
      expect(await witness.runState()).to.equal('running');
      await witness.execute('stop');
      const gdb = await GdbClient.connect(waiting);
      expect(await gdb.monitor('info status'), 'the connection still is the one that waited').to.contain('paused');
    } finally {
      await waiting.close();
    }
  });

  it('while another client holds the monitor: the guest is resumed through the idle stub', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const client = await startClient({ qmp: guest.qmpEndpoint, until: 'paused' });
    const other = await connect(guest.qmpEndpoint, { timeoutMs: 5000 });
    try {
      await kill(client);
      await eventually('the guest runs', async () => (await witness.runState()) === 'running');
    } finally {
      await other.close();
    }
  });

  it('while another client holds the monitor, and there is no other stub: the guest runs once it lets go', async () => {
    await using guest = await launchKernel('long4', { gdb: false });
    await using witness = await Witness.of(guest);
    const client = await startClient({ qmp: guest.qmpEndpoint, until: 'paused' });
    const watchdog = watchdogOf(client);
    const other = await connect(guest.qmpEndpoint, { timeoutMs: 5000 });
    await kill(client);
    // The stub that it had started is idle, and does as well; what is left needs the monitor.
    await eventually('the guest runs', async () => (await witness.runState()) === 'running');
    expect(isRunning(watchdog)).to.equal(true);
    await other.close();
    await eventually('there is no stub', async () =>
      (await witness.chardevs()).every((line) => !line.startsWith('gdb ')),
    );
    await eventually('the watchdog has ended', () => !isRunning(watchdog));
  });

  it('together with QEMU: the watchdog soon sees that nothing is left to put back', async () => {
    await using guest = await launchKernel('long4', { gdb: false });
    const client = await startClient({ qmp: guest.qmpEndpoint, until: 'paused' });
    const watchdog = watchdogOf(client);
    await guest.stop();
    await kill(client);
    await eventually('the watchdog has ended', () => !isRunning(watchdog));
  });

  it('before it has paused anything: nothing happens to the guest', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    await kill(await startClient({ qmp: guest.qmpEndpoint, until: 'attached' }));
    await guest.console.waitForNextLine((line) => line.startsWith('tick '));
    expect(await witness.runState()).to.equal('running');
  });

  it('after it has resumed the guest: a pause that came later is another client’s', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const client = await startClient({ qmp: guest.qmpEndpoint, until: 'resumed' });
    expect(await witness.runState()).to.equal('running');
    await witness.execute('stop');
    await kill(client);
    await delay(WATCHDOG_MS);
    expect(await witness.runState()).to.equal('paused');
  });

  it('without a watchdog the guest stays paused: it is the watchdog that resumes it', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const folder = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    try {
      const orders = { qmp: guest.qmpEndpoint, watchdog: false, until: 'paused' } as const;
      await kill(await startClient(orders, { TMPDIR: folder }));
      await delay(WATCHDOG_MS);
      expect(await witness.runState()).to.equal('paused');
      // Without a journal neither is what they shared put away by the next client.
      expect(await readdir(folder)).to.have.length(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('what a watchdog makes of a plan', function () {
  this.timeout(60_000);
  let guest: QemuProcess;
  let witness: Witness;

  before(async () => {
    guest = await launchKernel('long4');
    witness = await Witness.of(guest);
  });

  after(async () => {
    await witness[Symbol.asyncDispose]();
    await guest.stop();
  });

  /** Plans by what they say; of a guest that is paused. */
  const plans: readonly (readonly [string, (monitor: string) => RestorePlan, 'running' | 'paused'])[] = [
    ['a guest that ran and has no stub yet is resumed', (qmp) => ({ qmp, resume: true }), 'running'],
    ['a guest that was paused stays so', (qmp) => ({ qmp, resume: false }), 'paused'],
    ['a guest of which nothing is said is left alone', (qmp) => ({ qmp }), 'paused'],
    [
      'a guest whose journal is gone has been put back',
      (qmp) => ({ qmp, resume: true, journal: '/nowhere/journal' }),
      'paused',
    ],
    [
      'a guest of other registers is another client’s',
      (qmp) => ({ qmp, resume: true, registers: { '0': 'others' } }),
      'paused',
    ],
  ];
  for (const [what, planOf, state] of plans) {
    it(what, async () => {
      await witness.execute('stop');
      const { stops } = witness;
      await restoreGuest(planOf(guest.qmpEndpoint));
      expect(await witness.runState()).to.equal(state);
      expect(witness.stops).to.equal(stops);
    });
  }
});
