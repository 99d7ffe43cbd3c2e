import { expect } from 'chai';
import { hearNews } from '../../../../src/guest/link/hear-news.ts';

describe('letting in the news', () => {
  it('takes two turns of the event loop, so that sockets have theirs between', async () => {
    const order: string[] = [];
    const news = hearNews().then(() => order.push('news'));
    setImmediate(() => {
      order.push('first turn');
      setImmediate(() => order.push('second turn'));
    });
    await news;
    expect(order).to.deep.equal(['first turn', 'news']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).to.deep.equal(['first turn', 'news', 'second turn']);
  });
});
