import { stateRows } from './register-rows.ts';
import type { ReportedState } from './reported-state.ts';

/** What the state holds that could not be had, a sentence each. @internal */
export function describeAssumed(reported: ReportedState): readonly string[] {
  const values = stateRows(reported)
    .filter(({ source }) => source.from === 'assumed')
    .map(({ name, value, source }) => `${name}=${value} (${source.detail})`);
  return [...values, ...reported.notes];
}
