import { choose } from '../choose.ts';
import { runInLanes } from '../lanes.ts';
import type { Suite } from '../scenario.ts';
import { TLS_KINDS, TlsLane } from './tls-lane.ts';

const USUAL_COUNT = 120;

/** Clients that are killed, and faults, within TLS and beneath it. */
export const tls: Suite = {
  name: 'tls',
  summary: 'the same over TLS, within it and beneath it; 120 cases. QEMU 10. --named TEXT: only such kinds',
  async run({ seed, count = USUAL_COUNT, only, named, lanes, report }) {
    // Which number is of which kind stays the same, so that a case can be repeated.
    const cases = Array.from({ length: Math.max(count, (only ?? 0) + 1) }, (_, number) => ({
      number,
      kind: TLS_KINDS[number % TLS_KINDS.length] ?? TLS_KINDS[0],
    }));
    const chosen = choose({ what: 'kind', all: cases, nameOf: ({ kind }) => kind, named, only });
    const kinds = new Map(chosen.map(({ number, kind }) => [number, kind]));
    await runInLanes([...kinds.keys()], lanes, TlsLane.open, async (number, lane) => {
      const kind = kinds.get(number);
      if (kind !== undefined) report(await lane.run(kind, seed, number));
    });
  },
};
