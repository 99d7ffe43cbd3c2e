import { expect } from 'chai';
import { terminalText } from '../../../../src/cli/io/terminal-text.ts';
import { COLOURED } from '../../../../src/report/index.ts';

describe('terminalText', () => {
  it('lets pass what the command prints itself', () => {
    const text = `0xffff_8000 → ${COLOURED.bad('not present')} … é 漢\n{"a":"b"}\n\n`;
    expect(terminalText(text)).to.equal(text);
  });

  it('lets no other control character pass, nor what turns the direction of text', () => {
    expect(terminalText('a\u001b]0;title\u0007b\u001b[2Jc\u009b31md\re\tf\u0000g\u007fh\u202ei\u2066j')).to.equal(
      'a\\u001b]0;title\\u0007b\\u001b[2Jc\\u009b31md\\u000de\\u0009f\\u0000g\\u007fh\\u202ei\\u2066j',
    );
  });

  it('keeps lines apart, with colours and without', () => {
    expect(terminalText('a\tb\nc\u0007\n')).to.equal('a\\u0009b\nc\\u0007\n');
    expect(terminalText('a\tb\n\u001b[1mc\u0007\u001b[0m\u001b[\n')).to.equal(
      'a\\u0009b\n\u001b[1mc\\u0007\u001b[0m\\u001b[\n',
    );
    expect(terminalText('\u001b')).to.equal('\\u001b');
  });

  it('leaves JSON what it was', () => {
    const value = { name: 'a\u0080\u202eb\u{e0041}', other: '\u2028' };
    const printed = terminalText(JSON.stringify(value));
    expect(JSON.parse(printed)).to.deep.equal(value);
    expect(printed).to.match(/^[\x20-\x7e]*$/);
  });
});
