/**
 * A block of a document that is not written but made:
 *
 * ````
 * <!-- help: translate -->
 * ```text
 * usage: pagewalk translate …
 * ```
 * ````
 *
 * `help` is what `pagewalk help …` says; `console` are commands with what they print, on a guest of their own; `example` is a
 * program, which stays as it is; `output` is what the example of that name prints.
 */
export interface Block {
  readonly kind: 'help' | 'console' | 'example' | 'output';
  /** The command, the guest or the name of the example. */
  readonly argument: string;
  /** What is between the fences. */
  readonly body: string;
}

const BLOCK = /(<!-- (help|console|example|output): ?([^>]*?) ?-->\n+```\w*\n)([\s\S]*?)(^```$)/gm;

/** All blocks of a document, from its beginning. */
export function parseBlocks(text: string): Block[] {
  return [...text.matchAll(BLOCK)].map(([, , kind, argument = '', body = '']) => ({
    kind: kind as Block['kind'],
    argument,
    body,
  }));
}

/**
 * The document with the body of each block replaced.
 *
 * @param bodies - one for each block of {@link parseBlocks}, in order
 */
export function replaceBodies(text: string, bodies: readonly string[]): string {
  let at = 0;
  return text.replaceAll(BLOCK, (_block, opening: string, _kind, _argument, old: string, closing: string) => {
    const body = bodies[at] ?? old;
    at += 1;
    return `${opening}${body}${closing}`;
  });
}
