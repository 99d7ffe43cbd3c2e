import { measureGrowth } from './parsers/measure-growth.ts';
import { PARSER_TARGETS } from './parsers/parser-targets.ts';

/*
 * `npm run growth`: how the time of each parser of foreign text grows with its input, on the inputs that it may find hardest. Fails for
 * whatever grows faster than its input. An argument picks parsers by their names.
 */

/** Between linear with a cache that becomes too small, and anything that compares each with each. */
const MOST = 1.3;
/** A machine that does something else meanwhile: measured again before it counts. */
const ATTEMPTS = 3;

const [wanted = ''] = process.argv.slice(2);
const tooFast: string[] = [];
process.stdout.write('exponent     bytes        ms  parser: input\n');
for (const target of PARSER_TARGETS.filter(({ name }) => name.includes(wanted))) {
  for (const [input, make] of Object.entries(target.hard)) {
    let growth = await measureGrowth(target, make);
    for (let attempt = 1; attempt < ATTEMPTS && growth.exponent > MOST; attempt++) {
      const again = await measureGrowth(target, make);
      if (again.exponent < growth.exponent) growth = again;
    }
    const { exponent, bytes, ms } = growth;
    const isTooFast = exponent > MOST;
    if (isTooFast) tooFast.push(`${target.name}: ${input}`);
    const columns = [exponent.toFixed(2).padStart(8), String(bytes).padStart(9), ms.toFixed(1).padStart(9)];
    process.stdout.write(`${columns.join(' ')}  ${target.name}: ${input}${isTooFast ? '   <-- not linear' : ''}\n`);
  }
}
process.stdout.write(`${tooFast.length} of them grow faster than their input (exponent above ${MOST})\n`);
if (tooFast.length > 0) process.exitCode = 1;
