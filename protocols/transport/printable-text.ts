const QUOTED_CHARS = 200;
const SHOWN_CHARS = 400;

/** What nearly no text has: one without is looked at no closer. A search, as texts of a megabyte are looked at too. */
const SUSPECT = /[^\x20-\x7e\u00a0-\u00ac\u00ae-\u05ff\u2010-\u2027\u2030-\u205f\u2070-\ud7ff]/;
const SUSPECT_IN_LINES = /[^\n\x20-\x7e\u00a0-\u00ac\u00ae-\u05ff\u2010-\u2027\u2030-\u205f\u2070-\ud7ff]/;
/**
 * What a terminal may obey, and what makes the text around it read differently: control characters (C0, DEL, C1), format
 * characters (among them the marks that turn the direction of text), separators of lines, halves of characters.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * Text of unknown origin as it may be printed: each character that a terminal might obey becomes `\u009b`, which also is what
 * JSON wants there.
 *
 * @internal
 */
export function escapeUnprintable(text: string): string {
  return SUSPECT.test(text) ? text.replace(UNPRINTABLE, escapeUnits) : text;
}

/** The same for a text of several lines. @internal */
export function escapeLines(text: string): string {
  return SUSPECT_IN_LINES.test(text) ? text.split('\n').map(escapeUnprintable).join('\n') : text;
}

/** Text of unknown origin within a message, without quotes and cut to a length that a person reads. @internal */
export function printableText(text: string, maxChars: number = SHOWN_CHARS): string {
  const shown = escapeUnprintable(text.slice(0, maxChars));
  return text.length > maxChars ? `${shown} and ${text.length - maxChars} more characters` : shown;
}

/** Text of unknown origin in quotes, cut. @internal */
export function formatPrintable(text: string): string {
  const shown = escapeUnprintable(JSON.stringify(text.slice(0, QUOTED_CHARS)));
  return text.length > QUOTED_CHARS ? `${shown} and ${text.length - QUOTED_CHARS} more characters` : shown;
}

/** One escape for each UTF-16 unit: JSON has no other for characters beyond the first plane. */
function escapeUnits(character: string): string {
  const escapes = Array.from({ length: character.length }, (_, at) => escapeUnit(character.charCodeAt(at)));
  return escapes.join('');
}

/** A UTF-16 unit as JSON escapes it. @internal */
export function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
