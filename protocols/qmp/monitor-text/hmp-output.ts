/**
 * The human monitor ends its lines with CR LF; one vCPU's `info registers` even begins with an empty one.
 *
 * @public
 */
export function normalizeLineEnds(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

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
  return /^unknown command: '.*'\s*$/.test(text) || /^Try "help .*" for more information\s*$/m.test(text);
}
