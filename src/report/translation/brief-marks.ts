import { formatAssumption } from '../assumed/format-assumption.ts';
import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import { formatMachine, type ReportedMachine } from '../reasons/format-deviation.ts';

/** In a word, as `--set` has it where it can give the value. */
const WORDS: Readonly<Record<string, string>> = {
  pkru: 'PKRU',
  pkrs: 'PKRS',
  pdptes: 'PDPTE',
  maxPhyAddr: 'MAXPHYADDR',
  vendor: 'VENDOR',
  pse36: 'PSE36',
  pdpe1gb: 'PDPE1GB',
  moment: 'live',
};

/** At the end of a line whose answer the machine that runs the guest would not give. @internal */
export const DEVIATION_MARK = '!differs';

/** `?PKRU`: at the end of a line whose answer may be another, if what was assumed is not so. @internal */
export function assumptionMark({ name }: ReportedAssumption): string {
  return `?${WORDS[name] ?? name}`;
}

/** What a mark in brief lines means. @public */
export function explainAssumptionMark(assumption: ReportedAssumption): string {
  return `${assumptionMark(assumption)}: assumed: ${formatAssumption(assumption)}`;
}

/** What the other mark means. @public */
export function explainDeviationMark(machine: ReportedMachine): string {
  return `${DEVIATION_MARK}: ${formatMachine(machine)} would answer otherwise; without --brief the answer says how`;
}
