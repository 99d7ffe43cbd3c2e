import { expect } from 'chai';
import { didYouMean } from '../../../../src/cli/options/did-you-mean.ts';

const OPTIONS = ['--from', '--keep-going', '--set-accessed', '--set-dirty', '--force-set-accessed', '--cr3'];

describe('cli/didYouMean', () => {
  for (const [given, meant] of [
    ['--form', '--from'],
    ['--cr2', '--cr3'],
    ['--set-acessed', '--set-accessed'],
    ['--set-ditry', '--set-dirty'],
    ['--KEEP-GOING', '--keep-going'],
    ['--keepgoing', '--keep-going'],
    ['--force', '--force-set-accessed'],
  ] as const) {
    it(`${given} is ${meant}`, () => {
      expect(didYouMean(given, OPTIONS)).to.equal(`; did you mean ${meant}?`);
    });
  }

  for (const given of ['--colour', '-w', '--toString', '', '--xyzzy']) {
    it(`${JSON.stringify(given)} is nothing that is known`, () => {
      expect(didYouMean(given, OPTIONS)).to.equal('');
    });
  }

  it('a beginning that two names share is neither', () => {
    expect(didYouMean('--set-', OPTIONS)).to.equal('');
  });

  it('a list without names has no nearest', () => {
    expect(didYouMean('w', [])).to.equal('');
  });

  it('a third of the letters may be wrong, missing, too many or swapped, and no more', () => {
    const near = (given: string, known: string): boolean => didYouMean(given, [known]) !== '';
    for (const [given, three, four] of [
      ['abcdefghi', 'xbcdxfghx', 'xbcdxfxhx'],
      ['abcdefghi', 'axbycdzefghi', 'axbycdzefghwi'],
      ['abcdefghi', 'xyzabcdefghi', 'wxyzabcdefghi'],
      ['abcdefghi', 'bdefgh', 'bdegh'],
      ['abcdefghi', 'badcefgih', 'badcfegih'],
      ['abcdefghi', 'bacdefxghi9', 'bacdefxgh9i8'],
    ] as const) {
      expect([near(given, three), near(given, four)], `${given} ${three} ${four}`).to.deep.equal([true, false]);
    }
    expect([near('abcdef', 'abcdxy'), near('abcde', 'abcxy'), near('ab', 'ba'), near('ab', 'xy')]).to.deep.equal([
      ...[true, false, true, false],
    ]);
    // Letters that are swapped and not side by side are two that are wrong.
    expect([near('abc', 'cba'), near('a', 'b'), near('', 'a'), near('', 'ab')]).to.deep.equal([
      ...[false, true, true, false],
    ]);
  });

  it('the nearest is meant, and of several the first', () => {
    expect(didYouMean('abcdef', ['abcdxy', 'abcdex', 'xbcdef'])).to.equal('; did you mean abcdex?');
    expect(didYouMean('ABCDEX', ['abcdef'])).to.equal('; did you mean abcdef?');
    expect(didYouMean('abcdef', ['ABCDEX'])).to.equal('; did you mean ABCDEX?');
  });

  it('a beginning of three letters is enough, if one name alone begins so', () => {
    expect(didYouMean('bri', ['Bright-lights', 'dark'])).to.equal('; did you mean Bright-lights?');
    expect(didYouMean('BRI', ['bright-lights', 'dark'])).to.equal('; did you mean bright-lights?');
    expect(didYouMean('br', ['bright-lights', 'dark'])).to.equal('');
    expect(didYouMean('bri', ['bright-lights', 'brilliance'])).to.equal('');
  });
});
