import type { GuestConsole } from '../../src/testing/index.ts';
import { WATCHED_ENTRIES } from './questions.ts';

/** One round of the guest's report: its tick, and what it saw in its page tables then. All lines are its own. */
export interface GuestReport {
  readonly tick: string;
  /** By the name of the entry. */
  readonly entries: ReadonlyMap<string, string>;
}

const TICK = /^tick ([0-9a-f]+)$/;

/**
 * Waits for the next whole round of the guest's report, in which it has read each entry anew.
 *
 * @throws GuestConsoleError when the guest says nothing more: it does not run
 */
export async function nextReport(console: GuestConsole): Promise<GuestReport> {
  const first = await console.waitForNextLine((line) => TICK.test(line));
  const last = await console.waitForNextLine((line) => TICK.test(line));
  const { lines } = console;
  const round = lines.slice(lines.lastIndexOf(first) + 1, lines.lastIndexOf(last));
  const named = WATCHED_ENTRIES.flatMap(({ name }) => {
    const line = round.find((said) => said.startsWith(`pte ${name} `));
    return line === undefined ? [] : [[name, line] as const];
  });
  return { tick: first, entries: new Map(named) };
}

/** How often the guest has gone round. */
export function countIn({ tick }: GuestReport): number {
  return Number.parseInt(TICK.exec(tick)?.[1] ?? '', 16);
}

/** The value that a line of the guest's shows. */
export function valueIn(line: string | undefined): bigint {
  return BigInt(`0x${line?.split(' ').at(-1) ?? '0'}`);
}
