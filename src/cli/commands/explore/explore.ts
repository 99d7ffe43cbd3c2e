import { once } from 'node:events';
import type { CliContext, Command } from '../../options/command.ts';
import { readPageFiles } from '../../picture/page-files.ts';
import { withOpened } from '../../session/with-guest.ts';
import { LiveMoments } from './live-moments.ts';
import { PageServer, type ServedMoments } from './page-server.ts';
import { type ExploreCommandLine, NAME, OPTIONS, parseExplore } from './parse-explore.ts';
import { SavedMoments } from './saved-moments.ts';

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseExplore(words, context.environment);
  const server = new PageServer(readPageFiles());
  try {
    // No guest is paused for a server that cannot be.
    const address = await server.listen(line.port);
    return await withMoments(line, context, async (moments) => {
      try {
        server.serve(moments);
        await context.print(`${address}\n`);
        return await untilSignal(context);
      } finally {
        // Nothing is asked of a guest that is left.
        await server.close();
      }
    });
  } finally {
    await server.close();
  }
}

async function withMoments(
  line: ExploreCommandLine,
  context: CliContext,
  use: (moments: ServedMoments) => Promise<number>,
): Promise<number> {
  if (line.kind === 'saved') return use(await SavedMoments.read(line.files, context));
  const { guest, scope, range } = line;
  return withOpened(
    guest,
    scope,
    context,
    async (opened) => {
      const moments = new LiveMoments(opened, line, context);
      await moments.begin();
      return use(moments);
    },
    scope.live ? undefined : (view) => view.snapshot({ ...range, forWalks: true }),
  );
}

/** Until a signal comes, whose reason is thrown. */
async function untilSignal({ signal }: CliContext): Promise<number> {
  if (!signal.aborted) await once(signal, 'abort');
  signal.throwIfAborted();
  return 0;
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
