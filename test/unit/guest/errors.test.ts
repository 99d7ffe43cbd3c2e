import { expect } from 'chai';
import * as guest from '../../../src/guest/index.ts';
import {
  GuestArchitectureError,
  GuestCpuError,
  GuestError,
  GuestMemoryError,
  GuestRunStateError,
  GuestStateError,
  GuestStubError,
  GuestUsageError,
} from '../../../src/guest/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const cause = new Error('the cause');

const EXAMPLES = {
  GuestArchitectureError: () => new GuestArchitectureError('aarch64', 'unix:/qmp'),
  GuestCpuError: () => new GuestCpuError(3, 2),
  GuestStubError: () => new GuestStubError('ERR_GUEST_STUB_BUSY', 'unix:/gdb', 'it is busy', { cause }),
  GuestMemoryError: () =>
    new GuestMemoryError('a running guest needs it', [{ provider: 'host-file', reason: 'it is not shared' }]),
  GuestRunStateError: () => new GuestRunStateError('ERR_GUEST_RESUMED', 'it was resumed', { cause }),
  GuestStateError: () => new GuestStateError('it makes no sense', { cause }),
  GuestUsageError: () => new GuestUsageError('it cannot be', { cause }),
} satisfies Record<string, () => GuestError>;

const WITHOUT_CAUSE = ['GuestArchitectureError', 'GuestCpuError', 'GuestMemoryError'];

describe('the errors of the guest layer', () => {
  it('are all tried here', () => {
    const exported = Object.keys(guest).filter((name) => name.endsWith('Error') && name !== 'GuestError');
    expect(exported.sort()).to.deep.equal(Object.keys(EXAMPLES).sort());
  });

  for (const [name, make] of Object.entries(EXAMPLES)) {
    it(`${name} has its name, code and cause`, () => {
      const error = make();
      expect(error).to.be.instanceOf(GuestError);
      expectErrorShape(error, 'GUEST', WITHOUT_CAUSE.includes(name) ? undefined : cause);
    });
  }

  it('keep their evidence', () => {
    expect(EXAMPLES.GuestArchitectureError()).to.include({ architecture: 'aarch64' });
    expect(EXAMPLES.GuestCpuError()).to.include({ cpu: 3, count: 2 });
    expect(EXAMPLES.GuestMemoryError().message).to.contain('host-file: it is not shared');
    expect(EXAMPLES.GuestStubError()).to.include({ stub: 'unix:/gdb' });
  });

  it('name the vCPUs that there are', () => {
    expect(new GuestCpuError(3, 2).message).to.equal('there is no vCPU 3: this guest has vCPUs 0 to 1');
    expect(new GuestCpuError(1, 1).message).to.equal('there is no vCPU 1: this guest has only vCPU 0');
  });
});
