import { expect } from 'chai';
import { OverDump } from '../../over-dump/over-dump.ts';

const INPUT = 'ffffffffffffffff000000000000000003000000000000000000200000000000';
const OUTPUT = '00000000060000000500000000000000';
const FORM = '--decode takes an output (16 bytes, of Ex 56 or more), an input (32) or a page (4096), not';

describe('cli/printDecoded', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());

  const decode = async (bytes: string, words = '') => over.runBare(`hv-translate --decode ${bytes} ${words}`);
  const kindOf = async (bytes: string, words = ''): Promise<unknown> => {
    const { status, out, err } = await decode(bytes, `--json ${words}`);
    expect({ status, err, count: out.length }, bytes.slice(0, 40)).to.deep.equal({ status: 0, err: [], count: 1 });
    return JSON.parse(out[0] ?? '').kind;
  };
  const zeros = (bytes: number): string => '00'.repeat(bytes);

  it('tells bytes by how many there are', async () => {
    expect(await kindOf(INPUT)).to.equal('input');
    expect(await kindOf(INPUT, '--ex')).to.equal('input');
    expect(await kindOf(OUTPUT)).to.equal('output');
    expect(await kindOf(OUTPUT + zeros(4096 - 16))).to.equal('output');
    expect(await kindOf(OUTPUT + zeros(4096 - 16), '--ex')).to.equal('output-ex');
    expect(await kindOf(OUTPUT + zeros(56 - 16))).to.equal('output-ex');
    expect(await kindOf(OUTPUT + zeros(64 - 16), '--ex')).to.equal('output-ex');
  });

  it('refuses bytes that are none of these, and says how many they are', async () => {
    for (const bytes of [1, 15, 17, 31, 33, 55]) {
      expect(await decode(zeros(bytes)), String(bytes)).to.deep.equal({
        ...{ status: 2, out: [] },
        err: [`pagewalk: ${FORM} ${bytes} bytes`, 'Try: pagewalk help hv-translate'],
      });
    }
    expect((await decode(OUTPUT, '--ex')).status).to.equal(0);
  });

  it('asks no guest, and refuses what would', async () => {
    for (const [words, what] of [
      ['--cpu 1', '--cpu'],
      ['--validate r', '--validate'],
      ['--set CPL=0', '--set'],
      ['--brief', '--brief'],
      ['0x1000', 'the address "0x1000"'],
    ] as const) {
      expect(await decode(OUTPUT, words), words).to.deep.equal({
        ...{ status: 2, out: [] },
        err: [`pagewalk: --decode asks no guest, and ${what} was given too`, 'Try: pagewalk help hv-translate'],
      });
    }
  });
});
