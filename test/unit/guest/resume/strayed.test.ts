import { expect } from 'chai';
import { strayed } from '../../../../src/guest/resume/strayed.ts';

describe('a guest that ran for a moment and must not have', () => {
  it('is told of with the state that it was in, and what not to do', () => {
    const error = strayed('unix:/run/vm.qmp', 'postmigrate');
    expect(error).to.include({ name: 'GuestRunStateError', code: 'ERR_GUEST_NOT_RESTORED' });
    expect(error.message).to.equal(
      'another client brought the guest behind unix:/run/vm.qmp into the state "postmigrate" in the moment in which it was resumed after our pause: it ran for that moment, and has been stopped again. If it was migrated, it runs elsewhere: do not resume it here',
    );
  });
});
