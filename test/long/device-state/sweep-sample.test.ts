import { expect } from 'chai';
import { askGuest } from '../../../scripts/sweep/trials.ts';
import { tryDevice } from '../../../scripts/sweep/try-device.ts';
import { defaultQemuBinary } from '../../../src/testing/index.ts';

const binary = defaultQemuBinary();

/** The bus decides how a device is made that has no recipe of its own. */
function device(name: string): { readonly name: string; readonly bus: string } {
  return { name, bus: name.startsWith('usb-') ? 'usb-bus' : '' };
}

/** Some of those that end a QEMU when its device state is saved; `npm run sweep` tries all that there are. */
const DANGEROUS: Readonly<Record<string, readonly string[]>> = {
  pc: ['nvme', 'usb-net', 'virtio-sound-pci', 'ufs'],
  q35: ['amd-iommu', 'usb-audio', 'pci-serial-2x'],
};
/** QEMU 7.2 does not have them. */
const NEW = ['virtio-sound-pci', 'ufs'];

const COMMON: Readonly<Record<string, readonly string[]>> = {
  pc: ['virtio-blk-pci', 'virtio-9p-pci'],
  q35: ['virtio-net-pci', 'intel-iommu'],
};

describe('a guest that is asked everything, with protection keys in use', function () {
  this.timeout(60_000);

  for (const machine of ['pc', 'q35']) {
    for (const name of DANGEROUS[machine] ?? []) {
      it(`comes to no harm: ${name} on ${machine}`, async () => {
        const { kind, note } = await tryDevice(device(name), { binary, machine }, askGuest);
        if (NEW.includes(name) && note.includes('is not a valid device model name')) return;
        expect(`${kind}: ${note}`).to.match(/^fine: PKRU was assumed: saving QEMU's device state (may|would) end QEMU/);
      });
    }
    for (const name of COMMON[machine] ?? []) {
      it(`tells its protection keys: ${name} on ${machine}`, async () => {
        expect(await tryDevice(device(name), { binary, machine }, askGuest)).to.deep.equal({
          kind: 'fine',
          note: 'PKRU was read',
        });
      });
    }
  }
});
