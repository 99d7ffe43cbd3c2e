import type { CliContext, Command } from './command.ts';
import { UsageError } from './errors.ts';
import { type GuestOptions, parseGuestOptions } from './guest-options.ts';
import { GUEST_OPTIONS } from './option-table.ts';
import { parseOptions } from './parse-options.ts';

const NAME = 'state';

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const options = parseOptions(words, GUEST_OPTIONS, NAME);
  const [stray] = options.positionals;
  if (stray !== undefined)
    throw new UsageError(`${NAME} takes no argument, and has been given ${JSON.stringify(stray)}`, NAME);
  const guest: GuestOptions = parseGuestOptions(options, context.environment, NAME);
  void guest;
  return 0;
}

/** @internal */
export const stateCommand: Command = {
  name: NAME,
  synopsis: '--qmp ENDPOINT [OPTION...]',
  description:
    'Shows the registers of one vCPU that paging depends on, with the bits that matter spelt out, what CPUID tells the guest,\n' +
    'the run state and the memory map; and for each value where it was read.',
  options: GUEST_OPTIONS,
  run,
};
