import { hmpOf, type Lie } from '../lie.ts';

const NASTY = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u0085\u0000\r\nroot@host# ';

/** Puts into every text what a terminal would obey. */
export const controlCharacters: Readonly<Record<string, Lie>> = {
  'control-characters-in-errors': {
    answer: ({ execute, id }) =>
      execute === 'stop'
        ? { raw: `${JSON.stringify({ error: { class: 'GenericError', desc: NASTY }, id })}\r\n` }
        : undefined,
  },
  'control-characters-in-names': {
    answer: ({ execute }) =>
      execute === 'query-chardev'
        ? { value: [{ label: 'gdb', 'frontend-open': true, filename: `unix:/x${NASTY},server=on` }] }
        : undefined,
  },
  'control-characters-in-texts': {
    answer: (request) => (hmpOf(request) === '' ? undefined : { value: NASTY }),
  },
  'control-characters-in-target': {
    answer: ({ execute }) => (execute === 'query-target' ? { value: { arch: NASTY } } : undefined),
  },
};
