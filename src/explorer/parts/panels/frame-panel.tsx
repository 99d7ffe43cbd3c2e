import { useMemo } from 'preact/hooks';
import { formatHex } from '../../../paging/index.ts';
import type { LoadedMoment, Space } from '../../moment/loaded-moment.ts';

const MOST_SHOWN = 12;

interface FrameProps {
  readonly moment: LoadedMoment;
  readonly space: Space;
  /** A physical page. */
  readonly frame: number;
  readonly onChosen: (address: bigint) => void;
  readonly onClose: () => void;
}

/** The linear addresses that lead to a physical page. @internal */
export function FramePanel({ moment, space, frame, onChosen, onClose }: FrameProps) {
  const { pages, isWhole } = useMemo(() => moment.mappingsOf(space, frame, MOST_SHOWN + 1), [moment, space, frame]);
  const title = `Physical ${formatHex(BigInt(frame) << 12n)}`;
  return (
    <section class="panel" aria-label={`What leads to ${title}`}>
      <header>
        <h2>{title}</h2>
        <button type="button" onClick={onClose} aria-label="Close">
          ×
        </button>
      </header>
      {pages.length > 0 && <p>These linear addresses lead there:</p>}
      {pages.length === 0 && isWhole && <p>No linear address leads there.</p>}
      <ul class="mappings">
        {pages.slice(0, MOST_SHOWN).map((page) => (
          <li key={page}>
            <button type="button" onClick={() => onChosen(moment.addressOf(page))}>
              {moment.nameOf(moment.addressOf(page))}
            </button>
          </li>
        ))}
        {pages.length > MOST_SHOWN && <li>and more</li>}
      </ul>
      {!isWhole && <p class="note">Where scattered pages lead is not known: some of them may lead there.</p>}
    </section>
  );
}
