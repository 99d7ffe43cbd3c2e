import { AMD, INTEL, KVM, type Profile, REGISTER_BITS, TCG, tcgProfile } from '../../paging/index.ts';
import { GuestUsageError, type UnknownName } from '../errors.ts';
import { type Sourced, sourced } from './sourced.ts';
import { type VcpuState, withCr3 } from './vcpu-state.ts';

/** One thing that a "what if" question changes about a vCPU. Make it with {@link parseOverride}. @public */
export interface Override {
  /** As the question has it: `CR4.SMAP=0`. */
  readonly text: string;
  /** @internal */
  readonly apply: (state: VcpuState) => VcpuState;
}

const WIDE = { CR0: 'cr0', CR3: 'cr3', CR4: 'cr4', EFER: 'efer', RFLAGS: 'rflags' } as const;
const NUMBERS = {
  PKRU: 'pkru',
  PKRS: 'pkrs',
  CPL: 'cpl',
  MAXPHYADDR: 'maxPhyAddr',
  C_BIT: 'encryptionBit',
} as const;
const SWITCHES = { 'CS.L': 'csL', A20: 'a20', PSE36: 'pse36', PDPE1GB: 'pdpe1gb' } as const;
/** The values that each number can have; a register's are its 32 bits. */
const RANGES = {
  PKRU: [0n, 0xffff_ffffn],
  PKRS: [0n, 0xffff_ffffn],
  CPL: [0n, 3n],
  MAXPHYADDR: [32n, 52n],
  C_BIT: [32n, 51n],
} as const;

function isKey<T extends object>(table: T, name: string): name is Extract<keyof T, string> {
  return Object.hasOwn(table, name);
}

function given<T>(value: T, text: string): Sourced<T> {
  return sourced(value, 'given', `--set ${text}`);
}

function refuse(text: string, why: string, options: { readonly unknown?: UnknownName } = {}): never {
  throw new GuestUsageError(`invalid change ${JSON.stringify(text)}: ${why}`, options);
}

/** Every name that {@link parseOverride} knows, for messages and help. @public */
export function overrideNames(): readonly string[] {
  const bits = Object.entries(REGISTER_BITS).flatMap(([register, names]) =>
    Object.keys(names).map((bit) => `${register}.${bit}`),
  );
  return [...Object.keys(WIDE), ...bits, ...Object.keys(NUMBERS), ...Object.keys(SWITCHES), 'VENDOR'];
}

/**
 * Understands one `NAME=VALUE` of a "what if" question: a register (`CR4=0x20`), one of its bits (`CR4.SMAP=0`), a number
 * (`PKRU=0x4`, `CPL=3`, `MAXPHYADDR=36`, `C_BIT=47`), a switch (`CS.L=0`, `A20=0`, `PSE36=0`, `PDPE1GB=0`) or `VENDOR=intel|amd`. Names in either
 * case; values decimal or hexadecimal.
 *
 * @throws GuestUsageError `ERR_GUEST_USAGE` when it is none of these, or the value does not fit.
 * @public
 */
export function parseOverride(text: string): Override {
  const [, rawName = '', rawValue = ''] = /^([^=]+)=(.+)$/.exec(text) ?? refuse(text, 'it is not NAME=VALUE');
  const name = rawName.toUpperCase();
  if (name === 'VENDOR') return vendorOverride(text, rawValue);
  const value = parseValue(text, rawValue);
  if (isKey(WIDE, name)) return wideOverride(text, WIDE[name], value);
  if (isKey(NUMBERS, name)) return numberOverride(text, name, value);
  if (isKey(SWITCHES, name)) return switchOverride(text, SWITCHES[name], isOn(text, value));
  const [register = '', bit = ''] = name.split('.');
  if (isKey(WIDE, register) && isKey(REGISTER_BITS, register)) {
    const bits: Readonly<Record<string, bigint>> = REGISTER_BITS[register];
    const mask = bits[bit];
    if (mask !== undefined) return bitOverride(text, WIDE[register], mask, isOn(text, value));
  }
  const known = overrideNames();
  return refuse(text, `unknown name ${name}; use ${known.join(', ')}`, { unknown: { given: name, known } });
}

function parseValue(text: string, value: string): bigint {
  if (!/^(0x[0-9a-f_]+|[0-9]+)$/i.test(value)) refuse(text, `${JSON.stringify(value)} is not a number`);
  return BigInt(value.replaceAll('_', ''));
}

function isOn(text: string, value: bigint): boolean {
  if (value > 1n) refuse(text, 'a bit is 0 or 1');
  return value === 1n;
}

function wideOverride(text: string, field: (typeof WIDE)[keyof typeof WIDE], value: bigint): Override {
  if (BigInt.asUintN(64, value) !== value) refuse(text, 'a register has 64 bits');
  if (field === 'cr3') return { text, apply: (state) => withCr3(state, value, `--set ${text}`) };
  return { text, apply: (state) => ({ ...state, [field]: given(value, text) }) };
}

function bitOverride(text: string, field: (typeof WIDE)[keyof typeof WIDE], mask: bigint, on: boolean): Override {
  return {
    text,
    apply: (state) => {
      const old = state[field].value;
      return { ...state, [field]: given(on ? old | mask : old & ~mask, text) };
    },
  };
}

function numberOverride(text: string, name: keyof typeof NUMBERS, value: bigint): Override {
  const [least, most] = RANGES[name];
  if (value < least || value > most) refuse(text, `${name} is ${least} to ${most}`);
  return { text, apply: (state) => ({ ...state, [NUMBERS[name]]: given(Number(value), text) }) };
}

function switchOverride(text: string, field: (typeof SWITCHES)[keyof typeof SWITCHES], on: boolean): Override {
  return { text, apply: (state) => ({ ...state, [field]: given(on, text) }) };
}

function vendorOverride(text: string, value: string): Override {
  const vendor = value.toLowerCase();
  if (vendor !== 'intel' && vendor !== 'amd') refuse(text, 'the vendor is intel or amd');
  return { text, apply: (state) => ({ ...state, vendor: given(vendor, text) }) };
}

const PROFILES = { intel: INTEL, amd: AMD, kvm: KVM, tcg: TCG } as const;

/**
 * A profile by name: `intel`, `amd`, `kvm`, `tcg` (the newest known), or `tcg-7.2.5`.
 *
 * @throws GuestUsageError `ERR_GUEST_USAGE`.
 * @public
 */
export function parseProfile(name: string): Profile {
  if (isKey(PROFILES, name)) return PROFILES[name];
  const [, major, minor, micro] = /^tcg-(\d+)\.(\d+)\.(\d+)$/.exec(name) ?? [];
  if (major === undefined) {
    throw new GuestUsageError(
      `unknown profile ${JSON.stringify(name)}; use ${Object.keys(PROFILES).join(', ')} or tcg-MAJOR.MINOR.MICRO`,
      { unknown: { given: name, known: Object.keys(PROFILES) } },
    );
  }
  return tcgProfile([Number(major), Number(minor), Number(micro)]);
}

/** The vCPU as a question has it. @internal */
export function applyOverrides(
  state: VcpuState,
  overrides: readonly Override[],
  profile: Profile | undefined,
): VcpuState {
  const changed = overrides.reduce((current, override) => override.apply(current), state);
  return profile === undefined ? changed : { ...changed, profile: sourced(profile, 'given', profile.name) };
}
