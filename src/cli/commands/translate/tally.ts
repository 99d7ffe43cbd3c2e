import type { Machine } from '../../../guest/index.ts';
import type { ReportedAssumption } from '../../../report/index.ts';
import type { CliContext } from '../../options/command.ts';
import { complainOfRomTables } from '../../session/complain-of-rom-tables.ts';
import { strictStatus } from '../../session/strict-status.ts';

/** What came of some addresses. @internal */
export interface Outcomes {
  readonly faults: number;
  /** What any of their answers rests on that was unavailable. */
  readonly assumed: Iterable<ReportedAssumption>;
  /** The machine that would answer any of them otherwise, as far as the lines do not say so themselves. */
  readonly deviating: Machine | null;
  /** Names of the ROM in which tables of theirs lie, likewise. */
  readonly tablesInRom: readonly string[];
}

/** Adds up what came of many addresses, for what is said at the end: notes, and the exit status. @internal */
export class Tally {
  #faults = 0;
  #deviating: Machine | null = null;
  readonly #romNames = new Set<string>();
  /** By what they say: they are the same for each part of a list. */
  readonly #deciding = new Map<string, ReportedAssumption>();

  add({ faults, assumed, deviating, tablesInRom }: Outcomes): void {
    for (const name of tablesInRom) this.#romNames.add(name);
    this.#faults += faults;
    this.#deviating ??= deviating;
    for (const each of assumed)
      if (each.decides) this.#deciding.set(`${each.name} ${each.value} ${each.cause.code}`, each);
  }

  /** Says what the marks of brief lines mean, and what these lines leave out. */
  async explainMarks(context: Pick<CliContext, 'complain'>): Promise<void> {
    const { explainAssumptionMark, explainDeviationMark } = await import('../../../report/index.ts');
    for (const each of this.#deciding.values()) context.complain(`pagewalk: ${explainAssumptionMark(each)}`);
    complainOfRomTables([...this.#romNames], context);
    if (this.#deviating !== null) context.complain(`pagewalk: ${explainDeviationMark(this.#deviating)}`);
  }

  /** @param isWhole - every address was answered */
  status(strict: boolean, isWhole: boolean, context: Pick<CliContext, 'complain'>): Promise<number> {
    return strictStatus(this.#faults === 0 && isWhole ? 0 : 1, strict, this.#deciding.values(), context);
  }
}
