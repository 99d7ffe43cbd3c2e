import { type LinuxKind, linuxImages } from '../../../../scripts/guests/linux-images.ts';
import { launchQemu, type QemuOptions, type QemuProcess } from '../../../../src/testing/index.ts';

/** Emulated, beside other tests. */
const BOOT_TIMEOUT_MS = 150_000;

/** A page of a process, as the guest's own /proc/PID/pagemap has it. */
export interface ToldPage {
  readonly pid: number;
  readonly address: bigint;
  readonly frame: bigint;
}

/** A page in swap, likewise. */
export interface ToldSwap {
  readonly pid: number;
  readonly address: bigint;
  readonly type: number;
  readonly offset: bigint;
  readonly softDirty: boolean;
  readonly writeProtected: boolean;
}

/** What a Linux says of itself: the truth that guest memory is judged against. */
export interface LinuxGuest {
  readonly guest: QemuProcess;
  readonly release: string;
  /** Lines of /proc/kallsyms, of the kernel and of its modules: how many, and their hash. */
  readonly kallsyms: string;
  readonly modules: string;
  readonly processes: readonly { readonly pid: number; readonly comm: string }[];
  /** Threads beside the first one of a process. */
  readonly threads: readonly { readonly pid: number; readonly tid: number }[];
  readonly pages: readonly ToldPage[];
  /** Pages in areas that allow nothing. */
  readonly hidden: readonly ToldPage[];
  /** Pages in swap. */
  readonly swapped: readonly ToldSwap[];
  /** Present pages that userfaultfd protects from writing. */
  readonly protected: readonly { readonly pid: number; readonly address: bigint }[];
  /** Resident pages by pid. */
  readonly resident: ReadonlyMap<number, number>;
  /** Lines of /proc/PID/maps by pid. */
  readonly areas: ReadonlyMap<number, readonly string[]>;
}

/** Boots a kernel of Debian with the first process that says all this. It is stopped by its caller. */
export async function bootLinux(kind: LinuxKind, append = '', options: QemuOptions = {}): Promise<LinuxGuest> {
  const { kernel, initrd } = await linuxImages(kind);
  const guest = await launchQemu({
    ...{ ready: /^ready$/, readyTimeoutMs: BOOT_TIMEOUT_MS },
    cpu: 'max,la57=off',
    accel: 'tcg',
    memory: '512M',
    kernel,
    append: `quiet panic=-1 ${append}`,
    ...options,
    extraArgs: ['-initrd', initrd, '-no-reboot', ...(options.extraArgs ?? [])],
  });
  return toldBy(guest);
}

function toldBy(guest: QemuProcess): LinuxGuest {
  const said = (word: string): string[][] =>
    guest.console.lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(' ').slice(1));
  const areas = new Map<number, string[]>();
  for (const [pid, ...line] of said('area'))
    areas.set(Number(pid), [...(areas.get(Number(pid)) ?? []), line.join(' ')]);
  return {
    guest,
    release: said('release')[0]?.[0] ?? '',
    kallsyms: said('kallsyms')[0]?.join(' ') ?? '',
    modules: said('modules')[0]?.join(' ') ?? '',
    processes: said('process').map(([pid, comm = '']) => ({ pid: Number(pid), comm })),
    threads: said('thread').map(([pid, tid]) => ({ pid: Number(pid), tid: Number(tid) })),
    pages: said('page').map(toldPage),
    hidden: said('hidden').map(toldPage),
    swapped: said('swapped').map(([pid, address, type, offset, softDirty, writeProtected]) => ({
      pid: Number(pid),
      address: BigInt(`0x${address}`),
      type: Number(type),
      offset: BigInt(`0x${offset}`),
      softDirty: softDirty === '1',
      writeProtected: writeProtected === '1',
    })),
    protected: said('protected').map(([pid, address]) => ({ pid: Number(pid), address: BigInt(`0x${address}`) })),
    resident: new Map(said('memory').map(([pid, pages]) => [Number(pid), Number(pages)])),
    areas,
  };
}

function toldPage([pid, address, frame]: readonly string[]): ToldPage {
  return { pid: Number(pid), address: BigInt(`0x${address}`), frame: BigInt(`0x${frame}`) };
}

/** FNV-1a with 64 bits, as the guest takes it of its lines. */
export function hashLines(lines: readonly string[]): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1')) {
    low = (low ^ byte) >>> 0;
    // By 0x100000001b3, in halves.
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 0x1_0000_0000) + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return `${lines.length} ${high.toString(16).padStart(8, '0')}${low.toString(16).padStart(8, '0')}`;
}
