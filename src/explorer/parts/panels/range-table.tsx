import { describePiece, endOf, pieceFrom } from '../../../picture/internal.ts';
import type { Stage } from '../../canvas/stage.ts';
import type { LoadedMoment, Space } from '../../moment/loaded-moment.ts';
import { nameOfPage } from '../../moment/named-pages.ts';
import { inputOf } from '../../view/build-stage.ts';

const MOST_ROWS = 200;

interface TableProps {
  readonly moment: LoadedMoment;
  readonly space: Space;
  readonly stage: Stage;
  readonly seen: { readonly first: number; readonly end: number } | null;
  readonly isPhysical: boolean;
  readonly onChosen: (page: number) => void;
}

/** What is seen, as a table. @internal */
export function RangeTable({ moment, space, stage, seen, isPhysical, onChosen }: TableProps) {
  const { pieces } = stage;
  const from = seen === null ? 0 : pieceFrom(pieces, Math.floor(seen.first));
  const end = seen === null ? pieces.length : pieceFrom(pieces, Math.ceil(seen.end));
  const rows = Array.from({ length: Math.min(MOST_ROWS, Math.max(0, end - from)) }, (_, nth) => from + nth);
  const input = inputOf(moment, space, pieces);
  const hasNames = stage.names.length > 0;
  const nameAt = (at: number): string | null => nameOfPage(stage.names, pieces.first[at] as number);
  const columns = ['size and rights', 'pages', 'accessed, dirty', 'where it leads', ...(hasNames ? ['name'] : [])];
  return (
    <section class="table" aria-label="What is seen, as a table">
      <table>
        <caption>
          {rows.length} of {Math.max(0, end - from)} parts that are seen
          {rows.length < end - from ? '; come closer for the others' : ''}
        </caption>
        <thead>
          <tr>
            <th scope="col">{isPhysical ? 'physical addresses' : 'linear addresses'}</th>
            {isPhysical ? (
              <th scope="col">mapped</th>
            ) : (
              columns.map((text) => (
                <th scope="col" key={text}>
                  {text}
                </th>
              ))
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((at) => (
            <tr key={at}>
              <th scope="row">
                <button type="button" onClick={() => onChosen(pieces.first[at] as number)}>
                  {stage.nameOf(stage.addressOf(pieces.first[at] as number))}-
                  {stage.nameOf(stage.addressOf(endOf(pieces, at) - 1) | 0xfffn)}
                </button>
              </th>
              {isPhysical ? (
                <td>{`${pieces.leaves[at]} times`}</td>
              ) : (
                [...describePiece(input, at), ...(hasNames ? [nameAt(at) ?? ''] : [])].map((text, column) => (
                  <td key={column}>{text}</td>
                ))
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
