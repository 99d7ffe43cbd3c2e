import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';
import type { CanvasHandle } from '../../canvas/canvas-handle.ts';
import type { ViewState } from '../../view/link.ts';

/** A colouring that can be chosen, or why it cannot. @internal */
export interface ColouringChoice {
  readonly id: string;
  readonly label: string;
  readonly explanation: string;
  /** A sentence; null where it can be chosen. */
  readonly why: string | null;
}

interface ToolbarProps {
  readonly view: ViewState;
  readonly isDark: boolean;
  readonly colourings: readonly ColouringChoice[];
  readonly colouring: string;
  readonly isTableOpen: boolean;
  readonly isHelpOpen: boolean;
  readonly handle: RefObject<CanvasHandle | null>;
  readonly search: RefObject<HTMLInputElement | null>;
  readonly onFind: (query: string) => void;
  readonly onView: (part: Partial<ViewState>) => void;
  readonly onColouring: (id: string) => void;
  readonly onTable: () => void;
  readonly onHelp: () => void;
}

/** Everything that can be chosen of a picture. @internal */
export function Toolbar(props: ToolbarProps) {
  const { view, isDark, colourings, colouring, handle, search, onFind, onView, onColouring } = props;
  const [query, setQuery] = useState('');
  return (
    <div class="tools">
      <search>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            onFind(query);
          }}
        >
          <input
            ref={search}
            type="search"
            aria-label="Search: an address, phys: and a physical one, a symbol or another name"
            placeholder="0x…, phys:0x…, name"
            value={query}
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
        </form>
      </search>
      <Choice
        label="Order"
        value={view.order}
        options={[
          { id: 'linear', label: 'linear' },
          { id: 'physical', label: 'physical' },
        ]}
        onChange={(order) => onView({ order: order as ViewState['order'] })}
      />
      <Choice
        label="Scale"
        value={view.scale}
        options={[
          { id: 'folded', label: 'holes folded' },
          { id: 'linear', label: 'true to scale' },
        ]}
        onChange={(scale) => onView({ scale: scale as ViewState['scale'] })}
      />
      <Choice label="Colour" value={colouring} options={colourings} onChange={onColouring} />
      {view.order === 'linear' && (
        <label class="choice">
          <span>Filter </span>
          <input
            class="filter"
            aria-label="Filter as in pagewalk map: w+x,user"
            placeholder="filter w+x"
            size={9}
            value={view.filter}
            onInput={(event) => onView({ filter: event.currentTarget.value })}
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
      <button type="button" aria-pressed={props.isTableOpen} onClick={props.onTable}>
        table
      </button>
      <button type="button" onClick={() => onView({ theme: isDark ? 'light' : 'dark' })}>
        {isDark ? 'light' : 'dark'}
      </button>
      <button type="button" aria-label="Keys" aria-expanded={props.isHelpOpen} onClick={props.onHelp}>
        ?
      </button>
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly { readonly id: string; readonly label: string; readonly why?: string | null }[];
  readonly onChange: (id: string) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <label class="choice">
      <span>{label} </span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(({ id, label: text, why = null }) => (
          <option key={id} value={id} disabled={why !== null} title={why ?? ''}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
