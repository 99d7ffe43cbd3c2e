import { expect } from 'chai';
import { HeldOutput } from '../../../../src/cli/io/held-output.ts';

describe('cli/HeldOutput', () => {
  it('holds what is not too much, and can forget it', async () => {
    const printed: string[] = [];
    const output = new HeldOutput({ print: (text) => void printed.push(text) }, 3);
    await output.add(['a', 'b', 'c']);
    expect({ printed, hasPrinted: output.hasPrinted }).to.deep.equal({ printed: [], hasPrinted: false });
    output.drop();
    await output.add(['d']);
    await output.flush();
    await output.flush();
    expect({ printed, hasPrinted: output.hasPrinted }).to.deep.equal({ printed: ['d'], hasPrinted: true });
  });

  it('prints beyond that, and from then on at once', async () => {
    const printed: string[] = [];
    const output = new HeldOutput({ print: (text) => void printed.push(text) }, 2);
    await output.add(['a', 'b']);
    await output.add(['c']);
    await output.add(['d']);
    expect(printed).to.deep.equal(['abc', 'd']);
  });

  it('knows of no reader that has gone where none can go', () => {
    expect(new HeldOutput({ print: () => {} }, 0).isUnread).to.equal(false);
  });

  it('waits for a reader who is behind, and notices when there is none', async () => {
    const unread = new AbortController();
    let finish = () => {};
    const print = () => new Promise<void>((resolve) => (finish = resolve));
    const output = new HeldOutput({ print, unread: unread.signal }, 0);
    let isDone = false;
    const adding = output.add(['a']).then(() => {
      isDone = true;
    });
    await new Promise(setImmediate);
    expect({ isDone, isUnread: output.isUnread }).to.deep.equal({ isDone: false, isUnread: false });
    finish();
    await adding;
    unread.abort();
    expect({ isDone, isUnread: output.isUnread }).to.deep.equal({ isDone: true, isUnread: true });
  });
});
