import { readFileSync } from 'node:fs';
import type { Monitor } from '../monitor/monitor.ts';
import type { ChardevUse } from './stub-location.ts';

/** `chardev = "qga0"`: a property of a device in `info qtree`. */
const IN_TREE = 'chardev = "';
/** `-mon chardev=ID,…`, `-serial chardev:ID`, `-device …,chardev=ID`. */
const IN_OPTION = /^chardev[:=](.*)$/;
/** What a monitor text and a command line may have of them; longer ones are not looked at to their end. */
const MAX_LINES = 100_000;

/**
 * What is on QEMU's character devices, as the device tree and QEMU's command line say. Devices that were added later are in the
 * tree; serial ports of the board and monitors are not, but are on the command line.
 *
 * @param pid - of QEMU on this host, where proven
 * @internal
 */
export async function readChardevUse(monitor: Monitor, pid: number | undefined): Promise<ChardevUse> {
  const tree = await monitor.hmp('info qtree');
  const others = new Set<string>();
  for (const line of tree.split('\n', MAX_LINES)) {
    const property = line.trim();
    if (property.startsWith(IN_TREE)) others.add(property.slice(IN_TREE.length, -1));
  }
  const stubs = new Set<string>();
  const words = pid === undefined ? [] : readCommandLine(pid);
  words.forEach((word, at) => {
    const isStub = /^--?gdb$/.test(words[at - 1] ?? '');
    for (const part of word.split(',')) {
      const label = IN_OPTION.exec(part)?.[1];
      if (label !== undefined) (isStub ? stubs : others).add(label);
    }
  });
  return { stubs, others };
}

function readCommandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0', MAX_LINES);
  } catch {
    return [];
  }
}
