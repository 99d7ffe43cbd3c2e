import { launchLong4 } from '../long4-guest.ts';
import { type Block, parseBlocks, replaceBodies } from './blocks.ts';
import { formatCommandTable, formatSharedOptions, formatUsage } from './describe-commands.ts';
import { formatJsonTable } from './describe-json.ts';
import { runConsole } from './run-console.ts';
import { compileExamples, type RunExample } from './run-examples.ts';
import { runWords } from './run-words.ts';

/** Whether a block can be made without a guest. */
function isOffline(block: Block, blocks: readonly Block[]): boolean {
  return block.kind !== 'console' && !(block.kind === 'output' && needsGuest(block, blocks));
}

/** An example that asks for a guest's address gets a guest. */
function needsGuest({ argument }: Block, blocks: readonly Block[]): boolean {
  return blocks.some(
    ({ kind, argument: name, body }) => kind === 'example' && name === argument && body.includes('PAGEWALK_QMP'),
  );
}

async function makeBody(block: Block, blocks: readonly Block[], run: RunExample): Promise<string> {
  const { kind, argument, body } = block;
  switch (kind) {
    case 'example':
      return body;
    case 'help':
      return (await runWords(['help', ...argument.split(' ').filter(Boolean)], {})).output;
    case 'usage':
      return formatUsage(argument);
    case 'options':
      return formatSharedOptions(argument);
    case 'commands':
      return formatCommandTable();
    case 'json':
      return formatJsonTable(argument, body);
    case 'console':
      return runConsole(body);
    case 'output':
      return needsGuest(block, blocks) ? runOnGuest(argument, run) : run(argument, {});
  }
}

async function runOnGuest(example: string, run: RunExample): Promise<string> {
  await using guest = await launchLong4();
  // Awaited here: the guest ends with this function.
  return await run(example, { PAGEWALK_QMP: guest.qmpEndpoint });
}

/**
 * A document with its blocks made anew; without `guests` those that need one stay as they are.
 *
 * @throws Error for a block that nothing makes, and when an example does not compile, or fails
 */
export async function makeDocument(text: string, { guests }: { readonly guests: boolean }): Promise<string> {
  const blocks = parseBlocks(text);
  await using examples = await compileExamples(blocks);
  const bodies: string[] = [];
  for (const block of blocks) {
    bodies.push(guests || isOffline(block, blocks) ? await makeBody(block, blocks, examples.run) : block.body);
  }
  return replaceBodies(text, bodies);
}
