import { expect } from 'chai';
import { GdbProtocolError } from '../../../../protocols/gdb/index.ts';
import { decodeStopReply, isStopReply } from '../../../../protocols/gdb/packets/stop-reply.ts';

const context = { request: 'vCont;c', endpoint: 'a fake', qemuVersion: undefined } as unknown as Parameters<
  typeof decodeStopReply
>[1];

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('decodeStopReply', () => {
  for (const [text, expected] of [
    ['T05thread:01;', { kind: 'stopped', signal: 5, cpuIndex: 0 }],
    ['T0ethread:p01.1f;', { kind: 'stopped', signal: 14, cpuIndex: 30 }],
    ['T02', { kind: 'stopped', signal: 2, cpuIndex: undefined }],
    ['T05thread:zz;', { kind: 'stopped', signal: 5, cpuIndex: undefined }],
    ['S05', { kind: 'stopped', signal: 5, cpuIndex: undefined }],
    ['W07', { kind: 'exited', status: 7 }],
    ['X09', { kind: 'exited', status: 9 }],
  ] as const) {
    it(`reads ${text}`, () => {
      expect(isStopReply(bytes(text))).to.equal(true);
      expect(decodeStopReply(bytes(text), context)).to.deep.equal({ ...expected, text });
    });
  }

  for (const text of ['', 'T', 'T5', 'S', 'W', 'X1', 'Tzz', 'T5zthread:01;', 'W-1', 'OK', 'E05', 'Q05']) {
    it(`refuses ${JSON.stringify(text)}, which would be taken for a guest that has stopped`, () => {
      expect(() => decodeStopReply(bytes(text), context)).to.throw(GdbProtocolError);
    });
  }

  it('is no reply to another request', () => {
    for (const text of ['OK', 'E22', 'm01', 'l', 'QC01', '', 'T5', '0123']) {
      expect(isStopReply(bytes(text)), text).to.equal(false);
    }
  });
});
