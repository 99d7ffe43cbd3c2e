import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { CHANGE_CLASSES, COLOURINGS, type Coloured, PHYSICAL_COLOURINGS } from '../../picture/internal.ts';
import type { CanvasHandle } from '../canvas/canvas-handle.ts';
import type { Stage } from '../canvas/stage.ts';
import { useKeys } from '../hooks/use-keys.ts';
import { pagesOfRange, useLink } from '../hooks/use-link.ts';
import { useMoments } from '../hooks/use-moments.ts';
import { useNavigation } from '../hooks/use-navigation.ts';
import { useChanges, useSpace } from '../hooks/use-space.ts';
import { useTheme } from '../hooks/use-theme.ts';
import type { LoadedMoment, Space } from '../moment/loaded-moment.ts';
import type { MomentFeed } from '../moment/moment-feed.ts';
import { buildStage, colourPieces, filterProblem, inputOf, physicalOf } from '../view/build-stage.ts';
import { describePage } from '../view/describe-place.ts';
import { decodeLink, type ViewState } from '../view/link.ts';
import { Heading } from './bar/heading.tsx';
import { Help } from './bar/help.tsx';
import { Notes } from './bar/notes.tsx';
import { Timeline } from './bar/timeline.tsx';
import { type ColouringChoice, Toolbar } from './bar/toolbar.tsx';
import { WhatIf } from './bar/what-if.tsx';
import { CanvasView } from './canvas-view.tsx';
import { FramePanel } from './panels/frame-panel.tsx';
import { Legend, legendRows } from './panels/legend.tsx';
import { RangeTable } from './panels/range-table.tsx';
import { WalkPanel } from './panels/walk-panel.tsx';

interface AppProps {
  readonly feed: MomentFeed;
  readonly first: readonly LoadedMoment[];
}

/** Registers that say what may be done with rights, and change none. */
const ACCESS_ONLY = /^(CR0\.WP|CR4\.(SMEP|SMAP|PKE|PKS)|RFLAGS\.AC|PKRU|PKRS)=/i;

/** The page. @internal */
export function App({ feed, first }: AppProps) {
  const [view, setView] = useState<ViewState>(() => decodeLink(location.hash.slice(1)));
  const moments = useMoments(feed, first, view.moment);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [moved, setMoved] = useState(0);
  const handle = useRef<CanvasHandle | null>(null);
  const search = useRef<HTMLInputElement>(null);

  const { index } = moments;
  const moment = moments.moments[Math.min(index, moments.moments.length - 1)] as LoadedMoment;
  const { compared, faded, frame, isTableOpen } = view;
  const { space, problem } = useSpace(moment, view.overrides);
  const before = compared === 'no' || index === 0 ? null : moments.moments[compared === 'first' ? 0 : index - 1];
  const changes = useChanges(before ?? null, moment);
  const isPhysical = view.order === 'physical';
  const physical = useMemo(() => (isPhysical ? physicalOf(space) : null), [isPhysical, space]);
  const coloured = useMemo(
    () => (isPhysical ? null : colourPieces(inputOf(moment, space))),
    [isPhysical, moment, space],
  );
  const hidden = useMemo(() => new Set(faded), [faded]);
  const { scale, colouring, physicalColouring, filter, order } = view;
  const stage = useMemo(
    () => buildStage({ moment, space, coloured, view, changes, hidden, physical }),
    [moment, space, coloured, changes, hidden, physical, scale, colouring, physicalColouring, filter, order],
  );
  const isDark = useTheme(view.theme);
  useEffect(() => {
    document.title = `${moment.heading.from} – pagewalk`;
  }, [moment]);

  const change = useCallback((part: Partial<ViewState>) => {
    // Classes of another order or colouring are others.
    const isOther = 'order' in part || 'colouring' in part || 'physicalColouring' in part;
    setView((old) => ({ ...old, ...(isOther ? { faded: [] } : {}), ...part }));
  }, []);
  // Moments of a guest that runs are of this page alone.
  const shown = feed.next === null && index < moments.moments.length - 1 ? index + 1 : null;
  const onLink = (next: ViewState): void => {
    setView(next);
    if (feed.next === null) moments.show(Math.min(next.moment ?? first.length, first.length) - 1);
  };
  useLink({ view: { ...view, moment: shown }, moment, stage, handle, moved, onLink });
  const navigation = useNavigation({ feed, moment, space, stage, isPhysical, handle, change });
  const { said } = navigation;

  const choices = useMemo(() => choicesOf(moment, space, isPhysical), [moment, space, isPhysical]);
  const [lane] = stage.lanes;
  const chosen = isPhysical ? physicalColouring : (lane?.id ?? colouring);
  const showsChanges = stage.changes !== null;
  const rows = useMemo(() => rowsOf(stage), [stage]);
  const setColouring = (id: string): void => change(isPhysical ? { physicalColouring: id } : { colouring: id });
  const play = (isOn: boolean): void => {
    moments.play(isOn);
    // Who watches wants to see what changes.
    if (isOn && compared === 'no') change({ compared: 'last' });
  };
  const toggle = (row: number): void => {
    const next = new Set(hidden);
    if (!next.delete(row)) next.add(row);
    change({ faded: [...next] });
  };
  const setOverrides = (overrides: readonly string[]): void => {
    const asked = overrides.find((each) => !view.overrides.includes(each));
    const isUnseen = order === 'linear' && lane?.id === 'rights' && asked !== undefined && ACCESS_ONLY.test(asked);
    const may = choices.find(({ id, why }) => id === 'supervisor' && why === null);
    if (isUnseen && may !== undefined) {
      navigation.say(`Rights are the same whatever ${asked} says: this is what the kernel may do with them.`);
      change({ overrides, colouring: may.id });
    } else change({ overrides });
  };
  const setTableOpen = (isOpen: boolean): void => change({ isTableOpen: isOpen });
  const closePanel = (): void => {
    navigation.close();
    handle.current?.focus();
  };
  const closeLast = (): void => {
    if (isHelpOpen) setHelpOpen(false);
    else if (view.selected !== null || frame !== null) navigation.close();
    else if (isTableOpen) setTableOpen(false);
    handle.current?.focus();
  };
  useKeys({
    handle,
    navigation,
    moments,
    colourings: choices.filter(({ why }) => why === null).map(({ id }) => id),
    isAlarming: (at) => isWritableAndExecutable(stage, at),
    onColouring: setColouring,
    onOrder: () => change({ order: isPhysical ? 'linear' : 'physical' }),
    onPlay: () => moments.canTake && play(!moments.isPlaying),
    onSearch: () => search.current?.focus(),
    onTable: () => setTableOpen(!isTableOpen),
    onHelp: () => setHelpOpen(!isHelpOpen),
    onClose: closeLast,
  });
  const selected = isPhysical ? frame : view.selected === null ? null : moment.pageOf(view.selected);

  return (
    <div class="page">
      <header class="top">
        <Heading moment={moment} hasTimeline={moments.canTake || moments.moments.length > 1} />
        <Toolbar
          view={view}
          isDark={isDark}
          colourings={choices}
          colouring={chosen}
          isTableOpen={isTableOpen}
          isHelpOpen={isHelpOpen}
          handle={handle}
          search={search}
          onFind={navigation.find}
          onView={change}
          onColouring={setColouring}
          onTable={() => setTableOpen(!isTableOpen)}
          onHelp={() => setHelpOpen(!isHelpOpen)}
        />
        <WhatIf context={space.context} overrides={view.overrides} problem={problem} onChange={setOverrides} />
        <Timeline
          moments={moments}
          compared={compared}
          isPhysical={isPhysical}
          onCompare={(next) => change({ compared: next })}
          onPlay={play}
        />
        {moments.trouble && (
          <p class="problem" role="alert">
            {moments.trouble} The picture is the last one that was taken.
          </p>
        )}
        {filterProblem(filter) && <p class="problem">{filterProblem(filter)}</p>}
        <Notes
          moment={moment}
          space={space}
          areChangesCut={stage.changes?.complete === false}
          scattered={physical?.scattered ?? 0}
        />
        {isHelpOpen && <Help />}
      </header>
      <CanvasView
        moment={moment}
        space={space}
        stage={stage}
        axisKey={`${order} ${scale}`}
        isDark={isDark}
        isPhysical={isPhysical}
        first={pagesOfRange(view, moment)}
        selected={selected}
        onHandle={(made) => {
          handle.current = made;
        }}
        onMoved={() => setMoved((count) => count + 1)}
        onChosen={navigation.choose}
      />
      <div class="below">
        <Legend
          title={showsChanges ? 'Changes' : (lane?.label ?? '')}
          explanation={
            rows.length === 0
              ? showsChanges
                ? 'nothing has changed'
                : 'no page is like that'
              : showsChanges
                ? ''
                : (choices.find(({ id }) => id === chosen)?.explanation ?? '')
          }
          rows={rows}
          isDark={isDark}
          hidden={hidden}
          onToggle={showsChanges ? null : toggle}
          onNext={(row) => {
            if (showsChanges) navigation.goToChange(row);
            else navigation.goTo(1, (at) => lane?.all[at] === row);
          }}
        />
        {!isPhysical && view.selected !== null && (
          <WalkPanel
            moment={moment}
            address={view.selected}
            access={view.access}
            overrides={view.overrides}
            facts={describePage({ moment, space, stage, isPhysical }, moment.pageOf(view.selected))}
            symbols={feed.symbols}
            onAccess={(access) => change({ access })}
            onClose={closePanel}
          />
        )}
        {isPhysical && frame !== null && (
          <FramePanel
            moment={moment}
            space={space}
            frame={frame}
            facts={describePage({ moment, space, stage, isPhysical }, frame)}
            onChosen={(address) => navigation.showAddress(address)}
            onClose={closePanel}
          />
        )}
        {isTableOpen && (
          <RangeTable
            moment={moment}
            space={space}
            stage={stage}
            seen={handle.current?.seenPages() ?? null}
            isPhysical={isPhysical}
            onChosen={navigation.choose}
          />
        )}
      </div>
      <p class="said" role="status" aria-live="polite">
        {said}
      </p>
    </div>
  );
}

function choicesOf(moment: LoadedMoment, space: Space, isPhysical: boolean): readonly ColouringChoice[] {
  if (isPhysical)
    return PHYSICAL_COLOURINGS.map(({ id, label, explanation }) => ({ id, label, explanation, why: null }));
  const input = inputOf(moment, space);
  return COLOURINGS.map(({ id, label, explanation, whyNot }) => ({ id, label, explanation, why: whyNot(input) }));
}

/** Whatever the large strip shows. */
function isWritableAndExecutable({ lanes }: Stage, at: number): boolean {
  const lane = lanes.find(({ id }) => id === 'rights' || id === 'times');
  return lane?.classes[lane.all[at] as number]?.isAlarming === true;
}

/** What the colours of the large strip mean, whether they are faded or not. */
function rowsOf({ pieces, lanes: [lane], changes }: Stage): ReturnType<typeof legendRows> {
  if (changes !== null) return legendRows({ classes: CHANGE_CLASSES, of: changes.of }, changes.pieces);
  const legend: Coloured = { classes: lane?.classes ?? [], of: lane?.all ?? new Uint8Array(0) };
  return legendRows(legend, pieces);
}
