import type { ReportedState } from '../report/index.ts';
import type { CliContext, Command } from './command.ts';
import { UsageError } from './errors.ts';
import { type GuestOptions, parseGuestOptions } from './guest-options.ts';
import { GUEST_OPTIONS } from './option-table.ts';
import { parseOptions } from './parse-options.ts';
import { withGuest } from './with-guest.ts';

const NAME = 'state';

/** What a `state` command line asks for. @internal */
export interface StateCommandLine {
  readonly guest: GuestOptions;
  readonly json: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseState(words: readonly string[], environment: CliContext['environment']): StateCommandLine {
  const options = parseOptions(words, GUEST_OPTIONS, NAME);
  const [stray] = options.positionals;
  if (stray !== undefined) {
    throw new UsageError(`${NAME} takes no argument, and has been given ${JSON.stringify(stray)}`, NAME);
  }
  return { guest: parseGuestOptions(options, environment, NAME), json: options.flags.has('json') };
}

async function ask({ guest: options }: StateCommandLine, context: CliContext): Promise<ReportedState> {
  const { cpu } = options;
  const { contextOf } = await import('../guest/index.ts');
  return withGuest(options, context, async (paused, guest) => {
    const state = await paused.vcpuState(cpu);
    const map = await paused.memoryMap(cpu);
    return {
      cpu,
      cpuCount: guest.vcpuCount,
      state,
      context: contextOf(state),
      runs: guest.ranBefore,
      memory: map.regions,
      notes: guest.runStateNote === '' ? [] : [guest.runStateNote],
    };
  });
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseState(words, context.environment);
  const reported = await ask(line, context);
  const { encodeState, formatState } = await import('../report/index.ts');
  const { chooseStyle } = await import('./choose-style.ts');
  context.print(line.json ? `${encodeState(reported)}\n` : formatState(reported, chooseStyle(context)));
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
