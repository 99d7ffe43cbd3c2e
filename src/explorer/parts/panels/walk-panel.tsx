import { useEffect, useRef, useState } from 'preact/hooks';
import { formatTranslation } from '../../../report/index.ts';
import type { LoadedMoment } from '../../moment/loaded-moment.ts';
import type { KnownSymbols } from '../../moment/page-symbols.ts';
import type { ViewState } from '../../view/link.ts';
import { type MarkedPart, PAGE_STYLE, readMarks } from '../../view/marked-text.ts';

interface WalkProps {
  readonly moment: LoadedMoment;
  readonly address: bigint;
  readonly access: ViewState['access'];
  readonly overrides: readonly string[];
  /** What is there, in words: all that the pointer would tell. */
  readonly facts: readonly string[];
  readonly symbols: KnownSymbols | null;
  readonly onAccess: (access: ViewState['access']) => void;
  readonly onClose: () => void;
}

interface Answer {
  readonly parts: readonly MarkedPart[];
  readonly allowed: readonly boolean[];
  readonly problem: string | null;
}

const ACCESSES: readonly { readonly name: string; readonly access: ViewState['access'] }[] = [false, true].flatMap(
  (user) =>
    [
      { name: 'read', write: false, exec: false },
      { name: 'write', write: true, exec: false },
      { name: 'fetch', write: false, exec: true },
    ].map(({ name, write, exec }) => ({
      name: `${user ? 'user' : 'supervisor'} ${name}`,
      access: { user, write, exec },
    })),
);

/** The walk of an address: the command's answer. @internal */
export function WalkPanel(props: WalkProps) {
  const { moment, address, access, overrides, facts, symbols, onAccess, onClose } = props;
  const [answer, setAnswer] = useState<Answer | null>(null);
  const choices = useRef<HTMLFieldSetElement>(null);
  // On a small screen it is below what is seen.
  useEffect(() => choices.current?.scrollIntoView({ block: 'nearest' }), [address]);
  useEffect(() => {
    let isCurrent = true;
    void answerOf(props).then((found) => {
      if (isCurrent) setAnswer(found);
    });
    return () => {
      isCurrent = false;
    };
  }, [moment, address, access, overrides, symbols]);

  return (
    <section class="panel" aria-label={`Walk of ${moment.nameOf(address)}`}>
      <header>
        <h2>Walk of {moment.nameOf(address)}</h2>
        <button type="button" onClick={onClose} aria-label="Close the walk">
          ×
        </button>
      </header>
      <p class="facts">{facts.join(' · ')}</p>
      <fieldset class="accesses" aria-label="Access" ref={choices}>
        {ACCESSES.map((each, at) => {
          const isChosen = (Object.keys(access) as (keyof typeof access)[]).every(
            (key) => each.access[key] === access[key],
          );
          const allowed = answer?.allowed[at];
          return (
            <button
              type="button"
              key={each.name}
              aria-pressed={isChosen}
              class={allowed === undefined ? '' : allowed ? 'yes' : 'no'}
              onClick={() => onAccess(each.access)}
            >
              {allowed === undefined ? '' : allowed ? '✓ ' : '✗ '}
              {each.name}
            </button>
          );
        })}
      </fieldset>
      {answer?.problem && <p class="problem">{answer.problem}</p>}
      <pre class="walk">
        {answer?.parts.map(({ mark, text }, at) =>
          mark === null ? (
            text
          ) : (
            <span key={at} class={mark}>
              {text}
            </span>
          ),
        )}
      </pre>
    </section>
  );
}

async function answerOf({ moment, address, access, overrides, symbols }: WalkProps): Promise<Answer> {
  try {
    const walked = await moment.translate(address, access, overrides);
    // A server that has ended takes its names with it, and no walk.
    const place = await symbols?.placeOf(address).catch(() => null);
    const asked = place == null ? walked : { ...walked, place };
    const { space } = moment.heading;
    const changes = [...(space?.changes ?? []), ...overrides];
    const text = formatTranslation(asked, { cr3: 0n, given: false, ...space, changes }, PAGE_STYLE);
    const allowed: boolean[] = [];
    for (const each of ACCESSES) {
      const { translation, nested } = await moment.translate(address, each.access, overrides);
      allowed.push(translation.kind === 'mapped' && (nested === null || nested.translation.kind === 'mapped'));
    }
    return { parts: readMarks(text.trimEnd()), allowed, problem: null };
  } catch (error) {
    return { parts: [], allowed: [], problem: error instanceof Error ? error.message : String(error) };
  }
}
