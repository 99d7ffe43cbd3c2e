import { expect } from 'chai';
import { Tally } from '../../../../../src/cli/commands/translate/tally.ts';
import { machineOf } from '../../../../../src/guest/index.ts';
import type { ReportedAssumption } from '../../../../../src/report/index.ts';
import { vcpuStateWith } from '../../../../support/fakes/sourced-state.ts';

const MAX: ReportedAssumption = {
  name: 'maxPhyAddr',
  value: '52',
  cause: { code: 'smep-not-stated' },
  decides: true,
};
const NOTHING = { faults: 0, assumed: [], deviating: null, tablesInRom: [] };

async function endOf(tally: Tally, strict = false, isWhole = true) {
  const said: string[] = [];
  const context = { complain: (line: string) => void said.push(line) };
  const status = await tally.status(strict, isWhole, context);
  return { status, said };
}

async function marksOf(tally: Tally): Promise<string[]> {
  const said: string[] = [];
  await tally.explainMarks({ complain: (line) => void said.push(line) });
  return said;
}

describe('cli/Tally', () => {
  it('has status 1 for a fault, whenever it was, and for a list that is not whole', async () => {
    const tally = new Tally();
    tally.add(NOTHING);
    expect(await endOf(tally)).to.deep.equal({ status: 0, said: [] });
    expect(await endOf(tally, false, false)).to.deep.equal({ status: 1, said: [] });
    tally.add({ ...NOTHING, faults: 2 });
    tally.add(NOTHING);
    expect(await endOf(tally)).to.deep.equal({ status: 1, said: [] });
    expect((await endOf(new Tally())).status).to.equal(0);
  });

  it('says once what decides, by what it says, and what does not decide never', async () => {
    const tally = new Tally();
    for (const assumed of [[MAX], [MAX, { ...MAX, value: '40' }], [{ ...MAX, name: 'pse36', decides: false } as const]])
      tally.add({ ...NOTHING, assumed });
    const said = await marksOf(tally);
    expect(said.map((line) => line.slice(0, 45))).to.deep.equal([
      'pagewalk: ?MAXPHYADDR: assumed: MAXPHYADDR=52',
      'pagewalk: ?MAXPHYADDR: assumed: MAXPHYADDR=40',
    ]);
    expect(said.join()).not.to.match(/pse/i);
    const { status, said: strict } = await endOf(tally, true);
    expect(status).to.equal(4);
    expect(strict.map((line) => line.slice(0, 33))).to.deep.equal([
      'pagewalk: --strict: MAXPHYADDR=52',
      'pagewalk: --strict: MAXPHYADDR=40',
    ]);
    expect(await endOf(tally)).to.deep.equal({ status: 0, said: [] });
  });

  it('says once in which ROM tables lie, and that another machine would answer otherwise', async () => {
    const machine = machineOf(vcpuStateWith({}));
    const tally = new Tally();
    tally.add({ ...NOTHING, tablesInRom: ['pc.rom', 'pc.bios'], deviating: machine });
    tally.add({ ...NOTHING, tablesInRom: ['pc.rom'] });
    const said = await marksOf(tally);
    expect(said).to.have.length(2);
    expect(said[0]).to.equal('pagewalk: page tables lie in ROM (pc.rom, pc.bios), where no A or D bit can be set');
    expect(said[1]).to.match(/^pagewalk: !/);
    expect(await marksOf(new Tally())).to.deep.equal([]);
  });
});
