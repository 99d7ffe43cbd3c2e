import { escapeLines, escapeUnprintable } from '../../../protocols/transport/internal.ts';

const ESCAPE = '\u001b';

/**
 * A text as it may be printed: names, paths and messages in it come from guests, peers and files. The last look at all that
 * leaves the command; of control characters only line ends and colours of text pass.
 *
 * @internal
 */
export function terminalText(text: string): string {
  return text.includes(ESCAPE) ? text.split('\n').map(terminalLine).join('\n') : escapeLines(text);
}

/** What follows the escape where parts of our own texts are set off: Select Graphic Rendition (ECMA-48, 8.3.117). */
const STYLE = /^\[[\d;]{0,16}m/;

function terminalLine(line: string): string {
  if (!line.includes(ESCAPE)) return escapeUnprintable(line);
  const [first = '', ...others] = line.split(ESCAPE);
  const rest = others.map(
    (part) => `${STYLE.test(part) ? ESCAPE : escapeUnprintable(ESCAPE)}${escapeUnprintable(part)}`,
  );
  return `${escapeUnprintable(first)}${rest.join('')}`;
}
