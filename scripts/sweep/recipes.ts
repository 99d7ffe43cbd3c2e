import type { DeviceType } from './list-devices.ts';

/** How a device can be made. `@DIR@` is a directory of the guest's own. */
export interface Recipe {
  /** What comes before the device: drives, chardevs, buses, … */
  readonly first?: readonly string[];
  /** The properties of the device itself. */
  readonly properties?: string;
  /** A program that must listen on `@DIR@/backend` before QEMU starts. */
  readonly backend?: readonly string[];
}

const DRIVE = ['-drive', 'if=none,id=drive0,driver=null-co,read-zeroes=on,size=64M'];
const NETWORK = ['-netdev', 'user,id=net0'];
const CHARDEV = ['-chardev', 'null,id=char0'];
const MEMORY = ['-object', 'memory-backend-ram,id=mem0,size=64M'];
const SHARED = ['-object', 'memory-backend-memfd,id=mem0,size=64M,share=on'];
const AUDIO = ['-audiodev', 'none,id=audio0'];
const CAN = ['-object', 'can-bus,id=can0'];
const BMC = ['-device', 'ipmi-bmc-sim,id=bmc0'];
const FOLDER = ['-fsdev', 'local,id=fs0,path=@DIR@,security_model=none'];
const SERIAL_BUS = ['-device', 'virtio-serial-pci'];
const SCSI_BUS = ['-device', 'virtio-scsi-pci'];
const SOUND_BUS = ['-device', 'intel-hda', ...AUDIO];
const CARD_BUS = ['-device', 'qemu-xhci', '-device', 'usb-ccid'];
const USB_BUS = ['-device', 'qemu-xhci'];
const ROOT_PORT = ['-device', 'pcie-root-port,id=port0,chassis=1'];
const SWITCH = [...ROOT_PORT, '-device', 'x3130-upstream,bus=port0,id=up0'];
const VMBUS = ['-device', 'vmbus-bridge'];
const SHARED_RAM = ['-object', 'memory-backend-memfd,id=ram0,size=128M,share=on', '-machine', 'memory-backend=ram0'];
const BACKEND = [...SHARED_RAM, '-chardev', 'socket,id=char0,path=@DIR@/backend'];
const CXL_BUS = ['-machine', 'cxl=on', '-device', 'pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl0'];
const CXL_PORT = [...CXL_BUS, '-device', 'cxl-rp,bus=cxl0,id=port0,port=0,chassis=0,slot=2'];
const CXL_SWITCH = [...CXL_PORT, '-device', 'cxl-upstream,bus=port0,id=up0'];
const CXL_MEMORY = ['mem0', 'mem1'].flatMap((id) => ['-object', `memory-backend-memfd,id=${id},size=256M,share=on`]);

const BLOCK_BACKEND = [
  ...['qemu-storage-daemon', '--blockdev', 'driver=null-co,node-name=disk0,size=1048576,read-zeroes=on', '--export'],
  'type=vhost-user-blk,id=export0,addr.type=unix,addr.path=@DIR@/backend,node-name=disk0,writable=on',
];
const FILE_BACKEND = ['/usr/lib/qemu/virtiofsd', '--socket-path=@DIR@/backend', '-o', 'source=@DIR@,sandbox=chroot'];

/** The same recipe for all forms of a device. */
function forms(name: string, recipe: Recipe): [string, readonly Recipe[]][] {
  return ['', '-transitional', '-non-transitional'].map((end) => [`${name}${end}`, [recipe]]);
}

function each(names: string, recipe: Recipe): [string, readonly Recipe[]][] {
  return names.split(' ').map((name) => [name, [recipe]]);
}

/** Devices that need more than their bus has in common. */
const RECIPES = new Map<string, readonly Recipe[]>([
  ...each('nvme', { first: DRIVE, properties: 'drive=drive0,serial=x' }),
  ...each('nvme-ns', { first: [...DRIVE, '-device', 'nvme,serial=x'], properties: 'drive=drive0' }),
  ...each('ufs', { properties: 'serial=x' }),
  ...each('ufs-lu', {
    first: [...DRIVE, '-device', 'ufs,id=ufs0,serial=x'],
    properties: 'drive=drive0,bus=ufs0,lun=0',
  }),
  ...each('nvdimm', { first: [...SHARED, '-machine', 'nvdimm=on'], properties: 'memdev=mem0' }),
  ...each('ivshmem-plain acpi-erst', { first: SHARED, properties: 'memdev=mem0' }),
  ...each('virtio-crypto-pci', {
    first: ['-object', 'cryptodev-backend-builtin,id=crypto0'],
    properties: 'cryptodev=crypto0',
  }),
  ...forms('virtio-9p-pci', { first: FOLDER, properties: 'fsdev=fs0,mount_tag=t' }),
  ...forms('vhost-user-blk-pci', { first: BACKEND, properties: 'chardev=char0', backend: BLOCK_BACKEND }),
  ...each('vhost-user-fs-pci', { first: BACKEND, properties: 'chardev=char0,tag=t', backend: FILE_BACKEND }),
  ...each('usb-mtp', { first: USB_BUS, properties: 'rootdir=@DIR@' }),
  ...each('usb-audio', { first: [...USB_BUS, ...AUDIO], properties: 'audiodev=audio0' }),
  ...each('hda-micro hda-duplex hda-output', { first: SOUND_BUS, properties: 'audiodev=audio0' }),
  ...each('AC97 ES1370 adlib cs4231a gus sb16 virtio-sound-pci', { first: AUDIO, properties: 'audiodev=audio0' }),
  ...each('virtconsole virtserialport', { first: [...SERIAL_BUS, ...CHARDEV], properties: 'chardev=char0' }),
  ...each('scsi-hd scsi-cd', { first: [...SCSI_BUS, ...DRIVE], properties: 'drive=drive0' }),
  ...each('sd-card', { first: ['-device', 'sdhci-pci', ...DRIVE], properties: 'drive=drive0' }),
  ...each('floppy', { first: ['-device', 'isa-fdc'] }),
  ...each('ccid-card-passthru', { first: [...CARD_BUS, ...CHARDEV], properties: 'chardev=char0' }),
  ...each('ccid-card-emulated', { first: CARD_BUS }),
  ...each('ipoctal232', { first: ['-device', 'tpci200'] }),
  ...each('smbus-ipmi isa-ipmi-bt isa-ipmi-kcs pci-ipmi-bt pci-ipmi-kcs', { first: BMC, properties: 'bmc=bmc0' }),
  ...each('loader', { properties: 'addr=0x10000,data=1,data-len=4' }),
  ...each('kvaser_pci', { first: CAN, properties: 'canbus=can0' }),
  ...each('ctucan_pci mioe3680_pci pcm3680_pci', { first: CAN, properties: 'canbus0=can0,canbus1=can0' }),
  ...each('pci-serial-2x', {
    first: [...CHARDEV, '-chardev', 'null,id=char1'],
    properties: 'chardev1=char0,chardev2=char1',
  }),
  ...each('pci-serial-4x', { first: CHARDEV, properties: 'chardev1=char0' }),
  ...each('isa-applesmc', { properties: `osk=${'x'.repeat(64)}` }),
  ...each('pci-bridge pci-bridge-seat', { properties: 'chassis_nr=1' }),
  ...each('pxb', { properties: 'bus_nr=8' }),
  ...each('pxb-pcie', { properties: 'bus_nr=8,bus=pcie.0' }),
  ...each('x3130-upstream', { first: ROOT_PORT, properties: 'bus=port0' }),
  ...each('xio3130-downstream', { first: SWITCH, properties: 'bus=up0,chassis=3' }),
  ...each('vfio-pci-igd-lpc-bridge', { properties: 'addr=1f.0' }),
  ...each('vmmouse', { first: ['-machine', 'vmport=on'] }),
  ...each('hv-syndbg hv-balloon', { first: VMBUS }),
  ...each('pxb-cxl', { first: ['-machine', 'cxl=on'], properties: 'bus_nr=12,bus=pcie.0' }),
  ...each('cxl-rp', { first: CXL_BUS, properties: 'bus=cxl0,port=0,chassis=0,slot=2' }),
  ...each('cxl-upstream', { first: CXL_PORT, properties: 'bus=port0' }),
  ...each('cxl-downstream', { first: CXL_SWITCH, properties: 'bus=up0,port=0,chassis=0,slot=4' }),
  ...each('cxl-type3', {
    first: [...CXL_PORT, ...CXL_MEMORY],
    properties: 'bus=port0,persistent-memdev=mem0,lsa=mem1',
  }),
]);

/** What is tried, in this order, of a device that has no recipe of its own. */
const SIMPLE: readonly Recipe[] = [
  {},
  { first: DRIVE, properties: 'drive=drive0' },
  { first: CHARDEV, properties: 'chardev=char0' },
  { first: NETWORK, properties: 'netdev=net0' },
  { first: MEMORY, properties: 'memdev=mem0' },
];

/** The bus that a device is given where its machine has none. */
const BUSES = new Map([
  ['usb-bus', USB_BUS],
  ['SCSI', SCSI_BUS],
]);

/** Those that are not tried, each with why: they need what a machine for tests does not have. */
const UNTRIED: readonly (readonly [names: RegExp, why: string])[] = [
  [/-(x86_64|i386)-cpu$/, 'a vCPU: all models save the same state'],
  [
    /^virtio-.*-device$|^virtio-(mem|pmem)$|^vhost-.*-device$|^vhost-user-(gpu|input|rng|snd)$/,
    'pc and q35 have no virtio-bus; its -pci form',
  ],
  [/^vhost-(scsi|user-blk|user-scsi)$/, 'pc and q35 have no virtio-bus; its -pci form'],
  [/^vfio-(?!pci-igd)/, 'needs a device of the host'],
  [/^vhost-(scsi|vsock|vdpa)/, 'needs vhost in the host’s kernel'],
  [/^vhost-user-(?!blk-pci|fs-pci)/, 'needs a vhost-user backend that is not installed'],
  [/^xen-/, 'needs Xen, or KVM that plays it'],
  [/^tpm-/, 'needs a TPM, or a program that plays one'],
  [/^scsi-(block|generic)$|^(u2f-passthru|virtio-input-host-pci)$/, 'needs a device of the host'],
  [/^ivshmem-doorbell$/, 'needs an ivshmem server'],
  [/^(virtio-gpu-gl-pci|virtio-vga-gl|virtio-gpu-gl-device)$/, 'needs a display with OpenGL'],
  [
    /^(x-pci-proxy-dev|cxl-switch-mailbox-cci|guest-loader|pvrdma|sd-card-spi|uefi-vars-sysbus)$/,
    'needs another device or program of its kind',
  ],
];

/** Why a device is not tried; undefined where it is. */
export function whyUntried({ name }: DeviceType): string | undefined {
  return UNTRIED.find(([names]) => names.test(name))?.[1];
}

/** The ways to make a device, the likeliest first. */
export function recipesOf({ name, bus }: DeviceType): readonly Recipe[] {
  const own = RECIPES.get(name);
  if (own !== undefined) return own;
  const plain = BUSES.get(bus) ?? [];
  return SIMPLE.map((recipe) => ({ ...recipe, first: [...plain, ...(recipe.first ?? [])] }));
}
