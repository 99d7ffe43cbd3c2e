import type { CompletedCommand } from '../../../../src/cli/completion/describe-commands.ts';

/** Two commands as a shell has them, with an option of each kind, and texts that a shell would take for more than they are. */
export const COMPLETED: readonly CompletedCommand[] = [
  {
    name: 'sample',
    summary: 'what sample does',
    options: [
      { name: '--json', value: '', completes: 'nothing', help: "it's JSON", repeats: false },
      { name: '--file', value: 'FILE', completes: 'path', help: 'a [file]: of any kind', repeats: false },
      { name: '--qmp', value: 'ENDPOINT', completes: 'endpoint', help: 'a socket', repeats: false },
      { name: '--profile', value: 'NAME', completes: ['intel', 'amd'], help: 'a \\ profile', repeats: false },
      { name: '--set', value: 'NAME:VALUE', completes: 'anything', help: 'again', repeats: true },
    ],
    takesPaths: true,
  },
  { name: 'other', summary: 'what other does', options: [], takesPaths: false },
];
