import { useEffect, useRef, useState } from 'preact/hooks';
import { formatHex } from '../../paging/index.ts';
import { CHANGE_CLASSES, describePiece, endOf, pieceAt } from '../../picture/internal.ts';
import { formatPages, Painter, type Place, type Seen } from '../canvas/painter.ts';
import type { Stage } from '../canvas/stage.ts';
import { Zooming } from '../canvas/zooming.ts';
import type { LoadedMoment, Space } from '../moment/loaded-moment.ts';
import { inputOf } from './build-stage.ts';

/** What may be done to the picture from outside of it. @internal */
export interface CanvasHandle {
  showPages(first: number, end: number): void;
  step(steps: number): void;
  pan(share: number): void;
  showAll(): void;
  seenPages(): { readonly first: number; readonly end: number } | null;
}

interface CanvasProps {
  readonly moment: LoadedMoment;
  readonly space: Space;
  readonly stage: Stage;
  /** Changes when the axis is another one: what was seen means nothing on it. */
  readonly axisKey: string;
  readonly isDark: boolean;
  readonly isPhysical: boolean;
  readonly first: { readonly first: number; readonly end: number } | null;
  readonly onHandle: (handle: CanvasHandle) => void;
  readonly onMoved: () => void;
  readonly onChosen: (page: number, place: Place) => void;
  readonly onKey: (event: KeyboardEvent) => void;
}

interface Tip {
  readonly x: number;
  readonly y: number;
  readonly lines: readonly string[];
}

/** The picture, with what is under the pointer. @internal */
export function CanvasView(props: CanvasProps) {
  const { moment, stage, axisKey, isDark, onHandle } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const zooming = useRef<Zooming | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [tip, setTip] = useState<Tip | null>(null);

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const drawn = new Painter(element);
    const moved = new Zooming(element, drawn);
    painter.current = drawn;
    zooming.current = moved;
    drawn.onPainted = () => {
      // What waits for the first picture, a test or a measurement, waits for this.
      if (document.documentElement.dataset['picture'] === undefined) performance.mark('first-picture');
      document.documentElement.dataset['picture'] = 'shown';
    };
    moved.onMoved = () => {
      setTip(null);
      latest.current.onMoved();
    };
    const observer = new ResizeObserver(() => {
      drawn.resize();
      moved.fit(drawn.seen);
    });
    observer.observe(element);
    const pagesSeen = (): { first: number; end: number } | null => {
      const { axis } = drawn.stage ?? {};
      return axis === undefined ? null : { first: axis.pageOf(drawn.seen.from), end: axis.pageOf(drawn.seen.to) };
    };
    onHandle({
      showPages: (first, end) => moved.show(seenOf(drawn, first, end)),
      step: (steps) => moved.step(steps),
      pan: (share) => moved.pan(share),
      showAll: () => moved.show({ from: 0, to: drawn.stage?.axis.length ?? 1 }),
      seenPages: pagesSeen,
    });
    return () => observer.disconnect();
  }, []);

  const lastAxis = useRef('');
  useEffect(() => {
    const drawn = painter.current;
    const moved = zooming.current;
    if (drawn === null || moved === null) return;
    const before = drawn.stage;
    const pages =
      before === null
        ? latest.current.first
        : lastAxis.current === axisKey
          ? { first: before.axis.pageOf(drawn.seen.from), end: before.axis.pageOf(drawn.seen.to) }
          : null;
    const isWhole = before !== null && drawn.seen.to - drawn.seen.from >= before.axis.length * 0.999;
    lastAxis.current = axisKey;
    drawn.show(stage);
    drawn.resize();
    moved.fit(pages === null || isWhole ? { from: 0, to: stage.axis.length } : seenOf(drawn, pages.first, pages.end));
  }, [stage]);

  useEffect(() => painter.current?.setTheme(isDark), [isDark]);

  const pointAt = (event: PointerEvent | MouseEvent): { x: number; y: number } => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  const onPointerMove = (event: PointerEvent): void => {
    const { x, y } = pointAt(event);
    const place = painter.current?.placeAt(x, y) ?? null;
    if (place === null || event.buttons !== 0) {
      setTip(null);
      return;
    }
    painter.current?.point(Math.floor(place.page));
    setTip({ x, y, lines: describePlace(latest.current, place) });
  };

  const onClick = (event: MouseEvent): void => {
    const { x, y } = pointAt(event);
    const drawn = painter.current;
    const place = drawn?.placeAt(x, y) ?? null;
    if (place === null || drawn === null) return;
    if (drawn.isOverview(y)) {
      const seen = drawn.seen;
      const middle = (x / drawn.width) * (drawn.stage?.axis.length ?? 1);
      const half = (seen.to - seen.from) / 2;
      zooming.current?.show({ from: middle - half, to: middle + half });
      return;
    }
    latest.current.onChosen(Math.floor(place.page), place);
  };

  return (
    <div class="stage">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={`${moment.heading.from}: the address space as a picture. Arrow keys move, plus and minus zoom, n and p go from range to range, Enter shows the walk; the table below says the same.`}
        onPointerMove={onPointerMove}
        onPointerLeave={() => {
          painter.current?.point(null);
          setTip(null);
        }}
        onClick={onClick}
        onKeyDown={(event) => latest.current.onKey(event)}
      />
      {tip && (
        <div
          class="tip"
          style={{ left: `${Math.min(tip.x + 14, (painter.current?.width ?? 0) - 330)}px`, top: `${tip.y + 16}px` }}
        >
          {tip.lines.map((line, at) => (
            <div key={at}>{line}</div>
          ))}
        </div>
      )}
    </div>
  );
}

function seenOf({ stage }: Painter, first: number, end: number): Seen {
  if (stage === null) return { from: 0, to: 1 };
  const place = (page: number): number => {
    const whole = Math.floor(page);
    const from = stage.axis.placeOf(whole);
    return from + (stage.axis.placeOf(whole + 1) - from) * (page - whole);
  };
  return { from: place(first), to: place(end) };
}

/** What is at a place, in lines. @internal */
export function describePlace(
  { moment, space, stage, isPhysical }: Pick<CanvasProps, 'moment' | 'space' | 'stage' | 'isPhysical'>,
  { page, piece, pieces, part }: Place,
): readonly string[] {
  const address = formatHex(stage.addressOf(Math.floor(page)), 16);
  const name = stage.names.find((each) => page >= each.first && page < each.end);
  const named = name === undefined ? [] : [name.text];
  const { changes } = stage;
  const change = changes === null ? -1 : pieceAt(changes.pieces, page);
  const changed =
    change < 0 || changes === null ? [] : [changeLine(changes.all[change]?.differences ?? [], changes.of[change] ?? 0)];
  if (piece < 0) {
    const hole = part?.isHole ? `hole of ${formatPages(part.end - part.first)}` : 'nothing is mapped here';
    return [address, ...named, isPhysical ? 'no page leads here' : hole, ...changed];
  }
  const first = formatHex(stage.addressOf(pieces.first[piece] as number), 16);
  const last = formatHex(stage.addressOf(endOf(pieces, piece) - 1) | 0xfffn, 16);
  if (isPhysical) {
    const times = pieces.leaves[piece] as number;
    return [address, ...named, `${first}-${last}`, `mapped ${times} time${times === 1 ? '' : 's'}`];
  }
  return [
    address,
    ...named,
    `${first}-${last}`,
    ...describePiece(inputOf(moment, space, pieces), piece).split(' · '),
    ...changed,
  ];
}

function changeLine(differences: readonly string[], of: number): string {
  return `${CHANGE_CLASSES[of]?.label ?? 'changed'} (${differences.join(', ')})`;
}
