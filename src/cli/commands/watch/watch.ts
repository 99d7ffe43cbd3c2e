import type { CliContext, Command } from '../../options/command.ts';
import { NAME, OPTIONS, parseWatch } from './parse-watch.ts';
import { watchGuest } from './watch-guest.ts';

async function run(words: readonly string[], context: CliContext): Promise<number> {
  return watchGuest(parseWatch(words, context.environment), context);
}

/** @internal */
export const watchCommand: Command = {
  name: NAME,
  synopsis: '--range FIRST-LAST --clear --qmp ENDPOINT [OPTION...]',
  description:
    'Shows what a guest touches while it runs: clears the accessed bits of the pages of a range, lets the guest run for a\n' +
    'while, pauses it, and counts the pages whose bits are set again: its working set, as numbers and with a character for\n' +
    'each page or for as many as the others, round after round. At the end the bits that were set at first are set again.\n' +
    '\n' +
    'The address space is the one that the vCPU has at first, or that of --pid, --process or --cr3, whatever runs later.\n' +
    '\n' +
    'Dirty bits are left alone unless --clear-dirty says otherwise: only pages that become dirty then count as written.\n' +
    '\n' +
    'A processor sets the bits when it walks the tables, and not while it has the translation in its TLB. The TLBs of\n' +
    'emulated processors (TCG) are flushed after each clearing. Those of real ones (KVM) cannot be reached from outside: the\n' +
    'figures then are the least that was touched, which is said ("exact" is false in JSON), and --strict exits with 4. The\n' +
    'exit status is 1 when nothing was watched: the guest is paused, or nothing is mapped in the range; and when the process\n' +
    'ends before the last round.',
  options: OPTIONS,
  run,
};
