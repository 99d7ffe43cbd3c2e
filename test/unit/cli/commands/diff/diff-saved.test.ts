import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { runCli } from '../../../../../src/cli/index.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';
import { useScratchDirectory } from '../../../../support/live/scratch-directory.ts';

const PKRU = { name: 'pkru', value: '0x0', why: 'no QMP', decides: true };

describe('cli/diffSaved', () => {
  const scratch = useScratchDirectory();

  async function save(name: string, assumed: readonly object[]): Promise<string> {
    const heading = { kind: 'map', of: 'ranges', mode: '4-level', first: '0x0', last: '0xfff', filter: null, assumed };
    const path = scratch(name);
    await writeFile(path, `${JSON.stringify(heading)}\n{"kind":"end","complete":true}\n`);
    return path;
  }

  async function diff(...words: string[]): Promise<{ readonly status: number; readonly err: readonly string[] }> {
    const err: string[] = [];
    const status = await runCli(['diff', ...words], quietContext({ complain: (line) => err.push(line) }));
    return { status, err };
  }

  it('says what either map rests on, and with --strict refuses what may be otherwise', async () => {
    const sure = await save('sure', []);
    const unsure = await save('unsure', [PKRU]);
    const harmless = await save('harmless', [{ ...PKRU, decides: false }]);
    const assumed = 'pagewalk: assumed: PKRU=0x0 (no QMP); the outcome depends on it';
    expect(await diff(sure, unsure)).to.deep.equal({ status: 0, err: [assumed] });
    for (const files of [
      [sure, unsure],
      [unsure, sure],
      [unsure, unsure],
    ]) {
      const strict = 'pagewalk: --strict: PKRU=0x0 (no QMP); the outcome depends on it';
      expect(await diff(...files, '--strict')).to.deep.equal({ status: 4, err: [assumed, strict] });
    }
    expect(await diff(sure, sure, '--strict')).to.deep.equal({ status: 0, err: [] });
    expect((await diff(sure, harmless, '--strict')).status).to.equal(0);
  });
});
