/**
 * The human monitor ends its lines with CR LF; one vCPU's `info registers` even begins with an empty one.
 *
 * @public
 */
export function normalizeLineEnds(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

const UNKNOWN_COMMAND = "unknown command: '";
const ADVICE = 'Try "help ';
const ADVICE_END = '" for more information';
/** No command line of ours is longer. */
const MAX_COMPLAINT_CHARS = 4096;

/**
 * Whether this output is the monitor's complaint about the command line itself. HMP has no other way to report it: both
 * over QMP and over the GDB stub the complaint is ordinary output.
 *
 * - `unknown command: 'info bogus'`
 * - a reason, then `Try "help x" for more information`
 *
 * @public
 */
export function isHmpError(text: string): boolean {
  if (text.length > MAX_COMPLAINT_CHARS) return false;
  const output = normalizeLineEnds(text).trimEnd();
  if (output.startsWith(UNKNOWN_COMMAND)) return output.endsWith("'") && !output.includes('\n');
  return output.split('\n').some((line) => line.startsWith(ADVICE) && line.trimEnd().endsWith(ADVICE_END));
}
