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
});
