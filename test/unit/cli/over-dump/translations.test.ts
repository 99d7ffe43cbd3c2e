import { expect } from 'chai';
import { runCli } from '../../../../src/cli/index.ts';
import { quietContext } from '../../../support/fakes/quiet-context.ts';
import { assumedOfWalk, OverDump } from './over-dump.ts';

describe('cli, over a dump: translate', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());

  it('shows each walk, and has status 1 where one faults', async () => {
    expect(await over.run('translate 0x200000010 0x200400000 1')).to.deep.equal({
      status: 1,
      out: [
        '0x0000000200000010  supervisor read   4-level paging, CR3 0x1000, vCPU 0',
        '└─ PML4[0]         0x1000: 0x0000000000002067  P RW US A',
        '   └─ PDPT[8]      0x2040: 0x0000000000003067  P RW US A',
        '      └─ PD[0]     0x3000: 0x0000000000004067  P RW US A',
        '         └─ PT[0]  0x4000: 0x0000000000005021  P RO SU A',
        '✓ 0x5010 in RAM: 4K page, read-only, supervisor, executable',
        ...assumedOfWalk(),
        '',
        '0x0000000200400000  supervisor read   4-level paging, CR3 0x1000, vCPU 0',
        '└─ PML4[0]            0x1000: 0x0000000000002067  P RW US A',
        '   └─ PDPT[8]         0x2040: 0x0000000000003067  P RW US A',
        '      └─ PD[2]        0x3010: 0x0000000009000067  P RW US A',
        '         └─ PT[0]  0x9000000: not memory                     ◄ responsible',
        '✗ INVALID_GPA: no memory holds the PTE',
        '  #PF (the architecture defines no error code for this)',
        ...assumedOfWalk(),
        '',
        '0x0000000000000001  supervisor read   4-level paging, CR3 0x1000, vCPU 0',
        '└─ PML4[0]     0x1000: 0x0000000000002067  P RW US A',
        '   └─ PDPT[0]  0x2000: 0x0000000000000000  P=0        ◄ responsible',
        '✗ NOT_PRESENT: not present: the PDPTE has P=0',
        '  #PF error code 0x0 (no bit set)',
        ...assumedOfWalk(),
      ],
      err: [],
    });
  });

  it('judges the access that is asked about', async () => {
    const { status, out } = await over.run('translate 0x200600000 --write --user');
    expect(status).to.equal(1);
    expect(out.slice(0, 7)).to.deep.equal([
      '0x0000000200600000  user write   4-level paging, CR3 0x1000, vCPU 0',
      '└─ PML4[0]         0x1000: 0x0000000000002067  P RW US A',
      '   └─ PDPT[8]      0x2040: 0x0000000000003067  P RW US A',
      '      └─ PD[3]     0x3018: 0x0000000000006067  P RW US A',
      '         └─ PT[0]  0x6000: 0x0000000000007025  P RO US A  ◄ responsible',
      '✗ PRIVILEGE_VIOLATION: user write denied by the PTE: the page is read-only (R/W=0)',
      '  #PF error code 0x7 (P W U)',
    ]);
  });

  it('says that a reserved bit is one by the MAXPHYADDR that is assumed, and has status 4 with --strict', async () => {
    const { status, out, err } = await over.run('translate 0x200602000 --user --strict');
    expect({ status, err }).to.deep.equal({
      status: 4,
      err: ['pagewalk: --strict: MAXPHYADDR=52 (the dump does not hold MAXPHYADDR); the outcome depends on it'],
    });
    expect(out.slice(-5)).to.deep.equal([
      '✓ 0x8000000007000 not in the dump: 4K page, writable, user, executable',
      ...assumedOfWalk('MAXPHYADDR'),
    ]);
    const given = await over.run('translate 0x200602000 --user --strict --brief --set MAXPHYADDR=40');
    expect(given).to.deep.equal({
      status: 1,
      out: ['0x0000000200602000  -  RESERVED_BITS  0xd  0x6010'],
      err: [],
    });
  });

  it('has a line for each page of a length', async () => {
    expect(await over.run('translate 0x200000010 --brief --length 0x8000')).to.deep.equal({
      status: 1,
      out: [
        '0x0000000200000010  0x5010  4K  r-x-',
        '0x0000000200001000  0x100000  4K  rw--  ?a20',
        '0x0000000200002000  0x9000000  4K  rw--',
        '0x0000000200003000  -  NOT_PRESENT  0x0  0x4018',
        '0x0000000200004000  0x100000  4K  rw--  ?a20',
        '0x0000000200005000  0x101000  4K  rw--  ?a20',
        '0x0000000200006000  0x102000  4K  rw--  ?a20',
        '0x0000000200007000  0x103000  4K  rw--  ?a20',
        '0x0000000200008000  -  NOT_PRESENT  0x0  0x4040',
      ],
      err: ['pagewalk: ?a20: assumed: A20=true (the dump does not hold the A20 gate); the outcome depends on it'],
    });
  });

  it('takes a list from a file, refuses one that has what is no address, and goes on after it with --keep-going', async () => {
    const list = over.file('list', '# code\n0x200000010\n\nodd\n8589934608\n');
    const refused = await over.run(`translate --from ${list} --brief`);
    expect({ ...refused, err: refused.err.slice(0, 1) }).to.deep.equal({
      status: 2,
      out: [],
      err: [`pagewalk: ${list}:4: address "odd" is not a number (hexadecimal with 0x in front, or decimal)`],
    });
    const { status, out, err } = await over.run(`translate --from ${list} --brief --keep-going`);
    expect({ status, out }).to.deep.equal({
      status: 1,
      out: ['0x0000000200000010  0x5010  4K  r-x-', '0x0000000200000010  0x5010  4K  r-x-'],
    });
    expect(err).to.have.length(1);
    expect(err[0]).to.include(':4: ').and.include('"odd"');
  });

  it('names the first of many lines that are no address, and counts the rest, also where there is no other', async () => {
    const list = over.file('junk', 'odd\n'.repeat(40));
    const { status, out, err } = await over.run(`translate --from ${list} --brief --keep-going`);
    expect({ status, out }).to.deep.equal({ status: 2, out: [] });
    expect(err.slice(0, 20).map((line) => line.split(':')[2])).to.deep.equal(
      Array.from({ length: 20 }, (_, at) => String(at + 1)),
    );
    expect(err.slice(20)).to.deep.equal([
      `pagewalk: ${list}: 20 more lines that are no address`,
      `pagewalk: there is no address in ${list}`,
      'Try: pagewalk help translate',
    ]);
    const mixed = over.file('mixed', `${'odd\n'.repeat(21)}0x200000010\n`);
    const answered = await over.run(`translate --from ${mixed} --brief --keep-going`);
    expect({ status: answered.status, out: answered.out }).to.deep.equal({
      status: 1,
      out: ['0x0000000200000010  0x5010  4K  r-x-'],
    });
    expect(answered.err.at(-1)).to.equal(`pagewalk: ${mixed}: 1 more line that is no address`);
  });

  it('prints a list that is too long to hold while it is answered, and never ahead of its reader', async () => {
    const list = over.file('long', '0x200000010\n'.repeat(90_000));
    let [printing, most, lines, prints] = [0, 0, 0, 0];
    const context = quietContext({
      print: async (text) => {
        printing += 1;
        prints += 1;
        most = Math.max(most, printing);
        lines += text.split('\n').length - 1;
        await new Promise((resolve) => setTimeout(resolve, 5));
        printing -= 1;
      },
    });
    expect(await runCli(['translate', '--from', list, '--brief', '--dump', over.dump], context)).to.equal(0);
    expect([lines, most]).to.deep.equal([90_000, 1]);
    expect(prints).to.be.greaterThan(1);
  });

  for (const [words, message] of [
    ['--pid 1 --process init', '--pid and --process exclude each other'],
    ['--cr3 0x1000 --process init', '--cr3 and --process exclude each other'],
    ['--cr3 0x1000 --pid 1 --process init', '--cr3 and --pid exclude each other'],
    ['--live', '--live asks a guest that runs'],
  ] as const) {
    it(`refuses ${words}`, async () => {
      const { status, out, err } = await over.run(`translate 0x200000010 ${words}`);
      expect({ status, out }).to.deep.equal({ status: 2, out: [] });
      expect(err[0]).to.contain(message);
    });
  }

  it('writes nothing to a dump', async () => {
    const { status, out, err } = await over.run('translate 0x200000010 --set-accessed');
    expect({ status, out }).to.deep.equal({ status: 2, out: [] });
    expect(err[0]).to.match(/dump/);
  });
});
