import { assumed, notInUse, type Sourced, sourced, type VcpuState, vcpuStateOf } from '../../guest/internal.ts';
import { CR0_PG, CR4_PAE, EFER_LMA, EFER_NXE, type EntrySource } from '../../paging/index.ts';
import type { DumpedFeatures, DumpedVcpu, Told } from './dumped-vcpu.ts';
import { reach } from './evidence.ts';

/** Long mode enable: set before LMA can be. */
const EFER_LME = 1n << 8n;
const LONG_MODE = EFER_LME | EFER_LMA;
/** Process-context identifiers, which can be switched on in long mode alone (SDM vol. 3A, 2.5). */
const CR4_PCIDE = 1n << 17n;
/** Accessed, which is reserved in a PDPTE of PAE paging: of all machines TCG alone sets it there. */
const PDPTE_ACCESSED = 1n << 5n;
const PRESENT = 1n;
const PDPTE_BYTES = 8;

/** Widths of physical addresses that processors have. */
const WIDTHS = [32, 36, 39, 40, 42, 46, 48];
const WIDEST = 52;

/** What a vCPU's state is derived from. @internal */
export interface DumpFacts {
  readonly memory: EntrySource;
  /** The last byte of guest memory: a processor can address all of it. */
  readonly lastAddress: number;
}

/**
 * The state of a vCPU of a dump: what its notes or a file of registers say, what follows from that and from the tables, and what is
 * assumed. QEMU's notes have no EFER, no CPUID and no keys.
 *
 * @internal
 */
export function dumpedVcpuState(vcpu: DumpedVcpu, { memory, lastAddress }: DumpFacts): VcpuState {
  const { cpu, from, where, cr0, cr3, cr4, rflags, cs, ss, cpl, a20, position, keys } = vcpu;
  const plain = vcpuStateOf(
    { registers: { cr0, cr3, cr4, rflags, cpl, efer: 0n, ...(a20 === null ? {} : { a20 }) }, cs, ss },
    { cpu, from, where },
  );
  const efer = eferOf(vcpu, memory);
  const read = <T>(value: T, name: string): Sourced<T> => sourced(value, from, `${where}, ${name}`);
  return {
    ...plain,
    efer,
    ...(a20 === null ? { a20: a20Of(vcpu, efer.value, memory) } : {}),
    ...featuresOf(vcpu, lastAddress),
    ...pdptesOf(vcpu, efer.value, memory),
    ...(keys.pkru === undefined ? {} : { pkru: toldValue(keys.pkru, from, where, 'pkru') }),
    ...(keys.pkrs === undefined ? {} : { pkrs: toldValue(keys.pkrs, from, where, 'pkrs') }),
    nested: nestedOf(vcpu, efer.value, memory),
    ...(position === null
      ? {}
      : {
          position: {
            rip: read(position.rip, 'rip'),
            csBase: read(position.csBase, 'cs.base'),
            ...(position.rsp === null ? {} : { rsp: read(position.rsp, 'rsp') }),
            cr2: read(position.cr2, 'cr2'),
          },
        }),
  };
}

function toldValue<T>(
  { value, assumed: text }: Told<T>,
  from: DumpedVcpu['from'],
  where: string,
  name: string,
): Sourced<T> {
  return text === undefined ? sourced(value, from, `${where}, ${name}`) : assumed(value, { code: 'as-saved', text });
}

function eferOf(vcpu: DumpedVcpu, memory: EntrySource): Sourced<bigint> {
  const { cr0, cr4, efer, from, where } = vcpu;
  if (efer !== null) return toldValue(efer, from, where, 'efer');
  if ((cr0 & CR0_PG) === 0n || (cr4 & CR4_PAE) === 0n) return notInUse(0n, { code: 'efer-decides-nothing' });
  const longMode = longModeOf(vcpu, memory);
  const base = longMode.value ? LONG_MODE : 0n;
  const disabling = executeDisabled(vcpu, base, memory);
  const value = base | EFER_NXE;
  if (longMode.because !== null && disabling !== null) {
    return sourced(value, 'dump', `LMA: ${longMode.because}; NXE: ${disabling}; its other bits are not in the dump`);
  }
  const otherModes = longMode.because === null ? [value ^ LONG_MODE] : [];
  const otherNxe = disabling === null ? [value ^ EFER_NXE] : [];
  const names = [...(otherModes.length > 0 ? ['EFER.LMA'] : []), ...(otherNxe.length > 0 ? ['EFER.NXE'] : [])];
  return assumed(value, { code: 'not-in-dump', what: names.join(' and ') }, [...otherModes, ...otherNxe]);
}

/** @returns why it is known; null where it is not */
function longModeOf(
  vcpu: DumpedVcpu,
  memory: EntrySource,
): { readonly value: boolean; readonly because: string | null } {
  const { isCode64, cr0, cr3, cr4, longMode } = vcpu;
  if (longMode !== null) return longMode;
  if ((cr4 & CR4_PCIDE) !== 0n) return { value: true, because: 'CR4.PCIDE=1' };
  if (isCode64 === true) return { value: true, because: 'CS.L=1' };
  const { position } = vcpu;
  if (position === null) return { value: true, because: null };
  // CS.L is 0 in compatibility mode too. The tables are read in another way in each: the code is mapped in one.
  const isMapped = (efer: bigint): boolean =>
    reach({ cr0, cr3, cr4 }, efer | EFER_NXE, memory, position.csBase + position.rip).isMapped;
  const [asLong, asPae] = [isMapped(LONG_MODE), isMapped(0n)];
  return asLong === asPae
    ? { value: true, because: null }
    : { value: asLong, because: `the code at CS:RIP is mapped by ${asLong ? '4-level' : 'PAE'} tables` };
}

/**
 * A table of the processor's own that is reached through an entry with XD: with NXE=0 that bit is reserved, and the next interrupt
 * would have been the last.
 */
function executeDisabled(vcpu: DumpedVcpu, base: bigint, memory: EntrySource): string | null {
  const { cr0, cr3, cr4 } = vcpu;
  for (const [name, address] of vcpu.descriptorTables) {
    const { disabledBy } = reach({ cr0, cr3, cr4 }, base | EFER_NXE, memory, address);
    if (disabledBy !== null) return `XD is set on the way to the ${name}`;
  }
  return null;
}

/** TCG reads PDPTEs from memory each time; registers, which other machines load with CR3, are in no dump. */
function pdptesOf(
  { cr0, cr3, cr4 }: DumpedVcpu,
  efer: bigint,
  memory: EntrySource,
): Partial<Pick<VcpuState, 'pdptes' | 'accelerator'>> {
  if ((cr0 & CR0_PG) === 0n || (cr4 & CR4_PAE) === 0n || (efer & EFER_LMA) !== 0n) return {};
  const table = cr3 & 0xffff_ffe0n;
  const entries = [0, 1, 2, 3].map((at) => memory.readEntry(table + BigInt(at * PDPTE_BYTES), PDPTE_BYTES) ?? 0n);
  const mark = PDPTE_ACCESSED | PRESENT;
  if (entries.some((entry) => (entry & mark) === mark)) {
    return { accelerator: sourced('tcg', 'dump', 'the A bit of a PDPTE, which TCG alone sets') };
  }
  return { pdptes: assumed(null, { code: 'not-in-dump', what: 'PDPTE registers' }) };
}

/** A gate that is closed takes bit 20 from every address, and so leads a walk elsewhere. */
function a20Of(vcpu: DumpedVcpu, efer: bigint, memory: EntrySource): VcpuState['a20'] {
  const { position, cr0 } = vcpu;
  if (position !== null && (cr0 & CR0_PG) !== 0n) {
    const { cr3, cr4 } = vcpu;
    const code = position.csBase + position.rip;
    const isMapped = (a20: boolean): boolean => reach({ cr0, cr3, cr4, a20 }, efer, memory, code).isMapped;
    if (isMapped(true) && !isMapped(false)) {
      return sourced(true, 'dump', 'the code at CS:RIP is not mapped with the A20 gate closed');
    }
  }
  return assumed(true, { code: 'not-in-dump', what: 'the A20 gate' });
}

/** A nested guest's (L2) tables lie in that guest's memory: read in this one, they lead nowhere. */
function nestedOf(vcpu: DumpedVcpu, efer: bigint, memory: EntrySource): VcpuState['nested'] {
  const { position, cr0, cr3, cr4, mayRunNested, from, where } = vcpu;
  if (!mayRunNested) return sourced(null, from, `${where}, nested`);
  if (position !== null && (cr0 & CR0_PG) !== 0n) {
    const { isMapped } = reach({ cr0, cr3, cr4 }, efer, memory, position.csBase + position.rip);
    if (isMapped) return notInUse(null, { code: 'own-code-mapped' });
  }
  return assumed(null, { code: 'not-in-dump', what: 'whether a nested guest (L2) runs' });
}

function featuresOf({ features, from, where }: DumpedVcpu, lastAddress: number): Pick<VcpuState, keyof DumpedFeatures> {
  const tell = <K extends keyof DumpedFeatures>(
    name: K,
    fallback: DumpedFeatures[K],
    what: string,
    others?: readonly DumpedFeatures[K][],
  ): Sourced<DumpedFeatures[K]> => {
    const told = features[name];
    if (told !== undefined) return toldValue<DumpedFeatures[K]>(told, from, where, name);
    return assumed(fallback, { code: 'not-in-dump', what }, others);
  };
  // A number of 52 bits.
  const leastWidth = Math.ceil(Math.log2(lastAddress + 1));
  return {
    maxPhyAddr: tell(
      'maxPhyAddr',
      WIDEST,
      'MAXPHYADDR',
      WIDTHS.filter((width) => width >= leastWidth),
    ),
    vendor: tell('vendor', 'intel', 'the vendor'),
    pse36: tell('pse36', true, 'CPUID.PSE-36'),
    pdpe1gb: tell('pdpe1gb', true, 'CPUID.Page1GB'),
  };
}
