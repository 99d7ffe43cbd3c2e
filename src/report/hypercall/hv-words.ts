import {
  HV_CACHE_TYPE,
  HV_CONTROL,
  HV_RESULT,
  type HvMemoryIntercept,
  type HvOtherEvent,
  namedInputVtl,
} from '../../abi/index.ts';
import { formatHex } from '../words/format-hex.ts';

const PAGE_SHIFT = 12;

/** Where an address leads: the page with the address's offset in it. @internal */
export function gpaOf(gpaPage: bigint, gva: bigint): bigint {
  return (gpaPage << BigInt(PAGE_SHIFT)) | BigInt.asUintN(PAGE_SHIFT, gva);
}

/** `VALIDATE_WRITE, SET_PAGE_TABLE_BITS, INPUT_VTL 1`: control flags by the specification's names. @internal */
export function formatControlFlags(controlFlags: bigint): string {
  const names = controlFlagNames(controlFlags);
  return names.length === 0 ? 'no flags' : names.join(', ');
}

/** The same, each by itself. @internal */
export function controlFlagNames(controlFlags: bigint): readonly string[] {
  const names = Object.entries(HV_CONTROL)
    .filter(([, bit]) => (controlFlags & bit) !== 0n)
    .map(([name]) => inCapitals(name));
  const vtl = namedInputVtl(controlFlags);
  return [...names, ...(vtl === null ? [] : [`INPUT_VTL ${vtl}`])];
}

function inCapitals(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** `Success`: a result code by its name. @internal */
export function formatResultCode(resultCode: number): string {
  const [name = `result code ${resultCode}`] = Object.entries(HV_RESULT).find(([, code]) => code === resultCode) ?? [];
  return name;
}

/** `WB`: a cache type by its name. @internal */
export function formatCacheType(cacheType: number): string {
  const [name = `cache type ${cacheType}`] =
    Object.entries(HV_CACHE_TYPE).find(([, value]) => value === cacheType) ?? [];
  return name;
}

/** `memory intercept for VTL 1: read of GPA 0x3000, a page table on the way to GVA 0x8000001000`. @internal */
export function formatEvent(event: HvMemoryIntercept | HvOtherEvent): string {
  const kind = inWords(event.type);
  if (event.type !== 'memoryIntercept' && event.type !== 'nestedMemoryIntercept') return kind;
  const { targetVtl, access, causedByGpaAccess, guestLinearAddress, guestPhysicalAddress } = event;
  const gva = guestLinearAddress === null ? '' : ` GVA ${formatHex(guestLinearAddress)}`;
  const what = causedByGpaAccess
    ? gva === ''
      ? ''
      : `,${gva}`
    : `, a page table${gva === '' ? '' : ` on the way to${gva}`}`;
  return `${kind} for VTL ${targetVtl}: ${access} of GPA ${formatHex(guestPhysicalAddress)}${what}`;
}

function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** An event for JSON. @internal */
export function encodeEvent(event: HvMemoryIntercept | HvOtherEvent): object {
  if (event.type !== 'memoryIntercept' && event.type !== 'nestedMemoryIntercept') return event;
  const { guestLinearAddress, guestPhysicalAddress } = event;
  return {
    ...event,
    guestLinearAddress: guestLinearAddress === null ? null : formatHex(guestLinearAddress),
    guestPhysicalAddress: formatHex(guestPhysicalAddress),
  };
}

/** Bytes as a hexadecimal dump without addresses, in eights. @internal */
export function formatBytes(bytes: Uint8Array): string {
  const digits = Array.from(bytes, (byte) => formatHex(byte, 2).slice('0x'.length)).join('');
  return digits.replace(/.{16}(?=.)/g, '$& ');
}
