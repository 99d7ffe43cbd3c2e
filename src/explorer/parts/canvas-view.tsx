import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { CanvasHandle } from '../canvas/canvas-handle.ts';
import { Painter, type Place } from '../canvas/painter.ts';
import type { Seen } from '../canvas/ruler.ts';
import type { Stage } from '../canvas/stage.ts';
import { Zooming } from '../canvas/zooming.ts';
import type { LoadedMoment, Space } from '../moment/loaded-moment.ts';
import { describePlace } from '../view/describe-place.ts';

interface CanvasProps {
  readonly moment: LoadedMoment;
  readonly space: Space;
  readonly stage: Stage;
  /** Changes when the axis is another one: what was seen means nothing on it. */
  readonly axisKey: string;
  readonly isDark: boolean;
  readonly isPhysical: boolean;
  readonly first: { readonly first: number; readonly end: number } | null;
  /** The page that was chosen; null for none. */
  readonly selected: number | null;
  readonly onHandle: (handle: CanvasHandle) => void;
  readonly onMoved: () => void;
  readonly onChosen: (page: number, place: Place) => void;
}

interface Tip {
  readonly x: number;
  readonly y: number;
  readonly lines: readonly string[];
}

/** The picture, with what is under the pointer. @internal */
export function CanvasView(props: CanvasProps) {
  const { moment, stage, axisKey, isDark, selected, onHandle } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const zooming = useRef<Zooming | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [tip, setTip] = useState<Tip | null>(null);

  useLayoutEffect(() => {
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
    moved.onMoving = () => setTip(null);
    moved.onMoved = () => latest.current.onMoved();
    const observer = new ResizeObserver(() => {
      const isResized = drawn.resize();
      moved.fit(drawn.seen);
      // This frame is shown before another one begins.
      if (isResized) drawn.paintNow();
    });
    observer.observe(element);
    const pagesSeen = (): { first: number; end: number } | null => {
      const { axis } = drawn.stage ?? {};
      return axis === undefined ? null : { first: axis.pageOf(drawn.seen.from), end: axis.pageOf(drawn.seen.to) };
    };
    const showPages = (first: number, end: number): void => moved.show(seenOf(drawn, first, end));
    onHandle({
      showPages,
      showLater: (first, end) => void requestAnimationFrame(() => showPages(first, end)),
      step: (steps) => moved.step(steps),
      pan: (share) => moved.pan(share),
      showAll: () => moved.show({ from: 0, to: drawn.stage?.axis.length ?? 1 }),
      focus: () => element.focus({ preventScroll: true }),
      seenPages: pagesSeen,
    });
    return () => observer.disconnect();
  }, []);

  const lastAxis = useRef('');
  // Before the next frame: what is to be shown then is on this axis.
  useLayoutEffect(() => {
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

  useLayoutEffect(() => painter.current?.setTheme(isDark), [isDark]);
  useLayoutEffect(() => painter.current?.select(selected), [selected]);

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
        aria-label={`${moment.heading.from}: the address space as a picture. Arrow keys move, plus and minus zoom, n and p go from range to range, Enter shows the walk; the table says the same.`}
        onPointerMove={onPointerMove}
        onPointerLeave={() => {
          painter.current?.point(null);
          setTip(null);
        }}
        onClick={onClick}
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
