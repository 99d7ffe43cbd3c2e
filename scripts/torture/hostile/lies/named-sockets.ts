import type { Lie } from '../lie.ts';

/** Says that the stub listens where the peer would like a client to knock. */
export const stubElsewhere: Lie = {
  answer({ execute }, facts) {
    if (execute !== 'query-chardev') return undefined;
    return { value: [{ label: 'gdb', 'frontend-open': true, filename: facts['filename'] }] };
  },
};
