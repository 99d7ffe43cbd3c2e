import { expect } from 'chai';
import fc from 'fast-check';
import { Random } from '../../../scripts/bench/guests/random.ts';
import { checkInput } from '../../../scripts/parsers/check-input.ts';
import { mutate } from '../../../scripts/parsers/mutate.ts';
import { PARSER_TARGETS } from '../../../scripts/parsers/parser-targets.ts';

const HARD_BYTES = 262_144;

describe('whatever comes from outside', () => {
  for (const target of PARSER_TARGETS) {
    describe(target.name, () => {
      it('reads what it is made for', async () => {
        for (const seed of target.seeds) expect(await checkInput(target, seed)).to.equal(undefined);
      });

      it('returns or throws its own error, for bytes of any kind', () =>
        fc.assert(
          fc.asyncProperty(fc.uint8Array({ maxLength: 512 }), async (bytes) => {
            expect(await checkInput(target, Buffer.from(bytes))).to.equal(undefined);
          }),
          { numRuns: 50 },
        ));

      it('returns or throws its own error, for what was recorded and then cut, changed and mixed', () =>
        fc.assert(
          fc.asyncProperty(fc.integer(), async (seed) => {
            expect(await checkInput(target, mutate(target.seeds, new Random(seed)))).to.equal(undefined);
          }),
          { numRuns: 100 },
        ));

      for (const [name, make] of Object.entries(target.hard)) {
        it(`comes to an end with ${name}`, async () => {
          expect(await checkInput(target, make(HARD_BYTES))).to.equal(undefined);
        });
      }
    });
  }
});
