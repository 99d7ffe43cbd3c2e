import { expect } from 'chai';
import { createContext, type PageSource, type PagingRegisters, translate } from '../../../../src/paging/index.ts';
import type { PictureRegion } from '../../../../src/picture/container/moment-heading.ts';
import { collectPieces } from '../../../../src/picture/pieces/collect-pieces.ts';
import { LAYOUT } from '../../../../src/picture/pieces/pieces.ts';
import { PiecesBuilder } from '../../../../src/picture/pieces/pieces-builder.ts';
import { COLOURINGS, type ColouringInput } from '../../../../src/picture/view/colourings.ts';

const REGISTERS: PagingRegisters = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x40_0020n, efer: 0xd00n, pkru: 0x4 };
const XD = 1n << 63n;
const KEY_1 = 1n << 59n;

/** Four tables, and in the last one every combination of R/W, U/S, XD and key 0 or 1. */
const ENTRIES = Array.from({ length: 16 }, (_, nth) => {
  const [write, user, xd, key] = [nth & 1, nth & 2, nth & 4, nth & 8];
  return 0x5_0061n | (write ? 2n : 0n) | (user ? 4n : 0n) | (xd ? XD : 0n) | (key ? KEY_1 : 0n);
});
const TABLES = new Map<number, readonly bigint[]>([
  [1, [0x2067n]],
  [2, [0x3067n]],
  [3, [0x4067n]],
  [4, ENTRIES],
]);
const pageOf: PageSource = (page) => {
  const entries = TABLES.get(page);
  if (entries === undefined) return null;
  const words = new BigUint64Array(512);
  words.set(entries);
  return new Int32Array(words.buffer);
};
const memory = {
  readEntry: (address: bigint) => TABLES.get(Number(address >> 12n))?.[Number((address & 0xfffn) >> 3n)] ?? 0n,
};

/** What kernel and users may do, as walks say it. */
const LABELS: Readonly<Record<string, string>> = {
  '': 'nothing',
  r: 'read',
  rx: 'read, execute',
  rw: 'read, write',
  rwx: 'read, write and execute',
  x: 'execute, not read',
};

describe('picture/COLOURINGS', () => {
  for (const changes of [
    {},
    { cr0: 0x8000_0011n },
    { cr4: 0x70_0020n },
    { cr4: 0x30_0020n, rflags: 0x4_0002n },
    { efer: 0x500n },
  ]) {
    it(`colours by what walks allow: ${JSON.stringify(changes, (_, value) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value))}`, () => {
      const context = createContext({ ...REGISTERS, ...changes }, { maxPhyAddr: 40 });
      const pieces = collectPieces({ context, nested: null, pageOf }, { most: 1000 });
      const input: ColouringInput = {
        pieces,
        context,
        mode: context.mode,
        isNested: false,
        regions: [],
        classNames: [],
      };
      for (const user of [false, true]) {
        const { classes, of } = COLOURINGS.find(({ id }) => id === (user ? 'user' : 'supervisor'))?.colour(input) ?? {
          classes: [],
          of: [],
        };
        for (let page = 0; page < 16; page += 1) {
          const may = (write: boolean, exec: boolean): boolean =>
            translate(context, memory, BigInt(page) << 12n, { user, write, exec }).kind === 'mapped';
          const rights = `${may(false, false) ? 'r' : ''}${may(true, false) ? 'w' : ''}${may(false, true) ? 'x' : ''}`;
          const piece = pieces.first.findLastIndex((first) => first <= page);
          const isMapped = piece >= 0 && page < (pieces.first[piece] ?? 0) + (pieces.pages[piece] ?? 0);
          const label = isMapped ? classes[of[piece] ?? 0]?.label : 'nothing';
          expect(label, `page ${page}, user ${user}`).to.equal(LABELS[rights]);
        }
      }
    });
  }

  it('says what lies where each piece leads: the region that it is in, or all that it reaches', () => {
    const regions: PictureRegion[] = [
      { kind: 'ram', name: 'pc.ram', first: 0n, last: 0x9_ffffn, offset: 0n },
      { kind: 'device', name: 'vga', first: 0xa_0000n, last: 0xb_ffffn, offset: 0n },
      { kind: 'ram', name: 'pc.ram', first: 0x10_0000n, last: 0x1f_ffffn, offset: 0xa_0000n },
    ];
    const { inOnePiece, repeated, scattered } = LAYOUT;
    const expected: readonly (readonly [physical: number, pages: number, layout: number, label: string])[] = [
      [0x10, 4, inOnePiece, 'RAM pc.ram'],
      [0xa0, 2, inOnePiece, 'device vga'],
      [0x9f, 2, inOnePiece, 'RAM pc.ram, device vga'],
      [0xd0, 1, inOnePiece, 'nothing'],
      [0x1ff, 1, inOnePiece, 'RAM pc.ram'],
      [0x1ff, 2, inOnePiece, 'RAM pc.ram, nothing'],
      [0x300, 1, inOnePiece, 'nothing'],
      [0xbf, 0x100, repeated, 'device vga'],
      [0x10, 9, scattered, 'not known of scattered pages'],
      [0, 0xa0, inOnePiece, 'RAM pc.ram'],
    ];
    const builder = new PiecesBuilder();
    const alike = { attributes: 0, shift: 12, leaves: 1, accessed: 0, dirty: 0 };
    expected.forEach(([physical, pages, layout], at) => {
      builder.add({ first: at * 0x1000, pages, physical, layout, classes: 0, ...alike });
    });
    // As saved maps have it.
    for (const classes of [2, 3, 2])
      builder.add({ first: 0x10_0000, pages: 1, physical: 0, layout: 0, classes, ...alike });
    const pieces = builder.build('ranges', true);
    const input = {
      pieces,
      context: null,
      mode: '4-level',
      isNested: false,
      regions,
      classNames: ['ROM bios', 'others'],
    };
    const { classes, of } = COLOURINGS.find(({ id }) => id === 'region')?.colour(input) ?? { classes: [], of: [] };
    const labels = Array.from(of, (each) => classes[each]?.label);
    const saved = ['others', 'ROM bios, others', 'others'];
    expect(labels).to.deep.equal([...expected.map(([, , , label]) => label), ...saved]);
    expect(new Set(classes.map(({ label }) => label)).size).to.equal(classes.length);
  });

  it('tells rights and use apart by lightness alone, for eyes and printers that see no colours', () => {
    const builder = new PiecesBuilder();
    const input = { context: null, mode: '4-level', isNested: false, regions: [], classNames: [] };
    const pieces = builder.build('pages', true);
    for (const id of ['rights', 'use']) {
      const { classes = [] } = COLOURINGS.find((each) => each.id === id)?.colour({ ...input, pieces }) ?? {};
      // Stripes tell writable and executable pages, and unreadable ones are found in protected guests alone.
      const plain = classes.filter(({ label, isAlarming }) => isAlarming !== true && label !== 'not readable');
      expect(plain).to.have.length.of.at.least(5);
      for (const theme of ['light', 'dark'] as const) {
        const light = plain.map(({ colour }) => lightness(colour[theme])).sort((one, other) => one - other);
        const steps = light.slice(1).map((each, at) => (each + 0.05) / ((light[at] as number) + 0.05));
        expect(Math.min(...steps), `${id}, ${theme}`).to.be.at.least(1.15);
      }
    }
  });
});

/** Relative luminance, as WCAG 2 defines it. */
function lightness(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
