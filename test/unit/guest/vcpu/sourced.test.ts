import { expect } from 'chai';
import { assumed, notInUse, sourced } from '../../../../src/guest/vcpu/sourced.ts';

describe('a value with where it came from', () => {
  it('was read or given, assumed, or not used', () => {
    expect(sourced(0x10n, 'monitor', 'info registers, CR0')).to.deep.equal({
      value: 0x10n,
      from: 'monitor',
      detail: 'info registers, CR0',
    });
    expect(assumed(0, { code: 'no-qmp' })).to.deep.equal({ value: 0, from: 'assumed', cause: { code: 'no-qmp' } });
    expect(assumed('a', { code: 'left-out' }, ['b', 'c'])).to.deep.equal({
      value: 'a',
      from: 'assumed',
      cause: { code: 'left-out' },
      others: ['b', 'c'],
    });
    expect(notInUse(false, { code: 'svm-off' })).to.deep.equal({
      value: false,
      from: 'not-in-use',
      cause: { code: 'svm-off' },
    });
  });
});
