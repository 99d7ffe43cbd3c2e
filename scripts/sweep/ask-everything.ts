import * as z from 'zod';
import { type CliContext, runCli } from '../../src/cli/index.ts';
import type { QemuProcess } from '../../src/testing/index.ts';
import { USER_PAGES } from './protected-guest.ts';
import { SweepError } from './sweep-error.ts';

/** The questions that read a vCPU's hidden registers, each in its own attach and pause. */
const QUESTIONS: readonly (readonly string[])[] = [
  ['translate', ...USER_PAGES, '--user', '--write'],
  ['state'],
  ['map'],
  ['hv-translate', USER_PAGES[1], '--validate', 'rw', '--user'],
];

const TIMEOUT_MS = '20000';

const stateSchema = z.object({ registers: z.object({ pkru: z.object({ source: z.string(), detail: z.string() }) }) });

async function run(words: readonly string[]): Promise<string> {
  let printed = '';
  const complaints: string[] = [];
  const context: CliContext = {
    environment: {},
    isTerminal: false,
    print: (text) => {
      printed += text;
    },
    complain: (line) => {
      complaints.push(line);
    },
    signal: new AbortController().signal,
  };
  const status = await runCli(words, context);
  if (status !== 0) throw new SweepError(`pagewalk ${words[0]} ends with ${status}: ${complaints.join(' ')}`);
  return printed;
}

/**
 * Asks a guest everything for which its device state may be read.
 *
 * @returns why PKRU is assumed; '' when it was read
 * @throws SweepError when a question is not answered.
 */
export async function askEverything(guest: QemuProcess): Promise<string> {
  const printed = new Map<string, string>();
  for (const question of QUESTIONS) {
    const words = [...question, '--json', '--qmp', guest.qmpEndpoint, '--timeout', TIMEOUT_MS];
    printed.set(String(question[0]), await run(words));
  }
  const { source, detail } = stateSchema.parse(JSON.parse(printed.get('state') ?? '')).registers.pkru;
  return source === 'device-state' ? '' : detail;
}
