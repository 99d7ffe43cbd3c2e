import type { QemuVersion } from '../../paging/index.ts';

/** @internal */
export const OLDEST_TRIED = [7, 2, 0] as const satisfies QemuVersion;

/** The QEMU that has the types of its own list. */
const NEWER_TRIED = 10;

/**
 * Types of QEMU's objects that were in a machine whose device state was saved, with QEMU 7.2 and with 10.0, and QEMU
 * lived on: pc, q35 and microvm. `npm run sweep -- --save-anyway` makes this list. What is not in it is taken for
 * harmful: some devices that end QEMU are not among the obstacles that it names itself, and some cannot be tried here
 * (those behind vhost, VFIO and TPMs, which talk to other programs when they are saved).
 */
const SINCE_7_2 = `
  AC97 AMDVI-PCI CXL ES1370 HDA ICH9-LPC ICH9-SMB IDE ISA IndustryPack PCI PCIE PIIX3 PIIX4_PM SCSI System VGA
  acpi-erst adlib am53c974 apic ati-vga authz-list authz-simple base-xhci bochs-display can-bus ccid-bus
  ccid-card-passthru cfi.pflash01 cirrus-vga cryptodev-backend-builtin cs4231a ctucan_pci cxl-downstream cxl-rp
  cxl-type3 cxl-upstream dc390 e1000 e1000-82544gc e1000-82545em e1000e edu esp filter-buffer filter-dump
  filter-mirror filter-redirector filter-replay filter-rewriter floppy floppy-bus fw_cfg_io gpex-pcihost gpex-root
  gus hda-duplex hda-micro hda-output hpet hyperv-testdev i2c-bus i2c-ddc i440FX i440FX-pcihost i6300esb i8042 i82550
  i82551 i82557a i82557b i82557c i82558a i82558b i82559a i82559b i82559c i82559er i82562 i8257 i82801
  i82801b11-bridge ib700 ich9-ahci ich9-intel-hda ich9-usb-ehci1 ich9-usb-ehci2 ich9-usb-uhci1 ich9-usb-uhci2
  ich9-usb-uhci3 ich9-usb-uhci4 ich9-usb-uhci5 ich9-usb-uhci6 ide-cd ide-hd intel-hda intel-iommu
  intel-iommu-iommu-memory-region ioapic ioh3420 iothread ipmi-bmc-extern ipmi-bmc-sim ipoctal232 isa-applesmc
  isa-cirrus-vga isa-debug-exit isa-debugcon isa-fdc isa-i8259 isa-ide isa-ipmi-bt isa-ipmi-kcs isa-parallel
  isa-pcspk isa-pit isa-serial isa-vga isabus-bridge ivshmem-plain kvaser_pci kvmvapic loader lsi53c810 lsi53c895a
  main-loop mc146818rtc mch megasas megasas-gen2 memory-backend-file memory-backend-memfd memory-backend-ram
  mioe3680_pci mptsas1068 ne2k_isa ne2k_pci nec-usb-xhci nvdimm nvme-bus nvme-subsys pc-dimm pc-testdev pci-bridge
  pci-bridge-seat pci-ipmi-bt pci-ipmi-kcs pci-ohci pci-serial pci-serial-4x pci-testdev pcie-pci-bridge
  pcie-root-port pcm3680_pci pcnet piix3-ide piix3-usb-uhci piix4-ide piix4-usb-uhci port92 ps2-kbd ps2-mouse pvpanic
  pvpanic-pci pvscsi pxb-cxl pxb-cxl-bus pxb-cxl-host pxb-host pxb-pcie pxb-pcie-bus q35-pcihost qemu-xhci qxl
  qxl-vga ramfb rng-builtin rng-egd rng-random rtl8139 sb16 scsi-cd scsi-hd sd-card sdhci-bus sdhci-pci secondary-vga
  secret serial smbus-eeprom smbus-ipmi sysbus-xhci thread-context throttle-group tls-creds-anon tls-creds-psk
  tls-creds-x509 tpci200 tulip usb-bot usb-bus usb-ccid usb-ehci usb-host usb-hub usb-kbd usb-mouse usb-mtp usb-redir
  usb-storage usb-tablet usb-uas vfio-pci-igd-lpc-bridge virtconsole virtio-9p-device virtio-9p-pci
  virtio-9p-pci-non-transitional virtio-9p-pci-transitional virtio-balloon-device virtio-balloon-pci
  virtio-balloon-pci-non-transitional virtio-balloon-pci-transitional virtio-blk-device virtio-blk-pci
  virtio-blk-pci-non-transitional virtio-blk-pci-transitional virtio-crypto-device virtio-crypto-pci
  virtio-gpu-device virtio-gpu-pci virtio-iommu-device virtio-iommu-memory-region virtio-iommu-pci
  virtio-keyboard-device virtio-keyboard-pci virtio-mem virtio-mem-pci virtio-mmio virtio-mmio-bus
  virtio-mouse-device virtio-mouse-pci virtio-net-device virtio-net-pci virtio-net-pci-non-transitional
  virtio-net-pci-transitional virtio-pci-bus virtio-pmem virtio-pmem-pci virtio-rng-device virtio-rng-pci
  virtio-rng-pci-non-transitional virtio-rng-pci-transitional virtio-scsi-device virtio-scsi-pci
  virtio-scsi-pci-non-transitional virtio-scsi-pci-transitional virtio-serial-bus virtio-serial-device
  virtio-serial-pci virtio-serial-pci-non-transitional virtio-serial-pci-transitional virtio-tablet-device
  virtio-tablet-pci virtio-vga virtserialport vmcoreinfo vmgenid vmmouse vmport vmware-svga vmxnet3 x3130-upstream
  xio3130-downstream`;

const SINCE_10_0 = `
  acpi-ged i2c-echo ide-cf igb igbvf iommufd memory-backend-shm uefi-vars-x64 virtio-multitouch-device
  virtio-multitouch-pci vmclock`;

/** Objects of machines under KVM, some with Hyper-V's features, which are saved in each of their migrations. */
const UNDER_KVM = 'hyperv-synic kvm-apic kvm-i8259 kvm-ioapic kvm-pit kvmclock';

/** Objects that hold together what a machine has, and have nothing to save. */
const PARTS = 'container irq memory-region';

/** All models of a processor have the same state. */
const PROCESSORS = ['-x86_64-cpu', '-i386-cpu'];

/** Machines themselves have none, in these families. */
const MACHINES = ['pc-i440fx-', 'pc-q35-', 'microvm-'];

const HARMLESS = new Set([SINCE_7_2, UNDER_KVM, PARTS].flatMap(words));
const HARMLESS_IN_NEWER = new Set(words(SINCE_10_0));

function words(list: string): string[] {
  return list
    .trim()
    .split('\n')
    .flatMap((line) => line.trim().split(' '));
}

/** Whether a machine with an object of this type is known to survive it when its device state is saved. @internal */
export function isHarmlessType(type: string, [major]: QemuVersion): boolean {
  return (
    HARMLESS.has(type) ||
    (major >= NEWER_TRIED && HARMLESS_IN_NEWER.has(type)) ||
    PROCESSORS.some((end) => type.endsWith(end)) ||
    (type.endsWith('-machine') && MACHINES.some((start) => type.startsWith(start)))
  );
}
