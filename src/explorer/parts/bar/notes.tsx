import { formatAssumption } from '../../../report/index.ts';
import type { LoadedMoment, Space } from '../../moment/loaded-moment.ts';

interface NotesProps {
  readonly moment: LoadedMoment;
  readonly space: Space;
  readonly areChangesCut: boolean;
  /** Ranges that lead to scattered pages, and are left out. */
  readonly scattered: number;
}

/** What makes the picture doubtful, or less than whole. @internal */
export function Notes(props: NotesProps) {
  return (
    <>
      {notesOf(props).map((note) => (
        <p class="note" key={note}>
          {note}
        </p>
      ))}
    </>
  );
}

function notesOf({ moment: { heading }, space, areChangesCut, scattered }: NotesProps): readonly string[] {
  return [
    ...heading.assumed.map((each) => `assumed: ${formatAssumption(each)}`),
    ...heading.notes,
    ...(heading.whyNoWalks === null ? [] : [heading.whyNoWalks]),
    ...(space.pieces.complete ? [] : ['There is more than is shown: the picture is incomplete.']),
    ...(space.missingTables === 0
      ? []
      : [`${space.missingTables} page tables that this would use were not read: what they map is missing here.`]),
    ...(areChangesCut ? ['There are more changes than are shown.'] : []),
    ...(scattered > 0 ? [`${scattered} ranges lead to scattered pages, and are left out in physical order.`] : []),
    ...(space.nested === null
      ? []
      : ['The vCPU runs a nested guest (L2): rights are what both stages leave, physical addresses are L1 physical.']),
  ];
}
