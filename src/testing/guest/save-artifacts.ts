import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contextOf, type Guest, type GuestView, nestedContextOf } from '../../guest/index.ts';
import { encodeMapEnd, encodeMapHeading, encodeMappedRange, encodeState } from '../../report/index.ts';
import { takeMap } from '../answers/guest-map.ts';

/** What a failure is explained by. @internal */
export interface Artifacts {
  /** The folder to put a folder into. */
  readonly root: string;
  readonly name: string;
  readonly console: readonly string[];
  readonly wire: string;
  /** Command line and words of QEMU, and what failed. */
  readonly summary: string;
}

let saved = 0;

/**
 * Makes a folder of its own for a failure: parallel workers, and failures of one worker, do not collide.
 *
 * @param look - a paused guest to be looked at; it rejects where there is none any more
 * @returns the folder
 * @internal
 */
export async function saveArtifacts(
  { root, name, console, wire, summary }: Artifacts,
  look: () => Promise<readonly [GuestView, Guest]>,
): Promise<string> {
  const safe = name.replaceAll(/[^\w.-]+/g, '-').slice(0, 80) || 'guest';
  saved += 1;
  const folder = join(root, `${safe}-${process.pid}-${saved}`);
  await mkdir(folder, { recursive: true });
  const write = (file: string, text: string) => writeFile(join(folder, file), text);
  await Promise.all([
    write('console.log', console.map((line) => `${line}\n`).join('')),
    write('wire.jsonl', wire),
    write('failure.txt', summary),
  ]);
  try {
    const [view, guest] = await look();
    await write('state.json', `${await stateOf(view, guest)}\n`);
    await write('map.jsonl', await mapOf(view));
  } catch (error) {
    await write('not-looked-at.txt', `${error instanceof Error ? error.message : String(error)}\n`);
  }
  return folder;
}

async function stateOf(view: GuestView, guest: Guest): Promise<string> {
  const cpu = guest.vcpus[0] ?? 0;
  const state = await view.vcpuState(cpu);
  return encodeState({
    ...{ cpu, state },
    cpus: guest.vcpus,
    context: contextOf(state),
    nestedContext: nestedContextOf(state),
    runs: guest.ranBefore,
    memory: (await view.memoryMap(cpu)).regions,
    memoryAccess: await view.memoryReport(cpu),
    assumed: guest.assumed,
  });
}

/** As `pagewalk map --json` prints it, so that `pagewalk diff` compares it. */
async function mapOf(view: GuestView): Promise<string> {
  const map = await takeMap(view, {});
  const { cpu, mode, space, first, last, assumed, ranges, complete } = map;
  const heading = { of: 'ranges' as const, cpu, mode, space, nested: null, first, last, filter: null, assumed };
  const lines = [
    encodeMapHeading(heading),
    ...ranges.map((range) => encodeMappedRange(range, range.regions)),
    encodeMapEnd({ ...map.end, complete, count: ranges.length }),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
