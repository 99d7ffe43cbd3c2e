import type { Outcome } from './scenario.ts';

/** How often each kind of case was tried and went wrong. */
export interface Count {
  tried: number;
  failed: number;
}

/** Counts outcomes by their tags, and keeps those that went wrong. */
export class Tally {
  readonly counts = new Map<string, Count>();
  readonly failures: Outcome[] = [];
  cases = 0;
  longestMs = 0;

  add(outcome: Outcome): void {
    this.cases += 1;
    this.longestMs = Math.max(this.longestMs, outcome.tookMs);
    const hasFailed = outcome.problems.length > 0;
    if (hasFailed) this.failures.push(outcome);
    for (const tag of outcome.tags) {
      const count = this.counts.get(tag) ?? { tried: 0, failed: 0 };
      count.tried += 1;
      if (hasFailed) count.failed += 1;
      this.counts.set(tag, count);
    }
  }

  /** A table of the tags, and a line for the whole. */
  format(): string {
    const rows = [...this.counts].sort(([one], [other]) => one.localeCompare(other));
    const width = Math.max(4, ...rows.map(([tag]) => tag.length));
    const lines = rows.map(
      ([tag, { tried, failed }]) =>
        `${tag.padEnd(width)}  ${String(tried).padStart(5)} tried  ${String(failed).padStart(4)} failed`,
    );
    const whole = `${this.cases} cases, ${this.failures.length} failed, the longest took ${(this.longestMs / 1000).toFixed(1)} s`;
    return `${[...lines, whole].join('\n')}\n`;
  }
}

/** An outcome that went wrong, for people. */
export function formatFailure({ what, problems, again }: Outcome): string {
  return `FAILED ${what}\n${problems.map((problem) => `  ${problem.replaceAll('\n', '\n    ')}\n`).join('')}  again: ${again}\n`;
}
