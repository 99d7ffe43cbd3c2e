import { formatPrintable } from '../../transport/internal.ts';
import { GdbTargetDescriptionError } from '../errors.ts';
import type { DescriptionItem } from './parse-description.ts';

/** Where one register is. @public */
export interface RegisterDescription {
  readonly name: string;
  readonly bits: number;
  /** What `p` and `P` call it. */
  readonly number: number;
  /** Byte offset in the reply to `g`. */
  readonly offset: number;
  /** The feature that it belongs to, e.g. `org.gnu.gdb.i386.core`. */
  readonly feature: string;
}

/** The register file as the stub itself describes it. @public */
export interface RegisterLayout {
  /** `i386` or `i386:x86-64`. Says what QEMU binary this is, not the mode that the processor is in. */
  readonly architecture: string;
  /** In the order of their numbers. */
  readonly registers: readonly RegisterDescription[];
  readonly byName: ReadonlyMap<string, RegisterDescription>;
  /** Of all registers together. */
  readonly sizeBytes: number;
}

/** An x86 machine has fewer than a hundred. */
const MAX_REGISTERS = 4096;

/** Register values by the names of the layout, e.g. `rip`, `cr3`, `eflags`. @public */
export type RegisterValues = ReadonlyMap<string, bigint>;

/**
 * Numbers the registers and gives them their places: in the order of their numbers, without gaps.
 *
 * @throws {@link GdbTargetDescriptionError} (`ERR_GDB_TARGET_DESCRIPTION`).
 * @internal
 */
export function buildRegisterLayout(architecture: string, items: readonly DescriptionItem[]): RegisterLayout {
  const registers: RegisterDescription[] = [];
  const byName = new Map<string, RegisterDescription>();
  let next = 0;
  let offset = 0;
  for (const item of items) {
    if (item.kind !== 'register') continue;
    const number = item.number ?? next;
    if (registers.length === MAX_REGISTERS) {
      throw new GdbTargetDescriptionError('target.xml', `it describes more than ${MAX_REGISTERS} registers`);
    }
    // A number that goes back would change the places of registers already laid out.
    if (number < next || byName.has(item.name)) {
      throw new GdbTargetDescriptionError(
        'target.xml',
        `register ${formatPrintable(item.name)} is described twice or out of order`,
      );
    }
    const register = { name: item.name, bits: item.bits, number, offset, feature: item.feature };
    registers.push(register);
    byName.set(item.name, register);
    next = number + 1;
    offset += item.bits / 8;
  }
  if (registers.length === 0) throw new GdbTargetDescriptionError('target.xml', 'it describes no registers');
  return { architecture, registers, byName, sizeBytes: offset };
}

/**
 * Reads the data of a `g` reply. It may end where a feature ends, since QEMU leaves later features (APX) to `p`; at any
 * other length the layout is not the stub's, and the answer is undefined.
 *
 * @internal
 */
export function decodeRegisters(layout: RegisterLayout, bytes: Uint8Array): RegisterValues | undefined {
  const values = new Map<string, bigint>();
  let feature: string | undefined;
  for (const { name, bits, offset, feature: own } of layout.registers) {
    if (offset === bytes.length && own !== feature && feature !== undefined) return values;
    const end = offset + bits / 8;
    if (end > bytes.length) return undefined;
    values.set(name, decodeLittleEndian(bytes, offset, end));
    feature = own;
  }
  return layout.sizeBytes === bytes.length ? values : undefined;
}

/** Reads a little-endian number of any width. @internal */
export function decodeLittleEndian(bytes: Uint8Array, start: number, end: number): bigint {
  let value = 0n;
  let at = end;
  while (at > start) {
    const step = Math.min(4, at - start);
    let part = 0;
    for (let index = 1; index <= step; index++) part = part * 256 + (bytes[at - index] as number);
    value = (value << BigInt(8 * step)) | BigInt(part);
    at -= step;
  }
  return value;
}

/** Writes a little-endian number of a given width. @internal */
export function encodeLittleEndian(value: bigint, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let rest = value;
  for (let index = 0; index < sizeBytes; index++) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
