import { expect } from 'chai';
import { decodeMessage, encodeRequest } from '../../../protocols/qmp/message.ts';

describe('decodeMessage', () => {
  it('knows a greeting', () => {
    expect(decodeMessage('{"QMP": {"version": 1}}')).to.deep.equal({ kind: 'greeting', body: { version: 1 } });
  });

  it('knows a return, whatever is returned', () => {
    expect(decodeMessage('{"return": {}, "id": 7}')).to.deep.equal({ kind: 'return', id: 7, value: {} });
    expect(decodeMessage('{"return": null, "id": 7}')).to.deep.equal({ kind: 'return', id: 7, value: null });
  });

  it('takes only a number for an id of ours', () => {
    expect(decodeMessage('{"return": {}, "id": "7"}')).to.include({ id: undefined });
    expect(decodeMessage('{"return": {}}')).to.include({ id: undefined });
  });

  it('knows an error, with and without id', () => {
    const text = '{"id": 7, "error": {"class": "CommandNotFound", "desc": "The command bogus has not been found"}}';
    const refusal = { errorClass: 'CommandNotFound', desc: 'The command bogus has not been found' };
    expect(decodeMessage(text)).to.deep.equal({ kind: 'error', id: 7, ...refusal });
    expect(decodeMessage(text.replace('"id": 7, ', ''))).to.deep.equal({ kind: 'error', id: undefined, ...refusal });
  });

  it('keeps an error of an unknown shape as text', () => {
    expect(decodeMessage('{"id": 7, "error": "no"}')).to.deep.equal({
      kind: 'error',
      id: 7,
      errorClass: 'unknown',
      desc: '"no"',
    });
  });

  it('knows an event', () => {
    const timestamp = { seconds: 1795347214, microseconds: 907300 };
    expect(decodeMessage(JSON.stringify({ timestamp, event: 'STOP' }))).to.deep.equal({
      kind: 'event',
      event: { event: 'STOP', timestamp },
    });
  });

  it('routes nothing else', () => {
    for (const text of ['{}', '{"event": 1}', '{"id": 1}', '{"event": "X", "data": 5}']) {
      expect(decodeMessage(text), text).to.deep.equal({ kind: 'unroutable' });
    }
  });

  it('throws at what is not JSON', () => {
    expect(() => decodeMessage('{"return": inf}')).to.throw(SyntaxError);
  });
});

describe('encodeRequest', () => {
  it('leaves out arguments that there are none of', () => {
    expect(encodeRequest('stop', 3, undefined)).to.equal('{"execute":"stop","id":3}');
    expect(encodeRequest('qom-get', 4, { path: '/' })).to.equal(
      '{"execute":"qom-get","arguments":{"path":"/"},"id":4}',
    );
  });
});
