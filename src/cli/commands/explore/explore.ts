import { once } from 'node:events';
import type { CliContext, Command } from '../../options/command.ts';
import { readPageFiles } from '../../picture/page-files.ts';
import { withOpened } from '../../session/with-guest.ts';
import { LiveMoments } from './live-moments.ts';
import { PageServer } from './page-server.ts';
import { type ExploreCommandLine, NAME, OPTIONS, parseExplore } from './parse-explore.ts';
import { SavedMoments } from './saved-moments.ts';

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseExplore(words, context.environment);
  const files = readPageFiles();
  if (line.kind === 'saved')
    return serve(new PageServer(files, await SavedMoments.read(line.files, context)), line, context);
  const { guest, scope, range } = line;
  return withOpened(
    guest,
    scope,
    context,
    async (opened) => {
      const moments = new LiveMoments(opened, line, context);
      await moments.begin();
      return serve(new PageServer(files, moments), line, context);
    },
    scope.live ? undefined : (view) => view.snapshot({ ...range, forWalks: true }),
  );
}

/** Until a signal comes, whose reason is thrown. */
async function serve(server: PageServer, { port }: ExploreCommandLine, { print, signal }: CliContext): Promise<number> {
  try {
    const address = await server.listen(port);
    await print(`${address}\n`);
    if (!signal.aborted) await once(signal, 'abort');
    signal.throwIfAborted();
    return 0;
  } finally {
    await server.close();
  }
}

/** @internal */
export const exploreCommand: Command = {
  name: NAME,
  synopsis: '{FILE... | --qmp ENDPOINT} [OPTION...]',
  description:
    'Serves a picture of an address space to a browser on this host: zoom from the whole space to a page, colours by rights,\n' +
    'use and size, the walk of each address, what if a register were otherwise. It prints the address of the page, which\n' +
    'holds a token: who does not know it gets nothing. Ctrl-C ends it, and leaves the guest as it was found.\n' +
    '\n' +
    'A guest that runs is paused for a moment when the command starts, and again for each moment that the page is told to\n' +
    'take: the page says for how long. With --live it is not paused. Nothing is ever written to the guest. FILE is a map that\n' +
    'pagewalk map --json has saved; of several the page shows what changed.',
  options: OPTIONS,
  run,
};
