import { expect } from 'chai';
import { judgeAssumed } from '../../../../scripts/torture/wire/assumptions.ts';

const LOST = "PKRU=0x0 (QEMU's device state cannot be read here: unix:/x/qmp: qom-list: nothing came within 4000 ms)";
const IRRELEVANT = `${LOST}; the outcome does not depend on it`;
const DECISIVE = `${LOST}; the outcome depends on it`;

/** Two addresses, as `translate` answers. */
function answers(first: string, second: string): string {
  return `0x0000008000000000  user read   4-level paging\n    ${first}\n\n0x0000008000001000  user read   4-level paging\n    ${second}\n`;
}

const RIGHT = { stdout: answers('✓ 0x120000', '✓ 0x121000'), stderr: '' };

describe('an answer to a client of which a reply was lost', () => {
  it('is right when it is the undisturbed one', () => {
    expect(judgeAssumed(RIGHT, RIGHT, ['qmp'])).to.deep.equal([]);
  });

  it('is right when it adds what it had to assume', () => {
    const stdout = answers(`✓ 0x120000\n    ! assumed: ${IRRELEVANT}`, `✓ 0x121000\n    ! assumed: ${IRRELEVANT}`);
    expect(judgeAssumed({ stdout, stderr: '' }, RIGHT, ['qmp'])).to.deep.equal([]);
  });

  it('is wrong when the fault is no reason for what it assumes', () => {
    const stdout = answers(`✓ 0x120000\n    ! assumed: ${IRRELEVANT}`, '✓ 0x121000');
    const [problem, ...more] = judgeAssumed({ stdout, stderr: '' }, RIGHT, ['gdb']);
    expect(problem).to.match(/^the fault is no reason to assume PKRU=0x0/);
    expect(more).to.deep.equal([]);
    expect(judgeAssumed({ stdout, stderr: '' }, RIGHT, [])).to.have.length(1);
    const other = answers(
      '✓ 0x120000\n    ! assumed: vendor=intel (there is no QMP); the outcome does not depend on it',
      '✓ 0x121000',
    );
    expect(judgeAssumed({ stdout: other, stderr: '' }, RIGHT, ['qmp'])).to.have.length(1);
  });

  it('is wrong when it differs and says that the outcome does not depend on what it assumes', () => {
    const stdout = answers('✓ 0x120000', `✗ KEY_VIOLATION\n    ! assumed: ${IRRELEVANT}`);
    const problems = judgeAssumed({ stdout, stderr: '' }, RIGHT, ['qmp']);
    expect(problems).to.have.length(1);
    expect(problems[0]).to.match(/^the answer is another one: 0x0000008000001000/);
  });

  it('is right when it differs where it says that the outcome depends on what it assumes, and nowhere else', () => {
    const said = `✗ KEY_VIOLATION\n    ! assumed: ${DECISIVE}`;
    expect(judgeAssumed({ stdout: answers('✓ 0x120000', said), stderr: '' }, RIGHT, ['qmp'])).to.deep.equal([]);
    expect(judgeAssumed({ stdout: answers('✓ 0x999000', said), stderr: '' }, RIGHT, ['qmp'])).to.have.length(1);
    expect(judgeAssumed({ stdout: answers('✓ 0x120000', said), stderr: '' }, RIGHT, ['gdb'])).to.have.length(2);
  });

  it('is right when a map says it for all of its ranges, and wrong when ranges are missing without a word', () => {
    const range = '0x0000008000000000-0x0000008000000fff      4K  rwxu';
    const map = { stdout: `4-level paging\nlinear addresses\n${range}\n`, stderr: '' };
    const assumed = `MAXPHYADDR=40 (/machine/unattached/device[0] has no usable property "phys-bits"); the outcome depends on it`;
    const doubtful = { stdout: `4-level paging\n! assumed: ${assumed}\nlinear addresses\n`, stderr: '' };
    expect(judgeAssumed(doubtful, map, ['qmp'])).to.deep.equal([]);
    expect(judgeAssumed({ stdout: '4-level paging\nlinear addresses\n', stderr: '' }, map, ['qmp'])).to.have.length(1);
  });

  it('is right when a brief line is marked and the mark explained', () => {
    const line = '0x0000008000000000  0x120000  4K  rwxu';
    const brief = { stdout: `${line}\n`, stderr: '' };
    const other = '0x0000008000000000  -  KEY_VIOLATION  0x25  0x116000';
    const note = `pagewalk: ?PKRU: assumed: ${DECISIVE}\n`;
    expect(judgeAssumed({ stdout: `${line}  ?PKRU\n`, stderr: note }, brief, ['qmp'])).to.deep.equal([]);
    expect(judgeAssumed({ stdout: `${other}  ?PKRU\n`, stderr: note }, brief, ['qmp'])).to.deep.equal([]);
    expect(judgeAssumed({ stdout: `${other}  ?PKRU\n`, stderr: '' }, brief, ['qmp'])).to.have.length(1);
    expect(judgeAssumed({ stdout: `${other}\n`, stderr: note }, brief, ['qmp'])).to.have.length(1);
  });

  it('is wrong when it does not say any more what it rests on', () => {
    const stdout = answers(`✓ 0x120000\n    ! assumed: ${IRRELEVANT}`, '✓ 0x121000');
    expect(judgeAssumed(RIGHT, { stdout, stderr: '' }, ['qmp'])).to.have.length(1);
  });
});
