import { expect } from 'chai';
import { attach, type GuestTranslation, type GuestView, withPausedGuest } from '../../../src/guest/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { LateProxy } from '../../support/live/peer/late-proxy.ts';
import { wordsOf } from '../../support/words-of.ts';

const KEY_1 = kernelPage(KERNELS.long4, 'key-1').address;
const USER_READ = { write: false, user: true, exec: false };
const DISK = ['-drive', 'if=none,id=disk,driver=null-co,size=1M,read-zeroes=on'];
const CHARDEV = ['-chardev', 'null,id=tty'];

/** Devices that end QEMU when its device state is saved, with the words of the reason that tell which. */
const UNSAFE: readonly { readonly device: string; readonly given?: readonly string[]; readonly why: RegExp }[] = [
  {
    device: 'nvme,serial=x,drive=disk',
    given: DISK,
    why: /would end QEMU, as device "0000:.*nvme" cannot be migrated/,
  },
  { device: 'rocker', why: /would end QEMU, as device "0000:.*rocker" cannot/ },
  { device: 'usb-serial,chardev=tty', given: ['-usb', ...CHARDEV], why: /device ".*usb-serial" cannot/ },
  // QEMU names none of these two as an obstacle to a migration.
  { device: 'pci-serial-2x,chardev1=tty', given: CHARDEV, why: /type "pci-serial-2x" are not known/ },
  { device: 'vmbus-bridge', why: /type .*"vmbus-bridge".* are not known/ },
];

async function ask(paused: GuestView): Promise<GuestTranslation | undefined> {
  const [answer] = await paused.translate([{ linearAddress: KEY_1, access: USER_READ }]);
  return answer;
}

describe('a guest with a device that QEMU cannot save', function () {
  this.timeout(60_000);

  for (const { device, given = [], why } of UNSAFE) {
    it(`comes to no harm: ${device}`, async () => {
      await using guest = await launchKernel('long4', { extraArgs: [...given, '-device', device] });
      await using witness = await Witness.of(guest);
      const { state, answer, types } = await withPausedGuest({ qmp: guest.qmpEndpoint }, async (paused) => ({
        answer: await ask(paused),
        state: await paused.vcpuState(),
        types: await paused.memoryTypes(),
      }));
      expect(answer?.translation.kind).to.equal('mapped');
      expect(answer?.assumed.map(({ name, decides }) => `${name} ${decides}`)).to.include('pkru true');
      for (const each of [state.pkru, state.pkrs, types]) {
        expect(each.from).to.equal('assumed');
        expect(wordsOf(each)).to.match(why);
      }
      expect(await witness.runState()).to.equal('running');
    });
  }

  it('comes to no harm by the word of another guest’s stub, which was given by mistake', async () => {
    const [device = ''] = UNSAFE.slice(-1).map((each) => each.device);
    // Of a stub that is no socket nothing shows whom it serves.
    const stub = ['-chardev', 'pty,id=stub', '-gdb', 'chardev:stub'];
    await using guest = await launchKernel('long4', { gdb: false, extraArgs: ['-device', device, ...stub] });
    await using witness = await Witness.of(guest);
    await using other = await launchKernel('long4');
    await using otherWitness = await Witness.of(other);
    await using way = await LateProxy.before(other.gdbEndpoint);
    const endpoints = { qmp: guest.qmpEndpoint, gdb: way.endpoint };
    const types = await withPausedGuest(endpoints, (paused) => paused.memoryTypes());
    expect(wordsOf(types)).to.match(/type .*"vmbus-bridge".* are not known/);
    for (const each of [witness, otherWitness]) expect(await each.runState()).to.equal('running');
  });

  it('comes to no harm when the device is added after we attached', async () => {
    await using guest = await launchKernel('long4', { extraArgs: ['-device', 'qemu-xhci'] });
    await using witness = await Witness.of(guest);
    const attached = await attach({ qmp: guest.qmpEndpoint });
    const pkru = () => attached.whilePaused(async (paused) => (await paused.vcpuState()).pkru);
    const addDevice = () => witness.execute('device_add', { driver: 'usb-wacom-tablet', id: 'late' });
    const before = await pkru();
    await addDevice();
    const after = await pkru();
    await witness.execute('device_del', { id: 'late' });
    const gone = await pkru();
    const inPause = await attached.whilePaused(async (paused) => {
      await addDevice();
      return (await paused.vcpuState()).pkru;
    });
    await attached.detach();
    expect(before.from).to.equal('device-state');
    for (const each of [after, inPause]) {
      expect(each.from).to.equal('assumed');
      expect(wordsOf(each)).to.match(/usb-wacom/);
    }
    expect(gone).to.deep.equal(before);
    expect(await witness.runState()).to.equal('running');
  });
});
