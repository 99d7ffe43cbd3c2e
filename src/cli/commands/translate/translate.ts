import { walkedAccesses } from '../../../abi/index.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { toTranslateScope } from '../../options/scope-options.ts';
import type { NamedScope } from '../../session/names/name-scope.ts';
import { answerAddresses, makeAsker, needsOf, type TranslateAddresses } from './answer-addresses.ts';
import { NAME, OPTIONS, parseTranslate } from './parse-translate.ts';

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line: TranslateAddresses = { ...parseTranslate(words, context.environment), command: NAME };
  if (line.from === undefined) return answerAddresses(line, context);
  const question = {
    ...line,
    writes: line.flags.setAccessed,
    needs: needsOf(line),
    makeAsker: (named?: NamedScope) => makeAsker(line, context, named),
    keep: async ({ view, scope }: NamedScope, addresses: readonly BigUint64Array[]) =>
      // Tables are kept for one kind of access.
      walkedAccesses(line.access).length > 1
        ? null
        : view.keep(addresses, line.access, await toTranslateScope(scope, line.guest.cpu, NAME)),
  };
  const { answerList } = await import('./answer-list.ts');
  return answerList(question, line.from, context);
}

/** @internal */
export const translateCommand: Command = {
  name: NAME,
  synopsis: '{ADDRESS... | --from FILE} --qmp ENDPOINT [OPTION...]',
  description:
    'Walks the page tables of a running guest for each address and shows every entry on the way, where it ends, and if the\n' +
    'access is not allowed, why not and which entry is responsible. Addresses: 0xffff800000105123, with _ or ` between\n' +
    'digits, or decimal. The guest is paused for some milliseconds, and resumed if it ran before.\n' +
    '\n' +
    'A list may have any length. Up to 1,048,576 addresses: the tables are read in one pause, and the guest is resumed while\n' +
    'answers print. Longer lists, and setting bits, keep it paused until all are answered, and beyond 20,000 answers while\n' +
    'they print. An invalid line is an error, found in a file before the guest is paused; with --keep-going it is reported,\n' +
    'the other lines are answered, and the exit status is 1.',
  options: OPTIONS,
  run,
};
