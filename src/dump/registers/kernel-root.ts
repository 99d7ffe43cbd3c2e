import { formatHex } from '../../paging/index.ts';
import { latin1 } from '../file/fields.ts';
import type { DumpImage } from '../formats/dump-image.ts';

/** The root of the kernel's page tables, as the kernel itself describes where it lies. @internal */
export interface KernelRoot {
  /** Guest physical address. */
  readonly root: bigint;
  readonly mode: 'pae' | '32-bit' | '4-level' | '5-level';
  /** How it was found. */
  readonly detail: string;
  /** It rests on where a 32-bit kernel maps its memory, which is a matter of how it was built, and the dump does not say. */
  readonly isAssumed: boolean;
}

const PAGE_BYTES = 4096;
/** So much of a dump is looked through at once. */
const SCANNED_BYTES = 1 << 20;
/** A file with holes can claim any size, and takes time to look through. */
const MOST_SCANNED_BYTES = 64 * 2 ** 30;
const NOTE_NAME = 'VMCOREINFO\0';
const NOTE_BYTES = 12 + 12 + PAGE_BYTES;
/** A note whose description is no longer is kept in a page or two (VMCOREINFO_NOTE_SIZE). */
const MOST_TEXT_BYTES = 2 * PAGE_BYTES;
/** Where 64-bit kernels have their image in linear memory (__START_KERNEL_map), and 32-bit ones all of theirs (PAGE_OFFSET). */
const KERNEL_MAP = 0xffff_ffff_8000_0000n;
const PAGE_OFFSET_32 = 0xc000_0000n;
const HIGHEST_32 = 0xffff_ffffn;
/** Four entries: so CR3 is aligned with PAE. */
const PDPT_BYTES = 32n;

/**
 * Finds the root of a Linux kernel's own page tables through VMCOREINFO: the note of the dump, or the page of guest memory in which
 * every kernel with kexec keeps it. No register is needed.
 *
 * @returns null where there is no VMCOREINFO, or it does not say
 * @throws DumpError where the dump cannot be read.
 * @internal
 */
export function findKernelRoot(image: DumpImage): KernelRoot | null {
  const { vmcoreinfo } = image.notes;
  if (vmcoreinfo !== null) return rootOf(vmcoreinfo, "the dump's note");
  return image.isScannable ? scan(image) : null;
}

function scan(image: DumpImage): KernelRoot | null {
  const window = new Uint8Array(SCANNED_BYTES);
  let left = MOST_SCANNED_BYTES;
  for (const { first, last } of image.spans) {
    const start = Math.ceil(first / PAGE_BYTES) * PAGE_BYTES;
    for (let at = start; at + NOTE_BYTES <= last + 1 && left > 0; at += SCANNED_BYTES) {
      left -= SCANNED_BYTES;
      const part = window.subarray(0, Math.min(SCANNED_BYTES, last + 1 - at));
      image.readInto(at, part);
      for (let page = 0; page + PAGE_BYTES <= part.length; page += PAGE_BYTES) {
        if (!isNote(part, page)) continue;
        const text = readText(image, at + page, last);
        const root = text === null ? null : rootOf(text, `the page at guest physical ${formatHex(at + page)}`);
        if (root !== null) return root;
      }
    }
  }
  return null;
}

/** `namesz 11, descsz, type 0, "VMCOREINFO\0"`, at the start of a page. */
function isNote(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== NOTE_NAME.length || bytes[at + 1] !== 0 || bytes[at + 8] !== 0) return false;
  return latin1(bytes.subarray(at + 12, at + 12 + NOTE_NAME.length)) === NOTE_NAME;
}

function readText(image: DumpImage, at: number, last: number): string | null {
  const header = new Uint8Array(8);
  image.readInto(at, header);
  const lengthBytes = new DataView(header.buffer).getUint32(4, true);
  if (lengthBytes > MOST_TEXT_BYTES || at + 24 + lengthBytes > last + 1) return null;
  const text = new Uint8Array(lengthBytes);
  image.readInto(at + 24, text);
  return latin1(text);
}

function rootOf(text: string, where: string): KernelRoot | null {
  const values = parseLines(text);
  const hex = (name: string): bigint | null => bigintOf(values.get(name), '0x');
  const directory = hex('SYMBOL(swapper_pg_dir)') ?? hex('SYMBOL(init_top_pgt)');
  if (directory === null) return null;
  const detail = `swapper_pg_dir, by VMCOREINFO in ${where}`;
  if (directory <= HIGHEST_32) {
    const root = directory - PAGE_OFFSET_32;
    const mode = values.get('CONFIG_X86_PAE') === 'y' ? 'pae' : '32-bit';
    const alignment = mode === 'pae' ? PDPT_BYTES : BigInt(PAGE_BYTES);
    return root < 0n || root % alignment !== 0n ? null : { root, mode, detail, isAssumed: true };
  }
  const physicalBase = bigintOf(values.get('NUMBER(phys_base)'), '');
  if (physicalBase === null) return null;
  const root = directory - KERNEL_MAP + physicalBase;
  const isWide = values.get('NUMBER(pgtable_l5_enabled)') === '1';
  if (root < 0n || root >= 1n << 52n || root % BigInt(PAGE_BYTES) !== 0n) return null;
  return { root, mode: isWide ? '5-level' : '4-level', detail, isAssumed: false };
}

function parseLines(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const mark = line.indexOf('=');
    if (mark > 0) values.set(line.slice(0, mark), line.slice(mark + 1));
  }
  return values;
}

function bigintOf(digits: string | undefined, prefix: '' | '0x'): bigint | null {
  if (digits === undefined) return null;
  if (prefix === '0x') return /^[0-9a-f]{1,16}$/.test(digits) ? BigInt(`0x${digits}`) : null;
  const isNegative = digits.startsWith('-');
  const plain = isNegative ? digits.slice(1) : digits;
  if (!/^[0-9]{1,20}$/.test(plain)) return null;
  return isNegative ? -BigInt(plain) : BigInt(plain);
}
