import type { Style } from '../../report/index.ts';
import { COLOURED, PLAIN } from '../../report/index.ts';
import type { CliContext } from '../options/command.ts';

/** Colours for people at a terminal who have not asked for none (no-color.org). @internal */
export function chooseStyle({ isTerminal, environment }: Pick<CliContext, 'isTerminal' | 'environment'>): Style {
  const { NO_COLOR, TERM } = environment;
  const refused = (NO_COLOR !== undefined && NO_COLOR !== '') || TERM === 'dumb';
  return isTerminal && !refused ? COLOURED : PLAIN;
}
