import { expect } from 'chai';
import { type AssumedName, isSaid } from '../../../../src/guest/vcpu/assumption.ts';

describe('an assumption', () => {
  it('is named by an answer that rests on it; what is often left out by no other', () => {
    const names: readonly AssumedName[] = ['cr0', 'pkru', 'rflags', 'cpl', 'a20', 'nested', 'moment'];
    expect(names.filter((name) => isSaid({ name, decides: true }))).to.deep.equal(names);
    expect(names.filter((name) => isSaid({ name, decides: false }))).to.deep.equal([
      ...['cr0', 'pkru', 'nested', 'moment'],
    ]);
  });
});
