import { expect } from 'chai';
import { type GuestTranslation, withPausedGuest } from '../../../src/guest/index.ts';
import type { Access } from '../../../src/paging/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import type { KernelEntry, KernelManifest, KernelOutcome, KernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel, probeKvmWith } from '../../support/live/guest/kernel-guest.ts';

const READ: Access = { write: false, user: false, exec: false };
const ACCESSES: readonly Access[] = [
  READ,
  { ...READ, write: true },
  { ...READ, exec: true },
  { ...READ, user: true },
  { ...READ, user: true, write: true },
  { ...READ, user: true, exec: true },
];

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** PKRU and PKRS of the kernel, two bits a key: what the key of a page takes from an access (CR0.WP=1). */
function keyAllows(kernel: KernelManifest, page: Extract<KernelOutcome, { kind: 'mapped' }>, access: Access): boolean {
  const register = page.user ? kernel.registers.pkru : kernel.registers.pkrs;
  const rights = Number((register ?? 0n) >> BigInt(2 * page.protectionKey)) & 3;
  if (access.exec) return true;
  return (rights & 1) === 0 && !(access.write && (rights & 2) !== 0);
}

function allows(kernel: KernelManifest, page: Extract<KernelOutcome, { kind: 'mapped' }>, access: Access): boolean {
  if (access.user && !page.user) return false;
  if (access.write && !page.writable) return false;
  if (access.exec && !page.executable) return false;
  return keyAllows(kernel, page, access);
}

/** What the manifest makes of one access, in a line. */
function expectedLine(kernel: KernelManifest, { outcome }: KernelPage, access: Access): string {
  switch (outcome.kind) {
    case 'mapped':
      return allows(kernel, outcome, access)
        ? `mapped ${hex(outcome.physicalAddress)} ${outcome.sizeBytes} ${outcome.memory}`
        : 'fault privilege-violation';
    case 'not-present':
      return `fault not-present at level ${outcome.level}`;
    case 'reserved':
      return `fault reserved-bits at level ${outcome.level}`;
    case 'table-outside-ram':
      return `fault unbacked-table at ${hex(outcome.address)}`;
  }
}

function actualLine({ translation, region }: GuestTranslation): string {
  if (translation.kind === 'mapped') {
    return `mapped ${hex(translation.physicalAddress)} ${translation.pageSizeBytes} ${region?.kind}`;
  }
  const { cause, responsible } = translation;
  if (cause === 'privilege-violation') return 'fault privilege-violation';
  return cause === 'unbacked-table'
    ? `fault ${cause} at ${hex(responsible?.address ?? 0n)}`
    : `fault ${cause} at level ${responsible?.level}`;
}

function describeAccess({ write, user, exec }: Access): string {
  return `${user ? 'user' : 'supervisor'} ${exec ? 'fetch' : write ? 'write' : 'read'}`;
}

/** A page table in ROM is walked like any other; in the manifest it is told apart because it cannot be written. */
const isWalkable = ({ outcome }: KernelPage): boolean =>
  !(outcome.kind === 'table-outside-ram' && outcome.memory === 'rom');

/**
 * One entry of a walk in a line. TCG sets bit 5 of a PAE PDPTE that the guest goes through, though a PDPTE has no accessed
 * bit: whether it has done so by now is not what is tested here.
 */
function entryLine(kernel: KernelManifest, { level, address, value }: Omit<KernelEntry, 'table' | 'index'>): string {
  const stable = kernel.mode === 'pae' && level === 3 ? value & ~0x20n : value;
  return `${level} ${hex(address)} ${hex(stable)}`;
}

async function expectManifest(kernel: KernelManifest, guest: QemuProcess, vendor: 'intel' | 'amd'): Promise<void> {
  const pages = kernel.pages.filter((page) => isWalkable(page) && (page.only === undefined || page.only === vendor));
  const cases = pages.flatMap((page) => ACCESSES.map((access) => ({ page, access })));
  const answers = await withPausedGuest({ qmp: guest.qmpEndpoint }, (paused) =>
    paused.translate(cases.map(({ page, access }) => ({ linearAddress: page.address, access }))),
  );
  const label = ({ page, access }: (typeof cases)[number]): string => `${page.name}, ${describeAccess(access)}: `;
  const actual = answers.map((answer, at) => label(cases[at] as (typeof cases)[number]) + actualLine(answer));
  const expected = cases.map((item) => label(item) + expectedLine(kernel, item.page, item.access));
  const wrong = actual.flatMap((line, at) => (line === expected[at] ? [] : [`${line}, not ${expected[at]}`]));
  expect(wrong).to.deep.equal([]);
  expect(actual).to.have.length(cases.length);
  answers.forEach((answer, at) => {
    const path = cases[at]?.page.path.map((entry) => entryLine(kernel, entry));
    const steps = answer.translation.steps.map((step) => entryLine(kernel, step));
    expect(steps, cases[at]?.page.name).to.deep.equal(path);
    expect(answer.assumed, cases[at]?.page.name).to.deep.equal([]);
  });
}

describe('every page of every test kernel, every kind of access', function () {
  this.timeout(60_000);

  for (const kernel of Object.values(KERNELS)) {
    it(`${kernel.name}: as the manifest states`, async () => {
      await using guest = await launchKernel(kernel.name, { cpu: 'max' });
      await expectManifest(kernel, guest, 'amd');
    });

    it(`${kernel.name}, with an Intel processor`, async () => {
      await using guest = await launchKernel(kernel.name, { cpu: 'max,vendor=GenuineIntel' });
      await expectManifest(kernel, guest, 'intel');
    });
  }

  it('long4 under KVM, where this machine has a KVM that runs it', async function () {
    const probe = await probeKvmWith('long4');
    if (!probe.works) return this.skip();
    await using guest = await launchKernel('long4', { accel: 'kvm', cpu: 'qemu64' });
    await withPausedGuest({ qmp: guest.qmpEndpoint }, async (paused) => {
      const page = KERNELS.long4.pages.find(({ name }) => name === 'rw');
      const [answer] = await paused.translate([{ linearAddress: page?.address ?? 0n, access: READ }]);
      expect(answer && actualLine(answer)).to.equal(page && expectedLine(KERNELS.long4, page, READ));
    });
  });
});
