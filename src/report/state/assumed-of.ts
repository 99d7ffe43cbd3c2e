import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import type { ReportedState, ReportedValue } from './reported-state.ts';

/** What the state holds that was unavailable. Where the values are the answer, every one of them decides it. @public */
export function assumedOf({ state, assumed }: ReportedState): readonly ReportedAssumption[] {
  return [...assumedAmong(state), ...assumed.map((each) => ({ ...each, decides: true }))];
}

/** Which of some values were unavailable. @public */
export function assumedAmong(values: object): readonly ReportedAssumption[] {
  return Object.entries(values as Readonly<Record<string, ReportedValue<unknown>>>).flatMap(([name, source]) => {
    // The guest's own state has more than values with sources: the number of the vCPU.
    if (source.from !== 'assumed' || !('cause' in source)) return [];
    const { value, cause } = source;
    const isPlain = typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
    return [{ name, value: isPlain ? value : typeof value === 'bigint' ? Number(value) : null, cause, decides: true }];
  });
}
