import { expect } from 'chai';
import { PendingRequests } from '../../../protocols/qmp/pending-requests.ts';

const NEVER = { timeoutMs: 60_000, makeError: (label: string) => new Error(`late: ${label}`) };

function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `resolved with ${String(value)}`,
    (error: Error) => error.message,
  );
}

describe('PendingRequests', () => {
  it('gives each request a number and its own reply', async () => {
    const pending = new PendingRequests();
    const [first, second] = [pending.create('a', NEVER), pending.create('b', NEVER)];
    expect([first.id, second.id]).to.deep.equal([1, 2]);
    expect(pending.resolve(second.id, 'two')).to.equal(true);
    expect(pending.resolve(first.id, 'one')).to.equal(true);
    expect(await Promise.all([first.reply, second.reply])).to.deep.equal(['one', 'two']);
    expect(pending.size).to.equal(0);
  });

  it('settles once', async () => {
    const pending = new PendingRequests();
    const { id, reply } = pending.create('a', NEVER);
    pending.resolve(id, 1);
    expect(pending.resolve(id, 2)).to.equal(false);
    expect(pending.reject(id, () => new Error('no'))).to.equal(false);
    expect(await reply).to.equal(1);
  });

  it('does not know strangers', () => {
    expect(new PendingRequests().resolve(1, null)).to.equal(false);
  });

  it('rejects with an error that names the request and shows who made it', async () => {
    const pending = new PendingRequests();
    async function theCaller(): Promise<unknown> {
      return pending.create('stop', NEVER).reply;
    }
    const reply = theCaller();
    setImmediate(() => pending.reject(1, (label) => new RangeError(`refused: ${label}`)));
    const error = await reply.catch((reason: Error) => reason);
    expect(error).to.be.instanceOf(RangeError);
    expect((error as Error).stack).to.match(/^RangeError: refused: stop\n +at .*theCaller/);
  });

  it('ends the wait in time', async () => {
    const pending = new PendingRequests();
    const endless = pending.create('cont', { ...NEVER, timeoutMs: Number.POSITIVE_INFINITY });
    const { id, reply } = pending.create('stop', { ...NEVER, timeoutMs: 5 });
    expect(await messageOf(reply)).to.equal('late: stop');
    expect(pending.resolve(id, 'too late')).to.equal(false);
    expect(pending.resolve(endless.id, 'as long as it took')).to.equal(true);
    expect(await endless.reply).to.equal('as long as it took');
  });

  it('clears all, each with an error of its own', async () => {
    const pending = new PendingRequests();
    const replies = ['a', 'b'].map((label) => messageOf(pending.create(label, NEVER).reply));
    pending.clear((label) => new Error(`closed: ${label}`));
    expect(await Promise.all(replies)).to.deep.equal(['closed: a', 'closed: b']);
    expect(pending.size).to.equal(0);
  });
});
