import { parseArgs } from 'node:util';
import { BrokenCopy } from './broken-copy.ts';
import { CHOSEN_MUTANTS } from './chosen-mutants.ts';
import { ask, type Judge, judgesAt } from './judges.ts';
import type { Mutant } from './mutant.ts';

const usage = `usage: node dist/scripts/mutants/main.js [--only TEXT] [--judge TEXT] [--all]
Has every judge of the core look at broken copies of it. Each copy must be noticed by one of them at least.

  --only TEXT    the mutants whose subject or name has this in it
  --judge TEXT   the judges whose name has this in it
  --all          ask every judge, also when one has noticed already
`;

/** As many as the machine of the gate has processors. */
const LANES = 2;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    judge: { type: 'string', default: '' },
    all: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function textOf(copy: BrokenCopy, { name, file, from, to }: Mutant): string {
  const text = copy.read(`src/paging/${file}`);
  if (text.split(from).length !== 2) throw new RangeError(`"${name}": its text is not once in ${file}`);
  return text.replace(from, () => to);
}

/** @returns a letter for each judge: noticed, passed, or not asked */
async function judgeMutant(copy: BrokenCopy, mutant: Mutant, judges: readonly Judge[]): Promise<string[]> {
  const file = `src/paging/${mutant.file}`;
  return copy.with(file, textOf(copy, mutant), async (root) => {
    const words: string[] = [];
    for (const judge of judges) {
      if (!values.all && words.includes('yes')) {
        words.push('');
        continue;
      }
      const { code } = await ask(judge, root);
      words.push(code === 0 ? '-' : 'yes');
    }
    return words;
  });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What is right must pass, or being noticed says nothing. */
async function checkJudges(judges: readonly Judge[]): Promise<boolean> {
  using copy = new BrokenCopy();
  let isGood = true;
  for (const judge of judges) {
    const { code, said } = await ask(judge, copy.root);
    if (code === 0) continue;
    isGood = false;
    print(`${judge.name} does not pass the core as it is:\n${said}`);
  }
  return isGood;
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const judges = judgesAt(process.cwd()).filter(({ name }) => name.includes(values.judge));
  const mutants = CHOSEN_MUTANTS.filter(({ name, subject }) => `${subject} ${name}`.includes(values.only));
  if (!(await checkJudges(judges))) return 1;
  print(`| subject | mutant | ${judges.map(({ name }) => name).join(' | ')} |`);
  print(`|---|---|${judges.map(() => '---|').join('')}`);
  const rows = new Map<Mutant, readonly string[]>();
  const waiting = [...mutants];
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      using copy = new BrokenCopy();
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const words = await judgeMutant(copy, mutant, judges);
        rows.set(mutant, words);
        print(`| ${mutant.subject} | ${mutant.name} | ${words.join(' | ')} |`);
      }
    }),
  );
  const unseen = mutants.filter((mutant) => !rows.get(mutant)?.includes('yes'));
  print(`${mutants.length} mutants, ${unseen.length} not noticed`);
  for (const { subject, name } of unseen) print(`not noticed: ${subject}: ${name}`);
  return unseen.length === 0 ? 0 : 1;
}

process.exitCode = await main();
