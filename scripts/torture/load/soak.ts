import { NothingChosenError } from '../choose.ts';
import { hostile } from '../hostile/hostile.ts';
import { kills } from '../kills/kills.ts';
import { others } from '../others/others.ts';
import type { Suite } from '../scenario.ts';
import { orders, wire } from '../wire/wire.ts';
import { load } from './load.ts';

const USUAL_MINUTES = 60;
const CASES_A_ROUND = 40;
/** A load that fits into a round. */
const LOAD_A_ROUND = 40;
const SUITES = [kills, wire, orders, hostile, others, load];

/** All suites in turn, with a new seed each time, for as long as is wanted. */
export const soak: Suite = {
  name: 'soak',
  summary: 'all of them in turn, with ever new seeds; --minutes N, 60 when not given',
  isEndless: true,
  async run(options) {
    const until = performance.now() + (options.minutes ?? USUAL_MINUTES) * 60_000;
    for (let round = 0; performance.now() < until; round += 1) {
      const seed = (options.seed + round) % 2 ** 31;
      let idle = 0;
      for (const suite of SUITES) {
        if (performance.now() >= until) return;
        process.stdout.write(`soak, round ${round}: ${suite.name}, seed ${seed}\n`);
        const count = suite === load ? LOAD_A_ROUND : CASES_A_ROUND;
        await suite.run({ ...options, seed, count }).catch((error: unknown) => {
          idle += 1;
          // What has a name in one suite has none in the others.
          if (!(error instanceof NothingChosenError) || idle === SUITES.length) throw error;
        });
      }
    }
  },
};
