import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { GdbClient, GdbRunControl } from '../../../protocols/gdb/index.ts';
import { connect } from '../../../protocols/transport/index.ts';
import { turnOnProtectionKeys, USER_PAGES } from '../../../scripts/sweep/protected-guest.ts';
import { withPausedGuest } from '../../../src/guest/index.ts';
import { launchQemu, type QemuOptions, type QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { wordsOf } from '../../support/words-of.ts';

const STATE_TIMEOUT_MS = 20_000;
const USER_READ = { write: false, user: true, exec: false };
const KERNEL_PAGE = kernelPage(KERNELS.long4, 'key-1').address;
const FORCED_PAGE = BigInt(USER_PAGES[1]);

interface Made {
  readonly guest: QemuProcess;
  readonly page: bigint;
}

/** A kernel that uses protection keys, and then what brings QEMU into the state. */
function kernelThen(
  bring: (witness: Witness, guest: QemuProcess) => Promise<unknown>,
  options: QemuOptions = {},
): () => Promise<Made> {
  return async () => {
    const guest = await launchKernel('long4', { ...options, memory: '64M' });
    await using witness = await Witness.of(guest);
    await bring(witness, guest);
    return { guest, page: KERNEL_PAGE };
  };
}

/** A guest that has run nothing, or is in its firmware, and has protection keys all the same. */
function forced(options: QemuOptions, until?: (witness: Witness) => Promise<unknown>): () => Promise<Made> {
  return async () => {
    const guest = await launchQemu({ cpu: 'max', accel: 'tcg', memory: '64M', ...options });
    await using witness = await Witness.of(guest);
    await until?.(witness);
    await turnOnProtectionKeys(guest);
    return { guest, page: FORCED_PAGE };
  };
}

const port =
  (number: number, value: number, size: 'b' | 'w' = 'b') =>
  (witness: Witness) =>
    witness.hmp(`o /${size} 0x${number.toString(16)} 0x${value.toString(16)}`);

/** Where SeaBIOS puts PM1_CNT on a pc; sleep types of PIIX4. */
const PM1_CONTROL = 0x604;
const SLEEP_ENABLE = 0x2000;
const SUSPEND_TO_RAM = 1 << 10;

async function stepOnce(guest: QemuProcess): Promise<void> {
  const client = await GdbClient.connect(await connect(guest.gdbEndpoint, { timeoutMs: 5000 }));
  try {
    await (await GdbRunControl.take(client)).step(0, { timeoutMs: 5000 });
  } finally {
    await client.close();
  }
}

async function waitFor(witness: Witness, state: string): Promise<void> {
  const end = Date.now() + STATE_TIMEOUT_MS;
  for (;;) {
    const now = await witness.runState();
    if (now === state) return;
    if (Date.now() > end) throw new Error(`the guest is ${now} and does not come to ${state}`);
    await delay(10);
  }
}

const BAD_DISK = [
  ...[
    '-blockdev',
    'driver=raw,node-name=disk,file.driver=blkdebug,file.image.driver=null-co,file.image.size=1048576,file.inject-error.0.event=read_aio',
  ],
  ...['-device', 'ide-hd,drive=disk,rerror=stop,bootindex=0'],
];

/** How each run state is made, and whether the device state is read in it. */
const STATES: Readonly<Record<string, { readonly make: () => Promise<Made>; readonly isRead: boolean }>> = {
  running: { make: kernelThen(() => Promise.resolve()), isRead: true },
  paused: { make: kernelThen((witness) => witness.execute('stop')), isRead: true },
  debug: { make: kernelThen((_, guest) => stepOnce(guest)), isRead: true },
  shutdown: {
    make: kernelThen(port(PM1_CONTROL, SLEEP_ENABLE, 'w'), { extraArgs: ['-no-shutdown'] }),
    isRead: true,
  },
  'guest-panicked': {
    make: kernelThen(port(0x505, 1), { extraArgs: ['-device', 'pvpanic', '-action', 'panic=pause'] }),
    isRead: true,
  },
  watchdog: {
    make: kernelThen(port(0x443, 0xf), { extraArgs: ['-device', 'ib700', '-action', 'watchdog=pause'] }),
    isRead: true,
  },
  postmigrate: {
    make: kernelThen((witness) => witness.execute('migrate', { uri: 'exec:cat >/dev/null' })),
    isRead: false,
  },
  prelaunch: { make: forced({ paused: true }), isRead: true },
  inmigrate: { make: forced({ extraArgs: ['-incoming', 'defer'] }), isRead: false },
  'io-error': { make: forced({ extraArgs: BAD_DISK }, (witness) => waitFor(witness, 'io-error')), isRead: true },
};

/** Where nothing is read, and why PKRU is then assumed. */
async function lookAt({ guest, page }: Made): Promise<{ readonly from: string; readonly words: string }> {
  return withPausedGuest({ qmp: guest.qmpEndpoint }, async (paused) => {
    const [answer] = await paused.translate([{ linearAddress: page, access: USER_READ }]);
    expect(answer?.translation.steps).to.have.length.above(2);
    const { pkru } = await paused.vcpuState();
    return { from: pkru.from, words: wordsOf(pkru) };
  });
}

describe('the run state', function () {
  this.timeout(60_000);

  for (const [state, { make, isRead }] of Object.entries(STATES)) {
    it(`${state} stays, and the device state is ${isRead ? 'read' : 'left alone'}`, async () => {
      const made = await make();
      await using guest = made.guest;
      await using witness = await Witness.of(guest);
      await waitFor(witness, state);
      const { from, words } = await lookAt(made);
      expect(`${from} ${words}`).to.match(isRead ? /^device-state / : /^assumed saving .* not safe in the run state/);
      expect(await witness.runState()).to.equal(state);
    });
  }

  it('suspended stays, and the device state is read only where a QEMU stops its devices for us', async () => {
    const made = await kernelThen(port(PM1_CONTROL, SLEEP_ENABLE | SUSPEND_TO_RAM, 'w'))();
    await using guest = made.guest;
    await using witness = await Witness.of(guest);
    await waitFor(witness, 'suspended');
    const { from } = await lookAt(made);
    // QEMU 7.2 has no way from there to `paused`.
    expect(from).to.equal((await witness.isUpTo([8, 1])) ? 'assumed' : 'device-state');
    expect(await witness.runState()).to.equal('suspended');
  });

  it('stays when another client begins a migration in the pause, and the device state is left alone', async () => {
    // So much memory that the migration is not at its end before we are.
    await using guest = await launchKernel('long4', { memory: '1G' });
    await using witness = await Witness.of(guest);
    await witness.execute('migrate-set-parameters', { 'max-bandwidth': 4096 });
    const awaitMigration = async (status: string) => {
      for (const end = Date.now() + STATE_TIMEOUT_MS; Date.now() < end; await delay(10)) {
        if (((await witness.execute('query-migrate')) as { status?: string }).status === status) return;
      }
      throw new Error(`the migration does not come to ${status}`);
    };
    const pkru = await withPausedGuest({ qmp: guest.qmpEndpoint }, async (paused) => {
      await witness.execute('migrate', { uri: 'exec:cat >/dev/null' });
      await awaitMigration('active');
      const state = await paused.vcpuState();
      await witness.execute('migrate_cancel');
      await awaitMigration('cancelled');
      return state.pkru;
    });
    expect(`${pkru.from} ${wordsOf(pkru)}`).to.match(/^assumed saving .* while a migration is under way \("active"\)/);
    expect(await witness.runState()).to.equal('running');
  });
});
