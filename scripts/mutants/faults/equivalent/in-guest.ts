import type { EquivalentFaults } from './equivalent.ts';

export const IN_GUEST: readonly EquivalentFaults[] = [
  {
    file: 'src/guest/walks/walk-many.js',
    reason: 'any number below zero says that a walk has ended',
    lines: ['return -2;'],
  },
  {
    file: 'src/guest/found/process-facts.js',
    reason: 'a limit on parts of which only the first are looked at',
    lines: ["const rows = text.split('\\n').map((row) => row.split(':', 5));"],
  },
  {
    file: 'src/guest/walks/walk-many.js',
    reason: 'which walks have their last entries fetched side by side changes how long they take alone',
    lines: ['if (open === undefined && at % FETCHED_TOGETHER === 1)'],
  },
  {
    file: 'src/guest/memory/region-set.js',
    reason: 'each region of the map has a bit, and so has what lies elsewhere',
    lines: ['this.#lastBit = this.#bitOf.get(keyOf(region)) ?? 1;'],
  },
  {
    file: 'src/guest/memory/host/layered-memory.js',
    reason: 'reading no page at all is nothing',
    lines: ['for (let from = 0; from <= pages.length && telling.length < SAMPLES; from += AT_ONCE) {'],
  },
  {
    file: 'src/guest/restore/safekeeping.js',
    reason: 'it counts only once no watchdog is being started, which is after it was set',
    lines: ['#isInHand = true;'],
  },
];
