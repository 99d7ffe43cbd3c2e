import { expect } from 'chai';
import { otherEndsOf } from '../../../../src/guest/found/other-ends.ts';

describe('the other ends of unix sockets', () => {
  it('are told by the last words of each row', () => {
    const rows = [
      'u_str ESTAB  0      0                                  /run/vm.qmp 111              * 222   ',
      'u_str ESTAB  0      0                                            * 222              * 111',
      'u_str ESTAB  0      0                       /run/with a space 3 * 9 333              * 444',
      'u_str LISTEN 0      1                                  /run/vm.qmp 555              * 0',
      'u_str ESTAB  0      0                                  /run/vm.qmp 666 /run/named 777',
      'u_str ESTAB  0      0                                            0              * 888',
      'u_str ESTAB  0      0                                          999              7 888',
      '999',
      '',
    ];
    expect([...otherEndsOf(rows.join('\n'))]).to.deep.equal([
      [111, 222],
      [222, 111],
      [333, 444],
      [666, 777],
    ]);
    expect([...otherEndsOf('')]).to.deep.equal([]);
  });

  it('are told by the end of a row, however long a name stands before it', () => {
    expect([...otherEndsOf(`u_str ESTAB 0 0 ${'a '.repeat(100_000)} 1 * 2`)]).to.deep.equal([[1, 2]]);
  });
});
