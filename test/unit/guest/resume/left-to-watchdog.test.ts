import { expect } from 'chai';
import { leftToWatchdog } from '../../../../src/guest/resume/left-to-watchdog.ts';

describe('a guest that is left paused', () => {
  it('is told of with why, with what goes on, and with what to do', () => {
    const cause = new Error('the cause');
    const guarded = leftToWatchdog('unix:/run/vm.qmp', true, 'its stub does not answer', { cause });
    expect(guarded).to.include({ name: 'GuestRunStateError', code: 'ERR_GUEST_NOT_RESTORED', cause });
    expect(guarded.message).to.equal(
      'the guest behind unix:/run/vm.qmp may have been left paused, as its stub does not answer. The watchdog goes on trying for ten minutes; check it with "info status", and "cont" if it should run',
    );
    const alone = leftToWatchdog('unix:/run/vm.qmp', false, 'the way to its monitor is gone');
    expect(alone.cause).to.equal(undefined);
    expect(alone.message).to.equal(
      'the guest behind unix:/run/vm.qmp may have been left paused, as the way to its monitor is gone. Nothing goes on trying; check it with "info status", and "cont" if it should run',
    );
  });
});
