import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { attach, type Guest, type GuestView } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { eventually } from '../../support/eventually.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { StallingProxy } from '../../support/live/peer/stalling-proxy.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const RW = kernelPage(KERNELS.long4, 'rw').address;
const ACCESS = { write: false, user: false, exec: false };
const READ = { linearAddress: RW, access: ACCESS };
const BITS = { setAccessed: true, setDirty: false, forceSetAccessed: false };

/** Everything that can be asked of a paused guest; `during` is called in the middle of it, where there is a middle. */
const QUESTIONS: Readonly<Record<string, (paused: GuestView, during?: () => void) => Promise<unknown>>> = {
  translate: (paused) => paused.translate([READ]),
  'translate that sets bits': (paused) => paused.translate([{ ...READ, flags: BITS }]),
  vcpuState: (paused) => paused.vcpuState(),
  memoryMap: (paused) => paused.memoryMap(),
  memoryTypes: (paused) => paused.memoryTypes(),
  translateMany: (paused, during) => paused.translateMany(BigUint64Array.of(RW), whenRead(during)),
  keep: (paused, during) => paused.keep(chunks(during), ACCESS),
  snapshot: (paused, during) => paused.snapshot({ ...(during ? { onProgress: during } : {}) }),
};

/** The access is looked at when the vCPU is known and its tables are about to be read. */
function whenRead(during: () => void = () => {}): typeof ACCESS {
  return {
    ...ACCESS,
    get write() {
      during();
      return false;
    },
  };
}

function* chunks(during: () => void = () => {}): Generator<BigUint64Array> {
  yield BigUint64Array.of(RW);
  during();
}

describe('a view of a pause that is over', function () {
  this.timeout(120_000);

  let guest: QemuProcess;
  let witness: Witness;

  beforeEach(async () => {
    guest = await launchKernel('long4', { memory: '64M' });
    witness = await Witness.of(guest);
  });

  afterEach(async () => {
    await witness[Symbol.asyncDispose]();
    await guest.stop();
  });

  for (const [name, ask] of Object.entries(QUESTIONS)) {
    it(`${name}: is refused, and nothing reaches the stub of the running guest`, async () => {
      const attached = await attach({ qmp: guest.qmpEndpoint });
      const [fresh, used] = [await attached.pause(), await attached.pause()];
      await used.translate([READ]);
      await attached.resume();
      expect(await witness.runState()).to.equal('running');
      const { stops } = witness;
      for (const paused of [fresh, used]) {
        const outcome = await ask(paused).then(
          () => 'answered',
          (error: unknown) => error,
        );
        // What was read in the pause may still be told: that is true of its moment, and no byte is sent for it.
        if (outcome !== 'answered') expect(outcome).to.have.property('code', 'ERR_GUEST_NOT_PAUSED');
        else expect([name, paused === used]).to.deep.equal([name, true]);
      }
      expect(await witness.runState()).to.equal('running');
      expect(witness.stops, 'a byte to the stub would have stopped the guest').to.equal(stops);
      await attached.detach();
    });
  }
});

describe('a guest that another client resumes while memory of this host is read', function () {
  this.timeout(120_000);

  const file = useScratchDirectory();
  let guest: QemuProcess;
  let attached: Guest;

  beforeEach(async () => {
    // A monitor without an earlier client.
    const extraArgs = ['-qmp', `unix:${file('elsewhere')},server=on,wait=off`];
    guest = await launchKernel('long4', { memory: '64M', extraArgs });
    attached = await attach({ qmp: guest.qmpEndpoint, maxPauseMs: 120_000 });
  });

  afterEach(async () => {
    await attached.detach();
    await guest.stop();
  });

  /** In the middle of a question this process does nothing else: another one resumes the guest. */
  function resumeFromElsewhere(): void {
    const program = `
      import { createConnection } from 'node:net';
      const socket = createConnection(process.argv[1]);
      let text = '';
      socket.on('data', (bytes) => { text += bytes; if (text.includes('"id": 2')) process.exit(0); });
      socket.write('{"execute":"qmp_capabilities"}{"execute":"cont","id":2}');`;
    execFileSync(process.execPath, ['--input-type=module', '-e', program, file('elsewhere')], { timeout: 50_000 });
  }

  for (const name of ['translateMany', 'keep', 'snapshot'] as const) {
    it(`${name}: the answer is refused as torn`, async () => {
      const paused = await attached.pause();
      expect((await paused.memoryReport()).provider, 'not through the stub').to.equal('host-process');
      await paused.vcpuState();
      let isDone = false;
      const ask = QUESTIONS[name]?.(paused, () => {
        if (!isDone) resumeFromElsewhere();
        isDone = true;
      });
      expect(await expectRejection(ask ?? Promise.resolve())).to.have.property('code', 'ERR_GUEST_RESUMED');
      expect(isDone, 'it was resumed in the middle').to.equal(true);
    });
  }
});

describe('a stub whose connection breaks between pause and resume', function () {
  this.timeout(120_000);

  it('is put back over a new one, and the guest runs', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    await using stub = await StallingProxy.before(guest.gdbEndpoint);
    const attached = await attach({ qmp: guest.qmpEndpoint, gdb: stub.endpoint, hostMemory: false });
    const paused = await attached.pause();
    await paused.translate([READ]);
    stub.drop();
    await eventually('the connection is known to be gone', async () =>
      paused.translate([{ ...READ, linearAddress: 0x40_0000_0000n }]).then(
        () => false,
        () => true,
      ),
    );
    await attached.detach();
    expect(await witness.runState()).to.equal('running');
    await guest.console.waitForNextLine((line) => line.startsWith('tick '));
    await witness.execute('stop');
    expect(await isPhysicalModeOn(guest)).to.equal(false);
  });
});

/** long4 maps nothing at that address: only physical reads succeed. */
async function isPhysicalModeOn(guest: QemuProcess): Promise<boolean> {
  const { GdbClient } = await import('../../../protocols/gdb/index.ts');
  const { connect } = await import('../../../protocols/transport/index.ts');
  const gdb = await GdbClient.connect(await connect(guest.gdbEndpoint, { timeoutMs: 5000 }));
  try {
    return await gdb.readMemory(0x7000_0000n, 8).then(
      () => true,
      () => false,
    );
  } finally {
    await gdb.close();
  }
}
