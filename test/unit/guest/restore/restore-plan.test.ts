import { expect } from 'chai';
import { afterResume, type RestorePlan } from '../../../../src/guest/restore/restore-plan.ts';

describe('what a resumed guest leaves of a plan', () => {
  it('is nothing of the pause, and all that stands', () => {
    const standing: RestorePlan = {
      qmp: 'unix:/run/vm.qmp',
      qmpFile: '1:2',
      late: { stub: 'unix:/run/vm.gdb', count: 1, wasServed: false },
      ownStub: true,
      handed: 'pagewalk-01234567',
      directory: { path: '/tmp/pagewalk-x', room: 'room' },
      journal: '/run/pagewalk/a.journal',
    };
    const pause: RestorePlan = {
      stub: 'unix:/run/vm.gdb',
      stubFile: '1:3',
      resume: true,
      ungreeted: true,
      registers: { 0: 'a' },
      handedStub: true,
    };
    expect(afterResume({ ...standing, ...pause })).to.deep.equal(standing);
    expect(afterResume(pause)).to.deep.equal({});
  });
});
