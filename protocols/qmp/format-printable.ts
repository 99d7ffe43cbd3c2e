const MAX_CHARS = 200;

/**
 * Shows text of unknown origin in a message: quoted, cut, and with every character escaped that a terminal might obey.
 *
 * @internal
 */
export function formatPrintable(text: string): string {
  const shown = JSON.stringify(text.slice(0, MAX_CHARS)).replace(
    // Everything that JSON leaves alone and that is not plain text: DEL, C1 controls, marks that turn the direction of text.
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${Buffer.of(character.charCodeAt(0) >> 8, character.charCodeAt(0) & 0xff).toString('hex')}`,
  );
  return text.length > MAX_CHARS ? `${shown} and ${text.length - MAX_CHARS} more characters` : shown;
}
