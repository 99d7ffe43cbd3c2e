import { expect } from 'chai';
import { OverDump } from './over-dump.ts';

/** What each line has besides the address and the marks. */
const brief = (line: string): string =>
  line
    .split('  ')
    .slice(1)
    .filter((word) => !word.startsWith('?'))
    .join('  ');

const OF_VTL = "! assumed: registers of the VTL=the vCPU's own ";

describe('cli, over a dump: hv-translate, by its flags', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());

  const OF_KERNEL = '0x200000010';
  const OF_USER = '0x200600000';
  const asked: readonly (readonly [words: string, result: string])[] = [
    [`${OF_KERNEL} --validate r`, '0x5010  Success  WB'],
    [`${OF_KERNEL} --validate x`, '0x5010  Success  WB'],
    [`${OF_KERNEL} --validate w`, '-  PrivilegeViolation'],
    [`${OF_KERNEL} --validate rwx`, '-  PrivilegeViolation'],
    [`${OF_KERNEL} --validate w --set CR0.WP=0`, '0x5010  Success  WB'],
    // CPL decides who makes the access, unless it is said.
    [`${OF_KERNEL} --validate r --cpu 1`, '-  PrivilegeViolation'],
    [`${OF_KERNEL} --validate r --cpu 1 --supervisor`, '0x5010  Success  WB'],
    [`${OF_KERNEL} --validate r --cpu 1 --privilege-exempt`, '0x5010  Success  WB'],
    [`${OF_KERNEL} --validate r --set CPL=3`, '-  PrivilegeViolation'],
    [`${OF_KERNEL} --validate r --user`, '-  PrivilegeViolation'],
    [`${OF_USER} --validate r --user --supervisor`, '0x7000  Success  WB'],
    [`${OF_USER} --validate r --user --supervisor --set CR4.SMAP=1`, '-  PrivilegeViolation'],
    [`${OF_USER} --validate x`, '0x7000  Success  WB'],
    [`${OF_USER} --validate x --set CR4.SMEP=1`, '-  PrivilegeViolation'],
    [`${OF_USER} --validate x --set CR4.SMEP=1 --privilege-exempt`, '0x7000  Success  WB'],
    [`${OF_USER} --validate r --set CR4.SMAP=1`, '-  PrivilegeViolation'],
    [`${OF_USER} --validate r --set CR4.SMAP=1 --set RFLAGS.AC=1`, '0x7000  Success  WB'],
    [`${OF_USER} --validate r --set CR4.SMAP=1 --set RFLAGS.AC=1 --enforce-smap`, '-  PrivilegeViolation'],
    [`${OF_USER} --validate r --set CR4.SMAP=1 --override-smap`, '0x7000  Success  WB'],
    [`${OF_USER} --validate r --set CR4.SMAP=1 --override-smap --enforce-smap`, '0x7000  Success  WB'],
    [`${OF_USER} --validate r --set CR4.SMAP=1 --privilege-exempt`, '0x7000  Success  WB'],
    // Rights of guest physical pages that have tables in them.
    [`${OF_KERNEL} --validate r --protect 4=-`, '-  GpaNoReadAccess  0x4'],
    [`${OF_KERNEL} --validate r --protect 3-4=w`, '-  GpaNoReadAccess  0x3'],
    [`${OF_KERNEL} --validate r --protect 4=r --protect 5-6=-`, '0x5010  Success  WB'],
    [`${OF_KERNEL} --validate r --overlay 5`, '0x5010  Success  WB  overlay'],
    [`${OF_KERNEL} --validate r --overlay 4 --overlay 6-7`, '0x5010  Success  WB'],
    [`${OF_KERNEL} --validate r --overlay 4-6`, '0x5010  Success  WB  overlay'],
    [`${OF_KERNEL} --validate r --protect 4=-@1 --vtl 0 --caller-vtl 0`, '-  Intercept'],
    [`${OF_KERNEL} --validate r --protect 4=-@1 --vtl 1`, '0x5010  Success  WB'],
    ['0x200400000 --validate r', '-  GpaUnmapped  0x9000'],
    ['1 --validate r', '-  PageNotPresent'],
    ['0x200602000 --validate r --set MAXPHYADDR=40', '-  InvalidPageTableFlags'],
  ];
  for (const [words, result] of asked) {
    it(`${words}: ${result}`, async () => {
      const { status, out } = await over.run(`hv-translate ${words} --brief`);
      expect([status, ...out.map(brief)]).to.deep.equal([result.includes('Success') ? 0 : 1, result]);
    });
  }

  it('shows trees with an empty line between two, and says which VTL was assumed', async () => {
    const { status, out, err } = await over.run(`hv-translate ${OF_KERNEL} 1 --validate r --input-vtl 1 --ex`);
    expect({ status, err }).to.deep.equal({ status: 1, err: [] });
    const empty = out.indexOf('');
    expect([out.lastIndexOf(''), out.at(-1)])
      .to.deep.equal([empty, out.at(-1)])
      .and.not.include('');
    for (const tree of [out.slice(0, empty), out.slice(empty + 1)]) {
      expect(tree[0]).to.match(/^0x0000000\d{9} {2}VALIDATE_READ.* vCPU 0, /);
      expect(tree.filter((line) => line.includes('HvCallTranslateVirtualAddressEx:'))).to.have.length(1);
      expect(tree.filter((line) => line.startsWith(OF_VTL)).map((line) => line.slice(OF_VTL.length))).to.deep.equal([
        '(no registers of VTL 1 were given: --vtl 1 --cr3 VALUE --set NAME=VALUE); the outcome depends on it',
      ]);
    }
    const given = await over.run(`hv-translate ${OF_KERNEL} --validate r --vtl 1 --cr3 0x1000`);
    expect(given.out.filter((line) => line.startsWith(OF_VTL)).map((line) => line.slice(OF_VTL.length))).to.deep.equal([
      '(VTL 1 has registers of its own, and some were given); the outcome depends on it',
    ]);
    const own = await over.run(`hv-translate ${OF_KERNEL} --validate r --vtl 0 --cr3 0x1000`);
    expect(own.out.filter((line) => line.startsWith(OF_VTL))).to.deep.equal([]);
  });

  it('gives a program one answer a line', async () => {
    const { status, out } = await over.run(`hv-translate ${OF_KERNEL} 0x200400000 --validate r --json --overlay 5`);
    const answers = out.map((line) => JSON.parse(line));
    expect(status).to.equal(1);
    expect(answers.map(({ hypercall, cpu }) => [hypercall, cpu])).to.deep.equal([
      ['HvCallTranslateVirtualAddress', 0],
      ['HvCallTranslateVirtualAddress', 0],
    ]);
    const names = answers.map(({ assumed }) => assumed.map(({ name }: { readonly name: string }) => name));
    expect(names[0]).to.include('memoryTypes');
    const list = over.file('list', `${OF_KERNEL}\n0x200400000\n`);
    const listed = await over.run(`hv-translate --from ${list} --validate r --json --overlay 5`);
    expect(listed.out.map((line) => JSON.parse(line))).to.deep.equal(answers);
  });

  it('refuses what the vCPU does not have, and what is not there', async () => {
    for (const [words, status, message] of [
      [`${OF_KERNEL} --validate r --shadow-stack`, 2, 'CET'],
      [`${OF_KERNEL} --validate r --set-page-table-bits`, 2, 'HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS: '],
      [`${OF_KERNEL} --validate r --cpu 9`, 3, 'there is no vCPU 9'],
      [`${OF_KERNEL} --validate r --set NO=1`, 2, 'NO'],
      ['--validate r --input 00', 2, '--validate was given too'],
    ] as const) {
      const ended = await over.run(`hv-translate ${words}`);
      expect([ended.status, ended.out], words).to.deep.equal([status, []]);
      expect(ended.err[0], words).to.contain(message);
    }
    // The vCPU that an input names is the input's fault; one of the command line is not.
    const third = 'ffffffffffffffff090000000000000003000000000000000000200000000000';
    const named = await over.run(`hv-translate --input ${third}`);
    expect([named.status, named.err[0]]).to.deep.equal([
      2,
      'pagewalk: HV_STATUS_INVALID_VP_INDEX: there is no vCPU 9: this guest has vCPUs 0 to 2; --cpu N takes another for VpIndex of --input',
    ]);
    expect((await over.run(`hv-translate --input ${third} --cpu 9`)).status).to.equal(3);
    expect((await over.run(`hv-translate --input ${third} --cpu 0 --brief`)).out.map(brief)).to.deep.equal([
      '-  PrivilegeViolation',
    ]);
  });

  it('has status 4 with --strict where an answer rests on what is assumed', async () => {
    const { status, err } = await over.run(`hv-translate ${OF_KERNEL} --validate r --strict`);
    expect(status).to.equal(4);
    expect(err.map((line) => line.slice(0, 36))).to.deep.equal(['pagewalk: --strict: PAT and MTRRs=PA']);
    expect((await over.run('hv-translate 1 --validate r --strict')).status).to.equal(1);
  });
});
