import { type Fault, findFaults, lineAt, withFault } from '../drawing/find-faults.ts';
import type { EquivalentFaults } from './equivalent.ts';

/** `||` gives the same as `??` where what stands behind is the one false value of its type. */
const FALSE_BEHIND = /^\?\? (?:0n?|''|false)(?![\w.'])/;

export const EQUIVALENT_FAULTS: readonly EquivalentFaults[] = [];

/** The line of a fault as it is with it, without what is around. */
export function brokenLine(source: string, fault: Fault): string {
  return lineAt(withFault(source, fault), fault.start).trim();
}

/** Whether a fault changes nothing that anything can see. */
export function isEquivalent(file: string, source: string, fault: Fault): boolean {
  if (fault.kind === 'logic' && FALSE_BEHIND.test(source.slice(fault.start))) return true;
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
