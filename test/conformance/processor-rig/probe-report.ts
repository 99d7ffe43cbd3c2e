/** A batch: tables and probes that come of one seed. */
export interface BatchName {
  readonly seed: number;
  readonly count: number;
}

const KEPT_DESCRIPTIONS = 10;

/** How a run of probes went. */
export class ProbeReport {
  probes = 0;
  disagreements = 0;
  /** How often each kind of probe ended in each way. */
  readonly endings = new Map<string, number>();
  /** The first disagreements, with what replays each. */
  readonly descriptions: string[] = [];

  countEnding(ending: string): void {
    this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
  }

  noteDisagreement(description: string): void {
    this.disagreements++;
    if (this.descriptions.length < KEPT_DESCRIPTIONS) this.descriptions.push(description);
  }
}

/**
 * The command that makes the same batch again.
 *
 * @param folder - of test/conformance, whose main.ts it is
 * @param machineOptions - the machine, as options of that
 */
export function replayCommand(folder: string, machineOptions: string, { seed, count }: BatchName): string {
  const options = `${machineOptions} --seed 0x${seed.toString(16)} --probes ${count}`;
  return `replay with: node dist/test/conformance/${folder}/main.js ${options}`;
}
