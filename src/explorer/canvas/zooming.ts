import { select } from 'd3-selection';
import { type ZoomBehavior, type ZoomTransform, zoom, zoomIdentity } from 'd3-zoom';
import type { Painter } from './painter.ts';
import type { Seen } from './ruler.ts';

/** A page is at most so many points wide, and at closest one page and its neighbours are seen. */
const WIDEST_PAGE = 160;
/** Beyond this a point of the screen is not told from the next by a number of 53 bits. */
const LARGEST_ZOOM = 2 ** 44;
const STEP = 1.6;

/** Mouse, touch and keys: what of the axis is seen. @internal */
export class Zooming {
  readonly #canvas: HTMLCanvasElement;
  readonly #painter: Painter;
  readonly #behaviour: ZoomBehavior<HTMLCanvasElement, unknown>;
  /** Called when what is seen begins to change. */
  onMoving: (() => void) | null = null;
  /** Called when what is seen has changed, and stays for now. */
  onMoved: (() => void) | null = null;

  constructor(canvas: HTMLCanvasElement, painter: Painter) {
    this.#canvas = canvas;
    this.#painter = painter;
    this.#behaviour = zoom<HTMLCanvasElement, unknown>()
      .filter((event: MouseEvent) => !event.ctrlKey || event.type === 'wheel')
      .clickDistance(4)
      .on('zoom', ({ transform }: { readonly transform: ZoomTransform }) => {
        this.#painter.look(this.#seenBy(transform));
        this.onMoving?.();
      })
      .on('end', () => this.onMoved?.());
    select(canvas)
      .call(this.#behaviour)
      // Two clicks are two looks at a walk; two touches, which d3-zoom counts by itself and sends here, come closer.
      .on('dblclick.zoom', (event: Event) => {
        if (event.type !== 'touchend') return;
        const [touch] = (event as TouchEvent).changedTouches;
        if (touch !== undefined) this.step(2, touch.clientX - canvas.getBoundingClientRect().left);
      });
  }

  /** The canvas, or what is on it, has another size: what is seen stays as far as it can. */
  fit(seen: Seen): void {
    const { width, stage } = this.#painter;
    const length = stage?.axis.length ?? 1;
    const closest = (length / (stage?.axis.smallestPage ?? length)) * (WIDEST_PAGE / width);
    this.#behaviour
      .scaleExtent([1, Math.min(LARGEST_ZOOM, Math.max(8, closest))])
      .extent([
        [0, 0],
        [width, 1],
      ])
      .translateExtent([
        [0, 0],
        [width, 1],
      ]);
    this.show(seen);
  }

  show({ from, to }: Seen): void {
    const { width, stage } = this.#painter;
    const length = stage?.axis.length ?? 1;
    const [, most] = this.#behaviour.scaleExtent();
    const scale = Math.max(1, Math.min(most, length / Math.max(to - from, Number.MIN_VALUE)));
    const middle = (from + to) / 2;
    const left = Math.min(Math.max(0, middle - length / scale / 2), length - length / scale);
    const transform = zoomIdentity.translate(-(left / length) * width * scale, 0).scale(scale);
    select(this.#canvas).call(this.#behaviour.transform, transform);
  }

  /** @param steps - positive to come closer */
  step(steps: number, at = this.#painter.width / 2): void {
    select(this.#canvas).call(this.#behaviour.scaleBy, STEP ** steps, [at, 0]);
  }

  /** @param share - of what is seen; positive to the right */
  pan(share: number): void {
    const { from, to } = this.#painter.seen;
    const by = (to - from) * share;
    this.show({ from: from + by, to: to + by });
  }

  #seenBy({ k, x }: ZoomTransform): Seen {
    const { width, stage } = this.#painter;
    const length = stage?.axis.length ?? 1;
    const from = (-x / (k * width)) * length;
    return { from, to: from + length / k };
  }
}
