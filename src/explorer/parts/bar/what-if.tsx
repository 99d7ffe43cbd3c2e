import { useState } from 'preact/hooks';
import { parseOverride } from '../../../guest/index.ts';
import type { PagingContext } from '../../../paging/index.ts';

interface WhatIfProps {
  readonly context: PagingContext | null;
  readonly overrides: readonly string[];
  readonly onChange: (overrides: readonly string[]) => void;
  readonly problem: string | null;
}

/** Bits that kernels and processors are told apart by. */
const SWITCHES: readonly {
  readonly name: string;
  readonly label: string;
  readonly isOn: (context: PagingContext) => boolean;
}[] = [
  { name: 'CR0.WP', label: 'WP', isOn: ({ policy }) => policy.writeProtect },
  { name: 'CR4.SMEP', label: 'SMEP', isOn: ({ policy }) => policy.smep },
  { name: 'CR4.SMAP', label: 'SMAP', isOn: ({ policy }) => policy.smap },
  { name: 'EFER.NXE', label: 'NX', isOn: ({ policy }) => policy.executeDisableHigh !== 0 },
  { name: 'RFLAGS.AC', label: 'AC', isOn: ({ policy }) => policy.alignmentCheck },
];

/** Switches of registers: the guest is not changed. @internal */
export function WhatIf({ context, overrides, onChange, problem }: WhatIfProps) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState<string | null>(null);
  const without = (name: string): readonly string[] =>
    overrides.filter((each) => !each.toUpperCase().startsWith(`${name.toUpperCase()}=`));
  const add = (event: Event): void => {
    event.preventDefault();
    try {
      parseOverride(text);
      onChange([...without(text.split('=', 1)[0] ?? ''), text]);
      setText('');
      setWrong(null);
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  if (context === null) return null;
  return (
    <fieldset class="what-if">
      <legend>What if</legend>
      {SWITCHES.map(({ name, label, isOn }) => (
        <label key={name} title={name}>
          <input
            type="checkbox"
            checked={isOn(context)}
            onChange={(event) => onChange([...without(name), `${name}=${event.currentTarget.checked ? 1 : 0}`])}
          />
          {label}
        </label>
      ))}
      <form onSubmit={add}>
        <input
          aria-label="Another register, NAME=VALUE"
          placeholder="PKRU=0x4"
          size={10}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </form>
      {overrides.length > 0 && (
        <button type="button" onClick={() => onChange([])} title="As the guest has it">
          as it is
        </button>
      )}
      {overrides.length > 0 && <span class="note">if {overrides.join(' and ')}; the guest is not changed</span>}
      {(wrong ?? problem) && <span class="problem">{wrong ?? problem}</span>}
    </fieldset>
  );
}
