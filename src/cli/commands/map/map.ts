import type { CliContext, Command } from '../../options/command.ts';
import { takeSnapshot } from '../../session/take-snapshot.ts';
import { NAME, OPTIONS, parseMap } from './parse-map.ts';
import { printMap } from './print-map.ts';
import { writeMapPage } from './write-map-page.ts';

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseMap(words, context.environment);
  if (line.html !== undefined) return writeMapPage(line, line.html, context);
  const taken = await takeSnapshot({ ...line, command: NAME }, context);
  return printMap(taken, { ...line, scope: taken.scope }, context);
}

/** @internal */
export const mapCommand: Command = {
  name: NAME,
  synopsis: '--qmp ENDPOINT [OPTION...]',
  description:
    'Shows what an address space maps, with the rights that all levels together leave: ranges of pages with the same rights,\n' +
    'the sizes of their pages, how many of these have A and D set, where they lead and what is there. r w x u are read,\n' +
    'write, execute, user; G is global. Tables are read in one pause; what is printed is printed when the guest runs again.\n' +
    '\n' +
    "While the vCPU runs a nested guest (L2), it is that guest's address space through both stages: with the rights that both\n" +
    'leave, in pages of the smaller size, leading to L1 physical addresses, in the memory of its hypervisor (L1). A and D are\n' +
    'those of L2 itself.\n' +
    '\n' +
    'With --json the first line says what map it is, the last one whether it is whole: {"kind":"map",…}, {"kind":"range",…}\n' +
    'or {"kind":"page",…}, {"kind":"end",…}. pagewalk diff compares two such files. The exit status is 1 if the map is\n' +
    'incomplete.\n' +
    '\n' +
    'With --html a page with everything in it is written, and nothing of the map is printed: colours by rights, use and size,\n' +
    'zoom from the whole space to a page, the walk of each address. It needs no network, and holds what the page tables hold.',
  options: OPTIONS,
  run,
};
