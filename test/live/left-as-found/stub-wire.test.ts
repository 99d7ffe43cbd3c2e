import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { type Ends, MessageProxy } from '../../../scripts/torture/rig/message-proxy.ts';
import { atByte } from '../../../scripts/torture/wire/breaks.ts';
import { attach } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { eventually } from '../../support/eventually.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';

const READ = {
  linearAddress: kernelPage(KERNELS.long4, 'rw').address,
  access: { write: false, user: false, exec: false },
};
/** Where in what the stub says: the greeting of QEMU up to 8.0, the handshake, the run state, the registers. */
const POSITIONS = [0, 3, 100, 170, 4000];
/** More than any packet or pile of acks that is waited for. */
const GARBAGE_BYTES = 2 << 20;

/** From then on registers tell the watchdog whose pause it is. */
const LATE_MS = 1500;

const BREAKS: Readonly<Record<string, (ends: Ends) => void>> = {
  'is cut': ({ client, server }) => {
    client.destroy();
    server.destroy();
  },
  'is full of acks': ({ client }) => void client.write('+'.repeat(GARBAGE_BYTES)),
  'is full of letters': ({ client }) => void client.write('a'.repeat(GARBAGE_BYTES)),
};

describe('the only wire to a guest, that of its stub', function () {
  this.timeout(120_000);

  let guest: QemuProcess;
  let witness: Witness;
  let directory: string;

  before(async () => {
    guest = await launchKernel('long4');
    witness = await Witness.of(guest);
    directory = mkdtempSync(join(tmpdir(), 'pagewalk-wire-'));
  });

  after(async () => {
    await witness[Symbol.asyncDispose]();
    await guest.stop();
    rmSync(directory, { recursive: true });
  });

  /** A stub whose first connection goes wrong at a byte of what the stub says. */
  async function askOver(position: number, act: (ends: Ends) => Promise<void> | void): Promise<Error> {
    const path = join(directory, 'stub');
    const target = guest.gdbEndpoint.slice('unix:'.length);
    const { before } = atByte({ protocol: 'gdb', direction: 'down' }, position, act);
    await using stub = await MessageProxy.listen({ protocol: 'gdb', path, target, ...(before ? { before } : {}) });
    return await expectRejection(
      (async () => {
        const attached = await attach({ gdb: stub.endpoint, timeoutMs: 4000 });
        try {
          await (await attached.pause()).translate([READ]);
        } finally {
          await attached.detach();
        }
      })(),
    );
  }

  for (const [what, act] of Object.entries(BREAKS)) {
    for (const position of POSITIONS) {
      it(`${what} from byte ${position} on: the question fails, and the guest runs again`, async () => {
        await witness.execute('cont');
        await askOver(position, act);
        expect(await witness.runState()).to.equal('running');
      });
    }
  }

  it('is gone in the pause: the error says that the guest may be paused, and the watchdog resumes it once there is a way', async () => {
    await witness.execute('cont');
    const path = join(directory, 'gone');
    const options = { protocol: 'gdb', path, target: guest.gdbEndpoint.slice('unix:'.length) } as const;
    const { before } = atByte({ protocol: 'gdb', direction: 'down' }, 4000, () => stub[Symbol.asyncDispose]());
    const stub = await MessageProxy.listen({ ...options, ...(before ? { before } : {}) });
    const error = await expectRejection(attach({ gdb: stub.endpoint, timeoutMs: 4000 }));
    expectLeftToWatchdog(error);
    expect(await witness.runState()).to.equal('paused');
    await using again = await MessageProxy.listen(options);
    await eventually('the guest runs', async () => (await witness.runState()) === 'running');
    expect(again.connections).to.be.greaterThan(0);
  });

  it('falls silent in the pause: the same', async () => {
    await witness.execute('cont');
    const path = join(directory, 'silent');
    const target = guest.gdbEndpoint.slice('unix:'.length);
    const silent: { is: boolean } = { is: true };
    await using stub = await MessageProxy.listen({
      protocol: 'gdb',
      path,
      target,
      // Once it has shown itself as a stub.
      before: ({ direction, index }) =>
        silent.is && direction === 'down' && index > 5 ? new Promise(() => {}) : undefined,
    });
    const error = await expectRejection(attach({ gdb: stub.endpoint, timeoutMs: 2000 }));
    expectLeftToWatchdog(error);
    silent.is = false;
    await eventually('the guest runs', async () => (await witness.runState()) === 'running');
  });

  it('falls silent when the guest is told to run, and the watchdog comes late: the guest, which it pauses, runs again', async () => {
    await witness.execute('cont');
    const path = join(directory, 'late');
    const target = guest.gdbEndpoint.slice('unix:'.length);
    let isSilent = false;
    let isSlow = true;
    let hasLeft = false;
    await using stub = await MessageProxy.listen({
      protocol: 'gdb',
      path,
      target,
      before: async ({ direction, connection, bytes }) => {
        if (direction === 'up') isSilent ||= bytes.includes(`qRcmd,${Buffer.from('cont').toString('hex')}`);
        else if (connection === 0 && isSilent) await new Promise(() => {});
        else if (connection > 0 && isSlow) {
          isSlow = false;
          await delay(LATE_MS);
        }
        return undefined;
      },
      onConnection: ({ client }, connection) => {
        if (connection > 0) client.once('close', () => (hasLeft = true));
      },
    });
    const attached = await attach({ gdb: stub.endpoint, timeoutMs: 4000 });
    await attached.pause();
    expect((await expectRejection(attached.detach())).message).to.match(/may have been left paused.*goes on trying/);
    await eventually('the watchdog has come and gone', () => hasLeft);
    await eventually('the guest runs', async () => (await witness.runState()) === 'running');
  });

  it('to the monitor, by a proxy that goes: the same', async () => {
    await witness.execute('cont');
    const path = join(directory, 'monitor');
    const options = { protocol: 'qmp', path, target: guest.qmpEndpoint.slice('unix:'.length) } as const;
    const proxy = await MessageProxy.listen(options);
    const attached = await attach({ qmp: proxy.endpoint, gdb: guest.gdbEndpoint });
    await attached.pause();
    await proxy[Symbol.asyncDispose]();
    const error = await expectRejection(attached.detach());
    expect(error).to.include({ code: 'ERR_GUEST_NOT_RESTORED' });
    expect(error.message).to.contain('The watchdog goes on trying');
    await using again = await MessageProxy.listen(options);
    await eventually('the guest runs', async () => (await witness.runState()) === 'running');
    expect(again.connections).to.be.greaterThan(0);
  });

  it('to the monitor, by a proxy that goes, and there is no watchdog: the error says that nothing goes on trying', async () => {
    await witness.execute('cont');
    const target = guest.qmpEndpoint.slice('unix:'.length);
    const proxy = await MessageProxy.listen({ protocol: 'qmp', path: join(directory, 'unguarded'), target });
    const attached = await attach({ qmp: proxy.endpoint, gdb: guest.gdbEndpoint, watchdog: false });
    await attached.pause();
    await proxy[Symbol.asyncDispose]();
    const { message } = await expectRejection(attached.detach());
    expect(message).to.match(
      /may have been left paused.*Nothing goes on trying.*"info status", and "cont" if it should/,
    );
    expect(await witness.runState()).to.equal('paused');
    await witness.execute('cont');
  });

  it('breaks, and the guest had been paused: it stays paused', async function () {
    // A later QEMU does not tell who paused it: the guest is taken to have run.
    if (!(await witness.isUpTo([8, 0]))) this.skip();
    await witness.execute('stop');
    for (const act of Object.values(BREAKS)) await askOver(4000, act);
    expect(await witness.runState()).to.equal('paused');
  });

  it('breaks, and another client has resumed the guest meanwhile: it runs', async function () {
    if (!(await witness.isUpTo([8, 0]))) this.skip();
    await witness.execute('stop');
    await askOver(4000, async ({ client, server }) => {
      await witness.execute('cont');
      client.destroy();
      server.destroy();
    });
    expect(await witness.runState()).to.equal('running');
  });
});

function expectLeftToWatchdog(error: Error): void {
  expect(error).to.be.instanceOf(AggregateError);
  const [, leaving] = (error as AggregateError).errors;
  expect(leaving).to.include({ code: 'ERR_GUEST_NOT_RESTORED' });
  expect(leaving.message).to.match(/may have been left paused.*The watchdog goes on trying/);
}
