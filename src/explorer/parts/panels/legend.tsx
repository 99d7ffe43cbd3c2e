import { type ColourClass, type Coloured, NOTHING, type Pieces } from '../../../picture/internal.ts';
import { formatPages } from '../../canvas/format-pages.ts';

interface LegendProps {
  readonly title: string;
  readonly explanation: string;
  readonly rows: readonly LegendRow[];
  readonly isDark: boolean;
  readonly hidden: ReadonlySet<number>;
  readonly onToggle: ((row: number) => void) | null;
  readonly onNext: (row: number) => void;
}

/** One colour, and how much has it. @internal */
export interface LegendRow {
  readonly number: number;
  readonly known: ColourClass;
  readonly pages: number;
  readonly pieces: number;
}

/** What there is of each class; none of those that nothing has. @internal */
export function legendRows({ classes, of }: Coloured, pieces: Pieces): readonly LegendRow[] {
  const pages = new Float64Array(256);
  const count = new Float64Array(256);
  for (let at = 0; at < of.length; at += 1) {
    const each = of[at] as number;
    if (each === NOTHING) continue;
    pages[each] = (pages[each] as number) + (pieces.pages[at] as number);
    count[each] = (count[each] as number) + 1;
  }
  return classes.flatMap((known, number) =>
    count[number] === 0 ? [] : [{ number, known, pages: pages[number] as number, pieces: count[number] as number }],
  );
}

/** What the colours mean; a click fades a class, or goes to the next of it. @internal */
export function Legend({ title, explanation, rows, isDark, hidden, onToggle, onNext }: LegendProps) {
  return (
    <section class="legend" aria-label={`Legend: ${title}`}>
      <h2>
        {title} <small>{explanation}</small>
      </h2>
      <ul>
        {rows.map(({ number, known, pages, pieces }) => (
          <li key={number} class={hidden.has(number) ? 'hidden' : ''}>
            <button
              type="button"
              class="swatch"
              data-class={known.label}
              aria-pressed={!hidden.has(number)}
              aria-label={`${hidden.has(number) ? 'Show' : 'Fade'} ${known.label}`}
              title={hidden.has(number) ? 'Show' : 'Fade'}
              disabled={onToggle === null}
              onClick={() => onToggle?.(number)}
            >
              <svg width="16" height="16" aria-hidden="true">
                <rect width="16" height="16" fill={isDark ? known.colour.dark : known.colour.light} />
                {known.isAlarming && (
                  <path d="M-2 18 L18 -2 M-2 8 L8 -2 M8 18 L18 8" stroke={isDark ? '#000' : '#fff'} stroke-width="2" />
                )}
              </svg>
            </button>
            <span class={known.isAlarming ? 'alarm' : ''}>{known.label}</span>
            <span class="amount">
              {formatPages(pages)} in {pieces} part{pieces === 1 ? '' : 's'}
            </span>
            <button
              type="button"
              class="next"
              aria-label={`Next: ${known.label}`}
              title="Go to the next"
              onClick={() => onNext(number)}
            >
              ›
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
