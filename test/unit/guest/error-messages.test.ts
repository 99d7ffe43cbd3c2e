import { expect } from 'chai';
import { requireCpu } from '../../../src/guest/errors.ts';
import {
  type GuestAccess,
  GuestAccessError,
  GuestArchitectureError,
  GuestCpuError,
  GuestMemoryError,
  GuestRunStateError,
  GuestStateError,
  GuestStubError,
  GuestUsageError,
} from '../../../src/guest/index.ts';

const ESCAPE = String.fromCharCode(0x1b);
const cause = new Error('the cause');

describe('messages of errors of the guest layer', () => {
  it('say what cannot be read or written, and where', () => {
    const access: GuestAccess = {
      ...{ operation: 'read', space: 'virtual', address: 0x7f00_1000n, lengthBytes: 1, problemAddress: 0x7f00_1000n },
    };
    const written = { ...access, operation: 'write', space: 'physical', lengthBytes: 2 } as const;
    expect(new GuestAccessError(access, 'it is not mapped').message).to.equal(
      '1 byte at virtual address 0x7f001000 cannot be read: it is not mapped',
    );
    const error = new GuestAccessError(written, 'there is ROM', { cause });
    expect(error.message).to.equal('2 bytes at physical address 0x7f001000 cannot be written: there is ROM');
    expect([error.access, error.cause]).to.deep.equal([written, cause]);
    expect(new GuestAccessError({ ...written, lengthBytes: 0 }, '').message).to.match(/^0 bytes at /);
  });

  it('name the machine that is none, and what memory was needed for', () => {
    expect(new GuestArchitectureError('aarch64', 'unix:/qmp').message).to.equal(
      'the guest behind unix:/qmp is aarch64; only x86 guests (x86_64, i386) can be walked',
    );
    expect(new GuestMemoryError('a running guest needs it', []).message).to.equal(
      'a running guest needs it. This host does not have guest memory at hand',
    );
  });

  it('are printable, whatever they quote', () => {
    for (const error of [
      new GuestStateError('it says \u001b[31mred\nand more'),
      new GuestUsageError('it says \u001b[31mred\nand more'),
      new GuestStubError('ERR_GUEST_STUB_START', 'tcp::1234', 'it says \u001b[31mred\nand more'),
      new GuestRunStateError('ERR_GUEST_RESUMED', 'it says \u001b[31mred\nand more'),
    ]) {
      expect(error.message).to.match(/^it says /);
      expect(error.message).not.to.include(ESCAPE);
    }
  });

  it('keep what is to be matched on', () => {
    const unknown = { given: 'PKE', known: ['CR4.PKE'] };
    const usage = new GuestUsageError('there is no PKE', { unknown, cause });
    expect([usage.unknown, usage.cause]).to.deep.equal([unknown, cause]);
    expect(new GuestUsageError('it cannot be').unknown).to.equal(undefined);
    expect('cause' in new GuestUsageError('it cannot be')).to.equal(false);
    const unproven = { code: 'does-not-listen', pid: 7 } as const;
    const stub = new GuestStubError('ERR_GUEST_STUB_UNREACHABLE', 'tcp::1', 'it is not there', { unproven, cause });
    expect(stub).to.deep.include({ code: 'ERR_GUEST_STUB_UNREACHABLE', stub: 'tcp::1', unproven, cause });
    expect(new GuestStubError('ERR_GUEST_STUB_BUSY', 'tcp::1', 'it is busy').unproven).to.equal(undefined);
    const state = new GuestRunStateError('ERR_GUEST_NOT_PAUSED', 'it runs', { cause });
    expect(state).to.include({ code: 'ERR_GUEST_NOT_PAUSED', message: 'it runs', cause });
  });

  it('name the vCPUs that there are, in whatever order', () => {
    for (const [cpus, words] of [
      [[5], 'only vCPU 5'],
      [[5, 6], 'vCPUs 5 to 6'],
      [[1, 2, 3, 4], 'vCPUs 1 to 4'],
      [[1, 2, 4], 'vCPUs 1, 2 and 4'],
      [[1, 3], 'vCPUs 1 and 3'],
    ] as const) {
      expect(new GuestCpuError(0, cpus).message).to.equal(`there is no vCPU 0: this guest has ${words}`);
    }
    const cpus = [0, 2];
    requireCpu(0, cpus);
    requireCpu(2, cpus);
    for (const cpu of [1, 3, -1]) expect(() => requireCpu(cpu, cpus)).to.throw(GuestCpuError, `no vCPU ${cpu}: `);
    expect(cpus, 'which are not changed').to.deep.equal([0, 2]);
  });
});
