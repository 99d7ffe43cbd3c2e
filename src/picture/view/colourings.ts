import type { Access, PagingContext } from '../../paging/index.ts';
import { decodeAttributes, encodeAccess } from '../../paging/internal.ts';
import { formatRights, formatSize } from '../../report/index.ts';
import type { PictureRegion } from '../container/moment-heading.ts';
import { lowerBound } from '../pieces/lower-bound.ts';
import { LAYOUT, type Pieces } from '../pieces/pieces.ts';
import { COLOURS, type Colour, seriesColour } from './colours.ts';

/** What a colour of a picture means. @internal */
export interface ColourClass {
  readonly label: string;
  readonly colour: Colour;
  /** Must not be missed: shown with stripes, and however small it is. */
  readonly isAlarming?: boolean;
}

/** Pieces by classes. @internal */
export interface Coloured {
  readonly classes: readonly ColourClass[];
  /** The class of each piece. */
  readonly of: Uint8Array;
}

/** What colours depend on. @internal */
export interface ColouringInput {
  readonly pieces: Pieces;
  readonly context: PagingContext | null;
  /** Of the address space as it is asked about. */
  readonly mode: string;
  /** There is a second stage: what the first one alone would allow is not known of a piece. */
  readonly isNested: boolean;
  readonly regions: readonly PictureRegion[];
  readonly classNames: readonly string[];
}

/** One way to colour a picture. @internal */
export interface Colouring {
  readonly id: string;
  readonly label: string;
  readonly explanation: string;
  /** Why it cannot be used, as a sentence; null where it can. */
  whyNot(input: ColouringInput): string | null;
  colour(input: ColouringInput): Coloured;
}

const always = (): null => null;
const ALARM = { isAlarming: true };

/** By rights as the tables give them, supervisor and user. */
const RIGHTS: readonly ColourClass[] = [
  { label: 'r--- supervisor, read-only', colour: COLOURS.readOnly },
  { label: 'r-x- supervisor, executable', colour: COLOURS.execute },
  { label: 'rw-- supervisor, writable', colour: COLOURS.write },
  { label: 'rwx- supervisor, writable and executable', colour: COLOURS.writeExecute, ...ALARM },
  { label: 'r--u user, read-only', colour: COLOURS.userReadOnly },
  { label: 'r-xu user, executable', colour: COLOURS.userExecute },
  { label: 'rw-u user, writable', colour: COLOURS.userWrite },
  { label: 'rwxu user, writable and executable', colour: COLOURS.writeExecute, ...ALARM },
  { label: 'not readable', colour: COLOURS.purple },
];
const UNREADABLE = 8;

/** What one kind of code may do. */
const MAY: readonly ColourClass[] = [
  { label: 'nothing', colour: COLOURS.none },
  { label: 'read', colour: COLOURS.readOnly },
  { label: 'read, execute', colour: COLOURS.execute },
  { label: 'read, write', colour: COLOURS.write },
  { label: 'read, write and execute', colour: COLOURS.writeExecute, ...ALARM },
  { label: 'execute, not read', colour: COLOURS.purple },
  { label: 'write, not read', colour: COLOURS.vermilion },
];

const USE: readonly ColourClass[] = [
  { label: 'never accessed (A=0)', colour: COLOURS.none },
  { label: 'some accessed', colour: COLOURS.userExecute },
  { label: 'accessed (A=1)', colour: COLOURS.execute },
  { label: 'some dirty', colour: COLOURS.write },
  { label: 'accessed and dirty (D=1)', colour: COLOURS.vermilion },
];

const SIZES: readonly ColourClass[] = [
  { label: '4K', colour: COLOURS.readOnly },
  { label: '2M', colour: COLOURS.write },
  { label: '4M', colour: COLOURS.userWrite },
  { label: '1G', colour: COLOURS.green },
  { label: 'several sizes', colour: COLOURS.purple },
];

/** The ways to colour pieces, in the order in which they are offered. @internal */
export const COLOURINGS: readonly Colouring[] = [
  {
    id: 'rights',
    label: 'Rights',
    explanation: 'what all levels of tables together allow',
    whyNot: always,
    colour: ({ pieces, context }) => ({
      classes: RIGHTS,
      of: byAttributes(pieces, (each) => rightsClass(each, context)),
    }),
  },
  {
    id: 'supervisor',
    label: 'Kernel may',
    explanation: 'what supervisor code may do: rights with WP, SMEP, SMAP and keys',
    whyNot: needsRegisters,
    colour: (input) => colourByAccess(input, false),
  },
  {
    id: 'user',
    label: 'Users may',
    explanation: 'what user code may do: rights with keys',
    whyNot: needsRegisters,
    colour: (input) => colourByAccess(input, true),
  },
  {
    id: 'use',
    label: 'Accessed, dirty',
    explanation: 'A and D of the entries that map pages',
    whyNot: needsEntries,
    colour: ({ pieces }) => ({ classes: USE, of: eachPiece(pieces, (at) => useClass(pieces, at)) }),
  },
  {
    id: 'size',
    label: 'Page size',
    explanation: 'the sizes of pages',
    whyNot: needsEntries,
    colour: ({ pieces }) => ({ classes: SIZES, of: eachPiece(pieces, (at) => sizeClass(pieces.shift[at] as number)) }),
  },
  {
    id: 'region',
    label: 'What is there',
    explanation: 'what lies at the physical addresses that pages lead to',
    whyNot: (input) => (knowsRegions(input) ? null : 'The saved map does not say what lies where pages lead.'),
    colour: colourByRegion,
  },
  {
    id: 'key',
    label: 'Protection key',
    explanation: 'bits 62:59 of the entries that map pages',
    whyNot: ({ mode }) =>
      mode === '4-level' || mode === '5-level' ? null : 'There are no protection keys in this paging mode.',
    colour: ({ pieces }) => ({ classes: KEYS, of: byAttributes(pieces, (attributes) => attributes >>> 12) }),
  },
];

const KEYS: readonly ColourClass[] = Array.from({ length: 16 }, (_, key) => ({
  label: `key ${key}`,
  colour: key === 0 ? COLOURS.readOnly : seriesColour(key - 1),
}));

function needsEntries({ mode, isNested }: ColouringInput): string | null {
  return mode === 'off' && !isNested ? 'Paging is off: there are no pages, and no entries that have A and D.' : null;
}

function knowsRegions({ regions, classNames }: ColouringInput): boolean {
  return regions.length > 0 || classNames.length > 0;
}

function needsRegisters({ context, isNested }: ColouringInput): string | null {
  if (context === null) return 'A saved map has no registers: what they allow is not known.';
  return isNested ? 'With two stages this is known of single addresses alone: click one.' : null;
}

function eachPiece({ length }: Pieces, classOf: (at: number) => number): Uint8Array {
  const of = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) of[at] = classOf(at);
  return of;
}

/** There are few kinds of attributes, and many pieces. */
function byAttributes({ length, attributes }: Pieces, classOf: (attributes: number) => number): Uint8Array {
  const known = new Map<number, number>();
  const of = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) {
    const each = attributes[at] as number;
    let found = known.get(each);
    if (found === undefined) {
      found = classOf(each);
      known.set(each, found);
    }
    of[at] = found;
  }
  return of;
}

/** Rights do not depend on whether keys are in force. */
const WITHOUT_KEYS = { policy: { protectionKeys: false } } as PagingContext;

function rightsClass(attributes: number, context: PagingContext | null): number {
  const { rights } = decodeAttributes(context ?? WITHOUT_KEYS, attributes);
  if (rights.read === false) return UNREADABLE;
  return (rights.user ? 4 : 0) + (rights.write ? 2 : 0) + (rights.exec ? 1 : 0);
}

const RIGHTS_BITS = 0b110;
const XD_BIT = 1 << 9;
const LEAF_KEY_SHIFT = 27;

/** What the processor would say to an access to a page with such attributes: the core's own judgement. @internal */
export function isAllowed({ rules, policy }: PagingContext, attributes: number, access: Access): boolean {
  const rights = attributes & RIGHTS_BITS;
  const page = {
    rights,
    rightsAboveLeaf: rights,
    executeDisabled: attributes & XD_BIT,
    leafLow: rights,
    leafHigh: (attributes >>> 12) << LEAF_KEY_SHIFT,
  };
  return rules.judge(policy, page, encodeAccess(access)) === 0;
}

function colourByAccess({ pieces, context }: ColouringInput, user: boolean): Coloured {
  if (context === null) return { classes: MAY, of: new Uint8Array(pieces.length) };
  const classOf = (attributes: number): number => {
    const may = (write: boolean, exec: boolean): boolean => isAllowed(context, attributes, { user, write, exec });
    const [read, write, exec] = [may(false, false), may(true, false), may(false, true)];
    if (!read) return exec ? 5 : write ? 6 : 0;
    return 1 + (write ? 2 : 0) + (exec ? 1 : 0);
  };
  return { classes: MAY, of: byAttributes(pieces, classOf) };
}

function useClass({ leaves, accessed, dirty }: Pieces, at: number): number {
  const [all, a, d] = [leaves[at] as number, accessed[at] as number, dirty[at] as number];
  if (d === all) return 4;
  if (d > 0) return 3;
  return a === 0 ? 0 : a === all ? 2 : 1;
}

function sizeClass(shift: number): number {
  return { 12: 0, 21: 1, 22: 2, 30: 3 }[shift] ?? 4;
}

const PAGE_BYTES = 4096;
/** So many regions are told apart; the last class is what else there is. */
const MOST_REGIONS = 30;

function colourByRegion(input: ColouringInput): Coloured {
  const names = new Map<string, number>();
  const labels: string[] = [];
  const numberOf = (label: string): number => {
    const known = names.get(label);
    if (known !== undefined) return known;
    const number = Math.min(labels.length, MOST_REGIONS);
    names.set(label, number);
    if (number === labels.length) labels.push(number === MOST_REGIONS ? 'others' : label);
    return number;
  };
  const { pieces, regions } = input;
  const [firsts, lasts] = [regions.map(({ first }) => Number(first)), regions.map(({ last }) => Number(last))];
  // Words are made once for what many pieces have: by the bits of classes, and by the only region.
  const [byClasses, byRegion] = [new Map<number, number>(), new Map<number, number>()];
  const numberOnce = (known: Map<number, number>, key: number, at: number): number => {
    const number = known.get(key) ?? numberOf(whatIsThere(input, at));
    known.set(key, number);
    return number;
  };
  const isInside = (nth: number, first: number, last: number): boolean =>
    (firsts[nth] as number) <= first && last <= (lasts[nth] as number);
  let region = 0;
  const of = eachPiece(pieces, (at) => {
    const classes = pieces.classes[at] as number;
    if (classes !== 0) return numberOnce(byClasses, classes, at);
    if (pieces.layout[at] === LAYOUT.scattered) return numberOf(UNKNOWN);
    const first = (pieces.physical[at] as number) * PAGE_BYTES;
    const last = first + physicalPages(pieces, at) * PAGE_BYTES - 1;
    // Most lie in the same region as the one before.
    if (isInside(region, first, last)) return numberOnce(byRegion, region, at);
    region = lowerBound(regions.length, (nth) => (lasts[nth] as number) < first);
    return isInside(region, first, last) ? numberOnce(byRegion, region, at) : numberOf(whatIsThere(input, at));
  });
  const classes = labels.map((label, nth) => ({
    label,
    colour: label === NOWHERE ? COLOURS.vermilion : label === UNKNOWN ? COLOURS.none : seriesColour(nth),
  }));
  return { classes: classes.length === 0 ? [{ label: 'nothing', colour: COLOURS.none }] : classes, of };
}

const NOWHERE = 'nothing';
const UNKNOWN = 'not known of scattered pages';
/** So many regions of a piece are told. */
const MOST_TOLD = 4;

/** Everything that a piece leads to: it may go beyond the end of a region. */
function whatIsThere({ pieces, regions, classNames }: ColouringInput, at: number): string {
  const classes = pieces.classes[at] as number;
  if (classes !== 0) return namesOfClasses(classes, classNames).join(', ');
  if (pieces.layout[at] === LAYOUT.scattered) return UNKNOWN;
  const first = pieces.physical[at] as number;
  const pages = physicalPages(pieces, at);
  return regionsWithin(regions, first * PAGE_BYTES, (first + pages) * PAGE_BYTES - 1).join(', ');
}

/** How many pages of physical memory a piece leads to that does not lead to scattered ones. */
function physicalPages({ layout, shift, pages }: Pieces, at: number): number {
  return layout[at] === LAYOUT.repeated ? 2 ** ((shift[at] as number) - 12) : (pages[at] as number);
}

function regionsWithin(regions: readonly PictureRegion[], first: number, last: number): readonly string[] {
  const names = new Set<string>();
  let address = first;
  for (let at = firstEndingAt(regions, first); address <= last; at += 1) {
    if (names.size === MOST_TOLD) return [...names, 'others'];
    const region = regions[at];
    const start = region === undefined ? Number.POSITIVE_INFINITY : Number(region.first);
    if (address < start) names.add(NOWHERE);
    if (region === undefined || start > last) break;
    names.add(nameOfRegion(region));
    address = Number(region.last) + 1;
  }
  return [...names];
}

/** The first region that does not end before an address. */
function firstEndingAt(regions: readonly PictureRegion[], address: number): number {
  return lowerBound(regions.length, (at) => Number((regions[at] as PictureRegion).last) < address);
}

function namesOfClasses(classes: number, classNames: readonly string[]): readonly string[] {
  return classNames.filter((_, at) => (classes & (1 << at)) !== 0);
}

const KINDS: Readonly<Record<PictureRegion['kind'], string>> = {
  ram: 'RAM',
  rom: 'ROM',
  device: 'device',
  none: 'nothing',
};

/** `RAM pc.ram`. @internal */
export function nameOfRegion(region: Pick<PictureRegion, 'kind' | 'name'>): string {
  return region.name === '' ? KINDS[region.kind] : `${KINDS[region.kind]} ${region.name}`;
}

/** What there is to know of a piece: size and rights, pages, A and D, what is there; empty where nothing is to be said. @internal */
export function describePiece(input: ColouringInput, at: number): readonly string[] {
  const { pieces, context } = input;
  const { rights, protectionKey, global } = decodeAttributes(context ?? WITHOUT_KEYS, pieces.attributes[at] as number);
  const [pages, shift, leaves] = [pieces.pages[at] as number, pieces.shift[at] as number, pieces.leaves[at] as number];
  const there = knowsRegions(input) ? whatIsThere(input, at) : '';
  const places: Readonly<Record<number, string>> = {
    [LAYOUT.inOnePiece]: '',
    [LAYOUT.repeated]: 'the same page time and again',
    [LAYOUT.scattered]: 'scattered',
  };
  return [
    `${formatSize(pages * 4096)} ${formatRights(rights)}${global ? ' G' : ''}${protectionKey ? ` key ${protectionKey}` : ''}`,
    needsEntries(input) === null
      ? `${leaves} page${leaves === 1 ? '' : 's'}${shift === 0 ? ' of several sizes' : ` of ${formatSize(2 ** shift)}`}`
      : 'no pages: paging is off',
    needsEntries(input) === null ? `A=${pieces.accessed[at]} D=${pieces.dirty[at]}` : '',
    [there, places[pieces.layout[at] as number] ?? ''].filter((text) => text !== '').join(', '),
  ];
}
