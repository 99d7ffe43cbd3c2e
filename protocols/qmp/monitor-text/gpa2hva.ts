import { LineScanner } from './line-scanner.ts';

/**
 * Where a guest-physical address is in QEMU's own memory, as `gpa2hva` prints it; undefined when it prints something else, as it
 * does where no memory is.
 *
 * ```
 * Host virtual address for 0x100000 (pc.ram) is 0x7f8e4be00000
 * ```
 *
 * @public
 */
export function parseHostAddress(text: string): bigint | undefined {
  const [line = ''] = text.split('\n', 1);
  const start = new LineScanner(line);
  if (!start.take('Host virtual address for 0x') || start.hexDigits(16) === undefined || !start.take(' (')) {
    return undefined;
  }
  // The name of the region may hold anything.
  const mark = ') is 0x';
  const end = new LineScanner(line, Math.max(start.at, line.lastIndexOf(mark)));
  const digits = end.take(mark) ? end.hexDigits(16) : undefined;
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}
