import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { GuestUsageError } from '../../../../src/guest/index.ts';
import { Turns } from '../../../../src/guest/link/turns.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';

describe('guest/Turns', () => {
  it('runs steps one after the other, a failed one too', async () => {
    const turns = new Turns();
    const said: string[] = [];
    const step = (name: string) => async () => {
      said.push(`${name} begins`);
      await turn();
      said.push(`${name} ends`);
      if (name === 'first') throw new Error('first failed');
      return name;
    };
    const first = expectRejection(turns.take(step('first')));
    const second = turns.take(step('second'));
    expect((await first).message).to.equal('first failed');
    expect(await second).to.equal('second');
    expect(said).to.deep.equal(['first begins', 'first ends', 'second begins', 'second ends']);
  });

  it('ends after what was taken before, once, and takes nothing more', async () => {
    const turns = new Turns();
    const said: string[] = [];
    const pause = turns.take(async () => {
      await turn();
      said.push('paused');
    });
    const leave = async () => void said.push('left');
    const ends = [turns.end(leave), turns.end(leave)];
    expect(await expectRejection(turns.take(async () => said.push('too late')))).to.be.instanceOf(GuestUsageError);
    await Promise.all([pause, ...ends]);
    expect(said).to.deep.equal(['paused', 'left']);
  });

  it('is over when what has begun is, whatever came of it', async () => {
    const turns = new Turns();
    const said: string[] = [];
    const failing = turns.take(async () => {
      await turn();
      said.push('failed');
      throw new Error('it failed');
    });
    const failure = expectRejection(failing);
    await turns.over();
    expect(said).to.deep.equal(['failed']);
    await failure;
    const ending = turns.end(async () => {
      await turn();
      said.push('ended');
      throw new Error('it failed, too');
    });
    const end = expectRejection(ending);
    await turns.over();
    expect(said).to.deep.equal(['failed', 'ended']);
    expect((await end).message).to.equal('it failed, too');
    expect((await expectRejection(turns.take(() => Promise.resolve()))).message).to.equal(
      'this guest was detached from already; attach anew',
    );
  });
});
