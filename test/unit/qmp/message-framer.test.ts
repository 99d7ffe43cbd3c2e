import { expect } from 'chai';
import { type Frame, MessageFramer } from '../../../protocols/qmp/message-framer.ts';

function frame(lines: readonly string[], maxChars?: number): Frame[] {
  const framer = new MessageFramer(maxChars);
  return lines.flatMap((line) => [...framer.push(line)]);
}

const message = (text: string): Frame => ({ kind: 'message', text });

describe('MessageFramer', () => {
  it('takes one object a line', () => {
    expect(frame(['{"return": {}}\r', '', '  {"id": 1}  '])).to.deep.equal([
      message('{"return": {}}'),
      message('{"id": 1}'),
    ]);
  });

  it('takes several objects of one line', () => {
    expect(frame(['{"a":1}{"b":{"c":2}} {"d":3}'])).to.deep.equal([
      message('{"a":1}'),
      message('{"b":{"c":2}}'),
      message('{"d":3}'),
    ]);
  });

  it('joins an object that pretty=on spreads over lines', () => {
    const lines = [
      '{',
      '    "return": [',
      '        {',
      '            "x": 1',
      '        }',
      '    ],',
      '    "id": 2',
      '}',
    ];
    expect(frame(lines)).to.deep.equal([message('{"return": [{"x": 1}],"id": 2}')]);
  });

  it('does not count braces and quotes in strings', () => {
    const text = '{"return": "} { \\" \\\\", "id": 1}';
    expect(frame([text])).to.deep.equal([message(text)]);
    expect(JSON.parse(text)).to.deep.equal({ return: '} { " \\', id: 1 });
  });

  it('keeps the blanks that strings have, and drops those between', () => {
    expect(frame(['{"a": "  x  ",', '   "b": 1}'])).to.deep.equal([message('{"a": "  x  ","b": 1}')]);
  });

  it('reports what cannot begin an object', () => {
    for (const line of ['$T02thread:01;#04', 'SSH-2.0-OpenSSH_9', '"text"', '[1]', '}']) {
      expect(frame([line]), line).to.deep.equal([{ kind: 'garbage', text: line, expected: 'a JSON object' }]);
    }
  });

  it('gives what came before the garbage', () => {
    expect(frame(['{"a":1} x'])).to.deep.equal([
      message('{"a":1}'),
      { kind: 'garbage', text: 'x', expected: 'a JSON object' },
    ]);
  });

  it('reports a string that its line ends', () => {
    expect(frame(['{"a": "x', '"}'])[0]).to.include({ kind: 'garbage', text: '{"a": "x' });
  });

  it('bounds a message in one line and over many', () => {
    expect(frame(['{"a":1}'], 7)).to.deep.equal([message('{"a":1}')]);
    expect(frame(['{"a":12}'], 7)[0]).to.include({
      kind: 'garbage',
      expected: 'a JSON object of at most 7 characters',
    });
    expect(frame(['{', '"a":', '12', '}'], 7)[0]).to.include({ kind: 'garbage', text: '{"a":12}' });
  });

  it('takes 262,144 members in each message, on one line or on many, and no more', () => {
    // The object, its member and one more for each comma.
    const lines = (members: number) => [`{"a": [`, `1${',1'.repeat(members - 2)}`, ']}'];
    const most = lines(262_144);
    expect(frame([...most, most.join(''), ...most]).map(({ kind }) => kind)).to.deep.equal(Array(3).fill('message'));
    for (const more of [lines(262_145), [lines(262_145).join('')]]) {
      expect(frame(more)[0]).to.include({ kind: 'garbage', expected: 'a JSON object of at most 262144 members' });
    }
  });

  it('says nothing of an object that has not ended', () => {
    expect(frame(['{"a": {', '"b": 1}'])).to.deep.equal([]);
  });
});
