import { expect } from 'chai';
import {
  escapeLines,
  escapeUnprintable,
  formatPrintable,
  printableText,
} from '../../../protocols/transport/internal.ts';

const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe('printable text', () => {
  it('has none of the characters that a terminal obeys, and every other one', () => {
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code);
      const isObeyed = OBEYED.test(character);
      const escaped = escapeUnprintable(character);
      if (OBEYED.test(escaped) || (escaped === character) === isObeyed)
        expect.fail(`U+${code.toString(16)}: ${escaped}`);
      if (isObeyed && JSON.parse(`"${escaped}"`) !== character) expect.fail(`U+${code.toString(16)}: ${escaped}`);
    }
  });

  it('keeps lines where they may be several', () => {
    expect(escapeLines('a\u009b\nb\u202e\n')).to.equal('a\\u009b\nb\\u202e\n');
    expect(escapeUnprintable('a\nb')).to.equal('a\\u000ab');
  });

  it('is cut to what a person reads', () => {
    expect(printableText('x'.repeat(5), 3)).to.equal('xxx and 2 more characters');
    expect(formatPrintable(`"${'x'.repeat(200)}\n`)).to.equal(`"\\"${'x'.repeat(199)}" and 2 more characters`);
  });
});
