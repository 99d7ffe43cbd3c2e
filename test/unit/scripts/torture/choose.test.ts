import { expect } from 'chai';
import { choose, NothingChosenError } from '../../../../scripts/torture/choose.ts';
import { KILL_WAYS } from '../../../../scripts/torture/kills/kill-ways.ts';

const nameOf = ({ name }: { name: string }): string => name;

describe('a choice of what to try', () => {
  it('is everything, or what has the name and the number that were asked for', () => {
    const all = [{ name: 'cut' }, { name: 'stall' }, { name: 'cut twice' }];
    expect(choose({ what: 'kind', all, nameOf })).to.deep.equal(all);
    expect(choose({ what: 'kind', all, nameOf, named: 'cut' }).map(nameOf)).to.deep.equal(['cut', 'cut twice']);
    expect(choose({ what: 'kind', all, nameOf, named: 'cut', only: 2 }).map(nameOf)).to.deep.equal(['cut twice']);
  });

  it('is an error with the names that there are, where nothing has that name', () => {
    const choice = { what: 'way of coming to harm', all: KILL_WAYS, nameOf };
    expect(() => choose({ ...choice, named: 'a stub of its own' }))
      .to.throw(
        NothingChosenError,
        /^no way of coming to harm has "a stub of its own" in its name\. There are:\n {2}SIGKILL\n/,
      )
      .with.property('code', 'ERR_TORTURE');
    expect(() => choose({ ...choice, only: 99 })).to.throw(NothingChosenError, 'the number 99 (they are 0 to 9)');
  });
});
