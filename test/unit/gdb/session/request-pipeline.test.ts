import { expect } from 'chai';
import type { GdbRequest } from '../../../../protocols/gdb/index.ts';
import { type RequestGroup, RequestPipeline } from '../../../../protocols/gdb/session/request-pipeline.ts';
import { DEFAULT_OUTSTANDING_BYTES, socketBufferBytes } from '../../../../protocols/gdb/session/socket-buffer.ts';

const CONTEXT = { endpoint: 'a fake' };

function request(payload: string, maxReplyBytes = 3, more: Partial<GdbRequest<string>> = {}): GdbRequest<string> {
  const decode = (reply: Uint8Array): string => `${payload}: ${Buffer.from(reply).toString('latin1')}`;
  return { payload, maxReplyBytes, decode, ...more };
}

function group(remaining: number): RequestGroup {
  return { remaining, result: undefined, error: undefined, resolve: () => {}, reject: () => {} };
}

const sent = (pipeline: RequestPipeline): readonly string[] =>
  pipeline.takeSendable().map((pending) => pending.request.payload);
const answer = (pipeline: RequestPipeline): void => pipeline.deliver(Buffer.from('OK'), CONTEXT);

describe('RequestPipeline', () => {
  it('sends as many as the bound holds, to the byte, and more when replies have come', () => {
    const three = socketBufferBytes(3);
    for (const [bound, first] of [
      [2 * three, ['a', 'b']],
      [2 * three - 1, ['a']],
      [3 * three - 1, ['a', 'b']],
    ] as const) {
      const pipeline = new RequestPipeline(bound);
      pipeline.add(
        ['a', 'b', 'c'].map((payload) => request(payload)),
        group(3),
        100,
      );
      expect(sent(pipeline), String(bound)).to.deep.equal(first);
      expect(sent(pipeline)).to.deep.equal([]);
      answer(pipeline);
      expect(sent(pipeline)).to.have.lengthOf(1);
    }
  });

  it('sends a request alone whose reply is above the bound', () => {
    const pipeline = new RequestPipeline(1);
    pipeline.add([request('a', 4096), request('b')], group(2), 100);
    expect(sent(pipeline)).to.deep.equal(['a']);
    answer(pipeline);
    expect(sent(pipeline)).to.deep.equal(['b']);
  });

  it('sends nothing behind one that lets the guest run, until that is answered', () => {
    const pipeline = new RequestPipeline(1_000_000);
    pipeline.add([request('a'), request('run', 3, { barrier: true }), request('b')], group(3), 100);
    expect(sent(pipeline)).to.deep.equal(['a', 'run']);
    answer(pipeline);
    expect(sent(pipeline)).to.deep.equal([]);
    answer(pipeline);
    expect(sent(pipeline)).to.deep.equal(['b']);
  });

  it('settles nothing before all replies of a flight are in', () => {
    const pipeline = new RequestPipeline(1_000_000);
    const [one, other] = [group(1), group(1)];
    pipeline.add([request('a')], one, 100);
    pipeline.add([request('b')], other, 100);
    expect(sent(pipeline)).to.deep.equal(['a', 'b']);
    expect(pipeline.outstandingCount).to.equal(2);
    answer(pipeline);
    expect(pipeline.outstandingCount).to.equal(1);
    expect(pipeline.takeSettled()).to.deep.equal([]);
    answer(pipeline);
    expect(pipeline.takeSettled()).to.deep.equal([one, other]);
    expect([one.result, other.result]).to.deep.equal(['a: OK', 'b: OK']);
    expect(pipeline.takeSettled()).to.deep.equal([]);
  });

  it('settles a group when the last of its requests is answered', () => {
    const pipeline = new RequestPipeline(1);
    const both = group(2);
    pipeline.add([request('a'), request('b')], both, 100);
    sent(pipeline);
    answer(pipeline);
    expect(pipeline.takeSettled()).to.deep.equal([]);
    sent(pipeline);
    answer(pipeline);
    expect(pipeline.takeSettled()).to.deep.equal([both]);
  });

  it('gives back all groups that are not settled, and is empty then', () => {
    const pipeline = new RequestPipeline(2 * socketBufferBytes(3));
    const groups = [group(1), group(1), group(1)];
    for (const [at, each] of groups.entries()) pipeline.add([request(String(at))], each, 100);
    sent(pipeline);
    answer(pipeline);
    expect(pipeline.clear()).to.deep.equal(new Set(groups));
    expect(pipeline.outstandingCount).to.equal(0);
    expect(sent(pipeline)).to.deep.equal([]);
    pipeline.add([request('a'), request('b'), request('c')], group(3), 100);
    expect(sent(pipeline)).to.deep.equal(['a', 'b']);
  });
});

describe('what an unread reply takes of a socket buffer', () => {
  // Hexadecimal: two characters for each byte that is read.
  const repliesIn = (bufferBytes: number, readBytes: number): number =>
    Math.floor(bufferBytes / socketBufferBytes(2 * readBytes));

  it('is a little more than was measured: QEMU must not block', () => {
    const measured: readonly (readonly [readBytes: number, replies: number])[] = [
      [8, 140],
      [200, 105],
      [500, 71],
      [1000, 43],
      [2048, 39],
    ];
    expect(measured.map(([readBytes]) => repliesIn(212_992, readBytes))).to.deep.equal([138, 104, 69, 41, 37]);
    for (const [readBytes, replies] of measured) expect(repliesIn(212_992, readBytes)).to.be.below(replies);
    expect([8, 2048].map((readBytes) => repliesIn(DEFAULT_OUTSTANDING_BYTES, readBytes))).to.deep.equal([118, 32]);
  });

  it('goes to pages from the byte on that the head of a buffer does not hold', () => {
    // `+` by itself, then the packet with its four bytes of framing.
    const plus = 256 + 512;
    expect(socketBufferBytes(0)).to.equal(plus + 256 + 512);
    expect(socketBufferBytes(188)).to.equal(plus + 256 + 512);
    expect(socketBufferBytes(189)).to.equal(plus + 256 + 1024);
    expect(socketBufferBytes(3772)).to.equal(plus + 256 + 4096);
    expect(socketBufferBytes(3773)).to.equal(plus + plus + 4096);
    expect(socketBufferBytes(3772 + 4096)).to.equal(plus + plus + 4096);
    expect(socketBufferBytes(3773 + 4096)).to.equal(plus + plus + 2 * 4096);
  });
});
