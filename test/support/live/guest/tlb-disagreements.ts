import { parseInfoTlb, type TlbLine } from './info-tlb.ts';

/** What is compared of a line of `map --leaves --json`. */
export interface MappedPage {
  readonly address: string;
  readonly physicalAddress: string;
  readonly size: number;
  readonly rights: { readonly write: boolean; readonly user: boolean; readonly exec: boolean };
  readonly global: boolean;
  readonly accessed: boolean;
  readonly dirty: boolean;
}

/** How a comparison went: how much there was, and what is otherwise, in words. */
export interface TlbComparison {
  readonly lines: number;
  readonly disagreements: readonly string[];
}

/**
 * What QEMU's monitor shows otherwise than the tables say (QEMU 7.2 to 10.0, target/i386/monitor.c): bits 49:0 of a physical address
 * alone, of 4-byte entries bits 31:0, and in PAE mode bit 63 of the entry as one of the address.
 */
const SHOWN = (1n << 50n) - 1n;
const SHOWN_32 = 0xffff_ffffn;
const KEPT = 10;

/** Compares all pages of a map with all lines of `info tlb`, in both directions. */
export function compareWithTlb(pages: readonly MappedPage[], infoTlb: string, is32Bit: boolean): TlbComparison {
  const lines = parseInfoTlb(infoTlb);
  const listed = new Map(lines.map((line) => [line.linear, line]));
  const shown = is32Bit ? SHOWN_32 : SHOWN;
  const disagreements: string[] = [];
  for (const page of pages) {
    const line = listed.get(BigInt(page.address));
    listed.delete(BigInt(page.address));
    const difference = line === undefined ? ['not in info tlb'] : differences(page, line, shown);
    if (difference.length > 0) disagreements.push(`${JSON.stringify(page)}: ${difference.join(', ')}`);
  }
  for (const line of listed.values()) disagreements.push(`not in the map: ${describe(line)}`);
  return { lines: lines.length, disagreements: disagreements.slice(0, KEPT) };
}

function differences(page: MappedPage, line: TlbLine, shown: bigint): string[] {
  const { rights } = page;
  const { flags } = line;
  // The flags are those of the last entry alone: it may allow more than all together. Bit 7 of a PTE is PAT, and shown as P too.
  const facts: readonly (readonly [string, boolean])[] = [
    ['address', (line.physical & shown) === (BigInt(page.physicalAddress) & shown)],
    ['size', page.size === 4096 || flags.includes('P')],
    ['write', !rights.write || flags.includes('W')],
    ['user', !rights.user || flags.includes('U')],
    ['exec', !rights.exec || !flags.includes('X')],
    ['accessed', page.accessed === flags.includes('A')],
    ['dirty', page.dirty === flags.includes('D')],
    ['global', page.global === flags.includes('G')],
  ];
  return facts.flatMap(([name, isSame]) => (isSame ? [] : [`${name}: ${describe(line)}`]));
}

function describe({ linear, physical, flags }: TlbLine): string {
  return `0x${linear.toString(16)} to 0x${physical.toString(16)} ${flags}`;
}
