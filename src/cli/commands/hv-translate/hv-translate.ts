import type { CliContext, Command } from '../../options/command.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { answerHvTranslate } from './answer-hv-translate.ts';
import { printDecoded } from './decode-bytes.ts';
import { NAME, OPTIONS, parseHvTranslate } from './parse-hv-translate.ts';

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const options = parseOptions(words, OPTIONS, NAME);
  const text = options.values.get('decode');
  if (text === undefined) return answerHvTranslate(parseHvTranslate(words, context.environment), context);
  await printDecoded(text, options, context, NAME);
  return 0;
}

/** @internal */
export const hvTranslateCommand: Command = {
  name: NAME,
  synopsis: '{ADDRESS... | --from FILE | --input HEX | --decode HEX} --qmp ENDPOINT [OPTION...]',
  description:
    'Answers as the hypercall HvCallTranslateVirtualAddress would: one result code for all the accesses that are to be\n' +
    'validated, the guest physical page, and how it is cached, by PAT, MTRRs and CR0.CD. Shows the walk that decided, and the\n' +
    "bytes of the hypercall's output. The guest is paused for some milliseconds, and then resumed if it ran before.\n" +
    '\n' +
    'A virtual trust level is a register context by name: --vtl 0 --cr3 0x1ad000 --vtl 1 --cr3 0x7f000 --set CPL=0. What was\n' +
    "not given is the vCPU's own. --protect 0x7f=-@1 is a page that VTL 1 keeps from VTL 0: an Intercept, with its event.\n" +
    'docs/hypercall.md has each flag and result, and where the sources of the specification disagree.',
  options: OPTIONS,
  run,
};
