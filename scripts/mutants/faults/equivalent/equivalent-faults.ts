import { type Fault, findFaults, lineAt, withFault } from '../drawing/find-faults.ts';
import type { EquivalentFaults } from './equivalent.ts';
import { IN_ABI } from './in-abi.ts';
import { IN_CLI } from './in-cli.ts';
import { IN_GDB } from './in-gdb.ts';
import { IN_GUEST } from './in-guest.ts';
import { IN_PAGING } from './in-paging.ts';
import { IN_QMP } from './in-qmp.ts';
import { IN_REPORT } from './in-report.ts';

export const EQUIVALENT_FAULTS: readonly EquivalentFaults[] = [
  ...IN_PAGING,
  ...IN_ABI,
  ...IN_REPORT,
  ...IN_GDB,
  ...IN_QMP,
  ...IN_GUEST,
  ...IN_CLI,
];

/** A limit of time that is a millisecond longer shows nowhere. */
const MILLISECONDS = /^ *(?:export )?const [A-Z_]+_MS = \d/;

/** The line of a fault as it is with it, without what is around. */
export function brokenLine(source: string, fault: Fault): string {
  return lineAt(withFault(source, fault), fault.start).trim();
}

/** Whether a fault changes nothing that anything can see. */
export function isEquivalent(file: string, source: string, fault: Fault): boolean {
  if (fault.kind === 'constant' && MILLISECONDS.test(lineAt(source, fault.start))) return true;
  const broken = brokenLine(source, fault);
  return EQUIVALENT_FAULTS.some((one) => one.file === file && one.lines.includes(broken));
}

/** A sentence for each entry that no fault of its file is any more. @param read - the text of a file below dist */
export function staleEntries(read: (file: string) => string, entries = EQUIVALENT_FAULTS): string[] {
  return entries.flatMap(({ file, lines }) => {
    const source = read(file);
    const broken = new Set(findFaults(source).map((fault) => brokenLine(source, fault)));
    return lines
      .filter((line) => !broken.has(line))
      .map((line) => `scripts/mutants/faults/equivalent/ has a line that no fault of ${file} makes: ${line}`);
  });
}
