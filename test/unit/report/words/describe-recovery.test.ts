import { expect } from 'chai';
import { describeRecovery, type ReportedRecovery } from '../../../../src/report/internal.ts';

const NOTHING: ReportedRecovery = {
  client: 7,
  since: '2026-01-01T00:00:00.000Z',
  resumption: 'not-asked',
  foundState: 'paused',
  physicalModeOff: null,
  stubRemoved: null,
};

describe('what a killed run had left, in words', () => {
  const CASES: readonly (readonly [Partial<ReportedRecovery>, RegExp])[] = [
    [{ resumption: 'resumed' }, /: the guest, which it had paused, is resumed$/],
    [{ resumption: 'runs', physicalModeOff: true }, /: the guest runs; the GDB stub is in virtual mode$/],
    [{ resumption: 'paused-since' }, /another client has paused it, so it stays paused \(.*"cont" resumes it\)$/],
    [{ resumption: 'unknown' }, /nothing shows whether it has run since, so it stays paused/],
    [{ resumption: 'other-state', foundState: 'postmigrate' }, /in the state "postmigrate" by now, and is left in it$/],
    [
      { resumption: 'failed', physicalModeOff: false },
      /could not be resumed .*; the physical mode .* may still be on$/,
    ],
    [{ stubRemoved: true }, /: the GDB stub that it had started is gone$/],
    [{ stubRemoved: false }, /could not be removed \("gdbserver none" removes it\)$/],
  ];

  for (const [what, words] of CASES) {
    it(JSON.stringify(what), () => {
      const text = describeRecovery({ ...NOTHING, ...what });
      expect(text).to.match(words);
      expect(text).to.match(
        /^process 7, attached since 2026-01-01T00:00:00.000Z, was killed before it could leave the guest: /,
      );
    });
  }
});
