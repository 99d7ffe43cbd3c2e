import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import split2 from 'split2';
import { GdbClient } from '../../../protocols/gdb/index.ts';
import { connect } from '../../../protocols/transport/index.ts';
import { type Assumption, type AttachOptions, attach, withPausedGuest } from '../../../src/guest/index.ts';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { GREETING } from '../../support/fakes/fake-qmp-server.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const READ = { write: false, user: false, exec: false };
const RW = kernelPage(KERNELS.long4, 'rw');

/** One question, however the guest is reached: the answer must be right before anything else counts. Gives what was assumed of the run state. */
async function ask(options: AttachOptions): Promise<readonly Assumption[]> {
  return withPausedGuest(options, async (paused, guest) => {
    const [answer] = await paused.translate([{ linearAddress: RW.address, access: READ }]);
    expect(answer?.translation.kind).to.equal('mapped');
    return guest.assumed;
  });
}

const waysIn: Readonly<Record<string, (guest: QemuProcess) => AttachOptions>> = {
  'QMP alone': (guest) => ({ qmp: guest.qmpEndpoint }),
  'QMP and the stub': (guest) => ({ qmp: guest.qmpEndpoint, gdb: guest.gdbEndpoint }),
  'the stub alone': (guest) => ({ gdb: guest.gdbEndpoint }),
};

/** The mode that a debugger after us finds the stub in. The guest must be paused. */
async function physicalModeLeftOn(guest: QemuProcess): Promise<boolean> {
  const connection = await connect(guest.gdbEndpoint, { timeoutMs: 2000 });
  const gdb = await GdbClient.connect(connection);
  try {
    // The long4 guest maps its first 16 MiB to itself, but nothing at 0x7000_0000: only physical reads succeed there.
    await gdb.readMemory(0x7000_0000n, 8);
    return true;
  } catch {
    return false;
  } finally {
    await gdb.close();
  }
}

describe('attaching to a guest and leaving it', function () {
  this.timeout(60_000);
  const scratch = useScratchDirectory();

  for (const [way, options] of Object.entries(waysIn)) {
    it(`${way}: a running guest runs on, ticking, and the stub is free and in virtual mode`, async () => {
      await using guest = await launchKernel('long4');
      await using witness = await Witness.of(guest);
      await ask(options(guest));
      expect(await witness.runState()).to.equal('running');
      await guest.console.waitForNextLine((line) => line.startsWith('tick '));
      await guest.console.waitForNextLine((line) => line.startsWith('tick '));
      expect((await witness.chardevs()).find((line) => line.startsWith('gdb '))).to.match(/^gdb disconnected:/);
      await witness.execute('stop');
      expect(await physicalModeLeftOn(guest)).to.equal(false);
    });

    it(`${way}: a paused guest stays paused, or is said to have been taken for a running one`, async () => {
      await using guest = await launchKernel('long4');
      await using witness = await Witness.of(guest);
      await witness.execute('stop');
      const ticks = guest.console.lines.length;
      const assumed = await ask(options(guest));
      if (way === 'the stub alone' && !(await witness.isUpTo([8, 0]))) {
        expect(assumed.map(({ name, decides }) => ({ name, decides }))).to.deep.equal([
          { name: 'runState', decides: false },
        ]);
        expect(assumed[0]?.cause.code).to.equal('stub-tells-no-run-state');
        return;
      }
      expect(assumed).to.deep.equal([]);
      expect(await witness.runState()).to.equal('paused');
      expect(guest.console.lines.length).to.equal(ticks);
    });

    it(`${way}: when the question fails, the guest runs on all the same`, async () => {
      await using guest = await launchKernel('long4');
      await using witness = await Witness.of(guest);
      const error = await expectRejection(
        withPausedGuest(options(guest), () => Promise.reject(new Error('the caller stopped'))),
      );
      expect(error.message).to.equal('the caller stopped');
      expect(await witness.runState()).to.equal('running');
    });
  }

  it('a guest that waits to be started (-S) stays so', async () => {
    await using guest = await launchPrelaunch();
    await using witness = await Witness.of(guest);
    for (const options of Object.values(waysIn)) {
      const mode = await withPausedGuest(options(guest), async (paused) => (await paused.vcpuState()).cr0.value);
      expect(mode & 0x8000_0000n).to.equal(0n);
      expect(await witness.runState()).to.equal('prelaunch');
    }
  });

  it('starts a stub where there is none, and takes it away again; twice', async () => {
    await using guest = await launchKernel('long4', { gdb: false });
    await using witness = await Witness.of(guest);
    for (const round of [1, 2]) {
      await ask({ qmp: guest.qmpEndpoint });
      expect(await witness.runState(), `round ${round}`).to.equal('running');
      expect((await witness.chardevs()).filter((line) => line.startsWith('gdb '))).to.deep.equal([]);
    }
  });

  it('reports a busy stub at once, and queues nothing behind it', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const other = await GdbClient.connect(await connect(guest.gdbEndpoint, { timeoutMs: 2000 }));
    await witness.execute('cont');
    for (const options of [{ qmp: guest.qmpEndpoint }, { qmp: guest.qmpEndpoint, gdb: guest.gdbEndpoint }]) {
      const error = await expectRejection(ask(options));
      expect(error).to.have.property('code', 'ERR_GUEST_STUB_BUSY');
      expect(error.message).to.contain('another debugger');
      expect(await witness.runState()).to.equal('running');
    }
    await other.close();
    // A connection that had been queued would be accepted now, and pause the guest.
    await guest.console.waitForNextLine((line) => line.startsWith('tick '));
    expect(await witness.runState()).to.equal('running');
  });

  it('can stay attached, pausing only for each question', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    for (const options of Object.values(waysIn)) {
      const attached = await attach(options(guest));
      for (let round = 0; round < 3; round += 1) {
        const [answer] = await attached.whilePaused((paused) =>
          paused.translate([{ linearAddress: RW.address, access: READ }]),
        );
        expect(answer?.translation.kind).to.equal('mapped');
        expect(await witness.runState()).to.equal('running');
        await guest.console.waitForNextLine((line) => line.startsWith('tick '));
      }
      await attached.detach();
      expect(await witness.runState()).to.equal('running');
    }
  });

  it('names the range when there is no such vCPU', async () => {
    await using guest = await launchKernel('long4', { smp: 2 });
    await using witness = await Witness.of(guest);
    const error = await expectRejection(withPausedGuest({ qmp: guest.qmpEndpoint }, (paused) => paused.vcpuState(2)));
    expect(error).to.have.property('code', 'ERR_GUEST_CPU');
    expect(error.message).to.equal('there is no vCPU 2: this guest has vCPUs 0 to 1');
    expect(await witness.runState()).to.equal('running');
  });

  it('notices a guest that another client resumed in the middle, and leaves it running', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const error = await expectRejection(
      withPausedGuest({ qmp: guest.qmpEndpoint, timeoutMs: 1000 }, async (paused) => {
        await paused.vcpuState();
        await witness.execute('cont');
        await paused.translate([{ linearAddress: RW.address, access: READ }]);
      }),
    );
    expect(error.message).to.match(/resumed/);
    expect(await witness.runState()).to.equal('running');
    await witness.execute('stop');
    expect(await physicalModeLeftOn(guest)).to.equal(false);
  });

  it('leaves a guest running that it had found paused, where another client resumed it in the middle', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    await witness.execute('stop');
    const attached = await attach({ qmp: guest.qmpEndpoint });
    const paused = await attached.pause();
    await paused.translate([{ linearAddress: RW.address, access: READ }]);
    await witness.execute('cont');
    await attached.detach();
    expect(await witness.runState()).to.equal('running');
    await witness.execute('stop');
    expect(await physicalModeLeftOn(guest)).to.equal(false);
  });

  it('touches nothing of a machine that is not x86', async () => {
    const asked: string[] = [];
    const server = createServer((client) => {
      client.write(`${GREETING}\n`);
      client.pipe(split2()).on('data', (line: string) => {
        const { execute, id } = JSON.parse(line);
        asked.push(execute);
        const answer =
          execute === 'query-target'
            ? { return: { arch: 'aarch64' } }
            : execute === 'qmp_capabilities'
              ? { return: {} }
              : { error: { class: 'GenericError', desc: 'not here' } };
        // What is asked beside it is answered first: nothing waits for the architecture by chance.
        setTimeout(() => client.write(`${JSON.stringify({ ...answer, id })}\n`), execute === 'query-target' ? 200 : 0);
      });
      client.on('error', () => {});
    }).listen(scratch('arm'));
    await once(server, 'listening');
    try {
      const error = await expectRejection(attach({ qmp: `unix:${scratch('arm')}` }));
      expect(error).to.include({ code: 'ERR_GUEST_ARCHITECTURE', architecture: 'aarch64' });
    } finally {
      server.close();
    }
    expect(asked).to.include('query-target');
    expect(asked.filter((each) => /stop|cont|migrate|add|remove|system/.test(each))).to.deep.equal([]);
  });

  it('ends promptly with a clear error when QEMU dies in the middle', async () => {
    await using guest = await launchKernel('long4');
    const error = await expectRejection(
      withPausedGuest({ qmp: guest.qmpEndpoint }, async (paused) => {
        await paused.vcpuState();
        process.kill(guest.pid, 'SIGKILL');
        await guest.exited;
        await paused.translate([{ linearAddress: RW.address, access: READ }]);
      }),
    );
    expect(error.message).to.match(/closed|ended|exited|gone/i);
  });
});

function launchPrelaunch(): Promise<QemuProcess> {
  return launchQemu({ paused: true, cpu: 'max' });
}
