import { type Fault, lineAt } from './find-faults.ts';

/** Faults that change nothing that anyone can see, each with the reason. */
interface Harmless {
  /** Of the file, from its end. */
  readonly file: RegExp;
  readonly line: RegExp;
  readonly kinds?: readonly Fault['kind'][];
  readonly reason: string;
}

const HARMLESS: readonly Harmless[] = [
  {
    file: /./,
    line: /\?\? (?:0|0n|''|false)\b/,
    kinds: ['logic'],
    reason: 'what the compiler wants where an index cannot be wrong',
  },
];

export function isHarmless(file: string, source: string, fault: Fault): boolean {
  const line = lineAt(source, fault.start);
  return HARMLESS.some(
    (one) => one.file.test(file) && one.line.test(line) && (one.kinds?.includes(fault.kind) ?? true),
  );
}
