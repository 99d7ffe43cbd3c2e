import { expect } from 'chai';
import { isOurPause } from '../../../../src/guest/resume/is-our-pause.ts';

describe('the run states of a pause of ours', () => {
  it('are those of a plain pause, and of one in which the machine was reset', () => {
    const states = ['paused', 'prelaunch', 'running', 'debug', 'inmigrate', 'postmigrate', 'suspended', 'io-error', ''];
    expect(states.filter(isOurPause)).to.deep.equal(['paused', 'prelaunch']);
  });
});
