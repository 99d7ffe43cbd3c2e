const KINDS = ['help', 'usage', 'options', 'console', 'example', 'output', 'commands', 'json'] as const;

/**
 * A block of a document that is not written but made:
 *
 * ````
 * <!-- usage: translate -->
 * ```text
 * usage: pagewalk translate …
 * ```
 * ````
 *
 * | kind      | body                                                                                                |
 * | --------- | --------------------------------------------------------------------------------------------------- |
 * | `help`    | what `pagewalk help …` prints                                                                        |
 * | `usage`   | the same without the options that other commands have too                                            |
 * | `options` | those: the options that reach a guest (`guest`), or choose an address space (`scope`)                |
 * | `console` | commands with what they print, on a guest of their own                                               |
 * | `example` | a program, which stays as it is                                                                      |
 * | `output`  | what the example of that name prints                                                                 |
 * | `commands` | all commands, as a table without fences                                                             |
 * | `json`    | the fields of a line of JSON, likewise; what they mean is written                                     |
 */
export interface Block {
  readonly kind: (typeof KINDS)[number];
  /** The command, the guest or the name of the example. */
  readonly argument: string;
  /** What is between the fences, or the lines of the table. */
  readonly body: string;
}

const BLOCK = /(<!-- (\w+): ?([^>]*?) ?-->\n+)(?:(```\w*\n)([\s\S]*?)(^```$)|((?:^\|.*\n)+))/gm;
const MARK = /^<!-- (\w+):.*-->$/gm;

/**
 * All blocks of a document, from its beginning.
 *
 * @throws Error for a mark of an unknown kind, and for one without a block below it: nothing would make either
 */
export function parseBlocks(text: string): Block[] {
  const blocks = [...text.matchAll(BLOCK)].map(([, , kind = '', argument = '', , fenced, , table]) => {
    const known = KINDS.find((name) => name === kind);
    if (known === undefined) throw new Error(`<!-- ${kind}: ${argument} --> is no kind of block: ${KINDS.join(', ')}`);
    return { kind: known, argument, body: fenced ?? table ?? '' };
  });
  const marks = text.match(MARK) ?? [];
  if (marks.length !== blocks.length) {
    throw new Error(`${marks.length} marks and ${blocks.length} blocks: each mark stands above a fence or a table`);
  }
  return blocks;
}

/**
 * The document with the body of each block replaced.
 *
 * @param bodies - one for each block of {@link parseBlocks}, in order
 */
export function replaceBodies(text: string, bodies: readonly string[]): string {
  let at = 0;
  return text.replaceAll(BLOCK, (_block, mark, _kind, _argument, opening = '', fenced, closing = '', table) => {
    const body = bodies[at] ?? fenced ?? table;
    at += 1;
    return `${mark}${opening}${body}${closing}`;
  });
}
