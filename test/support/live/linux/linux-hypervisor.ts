import { linuxImages } from '../../../../scripts/guests/linux-images.ts';
import { launchQemu, type QemuProcess } from '../../../../src/testing/index.ts';
import type { Witness } from '../guest/witness.ts';

/** Emulated, beside other tests. */
const BOOT_TIMEOUT_MS = 150_000;
const NESTED_TIMEOUT_MS = 30_000;

/** A page of the machine, as its builder says where it is. */
export interface BuiltPage {
  readonly virtual: bigint;
  readonly guestPhysical: bigint;
  readonly physical: bigint;
  /** Its first eight bytes. */
  readonly mark: bigint;
  /** The hypervisor lets the machine only read it. */
  readonly isReadOnly: boolean;
}

/** A Linux that runs a machine by KVM, and what it says of that machine: the truth that its guest memory is judged against. */
export interface LinuxHypervisor {
  readonly guest: QemuProcess;
  readonly pages: readonly BuiltPage[];
  /** Mapped by the machine's tables, and never touched: the hypervisor has not mapped it yet. */
  readonly untouched: { readonly virtual: bigint; readonly guestPhysical: bigint };
  /** Not mapped by the machine's tables. */
  readonly absent: bigint;
  /** The machine's CR3. */
  readonly root: bigint;
}

/** Boots Debian's cloud kernel as a hypervisor (KVM on SVM, which TCG has). It is stopped by its caller. */
export async function bootHypervisor(): Promise<LinuxHypervisor> {
  const { kernel, initrd } = await linuxImages('6.1-cloud', 'kvm');
  const guest = await launchQemu({
    cpu: 'max,la57=off',
    accel: 'tcg',
    memory: '512M',
    kernel,
    append: 'quiet panic=-1',
    ...{ ready: /^ready$/, failOn: /^failed/, readyTimeoutMs: BOOT_TIMEOUT_MS },
    extraArgs: ['-initrd', initrd, '-no-reboot'],
  });
  return toldBy(guest);
}

function toldBy(guest: QemuProcess): LinuxHypervisor {
  const said = (word: string): (readonly string[])[] =>
    guest.console.lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(' ').slice(1));
  const hex = (text: string | undefined): bigint => BigInt(`0x${text ?? ''}`);
  const [untouched] = said('untouched');
  return {
    guest,
    pages: said('page').map(([virtual, guestPhysical, physical, mark, more]) => ({
      virtual: hex(virtual),
      guestPhysical: hex(guestPhysical),
      physical: hex(physical),
      mark: hex(mark),
      isReadOnly: more === 'readonly',
    })),
    untouched: { virtual: hex(untouched?.[0]), guestPhysical: hex(untouched?.[1]) },
    absent: hex(said('absent')[0]?.[0]),
    root: hex(said('root')[0]?.[0]),
  };
}

/** Pauses the guest at a moment when its machine runs, which is nearly always: no table of Linux is where that of the machine is. */
export async function pauseInMachine({ root }: LinuxHypervisor, witness: Witness): Promise<void> {
  const deadline = performance.now() + NESTED_TIMEOUT_MS;
  while (performance.now() < deadline) {
    await witness.execute('stop');
    const [, cr3 = '0'] = /\bCR3=([0-9a-f]+)/i.exec(await witness.hmp('info registers')) ?? [];
    if (BigInt(`0x${cr3}`) === root) return;
    await witness.execute('cont');
  }
  throw new Error('the machine never ran when the guest was paused');
}
