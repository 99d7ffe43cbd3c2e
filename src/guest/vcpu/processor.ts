import { escapeUnprintable } from '../../../protocols/transport/internal.ts';
import type { QemuVersion } from '../../paging/index.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { assumed, type Sourced, sourced } from './sourced.ts';

/** What CPUID tells the guest, as far as a translation depends on it. @public */
export interface Processor {
  /** What runs the guest: KVM, or QEMU's own translator; null where nothing does. */
  readonly accelerator: Sourced<'kvm' | 'tcg' | null>;
  /** QEMU's own version; a TCG behaves by it. Absent where there is no QEMU, or it is not known. */
  readonly qemuVersion?: QemuVersion;
  /** MAXPHYADDR. */
  readonly maxPhyAddr: Sourced<number>;
  /** Whose manual applies. */
  readonly vendor: Sourced<'intel' | 'amd'>;
  readonly pse36: Sourced<boolean>;
  readonly pdpe1gb: Sourced<boolean>;
}

/** CPUID leaf 0 of processors that follow AMD's manual; every other vendor follows Intel's. */
const AMD_VENDORS = new Set(['AuthenticAMD', 'HygonGenuine']);

/** What is assumed when QEMU does not say: the widest processor that no address would be reserved on. */
const WIDEST_MAXPHYADDR = 52;

/**
 * Reads what never changes of the guest's processors. All vCPUs of a QEMU machine have one model, so one is asked.
 *
 * @internal
 */
export async function readProcessor(monitor: Monitor, qomPath: string | undefined): Promise<Processor> {
  const property = async <T>(
    name: string,
    fallback: T,
    accept: (value: unknown) => T | undefined,
  ): Promise<Sourced<T>> => {
    if (qomPath === undefined) return assumed(fallback, { code: 'no-qom-path' });
    const value = accept(await monitor.qomGet(qomPath, name));
    if (value === undefined)
      return assumed(fallback, { code: 'no-usable-property', path: escapeUnprintable(qomPath), property: name });
    return sourced(value, 'qom', escapeUnprintable(`${qomPath}.${name}`));
  };
  const [accelerator, maxPhyAddr, vendor, pse36, pdpe1gb] = await Promise.all([
    readAccelerator(monitor),
    property('phys-bits', WIDEST_MAXPHYADDR, asPhysBits),
    property('vendor', 'intel', asVendor),
    property('pse36', true, asBoolean),
    property('pdpe1gb', true, asBoolean),
  ]);
  return { accelerator, qemuVersion: await monitor.qemuVersion(), maxPhyAddr, vendor, pse36, pdpe1gb };
}

async function readAccelerator(monitor: Monitor): Promise<Sourced<'kvm' | 'tcg'>> {
  const usesKvm = await monitor.usesKvm();
  if (usesKvm === undefined) return assumed('tcg', { code: 'accelerator-not-told' });
  return sourced(usesKvm ? 'kvm' : 'tcg', 'monitor', 'query-kvm');
}

function asPhysBits(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 32 && value <= WIDEST_MAXPHYADDR ? value : undefined;
}

function asVendor(value: unknown): 'intel' | 'amd' | undefined {
  return typeof value === 'string' ? (AMD_VENDORS.has(value) ? 'amd' : 'intel') : undefined;
}

function asBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}
