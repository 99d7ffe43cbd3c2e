import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Addresses of long4: a page with all rights, one read-only, one for the supervisor; missing, reserved, of 2 MiB and 1 GiB. */
const ADDRESSES = [
  '0x8000000000',
  '0x8000001000',
  '0x8000002000',
  '0x8000200000',
  '0x8040000000',
  '0x8000006000',
  '0x8000008000',
  '0x10000000000',
  '0x100000',
];

/** What is asked of a guest, on the command line. */
export interface Question {
  readonly name: string;
  readonly words: readonly string[];
  /** It sets A and D bits. */
  readonly writes: boolean;
  /** What it prints is the same whenever it is asked. */
  readonly isSteady: boolean;
  /** It lets the guest run in between, so that a guest that was paused cannot be asked. */
  readonly needsRunning?: boolean;
}

/** The questions, with their list of addresses in a directory. */
export function questionsIn(directory: string): readonly Question[] {
  const list = join(directory, 'addresses');
  const many = Array.from({ length: 600 }, (_, at) => `0x${(0x80_0000_0000 + at * 0x20_1000).toString(16)}`);
  writeFileSync(list, `${[...ADDRESSES, ...many].join('\n')}\n`);
  const setAll = ['--set-accessed', '--set-dirty', '--force-set-accessed'];
  return [
    {
      name: 'translate with all flags',
      words: ['translate', ...ADDRESSES, '--write', '--user', ...setAll],
      writes: true,
      isSteady: false,
    },
    { name: 'translate', words: ['translate', ...ADDRESSES, '--user'], writes: false, isSteady: true },
    {
      name: 'batch that sets bits',
      words: ['translate', '--from', list, '--json', '--set-accessed'],
      writes: true,
      isSteady: false,
    },
    { name: 'batch', words: ['translate', '--from', list, '--brief'], writes: false, isSteady: true },
    { name: 'map', words: ['map'], writes: false, isSteady: true },
    { name: 'map by the stub', words: ['map', '--no-host-memory'], writes: false, isSteady: true },
    { name: 'diff', words: ['diff', '--after', '60'], writes: false, isSteady: true, needsRunning: true },
    { name: 'state', words: ['state'], writes: false, isSteady: false },
    {
      name: 'hv-translate',
      words: ['hv-translate', ADDRESSES[0] ?? '', ADDRESSES[1] ?? '', '--validate', 'rw', '--set-page-table-bits'],
      writes: true,
      isSteady: false,
    },
  ];
}

/** A question that any guest of this suite answers so, whatever was done to it before. */
export const PLAIN_QUESTION = ['translate', '0x8000000000', '0x8000006000', '--brief'] as const;

/** Its answer: the page has all rights, and the second address is not mapped. */
export const PLAIN_ANSWER = /^0x0000008000000000 +0x120000 +4K +rwxu.*\n0x0000008000006000 +- +NOT_PRESENT .*\n$/;
/** The exit status that goes with it. */
export const PLAIN_STATUS = 1;
