import { formatCause } from '../causes/format-cause.ts';
import type { Style } from '../style.ts';
import { formatHex } from '../words/format-hex.ts';
import type { ReportedAssumption } from './reported-assumption.ts';

/** Values of registers are written in hexadecimal. */
const REGISTERS: readonly string[] = ['cr0', 'cr4', 'efer', 'pkru', 'pkrs', 'rflags'];

const NAMES: Readonly<Record<string, string>> = {
  cr0: 'CR0',
  cr4: 'CR4',
  efer: 'EFER',
  pkru: 'PKRU',
  pkrs: 'PKRS',
  pdptes: 'PDPTE registers',
  nested: 'second stage',
  hypervisorSmep: "the hypervisor's CR4.SMEP",
  rflags: 'RFLAGS',
  cpl: 'CPL',
  a20: 'A20',
  maxPhyAddr: 'MAXPHYADDR',
  pse36: 'PSE-36',
  pdpe1gb: '1 GB pages',
  moment: 'live',
  runState: 'run state',
  vtl: 'registers of the VTL',
  memoryTypes: 'PAT and MTRRs',
  hypervisorMemoryTypes: "the hypervisor's PAT and CR0.CD",
};

/** Where what was taken is no value. */
const TAKEN: Readonly<Record<string, string>> = {
  pdptes: 'those in memory',
  nested: 'none',
  vtl: "the vCPU's own",
  memoryTypes: 'PAT as at reset, no MTRRs',
  hypervisorMemoryTypes: 'PAT as at reset, CR0.CD=0',
};

/** `PKRU`, `second stage`: what was assumed, by the name that people know it by. @internal */
export function assumptionName({ name }: ReportedAssumption): string {
  return NAMES[name] ?? name;
}

/** What was taken in place of the value, as text. @internal */
export function assumedValue({ name, value }: ReportedAssumption): string | null {
  if (value === null) return null;
  return REGISTERS.includes(name) && typeof value === 'number' ? formatHex(value) : String(value);
}

/** What was assumed and why: `PKRU=0x0 (the GDB stub does not show it)`. @internal */
export function describeAssumption(assumption: ReportedAssumption): string {
  const { name, cause } = assumption;
  const why = formatCause(cause);
  // These say in their reasons all that there is to say.
  if (name === 'leftOut') return why;
  if (name === 'moment') return `taken live: ${why}`;
  if (name === 'runState') return why;
  return `${assumptionName(assumption)}=${assumedValue(assumption) ?? TAKEN[name] ?? 'unknown'} (${why})`;
}

/** An assumption as a sentence: `PKRU=0x0 (the GDB stub does not show it); the outcome depends on it`. @public */
export function formatAssumption(assumption: ReportedAssumption): string {
  const { name, decides } = assumption;
  if (name === 'moment' || name === 'runState') return describeAssumption(assumption);
  return `${describeAssumption(assumption)}; the outcome ${decides ? 'depends' : 'does not depend'} on it`;
}

/** Assumptions in lines of their own, without line ends. @internal */
export function assumptionLines(assumed: readonly ReportedAssumption[], style: Style): string[] {
  return assumed.map((each) => style.mark(`! assumed: ${formatAssumption(each)}`));
}

/** The same as an object for JSON; registers are `0x…` texts there as everywhere. @internal */
export function encodeAssumption(assumption: ReportedAssumption): object {
  const { name, value, cause, decides } = assumption;
  const shown = REGISTERS.includes(name) ? assumedValue(assumption) : value;
  return { name, value: shown, why: formatCause(cause), decides };
}
