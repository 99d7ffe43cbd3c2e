import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PagingMode } from '../../paging/index.ts';
import { formatHex } from '../../paging/index.ts';
import {
  CHANGE_CLASSES,
  COLOURINGS,
  type Coloured,
  endOf,
  mappingsOf,
  PHYSICAL_COLOURINGS,
  pieceAt,
  pieceFrom,
} from '../../picture/internal.ts';
import { formatAssumption, formatMode, formatOwner } from '../../report/index.ts';
import type { LoadedMoment } from '../moment/loaded-moment.ts';
import type { MomentFeed } from '../moment/moment-feed.ts';
import { decodeLink, encodeLink, type ViewState } from '../view/link.ts';
import { buildStage, filterProblem, inputOf, physicalOf, usableColourings } from './build-stage.ts';
import { type CanvasHandle, CanvasView } from './canvas-view.tsx';
import { findPlace } from './find-place.ts';
import { Legend, legendRows } from './legend.tsx';
import { RangeTable } from './range-table.tsx';
import { Timeline } from './timeline.tsx';
import { useChanges, useSpace } from './use-space.ts';
import { WalkPanel } from './walk-panel.tsx';
import { WhatIf } from './what-if.tsx';

interface AppProps {
  readonly feed: MomentFeed;
  readonly first: readonly LoadedMoment[];
}

/** Moments are kept as long as they take no more than this in all. */
const MOST_KEPT_BYTES = 256 << 20;
const LINK_DELAY_MS = 250;
const SOME_MAPPINGS = 12;

/** The page. @internal */
export function App({ feed, first }: AppProps) {
  const [moments, setMoments] = useState(first);
  const [index, setIndex] = useState(first.length - 1);
  const [compared, setCompared] = useState<'no' | 'last' | 'first'>(first.length > 1 ? 'last' : 'no');
  const [view, setView] = useState<ViewState>(() => decodeLink(location.hash.slice(1)));
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const [isPlaying, setPlaying] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [said, setSaid] = useState('');
  const [query, setQuery] = useState('');
  const [isTableOpen, setTableOpen] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [moved, setMoved] = useState(0);
  const [frame, setFrame] = useState<number | null>(null);
  const handle = useRef<CanvasHandle | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const cursor = useRef(-1);

  const change = useCallback((part: Partial<ViewState>) => setView((old) => ({ ...old, ...part })), []);
  const moment = moments[Math.min(index, moments.length - 1)] as LoadedMoment;
  const { space, problem } = useSpace(moment, view.overrides);
  const before = compared === 'no' || index === 0 ? null : (moments[compared === 'first' ? 0 : index - 1] ?? null);
  const changes = useChanges(before, moment);
  const isPhysical = view.order === 'physical';
  const physical = useMemo(() => (isPhysical ? physicalOf(space) : null), [isPhysical, space]);
  const stage = useMemo(
    () => buildStage({ moment, space, view, changes, hidden, physical }),
    [
      moment,
      space,
      changes,
      hidden,
      physical,
      view.scale,
      view.colouring,
      view.physicalColouring,
      view.filter,
      view.selected,
      view.order,
    ],
  );
  const prefersDark = usePrefersDark();
  const isDark = view.theme === 'auto' ? prefersDark : view.theme === 'dark';
  useEffect(() => {
    document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
  }, [isDark]);
  useEffect(() => {
    document.title = `${moment.heading.from} – pagewalk`;
  }, [moment]);

  // The link follows what is seen, a little later.
  useEffect(() => {
    const timer = setTimeout(() => {
      const pages = handle.current?.seenPages() ?? null;
      const { axis } = stage;
      const isAll = pages === null || (pages.first <= axis.pageOf(0) && pages.end >= axis.pageOf(axis.length) - 1);
      const range = isAll
        ? null
        : { first: stage.addressOf(Math.floor(pages.first)), last: stage.addressOf(Math.ceil(pages.end) - 1) | 0xfffn };
      const link = encodeLink({ ...view, range });
      if (`#${link}` !== location.hash) history.replaceState(null, '', link === '' ? location.pathname : `#${link}`);
    }, LINK_DELAY_MS);
    return () => clearTimeout(timer);
  }, [view, moved, stage]);
  useEffect(() => {
    const onHash = (): void => {
      const next = decodeLink(location.hash.slice(1));
      setView(next);
      const pages = pagesOfRange(next, moment);
      if (pages !== null) handle.current?.showPages(pages.first, pages.end);
    };
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, [moment]);

  const step = useCallback(() => {
    if (feed.next === null) return;
    setBusy(true);
    feed.next().then(
      (taken) => {
        setMoments((old) => {
          const all = keepWithin([...old, taken]);
          setIndex(all.length - 1);
          return all;
        });
        setTrouble(null);
        setBusy(false);
      },
      (error: unknown) => {
        setTrouble(error instanceof Error ? error.message : String(error));
        setPlaying(false);
        setBusy(false);
      },
    );
  }, [feed]);

  const choose = useCallback(
    (page: number, isDirect = true): void => {
      cursor.current = page;
      if (isPhysical) {
        setFrame(page);
        return;
      }
      if (isDirect) change({ selected: moment.addressOf(page) });
    },
    [isPhysical, moment, change],
  );

  const showPiece = (first: number, end: number): void => {
    const seen = handle.current?.seenPages() ?? null;
    if (seen === null || first < seen.first || end > seen.end) {
      const margin = Math.max(2, Math.floor((end - first) / 2));
      handle.current?.showPages(Math.max(0, first - margin), end + margin);
    }
  };

  /** To the next or the last range; or to the next of a class. */
  const goTo = (direction: 1 | -1, wanted: ((at: number) => boolean) | null = null): void => {
    const { pieces } = stage;
    if (pieces.length === 0) return;
    const from = cursor.current < 0 ? (handle.current?.seenPages()?.first ?? 0) - 1 : cursor.current;
    let at = pieceFrom(pieces, Math.max(0, from));
    if (direction > 0 && at < pieces.length && (pieces.first[at] as number) <= from) at += 1;
    if (direction < 0) at -= 1;
    for (let tried = 0; tried < pieces.length; tried += 1, at += direction) {
      at = (at + pieces.length) % pieces.length;
      if (wanted === null || wanted(at)) break;
    }
    const first = pieces.first[at] as number;
    cursor.current = first;
    showPiece(first, endOf(pieces, at));
    setSaid(
      `${formatHex(stage.addressOf(first), 16)} ${stage.lanes[0]?.classes[stage.lanes[0].of[at] as number]?.label ?? ''}`,
    );
    if (isPhysical) setFrame(first);
    else change({ selected: stage.addressOf(first) });
  };

  const find = (event: Event): void => {
    event.preventDefault();
    if (query.trim() === '') return;
    const found = findPlace(query, moment, space, cursor.current);
    if (typeof found === 'string') {
      setSaid(found);
      return;
    }
    cursor.current = found.first;
    change({ order: 'linear', selected: found.address });
    setSaid(found.message === '' && pieceAt(space.pieces, found.first) < 0 ? 'nothing is mapped there' : found.message);
    const margin = Math.max(4, Math.floor((found.end - found.first) / 4));
    requestAnimationFrame(() => handle.current?.showPages(Math.max(0, found.first - margin), found.end + margin));
  };

  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const usable = usableColourings(inputOf(moment, space));
    const keys: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => handle.current?.pan(-0.15),
      ArrowRight: () => handle.current?.pan(0.15),
      ArrowUp: () => handle.current?.step(1),
      ArrowDown: () => handle.current?.step(-1),
      '+': () => handle.current?.step(1),
      '=': () => handle.current?.step(1),
      '-': () => handle.current?.step(-1),
      Home: () => handle.current?.showAll(),
      0: () => handle.current?.showAll(),
      n: () => goTo(1),
      p: () => goTo(-1),
      w: () => goTo(1, (at) => stage.lanes[0]?.classes[stage.lanes[0].of[at] as number]?.isAlarming === true),
      Enter: () => {
        if (cursor.current >= 0) choose(cursor.current);
      },
      Escape: () => change({ selected: null }),
      f: () => change({ order: isPhysical ? 'linear' : 'physical' }),
      t: () => setTableOpen(!isTableOpen),
      '/': () => search.current?.focus(),
      '?': () => setHelpOpen(!isHelpOpen),
      ' ': () => feed.next !== null && setPlaying(!isPlaying),
      '.': () => !isBusy && step(),
    };
    const number = Number(event.key) - 1;
    const colouring = event.key === '0' ? undefined : usable[number];
    const act = keys[event.key] ?? (colouring === undefined ? undefined : () => change({ colouring: colouring.id }));
    if (act === undefined) return;
    event.preventDefault();
    act();
  };

  const [lane] = stage.lanes;
  const shownChanges = !isPhysical && changes !== null;
  const legend: Coloured = shownChanges
    ? { classes: CHANGE_CLASSES, of: changes.of }
    : { classes: lane?.classes ?? [], of: unfiltered(moment, space, view, stage) };
  const rows = useMemo(() => legendRows(legend, shownChanges ? changes.pieces : stage.pieces), [stage, changes]);
  const isComplete = space.pieces.complete;
  const { heading } = moment;
  const colourings = isPhysical
    ? PHYSICAL_COLOURINGS.map((each) => ({ ...each, why: null }))
    : COLOURINGS.map((each) => ({ ...each, why: each.whyNot(inputOf(moment, space)) }));
  const chosenColouring = isPhysical ? view.physicalColouring : (lane?.id ?? view.colouring);

  return (
    <div class="page">
      <header class="top">
        <h1>
          {heading.from}
          <small>
            {formatMode(heading.mode as PagingMode)}
            {heading.mode !== 'off' && heading.state !== null ? `, CR3 ${formatHex(heading.space.cr3)}` : ''}
            {heading.space.owner ? ` (${formatOwner(heading.space.owner)})` : ''}, vCPU {heading.cpu}
            {(heading.space.changes ?? []).length > 0 ? `, if ${heading.space.changes?.join(' and ')}` : ''},{' '}
            {new Date(heading.takenAtMs).toLocaleString()}
          </small>
        </h1>
        <div class="tools">
          <search>
            <form onSubmit={find}>
              <input
                ref={search}
                type="search"
                aria-label="Search: an address, phys: and a physical one, a name"
                placeholder="0x…, phys:0x…, name"
                value={query}
                onInput={(event) => setQuery(event.currentTarget.value)}
              />
            </form>
          </search>
          <label>
            Order{' '}
            <select
              value={view.order}
              onChange={(event) => {
                setHidden(new Set());
                change({ order: event.currentTarget.value as ViewState['order'] });
              }}
            >
              <option value="linear">linear</option>
              <option value="physical">physical</option>
            </select>
          </label>
          <label>
            Scale{' '}
            <select
              value={view.scale}
              onChange={(event) => change({ scale: event.currentTarget.value as ViewState['scale'] })}
            >
              <option value="folded">holes folded</option>
              <option value="linear">true to scale</option>
            </select>
          </label>
          <label>
            Colour{' '}
            <select
              value={chosenColouring}
              onChange={(event) => {
                setHidden(new Set());
                const { value } = event.currentTarget;
                change(isPhysical ? { physicalColouring: value } : { colouring: value });
              }}
            >
              {colourings.map(({ id, label, why }) => (
                <option key={id} value={id} disabled={why !== null} title={why ?? ''}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          {!isPhysical && (
            <label>
              Filter{' '}
              <input
                class="filter"
                aria-label="Filter as in pagewalk map: w+x,user"
                placeholder="w+x,user"
                size={9}
                value={view.filter}
                onInput={(event) => change({ filter: event.currentTarget.value })}
              />
            </label>
          )}
          <fieldset class="zoom" aria-label="Zoom">
            <button type="button" aria-label="Zoom out" onClick={() => handle.current?.step(-1)}>
              −
            </button>
            <button type="button" aria-label="Zoom in" onClick={() => handle.current?.step(1)}>
              +
            </button>
            <button type="button" onClick={() => handle.current?.showAll()}>
              all
            </button>
          </fieldset>
          <button type="button" aria-pressed={isTableOpen} onClick={() => setTableOpen(!isTableOpen)}>
            table
          </button>
          <button type="button" onClick={() => change({ theme: isDark ? 'light' : 'dark' })}>
            {isDark ? 'light' : 'dark'}
          </button>
          <button type="button" aria-expanded={isHelpOpen} onClick={() => setHelpOpen(!isHelpOpen)}>
            ?
          </button>
        </div>
        <WhatIf
          context={space.context}
          overrides={view.overrides}
          problem={problem}
          onChange={(overrides) => change({ overrides })}
        />
        <Timeline
          moments={moments}
          index={index}
          compared={compared}
          canTake={feed.next !== null}
          isPlaying={isPlaying}
          isBusy={isBusy}
          onShow={setIndex}
          onCompare={setCompared}
          onPlay={(isOn) => {
            setPlaying(isOn);
            // Who watches wants to see what changes.
            if (isOn && compared === 'no') setCompared('last');
          }}
          onStep={step}
        />
        {trouble && (
          <p class="problem" role="alert">
            {trouble} The picture is the last one that was taken.
          </p>
        )}
        {filterProblem(view.filter) && <p class="problem">{filterProblem(view.filter)}</p>}
        {notesOf(moment, isComplete, shownChanges && !changes.complete, physical?.scattered ?? 0).map((note) => (
          <p class="note" key={note}>
            {note}
          </p>
        ))}
        {isHelpOpen && <Help />}
      </header>
      <CanvasView
        moment={moment}
        space={space}
        stage={stage}
        axisKey={`${view.order} ${view.scale}`}
        isDark={isDark}
        isPhysical={isPhysical}
        first={pagesOfRange(view, moment)}
        onHandle={(made) => {
          handle.current = made;
        }}
        onMoved={() => setMoved((count) => count + 1)}
        onChosen={(page) => choose(page)}
        onKey={onKey}
      />
      <div class="below">
        <Legend
          title={shownChanges ? 'Changes' : (lane?.label ?? '')}
          explanation={shownChanges ? '' : (colourings.find(({ id }) => id === chosenColouring)?.explanation ?? '')}
          rows={rows}
          isDark={isDark}
          hidden={hidden}
          onToggle={
            shownChanges
              ? null
              : (row) => {
                  const next = new Set(hidden);
                  if (!next.delete(row)) next.add(row);
                  setHidden(next);
                }
          }
          onNext={(row) => {
            if (!shownChanges) return goTo(1, (at) => legend.of[at] === row);
            const { pieces, of } = changes;
            const next = nextOf(of, row, pieceFrom(pieces, cursor.current + 1));
            if (next >= 0) {
              cursor.current = pieces.first[next] as number;
              showPiece(cursor.current, endOf(pieces, next));
              choose(cursor.current);
            }
          }}
        />
        {!isPhysical && view.selected !== null && (
          <WalkPanel
            moment={moment}
            address={view.selected}
            access={view.access}
            overrides={view.overrides}
            onAccess={(access) => change({ access })}
            onClose={() => change({ selected: null })}
          />
        )}
        {isPhysical && frame !== null && (
          <FramePanel
            moment={moment}
            frame={frame}
            pages={mappingsOf(space.pieces, frame, SOME_MAPPINGS + 1)}
            onChosen={(page) => {
              change({ order: 'linear', selected: moment.addressOf(page) });
              requestAnimationFrame(() => handle.current?.showPages(Math.max(0, page - 4), page + 5));
            }}
          />
        )}
        {isTableOpen && (
          <RangeTable
            moment={moment}
            space={space}
            stage={stage}
            seen={handle.current?.seenPages() ?? null}
            isPhysical={isPhysical}
            onChosen={(page) => choose(page)}
          />
        )}
      </div>
      <p class="said" role="status" aria-live="polite">
        {said}
      </p>
    </div>
  );
}

function nextOf(of: Uint8Array, wanted: number, from: number): number {
  const next = of.indexOf(wanted, from);
  return next < 0 ? of.indexOf(wanted) : next;
}

/** The classes of the chosen colouring, whether they are faded or not. */
function unfiltered(
  moment: LoadedMoment,
  space: Parameters<typeof inputOf>[1],
  view: ViewState,
  stage: ReturnType<typeof buildStage>,
): Uint8Array {
  const [lane] = stage.lanes;
  if (view.order === 'physical') {
    return PHYSICAL_COLOURINGS.find(({ id }) => id === lane?.id)?.colour(stage.pieces).of ?? new Uint8Array(0);
  }
  return COLOURINGS.find(({ id }) => id === lane?.id)?.colour(inputOf(moment, space)).of ?? new Uint8Array(0);
}

function pagesOfRange({ range, order }: ViewState, moment: LoadedMoment): { first: number; end: number } | null {
  if (range === null) return null;
  if (order === 'physical') return { first: Number(range.first >> 12n), end: Number(range.last >> 12n) + 1 };
  return { first: moment.pageOf(range.first), end: moment.pageOf(range.last) + 1 };
}

function keepWithin(moments: readonly LoadedMoment[]): readonly LoadedMoment[] {
  let kept = moments;
  const total = (all: readonly LoadedMoment[]): number => all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  while (kept.length > 2 && (total(kept) > MOST_KEPT_BYTES || kept.length > 120)) kept = kept.slice(1);
  return kept;
}

/** What makes the picture doubtful, or less than whole. */
function notesOf(
  { heading, space }: LoadedMoment,
  isComplete: boolean,
  areChangesCut: boolean,
  scattered: number,
): readonly string[] {
  return [
    ...heading.assumed.map((each) => `assumed: ${formatAssumption(each)}`),
    ...heading.notes,
    ...(heading.whyNoWalks === null ? [] : [heading.whyNoWalks]),
    ...(isComplete ? [] : ['There is more than is shown: the picture is incomplete.']),
    ...(areChangesCut ? ['There are more changes than are shown.'] : []),
    ...(scattered > 0 ? [`${scattered} ranges lead to scattered pages, and are left out in physical order.`] : []),
    ...(space.nested === null
      ? []
      : ['The vCPU runs a nested guest (L2): rights are what both stages leave, physical addresses are L1 physical.']),
  ];
}

function FramePanel({
  moment,
  frame,
  pages,
  onChosen,
}: {
  readonly moment: LoadedMoment;
  readonly frame: number;
  readonly pages: readonly number[];
  readonly onChosen: (page: number) => void;
}) {
  const shown = pages.slice(0, SOME_MAPPINGS);
  return (
    <section class="panel" aria-label="What leads there">
      <h2>Physical {formatHex(BigInt(frame) << 12n)}</h2>
      <p>{pages.length === 0 ? 'No linear address leads there.' : 'These linear addresses lead there:'}</p>
      <ul class="mappings">
        {shown.map((page) => (
          <li key={page}>
            <button type="button" onClick={() => onChosen(page)}>
              {formatHex(moment.addressOf(page), 16)}
            </button>
          </li>
        ))}
        {pages.length > shown.length && <li>and more</li>}
      </ul>
    </section>
  );
}

const KEYS: readonly (readonly [string, string])[] = [
  ['← →', 'move'],
  ['↑ ↓ + −', 'zoom; the wheel and two fingers do so too'],
  ['Home', 'everything'],
  ['n p', 'the next, the last range'],
  ['w', 'the next that is writable and executable'],
  ['Enter', 'the walk'],
  ['Esc', 'close the walk'],
  ['1 … 7', 'colours'],
  ['f', 'frames: physical order'],
  ['/', 'search'],
  ['t', 'table'],
  ['Space .', 'play, step (of a guest that runs)'],
];

function Help() {
  return (
    <dl class="help">
      {KEYS.map(([keys, text]) => (
        <div key={keys}>
          <dt>
            <kbd>{keys}</kbd>
          </dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function usePrefersDark(): boolean {
  const [query] = useState(() => matchMedia('(prefers-color-scheme: dark)'));
  const [matches, setMatches] = useState(query.matches);
  useEffect(() => {
    const onChange = (): void => setMatches(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, [query]);
  return matches;
}
