import { formatHex } from '../../paging/index.ts';

/** What a link carries: everything that the picture shows, but not what it is a picture of. @internal */
export interface ViewState {
  readonly order: 'linear' | 'physical';
  readonly scale: 'folded' | 'linear';
  readonly colouring: string;
  readonly physicalColouring: string;
  /** What is in view, first and last address; null for everything. */
  readonly range: { readonly first: bigint; readonly last: bigint } | null;
  /** A linear address whose walk is seen. */
  readonly selected: bigint | null;
  /** A physical page that was chosen in physical order. */
  readonly frame: number | null;
  /** Classes of the chosen colouring that are faded. */
  readonly faded: readonly number[];
  /** What a moment is compared with. */
  readonly compared: 'no' | 'last' | 'first';
  /** Which moment is seen, from 1 on; null for the last. */
  readonly moment: number | null;
  readonly isTableOpen: boolean;
  readonly access: { readonly write: boolean; readonly user: boolean; readonly exec: boolean };
  readonly overrides: readonly string[];
  readonly filter: string;
  readonly theme: 'auto' | 'light' | 'dark';
}

/** @internal */
export const FIRST_VIEW: ViewState = {
  order: 'linear',
  scale: 'folded',
  colouring: 'rights',
  physicalColouring: 'times',
  range: null,
  selected: null,
  frame: null,
  faded: [],
  compared: 'last',
  moment: null,
  isTableOpen: false,
  access: { write: false, user: false, exec: false },
  overrides: [],
  filter: '',
  theme: 'auto',
};

const NUMBER = /^0x[0-9a-f]{1,16}$/;
const MOST_OVERRIDES = 16;
const PAGE_BITS = 12n;
const CLASS = /^[0-9]{1,3}$/;
const MOMENT = /^[1-9][0-9]{0,3}$/;

/** What follows `#` in the address of the page. @internal */
export function encodeLink(view: ViewState): string {
  const words = new URLSearchParams();
  const put = (name: string, value: string, usual: string): void => {
    if (value !== usual) words.append(name, value);
  };
  put('order', view.order, FIRST_VIEW.order);
  put('scale', view.scale, FIRST_VIEW.scale);
  put('colour', view.colouring, FIRST_VIEW.colouring);
  put('frames', view.physicalColouring, FIRST_VIEW.physicalColouring);
  if (view.range !== null) put('at', `${formatHex(view.range.first)}-${formatHex(view.range.last)}`, '');
  if (view.selected !== null) put('walk', formatHex(view.selected), '');
  if (view.frame !== null) put('frame', formatHex(BigInt(view.frame) << PAGE_BITS), '');
  put('fade', view.faded.join('.'), '');
  put('since', view.compared, FIRST_VIEW.compared);
  put('moment', String(view.moment ?? ''), '');
  put('table', view.isTableOpen ? '1' : '', '');
  put('access', encodeAccessWord(view.access), 'r');
  for (const each of view.overrides) words.append('set', each);
  put('filter', view.filter, '');
  put('theme', view.theme, FIRST_VIEW.theme);
  return words.toString();
}

function encodeAccessWord({ write, user, exec }: ViewState['access']): string {
  return `${exec ? 'x' : write ? 'w' : 'r'}${user ? 'u' : ''}`;
}

/** What makes no sense in a link is left out: it may come from anywhere. @internal */
export function decodeLink(text: string): ViewState {
  const words = new URLSearchParams(text);
  const oneOf = <T extends string>(name: string, known: readonly T[], usual: T): T =>
    known.find((each) => each === words.get(name)) ?? usual;
  const [first, last] = (words.get('at') ?? '').split('-').map(numberOf);
  const access = words.get('access') ?? 'r';
  return {
    order: oneOf('order', ['linear', 'physical'], FIRST_VIEW.order),
    scale: oneOf('scale', ['folded', 'linear'], FIRST_VIEW.scale),
    colouring: words.get('colour') ?? FIRST_VIEW.colouring,
    physicalColouring: words.get('frames') ?? FIRST_VIEW.physicalColouring,
    range: first == null || last == null || last < first ? null : { first, last },
    selected: numberOf(words.get('walk') ?? ''),
    frame: pageOf(numberOf(words.get('frame') ?? '')),
    faded: (words.get('fade') ?? '')
      .split('.')
      .filter((text) => CLASS.test(text))
      .map(Number),
    compared: oneOf('since', ['no', 'last', 'first'], FIRST_VIEW.compared),
    moment: MOMENT.test(words.get('moment') ?? '') ? Number(words.get('moment')) : null,
    isTableOpen: words.get('table') === '1',
    access: { write: access.startsWith('w'), exec: access.startsWith('x'), user: access.endsWith('u') },
    overrides: words.getAll('set').slice(0, MOST_OVERRIDES),
    filter: words.get('filter') ?? '',
    theme: oneOf('theme', ['auto', 'light', 'dark'], FIRST_VIEW.theme),
  };
}

function pageOf(address: bigint | null): number | null {
  return address === null ? null : Number(address >> PAGE_BITS);
}

function numberOf(text: string): bigint | null {
  return NUMBER.test(text) ? BigInt(text) : null;
}
