import { asAnswer } from '../../paging/internal.ts';
import { AbiError } from '../errors.ts';

/** HV_X64_PENDING_EVENT: EventInfo of HvCallTranslateVirtualAddressEx. @public */
export const HV_EVENT_INFO_BYTES = 32;

/** `HV_X64_PENDING_EVENT_TYPE`. @public */
export const HV_EVENT_TYPE = {
  exception: 0,
  memoryIntercept: 1,
  nestedMemoryIntercept: 2,
  virtualizationFault: 3,
  hypercallOutput: 4,
  extInt: 5,
  shadowIpt: 6,
} as const;

/** @public */
export type HvEventName = keyof typeof HV_EVENT_TYPE;

/** `HV_INTERCEPT_ACCESS_TYPE`. @public */
export const HV_INTERCEPT_ACCESS = { read: 0, write: 1, execute: 2 } as const;

/** @public */
export type HvInterceptedAccess = keyof typeof HV_INTERCEPT_ACCESS;

/** An access to memory that a level above the VTL intercepts. @public */
export interface HvMemoryIntercept {
  /** A higher VTL's protection refused, or the nested tables of a hypervisor in the partition. */
  readonly type: 'memoryIntercept' | 'nestedMemoryIntercept';
  /** The VTL that the intercept is delivered to. */
  readonly targetVtl: number;
  readonly access: HvInterceptedAccess;
  /** The access itself was refused; false: one to a page table, on the way to it. */
  readonly causedByGpaAccess: boolean;
  /** Null where the event has none. */
  readonly guestLinearAddress: bigint | null;
  readonly guestPhysicalAddress: bigint;
}

/** An event of another kind, of which nothing but the kind is decoded. @public */
export interface HvOtherEvent {
  readonly type: Exclude<HvEventName, HvMemoryIntercept['type']> | 'unknown';
}

const OFFSET = { header: 0, targetVtl: 1, accessType: 2, accessFlags: 3, linear: 8, physical: 16 } as const;
const EVENT_PENDING = 1 << 0;
const TYPE_SHIFT = 1;
const TYPE_MASK = 7;
const LINEAR_VALID = 1 << 0;
const CAUSED_BY_GPA_ACCESS = 1 << 1;

/**
 * EventInfo of an intercept:
 *
 * ```
 *  0                         1           2            3                               4          8     16    24         32
 * | pending:1 type:3 zero:4 | TargetVtl | AccessType | GlaValid:1 ByGpa:1 zero:6 | reserved | GLA | GPA | reserved |
 *   u8                        u8          u8           u8                             u32        u64   u64   u64
 * ```
 *
 * @returns 32 bytes; all zero for null, which is no event
 * @throws RangeError for a number that does not fit its field.
 * @public
 */
export function encodeHvEventInfo(event: HvMemoryIntercept | null): Uint8Array {
  const bytes = new Uint8Array(HV_EVENT_INFO_BYTES);
  if (event === null) return bytes;
  const { type, targetVtl, access, causedByGpaAccess, guestLinearAddress, guestPhysicalAddress } = event;
  const view = new DataView(bytes.buffer);
  view.setUint8(OFFSET.header, EVENT_PENDING | (HV_EVENT_TYPE[type] << TYPE_SHIFT));
  view.setUint8(OFFSET.targetVtl, toVtl(targetVtl));
  view.setUint8(OFFSET.accessType, HV_INTERCEPT_ACCESS[access]);
  const flags = (guestLinearAddress === null ? 0 : LINEAR_VALID) | (causedByGpaAccess ? CAUSED_BY_GPA_ACCESS : 0);
  view.setUint8(OFFSET.accessFlags, flags);
  view.setBigUint64(OFFSET.linear, toU64(guestLinearAddress ?? 0n, 'guestLinearAddress'), true);
  view.setBigUint64(OFFSET.physical, toU64(guestPhysicalAddress, 'guestPhysicalAddress'), true);
  return bytes;
}

/**
 * Reads an EventInfo. Reserved bits are ignored.
 *
 * @returns null where no event is pending
 * @throws {@link AbiError} `ERR_ABI_SIZE` unless there are 32 bytes.
 * @public
 */
export function decodeHvEventInfo(bytes: Uint8Array): HvMemoryIntercept | HvOtherEvent | null {
  if (bytes.byteLength !== HV_EVENT_INFO_BYTES) {
    throw new AbiError('ERR_ABI_SIZE', `an EventInfo has ${HV_EVENT_INFO_BYTES} bytes, not ${bytes.byteLength}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HV_EVENT_INFO_BYTES);
  const header = view.getUint8(OFFSET.header);
  if ((header & EVENT_PENDING) === 0) return null;
  const type = nameOf(HV_EVENT_TYPE, (header >> TYPE_SHIFT) & TYPE_MASK) ?? 'unknown';
  if (type !== 'memoryIntercept' && type !== 'nestedMemoryIntercept') return { type };
  const access = nameOf(HV_INTERCEPT_ACCESS, view.getUint8(OFFSET.accessType));
  if (access === undefined) return { type: 'unknown' };
  const flags = view.getUint8(OFFSET.accessFlags);
  return asAnswer({
    type,
    targetVtl: view.getUint8(OFFSET.targetVtl),
    access,
    causedByGpaAccess: (flags & CAUSED_BY_GPA_ACCESS) !== 0,
    guestLinearAddress: flags & LINEAR_VALID ? view.getBigUint64(OFFSET.linear, true) : null,
    guestPhysicalAddress: view.getBigUint64(OFFSET.physical, true),
  });
}

function nameOf<Name extends string>(table: Readonly<Record<Name, number>>, value: number): Name | undefined {
  return (Object.keys(table) as Name[]).find((name) => table[name] === value);
}

function toVtl(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xff)
    throw new RangeError(`targetVtl does not fit 8 bits: ${value}`);
  return value;
}

function toU64(value: bigint, field: string): bigint {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${field} does not fit 64 bits: ${value}`);
  return value;
}
