import { useMemo } from 'preact/hooks';
import { formatHex } from '../../../paging/index.ts';
import { decodeAttributes, type PagingContext } from '../../../paging/internal.ts';
import { pieceAt } from '../../../picture/internal.ts';
import { formatRights } from '../../../report/index.ts';
import type { LoadedMoment, Space } from '../../moment/loaded-moment.ts';
import { nameOfPage } from '../../moment/named-pages.ts';

const MOST_SHOWN = 12;

interface FrameProps {
  readonly moment: LoadedMoment;
  readonly space: Space;
  /** A physical page. */
  readonly frame: number;
  /** What is there, in words. */
  readonly facts: readonly string[];
  readonly onChosen: (address: bigint) => void;
  readonly onClose: () => void;
}

/** The linear addresses that lead to a physical page. @internal */
export function FramePanel({ moment, space, frame, facts, onChosen, onClose }: FrameProps) {
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
      <p class="facts">{facts.join(' · ')}</p>
      {pages.length > 0 && <p>These linear addresses lead there:</p>}
      {pages.length === 0 && isWhole && <p>No linear address leads there.</p>}
      <ul class="mappings">
        {pages.slice(0, MOST_SHOWN).map((page) => (
          <li key={page}>
            <button type="button" onClick={() => onChosen(moment.addressOf(page))}>
              {moment.nameOf(moment.addressOf(page))}
            </button>{' '}
            {rightsAt(moment, space, page)} <span class="note">{nameOfPage(moment.names, page)}</span>
          </li>
        ))}
        {pages.length > MOST_SHOWN && <li>and more</li>}
      </ul>
      {!isWhole && <p class="note">Where scattered pages lead is not known: some of them may lead there.</p>}
    </section>
  );
}

/** With which rights a linear page leads there: one of them may write what another one may execute. */
function rightsAt(moment: LoadedMoment, { pieces }: Space, page: number): string {
  const at = pieceAt(pieces, page);
  if (at < 0) return '';
  return formatRights(decodeAttributes(moment.form as PagingContext, pieces.attributes[at] as number).rights);
}
