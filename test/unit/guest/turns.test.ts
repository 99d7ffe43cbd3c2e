import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { Turns } from '../../../src/guest/turns.ts';
import { expectRejection } from '../../support/expect-rejection.ts';

describe('steps that take turns', () => {
  function step(log: string[], name: string, result: () => void = () => {}): () => Promise<void> {
    return async () => {
      log.push(`${name} begins`);
      await nextTurn();
      log.push(`${name} ends`);
      result();
    };
  }

  it('happen one after the other', async () => {
    const [turns, log] = [new Turns(), [] as string[]];
    await Promise.all([turns.take(step(log, 'pause')), turns.take(step(log, 'resume'))]);
    expect(log).to.deep.equal(['pause begins', 'pause ends', 'resume begins', 'resume ends']);
  });

  it('give their results, and their failures to nobody else', async () => {
    const turns = new Turns();
    const failing = turns.take(() => Promise.reject(new Error('mine')));
    const next = turns.take(() => Promise.resolve('fine'));
    expect((await expectRejection(failing)).message).to.equal('mine');
    expect(await next).to.equal('fine');
  });

  it('end once, after what is under way, however often that is asked for', async () => {
    const [turns, log] = [new Turns(), [] as string[]];
    const first = turns.take(step(log, 'pause'));
    const ends = [turns.end(step(log, 'release')), turns.end(step(log, 'another release'))];
    await Promise.all([first, ...ends]);
    expect(log).to.deep.equal(['pause begins', 'pause ends', 'release begins', 'release ends']);
  });

  it('end after a step that failed, too', async () => {
    const [turns, log] = [new Turns(), [] as string[]];
    const failing = turns.take(
      step(log, 'pause', () => {
        throw new Error('no');
      }),
    );
    const end = turns.end(step(log, 'release'));
    await expectRejection(failing);
    await end;
    expect(log.at(-1)).to.equal('release ends');
  });

  it('are refused afterwards', async () => {
    const turns = new Turns();
    await turns.end(() => Promise.resolve());
    const error = await expectRejection(turns.take(() => Promise.resolve()));
    expect(error).to.have.property('code', 'ERR_GUEST_USAGE');
    expect(error.message).to.match(/detached/);
  });
});
