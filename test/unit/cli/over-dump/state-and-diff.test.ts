import { expect } from 'chai';
import { buildElf } from '../../../../scripts/parsers/dumps/build-dump.ts';
import { smallGuest } from '../../../../scripts/parsers/dumps/small-guest.ts';
import { OverDump } from './over-dump.ts';

describe('cli, over a dump: state', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());

  it('shows one vCPU of them all, with where each value is from', async () => {
    const { status, out, err } = await over.run('state --cpu 2');
    expect({ status, err }).to.deep.equal({ status: 0, err: [] });
    expect(out.slice(0, 3)).to.deep.equal([
      'vCPU 2 of 3   real mode, paging off, 32-bit linear addresses, guest in a dump',
      '',
      'CS:IP         0018:fff0   linear 0x0000fff0     dump: QEMU note, rip',
    ]);
    expect(out.slice(-6)).to.deep.equal([
      '! assumed: second stage=none (the dump does not hold whether a nested guest (L2) runs)',
      '! assumed: A20=true (the dump does not hold the A20 gate)',
      '! assumed: MAXPHYADDR=52 (the dump does not hold MAXPHYADDR)',
      '! assumed: vendor=intel (the dump does not hold the vendor)',
      '! assumed: PSE-36=true (the dump does not hold CPUID.PSE-36)',
      '! assumed: 1 GB pages=true (the dump does not hold CPUID.Page1GB)',
    ]);
  });

  it('lists all vCPUs', async () => {
    expect(await over.run('state --cpu all')).to.deep.equal({
      status: 0,
      out: [
        'vCPU  mode       CPL  RIP                 CR3',
        '0     4-level    0    0x0000000200000010  0x1000',
        '1     4-level    3    0x0000000200600010  0x1000',
        '2     no paging  0    0018:fff0           -',
      ],
      err: [],
    });
    const { out } = await over.run('state --cpu all --json');
    expect(out.map((line) => JSON.parse(line))).to.deep.equal([
      { cpu: 0, mode: '4-level', cpl: 0, cr3: '0x1000', rip: '0x200000010', assumed: [] },
      { cpu: 1, mode: '4-level', cpl: 3, cr3: '0x1000', rip: '0x200600010', assumed: [] },
      { cpu: 2, mode: 'off', cpl: 0, cr3: '0x0', rip: '0xfff0', assumed: [] },
    ]);
    expect((await over.run('state --cpu all --strict')).status, 'nothing in the list is assumed').to.equal(0);
  });

  it('refuses a vCPU that is not there', async () => {
    expect(await over.run('state --cpu 3')).to.deep.equal({
      status: 3,
      out: [],
      err: ['pagewalk: there is no vCPU 3: this guest has vCPUs 0 to 2'],
    });
  });

  it('says in the list, too, which mode is assumed, and has status 4 with --strict', async () => {
    const { vcpus, ...parts } = smallGuest();
    // Neither long mode nor not: its code is of 32 bits, and mapped by nothing.
    const lost = vcpus.map((each) => ({ ...each, csFlags: 0, rip: 0x7000_0000n }));
    using unclear = new OverDump(buildElf({ ...parts, vcpus: [...vcpus, ...lost] }));
    const { status, out, err } = await unclear.run('state --cpu all --strict');
    expect(out.slice(1, 3).map((row) => row.slice(0, 14).trim())).to.deep.equal(['0     4-level', '1     4-level']);
    const notes = out.slice(3);
    expect(notes).to.have.length(1);
    expect(notes[0]).to.match(/^! assumed: vCPU 1: EFER=0xd00 \(.+\)$/);
    expect({ status, err: err.length }).to.deep.equal({ status: 4, err: 1 });
    const [first, second] = (await unclear.run('state --cpu all --json')).out.map((line) => JSON.parse(line));
    expect(first.assumed).to.deep.equal([]);
    expect(second.assumed).to.have.length(1);
    expect(second.assumed[0]).to.include({ name: 'efer', value: '0xd00', decides: true });
  });
});

describe('cli, over a dump: diff of saved maps', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());

  async function saved(name: string, words: string): Promise<string> {
    const { out } = await over.run(`map --json ${words}`);
    return over.file(name, out.map((line) => `${line}\n`).join(''));
  }

  it('finds no difference between a map and itself', async () => {
    const map = await saved('one.json', '');
    const { status, out } = await over.runBare(`diff ${map} ${map}`);
    expect({ status, out }).to.deep.equal({ status: 0, out: [] });
  });

  it('shows what another CR4 or MAXPHYADDR takes away', async () => {
    const before = await saved('before.json', '--range 0-0x2ffffffff');
    const after = await saved('after.json', '--range 0-0x2ffffffff --set MAXPHYADDR=40');
    const { status, out } = await over.runBare(`diff ${before} ${after}`);
    expect(status).to.equal(1);
    expect(out).to.have.length(1);
    expect(out[0]).to.match(/^- 0x0000000200602000-0x0000000200602fff /);
  });
});
