import { expect } from 'chai';
import { isHarmlessType, OLDEST_TRIED } from '../../../../src/guest/device-state/harmless-types.ts';

describe('a type of QEMU’s objects', () => {
  const inOlder = (type: string): boolean => isHarmlessType(type, [7, 2, 0]);

  it('is harmless when a machine with one was saved: the first and the last of each list too', () => {
    const tried = [
      ...['AC97', 'VGA', 'acpi-erst', 'ccid-bus', 'i8042', 'i82550', 'mioe3680_pci', 'xio3130-downstream'],
      ...['hyperv-synic', 'kvmclock', 'container', 'irq', 'memory-region'],
      ...['max-x86_64-cpu', 'qemu32-i386-cpu', 'pc-i440fx-7.2-machine', 'pc-q35-10.0-machine', 'microvm-machine'],
    ];
    expect(tried.filter((type) => inOlder(type))).to.deep.equal(tried);
  });

  it('is not when none was, whatever its name looks like', () => {
    const untried = [
      ...['', ' ', 'vmbus-bridge', 'vfio-pci', 'vhost-vsock-pci', 'tpm-tis', 'AC97 AMDVI-PCI', 'ac97', 'constructor'],
      ...['xenfv-4.2-machine', 'pc-i440fx-7.2', 'pc-q35-', 'x-pc-i440fx-7.2-machine', 'isapc-machine', '-machine'],
      ...['max-x86_64-cpu-x', 'max-arm-cpu', 'x86_64-cpu'],
    ];
    expect(untried.filter((type) => inOlder(type))).to.deep.equal([]);
  });

  it('may be one that only a newer QEMU was tried with', () => {
    const newer = ['acpi-ged', 'i2c-echo', 'igb', 'virtio-multitouch-device', 'virtio-multitouch-pci', 'vmclock'];
    for (const [major, expected] of [
      [7, []],
      [9, []],
      [10, newer],
      [11, newer],
    ] as const) {
      expect(newer.filter((type) => isHarmlessType(type, [major, 2, 0]))).to.deep.equal(expected);
    }
    expect(OLDEST_TRIED).to.deep.equal([7, 2, 0]);
  });
});
